"""PostgreSQL: tables described from its catalog and queried in a transaction that only reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from weft.connectors.servers import Described, OpenServer, missing, read_as, too_long, unreachable
from weft.connectors.targets import Database
from weft.errors import SourceError, UserCodeError, WeftError, error
from weft.model.column import Column
from weft.model.odcs import SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import dotted, ident, literal

if TYPE_CHECKING:
    import psycopg

_PLAIN_TEXTS = ("text", "character varying")
_NAMES = frozenset(("42",))
"""Classes of SQLSTATE whose messages speak of names and syntax alone."""


@contextmanager
def connected(target: Database) -> Iterator[OpenServer]:
    """The tables of a PostgreSQL under judgement, see `opened`."""
    with opened(target) as driver:
        yield OpenServer(driver)


@contextmanager
def opened(target: Database) -> Iterator[PostgresDriver]:
    """A connection to PostgreSQL: read only, one snapshot, UTC, each statement with a time limit."""
    try:
        import psycopg
    except ImportError:
        raise missing("psycopg", "postgres") from None
    try:
        connection = psycopg.connect(
            host=target.host,
            port=target.port,
            user=target.user,
            password=target.password.value if target.password else None,
            dbname=target.name or None,
            connect_timeout=10,
            application_name="weft",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            cursor_factory=psycopg.RawCursor,
            **{name: secret.value for name, secret in target.parameters.items()},  # type: ignore[arg-type]
        )
    except psycopg.Error as problem:
        raise unreachable(target, _first(str(problem))) from None
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield PostgresDriver(connection, target)
    finally:
        connection.close()


class PostgresDriver:
    """One connection to PostgreSQL. Implements `servers.Driver`."""

    dialect = "postgres"

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], target: Database) -> None:
        import psycopg

        self._connection = connection
        self._target = target
        try:
            connection.execute(b"SELECT 1")  # begins the transaction in which all that follows is done
        except psycopg.Error:
            raise unreachable(target, "the connection was lost") from None
        settings = {
            "statement_timeout": str(round(target.timeout_s * 1000)),
            "timezone": "UTC",
            "standard_conforming_strings": "on",
            "datestyle": "ISO",
        }
        if target.schema:
            settings["search_path"] = ident(target.schema)
        for name, value in settings.items():
            self.run(f"SELECT set_config({literal(name)}, {literal(value)}, true)")
        self.schemas = [str(s) for s in self.run("SELECT current_schemas(false)")[0][0]]

    def tables(self) -> list[tuple[str, str]]:
        """Every table and view in a schema that the user may use."""
        return [
            (str(schema), str(table))
            for schema, table in self.run(
                "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
                " ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p')"
                " AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\\_t%'"
                " AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') ORDER BY 1, 2"
            )
        ]

    def described(self, schema: str, table: str, one: SchemaObject | None) -> Described:
        """The columns of a table from pg_catalog; a domain has its base type, an enumeration its labels."""
        name = dotted((schema, table))
        found = self.run(
            "SELECT a.attname, CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)"
            " ELSE format_type(a.atttypid, a.atttypmod) END, t.typtype,"
            " ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid"
            " ORDER BY e.enumsortorder),"
            " coalesce((SELECT NOT c.collisdeterministic FROM pg_catalog.pg_collation c"
            " WHERE c.oid = a.attcollation), false)"
            " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
            f" WHERE a.attrelid = {literal(name)}::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        )
        columns, items = [], []
        for column, given, kind, labels, loose in found:
            tree = _type(str(given), str(kind), labels)
            columns.append(Column(str(column), str(tree)))
            items.append(_item(str(column), str(given), tree, bool(loose)))
        return read_as(name, columns, items, self.quoted)

    def script(self, schema: str, table: str) -> str:
        """CREATE TABLE from pg_catalog; a domain has its base type, an enumeration is a text with a condition."""
        of = f"{literal(dotted((schema, table)))}::regclass"
        found = self.run(
            "SELECT a.attname, CASE t.typtype WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)"
            " ELSE format_type(a.atttypid, a.atttypmod) END, a.attnotnull OR t.typnotnull,"
            " CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,"
            " ARRAY(SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid"
            " ORDER BY e.enumsortorder), col_description(a.attrelid, a.attnum)"
            " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
            " LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum"
            f" WHERE a.attrelid = {of} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        )
        parts, comments = [], []
        for column, given, required, default, labels, comment in found:
            name = ident(str(column))
            stated = f" DEFAULT {default}" if default is not None else ""
            parts.append(f"{name} {'TEXT' if labels else given}{' NOT NULL' if required else ''}{stated}")
            if labels:
                parts.append(f"CHECK ({name} IN ({', '.join(literal(str(label)) for label in labels)}))")
            if comment is not None:
                comments.append(f"COMMENT ON COLUMN {ident(table)}.{name} IS {literal(str(comment))};")
        parts += [
            str(text)
            for (text,) in self.run(
                f"SELECT pg_get_constraintdef(oid, true) FROM pg_catalog.pg_constraint WHERE conrelid = {of}"
                " AND contype IN ('p', 'u', 'f', 'c') ORDER BY contype DESC, conname"
            )
        ]
        ((about,),) = self.run(f"SELECT obj_description({of}, 'pg_class')")
        if about is not None:
            comments.append(f"COMMENT ON TABLE {ident(table)} IS {literal(str(about))};")
        inside = ",\n    ".join(parts)
        return "\n".join([f"CREATE TABLE {ident(table)} (\n    {inside}\n);", *comments])

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one query; one that fails leaves the transaction as it was."""
        import psycopg

        try:
            # a statement that is prepared is one: the server takes no second one behind it
            with self._connection.transaction():
                return self._connection.execute(sql.encode(), prepare=True).fetchall()
        except psycopg.Error as problem:
            raise self._told(problem) from None  # the original may hold values of rows

    def shape(self, sql: str) -> list[tuple[str, int, int]]:
        """Name, type's number and type's modifier of each column that a query gives."""
        import psycopg

        try:
            with self._connection.transaction():
                found = self._connection.execute(sql.encode(), prepare=True)
                result = found.pgresult
                assert result is not None, "it was executed"
                return [
                    ((result.fname(i) or b"").decode(), result.ftype(i), result.fmod(i)) for i in range(result.nfields)
                ]
        except psycopg.Error as problem:
            raise self._told(problem) from None

    def snapshot(self) -> str:
        """The name under which other connections see what this one sees, as long as it is open."""
        import psycopg

        try:
            row = self._connection.execute(b"SELECT pg_catalog.pg_export_snapshot()").fetchone()
        except psycopg.Error as problem:
            raise self._told(problem) from None
        assert row is not None, "a scalar function gives a row"
        return str(row[0])

    def quoted(self, name: str) -> str:
        """A name as PostgreSQL writes it."""
        return ident(name)

    def _told(self, problem: psycopg.Error) -> WeftError:
        state = problem.sqlstate or ""
        if state == "57014":
            return too_long(self._target)
        if state == "42501":
            return SourceError(error("WFT-SRC-010", f"`{self._target}`: {_first(str(problem))}", fix="ask for a grant"))
        if state[:2] in _NAMES:
            return UserCodeError(error("WFT-SQL-010", _first(str(problem))))
        if not state or state[:2] in ("08", "57"):
            return unreachable(self._target, "the connection was lost")
        return UserCodeError(error("WFT-ENG-001", f"the query failed on the server (SQLSTATE {state})"))


def _type(given: str, kind: str, labels: list[str]) -> TypeText:
    """DuckDB's type for one of PostgreSQL's; what DuckDB has no name for is told as text, composites by their name."""
    if kind == "e":
        return TypeText("ENUM", labels=tuple(labels))
    tree = parse_type(given)
    if tree is not None and tree.known:
        return tree
    if kind == "c":
        return TypeText(given.upper())
    lists = given.endswith("[]")
    return TypeText("LIST", parts=(("", TypeText("VARCHAR")),)) if lists else TypeText("VARCHAR")


def _item(column: str, given: str, tree: TypeText, loose: bool) -> str:
    """A column as queries read it: texts of whatever type as text, which compares as its bytes do."""
    name = ident(column)
    base = given.partition("(")[0]
    if tree.name in ("VARCHAR", "ENUM", "UUID") and base not in _PLAIN_TEXTS:
        return f"{name}::text AS {name}"
    if tree.element is not None and tree.element.name in ("VARCHAR", "UUID") and base.removesuffix("[]") != "text":
        return f"{name}::text[] AS {name}"
    return f'{name} COLLATE "C" AS {name}' if loose else name


def _first(text: str) -> str:
    """The first line of a message."""
    return text.strip().split("\n", 1)[0]
