"""The same broken tables give the same checks, outcomes and counts wherever they lie: files of each format, DuckDB,
PostgreSQL, MariaDB."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest
from msgspec import Struct

import weft
from tests.conformance.targets import DATABASES, FILES, TEXT_FILES, Files, Target, opened
from weft.errors import UsageError
from weft.model.document import Document
from weft.model.odcs import Contract
from weft.model.odcs import contract as read_contract

NOW = "2026-03-01T12:00:00Z"

ORDERS = {
    "id": "integer",
    "line": "integer",
    "customer": "integer",
    "code": "varchar(40)",
    "status": "varchar(20)",
    "price": "decimal(10,2)",
    "weight": "double",
    "placed": "timestamp",
    "day": "date",
    "height": "double",
    "moment": "timestamptz",
    "agent": "varchar(20)",
}
GOOD = [
    (
        1,
        1,
        10,
        "AB-001",
        "open",
        "9.50",
        0.3,
        "2026-03-01 10:00:00",
        "2026-03-01",
        0.0,
        "2026-03-01 10:00:00+00:00",
        "Ada",
    ),
    (
        1,
        2,
        11,
        "AB-002",
        "paid",
        "0.10",
        0.7,
        "2026-02-28 10:00:00",
        "2026-02-28",
        1.8,
        "2026-02-28 10:00:00+00:00",
        "Bert",
    ),
    (
        2,
        1,
        12,
        "CD-003",
        "open",
        "7.00",
        1.1,
        "2026-02-27 10:00:00",
        "2026-02-27",
        2.5,
        "2026-02-27 10:00:00+00:00",
        "Cleo",
    ),
    (3, 1, None, None, None, None, None, "2026-02-26 10:00:00", None, None, None, None),
]
CUSTOMERS = [(10, "Ada"), (11, "Bert"), (12, "Cleo")]


def orders(**fields: Any) -> Contract:
    """The contract of orders, each of which names its customer."""
    code = {"minLength": 3, "maxLength": 8, "pattern": r"^[A-Z]{2}-\d{3}$"}
    key = {"logicalType": "integer", "required": True, "primaryKey": True}
    properties = [
        {"name": "id", "primaryKeyPosition": 1, **key},
        {"name": "line", "primaryKeyPosition": 2, **key, "logicalTypeOptions": {"minimum": 1}},
        {
            "name": "customer",
            "logicalType": "integer",
            "relationships": [{"to": "customers.id"}],
            "quality": [{"id": "few_nulls", "metric": "nullValues", "unit": "percent", "mustBeLessOrEqualTo": 30}],
        },
        {
            "name": "code",
            "logicalType": "string",
            "unique": True,
            "logicalTypeOptions": code,
            "quality": [
                {
                    "id": "missing",
                    "metric": "missingValues",
                    "arguments": {"missingValues": ["", "n/a"]},
                    "mustBeLessThan": 2,
                }
            ],
        },
        {"name": "status", "logicalType": "string", "enum": [{"value": "open"}, {"value": "paid"}]},
        {
            "name": "price",
            "logicalType": "number",
            "physicalType": "decimal(10,2)",
            "logicalTypeOptions": {"minimum": 0, "exclusiveMaximum": 100, "multipleOf": 0.05},
        },
        {"name": "weight", "logicalType": "number", "logicalTypeOptions": {"multipleOf": 0.1}},
        {"name": "placed", "logicalType": "timestamp", "required": True},
        {"name": "day", "logicalType": "date", "logicalTypeOptions": {"minimum": "2026-01-01"}},
        {"name": "height", "logicalType": "number", "logicalTypeOptions": {"minimum": 0}},
        {"name": "moment", "logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}},
        {"name": "agent", "logicalType": "string", "relationships": [{"to": "customers.name"}]},
    ]
    quality = [
        {"id": "enough", "metric": "rowCount", "mustBeGreaterOrEqualTo": 4},
        {"id": "dear", "type": "sql", "query": "SELECT count(*) FROM orders WHERE price > 50", "mustBe": 0},
        {"id": "mean", "type": "sql", "query": "SELECT avg(${property}) FROM ${table}", "mustBeLessThan": 8},
        {
            "id": "twice",
            "metric": "duplicateValues",
            "arguments": {"properties": ["customer", "day"]},
            "mustBeLessThan": 1,
        },
    ]
    quality[2]["query"] = "SELECT avg(price) FROM ${table}"
    data = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "shop",
        "version": "1.0.0",
        "status": "active",
        "schema": [
            {"name": "orders", "physicalName": "orders", "properties": properties, "quality": quality},
            {
                "name": "customers",
                "properties": [
                    {"name": "id", "logicalType": "integer", "primaryKey": True},
                    {"name": "name", "logicalType": "string", "unique": True},
                ],
            },
        ],
        "slaProperties": [
            {"property": "freshness", "value": 1, "unit": "d", "element": "orders.placed"},
            {"property": "retention", "value": 1, "unit": "mo", "element": "orders.day"},
        ],
        "customProperties": [{"property": "weft.referenceTime", "value": NOW}],
        **fields,
    }
    return read_contract(Document("shop.odcs.yaml", data))


def changed(row: int, **values: Any) -> list[tuple[Any, ...]]:
    """The good rows with one that has other values."""
    names = list(ORDERS)
    return [
        tuple(values.get(n, v) for n, v in zip(names, given, strict=True)) if i == row else given
        for i, given in enumerate(GOOD)
    ]


Outcomes = dict[str, tuple[str, int | None, int | None]]
"""By the id of a check: what came of it, how many rows failed, and of how many."""


def outcomes(found: Any) -> Outcomes:
    """What did not pass."""
    return {c.id: (c.result.value, c.failed_rows, c.total_rows) for c in found.checks if c.result.value != "passed"}


CHECKS = [
    "orders.id.column_exists",
    "orders.id.type",
    "orders.line.column_exists",
    "orders.line.type",
    "orders.customer.column_exists",
    "orders.customer.type",
    "orders.code.column_exists",
    "orders.code.type",
    "orders.status.column_exists",
    "orders.status.type",
    "orders.price.column_exists",
    "orders.price.type",
    "orders.weight.column_exists",
    "orders.weight.type",
    "orders.placed.column_exists",
    "orders.placed.type",
    "orders.day.column_exists",
    "orders.day.type",
    "orders.height.column_exists",
    "orders.height.type",
    "orders.moment.column_exists",
    "orders.moment.type",
    "orders.agent.column_exists",
    "orders.agent.type",
    "orders.line.range",
    "orders.few_nulls",
    "orders.customer.relationship",
    "orders.code.unique",
    "orders.code.pattern",
    "orders.code.length",
    "orders.missing",
    "orders.status.valid_values",
    "orders.price.range",
    "orders.weight.range",
    "orders.placed.required",
    "orders.day.range",
    "orders.height.range",
    "orders.agent.relationship",
    "orders.primary_key",
    "orders.enough",
    "orders.dear",
    "orders.mean",
    "orders.twice",
    "orders.placed.freshness",
    "orders.day.retention",
    "orders.extra_columns",
    "customers.id.column_exists",
    "customers.id.type",
    "customers.name.column_exists",
    "customers.name.type",
    "customers.name.unique",
    "customers.id.primary_key",
    "customers.extra_columns",
]
"""Every check of the contract, by its id."""


def fill(target: Target, columns: dict[str, str] = ORDERS, rows: list[tuple[Any, ...]] = GOOD) -> None:
    target.table("orders", columns, rows)
    target.table("customers", {"id": "integer", "name": "varchar(40)"}, CUSTOMERS)


def test_good_tables_pass_every_check(target):
    fill(target)

    found = weft.verify(orders(), target.data)

    assert found.diagnostics == ()
    assert (outcomes(found), found.result, found.rows) == ({}, "passed", 7)
    assert [c.id for c in found.checks] == CHECKS


class Case(Struct):
    """One breakage of the table of orders, and all checks that do not pass.

    Attributes:
        of_values: the same in files of text, where types are those of single values; None where they are no others.
        by_kind: the same in one kind of place.
        absent: the kinds of places that cannot express it.
    """

    expected: Outcomes
    rows: list[tuple[Any, ...]] | None = None
    columns: dict[str, str] | None = None
    of_values: Outcomes | None = None
    by_kind: dict[str, Outcomes] = {}
    absent: tuple[str, ...] = ()

    def outcomes_in(self, kind: str, of_values_too: tuple[str, ...] = ()) -> Outcomes:
        """What does not pass in a kind of place; in some more than files of text, types may be those of values."""
        if self.of_values is not None and kind in (*TEXT_FILES, *of_values_too):
            return self.by_kind.get(kind, self.of_values)
        return self.by_kind.get(kind, self.expected)


def with_column(name: str, type_: str) -> dict[str, str]:
    """The columns of orders, one of which has another type."""
    return {**ORDERS, name: type_}


def renamed(old: str, new: str) -> dict[str, str]:
    """The columns of orders, one of which has another name."""
    return {new if name == old else name: type_ for name, type_ in ORDERS.items()}


def without(name: str) -> list[tuple[Any, ...]]:
    """The good rows without a column."""
    at = list(ORDERS).index(name)
    return [(*row[:at], *row[at + 1 :]) for row in GOOD]


def each(name: str, *values: Any) -> list[tuple[Any, ...]]:
    """The good rows with other values in a column."""
    at = list(ORDERS).index(name)
    return [(*row[:at], value, *row[at + 1 :]) for row, value in zip(GOOD, values, strict=True)]


CASES: dict[str, Case] = {
    "a null in the key": Case({"orders.primary_key": ("failed", 1, 4)}, rows=changed(0, id=None)),
    "a null where none may be": Case({"orders.placed.required": ("failed", 1, 4)}, rows=changed(3, placed=None)),
    "too many nulls": Case({"orders.few_nulls": ("failed", 2, 4)}, rows=changed(0, customer=None)),
    "a key twice": Case({"orders.primary_key": ("failed", 2, 4)}, rows=changed(1, line=1)),
    "a value twice": Case({"orders.code.unique": ("failed", 2, 4)}, rows=changed(1, code="AB-001")),
    "values that differ in case only": Case({"orders.code.pattern": ("failed", 1, 4)}, rows=changed(1, code="ab-001")),
    "a pair twice": Case({"orders.twice": ("failed", 2, 4)}, rows=changed(1, customer=10, day="2026-03-01")),
    "an orphan": Case({"orders.customer.relationship": ("failed", 1, 4)}, rows=changed(2, customer=99)),
    "a line feed behind the pattern": Case({"orders.code.pattern": ("failed", 1, 4)}, rows=changed(0, code="AB-001\n")),
    "a digit that is none of ASCII": Case({"orders.code.pattern": ("failed", 1, 4)}, rows=changed(0, code="AB-٠٠١")),
    "an empty text": Case(
        {
            "orders.code.pattern": ("failed", 1, 4),
            "orders.code.length": ("failed", 1, 4),
            "orders.missing": ("failed", 2, 4),
        },
        rows=changed(0, code=""),
        by_kind={"csv": {"orders.missing": ("failed", 2, 4)}},
    ),
    "a text too long, with a backslash": Case(
        {"orders.code.pattern": ("failed", 1, 4), "orders.code.length": ("failed", 1, 4)},
        rows=changed(0, code="AB-001\\'🦆🦆🦆"),
    ),
    "a value out of the list": Case({"orders.status.valid_values": ("failed", 1, 4)}, rows=changed(1, status="lost")),
    "a value of the list in other letters": Case(
        {"orders.status.valid_values": ("failed", 1, 4)}, rows=changed(1, status="Paid")
    ),
    "a value of the list with a blank behind": Case(
        {"orders.status.valid_values": ("failed", 1, 4)}, rows=changed(1, status="paid ")
    ),
    "a number below the range": Case({"orders.price.range": ("failed", 1, 4)}, rows=changed(0, price="-1.00")),
    "a number at the end that is excluded": Case(
        {
            "orders.price.range": ("failed", 1, 4),
            "orders.dear": ("failed", 1, 4),
            "orders.mean": ("failed", None, None),
        },
        rows=changed(0, price="100.00"),
    ),
    "no multiple of a decimal": Case({"orders.price.range": ("failed", 1, 4)}, rows=changed(0, price="9.51")),
    "no multiple of a float": Case({"orders.weight.range": ("failed", 1, 4)}, rows=changed(0, weight=0.35)),
    "a date too early, and too old": Case(
        {"orders.day.range": ("failed", 1, 4), "orders.day.retention": ("failed", 1, 4)},
        rows=changed(0, day="2025-12-31"),
    ),
    "nothing new": Case(
        {"orders.placed.freshness": ("failed", None, None)}, rows=changed(0, placed="2026-02-28 11:59:59")
    ),
    "too few rows": Case({"orders.enough": ("failed", None, None)}, rows=GOOD[:3]),
    "no rows": Case(
        {
            "orders.enough": ("failed", None, None),
            "orders.mean": ("error", None, None),
            "orders.placed.freshness": ("failed", None, None),
        },
        rows=[],
    ),
    "an integer became a float": Case(
        {"orders.customer.type": ("failed", None, None)},
        rows=each("customer", 10.0, 11.0, 12.0, None),
        columns=with_column("customer", "double"),
        of_values={"orders.customer.type": ("failed", 3, 4)},
    ),
    "numbers became texts that look like numbers": Case(
        {"orders.weight.type": ("failed", None, None), "orders.weight.range": ("error", None, None)},
        rows=each("weight", "0.3", "0.7", "1.1", None),
        columns=with_column("weight", "varchar(20)"),
        of_values={"orders.weight.type": ("failed", 3, 4)},
        absent=("csv",),
    ),
    "`n/a` in a number": Case(
        {"orders.weight.type": ("failed", None, None), "orders.weight.range": ("error", None, None)},
        rows=each("weight", 0.3, "n/a", 1.1, None),
        columns=with_column("weight", "any"),
        of_values={"orders.weight.type": ("failed", 1, 4)},
    ),
    "a missing column": Case(
        {
            "orders.status.column_exists": ("failed", None, None),
            "orders.status.type": ("error", None, None),
            "orders.status.valid_values": ("error", None, None),
        },
        rows=without("status"),
        columns={name: type_ for name, type_ in ORDERS.items() if name != "status"},
    ),
    "an extra column": Case(
        {"orders.extra_columns": ("failed", None, None)},
        rows=[(*row, "x") for row in GOOD],
        columns={**ORDERS, "note": "varchar(9)"},
    ),
    "a renamed column": Case(
        {
            "orders.status.column_exists": ("failed", None, None),
            "orders.status.type": ("error", None, None),
            "orders.status.valid_values": ("error", None, None),
            "orders.extra_columns": ("failed", None, None),
        },
        columns=renamed("status", "state"),
    ),
    "dates as text": Case(
        {
            "orders.day.type": ("failed", None, None),
            "orders.day.range": ("error", None, None),
            "orders.day.retention": ("error", None, None),
        },
        rows=each("day", "01/03/2026", "28/02/2026", "27/02/2026", None),
        columns=with_column("day", "varchar(20)"),
        of_values={"orders.day.type": ("failed", 3, 4)},
    ),
    "dates with a year of two digits": Case(
        {
            "orders.day.type": ("failed", None, None),
            "orders.day.range": ("error", None, None),
            "orders.day.retention": ("error", None, None),
        },
        rows=changed(1, day="26-02-28"),
        columns=with_column("day", "varchar(20)"),
        of_values={"orders.day.type": ("failed", 1, 4)},
    ),
    "a date with a time of day": Case(
        {"orders.day.type": ("failed", None, None)}
        | {f"orders.day.{rule}": ("error", None, None) for rule in ("range",)},
        rows=each("day", "2026-03-01 10:00:00", "2026-02-28 10:00:00", "2026-02-27 10:00:00", None),
        columns=with_column("day", "timestamp"),
        of_values={"orders.day.type": ("failed", 3, 4)},
    ),
    "more decimal digits than promised": Case(
        {"orders.price.type": ("failed", None, None), "orders.price.range": ("failed", 1, 4)},
        rows=changed(0, price="9.505"),
        columns=with_column("price", "decimal(10,3)"),
        of_values={"orders.price.type": ("failed", 1, 4)},
    ),
    "a wider decimal than promised": Case(
        {"orders.price.type": ("failed", None, None)},
        columns=with_column("price", "decimal(12,3)"),
        absent=TEXT_FILES,
    ),
    "what is not a number, where only a lower bound is promised": Case(
        {"orders.height.range": ("failed", 1, 4)},
        rows=changed(0, height=math.nan),
        absent=("mariadb",),
    ),
    "what is not a number, where a multiple is promised": Case(
        {"orders.weight.range": ("failed", 1, 4)},
        rows=changed(0, weight=math.nan),
        absent=("mariadb",),
    ),
    "instants without a time zone": Case(
        {"orders.moment.type": ("failed", None, None)},
        rows=each("moment", *(row[10] and row[10].removesuffix("+00:00") for row in GOOD)),
        columns=with_column("moment", "timestamp"),
        of_values={"orders.moment.type": ("failed", 3, 4)},
    ),
    "local times with a time zone": Case(
        {"orders.placed.type": ("failed", None, None)},
        rows=changed(1, placed="2026-02-28 10:00:00+00:00"),
        columns=with_column("placed", "timestamptz"),
        of_values={"orders.placed.type": ("failed", 1, 4)},
        absent=("mariadb",),
    ),
    "a padded key": Case({"orders.agent.relationship": ("failed", 1, 4)}, rows=changed(1, agent="Bert ")),
}


@pytest.mark.parametrize(
    ("target", "case"),
    [(kind, name) for kind in (*FILES, *DATABASES) for name, case in CASES.items() if kind not in case.absent],
    indirect=["target"],
)
def test_a_breakage_fails_its_own_checks_with_their_counts_and_every_other_check_passes(target, case):
    broken = CASES[case]
    fill(target, broken.columns or ORDERS, GOOD if broken.rows is None else broken.rows)

    found = weft.verify(orders(), target.data)

    assert found.diagnostics == ()
    assert outcomes(found) == broken.outcomes_in(target.kind)
    assert [c.id for c in found.checks] == CHECKS


def test_what_is_not_utf8_in_a_csv_file_fails_the_type_of_its_column(tmp_path):
    place = Files("csv", tmp_path)
    fill(place, rows=changed(1, agent="Zoë"))
    path = place.paths["orders"]
    path.write_bytes(path.read_text(encoding="utf-8").replace("AB-002", "ÄB-002").encode("latin-1"))

    found = weft.verify(orders(), place.data)

    assert outcomes(found) == {"orders.code.type": ("failed", 1, 4), "orders.agent.type": ("failed", 1, 4)}
    assert [c.id for c in found.checks] == CHECKS
    samples = {c.id: [dict(s) for s in c.samples] for c in found.checks}
    assert samples["orders.agent.type"] == [{"id": 1, "line": 2, "agent": "Zo\\xEB"}]


@pytest.mark.parametrize("kind", ["json", "ndjson"])
def test_json_that_is_not_utf8_is_an_error_that_names_the_file(tmp_path, kind):
    place = Files(kind, tmp_path)
    fill(place)
    path = place.paths["orders"]
    path.write_bytes(path.read_bytes().replace(b"AB-002", b"\xc4B-002"))

    found = weft.verify(orders(), place.data)

    assert (found.result, found.checks) == ("error", ())
    assert [d.code for d in found.diagnostics] == ["WFT-SRC-002"]


def test_json_whose_end_is_missing_is_an_error_that_names_the_file(tmp_path):
    place = Files("json", tmp_path)
    fill(place)
    path = place.paths["orders"]
    text = path.read_text()
    path.write_text(text[: text.rindex("{")].rstrip(" ,"))

    found = weft.verify(orders(), place.data)

    assert (found.result, found.checks) == ("error", ())
    assert [d.code for d in found.diagnostics] == ["WFT-SRC-003"]


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_a_file_without_a_byte_is_an_error_that_names_it(tmp_path, kind):
    place = Files(kind, tmp_path)
    fill(place)
    place.paths["orders"].write_bytes(b"")

    found = weft.verify(orders(), place.data)

    assert (found.result, found.checks) == ("error", ())
    assert [d.code for d in found.diagnostics] == ["WFT-SRC-003"]
    assert "orders" in str(found.diagnostics[0])


def test_samples_of_a_wrong_type_show_what_was_written(tmp_path):
    place = Files("json", tmp_path)
    fill(place, with_column("weight", "any"), changed(1, weight="n/a"))

    found = {c.id: [dict(s) for s in c.samples] for c in weft.verify(orders(), place.data).checks}

    assert found["orders.weight.type"] == [{"id": 1, "line": 2, "weight": "n/a"}]


def test_a_renamed_column_is_told_with_what_it_may_be_called_now(target):
    fill(target, renamed("status", "state"))

    found = {c.id: c for c in weft.verify(orders(), target.data).checks}

    assert found["orders.status.column_exists"].reason == "was it renamed? there is a column `state`"
    assert found["orders.extra_columns"].actual == "1 more: `state`"


NESTED = ("json", "ndjson", "parquet", *DATABASES)
DOCUMENTS = ("postgres", "mariadb")
"""Where objects, arrays and maps are columns of JSON."""
PARCEL = {
    "id": "integer",
    "address": "STRUCT(street VARCHAR, zip INTEGER, since DATE)",
    "tags": "VARCHAR[]",
    "lines": "STRUCT(sku VARCHAR, n INTEGER)[]",
    "prices": "MAP(VARCHAR, DOUBLE)",
}
PARCELS = [
    (
        1,
        {"street": "A 1", "zip": 1000, "since": "2026-01-01"},
        ["a", "b"],
        [{"sku": "x", "n": 1}, {"sku": "y", "n": 2}],
        {"eur": 1.5},
    ),
    (2, {"street": "B 2", "zip": 2000, "since": None}, ["c"], [{"sku": "z", "n": 3}], {"eur": 2.5, "usd": 3.5}),
    (3, None, None, None, None),
]


def parcels() -> Contract:
    """A contract of objects, arrays and a map."""
    number = {"logicalType": "integer", "logicalTypeOptions": {"minimum": 1}}
    street = {"name": "street", "logicalType": "string", "required": True, "logicalTypeOptions": {"maxLength": 5}}
    sku = {"name": "sku", "logicalType": "string", "required": True}
    fields = [street, {"name": "zip", **number}, {"name": "since", "logicalType": "date"}]
    tag = {"logicalType": "string", "logicalTypeOptions": {"maxLength": 3}, "enum": [{"value": v} for v in "abcd"]}
    prices = {
        "key": {"logicalType": "string", "logicalTypeOptions": {"pattern": "^[a-z]{3}$"}},
        "value": {"logicalType": "number", "required": True, "logicalTypeOptions": {"maximum": 100}},
    }
    properties = [
        {"name": "id", "logicalType": "integer", "primaryKey": True},
        {"name": "address", "logicalType": "object", "properties": fields},
        {"name": "tags", "logicalType": "array", "logicalTypeOptions": {"maxItems": 2}, "items": tag},
        {
            "name": "lines",
            "logicalType": "array",
            "items": {"logicalType": "object", "properties": [sku, {"name": "n", **number}]},
        },
        {"name": "prices", "logicalType": "map", "map": prices},
    ]
    data = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": "p", "version": "1.0.0", "status": "active"}
    return read_contract(Document("p.odcs.yaml", {**data, "schema": [{"name": "parcels", "properties": properties}]}))


def parcel(row: int, **values: Any) -> list[tuple[Any, ...]]:
    """The good parcels with one that has other values."""
    names = list(PARCEL)
    return [
        tuple(values.get(n, v) for n, v in zip(names, given, strict=True)) if i == row else given
        for i, given in enumerate(PARCELS)
    ]


NESTED_CASES: dict[str, Case] = {
    "nothing": Case({}),
    "a null in a nested field that is required": Case(
        {"address.street.required": ("failed", 1, 3)},
        rows=parcel(1, address={"street": None, "zip": 2000, "since": None}),
    ),
    "a nested field that is nowhere": Case(
        {"address.type": ("failed", None, None), "address.zip.range": ("error", None, None)},
        rows=[(i, a and {"street": a["street"], "since": a["since"]}, *rest) for i, a, *rest in PARCELS],
        columns={**PARCEL, "address": "STRUCT(street VARCHAR, since DATE)"},
        by_kind={"postgres": {}, "mariadb": {}},  # a document that does not say a field says that it is null
    ),
    "a nested field that nobody promised": Case(
        {"extra_columns": ("failed", None, None)},
        rows=[(i, a and {**a, "note": "x"}, *rest) for i, a, *rest in PARCELS],
        columns={**PARCEL, "address": "STRUCT(street VARCHAR, zip INTEGER, since DATE, note VARCHAR)"},
    ),
    "a nested text too long": Case(
        {"address.street.length": ("failed", 1, 3)},
        rows=parcel(0, address={"street": "Avenue 1", "zip": 1000, "since": None}),
    ),
    "a nested number that is a text": Case(
        {"address.type": ("failed", None, None), "address.zip.range": ("error", None, None)},
        rows=parcel(0, address={"street": "A 1", "zip": "n/a", "since": "2026-01-01"}),
        columns={**PARCEL, "address": "STRUCT(street VARCHAR, zip VARCHAR, since DATE)"},
        of_values={"address.type": ("failed", 1, 3)},
    ),
    "a nested date in another form": Case(
        {"address.type": ("failed", None, None)},
        rows=parcel(0, address={"street": "A 1", "zip": 1000, "since": "01/02/2026"}),
        columns={**PARCEL, "address": "STRUCT(street VARCHAR, zip INTEGER, since VARCHAR)"},
        of_values={"address.type": ("failed", 1, 3)},
    ),
    "an array too long": Case({"tags.items": ("failed", 1, 3)}, rows=parcel(1, tags=["a", "b", "c"])),
    "an item that is too long": Case(
        {"tags[].length": ("failed", 1, 3), "tags[].valid_values": ("failed", 1, 3)},
        rows=parcel(1, tags=["a", "bbbb"]),
    ),
    "a field of an item that is null": Case(
        {"lines[].sku.required": ("failed", 1, 3)}, rows=parcel(0, lines=[{"sku": "x", "n": 1}, {"sku": None, "n": 2}])
    ),
    "a field of an item below its range": Case(
        {"lines[].n.range": ("failed", 1, 3)}, rows=parcel(0, lines=[{"sku": "x", "n": 1}, {"sku": "y", "n": 0}])
    ),
    "a field of items that is of another type": Case(
        {"lines.type": ("failed", None, None), "lines[].n.range": ("error", None, None)},
        rows=[(i, a, t, s and [{**e, "n": str(e["n"])} for e in s], p) for i, a, t, s, p in PARCELS],
        columns={**PARCEL, "lines": "STRUCT(sku VARCHAR, n VARCHAR)[]"},
        of_values={"lines.type": ("failed", 2, 3)},
    ),
    "a key of a map in another form": Case(
        {"prices{key}.pattern": ("failed", 1, 3)}, rows=parcel(0, prices={"EUR": 1.5})
    ),
    "a value of a map that is too high": Case(
        {"prices{}.range": ("failed", 1, 3)}, rows=parcel(1, prices={"eur": 2.5, "usd": 1000.5})
    ),
    "a value of a map that is null": Case(
        {"prices{}.required": ("failed", 1, 3)}, rows=parcel(1, prices={"eur": 2.5, "usd": None})
    ),
    "values of a map that are of another type": Case(
        {"prices.type": ("failed", None, None), "prices{}.range": ("error", None, None)},
        rows=[(*row[:-1], row[-1] and {k: str(v) for k, v in row[-1].items()}) for row in PARCELS],
        columns={**PARCEL, "prices": "MAP(VARCHAR, VARCHAR)"},
        of_values={"prices.type": ("failed", 2, 3)},
    ),
}


@pytest.mark.parametrize(
    ("target", "case"), [(kind, name) for kind in NESTED for name in NESTED_CASES], indirect=["target"]
)
def test_a_breakage_in_objects_arrays_and_maps_fails_its_own_checks(target, case):
    broken = NESTED_CASES[case]
    target.table("parcels", broken.columns or PARCEL, PARCELS if broken.rows is None else broken.rows)

    found = weft.verify(parcels(), target.data)

    assert found.diagnostics == ()
    assert outcomes(found) == broken.outcomes_in(target.kind, DOCUMENTS)
    assert len(found.checks) == 23


VALUES = [
    *(12, -1, 0, 12.5, 12.0, 0.1, 0.125, 1e300, 127, 128, 2**31, 2**63 - 1, 2**63, True, False, None),
    *("", "12", "true", "null", "a ", "b", "é🦆\n", [], [1], {}, {"a": "x"}),
    *("2026-02-28", "2026-02-30", "2026-2-8", "2026/02/28", "2026/02-28", "26-02-28", "2024-02-29", "2023-02-29"),
    *("1900-02-29", "2000-02-29", "2026-04-31", "2026-13-01", "2026-00-10", "2026-02-28\n", "2026-02-28T00:00:00"),
    *("2026-02-28T10:00:00", "2026-02-28 1:02", "2026-02-28 23:59:60", "2026-02-28 25:00", "2026-02-28T10:00:00.123"),
    *("2026-02-28T10:00:00Z", "2026-02-28 10:00+02", "2026-02-28 10:00:00.5-0530", "2026-02-28 10:00 +02:00"),
    *("2026-02-28 10:00z", "2026-02-28 10:00 UTC"),
    *("10:00", "24:01", "9:00:59.5", "10:60", "10:00Z"),
    *("00000000-0000-0000-0000-00000000000A", "00000000-0000-0000-0000-00000000000g"),
]
READ_AS: dict[str, dict[str, Any]] = {
    "text": {"logicalType": "string", "logicalTypeOptions": {"minLength": 2}},
    "listed": {"logicalType": "string", "enum": [{"value": "a"}, {"value": "b"}, {"value": "12"}]},
    "integer": {"logicalType": "integer", "logicalTypeOptions": {"minimum": 0, "multipleOf": 4}},
    "tiny": {"logicalType": "integer", "physicalType": "tinyint", "logicalTypeOptions": {"maximum": 12}},
    "number": {"logicalType": "number", "logicalTypeOptions": {"exclusiveMinimum": 0, "maximum": 12}},
    "tenths": {"logicalType": "number", "logicalTypeOptions": {"multipleOf": 0.1}},
    "decimal": {"logicalType": "number", "physicalType": "decimal(4,2)", "logicalTypeOptions": {"minimum": 0.11}},
    "flag": {"logicalType": "boolean"},
    "day": {"logicalType": "date", "logicalTypeOptions": {"minimum": "2024-02-29"}},
    "moment": {"logicalType": "timestamp", "logicalTypeOptions": {"maximum": "2026-02-28T09:00:00"}},
    "instant": {
        "logicalType": "timestamp",
        "logicalTypeOptions": {"timezone": True, "minimum": "2026-02-28T10:00:00Z"},
    },
    "clock": {"logicalType": "time", "logicalTypeOptions": {"maximum": "09:30:00"}},
    "uuid": {"logicalType": "string", "physicalType": "uuid", "logicalTypeOptions": {"pattern": "-0+a$"}},
    "list": {"logicalType": "array", "items": {"logicalType": "integer"}, "logicalTypeOptions": {"minItems": 1}},
    "object": {"logicalType": "object", "properties": [{"name": "a", "logicalType": "string", "required": True}]},
}
"""What a field of an object may be promised to be."""


def documents() -> Contract:
    """A contract of objects with one field each."""
    key = {"name": "id", "logicalType": "integer", "primaryKey": True}
    columns = [
        {"name": f"of_{name}", "logicalType": "object", "properties": [{"name": "v", "required": True, **field}]}
        for name, field in READ_AS.items()
    ]
    data = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "d", "version": "1.0.0", "status": "active"}
    return read_contract(Document("d.odcs.yaml", {**data, "schema": [{"name": "d", "properties": [key, *columns]}]}))


@pytest.mark.parametrize("target", DOCUMENTS, indirect=True)
def test_a_value_of_a_document_is_judged_as_in_a_file(target, tmp_path):
    rows = [(i, *[{"v": value}] * len(READ_AS)) for i, value in enumerate(VALUES)]
    file = Files("ndjson", tmp_path)
    for place in (file, target):
        place.table("d", {"id": "integer", **dict.fromkeys((f"of_{n}" for n in READ_AS), "STRUCT(v JSON)")}, rows)

    found, expected = (
        {c.id: (c.result, c.reason, c.failed_rows, {repr(VALUES[s["id"]]) for s in c.samples}) for c in checks}
        for checks in (weft.verify(documents(), place.data, sample_limit=99).checks for place in (target, file))
    )

    assert found == expected
    assert {result for result, *_ in found.values()} == {"passed", "failed"}


@pytest.fixture(params=DOCUMENTS)
def server(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each kind of server in turn, empty."""
    with opened(request.param, request.getfixturevalue("tmp_path"), request.getfixturevalue(request.param)) as found:
        yield found


