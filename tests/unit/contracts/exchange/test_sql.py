"""DDL becomes contracts and contracts DDL that runs; what a system cannot say is told."""

from __future__ import annotations

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from msgspec.structs import replace
from sqlglot import exp

from tests.unit.contracts.exchange.support import (
    TEXTS,
    a_contract_of,
    any_table,
    exported,
    fields,
    imported,
    said,
    tables,
)
from weft.contracts.exchange.kinds import DIALECTS
from weft.contracts.exchange.sql import imported as read
from weft.errors import SourceError
from weft.model.shape import Field, Reference, Table

DUCKDB = (
    *("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"),
    *("FLOAT", "DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "TIMETZ", "TIMESTAMP", "TIMESTAMP_S", "ENUM"),
    *("TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ", "INTERVAL", "UUID", "JSON"),
)
SAYABLE = {
    "duckdb": fields(
        DUCKDB, nested=("STRUCT", "LIST", "ARRAY", "MAP"), inner_required=False, described=False, options=False
    ),
    "postgres": fields(
        (
            *(
                "BOOLEAN",
                "SMALLINT",
                "INTEGER",
                "BIGINT",
                "FLOAT",
                "DOUBLE",
                "DECIMAL",
                "VARCHAR",
                "BLOB",
                "DATE",
                "TIME",
            ),
            *("TIMETZ", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMPTZ", "INTERVAL", "UUID", "JSON"),
        ),
        nested=(),
    ),
    "mysql": fields(
        (
            *(
                "BOOLEAN",
                "TINYINT",
                "SMALLINT",
                "INTEGER",
                "BIGINT",
                "UTINYINT",
                "USMALLINT",
                "UINTEGER",
                "UBIGINT",
                "FLOAT",
            ),
            *("DOUBLE", "DECIMAL", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ", "JSON"),
        ),
        nested=(),
    ),
    "spark": fields(
        (
            *(
                "BOOLEAN",
                "TINYINT",
                "SMALLINT",
                "INTEGER",
                "BIGINT",
                "FLOAT",
                "DOUBLE",
                "DECIMAL",
                "VARCHAR",
                "BLOB",
                "DATE",
            ),
            *("TIMESTAMP", "TIMESTAMPTZ"),
        ),
        nested=("STRUCT", "LIST", "MAP"),
        items_described=False,
        items_required=False,
        options=False,
    ),
    "snowflake": fields(
        (
            "BOOLEAN",
            "DOUBLE",
            "DECIMAL",
            "VARCHAR",
            "BLOB",
            "DATE",
            "TIME",
            "TIMESTAMP",
            "TIMESTAMP_MS",
            "TIMESTAMPTZ",
            "JSON",
        ),
        nested=("LIST", "MAP"),
        items_described=False,
        items_required=False,
        options=False,
    ),
    "bigquery": fields(
        (
            "BOOLEAN",
            "BIGINT",
            "DOUBLE",
            "DECIMAL",
            "VARCHAR",
            "BLOB",
            "DATE",
            "TIME",
            "TIMESTAMP",
            "TIMESTAMPTZ",
            "JSON",
        ),
        nested=(),
        options=False,
    ),
}
TABLES = {
    d: any_table(columns, unique=d not in ("spark", "bigquery", "mysql"), keys=d != "mysql")
    for d, columns in SAYABLE.items()
}
ORDERS = Table(
    "orders",
    (
        Field("id", "BIGINT", required=True, key_position=2, description="it's the \\ number"),
        Field("line", "SMALLINT", required=True, key_position=1),
        Field("customer", "INTEGER", required=True),
        Field("kind", "VARCHAR", values=("new", "it's"), options={"maxLength": 9}, default="new"),
        Field("code", "VARCHAR", options={"minLength": 2, "maxLength": 3, "pattern": "^[A-Z]+$"}),
        Field("price", "DECIMAL", (12, 2), options={"minimum": 0, "exclusiveMaximum": 1000}, default=0),
        Field("step", "INTEGER", options={"multipleOf": 5}),
        Field("at", "TIMESTAMPTZ"),
        Field("local", "TIMESTAMP"),
        Field(
            "home",
            "STRUCT",
            fields=(Field("city", "VARCHAR"), Field("tags", "LIST", items=Field("items", "VARCHAR"))),
        ),
        Field("scores", "MAP", key=Field("key", "VARCHAR", required=True), items=Field("value", "DOUBLE")),
    ),
    description="what was ordered",
    references=(Reference(("customer",), "customers", ("id",)),),
)
CUSTOMERS = Table(
    "customers", (Field("id", "INTEGER", required=True, key_position=1), Field("mail", "VARCHAR", unique=True))
)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_written_says_the_same_when_it_is_read(dialect: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(TABLES[dialect])
    def proved(table: Table) -> None:
        written = exported("sql", table, dialect=dialect)

        (back,) = tables(imported("sql", written.text, dialect=dialect))

        assert back == said(table, dialect), written.text
        assert exported("sql", back, dialect=dialect).text == written.text

    proved()


@settings(max_examples=40, deadline=None)
@given(any_table(fields(DUCKDB, nested=("STRUCT", "LIST", "ARRAY", "MAP")), names=TEXTS))
def test_duckdb_runs_what_is_written_whatever_the_names(table: Table) -> None:
    connection = duckdb.connect()

    connection.execute(exported("sql", table).text)

    rows = connection.execute(
        "SELECT column_name, is_nullable, comment FROM duckdb_columns() WHERE NOT internal ORDER BY column_index"
    ).fetchall()
    assert [(f.name, not f.required, f.description) for f in table.fields] == rows


@pytest.mark.parametrize(
    "column",
    [
        Field("a", "INTERVAL"),
        Field("a", "STRUCT", fields=(Field("b", "INTEGER"),)),
        Field("a", "LIST", items=Field("items", "INTEGER")),
        Field("a", "ARRAY", (2,), items=Field("items", "INTEGER")),
        Field("a", "MAP", key=Field("key", "VARCHAR", required=True), items=Field("value", "INTEGER")),
    ],
    ids=lambda f: f.type,
)
def test_duckdb_gets_no_key_over_what_it_cannot_index_and_a_note_says_so(column: Field) -> None:
    other = Field("n", "INTEGER", required=True, key_position=2)
    keyed = Table("keyed", (replace(column, key_position=1, required=True), other))
    unique = Table("single", (replace(column, unique=True), Field("n", "INTEGER", unique=True)))
    together = Table("together", (column, replace(other, key_position=1)), unique_sets=(("n", "a"),))
    readers = Table("reader", (column, Field("n", "INTEGER")), references=(Reference(("a",), "single", ("a",)),))

    written = exported("sql", keyed, unique, together, readers)

    connection = duckdb.connect()
    connection.execute(written.text)
    kept = connection.execute(
        "SELECT table_name, constraint_type, constraint_column_names FROM duckdb_constraints() "
        "WHERE constraint_type <> 'CHECK' ORDER BY ALL"
    ).fetchall()
    assert kept == [
        ("keyed", "NOT NULL", ["a"]),
        ("keyed", "NOT NULL", ["n"]),
        ("single", "UNIQUE", ["n"]),
        ("together", "NOT NULL", ["n"]),
        ("together", "PRIMARY KEY", ["n"]),
    ]
    reason = f"it has no index where a is {column.type}"
    assert written.notes == (
        f"`keyed`: duckdb cannot say that a, n are its primary key: {reason}",
        "`single.a`: duckdb cannot say unique",
        f"`together`: duckdb cannot say that n, a are unique together: {reason}",
        "`reader`: the foreign key of a is not written: its targets are no key there",
    )


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_parsed_again_with_every_column_key_and_comment(dialect: str) -> None:
    written = exported("sql", CUSTOMERS, ORDERS, dialect=dialect)

    statements = [s for s in sqlglot.parse(written.text, dialect=dialect) if s is not None]

    assert not [s for s in statements if isinstance(s, exp.Command)]
    created = [s for s in statements if isinstance(s, exp.Create)]
    assert [c.this.this.name for c in created] == ["customers", "orders"]
    assert [c.name for c in created[1].find_all(exp.ColumnDef) if c.parent is created[1].this] == [
        f.name for f in ORDERS.fields
    ]
    found = {t.name: t for t in read(written.text, "t", dialect).tables}
    assert found["orders"].key == ("line", "id")
    assert found["orders"].description == ORDERS.description
    assert found["orders"].fields[0].description == ORDERS.fields[0].description
    assert found["orders"].fields[3].default == "new"
    kept = {f.name: f.type for f in found["orders"].fields}
    assert (kept["at"], kept["local"], kept["price"]) == ("TIMESTAMPTZ", "TIMESTAMP", "DECIMAL")


def test_the_constraints_that_duckdb_gets_keep_bad_rows_out() -> None:
    connection = duckdb.connect()
    connection.execute(exported("sql", CUSTOMERS, replace(ORDERS, fields=ORDERS.fields[:7])).text)
    connection.execute("INSERT INTO customers VALUES (1, 'a')")
    good = {"id": "1", "line": "1", "customer": "1", "kind": "'new'", "code": "'AB'", "price": "5", "step": "10"}
    connection.execute(f"INSERT INTO orders VALUES ({', '.join(good.values())})")

    wrong = {"line": "NULL", "customer": "7", "kind": "'old'", "code": "'a'", "price": "-1", "step": "3", "id": "1"}
    for column, value in wrong.items():
        row = {**good, "id": "2", column: value}
        with pytest.raises(duckdb.ConstraintException):
            connection.execute(f"INSERT INTO orders VALUES ({', '.join(row.values())})")


def test_foreign_keys_and_sets_of_columns_come_back_in_the_order_that_tables_need() -> None:
    several = replace(CUSTOMERS, unique_sets=(("id", "mail"),))

    back = tables(imported("sql", exported("sql", ORDERS, several).text))

    assert [t.name for t in back] == ["customers", "orders"]
    assert back[0].unique_sets == (("id", "mail"),)
    assert back[1].references == ORDERS.references


def test_bigquery_gets_the_foreign_keys_that_name_a_primary_key_and_is_told_of_the_others() -> None:
    to_key = Reference(("a", "b"), "goal", ("x", "y"))
    goal = Table("goal", tuple(Field(n, "BIGINT", required=True, key_position=i) for i, n in enumerate("xy", 1)))
    start = Table("start", (Field("a", "BIGINT"), Field("b", "BIGINT")), references=(to_key,))

    written = exported("sql", goal, start, dialect="bigquery")

    assert "FOREIGN KEY (`a`, `b`) REFERENCES `goal` (`x`, `y`) NOT ENFORCED" in written.text
    assert {t.name: t for t in read(written.text, "t", "bigquery").tables}["start"].references == (to_key,)
    other = replace(start, references=(Reference(("a",), "goal", ("y",)),))
    assert any("its targets are no key there" in n for n in exported("sql", goal, other, dialect="bigquery").notes)


def test_ddl_as_people_write_it_in_postgres() -> None:
    text = """
        CREATE TYPE mood AS ENUM ('sad', 'ok');
        CREATE TABLE IF NOT EXISTS shop."Orders" (
            id bigserial PRIMARY KEY,
            customer integer NOT NULL REFERENCES customers (id) ON DELETE CASCADE,
            mood mood DEFAULT 'ok',
            amount numeric(10, 2) CHECK (amount > 0 AND amount < 1e6),
            code varchar(5) CHECK (code ~ '^[A-Z]'),
            tags text[] NOT NULL,
            seen timestamp with time zone DEFAULT now(),
            day date DEFAULT '2020-01-01'::date,
            CONSTRAINT few CHECK (cardinality(tags) <= 3),
            CONSTRAINT weird CHECK (amount <> customer)
        );
        COMMENT ON COLUMN shop."Orders".code IS 'what it is';
        ALTER TABLE shop."Orders" ADD CONSTRAINT u UNIQUE (customer, code);
        CREATE INDEX i ON shop."Orders" (code);
    """

    found = read(text, "t", "postgres")

    assert found.tables == (
        Table(
            "Orders",
            (
                Field("id", "BIGINT", required=True, key_position=1),
                Field("customer", "INTEGER", required=True),
                Field("mood", "VARCHAR", values=("sad", "ok"), default="ok"),
                Field("amount", "DECIMAL", (10, 2), options={"exclusiveMinimum": 0, "exclusiveMaximum": 1e6}),
                Field("code", "VARCHAR", options={"maxLength": 5, "pattern": "^[A-Z]"}, description="what it is"),
                Field("tags", "LIST", required=True, items=Field("items", "VARCHAR"), options={"maxItems": 3}),
                Field("seen", "TIMESTAMPTZ"),
                Field("day", "DATE", default="2020-01-01"),
            ),
            unique_sets=(("customer", "code"),),
            references=(Reference(("customer",), "customers", ("id",)),),
        ),
    )
    assert sorted(n.split(":")[0] for n in found.notes) == ["CREATE says nothing of columns", "`amount`", "`seen`"]


def test_ddl_as_people_write_it_in_mysql_spark_snowflake_and_bigquery() -> None:
    mysql = (
        "CREATE TABLE `t` (`a` int unsigned NOT NULL AUTO_INCREMENT, `b` tinyint(1), "
        "`c` enum('x','y'), PRIMARY KEY (`a`)) ENGINE=InnoDB COMMENT='told'"
    )
    spark = (
        "CREATE TABLE t (a STRUCT<b: INT NOT NULL COMMENT 'x', c: ARRAY<MAP<STRING, DECIMAL(9,2)>>>, "
        "d TIMESTAMP) USING delta PARTITIONED BY (d)"
    )
    snowflake = (
        "CREATE OR REPLACE TRANSIENT TABLE db.s.t (a NUMBER(10,2), b INT, c TIMESTAMP_LTZ(9), "
        "d OBJECT(x VARCHAR(5) NOT NULL), e ARRAY(INT))"
    )
    bigquery = (
        "CREATE TABLE p.d.t (a STRUCT<b INT64 OPTIONS(description='x')> NOT NULL, "
        "c ARRAY<STRING>, n NUMERIC) OPTIONS(description='told')"
    )

    found = {
        d: read(text, "t", d).tables[0]
        for d, text in (("mysql", mysql), ("spark", spark), ("snowflake", snowflake), ("bigquery", bigquery))
    }

    assert found["mysql"].description == "told"
    assert [f.type for f in found["mysql"].fields] == ["UINTEGER", "BOOLEAN", "VARCHAR"]
    assert found["mysql"].fields[2].values == ("x", "y")
    assert found["spark"].fields[0].fields[0] == Field("b", "INTEGER", required=True, description="x")
    assert found["spark"].fields[0].fields[1].items.items.parameters == (9, 2)  # type: ignore[union-attr]
    assert found["spark"].fields[1].type == "TIMESTAMPTZ"
    assert [(f.type, f.parameters) for f in found["snowflake"].fields[:2]] == [
        ("DECIMAL", (10, 2)),
        ("DECIMAL", (38, 0)),
    ]
    assert found["snowflake"].fields[3].fields[0] == Field("x", "VARCHAR", required=True, options={"maxLength": 5})
    assert found["snowflake"].fields[4].items == Field("items", "DECIMAL", (38, 0))
    assert found["bigquery"].fields[0].fields == (Field("b", "BIGINT", description="x"),)
    assert found["bigquery"].fields[2].parameters == (38, 9)


def test_what_a_contract_cannot_say_of_a_column_is_told_and_the_rest_is_kept() -> None:
    text = "CREATE TABLE t (a NUMBER AUTOINCREMENT, o OBJECT, l ARRAY, g GEOGRAPHY, c INT AS (a + 1)) CLUSTER BY (a)"

    found = read(text, "t", "snowflake")

    assert [(f.name, f.type) for f in found.tables[0].fields] == [
        ("a", "DECIMAL"),
        ("o", "JSON"),
        ("l", "LIST"),
        ("g", "VARCHAR"),
        ("c", "DECIMAL"),
    ]
    assert found.notes == (
        "`a`: its values are numbered by the database: a contract has no word for that",
        "`o`: the type does not say what is in it: JSON is taken",
        "`l`: the type does not say what the items are: JSON is taken",
        "`g`: the type GEOGRAPHY is not understood: a text is taken",
        "`c`: AS (a + 1): left out",
        "`t`: CLUSTER BY (a) says nothing of columns: left out",
    )


def test_what_a_system_cannot_say_is_told_by_column() -> None:
    written = exported("sql", replace(ORDERS, references=()), dialect="bigquery")

    assert "`scores`: bigquery has no maps: written as a list of keys and values" in written.notes
    assert "`code`: bigquery cannot say minLength, pattern" in written.notes
    assert "`line`: bigquery has no SMALLINT: written as INT64" in written.notes


@pytest.mark.parametrize("text", ["", "SELECT 1", "DROP TABLE t", "CREATE TABLE t AS SELECT 1 AS a", "-- nothing"])
def test_a_script_that_creates_no_table_is_refused(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        imported("sql", text)

    assert refused.value.diagnostics[0].code == "WFT-IMP-004"


@pytest.mark.parametrize(
    "text", ["CREATE TABLE t (a INT", "CREATE TABLE t (a 'x", "CREATE TABLE t (a " + "STRUCT(b " * 3000 + "INT"]
)
def test_a_text_that_is_no_sql_is_refused_and_nothing_runs(text: str) -> None:
    with pytest.raises(SourceError) as refused:
        imported("sql", text)

    assert refused.value.diagnostics[0].code == "WFT-IMP-003"


def test_a_contract_keeps_what_it_says_of_itself_out_of_the_ddl_and_tells_it() -> None:
    from weft.contracts.exchange.exchange import document_from
    from weft.contracts.exchange.kinds import KINDS
    from weft.model.document import Document
    from weft.model.odcs import contract

    data = dict(a_contract_of(Table("t", (Field("a", "INTEGER"),))).data)
    data["slaProperties"] = [{"property": "latency", "value": 1, "unit": "d"}]
    data["schema"][0]["properties"][0] |= {
        "classification": "confidential",
        "quality": [{"metric": "nullValues", "mustBe": 0}],
    }

    written = document_from(contract(Document("c.odcs.yaml", data)), KINDS["sql"])

    assert written.text == 'CREATE TABLE "t" (\n    "a" INTEGER\n);\n'
    assert written.notes == (
        "`a`: 1 quality rule cannot be written",
        "`a`: the classification confidential cannot be written",
        "`c`: service levels cannot be written",
    )
