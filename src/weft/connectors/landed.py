"""Landed batches as what DuckDB reads in a FROM: the rows that a source has now, with their types."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from weft.connectors.landing import Batch, LandedColumn, LandingFolder
from weft.connectors.reading import IN_TIME, ORDERED
from weft.connectors.relations import file_list
from weft.model.remote import Remote
from weft.sql.quoting import ident, literal

LOADED_AT = "_loaded_at"
BATCH = "_batch"
_CHECKED = frozenset(("DATE", "TIMESTAMP", "TIMESTAMPTZ", "JSON", "UUID"))
"""Types that may be landed as a text which is none of theirs."""
_FIRST_DAY = "DATE '-4800-01-01'"
"""Before anything that a server can hold: `infinity` comes as a day long before it."""


def relation(folder: LandingFolder, batches: Sequence[Batch], remote: Remote) -> str:
    """The rows of a source as it is now; `batches` as `LandingFolder.batches` gives them."""
    columns = batches[-1].columns
    return (
        f"(SELECT {', '.join(ident(c.name) for c in columns)} FROM {_state(folder, batches, remote, typed(columns))})"
    )


def typed(columns: Sequence[LandedColumn]) -> list[str]:
    """Each column with its type."""
    return [f"{_typed(c)} AS {ident(c.name)}" for c in columns]


def compacted(folder: LandingFolder, batches: Sequence[Batch], remote: Remote) -> str:
    """A query of the landed rows that later batches have not replaced, as they came, with when and by which batch."""
    columns = batches[-1].columns
    names = ", ".join(ident(n) for n in (*(c.name for c in columns), LOADED_AT, BATCH))
    by_name = {c.name: c for c in columns}
    rows = _unreplaced(folder, batches, remote, [names])
    if not remote.key:
        return f"SELECT {names} FROM {rows}"
    keys = ", ".join(_typed(by_name[k]) for k in remote.key)
    newest = f'"number of the batch" DESC, {_typed(by_name[remote.cursor or ""])} DESC NULLS LAST'
    return f"SELECT {names} FROM {rows} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {newest}) = 1"


def unmapped(files: Sequence[Path], columns: Sequence[LandedColumn]) -> str:
    """A query of one row: for each column, how many landed values its type cannot hold."""
    counts = [f"count(*) FILTER (WHERE {_unmapped(c)})" for c in columns]
    return f"SELECT {', '.join(counts)} FROM read_parquet({file_list(files)})"


def digest(files: Sequence[Path], columns: Sequence[LandedColumn]) -> str:
    """A query of one row that is another for other rows, in whatever order they stand."""
    names = ", ".join(ident(c.name) for c in columns)
    rows = f"SELECT hash({names}) AS hashed FROM read_parquet({file_list(files)})"
    return f"SELECT count(*), sum(hashed::HUGEINT), bit_xor(hashed), sum(hash(hashed)::HUGEINT) FROM ({rows})"


def _typed(column: LandedColumn) -> str:
    name = ident(column.name)
    if column.type.endswith("[]"):
        return f"CAST(CAST({name} AS JSON) AS {column.type})"
    return f"CAST({name} AS {column.type})"


def _unmapped(column: LandedColumn) -> str:
    name = ident(column.name)
    if column.endless:
        return f"{name} < {_FIRST_DAY}"
    if column.type.startswith("DECIMAL"):
        return f"{name} = 'NaN'"  # servers keep to the digits themselves
    if column.type not in _CHECKED and not column.type.endswith("[]"):
        return "false"
    if column.type == "JSON":
        return f"NOT json_valid({name})"
    if column.type.endswith("[]"):
        return f"starts_with({name}, '[[')"  # of more dimensions, which a list has not; its items are of its type
    return f"{name} IS NOT NULL AND TRY_CAST({name} AS {column.type}) IS NULL"


def _state(folder: LandingFolder, batches: Sequence[Batch], remote: Remote, items: Sequence[str]) -> str:
    """The rows of all batches, where a later one takes the place of what it has read again."""
    columns = {c.name: c for c in batches[-1].columns}
    state = _unreplaced(folder, batches, remote, items)
    if remote.incremental and remote.key:
        keys = ", ".join(ident(k) for k in remote.key)
        newest = f'"number of the batch" DESC, {ident(remote.cursor or "")} DESC NULLS LAST'
        state = f"(SELECT * FROM {state} QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {newest}) = 1)"
    if remote.compare_keys and batches[-1].keyed:
        by_name = {c.name: c for c in batches[-1].columns}
        there = ", ".join(f"{_typed(by_name[k])} AS {ident(k)}" for k in remote.key)
        using = ", ".join(ident(k) for k in remote.key)
        keys = f"(SELECT {there} FROM read_parquet({file_list(folder.files(batches[-1], 'keys'))}))"
        state = f"(SELECT * FROM {state} SEMI JOIN {keys} USING ({using}))"
    if remote.deleted is not None:
        state = f"(SELECT * FROM {state} WHERE NOT ({_gone(columns[remote.deleted])}))"
    return state


def _gone(column: LandedColumn) -> str:
    """The condition under which the column that says so says that a row is deleted."""
    name = ident(column.name)
    base = column.type.partition("(")[0]
    if base == "BOOLEAN":
        return f"{name} IS TRUE"
    if base in ORDERED and base not in IN_TIME:
        return f"coalesce({name} <> 0, false)"  # a flag of servers whose BOOLEAN is a number
    return f"{name} IS NOT NULL"


def _unreplaced(folder: LandingFolder, batches: Sequence[Batch], remote: Remote, items: Sequence[str]) -> str:
    """The rows of all batches without those that a later one has read again, with the number of their batch."""
    columns = {c.name: c for c in batches[-1].columns}
    cursor = columns[remote.cursor] if remote.cursor is not None else None
    parts = []
    for number, batch in enumerate(batches):
        rows = f'SELECT {", ".join(items)}, {number} AS "number of the batch" FROM'
        rows += f" read_parquet({file_list(folder.files(batch, 'rows'))})"
        again = [b.since for b in batches[number + 1 :] if b.since is not None]
        if again and cursor is not None:
            first = ", ".join(f"CAST({literal(s)} AS {cursor.type})" for s in again)
            rows += f" WHERE {_typed(cursor)} < least({first})"
        parts.append(rows)
    return "(" + " UNION ALL ".join(parts) + ")"