def document(server: Target, shape: dict[str, Any], *values: Any, kind: str = "STRUCT(v JSON)") -> dict[str, Any]:
    """The checks of a column `d` that holds these values of JSON, by their ids; the first row is number 1."""
    server.table("t", {"id": "integer", "d": kind}, [(i, v) for i, v in enumerate(values, start=1)])
    properties = [{"name": "id", "logicalType": "integer", "primaryKey": True}, {"name": "d", **shape}]
    data = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": "d", "version": "1.0.0", "status": "active"}
    contract = read_contract(Document("d.odcs.yaml", {**data, "schema": [{"name": "t", "properties": properties}]}))
    found = weft.verify(contract, server.data, sample_limit=9)
    assert found.diagnostics == ()
    return {c.id: c for c in found.checks}


def failing(found: dict[str, Any], check: str) -> tuple[str, list[int]]:
    """The outcome of a check, and the numbers of the rows that its samples show."""
    return found[check].result.value, sorted(s["id"] for s in found[check].samples)


OBJECT = {"logicalType": "object", "properties": [{"name": "a", "logicalType": "integer", "required": True}]}


@pytest.mark.parametrize("physical", [None, "json", "jsonb"])
def test_what_is_missing_or_null_in_a_document_is_null_and_what_is_of_another_type_is_not(server, physical):
    shape = {**OBJECT, "required": True, "physicalType": physical}

    found = document(server, shape, {"a": 1}, {"a": None}, {}, {"a": "1"}, {"a": 1.5}, {"a": [1]}, [1], None)

    assert failing(found, "d.a.required") == ("failed", [2, 3])
    assert failing(found, "d.type") == ("failed", [4, 5, 6, 7])
    assert failing(found, "d.required") == ("failed", [8])
    assert dict(found["d.type"].samples[0]) == {"id": 4, "d": {"a": "1"}}
    assert (found["d.type"].failed_rows, found["d.type"].total_rows) == (4, 8)


