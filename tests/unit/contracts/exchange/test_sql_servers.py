"""DDL that real servers run: PostgreSQL and MariaDB make the tables of any contract."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

import weft
from tests.unit.contracts.exchange.support import TEXTS, any_table, exported, fields, imported, tables
from weft.errors import SourceError, UsageError
from weft.model.document import Document
from weft.model.odcs import contract
from weft.model.shape import Field, Reference, Table

TYPES = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"),
    *("FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "TIMETZ", "TIMESTAMP", "TIMESTAMP_S", "ENUM"),
    *("TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ", "UUID", "JSON"),
)
ANY = fields(TYPES, nested=("STRUCT", "LIST", "ARRAY", "MAP"))
NAMES = TEXTS.filter(lambda name: len(name.encode()) <= 60 and all(ord(c) < 0x10000 for c in name))
"""What both servers take as the name of a column: no longer, and no character beyond the first plane."""

LIMITED = Table(
    "order",
    (
        Field("id", "BIGINT", required=True, key_position=2),
        Field("Order No", "VARCHAR", required=True, key_position=1, options={"maxLength": 20, "pattern": "^[A-Z]+'?$"}),
        Field("rate", "DOUBLE", options={"minimum": 0, "exclusiveMaximum": 1.5, "multipleOf": 0.5}),
        Field("float", "FLOAT", options={"multipleOf": 2}),
        Field("price", "DECIMAL", (12, 2), options={"minimum": 0, "multipleOf": 0.01}),
        Field("count", "INTEGER", values=(1, 2, 3), description='it\'s "counted" \\ once'),
        Field("day", "DATE", options={"minimum": "2020-01-01", "exclusiveMaximum": "2030-01-01"}),
        Field("at", "TIME", options={"minimum": "08:00:00"}),
        Field("when", "TIMESTAMPTZ", options={"minimum": "2020-01-01T00:00:00Z"}),
        Field("local", "TIMESTAMP", options={"maximum": "2030-01-01T00:00:00"}),
        Field("kind", "VARCHAR", values=("a'b", 'c"d', "e\\f")),
        Field("grade", "ENUM", values=("x", "y")),
        Field("mail", "VARCHAR", unique=True, options={"minLength": 3, "format": "email"}),
        Field("tags", "LIST", items=Field("items", "VARCHAR", options={"maxLength": 9}), options={"minItems": 1}),
    ),
    description='Orders; it\'s "quoted", \\n no line\nand a line -- no comment */',
    unique_sets=(("price", "day"),),
)


def _postgres(url: str) -> Any:
    import psycopg

    return psycopg.connect(url, autocommit=True)


def _mariadb(url: str) -> Any:
    from urllib.parse import urlsplit

    import pymysql

    at = urlsplit(url)
    return pymysql.connect(
        host=at.hostname,
        port=at.port or 3306,
        user=at.username,
        password=at.password or "",
        database=at.path.strip("/"),
        autocommit=True,
        client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS,
    )


def _columns(cursor: Any, dialect: str, text: str, table: Table) -> list[tuple[str, bool, str | None]]:
    """Runs the statements; what the server then says of the columns: name, nullable, comment."""
    if dialect == "postgres":
        cursor.execute("DROP SCHEMA IF EXISTS made CASCADE")
        cursor.execute("CREATE SCHEMA made")
        cursor.execute("SET search_path TO made")
        cursor.execute(text)
        cursor.execute(
            "SELECT attname, NOT attnotnull, col_description(attrelid, attnum) FROM pg_attribute"
            " WHERE attrelid = (SELECT oid FROM pg_class WHERE relkind = 'r' AND relnamespace = 'made'::regnamespace)"
            " AND attnum > 0 ORDER BY attnum"
        )
        return list(cursor.fetchall())
    cursor.execute("DROP DATABASE IF EXISTS made")
    cursor.execute("CREATE DATABASE made CHARACTER SET utf8mb4")
    cursor.execute("USE made")
    cursor.execute(text)
    while cursor.nextset():
        pass
    cursor.execute(
        "SELECT column_name, is_nullable = 'YES', nullif(column_comment, '') FROM information_schema.columns"
        " WHERE table_schema = 'made' ORDER BY ordinal_position"
    )
    return [(name, bool(nullable), comment) for name, nullable, comment in cursor.fetchall()]


SERVERS = [("postgres", "postgres", _postgres), ("mysql", "mariadb", _mariadb)]


@pytest.mark.parametrize(("dialect", "fixture", "connected"), SERVERS, ids=["postgres", "mariadb"])
def test_every_limit_of_every_type_is_a_condition_that_the_server_takes(
    request: pytest.FixtureRequest, dialect: str, fixture: str, connected: Any
) -> None:
    with connected(request.getfixturevalue(fixture)) as connection, connection.cursor() as cursor:
        found = _columns(cursor, dialect, exported("sql", LIMITED, dialect=dialect).text, LIMITED)

    assert found == [(f.name, not f.required, f.description) for f in LIMITED.fields]


@pytest.mark.parametrize(("dialect", "fixture", "connected"), SERVERS, ids=["postgres", "mariadb"])
def test_the_server_makes_the_table_of_any_contract(
    request: pytest.FixtureRequest, dialect: str, fixture: str, connected: Any
) -> None:
    url = request.getfixturevalue(fixture)

    with connected(url) as connection, connection.cursor() as cursor:

        @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
        @given(any_table(ANY, names=NAMES))
        def proved(table: Table) -> None:
            found = _columns(cursor, dialect, exported("sql", table, dialect=dialect).text, table)

            assert found == [(f.name, not f.required, _kept(f.description, dialect)) for f in table.fields]

        proved()


@pytest.mark.parametrize(("dialect", "fixture", "connected"), SERVERS, ids=["postgres", "mariadb"])
def test_a_table_of_a_server_gives_back_the_contract_that_it_was_made_from(
    request: pytest.FixtureRequest, dialect: str, fixture: str, connected: Any
) -> None:
    url = request.getfixturevalue(fixture)
    parent = Table("goal", tuple(Field(n, "INTEGER", required=True, key_position=i) for i, n in enumerate("xy", 1)))
    fields_ = (*LIMITED.fields, Field("a", "INTEGER", default=-5), Field("b", "INTEGER"))
    child = replace(LIMITED, fields=fields_, references=(Reference(("a", "b"), "goal", ("x", "y")),))
    text = exported("sql", parent, child, dialect=dialect).text
    with connected(url) as connection, connection.cursor() as cursor:
        _columns(cursor, dialect, text.partition("CREATE TABLE")[0] or "SELECT 1", child)
        cursor.execute(text)
        while dialect == "mysql" and cursor.nextset():
            pass
    schema = "made" if dialect == "postgres" else None
    at = f"{url}?schema={schema}" if schema else url.rpartition("/")[0] + "/made"

    found = weft.contract_import(dialect, f"{at}:order")

    (written,) = tables(imported("sql", exported("sql", child, dialect=dialect).text, dialect=dialect))
    (back,) = tables(contract(Document("c.odcs.yaml", found.document)))
    assert {f.name: f for f in back.fields} == {f.name: f for f in written.fields}
    assert (back.key, back.references, back.unique_sets, back.description) == (
        ("Order No", "id"),
        child.references,
        child.unique_sets,
        child.description,
    )
    assert not [note for note in found.notes if "CHECK" in note]


@pytest.mark.parametrize(("dialect", "fixture"), [s[:2] for s in SERVERS], ids=["postgres", "mariadb"])
def test_a_table_that_a_server_has_not_is_told(request: pytest.FixtureRequest, dialect: str, fixture: str) -> None:
    with pytest.raises(SourceError) as refused:
        weft.contract_import(dialect, f"{request.getfixturevalue(fixture)}:no_such_table")

    assert [d.code for d in refused.value.diagnostics] == ["WFT-IMP-004"]


@pytest.mark.parametrize(
    "source", ["orders", "postgresql://localhost/shop", "mysql://localhost/shop:orders", "x:orders"]
)
def test_a_source_that_is_no_url_with_a_table_is_refused(source: str) -> None:
    with pytest.raises(UsageError) as refused:
        weft.contract_import("postgres", source)

    assert [d.code for d in refused.value.diagnostics] == ["WFT-IMP-002"]


def _kept(comment: str | None, dialect: str) -> str | None:
    """A comment as the server keeps it: MariaDB has no characters beyond the first plane in what it says of tables."""
    shown = "".join("?" if ord(c) >= 0x10000 else c for c in comment or "")
    return shown if dialect == "mysql" and comment else comment
