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


def _meant(url: str, kind: str = "businessDefinition") -> Fragment:
    return {"authoritativeDefinitions": [{"url": url, "type": kind}]}


def _date(form: str) -> Fragment:
    return {"logicalType": "date", "logicalTypeOptions": {"format": form}}


def _field(physical: str) -> Fragment:
    return {"logicalType": "object", "properties": [{"name": "x", **_typed("integer", physical)}]}


def _map(**value: Any) -> Fragment:
    return {"logicalType": "map", "map": {"key": {"logicalType": "string"}, "value": value}}


def _most(items: int) -> Fragment:
    return {**_LIST, "logicalTypeOptions": {"maxItems": items}}


def _two_rules() -> Fragment:
    return {"quality": [*_rule(mustBe=0)["quality"], *_rule(mustBeLessThan=9)["quality"]]}


def _sql(query: str) -> Fragment:
    return {"quality": [{"type": "sql", "query": query, "mustBe": 0}]}


def _tolerant(orphans: int) -> Fragment:
    return {"relationships": [{"to": "u.x", **_custom("weft.maxOrphans", orphans)}]}


def _role(access: str) -> Fragment:
    return {"roles": [{"role": "reader", "access": access}]}


def _tables(*names: str, **ids: str) -> Fragment:
    """Tables by name, and tables that have an id."""
    columns = [{"name": "k", "logicalType": "string"}]
    plain: list[Fragment] = [{"name": name, "properties": columns} for name in names]
    return {"schema": plain + [{"name": n, "id": number, "properties": columns} for n, number in ids.items()]}


def _on_servers(physical: str) -> Fragment:
    table = {"name": "t", "physicalName": physical, "properties": [{"name": "k", "logicalType": "string"}]}
    return {"schema": [table], "servers": [{"server": "a", "type": "postgres"}]}


_INTEGER: Fragment = {"logicalType": "integer"}
_STRUCT = {"logicalType": "object", "properties": [{"name": "x", "logicalType": "integer"}]}
_LIST = {"logicalType": "array", "items": {"logicalType": "integer"}}
_MAP = _map(**_INTEGER)
_BREAKS, _KEEPS, _WORDS, _SAME = "breaking", "compatible", "patch", "none"