def test_the_null_of_json_is_null_as_a_whole_too(server):
    server.run("CREATE TABLE n (id integer, d json)")
    server.run("INSERT INTO n VALUES (1, 'null'), (2, '{}'), (3, '3'), (4, '\"a\"')")
    properties = [{"name": "id", "logicalType": "integer", "primaryKey": True}, {"name": "d", "required": True}]
    properties[1] |= {"logicalType": "object", "properties": [{"name": "a", "logicalType": "string"}]}
    data = {"apiVersion": "v3.2.0", "kind": "DataContract", "id": "n", "version": "1.0.0", "status": "active"}
    contract = read_contract(Document("n.odcs.yaml", {**data, "schema": [{"name": "n", "properties": properties}]}))

    found = weft.verify(contract, server.data)

    assert outcomes(found) == {"d.required": ("failed", 1, 4), "d.type": ("failed", 2, 4)}
    samples = next(c.samples for c in found.checks if c.id == "d.type")
    assert sorted((s["id"], s["d"]) for s in samples) == [(3, 3), (4, "a")]


def test_objects_in_arrays_in_objects_are_judged_and_what_nobody_promised_is_told(server):
    leaf = {"name": "n", "logicalType": "integer", "logicalTypeOptions": {"maximum": 5}}
    inner = {"name": "inner", "logicalType": "object", "properties": [leaf]}
    items = {"logicalType": "object", "properties": [inner]}
    lists = {"logicalType": "array", "items": {"logicalType": "array", "items": items}}
    shape = {"logicalType": "object", "properties": [{"name": "lists", **lists}]}

    good = {"lists": [[{"inner": {"n": 1}}], []]}
    high = {"lists": [[], [{"inner": {"n": 1}}, {"inner": {"n": 6}}]]}
    text = {"lists": [[{"inner": {"n": "6"}}]], "x": 1, "z": 2}
    more = {"lists": [[{"inner": {"n": 1, "y": 2}}]], "y": None}
    found = document(server, shape, good, high, text, more)

    assert failing(found, "d.type") == ("failed", [3])
    assert failing(found, "d.lists[][].inner.n.range") == ("failed", [2])
    assert found["extra_columns"].actual == "4 more: `d.lists[][].inner.y`, `d.x`, `d.y`, `d.z`"


