"""The table of verdicts: one example for each rule by which two contracts are compared.

The reference page is made from it, and a test holds each line to its word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Fragment = Mapping[str, Any]


class Example(Struct, frozen=True):
    """A change of one column `c`, of the table around it, or of the contract, and what it means.

    Attributes:
        old: fields before; of the column where `of` is column, else of the table or the contract. None: not there.
        consumer: verdict for those who read the data.
        producer: verdict for those who keep the promises.
    """

    what: str
    old: Fragment | None
    new: Fragment | None
    consumer: str
    producer: str
    of: str = "column"


def _options(**options: Any) -> Fragment:
    return {"logicalType": "integer", "logicalTypeOptions": options}


def _text(**options: Any) -> Fragment:
    return {"logicalType": "string", "logicalTypeOptions": options}


def _typed(logical: str, physical: str | None = None) -> Fragment:
    return {"logicalType": logical} | ({"physicalType": physical} if physical else {})


def _rule(**fields: Any) -> Fragment:
    return {"quality": [{"type": "library", "metric": "nullValues", **fields}]}


def _level(name: str, value: Any, **fields: Any) -> Fragment:
    return {"slaProperties": [{"property": name, "value": value, **fields}]}


def _custom(name: str, value: Any) -> Fragment:
    return {"customProperties": [{"property": name, "value": value}]}


_INTEGER: Fragment = {"logicalType": "integer"}
_STRUCT = {"logicalType": "object", "properties": [{"name": "x", "logicalType": "integer"}]}
_LIST = {"logicalType": "array", "items": {"logicalType": "integer"}}
_BREAKS, _KEEPS, _WORDS, _SAME = "breaking", "compatible", "patch", "none"

GROUPS: dict[str, tuple[Example, ...]] = {
    "Columns": (
        Example("removed", _INTEGER, None, _BREAKS, _KEEPS),
        Example("added", None, _INTEGER, _KEEPS, _BREAKS),
        Example("renamed, known by its id", {"id": "1"}, {"id": "1", "name": "d"}, _BREAKS, _BREAKS),
        Example("another column under the same name: another id", {"id": "1"}, {"id": "2"}, _BREAKS, _BREAKS),
        Example("gets an id", {}, {"id": "1"}, _WORDS, _WORDS),
        Example("a field of an object removed", _STRUCT, {**_STRUCT, "properties": []}, _BREAKS, _KEEPS),
        Example("a field of an object added", {**_STRUCT, "properties": []}, _STRUCT, _KEEPS, _BREAKS),
        Example("description", {"description": "a"}, {"description": "b"}, _WORDS, _WORDS),
        Example("business name", {}, {"businessName": "Count"}, _WORDS, _WORDS),
        Example("tags", {"tags": ["a"]}, {"tags": ["b"]}, _WORDS, _WORDS),
        Example("a default written out", {}, {"required": False, "unique": False}, _SAME, _SAME),
    ),
    "Types": (
        Example("another logical type", _typed("integer"), _typed("string"), _BREAKS, _BREAKS),
        Example("a logical type is stated", {}, _typed("integer"), _KEEPS, _BREAKS),
        Example("a logical type is no longer stated", _typed("integer"), {}, _BREAKS, _KEEPS),
        Example("integer widened", _typed("integer", "INTEGER"), _typed("integer", "BIGINT"), _KEEPS, _BREAKS),
        Example("integer narrowed", _typed("integer", "BIGINT"), _typed("integer", "INTEGER"), _BREAKS, _KEEPS),
        Example("float widened", _typed("number", "FLOAT"), _typed("number", "DOUBLE"), _KEEPS, _BREAKS),
        Example("float narrowed", _typed("number", "DOUBLE"), _typed("number", "FLOAT"), _BREAKS, _KEEPS),
        Example(
            "precision of a decimal raised, scale as before",
            _typed("number", "DECIMAL(10,2)"),
            _typed("number", "DECIMAL(12,2)"),
            _KEEPS,
            _BREAKS,
        ),
        Example(
            "another scale", _typed("number", "DECIMAL(10,2)"), _typed("number", "DECIMAL(10,3)"), _BREAKS, _BREAKS
        ),
        Example(
            "integer becomes a decimal",
            _typed("number", "INTEGER"),
            _typed("number", "DECIMAL(10,2)"),
            _BREAKS,
            _BREAKS,
        ),
        Example("date becomes a timestamp", _typed("date"), _typed("timestamp"), _BREAKS, _BREAKS),
        Example(
            "a local timestamp gets a zone",
            _typed("timestamp"),
            {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}},
            _BREAKS,
            _BREAKS,
        ),
        Example(
            "the time zone of local times is another",
            {"logicalType": "timestamp", **_custom("weft.timezone", "UTC")},
            {"logicalType": "timestamp", **_custom("weft.timezone", "Europe/Berlin")},
            _BREAKS,
            _BREAKS,
        ),
        Example(
            "items of an array are of another type",
            _LIST,
            {**_LIST, "items": {"logicalType": "string"}},
            _BREAKS,
            _BREAKS,
        ),
        Example(
            "a field of an object is of another type",
            _STRUCT,
            {**_STRUCT, "properties": [{"name": "x", "logicalType": "string"}]},
            _BREAKS,
            _BREAKS,
        ),
        Example("another unit", _custom("unit", "km"), _custom("unit", "mi"), _BREAKS, _BREAKS),
        Example("a unit is stated", {}, _custom("unit", "km"), _KEEPS, _BREAKS),
    ),
    "Nulls, keys and uniqueness": (
        Example("becomes required", {}, {"required": True}, _KEEPS, _BREAKS),
        Example("is no longer required", {"required": True}, {}, _BREAKS, _KEEPS),
        Example("becomes unique", {}, {"unique": True}, _KEEPS, _BREAKS),
        Example("is no longer unique", {"unique": True}, {}, _BREAKS, _KEEPS),
        Example("becomes the primary key", {}, {"primaryKey": True}, _KEEPS, _BREAKS),
        Example("is no longer the primary key", {"primaryKey": True}, {}, _BREAKS, _KEEPS),
    ),
    "Values": (
        Example("a minimum is stated", _INTEGER, _options(minimum=0), _KEEPS, _BREAKS),
        Example("minimum raised", _options(minimum=0), _options(minimum=1), _KEEPS, _BREAKS),
        Example("minimum lowered", _options(minimum=0), _options(minimum=-1), _BREAKS, _KEEPS),
        Example("maximum lowered", _options(maximum=9), _options(maximum=8), _KEEPS, _BREAKS),
        Example("maximum raised", _options(maximum=9), _options(maximum=10), _BREAKS, _KEEPS),
        Example("a maximum is taken away", _options(maximum=9), _INTEGER, _BREAKS, _KEEPS),
        Example("a maximum becomes exclusive", _options(maximum=9), _options(exclusiveMaximum=9), _KEEPS, _BREAKS),
        Example("an exclusive maximum is included", _options(exclusiveMaximum=9), _options(maximum=9), _BREAKS, _KEEPS),
        Example("a finer step", _options(multipleOf=5), _options(multipleOf=10), _KEEPS, _BREAKS),
        Example("another step", _options(multipleOf=5), _options(multipleOf=3), _BREAKS, _BREAKS),
        Example("longest text shortened", _text(maxLength=9), _text(maxLength=8), _KEEPS, _BREAKS),
        Example("longest text lengthened", _text(maxLength=9), _text(maxLength=10), _BREAKS, _KEEPS),
        Example("shortest text lengthened", _text(minLength=1), _text(minLength=2), _KEEPS, _BREAKS),
        Example("shortest text shortened", _text(minLength=2), _text(minLength=1), _BREAKS, _KEEPS),
        Example("a pattern is stated", _text(), _text(pattern="^a"), _KEEPS, _BREAKS),
        Example("a pattern is taken away", _text(pattern="^a"), _text(), _BREAKS, _KEEPS),
        Example("another pattern", _text(pattern="^a"), _text(pattern="^b"), _BREAKS, _BREAKS),
        Example("a value of an enumeration added", {"enum": [1]}, {"enum": [1, 2]}, _BREAKS, _KEEPS),
        Example("a value of an enumeration removed", {"enum": [1, 2]}, {"enum": [1]}, _KEEPS, _BREAKS),
        Example("an enumeration is stated", {}, {"enum": [1]}, _KEEPS, _BREAKS),
        Example("an enumeration is taken away", {"enum": [1]}, {}, _BREAKS, _KEEPS),
        Example("values of an enumeration in another order", {"enum": [1, 2]}, {"enum": [2, 1]}, _SAME, _SAME),
    ),
    "Rules and relationships": (
        Example("a quality rule added", {}, _rule(mustBe=0), _KEEPS, _BREAKS),
        Example("a quality rule taken away", _rule(mustBe=0), {}, _BREAKS, _KEEPS),
        Example("a limit lowered", _rule(mustBeLessThan=5), _rule(mustBeLessThan=3), _KEEPS, _BREAKS),
        Example("a limit raised", _rule(mustBeLessThan=3), _rule(mustBeLessThan=5), _BREAKS, _KEEPS),
        Example("an error becomes a warning", _rule(mustBe=0), _rule(mustBe=0, severity="warning"), _BREAKS, _KEEPS),
        Example("a warning becomes an error", _rule(mustBe=0, severity="warning"), _rule(mustBe=0), _KEEPS, _BREAKS),
        Example("words of a rule", _rule(mustBe=0), _rule(mustBe=0, description="never"), _WORDS, _WORDS),
        Example("a relationship added", {}, {"relationships": [{"to": "t.x"}]}, _KEEPS, _BREAKS),
        Example("a relationship taken away", {"relationships": [{"to": "t.x"}]}, {}, _BREAKS, _KEEPS),
        Example(
            "a relationship to another column",
            {"relationships": [{"to": "t.x"}]},
            {"relationships": [{"to": "t.y"}]},
            _BREAKS,
            _BREAKS,
        ),
    ),
    "Sensitivity": (
        Example("classification raised", {}, {"classification": "restricted"}, _KEEPS, _KEEPS),
        Example("classification lowered", {"classification": "restricted"}, {}, _KEEPS, _KEEPS),
        Example("an absent classification is written out", {}, {"classification": "internal"}, _SAME, _SAME),
    ),
    "The contract": (
        Example(
            "data fresher",
            _level("freshness", 2, unit="d"),
            _level("freshness", 1, unit="d"),
            _KEEPS,
            _BREAKS,
            "contract",
        ),
        Example(
            "data staler",
            _level("freshness", 1, unit="d"),
            _level("freshness", 2, unit="d"),
            _BREAKS,
            _KEEPS,
            "contract",
        ),
        Example("a service level taken away", _level("freshness", 1, unit="d"), {}, _BREAKS, _KEEPS, "contract"),
        Example("a service level added", {}, _level("availability", 99), _KEEPS, _BREAKS, "contract"),
        Example(
            "availability raised", _level("availability", 99), _level("availability", 99.9), _KEEPS, _BREAKS, "contract"
        ),
        Example(
            "end of life is another day",
            _level("endOfLife", "2027-01-01"),
            _level("endOfLife", "2028-01-01"),
            _WORDS,
            _WORDS,
            "contract",
        ),
        Example("an end of life is set", {}, _level("endOfLife", "2027-01-01"), _WORDS, _WORDS, "contract"),
        Example(
            "an end of life of our own is set", {}, _custom("weft.endOfLife", "2027-01-01"), _WORDS, _WORDS, "contract"
        ),
        Example("a successor is named", {}, _custom("weft.successor", "a.b.c@2"), _WORDS, _WORDS, "contract"),
        Example("a server removed", {"servers": [{"server": "a", "type": "s3"}]}, {}, _BREAKS, _KEEPS, "contract"),
        Example("a server added", {}, {"servers": [{"server": "a", "type": "s3"}]}, _KEEPS, _KEEPS, "contract"),
        Example(
            "a server moved",
            {"servers": [{"server": "a", "type": "s3", "location": "s3://x"}]},
            {"servers": [{"server": "a", "type": "s3", "location": "s3://y"}]},
            _BREAKS,
            _KEEPS,
            "contract",
        ),
        Example("a role removed", {"roles": [{"role": "reader"}]}, {}, _BREAKS, _KEEPS, "contract"),
        Example("a role added", {}, {"roles": [{"role": "reader"}]}, _KEEPS, _KEEPS, "contract"),
        Example("dearer", {"price": {"priceAmount": 1}}, {"price": {"priceAmount": 2}}, _BREAKS, _KEEPS, "contract"),
        Example("cheaper", {"price": {"priceAmount": 2}}, {"price": {"priceAmount": 1}}, _KEEPS, _KEEPS, "contract"),
        Example(
            "usage and limitations",
            {"description": {"usage": "a"}},
            {"description": {"usage": "b"}},
            _WORDS,
            _WORDS,
            "contract",
        ),
        Example("team and support", {}, {"team": {"name": "a"}}, _WORDS, _WORDS, "contract"),
        Example("deprecated", {"status": "active"}, {"status": "deprecated"}, _WORDS, _WORDS, "contract"),
        Example("columns in another order", {"order": "c, k"}, {"order": "k, c"}, _KEEPS, _KEEPS, "table"),
        Example(
            "columns beyond the contract are forbidden",
            _custom("weft.extraColumns", "allow"),
            _custom("weft.extraColumns", "forbid"),
            _KEEPS,
            _BREAKS,
            "contract",
        ),
        Example(
            "columns beyond the contract are allowed",
            _custom("weft.extraColumns", "forbid"),
            _custom("weft.extraColumns", "allow"),
            _BREAKS,
            _KEEPS,
            "contract",
        ),
    ),
}


def contracts(example: Example) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two documents of an example: a table `t` with a column `k`, and `c` when it is about that."""
    return _document(example, example.old), _document(example, example.new)


def _document(example: Example, fields: Fragment | None) -> dict[str, Any]:
    key: dict[str, Any] = {"name": "k", "logicalType": "string"}
    column: dict[str, Any] = {"name": "c"}
    table: dict[str, Any] = {"name": "t", "properties": [key]}
    document = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "example",
        "version": "1.2.3",
        "status": "active",
        "schema": [table],
    }
    if example.of == "contract":
        return document | dict(fields or {})
    if example.of == "table":
        by_name = {"k": key, "c": column}
        table["properties"] = [by_name[name] for name in str((fields or {})["order"]).split(", ")]
    elif fields is not None:
        table["properties"] = [key, {**column, **fields}]
    return document
