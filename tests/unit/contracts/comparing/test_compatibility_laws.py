"""Laws of comparing contracts, over generated contracts and small steps from one to the next."""

from __future__ import annotations

import copy
import itertools
import random
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.support import a_contract
from weft.contracts.comparing.compatibility import Comparison, changes, for_producers
from weft.contracts.conditions import OPERATORS

Entry = dict[str, Any]
LEVELS = ("none", "patch", "compatible", "breaking")
_BOTH_WAYS = {"classification", "order", "partitioned", "partitionKeyPosition", "server", "role", "price", "setting"}
"""Kinds whose change may ask nothing of anybody, whichever way it goes."""


def rank(found: Comparison) -> int:
    return LEVELS.index(found.verdict)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Entry]:
    return st.fixed_dictionaries({}, optional=fields)


def custom(name: str, *values: Any) -> st.SearchStrategy[list[Entry]]:
    return st.sampled_from([[{"property": name, "value": v}] for v in values])


QUALITY = st.lists(
    st.builds(
        lambda rule, operator, bound: {**rule, operator: [bound, bound + 2] if "Between" in operator else bound},
        st.fixed_dictionaries(
            {"metric": st.sampled_from(["nullValues", "invalidValues"])},
            optional={
                "severity": st.sampled_from(["error", "warning", "note"]),
                "unit": st.sampled_from(["rows", "percent"]),
                "arguments": st.sampled_from([{"validValues": [1, 2]}, {"validValues": [1]}, {"pattern": "a"}]),
                "description": st.sampled_from(["x", "y"]),
            },
        ),
        st.sampled_from(
            OPERATORS,
        ),
        st.integers(0, 2),
    ),
    max_size=2,
)
PLAIN: dict[str, st.SearchStrategy[Any]] = {
    "description": st.sampled_from(["x", "y"]),
    "required": st.booleans(),
    "unique": st.booleans(),
    "classification": st.sampled_from(["public", "internal", "restricted"]),
    "quality": QUALITY,
    "authoritativeDefinitions": st.lists(
        st.fixed_dictionaries(
            {"url": st.sampled_from(["u", "v"]), "type": st.sampled_from(["businessDefinition", "implementation"])}
        ),
        max_size=2,
    ),
}
NUMBER = some(
    logicalType=st.sampled_from(["integer", "number"]),
    physicalType=st.sampled_from(["INTEGER", "BIGINT", "UINTEGER", "DOUBLE", "FLOAT", "DECIMAL(10,2)", "DECIMAL(9,2)"]),
    logicalTypeOptions=some(
        minimum=st.integers(0, 2),
        exclusiveMinimum=st.integers(0, 2),
        maximum=st.sampled_from([3, 4, 4.5]),
        exclusiveMaximum=st.integers(3, 5),
        multipleOf=st.sampled_from([1, 2, 4]),
        format=st.sampled_from(["i32", "i64", "u32", "f32"]),
    ),
    enum=st.lists(st.sampled_from([1, 2, 3]), min_size=1, max_size=2, unique=True),
    customProperties=custom("unit", "km", "mi"),
    **PLAIN,
)
TEXT = some(
    logicalType=st.just("string"),
    physicalType=st.sampled_from(["varchar", "varchar(10)", "VARCHAR(20)", "ENUM('a')", "ENUM('a', 'b')"]),
    logicalTypeOptions=some(
        minLength=st.integers(0, 2),
        maxLength=st.integers(8, 12),
        pattern=st.sampled_from(["a", "b"]),
        format=st.sampled_from(["email", "uri"]),
    ),
    **PLAIN,
)
MOMENT = some(
    logicalType=st.sampled_from(["timestamp", "date", "time"]),
    physicalType=st.sampled_from(["TIMESTAMP", "TIMESTAMPTZ"]),
    logicalTypeOptions=some(timezone=st.booleans(), minimum=st.sampled_from(["2020-01-01", "2021-01-01T00:00:00Z"])),
    customProperties=custom("weft.timezone", "UTC", "Europe/Berlin"),
    **PLAIN,
)
LEAF = st.one_of(NUMBER, TEXT, MOMENT)