def test_items_of_a_document_are_counted_and_compared(server):
    tags = {"logicalType": "array", "items": {"logicalType": "string"}, "logicalTypeOptions": {"uniqueItems": True}}
    tags["logicalTypeOptions"] |= {"minItems": 1, "maxItems": 2}
    values = (["a", "A"], ["a", "a"], ["a", "a "], [], ["a", "b", "c"], None, [None, None], ["é", "e"])

    found = document(server, tags, *values, kind="VARCHAR[]")

    assert failing(found, "d.items") == ("failed", [2, 4, 5, 7])
    assert failing(found, "d.type") == ("passed", [])


def test_objects_in_an_array_are_compared_where_the_server_can(server):
    shape = {"logicalType": "array", "items": OBJECT, "logicalTypeOptions": {"uniqueItems": True}}

    one, other = {"a": 1, "b": 2}, {"b": 2, "a": 1}
    found = document(server, shape, [one, {"a": 2}], [one, other], [one, None], [None, None], kind="JSON[]")

    expected = {
        "postgres": (None, [2, 4]),
        "mariadb": ("MySQL has no words for whether two objects or arrays are the same", []),
    }
    assert (found["d.items"].reason, failing(found, "d.items")[1]) == expected[server.kind]
    assert found["d.items"].result.value == ("failed" if server.kind == "postgres" else "error")