GROUPS: dict[str, tuple[Example, ...]] = {
    "Columns": (
        Example("removed", _INTEGER, None, _BREAKS, _KEEPS),
        Example("added", None, _INTEGER, _KEEPS, _BREAKS),
        Example("renamed, known by its id", {"id": "1"}, {"id": "1", "name": "d"}, _BREAKS, _BREAKS),
        Example("another column under the same name: another id", {"id": "1"}, {"id": "2"}, _BREAKS, _BREAKS),
        Example("gets an id", {}, {"id": "1"}, _WORDS, _WORDS),
        Example("loses its id", {"id": "1"}, {}, _BREAKS, _BREAKS),
        Example("renamed without an id: one is gone, one has come", {}, {"name": "d"}, _BREAKS, _BREAKS),
        Example("a field of an object removed", _STRUCT, {**_STRUCT, "properties": []}, _BREAKS, _KEEPS),
        Example("a field of an object added", {**_STRUCT, "properties": []}, _STRUCT, _KEEPS, _BREAKS),
        Example("items of an array described", {"logicalType": "array"}, _LIST, _KEEPS, _BREAKS),
        Example("items of an array no longer described", _LIST, {"logicalType": "array"}, _BREAKS, _KEEPS),
        Example("the value of a map no longer described", _MAP, {**_MAP, "map": {}}, _BREAKS, _BREAKS),
        Example("description", {"description": "a"}, {"description": "b"}, _WORDS, _WORDS),
        Example("business name", {}, {"businessName": "Count"}, _WORDS, _WORDS),
        Example("tags", {"tags": ["a"]}, {"tags": ["b"]}, _WORDS, _WORDS),
        Example("deprecated", {}, {"deprecated": True}, _WORDS, _WORDS),
        Example("another business definition", _meant("a"), _meant("b"), _BREAKS, _BREAKS),
        Example("a business definition stated", {}, _meant("a"), _KEEPS, _BREAKS),
        Example("a business definition taken away", _meant("a"), {}, _BREAKS, _KEEPS),
        Example("explained at another place", _meant("a", "tutorial"), _meant("b", "tutorial"), _WORDS, _WORDS),
        Example("becomes a measure", {}, {"semanticType": "measure"}, _BREAKS, _BREAKS),
        Example("becomes a dimension", {}, {"semanticType": "dimension"}, _WORDS, _WORDS),
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
        Example("format of an integer widened", _options(format="i32"), _options(format="i64"), _KEEPS, _BREAKS),
        Example("format of an integer narrowed", _options(format="i64"), _options(format="i32"), _BREAKS, _KEEPS),
        Example("unsigned becomes signed and wider", _options(format="u32"), _options(format="i64"), _KEEPS, _BREAKS),
        Example("signed becomes unsigned", _options(format="i32"), _options(format="u32"), _BREAKS, _BREAKS),
        Example("integer becomes a float", _typed("number", "INTEGER"), _typed("number", "DOUBLE"), _BREAKS, _BREAKS),
        Example(
            "the same type under another name", _typed("integer", "int8"), _typed("integer", "BIGINT"), _SAME, _SAME
        ),
        Example(
            "precision of a decimal lowered, scale as before",
            _typed("number", "DECIMAL(12,2)"),
            _typed("number", "DECIMAL(10,2)"),
            _BREAKS,
            _KEEPS,
        ),
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
        Example("timestamp becomes a date", _typed("timestamp"), _typed("date"), _BREAKS, _BREAKS),
        Example(
            "ticks of a timestamp finer",
            _typed("timestamp", "TIMESTAMP_MS"),
            _typed("timestamp", "TIMESTAMP_NS"),
            _BREAKS,
            _BREAKS,
        ),
        Example("format of a date is another", _date("yyyy-MM-dd"), _date("dd.MM.yyyy"), _BREAKS, _BREAKS),
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
        Example(
            "items of an array widened",
            {**_LIST, "items": _typed("integer", "INTEGER")},
            {**_LIST, "items": _typed("integer", "BIGINT")},
            _KEEPS,
            _BREAKS,
        ),
        Example("a field of an object widened", _field("INTEGER"), _field("BIGINT"), _KEEPS, _BREAKS),
        Example("a field of an object narrowed", _field("BIGINT"), _field("INTEGER"), _BREAKS, _KEEPS),
        Example(
            "a field of a physical struct added",
            _typed("object", "STRUCT(x INTEGER)"),
            _typed("object", "STRUCT(x INTEGER, y INTEGER)"),
            _KEEPS,
            _BREAKS,
        ),
        Example("values of a map are of another type", _MAP, _map(logicalType="string"), _BREAKS, _BREAKS),
        Example(
            "values of a map widened",
            _map(logicalType="integer", physicalType="INTEGER"),
            _map(logicalType="integer", physicalType="BIGINT"),
            _KEEPS,
            _BREAKS,
        ),
        Example("values of a map may be null", _map(**_INTEGER, required=True), _map(**_INTEGER), _BREAKS, _KEEPS),
        Example(
            "dimensions of a vector are others",
            {"logicalType": "vector", "logicalTypeOptions": {"dimensions": 3}},
            {"logicalType": "vector", "logicalTypeOptions": {"dimensions": 4}},
            _BREAKS,
            _BREAKS,
        ),
        Example(
            "the time zone UTC written out",
            {"logicalType": "timestamp"},
            {"logicalType": "timestamp", **_custom("weft.timezone", "UTC")},
            _WORDS,
            _WORDS,
        ),
        Example("another unit", _custom("unit", "km"), _custom("unit", "mi"), _BREAKS, _BREAKS),
        Example("a unit is stated", {}, _custom("unit", "km"), _KEEPS, _BREAKS),
        Example("a unit is no longer stated", _custom("unit", "km"), {}, _BREAKS, _KEEPS),
    ),
    "Nulls, keys and uniqueness": (
        Example("becomes required", {}, {"required": True}, _KEEPS, _BREAKS),
        Example("is no longer required", {"required": True}, {}, _BREAKS, _KEEPS),
        Example("becomes unique", {}, {"unique": True}, _KEEPS, _BREAKS),
        Example("is no longer unique", {"unique": True}, {}, _BREAKS, _KEEPS),
        Example("becomes the primary key", {}, {"primaryKey": True}, _KEEPS, _BREAKS),
        Example("is no longer the primary key", {"primaryKey": True}, {}, _BREAKS, _KEEPS),
        Example(
            "joins the primary key of another column",
            {"key": "k"},
            {"key": "k, c"},
            _BREAKS,
            _BREAKS,
            "table",
        ),
        Example("leaves the primary key to another column", {"key": "k, c"}, {"key": "k"}, _BREAKS, _BREAKS, "table"),
        Example("columns of the key in another order", {"key": "k, c"}, {"key": "c, k"}, _SAME, _SAME, "table"),
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
        Example(
            "above 0 instead of from 1, of an integer", _options(minimum=1), _options(exclusiveMinimum=0), _SAME, _SAME
        ),
        Example("longest text shortened", _text(maxLength=9), _text(maxLength=8), _KEEPS, _BREAKS),
        Example("longest text lengthened", _text(maxLength=9), _text(maxLength=10), _BREAKS, _KEEPS),
        Example("shortest text lengthened", _text(minLength=1), _text(minLength=2), _KEEPS, _BREAKS),
        Example("shortest text shortened", _text(minLength=2), _text(minLength=1), _BREAKS, _KEEPS),
        Example("a shortest text of 0 taken away", _text(minLength=0), _text(), _SAME, _SAME),
        Example(
            "longest text lengthened by the physical type",
            _typed("string", "varchar(9)"),
            _typed("string", "varchar(10)"),
            _BREAKS,
            _KEEPS,
        ),
        Example("the format of a text is stated", _text(), _text(format="email"), _KEEPS, _BREAKS),
        Example("the format of a text is taken away", _text(format="email"), _text(), _BREAKS, _KEEPS),
        Example("another format of a text", _text(format="email"), _text(format="uri"), _BREAKS, _BREAKS),
        Example("an array may hold more", _most(2), _most(3), _BREAKS, _KEEPS),
        Example("an array may hold less", _most(3), _most(2), _KEEPS, _BREAKS),
        Example("a pattern is stated", _text(), _text(pattern="^a"), _KEEPS, _BREAKS),
        Example("a pattern is taken away", _text(pattern="^a"), _text(), _BREAKS, _KEEPS),
        Example("another pattern", _text(pattern="^a"), _text(pattern="^b"), _BREAKS, _BREAKS),
        Example("a value of an enumeration added", {"enum": [1]}, {"enum": [1, 2]}, _BREAKS, _KEEPS),
        Example("a value of an enumeration removed", {"enum": [1, 2]}, {"enum": [1]}, _KEEPS, _BREAKS),
        Example("an enumeration is stated", {}, {"enum": [1]}, _KEEPS, _BREAKS),
        Example("an enumeration is taken away", {"enum": [1]}, {}, _BREAKS, _KEEPS),
        Example("values of an enumeration in another order", {"enum": [1, 2]}, {"enum": [2, 1]}, _SAME, _SAME),
        Example(
            "a value of a physical enumeration added",
            _typed("string", "ENUM('a')"),
            _typed("string", "ENUM('a', 'b')"),
            _BREAKS,
            _KEEPS,
        ),
    ),
    "Rules and relationships": (
        Example("a quality rule added", {}, _rule(mustBe=0), _KEEPS, _BREAKS),
        Example("a quality rule taken away", _rule(mustBe=0), {}, _BREAKS, _KEEPS),
        Example("a limit lowered", _rule(mustBeLessThan=5), _rule(mustBeLessThan=3), _KEEPS, _BREAKS),
        Example("a limit raised", _rule(mustBeLessThan=3), _rule(mustBeLessThan=5), _BREAKS, _KEEPS),
        Example("an error becomes a warning", _rule(mustBe=0), _rule(mustBe=0, severity="warning"), _BREAKS, _KEEPS),
        Example("a warning becomes an error", _rule(mustBe=0, severity="warning"), _rule(mustBe=0), _KEEPS, _BREAKS),
        Example("words of a rule", _rule(mustBe=0), _rule(mustBe=0, description="never"), _WORDS, _WORDS),
        Example("a rule in other words", _rule(mustBe=0), _rule(mustBeLessThan=1), _WORDS, _WORDS),
        Example(
            "a range of a rule narrowed", _rule(mustBeBetween=[2, 9]), _rule(mustBeBetween=[3, 8]), _KEEPS, _BREAKS
        ),
        Example(
            "a range that must not be hit widened",
            _rule(mustNotBeBetween=[3, 8]),
            _rule(mustNotBeBetween=[2, 9]),
            _KEEPS,
            _BREAKS,
        ),
        Example(
            "rows that may fail become a share of them",
            _rule(mustBeLessThan=5),
            _rule(mustBeLessThan=5, unit="percent"),
            _BREAKS,
            _BREAKS,
        ),
        Example("a weaker rule beside a stricter one", _rule(mustBe=0), _two_rules(), _WORDS, _WORDS),
        Example("another SQL rule", _sql("select 0"), _sql("select 1"), _BREAKS, _BREAKS),
        Example("a relationship added", {}, {"relationships": [{"to": "t.x"}]}, _KEEPS, _BREAKS),
        Example("a relationship taken away", {"relationships": [{"to": "t.x"}]}, {}, _BREAKS, _KEEPS),
        Example(
            "a relationship to another column",
            {"relationships": [{"to": "t.x"}]},
            {"relationships": [{"to": "t.y"}]},
            _BREAKS,
            _BREAKS,
        ),
        Example(
            "a relationship in the other notation",
            {"relationships": [{"to": "u.x"}]},
            {"relationships": [{"to": "/schema/u/properties/x"}]},
            _SAME,
            _SAME,
        ),
        Example("a relationship tolerates more orphans", _tolerant(1), _tolerant(2), _BREAKS, _KEEPS),
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
            "the same age in another unit",
            _level("freshness", 1, unit="d"),
            _level("freshness", 24, unit="h"),
            _WORDS,
            _WORDS,
            "contract",
        ),
        Example(
            "fresher in another unit",
            _level("freshness", 1, unit="d"),
            _level("freshness", 12, unit="h"),
            _KEEPS,
            _BREAKS,
            "contract",
        ),
        Example(
            "more often",
            _level("frequency", 2, unit="d"),
            _level("frequency", 1, unit="d"),
            _KEEPS,
            _BREAKS,
            "contract",
        ),
        Example("less complete", _level("completeness", 99), _level("completeness", 98), _BREAKS, _KEEPS, "contract"),
        Example(
            "kept longer: no row was to be older",
            _level("retention", 1, unit="y"),
            _level("retention", 2, unit="y"),
            _BREAKS,
            _BREAKS,
            "contract",
        ),
        Example(
            "kept shorter: older rows are gone",
            _level("retention", 2, unit="y"),
            _level("retention", 1, unit="y"),
            _BREAKS,
            _BREAKS,
            "contract",
        ),
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
        Example(
            "a role approved by another",
            {"roles": [{"role": "reader", "firstLevelApprovers": "a"}]},
            {"roles": [{"role": "reader", "firstLevelApprovers": "b"}]},
            _WORDS,
            _WORDS,
            "contract",
        ),
        Example("a role with another access", _role("write"), _role("read"), _BREAKS, _KEEPS, "contract"),
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
        Example("a table removed", _tables("t", "u"), _tables("t"), _BREAKS, _KEEPS, "contract"),
        Example("a table added", _tables("t"), _tables("t", "u"), _KEEPS, _BREAKS, "contract"),
        Example(
            "a table renamed, known by its id", _tables("t", u="1"), _tables("t", v="1"), _BREAKS, _BREAKS, "contract"
        ),
        Example("the only table is called otherwise", _tables("t"), _tables("u"), _WORDS, _WORDS, "contract"),
        Example(
            "the table is called otherwise on its servers",
            _on_servers("a"),
            _on_servers("b"),
            _BREAKS,
            _BREAKS,
            "contract",
        ),
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
        by_name, said = {"k": key, "c": {**column, "required": True}}, fields or {}
        table["properties"] = [by_name[name] for name in str(said.get("order", "k, c")).split(", ")]
        for position, name in enumerate(str(said.get("key", "")).split(", "), start=1):
            if name:
                by_name[name] |= {"primaryKey": True, "primaryKeyPosition": position}
    elif fields is not None:
        table["properties"] = [key, {**column, **fields}]
    return document