def named(entries: st.SearchStrategy[Entry], names: str) -> st.SearchStrategy[list[Entry]]:
    def one(drawn: tuple[Entry, str, str | None]) -> Entry:
        entry, name, number = drawn
        return {**entry, "name": name} | ({"id": number} if number else {})

    each = st.tuples(entries, st.sampled_from(sorted(names)), st.sampled_from([None, None, "1", "2"])).map(one)
    return st.lists(each, max_size=3, unique_by=(lambda e: e["name"], lambda e: e.get("id", e["name"])))


def nested(inner: st.SearchStrategy[Entry]) -> st.SearchStrategy[Entry]:
    part = some(key=LEAF, value=inner)
    return st.one_of(
        st.builds(
            lambda fields, rest: {**rest, "logicalType": "object", "properties": fields}, named(inner, "xy"), RARE
        ),
        st.builds(
            lambda items, most: {"logicalType": "array", "items": items, "logicalTypeOptions": most},
            inner,
            some(maxItems=st.integers(1, 3), uniqueItems=st.booleans(), minItems=st.integers(0, 1)),
        ),
        st.builds(lambda parts: {"logicalType": "map", "map": parts}, part),
    )


RARE = some(**PLAIN)
COLUMN = st.one_of(LEAF, st.recursive(LEAF, nested, max_leaves=4))
KEYED = st.builds(
    lambda entry, extra: {**entry, **extra},
    COLUMN,
    some(
        primaryKey=st.booleans(),
        relationships=st.lists(
            st.builds(
                lambda to, orphans: {
                    "to": to,
                    "customProperties": [{"property": "weft.maxOrphans", "value": orphans}],
                },
                st.sampled_from(["o.id", "/schema/o/properties/id", "o.other"]),
                st.integers(0, 1),
            ),
            max_size=1,
        ),
    ),
)
LEVEL = st.fixed_dictionaries(
    {
        "property": st.sampled_from(["freshness", "latency", "availability", "retention"]),
        "value": st.sampled_from([1, 2, 24, "48"]),
        "unit": st.sampled_from(["d", "h", "hours", "y"]),
    },
    optional={"element": st.sampled_from(["t.a", "a", "b"])},
)
CONTRACT = st.fixed_dictionaries(
    {"columns": named(KEYED, "abc")},
    optional={
        "quality": QUALITY,
        "slaProperties": st.lists(LEVEL, max_size=2),
        "customProperties": st.one_of(
            custom("weft.timezone", "UTC", "Europe/Berlin"), custom("weft.extraColumns", "allow", "warn", "forbid")
        ),
        "servers": st.lists(
            st.builds(
                lambda server, location: {"server": server, "type": "s3", "location": location},
                st.sampled_from(["p", "q"]),
                st.sampled_from(["x", "y"]),
            ),
            max_size=2,
            unique_by=lambda s: s["server"],
        ),
        "roles": st.lists(st.sampled_from([{"role": "r"}, {"role": "s"}]), max_size=2, unique_by=lambda r: r["role"]),
        "price": st.builds(lambda amount: {"priceAmount": amount, "priceCurrency": "EUR"}, st.integers(0, 2)),
        "description": st.sampled_from([{"usage": "x"}, {"usage": "y"}]),
        "status": st.sampled_from(["active", "deprecated"]),
    },
)


def made(version: Entry) -> Any:
    rest = {k: v for k, v in version.items() if k not in ("columns", "quality")}
    table = {"quality": version["quality"]} if "quality" in version else {}
    return a_contract(*version["columns"], table=table, **rest)


@st.composite
def versions(draw: st.DrawFn, count: int) -> list[Entry]:
    """Versions, each a small step from the one before: independent ones would hardly ever be compatible."""
    found = [draw(CONTRACT)]
    for _ in range(count - 1):
        version = copy.deepcopy(found[-1])
        for _ in range(draw(st.integers(0, 2))):
            fresh = draw(CONTRACT)
            name = draw(st.sampled_from(sorted(fresh)))
            if name != "columns" or not version["columns"] or not fresh["columns"]:
                version[name] = fresh[name]
                continue
            column, other = draw(st.sampled_from(version["columns"])), draw(st.sampled_from(fresh["columns"]))
            field = draw(st.sampled_from(sorted(other)))
            if field not in ("id", "name"):
                column[field] = other[field]
                if draw(st.booleans()) and isinstance(other[field], bool | dict):
                    del column[field]
        found.append(version)
    return found