def test_entries_of_a_map_are_counted_and_their_keys_are_read(server):
    ends = {"key": {"logicalType": "integer"}, "value": OBJECT}
    shape = {"logicalType": "map", "map": ends, "logicalTypeOptions": {"maxProperties": 2}}
    one = {"a": 1}

    found = document(server, shape, {"1": one}, {"x": one}, {"1": one, "2": one, "3": one}, {"1": {}}, {"1": 1})

    assert failing(found, "d.type") == ("failed", [2, 5])
    assert failing(found, "d.items") == ("failed", [3])
    assert failing(found, "d{}.a.required") == ("failed", [4])


@pytest.mark.parametrize("name", ["é", "Ünicode 🦆", "a b", 'a"b', "a\\b", "a.b", "$", "0", "a~b", "*"])
def test_a_field_of_a_document_may_have_any_name(server, name):
    field = {"name": name, "logicalType": "integer", "required": True, "logicalTypeOptions": {"minimum": 1}}

    found = document(server, {"logicalType": "object", "properties": [field]}, {name: 1}, {name: 0}, {name + "x": 1})

    assert failing(found, f"d.{name}.required") == ("failed", [3])
    assert failing(found, f"d.{name}.range") == ("failed", [2])
    assert found["extra_columns"].actual == f"1 more: `d.{name}x`"


