"""MySQL and MariaDB: tables described from information_schema and queried in a transaction that only reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from weft.connectors.servers import Described, OpenServer, missing, read_as, too_long, unreachable
from weft.connectors.targets import Database
from weft.errors import SourceError, UserCodeError, WeftError, error
from weft.model.column import Column
from weft.model.odcs import SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.model.types import duck_type
from weft.sql.quoting import literal

_TEXTS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
_AS_TEXT = frozenset({"uuid", "inet4", "inet6"})
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_INTEGERS = {"tinyint": "TINYINT", "smallint": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER", "bigint": "BIGINT"}
_MODE = "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
_TOO_LONG = (1317, 1969, 3024)
_DENIED = (1044, 1045, 1142, 1143, 1227)
_OF_NAMES = (1046, 1052, 1054, 1060, 1064, 1109, 1111, 1140, 1146, 1149, 1222, 1241, 1247, 1248, 1305, 1370, 1582)
_LOST = (2003, 2006, 2013, 2055)


@contextmanager
def connected(target: Database) -> Iterator[OpenServer]:
    """The tables of a MySQL or MariaDB under judgement, see `opened`."""
    with opened(target) as driver:
        yield OpenServer(driver)


@contextmanager
def opened(target: Database) -> Iterator[MysqlDriver]:
    """A connection to MySQL or MariaDB: read only, one snapshot, UTC, each statement with a time limit."""
    try:
        import pymysql
    except ImportError:
        raise missing("pymysql", "mysql") from None
    at: dict[str, Any] = {"host": target.host or "localhost", "port": target.port or 3306}
    if target.host and target.host.startswith("/"):
        at = {"unix_socket": target.host}
    try:
        connection = pymysql.connect(
            **at,
            user=target.user,
            password=target.password.value if target.password else "",
            database=target.name or None,
            charset="utf8mb4",
            connect_timeout=10,
            read_timeout=target.timeout_s + 30,
        )
    except (pymysql.Error, RuntimeError) as problem:
        raise unreachable(target, _message(problem)) from None
    try:
        yield MysqlDriver(connection, target)
    finally:
        with suppress(pymysql.Error):
            connection.close()


class MysqlDriver:
    """One connection to MySQL or MariaDB. Implements `servers.Driver`."""

    dialect = "mysql"

    def __init__(self, connection: Any, target: Database) -> None:
        self._connection = connection
        self._target = target
        ((version,),) = self.run("SELECT version()")
        mariadb = "mariadb" in str(version).lower()
        self._collation = "utf8mb4_nopad_bin" if mariadb else "utf8mb4_0900_bin"
        limit = (
            f"max_statement_time = {target.timeout_s:f}"
            if mariadb
            else f"max_execution_time = {round(target.timeout_s * 1000)}"
        )
        for statement in (
            f"SET NAMES utf8mb4 COLLATE {self._collation}",
            f"SET SESSION {limit}, time_zone = '+00:00', sql_mode = '{_MODE}'",
            # the session too: a statement that ends the transaction, as DDL does, would be outside of it
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
            "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
        ):
            self.run(statement)
        self.schemas = [target.schema or target.name]

    def tables(self) -> list[tuple[str, str]]:
        """Every table and view that the user may see."""
        return [
            (str(schema), str(table))
            for schema, table in self.run(
                "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema NOT IN"
                " ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY 1, 2"
            )
        ]

    def described(self, schema: str, table: str, one: SchemaObject | None) -> Described:
        """The columns of a table from information_schema.

        MySQL has no boolean, and its `timestamp` is an instant that is read as a local time: where the contract
        promises the one or the other, a column that can be it is it.
        """
        found = self.run(
            "SELECT column_name, data_type, column_type FROM information_schema.columns"
            f" WHERE table_schema = {_text(schema)} AND table_name = {_text(table)} ORDER BY ordinal_position"
        )
        checked = self.json_columns(schema, table)
        columns, items = [], []
        for name, kind, text in found:
            prop = one.property(str(name)) if one is not None else None
            wanted = duck_type(prop) if prop is not None else None
            tree = _type(str(kind).lower(), str(text), wanted, str(name) in checked)
            columns.append(Column(str(name), str(tree)))
            items.append(self._item(str(name), str(kind).lower(), tree))
        return read_as(f"{self.quoted(schema)}.{self.quoted(table)}", columns, items, self.quoted)

    def script(self, schema: str, table: str) -> str:
        """CREATE TABLE as the server writes it; of a view, its columns."""
        name = f"{self.quoted(schema)}.{self.quoted(table)}"
        made = str(self.run(f"SHOW CREATE TABLE {name}")[0][1])
        if made.startswith("CREATE TABLE"):
            for column in map(self.quoted, self.json_columns(schema, table)):
                # MariaDB's JSON is a text with a condition
                made = made.replace(f"{column} longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", f"{column} json")
                made = made.replace(f" CHECK (json_valid({column}))", "")
            return made
        found = self.run(
            "SELECT column_name, column_type, is_nullable FROM information_schema.columns"
            f" WHERE table_schema = {_text(schema)} AND table_name = {_text(table)} ORDER BY ordinal_position"
        )
        columns = [f"{self.quoted(str(c))} {kind}{'' if null == 'YES' else ' NOT NULL'}" for c, kind, null in found]
        return f"CREATE TABLE {self.quoted(table)} ({', '.join(columns)})"

    def run(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        import pymysql

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except (pymysql.Error, OSError, ValueError) as problem:
            raise self._told(problem) from None  # the original may hold values of rows

    def quoted(self, name: str) -> str:
        """A name as MySQL writes it."""
        return "`" + name.replace("`", "``") + "`"

    def shape(self, sql: str) -> list[tuple[str, str, str]]:
        """Name, type and type with its numbers of each column that a query gives."""
        import pymysql

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql)
                fields = cursor._result.fields  # PyMySQL shows flags and lengths nowhere else
                return [(str(f.name), *_of_field(f)) for f in fields]
        except (pymysql.Error, OSError, ValueError) as problem:
            raise self._told(problem) from None

    def json_columns(self, schema: str, table: str) -> frozenset[str]:
        """The columns that MariaDB checks to be JSON; elsewhere there are none."""
        try:
            found = self.run(
                "SELECT check_clause FROM information_schema.check_constraints"
                f" WHERE constraint_schema = {_text(schema)} AND table_name = {_text(table)}"
            )
        except UserCodeError:
            return frozenset()  # MySQL's view has no `table_name`, and its JSON is a type
        clauses = [str(clause) for (clause,) in found]
        return frozenset(
            c.removeprefix("json_valid(`").removesuffix("`)") for c in clauses if c.startswith("json_valid(`")
        )

    def _item(self, column: str, kind: str, tree: TypeText) -> str:
        """A column as queries read it: texts compare as their bytes do, whatever their collation."""
        name = self.quoted(column)
        if kind in _TEXTS:
            return f"CONVERT({name} USING utf8mb4) COLLATE {self._collation} AS {name}"
        if kind in _AS_TEXT:
            return f"CAST({name} AS CHAR) COLLATE {self._collation} AS {name}"
        if kind in ("bit", "year") and tree.name != "BIT":
            return f"({name} + 0) AS {name}"
        return name

    def _told(self, problem: Exception) -> WeftError:
        number = problem.args[0] if problem.args and isinstance(problem.args[0], int) else 0
        if number in _TOO_LONG:
            return too_long(self._target)
        if number in _DENIED:
            return SourceError(error("WFT-SRC-010", f"`{self._target}`: {_message(problem)}", fix="ask for a grant"))
        if number in _OF_NAMES:
            return UserCodeError(error("WFT-SQL-010", _message(problem)))
        if number in _LOST:
            return unreachable(self._target, "the connection was lost")
        return UserCodeError(error("WFT-ENG-001", f"the query failed on the server (error {number})"))


def _type(kind: str, text: str, wanted: str | None, json: bool) -> TypeText:
    """DuckDB's type for one of MySQL's."""
    if wanted == "BOOLEAN" and text in ("tinyint(1)", "bit(1)"):
        return TypeText("BOOLEAN")
    if kind in _INTEGERS:
        return TypeText(f"U{_INTEGERS[kind]}" if "unsigned" in text else _INTEGERS[kind])
    if kind == "timestamp":
        return TypeText("TIMESTAMPTZ" if wanted == "TIMESTAMPTZ" else "TIMESTAMP")
    if kind == "year":
        return TypeText("SMALLINT")
    if kind == "set" or kind in _AS_TEXT:
        return TypeText("VARCHAR")
    if kind in _BYTES:
        return TypeText("BLOB")
    if kind == "json" or json:
        return TypeText("JSON")
    if kind in _TEXTS and kind != "enum":
        return TypeText("VARCHAR")
    return parse_type(text.partition(" unsigned")[0]) or TypeText(kind.upper())


_CODES = {
    0: "decimal", 1: "tinyint", 2: "smallint", 3: "int", 4: "float", 5: "double", 7: "timestamp", 8: "bigint",
    9: "mediumint", 10: "date", 11: "time", 12: "datetime", 13: "year", 16: "bit", 245: "json", 246: "decimal",
    247: "enum", 248: "set", 255: "geometry",
}  # fmt: skip
_UNSIGNED = 32
_BINARY = 63
"""The number of the character set of bytes."""


def _of_field(field: Any) -> tuple[str, str]:
    """The type of a result's column. Source: the protocol's column definition, `enum_field_types`."""
    kind = _CODES.get(field.type_code)
    if kind is None:
        kind = "blob" if field.charsetnr == _BINARY else "text"
    unsigned = " unsigned" if field.flags & _UNSIGNED else ""
    if kind != "decimal":
        return kind, f"{kind}{unsigned}"
    digits = field.length - (1 if field.scale else 0) - (0 if unsigned else 1)  # it counts point and sign
    return kind, f"decimal({digits},{field.scale}){unsigned}"


def _text(text: str) -> str:
    """A text as MySQL writes it, where a backslash begins an escape."""
    return literal(text.replace("\\", "\\\\"))


def _message(problem: Exception) -> str:
    return str(problem.args[1] if len(problem.args) > 1 else problem).split("\n", 1)[0]
