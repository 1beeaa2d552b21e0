"""Tables that CREATE TABLE statements describe, in the DDL of six systems. Nothing is run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlglot
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from weft.model.shape import UNSET, Field, Table
from weft.model.type_text import parse_type
from weft.sql.ddl_tables import TableReader
from weft.sql.ddl_types import TypeReader
from weft.sql.ddl_values import short, written

_ODD = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a tree raises when sqlglot has let something pass that has not the parts of its kind."""


class Described(Struct, frozen=True):
    """What DDL describes: tables, and what it says beyond them, one line each."""

    tables: tuple[Table, ...]
    notes: tuple[str, ...]


class Unreadable(Exception):
    """The text is no SQL of the dialect; `line` counts from 1."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


def described(text: str, dialect: str) -> Described:
    """The tables that a script creates; ALTER TABLE and COMMENT ON that follow are taken into account.

    Raises:
        Unreadable: it does not parse.
    """
    try:
        with _silent():
            statements = sqlglot.parse(text, dialect=dialect)
    except ParseError as e:
        first = e.errors[0] if e.errors else {}
        raise Unreadable(str(first.get("description") or "it does not parse"), first.get("line")) from e
    except (TokenError, SqlglotError, RecursionError) as e:
        raise Unreadable(str(e) or type(e).__name__) from e
    reader = _Script(dialect)
    try:
        with _silent():
            for statement in statements:
                if statement is not None:
                    reader.take(statement)
    except RecursionError as e:
        raise Unreadable("it is nested too deep") from e
    except _ODD as e:
        raise Unreadable("a statement lacks a part that belongs to it") from e
    return Described(tuple(reader.tables.values()), tuple(reader.notes))


@contextmanager
def _silent() -> Iterator[None]:
    """Lets sqlglot not warn on standard error of what is noted here."""
    logger = logging.getLogger("sqlglot")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def checked(table: Table, checks: list[str], dialect: str) -> tuple[Table, tuple[str, ...]]:
    """The table with what conditions of CHECKs say of its columns, and those that say something else, told."""
    builder = TableReader(table.name, dialect, {}, table)
    for check in checks:
        try:
            builder.constraint(exp.CheckColumnConstraint(this=sqlglot.parse_one(check, dialect=dialect)))
        except (SqlglotError, RecursionError, *_ODD):
            builder.note(table.name, f"CHECK ({short(check)}): left out")
    return builder.done(), tuple(builder.notes)


def column_type(text: str, dialect: str, place: str) -> tuple[Field, tuple[str, ...]]:
    """The type of a column as a system writes it, as a field without name, and what of it is not understood.

    Raises:
        Unreadable: it is no type of the dialect.
    """
    notes: list[str] = []
    try:
        kind = exp.DataType.build(text, dialect=dialect, udt=True)
        field = TypeReader(dialect, {}, lambda _, said: notes.append(said)).field(kind, place)
    except (SqlglotError, RecursionError, *_ODD) as e:
        raise Unreadable(str(e)) from e
    return field, tuple(notes)


def constant(text: str, dialect: str = "duckdb") -> tuple[bool, Any]:
    """Whether an expression is a value that is written there, and the value.

    >>> constant("'a'"), constant("CAST('2020-01-01' AS DATE)"), constant("now()")
    ((True, 'a'), (True, '2020-01-01'), (False, None))
    """
    try:
        found = written(sqlglot.parse_one(text, dialect=dialect))
    except (SqlglotError, RecursionError, *_ODD):
        found = UNSET
    return (False, None) if found is UNSET else (True, found)


class _Script:
    def __init__(self, dialect: str) -> None:
        self.tables: dict[str, Table] = {}
        self.notes: dict[str, None] = {}
        self._dialect = dialect
        self._enums: dict[str, tuple[str, ...]] = {}

    def take(self, statement: exp.Expr) -> None:
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            self._create(statement)
        elif isinstance(statement, exp.Create) and statement.kind == "TYPE":
            self._type(statement)
        elif isinstance(statement, exp.Comment):
            self._comment(statement)
        elif isinstance(statement, exp.Alter) and statement.args.get("kind") == "TABLE":
            self._alter(statement)
        elif isinstance(statement, exp.Command) and self._enum(statement.sql(self._dialect)):
            pass
        else:
            self._note("", f"{statement.key.upper()} says nothing of columns: left out")

    def _note(self, place: str, text: str) -> None:
        self.notes[f"`{place}`: {text}" if place else text] = None

    def _create(self, statement: exp.Create) -> None:
        target = statement.this
        if not isinstance(target, exp.Schema):
            name = target.name if isinstance(target, exp.Table) else "?"
            self._note(name, "the statement lists no columns: left out")
            return
        builder = TableReader(target.this.name, self._dialect, self._enums)
        for part in target.expressions:
            if isinstance(part, exp.ColumnDef):
                builder.column(part)
        for part in target.expressions:
            if not isinstance(part, exp.ColumnDef):
                builder.constraint(part)
        properties = statement.args.get("properties")
        for prop in properties.expressions if properties is not None else ():
            builder.property(prop)
        self.tables[builder.name.lower()] = builder.done()
        self.notes |= dict.fromkeys(builder.notes)

    def _alter(self, statement: exp.Alter) -> None:
        name = statement.this.name
        table = self.tables.get(name.lower())
        if table is None:
            self._note(name, "ALTER TABLE of a table that the script does not create: left out")
            return
        builder = TableReader(name, self._dialect, self._enums, table)
        for action in statement.args.get("actions") or ():
            if isinstance(action, exp.AddConstraint):
                for part in action.expressions:
                    builder.constraint(part)
            elif isinstance(action, exp.ColumnDef):
                builder.column(action)
            else:
                builder.note(name, f"ALTER TABLE … {action.key.upper()}: left out")
        self.tables[name.lower()] = builder.done()
        self.notes |= dict.fromkeys(builder.notes)

    def _comment(self, statement: exp.Comment) -> None:
        kind, target = str(statement.args.get("kind")).upper(), statement.this
        text = statement.expression.this if isinstance(statement.expression, exp.Literal) else None
        name = target.name if kind == "TABLE" else target.args["table"].name if target.args.get("table") else ""
        table = self.tables.get(name.lower())
        if table is None or kind not in ("TABLE", "COLUMN"):
            self._note(name or kind, "COMMENT on what the script does not create: left out")
            return
        if kind == "TABLE":
            self.tables[name.lower()] = replace(table, description=text)
            return
        fields = tuple(replace(f, description=text) if f.name == target.name else f for f in table.fields)
        self.tables[name.lower()] = replace(table, fields=fields)

    def _type(self, statement: exp.Create) -> None:
        if not self._enum(statement.sql(self._dialect)):
            self._note("", "CREATE TYPE of another kind than ENUM: left out")

    def _enum(self, text: str) -> bool:
        """Remembers the labels of `CREATE TYPE name AS ENUM (…)`."""
        words = text.replace("(", " ( ", 1).split(None, 5)
        if [w.upper() for w in words[:2]] != ["CREATE", "TYPE"] or [w.upper() for w in words[3:5]] != ["AS", "ENUM"]:
            return False
        tree = parse_type("ENUM" + words[5].rstrip("; \n"))
        if tree is None:
            return False
        self._enums[words[2].rpartition(".")[2].strip('"').lower()] = tree.labels
        return True