def test_a_field_of_a_document_may_be_unique_and_refer_to_another_table(server):
    server.table("o", {"code": "varchar(9)"}, [("a",), ("b",), ("B ",)])
    values = [
        {"k": 1, "c": "a"},
        {"k": 2, "c": "B"},
        {"k": 2, "c": "b", "at": "2026-03-01"},
        {"k": "2"},
        {"k": 3.5},
        {},
    ]
    server.table("t", {"id": "integer", "d": "STRUCT(v JSON)"}, list(enumerate(values, start=1)))
    fields = [
        {"name": "k", "logicalType": "integer", "unique": True},
        {"name": "c", "logicalType": "string", "relationships": [{"to": "o.code"}]},
    ]
    properties = [{"name": "id", "logicalType": "integer", "primaryKey": True}]
    properties += [{"name": "d", "logicalType": "object", "properties": fields}]
    data = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "k", "version": "1.0.0", "status": "active"}
    other = {"name": "o", "properties": [{"name": "code", "logicalType": "string"}]}
    schema = [{"name": "t", "properties": properties}, other]
    contract = read_contract(Document("k.odcs.yaml", {**data, "schema": schema}))

    found = {c.id: c for c in weft.verify(contract, server.data).checks}

    assert failing(found, "t.d.k.unique") == ("failed", [2, 3])
    assert failing(found, "t.d.c.relationship") == ("failed", [2])
    assert failing(found, "t.d.type") == ("failed", [4, 5])


def test_what_cannot_be_said_of_a_document_is_an_error_with_its_reason(server):
    fields = [
        {"name": "untyped", "logicalTypeOptions": {"pattern": "^a"}},
        {"name": "bytes", "logicalType": "string", "physicalType": "blob"},
    ]

    found = document(server, {"logicalType": "object", "properties": fields}, {"untyped": 1, "bytes": "x"})

    title = {"postgres": "PostgreSQL", "mariadb": "MySQL"}[server.kind]
    assert {i: (c.result.value, c.reason) for i, c in found.items() if c.result.value != "passed"} == {
        "d.type": ("error", f"{title} has no words for values of BLOB in JSON"),
        "d.untyped.pattern": ("error", "`d.untyped`: JSON has no type that a value could be read as"),
    }


def test_a_zone_by_its_name_is_read_where_the_server_knows_zones(server):
    field = {"name": "at", "logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
    field["logicalTypeOptions"]["minimum"] = "2026-02-28T09:30:00Z"

    values = [{"at": "2026-02-28 10:00:00 Europe/Berlin"}, {"at": "2026-02-28T10:00:00Z"}]
    found = document(server, {"logicalType": "object", "properties": [field]}, *values)

    expected = {"postgres": ("failed", [1]), "mariadb": ("error", [])}
    assert failing(found, "d.at.range") == expected[server.kind]


def test_a_column_of_texts_is_no_document(server):
    found = document(server, OBJECT, '{"a": 1}', kind="varchar(40)")

    assert found["d.type"].reason == "VARCHAR is no object"
    assert found["d.a.required"].result.value == "error"


def test_samples_name_the_row_by_its_key(target):
    fill(target, rows=changed(2, customer=99, status="lost", code="x"))

    found = {c.id: [dict(s) for s in c.samples] for c in weft.verify(orders(), target.data).checks}

    assert found["orders.customer.relationship"] == [{"id": 2, "line": 1, "customer": 99}]
    assert found["orders.status.valid_values"] == [{"id": 2, "line": 1, "status": "lost"}]
    assert found["orders.code.pattern"] == [{"id": 2, "line": 1, "code": "x"}]


def test_samples_of_a_key_that_occurs_twice_stand_side_by_side(target):
    fill(target, rows=changed(1, line=1))

    found = {c.id: [dict(s) for s in c.samples] for c in weft.verify(orders(), target.data).checks}

    assert found["orders.primary_key"] == [{"id": 1, "line": 1}, {"id": 1, "line": 1}]


def test_samples_of_a_sql_rule_are_the_rows_that_it_counts(database):
    fill(database, rows=changed(0, price="60.00"))

    found = {c.id: [dict(s) for s in c.samples] for c in weft.verify(orders(), database.url).checks}

    assert found["orders.dear"] == [{"id": 1, "line": 1}]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "SELECT count(*) FROM orders; DELETE FROM orders",
        "SELECT count(*) FROM other.secrets",
        "SELECT count(*) FROM orders WHERE pg_sleep(3) IS NOT NULL",
        "SELECT count(*) FROM orders WHERE sleep(3) = 0",
        "SELECT 0) AS rule; DELETE FROM orders; SELECT * FROM (SELECT 0",
        "SELECT nextval('x')",
        "SELECT count(*) FROM orders /*! WHERE sleep(3) = 0 */ WHERE pg_sleep(3) IS NULL",
    ],
)
def test_a_rule_that_does_more_than_compute_does_not_run(database, query):
    fill(database)
    contract = orders()
    contract.objects[0].data["quality"][1]["query"] = query

    found = weft.verify(contract, database.url)

    assert outcomes(found) == {"orders.dear": ("error", None, None)}
    assert weft.verify(orders(), database.url).rows == 7