@settings(max_examples=100, deadline=None)
@given(CONTRACT)
def test_a_contract_against_itself_has_no_change_for_anybody(version: Entry) -> None:
    one, same = made(version), made(copy.deepcopy(version))

    for compare in (changes, for_producers):
        assert (compare(one, same).verdict, compare(one, same).changes) == ("none", ())


@settings(max_examples=150, deadline=None)
@given(versions(3))
def test_a_step_is_never_graver_than_the_gravest_of_the_two_that_it_is_made_of(found: list[Entry]) -> None:
    """So two steps without a break break nothing; and what one step breaks, no loosening after it mends."""
    for first, second, third in itertools.permutations([made(v) for v in found]):
        direct, steps = changes(first, third), (changes(first, second), changes(second, third))

        assert rank(direct) <= max(map(rank, steps)), [c.reason for c in direct.changes]


@settings(max_examples=100, deadline=None)
@given(versions(3))
def test_what_a_step_breaks_stays_broken_when_the_next_one_restores_nothing(found: list[Entry]) -> None:
    first, second, third = (made(v) for v in found)

    if rank(changes(third, second)) < LEVELS.index("breaking"):  # the second keeps all that the third promises
        assert rank(changes(first, third)) >= (3 if rank(changes(first, second)) == 3 else 0)
    if rank(changes(second, first)) < LEVELS.index("breaking"):
        assert rank(changes(first, third)) >= (3 if rank(changes(second, third)) == 3 else 0)


def shuffled(value: Any, dice: random.Random) -> Any:
    """The same document with the keys of every mapping in another order."""
    if isinstance(value, dict):
        names = list(value)
        dice.shuffle(names)
        return {name: shuffled(value[name], dice) for name in names}
    return [shuffled(v, dice) for v in value] if isinstance(value, list) else value


@settings(max_examples=100, deadline=None)
@given(versions(2), st.randoms(use_true_random=False))
def test_the_order_of_keys_changes_nothing(found: list[Entry], dice: random.Random) -> None:
    old, new = found

    for compare in (changes, for_producers):
        assert compare(made(old), made(new)) == compare(made(shuffled(old, dice)), made(shuffled(new, dice)))


LISTS_IN_ANY_ORDER = ("columns", "quality", "slaProperties", "servers", "roles", "properties", "enum", "relationships")


def mixed(value: Any, dice: random.Random) -> Any:
    """The same document with columns, fields, rules and values in another order."""
    if isinstance(value, list):
        return [mixed(v, dice) for v in value]
    if not isinstance(value, dict):
        return value
    found = {k: mixed(v, dice) for k, v in value.items()}
    for name in LISTS_IN_ANY_ORDER:
        if isinstance(found.get(name), list):
            dice.shuffle(found[name])
    return found


@settings(max_examples=100, deadline=None)
@given(versions(2), st.randoms(use_true_random=False))
def test_the_order_of_columns_rules_and_values_changes_no_other_verdict(
    found: list[Entry], dice: random.Random
) -> None:
    old, new = (made(v) for v in found)

    other = changes(made(mixed(found[0], dice)), made(mixed(found[1], dice)))

    def facts(comparison: Comparison) -> Counter[tuple[str, str, str]]:
        return Counter((c.kind, c.path, c.verdict) for c in comparison.changes if c.kind != "order")

    assert facts(changes(old, new)) == facts(other)
    assert {c.kind for c in changes(old, made(mixed(found[0], dice))).changes} <= {"order"}


@settings(max_examples=150, deadline=None)
@given(versions(2))
def test_what_is_widened_one_way_is_narrowed_the_other(found: list[Entry]) -> None:
    old, new = (made(v) for v in found)

    there, back = changes(old, new), changes(new, old)

    assert (there.verdict == "none") == (back.verdict == "none")
    assert (there.verdict == "patch") == (back.verdict == "patch")
    if there.verdict == "compatible" and not {c.kind for c in there.changes} <= {"text", *_BOTH_WAYS}:
        assert back.verdict == "breaking", (there.changes, back.changes)
    if not {c.kind for c in there.changes} & {"server", "role", "price", "classification", "order", "identity"}:
        assert for_producers(old, new).verdict == back.verdict
