"""The same broken tables give the same checks, outcomes and counts wherever they lie: DuckDB, PostgreSQL, MariaDB."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import duckdb
import pytest

import weft
from weft.model.document import Document
from weft.model.odcs import Contract
from weft.model.odcs import contract as read_contract

NOW = "2026-03-01T12:00:00Z"
DIALECTS = ("duckdb", "postgres", "mariadb")


@dataclass
class Target:
    """A database: how statements run in it, how types are called there, and the URL under which weft finds it."""

    dialect: str
    url: str
    run: Callable[[str], None]

    def typed(self, name: str) -> str:
        """The name of a type."""
        double = {"duckdb": "DOUBLE", "postgres": "double precision", "mariadb": "double"}[self.dialect]
        return (
            {"double": double, "timestamp": "datetime"}.get(name, name)
            if self.dialect == "mariadb"
            else {"double": double}.get(name, name)
        )

    def table(self, name: str, columns: dict[str, str], rows: list[tuple[Any, ...]]) -> None:
        """Makes a table; rows that are missing columns of it do not exist."""
        listed = ", ".join(f"{self.quoted(c)} {self.typed(t)}" for c, t in columns.items())
        self.run(f"CREATE TABLE {self.quoted(name)} ({listed})")
        if rows:
            values = ", ".join("(" + ", ".join(self.literal(v) for v in row) + ")" for row in rows)
            self.run(f"INSERT INTO {self.quoted(name)} VALUES {values}")

    def quoted(self, name: str) -> str:
        """A name as the dialect writes it."""
        return f"`{name}`" if self.dialect == "mariadb" else f'"{name}"'

    def literal(self, value: Any) -> str:
        """A value as the dialect writes it."""
        if value is None:
            return "NULL"
        if isinstance(value, bool | int | float):
            return str(value)
        text = str(value).replace("'", "''")
        return "'" + (text.replace("\\", "\\\\") if self.dialect == "mariadb" else text) + "'"


@pytest.fixture(params=DIALECTS)
def target(request, tmp_path):
    """Each kind of database in turn, empty."""
    if request.param == "duckdb":
        file = tmp_path / "shop.db"

        def in_duckdb(sql: str) -> None:
            with duckdb.connect(str(file)) as connection:
                connection.execute(sql)

        in_duckdb("SELECT 1")
        yield Target("duckdb", f"duckdb:///{file}", in_duckdb)
    elif request.param == "postgres":
        import psycopg

        server = request.getfixturevalue("postgres")
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
            connection.execute(f"SET search_path = {name}")
            yield Target("postgres", f"{server}?schema={name}", lambda sql: connection.execute(sql) and None)
            connection.execute(f"DROP SCHEMA {name} CASCADE")
    else:
        import pymysql

        server = urlsplit(request.getfixturevalue("mariadb"))
        name = f"t{uuid.uuid4().hex}"
        at = {"host": server.hostname, "port": server.port, "user": server.username, "password": server.password}
        with pymysql.connect(**at, charset="utf8mb4", autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
            cursor.execute(f"USE {name}")
            url = f"mariadb://weft:sesame@127.0.0.1:{server.port}/{name}"
            yield Target("mariadb", url, lambda sql: cursor.execute(sql) and None)
            cursor.execute(f"DROP DATABASE {name}")


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
}
GOOD = [
    (1, 1, 10, "AB-001", "open", "9.50", 0.3, "2026-03-01 10:00:00", "2026-03-01"),
    (1, 2, 11, "AB-002", "paid", "0.10", 0.7, "2026-02-28 10:00:00", "2026-02-28"),
    (2, 1, 12, "CD-003", "open", "7.00", 1.1, "2026-02-27 10:00:00", "2026-02-27"),
    (3, 1, None, None, None, None, None, "2026-02-26 10:00:00", None),
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


def outcomes(found: Any) -> dict[str, tuple[str, int | None, int | None]]:
    """What did not pass."""
    return {c.id: (c.result.value, c.failed_rows, c.total_rows) for c in found.checks if c.result.value != "passed"}


def fill(target: Target, columns: dict[str, str] = ORDERS, rows: list[tuple[Any, ...]] = GOOD) -> None:
    target.table("orders", columns, rows)
    target.table("customers", {"id": "integer", "name": "varchar(40)"}, CUSTOMERS)


def test_good_tables_pass_every_check(target):
    fill(target)

    found = weft.verify(orders(), target.url)

    assert found.diagnostics == ()
    assert (outcomes(found), found.result, found.rows) == ({}, "passed", 7)
    assert len(found.checks) == 45


CASES: dict[str, tuple[list[tuple[Any, ...]], dict[str, tuple[str, int | None, int | None]]]] = {
    "a null in the key": (changed(0, id=None), {"orders.primary_key": ("failed", 1, 4)}),
    "a null where none may be": (changed(3, placed=None), {"orders.placed.required": ("failed", 1, 4)}),
    "too many nulls": (changed(0, customer=None), {"orders.few_nulls": ("failed", 2, 4)}),
    "a key twice": (changed(1, line=1), {"orders.primary_key": ("failed", 2, 4)}),
    "a value twice": (changed(1, code="AB-001"), {"orders.code.unique": ("failed", 2, 4)}),
    "values that differ in case only": (
        changed(1, code="ab-001"),
        {"orders.code.pattern": ("failed", 1, 4)},
    ),
    "a pair twice": (
        changed(1, customer=10, day="2026-03-01"),
        {"orders.twice": ("failed", 2, 4)},
    ),
    "an orphan": (changed(2, customer=99), {"orders.customer.relationship": ("failed", 1, 4)}),
    "a line feed behind the pattern": (
        changed(0, code="AB-001\n"),
        {"orders.code.pattern": ("failed", 1, 4)},
    ),
    "a digit that is none of ASCII": (changed(0, code="AB-٠٠١"), {"orders.code.pattern": ("failed", 1, 4)}),
    "an empty text": (
        changed(0, code=""),
        {
            "orders.code.pattern": ("failed", 1, 4),
            "orders.code.length": ("failed", 1, 4),
            "orders.missing": ("failed", 2, 4),
        },
    ),
    "a text too long, with a backslash": (
        changed(0, code="AB-001\\'🦆🦆🦆"),
        {"orders.code.pattern": ("failed", 1, 4), "orders.code.length": ("failed", 1, 4)},
    ),
    "a value out of the list": (changed(1, status="lost"), {"orders.status.valid_values": ("failed", 1, 4)}),
    "a value of the list in other letters": (
        changed(1, status="Paid"),
        {"orders.status.valid_values": ("failed", 1, 4)},
    ),
    "a value of the list with a blank behind": (
        changed(1, status="paid "),
        {"orders.status.valid_values": ("failed", 1, 4)},
    ),
    "a number below the range": (changed(0, price="-1.00"), {"orders.price.range": ("failed", 1, 4)}),
    "a number at the end that is excluded": (
        changed(0, price="100.00"),
        {
            "orders.price.range": ("failed", 1, 4),
            "orders.dear": ("failed", 1, 4),
            "orders.mean": ("failed", None, None),
        },
    ),
    "no multiple of a decimal": (changed(0, price="9.51"), {"orders.price.range": ("failed", 1, 4)}),
    "no multiple of a float": (changed(0, weight=0.35), {"orders.weight.range": ("failed", 1, 4)}),
    "a date too early, and too old": (
        changed(0, day="2025-12-31"),
        {"orders.day.range": ("failed", 1, 4), "orders.retention": ("failed", 1, 4)},
    ),
    "nothing new": (
        changed(0, placed="2026-02-28 11:59:59"),
        {"orders.placed.freshness": ("failed", None, None)},
    ),
    "too few rows": (GOOD[:3], {"orders.enough": ("failed", None, None)}),
    "no rows": (
        [],
        {
            "orders.enough": ("failed", None, None),
            "orders.mean": ("error", None, None),
            "orders.placed.freshness": ("failed", None, None),
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_rows_that_break_a_rule_are_counted_by_it(target, case):
    rows, expected = CASES[case]
    fill(target, rows=rows)

    found = weft.verify(orders(), target.url)

    assert outcomes(found) == {renamed(k): v for k, v in expected.items()}


def renamed(check: str) -> str:
    """Checks of service levels are named by their column."""
    return {"orders.retention": "orders.day.retention"}.get(check, check)


def test_a_column_of_another_type_fails_its_type_and_its_other_rules_cannot_be_judged(target):
    fill(target, {**ORDERS, "price": "varchar(20)", "day": "varchar(20)"})

    found = weft.verify(orders(), target.url)

    assert {k: r for k, (r, *_) in outcomes(found).items()} | {"orders.mean": "", "orders.dear": ""} == {
        "orders.price.type": "failed",
        "orders.price.range": "error",
        "orders.day.type": "failed",
        "orders.day.range": "error",
        "orders.day.retention": "error",
        "orders.mean": "",
        "orders.dear": "",
    }


def test_a_wider_type_than_promised_is_told(target):
    fill(target, {**ORDERS, "price": "decimal(12,3)"})

    found = weft.verify(orders(), target.url)

    assert outcomes(found) == {"orders.price.type": ("failed", None, None)}


def test_a_missing_and_an_extra_column_are_told(target):
    columns = {("state" if n == "status" else n): t for n, t in ORDERS.items()}
    fill(target, columns)

    found = weft.verify(orders(), target.url)

    assert outcomes(found) == {
        "orders.status.column_exists": ("failed", None, None),
        "orders.status.type": ("error", None, None),
        "orders.status.valid_values": ("error", None, None),
        "orders.extra_columns": ("failed", None, None),
    }


def test_samples_name_the_row_by_its_key(target):
    fill(target, rows=changed(2, customer=99, status="lost", code="x"))

    found = {c.id: [dict(s) for s in c.samples] for c in weft.verify(orders(), target.url).checks}

    assert found["orders.customer.relationship"] == [{"id": 2, "line": 1, "customer": 99}]
    assert found["orders.status.valid_values"] == [{"id": 2, "line": 1, "status": "lost"}]
    assert found["orders.code.pattern"] == [{"id": 2, "line": 1, "code": "x"}]


def test_samples_of_a_key_that_occurs_twice_stand_side_by_side(target):
    fill(target, rows=changed(1, line=1))

    found = {c.id: [dict(s) for s in c.samples] for c in weft.verify(orders(), target.url).checks}

    assert found["orders.primary_key"] == [{"id": 1, "line": 1}, {"id": 1, "line": 1}]


def test_samples_of_a_sql_rule_are_the_rows_that_it_counts(target):
    fill(target, rows=changed(0, price="60.00"))

    found = {c.id: [dict(s) for s in c.samples] for c in weft.verify(orders(), target.url).checks}

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
def test_a_rule_that_does_more_than_compute_does_not_run(target, query):
    fill(target)
    contract = orders()
    contract.objects[0].data["quality"][1]["query"] = query

    found = weft.verify(contract, target.url)

    assert outcomes(found) == {"orders.dear": ("error", None, None)}
    assert weft.verify(orders(), target.url).rows == 7


def test_a_table_that_is_not_there_is_an_error_that_proposes_the_nearest(target):
    target.table("ordes", ORDERS, GOOD)
    target.table("customers", {"id": "integer", "name": "varchar(40)"}, CUSTOMERS)

    found = weft.verify(orders(), target.url)

    assert (found.result, found.exit_code) == ("error", 2)
    assert [d.code for d in found.diagnostics] == ["WFT-SRC-011"]
    assert "`ordes`" in str(found.diagnostics[0].fix)


def test_a_server_of_the_contract_says_where_the_data_is(target, tmp_path, monkeypatch):
    fill(target)
    parts = urlsplit(target.url)
    kind = {"duckdb": "duckdb", "postgres": "postgres", "mariadb": "mysql"}[target.dialect]
    server = {"server": "production", "type": kind, "environment": "prod", "host": parts.hostname, "port": parts.port}
    server["database"] = parts.path.lstrip("/") if target.dialect != "duckdb" else str(tmp_path / "shop.db")
    if target.dialect == "postgres":
        server["schema"] = target.url.partition("schema=")[2]
    monkeypatch.setenv("SHOP_PASSWORD", "sesame")
    server["customProperties"] = [
        {"property": "weft.user", "value": "weft"},
        {"property": "weft.password", "value": "env:SHOP_PASSWORD"},
    ]
    other = {"server": "test", "type": "local", "path": "nothing.csv"}

    named = weft.verify(orders(servers=[server, other]), server="production")
    by_environment = weft.verify(orders(servers=[server, other]), server="prod")
    alone = weft.verify(orders(servers=[server]))

    assert [v.result for v in (named, by_environment, alone)] == ["passed"] * 3


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


def test_every_kind_of_column_has_its_type_and_its_rules(target):
    if target.dialect == "postgres":
        target.run("CREATE TYPE kinds AS ENUM ('a', 'b')")
    target.table(
        "kinds_of",
        {name: types[target.dialect] for name, (_, types) in KINDS.items()},
        [
            (1, "2026-01-01 10:00:00", "10:00:00", 7, "a", str(uuid.UUID(int=1)), "abc", "{}"),
            (0, "2026-01-01 09:59:59", "11:00:00", 8, "b", str(uuid.UUID(int=2)), "abcd", "[]"),
        ]
        if target.dialect != "postgres"
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
        target.url,
    )

    assert outcomes(found) == {
        "moment.range": ("failed", 1, 2),
        "clock.range": ("failed", 1, 2),
        "small.range": ("failed", 1, 2),
        "kind.valid_values": ("failed", 1, 2),
        "key.pattern": ("failed", 1, 2),
        "bytes.length": ("failed", 1, 2),
    }


def test_an_integer_is_no_boolean_and_a_local_time_no_instant(target):
    wrong = {"flag": "integer", "moment": "timestamp" if target.dialect != "mariadb" else "datetime"}
    if target.dialect == "postgres":
        target.run("CREATE TYPE kinds AS ENUM ('a', 'b')")
    target.table("kinds_of", {name: wrong.get(name, types[target.dialect]) for name, (_, types) in KINDS.items()}, [])

    found = weft.verify(kinds(), target.url)

    assert outcomes(found) == {"flag.type": ("failed", None, None), "moment.type": ("failed", None, None)}


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


def test_patterns_mean_the_same_everywhere(target):
    target.table("t", {"id": "integer", "text": "varchar(20)"}, list(enumerate(TEXTS)))
    key = {"name": "id", "logicalType": "integer", "primaryKey": True}
    rules = [
        {"id": pattern, "metric": "invalidValues", "arguments": {"pattern": pattern}, "mustBe": 0}
        for pattern in PATTERNS
    ]
    data = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "p", "version": "1.0.0", "status": "active"}
    schema = [{"name": "t", "properties": [key, {"name": "text", "logicalType": "string", "quality": rules}]}]
    contract = read_contract(Document("p.odcs.yaml", {**data, "schema": schema}))

    found = {c.id: c for c in weft.verify(contract, target.url, sample_limit=99).checks}

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

    found = weft.verify(contract, target.url)

    assert outcomes(found) == {"relationship": ("failed", 2, 5)}


def test_what_the_contract_hides_is_in_no_sample(target):
    fill(target, rows=changed(2, status="lost"))
    contract = orders()
    for name in ("id", "status"):
        next(p for p in contract.objects[0].properties if p.name == name).data["classification"] = "restricted"

    found = weft.verify(contract, target.url)

    (sample,) = next(c.samples for c in found.checks if c.id == "orders.status.valid_values")
    assert (set(sample), sample["line"]) == ({"id", "line"}, 1)
    assert str(sample["id"]).startswith("#")
    assert "lost" not in str(found)