def test_a_rule_reads_no_table_that_its_contract_does_not_name(database):
    fill(database)
    database.table("aside", {"id": "integer"}, [(1,)])
    contract = orders()
    contract.objects[0].data["quality"][1]["query"] = "SELECT count(*) FROM orders WHERE id IN (SELECT id FROM aside)"

    found = weft.verify(contract, database.url)

    assert outcomes(found) == {"orders.dear": ("error", None, None)}


def test_a_table_that_is_not_there_is_an_error_that_proposes_the_nearest(database):
    database.table("ordes", ORDERS, GOOD)
    database.table("customers", {"id": "integer", "name": "varchar(40)"}, CUSTOMERS)

    found = weft.verify(orders(), database.url)

    assert (found.result, found.exit_code) == ("error", 2)
    assert [d.code for d in found.diagnostics] == ["WFT-SRC-011"]
    assert "`ordes`" in str(found.diagnostics[0].fix)


def test_a_server_of_the_contract_says_where_the_data_is(database, tmp_path, monkeypatch):
    fill(database)
    monkeypatch.chdir(tmp_path)
    parts = urlsplit(database.url)
    kind = {"duckdb": "duckdb", "postgres": "postgres", "mariadb": "mysql"}[database.kind]
    server = {"server": "production", "type": kind, "environment": "prod", "host": parts.hostname, "port": parts.port}
    server["database"] = parts.path.lstrip("/") if database.kind != "duckdb" else str(tmp_path / "shop.db")
    if database.kind == "postgres":
        server["schema"] = database.url.partition("schema=")[2]
    monkeypatch.setenv("SHOP_PASSWORD", "sesame")
    server["customProperties"] = [
        {"property": "weft.user", "value": "weft"},
        {"property": "weft.password", "value": "env:SHOP_PASSWORD"},
    ]
    other = {"server": "test", "type": "local", "path": "nothing.csv"}

    named = weft.verify(orders(servers=[server, other]), server="production")
    by_environment = weft.verify(orders(servers=[server, other]), server="prod")
    assert [v.result for v in (named, by_environment)] == ["passed"] * 2
    if database.kind == "duckdb":
        assert weft.verify(orders(servers=[server])).result == "passed"
    else:  # a password is sent only where somebody has said so
        with pytest.raises(UsageError, match="nobody has named it"):
            weft.verify(orders(servers=[server]))


KINDS = {
    "flag": ("boolean", {"duckdb": "boolean", "postgres": "boolean", "mariadb": "boolean"}),
    "moment": ("timestamp", {"duckdb": "timestamptz", "postgres": "timestamptz", "mariadb": "TIMESTAMP"}),
    "clock": ("time", {"duckdb": "time", "postgres": "time", "mariadb": "time"}),
    "small": ("integer", {"duckdb": "smallint", "postgres": "smallint", "mariadb": "smallint"}),
    "kind": ("string", {"duckdb": "enum('a', 'b')", "postgres": "kinds", "mariadb": "enum('a', 'b')"}),
    "key": ("string", {"duckdb": "uuid", "postgres": "uuid", "mariadb": "uuid"}),
    "bytes": ("string", {"duckdb": "blob", "postgres": "bytea", "mariadb": "blob"}),
    "anything": ("object", {"duckdb": "json", "postgres": "jsonb", "mariadb": "json"}),
}


def kinds(**options: dict[str, Any]) -> Contract:
    """A contract of a column of each kind."""
    properties: list[dict[str, Any]] = [
        {"name": name, "logicalType": logical, "required": True, "logicalTypeOptions": dict(options.get(name, {}))}
        for name, (logical, _) in KINDS.items()
    ]
    properties[1]["logicalTypeOptions"]["timezone"] = True
    properties[4]["enum"] = [{"value": "a"}]
    data = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "k", "version": "1.0.0", "status": "active"}
    return read_contract(Document("k.odcs.yaml", {**data, "schema": [{"name": "kinds_of", "properties": properties}]}))


def test_every_kind_of_column_has_its_type_and_its_rules(database):
    if database.kind == "postgres":
        database.run("CREATE TYPE kinds AS ENUM ('a', 'b')")
    database.table(
        "kinds_of",
        {name: types[database.kind] for name, (_, types) in KINDS.items()},
        [
            (1, "2026-01-01 10:00:00", "10:00:00", 7, "a", str(uuid.UUID(int=1)), "abc", "{}"),
            (0, "2026-01-01 09:59:59", "11:00:00", 8, "b", str(uuid.UUID(int=2)), "abcd", "[]"),
        ]
        if database.kind != "postgres"
        else [
            ("true", "2026-01-01 10:00:00Z", "10:00:00", 7, "a", str(uuid.UUID(int=1)), "abc", "{}"),
            ("false", "2026-01-01 09:59:59Z", "11:00:00", 8, "b", str(uuid.UUID(int=2)), "abcd", "[]"),
        ],
    )

    found = weft.verify(
        kinds(
            moment={"minimum": "2026-01-01T11:00:00+01:00"},
            clock={"maximum": "10:30:00"},
            small={"multipleOf": 7},
            key={"pattern": "-0+1$"},
            bytes={"maxLength": 3},
        ),
        database.url,
    )

    assert outcomes(found) == {
        "moment.range": ("failed", 1, 2),
        "clock.range": ("failed", 1, 2),
        "small.range": ("failed", 1, 2),
        "kind.valid_values": ("failed", 1, 2),
        "key.pattern": ("failed", 1, 2),
        "bytes.length": ("failed", 1, 2),
    }


def test_an_integer_is_no_boolean_and_a_local_time_no_instant(database):
    wrong = {"flag": "integer", "moment": "timestamp" if database.kind != "mariadb" else "datetime"}
    if database.kind == "postgres":
        database.run("CREATE TYPE kinds AS ENUM ('a', 'b')")
    database.table("kinds_of", {name: wrong.get(name, types[database.kind]) for name, (_, types) in KINDS.items()}, [])

    found = weft.verify(kinds(), database.url)

    assert outcomes(found) == {"flag.type": ("failed", None, None), "moment.type": ("failed", None, None)}


