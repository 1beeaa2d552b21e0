"""Tables of a DuckDB database file, read through an engine; the file is attached read-only and nothing in it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from weft.contracts.evaluator import Evaluator
from weft.contracts.exchange.documents import malformed, missing
from weft.contracts.exchange.kinds import Read
from weft.errors import UsageError, WeftError, did_you_mean, error
from weft.model.shape import Field, Reference, Table, field_of
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import literal


def parted(source: str) -> tuple[str, str]:
    """File and table of `FILE:TABLE`.

    Raises:
        UsageError: WFT-IMP-002, it names no table.

    >>> parted("C:/shop.duckdb:sales.orders")
    ('C:/shop.duckdb', 'sales.orders')
    """
    path, colon, table = source.rpartition(":")
    if not colon or not path or not table or "/" in table or "\\" in table:
        what = f"`{source}` names no table of the database"
        raise UsageError(error("WFT-IMP-002", what, fix="write `FILE:TABLE`, or `FILE:SCHEMA.TABLE`"))
    return path, table


def imported(evaluator: Evaluator, file: str, table: str, name: str) -> Read:
    """The table as the database's catalog describes it; no row is read.

    Raises:
        SourceError: WFT-IMP-003, the file is no database; WFT-IMP-004, there is no such table.
    """
    alias = "imported database"
    try:
        evaluator.rows(f'ATTACH {literal(file)} AS "{alias}" (READ_ONLY, TYPE duckdb)')
    except WeftError as e:
        raise malformed(name, "a database that DuckDB opens", e.diagnostics[0].what) from e
    try:
        return _described(_Catalog(evaluator, alias), table, name)
    finally:
        evaluator.rows(f'DETACH "{alias}"')


class _Catalog:
    """Questions about the attached database, answered by DuckDB's own tables."""

    def __init__(self, evaluator: Evaluator, alias: str) -> None:
        self._evaluator = evaluator
        self._where = f"database_name = {literal(alias)}"

    def rows(self, columns: str, function: str, **equal: str) -> list[tuple[Any, ...]]:
        wanted = "".join(f" AND {k} = {literal(v)}" for k, v in equal.items())
        return self._evaluator.rows(f"SELECT {columns} FROM {function}() WHERE {self._where}{wanted}")

    def tables(self) -> dict[tuple[str, str], str | None]:
        """Tables by schema and name, each with its comment."""
        return {(s, t): c for s, t, c in self.rows("schema_name, table_name, comment", "duckdb_tables")}


def _described(catalog: _Catalog, wanted: str, source: str) -> Read:
    found = catalog.tables()
    schema, _, name = wanted.rpartition(".")
    key = next((k for k in found if k[1] == wanted or k == (schema, name)), None)
    if key is None:
        names = [t if s == "main" else f"{s}.{t}" for s, t in found]
        listed = f"there are: {', '.join(sorted(names)[:20])}" if names else "the database has no table"
        raise missing(source, f"has no table `{wanted}`", did_you_mean(wanted, names, otherwise=listed))
    at = {"schema_name": key[0], "table_name": key[1]}
    notes: list[str] = []
    fields: dict[str, Field] = {}
    columns = catalog.rows("column_name, data_type, is_nullable, column_default, comment", "duckdb_columns", **at)
    for column, type_text, nullable, default, comment in columns:
        tree = parse_type(type_text)
        if tree is None:
            notes.append(f"`{column}`: the type {type_text} is not understood: a text is taken")
        field = field_of(column, tree or TypeText("VARCHAR"), required=not nullable)
        fields[column] = replace(field, description=comment)
        if default is not None:
            fields[column] = _with_default(fields[column], default, notes)
    table = Table(key[1], tuple(fields.values()), found[key])
    return _constrained(table, catalog, at, notes)


def _with_default(field: Field, expression: str, notes: list[str]) -> Field:
    from weft.sql.ddl import constant

    known, value = constant(expression)
    if not known:
        notes.append(f"`{field.name}`: its default is computed: left out")
        return field
    return replace(field, default=value)


def _constrained(table: Table, catalog: _Catalog, at: Mapping[str, str], notes: list[str]) -> Read:
    """The table with the keys and checks of the catalog."""
    from weft.sql.ddl import checked

    fields = {f.name: f for f in table.fields}
    sets: list[tuple[str, ...]] = []
    references: list[Reference] = []
    checks: list[str] = []
    columns = "constraint_type, constraint_column_names, expression, referenced_table, referenced_column_names"
    for kind, names, expression, target, targets in catalog.rows(columns, "duckdb_constraints", **at):
        if kind == "PRIMARY KEY":
            for position, name in enumerate(names, start=1):
                fields[name] = replace(fields[name], key_position=position, required=True)
        elif kind == "UNIQUE" and len(names) == 1:
            fields[names[0]] = replace(fields[names[0]], unique=True)
        elif kind == "UNIQUE":
            sets.append(tuple(names))
        elif kind == "FOREIGN KEY":
            references.append(Reference(tuple(names), target, tuple(targets)))
        elif kind == "CHECK":
            checks.append(str(expression))
    done = replace(table, fields=tuple(fields.values()), unique_sets=tuple(sets), references=tuple(references))
    done, told = checked(done, checks, "duckdb")
    return Read((done,), notes=(*notes, *told))
