"""What a file is like by itself: how it is written and which types its columns have; for drafts, never for builds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from weft.connectors.files import BoundSource, FileConnector
from weft.connectors.relations import file_list
from weft.errors import SourceError, WeftError
from weft.model.column import Column
from weft.model.mesh import Source
from weft.model.odcs import Contract
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import ident, literal

_DELIMITERS = (",", ";", "\t", "|")
_NULLS = ("NA", "NULL")
_PLAIN = frozenset({"BOOLEAN", "BIGINT", "DOUBLE", "VARCHAR", "STRUCT", "LIST", "MAP"})
"""Types that every reader reads alike; a date may have been guessed in a form that builds do not read."""
_DATED = ("DATE", "TIMESTAMP", "TIMESTAMPTZ")


class Asked(Protocol):
    """What a session is asked for."""

    def columns(self, sql: str) -> tuple[Column, ...]:
        """Names and types of a query's result."""
        ...

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        ...


class Sniffed(Struct, frozen=True):
    """A source that can be read with the types that were found.

    Attributes:
        kind: csv, json, ndjson or parquet.
        source: with its dialect and the contract of its columns.
        dialect: the fields of `weft.source` that say how it is written, where it is not as usual.
        bound: the source, bound as a build binds it.
    """

    kind: str
    source: Source
    dialect: dict[str, Any]
    bound: BoundSource


def sniff(
    source: Source, connector: FileConnector, session: Asked, typed: Callable[[Sequence[Column]], Contract]
) -> Sniffed:
    """Finds out dialect and types of a source that nothing is said of, so that builds read every row of it.

    Args:
        typed: the contract of a source with these columns.

    Raises:
        SourceError: WFT-SRC-001 to 008; a row that is broken is told, not guessed around.
    """
    kind, files = connector.files(source)
    dialect: dict[str, Any] = {}
    if kind == "csv":
        dialect = _dialect(source, connector, session)
        source = replace(source, **{k: tuple(v) if k == "nulls" else v for k, v in dialect.items()})
        columns = _of_csv(source, connector, session)
    elif kind == "parquet":
        connector.parquet_names(source)
        columns = session.columns(f"SELECT * FROM read_parquet({file_list(files)})")
    else:
        form = "newline_delimited" if kind == "ndjson" else "auto"
        columns = session.columns(f"SELECT * FROM read_json({file_list(files)}, format = '{form}', sample_size = -1)")
    columns = tuple(Column(c.name, str(_understood(parse_type(c.type)))) for c in columns)

    def bound(wanted: Sequence[Column]) -> BoundSource:
        return connector.bind(replace(source, contract=typed(wanted)))

    if kind != "parquet" and not _readable(bound(columns), columns, session):
        columns = _looser(columns, kind, bound, session)
    return Sniffed(kind, replace(source, contract=typed(columns)), dialect, bound(columns))


def _dialect(source: Source, connector: FileConnector, session: Asked) -> dict[str, Any]:
    widths = {d: len(connector.header(replace(source, delimiter=d))) for d in _DELIMITERS}
    found: dict[str, Any] = {}
    guessed = _guessed(source, connector, session, "")
    delimiter = guessed[0] if guessed else ","
    if widths.get(delimiter, 2) < 2 and max(widths.values()) > 1:
        # a guess that leaves the header whole is made when rows are broken, which is to be told
        delimiter = max(_DELIMITERS, key=lambda d: widths[d])
        guessed = _guessed(source, connector, session, f", delim = {literal(delimiter)}")
    if delimiter != ",":
        found["delimiter"] = delimiter
    if guessed is not None and not guessed[1]:
        found["header"] = False
    texts = connector.bind(replace(source, **found))
    asked = ", ".join(f"bool_or(COLUMNS(*) = {literal(n)})" for n in _NULLS)
    (row,) = session.rows(f"SELECT {asked} FROM {texts.relation()}")
    width = len(row) // len(_NULLS)
    nulls = [n for i, n in enumerate(_NULLS) if any(row[i * width : (i + 1) * width])]
    return found | ({"nulls": nulls} if nulls else {})


def _guessed(source: Source, connector: FileConnector, session: Asked, stated: str) -> tuple[str, bool] | None:
    """Delimiter and whether there is a header, by DuckDB; None when it finds no way to read all rows."""
    _, files = connector.files(source)
    options = f"quote = '\"', escape = '\"', sample_size = -1{stated}"
    try:
        rows = session.rows(f"SELECT Delimiter, HasHeader FROM sniff_csv({literal(str(files[0]))}, {options})")
    except SourceError:
        return None
    return rows[0][0], rows[0][1]


def _of_csv(source: Source, connector: FileConnector, session: Asked) -> tuple[Column, ...]:
    """Columns by the header's names, with the types that DuckDB finds for all their values."""
    names = connector.header(source)
    _, files = connector.files(source)
    nulls = ", ".join(literal(n) for n in ("", *source.nulls))
    options = (
        f"delim = {literal(source.delimiter or ',')}, header = {str(source.header).lower()}, quote = '\"', "
        f"escape = '\"', nullstr = [{nulls}], sample_size = -1"
    )
    try:
        types = [c.type for c in session.columns(f"SELECT * FROM read_csv({file_list(files)}, {options})")]
    except WeftError:
        types = []
    if len(types) != len(names):
        types = ["VARCHAR"] * len(names)
    dated = [n for n, t in zip(names, types, strict=True) if t in _DATED]
    if dated:
        other = ", ".join(f"bool_or(NOT regexp_matches({ident(n)}, '^\\s*[0-9]{{4}}-'))" for n in dated)
        (row,) = session.rows(f"SELECT {other} FROM {connector.bind(source).relation()}")
        for name, otherwise in zip(dated, row, strict=True):
            if otherwise:  # builds read years of four digits first, and would take 01-02-03 for the year 1
                types[names.index(name)] = "VARCHAR"
    return tuple(Column(n, t) for n, t in zip(names, types, strict=True))


def _looser(
    columns: Sequence[Column], kind: str, bound: Callable[[Sequence[Column]], BoundSource], session: Asked
) -> tuple[Column, ...]:
    """The columns, those that builds could not read with types that they can; an error of the rows is left to them."""
    texts = [Column(c.name, "VARCHAR") for c in columns]
    found = []
    for i, column in enumerate(columns):
        alone = [column] if kind != "csv" else [*texts[:i], column, *texts[i + 1 :]]
        if _readable(bound(alone), [column], session):
            found.append(column)
        else:
            tree = parse_type(column.type)
            found.append(Column(column.name, "VARCHAR" if tree is None or not tree.parts else str(_plain(tree))))
    return tuple(found)


def _readable(bound: BoundSource, columns: Sequence[Column], session: Asked) -> bool:
    asked = ", ".join(f"max(hash({ident(c.name)}))" for c in columns)
    try:
        session.rows(f"SELECT {asked} FROM {bound.relation()}")
    except SourceError:
        return False
    return True


def _understood(tree: TypeText | None) -> TypeText:
    """A type with text in the place of what has no name that a contract can write."""
    if tree is None or (not tree.known and not tree.parts):
        return TypeText("VARCHAR")
    return TypeText(tree.name, tree.parameters, tuple((n, _understood(t)) for n, t in tree.parts), tree.labels)


def _plain(tree: TypeText) -> TypeText:
    if tree.name not in _PLAIN:
        return TypeText("VARCHAR")
    return TypeText(tree.name, tree.parameters, tuple((n, _plain(t)) for n, t in tree.parts))