FILTERED: dict[str, tuple[dict[str, Any], tuple[str, int | None, int | None]]] = {
    "status = 'open'": ({"metric": "nullValues", "mustBe": 0, "column": "customer"}, ("passed", 0, 2)),
    "price >= 0.10 AND price < 9.5": (
        {"metric": "invalidValues", "arguments": {"validValues": ["open"]}, "mustBe": 0, "column": "status"},
        ("failed", 1, 2),
    ),
    "${property} IS NOT NULL": (
        {
            "metric": "invalidValues",
            "arguments": {"pattern": "^AB"},
            "unit": "percent",
            "mustBeLessThan": 30,
            "column": "code",
        },
        ("failed", 1, 3),
    ),
    "orders.line = 1": (
        {"metric": "duplicateValues", "arguments": {"properties": ["line"]}, "mustBe": 0},
        ("failed", 3, 3),
    ),
    "day > '2026-02-27'": ({"metric": "rowCount", "mustBe": 2}, ("passed", None, None)),
    "status <> 'select' AND line = 9": (
        {"metric": "missingValues", "unit": "percent", "mustBe": 0, "column": "agent"},
        ("passed", 0, 0),
    ),
    "id IN (SELECT id FROM customers)": ({"metric": "rowCount", "mustBe": 0}, ("error", None, None)),
    "nobody = 1": ({"metric": "rowCount", "mustBe": 0}, ("error", None, None)),
    "1 = 1) OR (pg_sleep(3) IS NULL": ({"metric": "rowCount", "mustBe": 0}, ("error", None, None)),
    "line = 1; DELETE FROM orders": ({"metric": "rowCount", "mustBe": 0}, ("error", None, None)),
}


def test_a_metric_may_speak_of_some_rows_alone(target):
    fill(target)
    contract = orders()
    rules = [
        {**rule, "id": text, "arguments": {**rule.get("arguments", {}), "filter": text}}
        for text, (rule, _) in FILTERED.items()
    ]
    for rule in rules:
        name = rule.pop("column", None)
        place = next((p for p in contract.objects[0].properties if p.name == name), contract.objects[0])
        place.data["quality"] = [*place.data.get("quality", []), rule]

    found = {c.id: c for c in weft.verify(contract, target.data).checks if c.id.removeprefix("orders.") in FILTERED}

    assert {i.removeprefix("orders."): (c.result.value, c.failed_rows, c.total_rows) for i, c in found.items()} == {
        text: outcome for text, (_, outcome) in FILTERED.items()
    }
    samples = found["orders.price >= 0.10 AND price < 9.5"].samples
    assert [dict(s) for s in samples] == [{"id": 1, "line": 2, "status": "paid"}]
    assert [c.id for c in weft.verify(orders(), target.data).checks] == CHECKS


BOUNDS: list[tuple[str, Any, Any, bool]] = [
    ("mustBe", 1, 25, True),
    ("mustBe", 2, 26, False),
    ("mustNotBe", 2, 26, True),
    ("mustNotBe", 1, 25, False),
    ("mustBeGreaterThan", 0, 24.9, True),
    ("mustBeGreaterThan", 1, 25, False),
    ("mustBeGreaterOrEqualTo", 1, 25, True),
    ("mustBeGreaterOrEqualTo", 2, 25.1, False),
    ("mustBeLessThan", 2, 25.1, True),
    ("mustBeLessThan", 1, 25, False),
    ("mustBeLessOrEqualTo", 1, 25, True),
    ("mustBeLessOrEqualTo", 0, 24.9, False),
    ("mustBeBetween", [1, 3], [25, 30], True),
    ("mustBeBetween", [2, 3], [26, 30], False),
    ("mustNotBeBetween", [2, 3], [26, 30], True),
    ("mustNotBeBetween", [0, 1], [0, 25], False),
]
"""An operator, its bound in rows and in percent, and whether one row of four keeps it."""


def test_every_operator_compares_rows_and_percent(target):
    fill(target)
    contract = orders()
    day = next(p for p in contract.objects[0].properties if p.name == "day")
    expected = {}
    for operator, rows, percent, kept in BOUNDS:
        for unit, bound in (("rows", rows), ("percent", percent)):
            name = f"{operator} {bound} {unit}"
            rule = {"id": name, "metric": "nullValues", "unit": unit, operator: bound}
            day.data["quality"] = [*day.data.get("quality", []), rule]
            expected[f"orders.{name}"] = ("passed" if kept else "failed", 1, 4)

    found = weft.verify(contract, target.data).checks

    assert {c.id: (c.result.value, c.failed_rows, c.total_rows) for c in found if c.id not in CHECKS} == expected


PATTERNS = [
    r"^\w+$",
    r"\bAB\b",
    r"^[^0-9]*$",
    r"^(?:a|b){2,3}$",
    r"[\s\S]x",
    r"^.$",
    r"\.$",
    r"a{x",
    r"[a\-z]$",
    r"^\S+$",
    "é",
]
TEXTS = [
    "AB",
    "AB-1",
    "xAB",
    "abab",
    "ab",
    "a\nx",
    "\n",
    "é",
    "a.",
    "a{x",
    "a-",
    "",
    " ",
    "b\\",
    "'",
    "\t",
    "٣",
    "ſ",
    "K",
]


def test_patterns_mean_the_same_everywhere(database):
    database.table("t", {"id": "integer", "text": "varchar(20)"}, list(enumerate(TEXTS)))
    key = {"name": "id", "logicalType": "integer", "primaryKey": True}
    rules = [
        {"id": pattern, "metric": "invalidValues", "arguments": {"pattern": pattern}, "mustBe": 0}
        for pattern in PATTERNS
    ]
    data = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "p", "version": "1.0.0", "status": "active"}
    schema = [{"name": "t", "properties": [key, {"name": "text", "logicalType": "string", "quality": rules}]}]
    contract = read_contract(Document("p.odcs.yaml", {**data, "schema": schema}))

    found = {c.id: c for c in weft.verify(contract, database.url, sample_limit=99).checks}

    with duckdb.connect() as reference:
        for pattern in PATTERNS:
            expected = [
                i
                for i, text in enumerate(TEXTS)
                if not reference.execute("SELECT regexp_matches(?, ?)", [text, pattern]).fetchone()[0]
            ]
            assert (pattern, [s["id"] for s in sorted(found[pattern].samples, key=lambda s: s["id"])]) == (
                pattern,
                expected,
            )


def test_a_reference_of_two_columns_is_held_against_both(target):
    target.table("pairs", {"a": "integer", "b": "varchar(9)"}, [(1, "x"), (2, "y"), (2, None)])
    target.table("lines", {"a": "integer", "b": "varchar(9)"}, [(1, "x"), (1, "y"), (2, "Y"), (None, "x"), (2, "y")])
    columns = [{"name": "a", "logicalType": "integer"}, {"name": "b", "logicalType": "string"}]
    reference = {"from": ["lines.a", "lines.b"], "to": ["pairs.a", "pairs.b"]}
    data = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "r", "version": "1.0.0", "status": "active"}
    schema = [{"name": "lines", "properties": columns, "relationships": [reference]}]
    contract = read_contract(Document("r.odcs.yaml", {**data, "schema": schema}))

    found = weft.verify(contract, target.data)

    assert outcomes(found) == {"relationship": ("failed", 2, 5)}


def test_what_the_contract_hides_is_in_no_sample(target):
    fill(target, rows=changed(2, status="lost"))
    contract = orders()
    for name in ("id", "status"):
        next(p for p in contract.objects[0].properties if p.name == name).data["classification"] = "restricted"

    found = weft.verify(contract, target.data)

    (sample,) = next(c.samples for c in found.checks if c.id == "orders.status.valid_values")
    assert (set(sample), sample["line"]) == ({"id", "line"}, 1)
    assert str(sample["id"]).startswith("#")
    assert "lost" not in str(found)
