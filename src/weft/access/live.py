"""Ports that live in a table of a database: what a decision shows is asked of the server, and nothing beyond it.

Columns, masks and row filters are said in the server's words, so that no row and no value leaves it that the reader may
not see. What was given lies in a file of one query, which whoever runs the query opens in the place of the table:
credentials never come near a text that somebody has written.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weft.access.decision import Decision
from weft.access.layers import Cell
from weft.access.live_masks import masked
from weft.access.masks import NULL, expression, fitted
from weft.access.opened import LiveRead, Readable
from weft.access.relation import of_strictness
from weft.connections import Connection
from weft.connectors import landed
from weft.connectors.postgres_live import Limits, LiveColumn, opened_live, within
from weft.errors import AccessDenied, SourceError, UsageError, UserCodeError, WeftError, error
from weft.model.address import Address
from weft.model.column import Column
from weft.model.live import LiveTable
from weft.model.publication import Publication
from weft.registry import processes
from weft.sql.narrowing import EVERYTHING, Narrow
from weft.sql.patterns import Unsayable
from weft.sql.postgres_conditions import Typed, said
from weft.sql.quoting import dotted, ident, literal

Parse = Callable[[str], str]
"""DuckDB's parse tree of a text, as JSON."""

FromServer = Callable[[Publication, str, str, Path], Sequence[Path]]
"""Files with the rows of a port, of the server that has published it: for a product, for a run, in a folder."""

_ROW = "~row"
_ORDERED = frozenset({"VARCHAR", "INTEGER", "DECIMAL", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP", "TIMESTAMPTZ"})
"""Kinds of values that stand in the same order there and here."""
_CONSTANT = frozenset({"null", "fixed"})


class Wanted(Struct, frozen=True):
    """What a query wants of the tables that it reads.

    Attributes:
        rows: how many rows of its answer are asked for.
        described: whether its columns are wanted and no row.
        told: whether errors may say where the server is, and what it says.
        domain: of the product that is built from it; None: it is somebody else who asks.
        product: that product.
        run: the run that builds it.
    """

    narrow: Narrow = EVERYTHING
    rows: int | None = None
    described: bool = False
    told: bool = False
    domain: str | None = None
    product: str | None = None
    run: str | None = None


class Fetch(Struct, frozen=True):
    """What is asked of a server, and how its answer is read.

    Attributes:
        sql: in the server's words.
        items: of a SELECT over the answer, in DuckDB's words.
    """

    sql: str
    items: tuple[str, ...]


def unfetched(address: Address, decision: Decision, live: LiveRead) -> str:
    """What stands for such a port until it is fetched: it is the same for the same decision, and shows no row."""
    table = live.table
    shown = [layer.shown for layer in decision.layers]
    told = repr((table.connection, table.schema, table.table, decision.columns, shown, decision.whole, live.columns))
    digest = hashlib.sha256(told.encode()).hexdigest()
    what = f"`{address}` lives in a database, and nothing of it was fetched ({digest[:32]})"
    return f"(SELECT error({literal(what)}))"


_NONE = Limits()


class LiveTables:
    """Fetches what queries read of tables in databases.

    Args:
        folder: where files of queries lie while these run; what a process that died has left there goes.
        parse: reads row filters.
        most_bytes: of a file for anybody but the owner; None: any number.
        elsewhere: whether a server has published the ports: then connections of this machine lead to the tables of its
            own domains alone, whatever their names are.
        from_server: what that server gives to runs of what lives in databases of other domains; None: nothing.
    """

    def __init__(
        self,
        connections: Mapping[str, Connection],
        folder: Path,
        parse: Parse,
        most_bytes: int | None = None,
        *,
        elsewhere: bool = False,
        from_server: FromServer | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._from_server = from_server
        self._connections = connections
        self._folder = folder
        self._parse = parse
        self._most_bytes = most_bytes

    @contextmanager
    def fetched(
        self,
        ports: Mapping[Address, Readable],
        wanted: Wanted,
        seconds: float | None = None,
        gone: Callable[[], bool] = lambda: False,
    ) -> Iterator[dict[Address, Readable]]:
        """The ports, with files in the place of tables; these go when it is left.

        Raises:
            AccessDenied: WFT-ACC-055, what hides rows or values has no words there.
            SourceError: WFT-SRC-056, a table cannot be read now.
            UserCodeError: WFT-ENG-001, -003 or -005, it fails, takes too long or brings too much.
            Unwanted: nobody waits any more.
        """
        live = {a: one for a, one in ports.items() if one.live is not None}
        if not live:
            yield dict(ports)
            return
        if wanted.described:
            yield {**ports, **{a: replace(one, relation=_empty(one)) for a, one in live.items()}}
            return
        with ExitStack() as held:
            folder = self._made()
            held.callback(shutil.rmtree, folder, ignore_errors=True)
            limits = Limits(seconds, None if wanted.told else self._most_bytes, gone)
            yield {**ports, **self.brought(live, wanted, folder, limits)}

    def brought(
        self, live: Mapping[Address, Readable], wanted: Wanted, folder: Path, limits: Limits = _NONE
    ) -> dict[Address, Readable]:
        """Ports with files of a folder in the place of tables, which somebody else removes. Raises as `fetched`."""
        foreign = {a: one for a, one in live.items() if a.domain != wanted.domain} if self._elsewhere else {}
        found = {a: self._given(one, wanted, folder) for a, one in foreign.items()}
        for connection, its in _by_connection({a: one for a, one in live.items() if a not in foreign}).items():
            try:
                work = partial(self._fetch, connection, its, wanted, limits, folder / secrets.token_hex(6))
                found |= within(limits, work)
            except (SourceError, UsageError, UserCodeError) as e:
                if wanted.told:
                    raise
                raise _untold(e, sorted(map(str, its))) from None
        return found

    def _given(self, one: Readable, wanted: Wanted, folder: Path) -> Readable:
        """A port of another domain, with what the server gives of it to a run."""
        if self._from_server is None or wanted.product is None or wanted.run is None:
            what = f"`{one.publication.address}` lives in a database of another domain"
            why = "its rows come to this machine for a run alone that publishes on the server"
            fix = "`weft apply` builds from it; `weft query` asks the server"
            raise SourceError(error("WFT-SRC-056", what, why=why, fix=fix))
        files = self._from_server(one.publication, wanted.product, wanted.run, folder)
        return _of_files(one, files) if files else replace(one, relation=_empty(one))

    def sql(self, one: Readable, described: Mapping[str, LiveColumn], wanted: Wanted) -> Fetch:
        """What is asked of the server for a port.

        Raises:
            AccessDenied: WFT-ACC-055.
            SourceError: WFT-SRC-055, the table has lost a column, or has it with another type.
        """
        return _Saying(one, described, self._parse).fetch(wanted)

    def _fetch(
        self, name: str, ports: Mapping[Address, Readable], wanted: Wanted, limits: Limits, folder: Path
    ) -> dict[Address, Readable]:
        connection = self._connections.get(name)
        if connection is None:
            what = f"the connection `{name}` is not declared here"
            fix = "ask the server that has it: `weft query --server …`, or declare it in weft.toml"
            raise SourceError(error("WFT-SRC-020", what, fix=fix))
        folder.mkdir(parents=True, mode=0o700)
        with opened_live(connection) as server:
            asked = {a: self.sql(one, server.described(_table(one)), wanted) for a, one in ports.items()}
            files = {a: folder / f"{number}.parquet" for number, a in enumerate(asked)}
            server.fetch([(asked[a].sql, files[a]) for a in asked], limits)
        return {a: _read_from(ports[a], asked[a], files[a]) for a in asked}

    def _made(self) -> Path:
        """A folder for one query; those of processes that died are removed."""
        if self._folder.is_dir():
            for left in self._folder.iterdir():
                process = left.name.partition("~")[0].replace("+", ":")
                if processes.here(process) and not processes.alive(process):
                    shutil.rmtree(left, ignore_errors=True)
        made = self._folder / f"{processes.identity().replace(':', '+')}~{secrets.token_hex(6)}"
        made.mkdir(parents=True, mode=0o700)
        return made


class _Saying:
    """A decision about a port, said to the server of its table."""

    def __init__(self, one: Readable, described: Mapping[str, LiveColumn], parse: Parse) -> None:
        assert one.live is not None, "the caller has looked"
        self._one, self._parse = one, parse
        self._table = one.live.table
        self._described = {c.name: _as_published(c, described, self._table) for c in one.live.columns}
        self._columns = one.live.columns
        if len({name.lower() for name in self._described}) < len(self._described):
            raise self._wordless("two columns whose names differ by capitals alone")
        self._layers = one.decision.layers
        self._whole = one.decision.whole and not one.decision.layers
        self._conditions = {
            layer.condition: self._filter(layer.condition) for layer in self._layers if layer.condition is not None
        }

    def fetch(self, wanted: Wanted) -> Fetch:
        used = wanted.narrow.columns
        shown = [c for c in self._columns if self._whole or c.name in self._one.decision.columns]
        carried: list[str] = []
        items: list[str] = []
        for column in shown:
            if used is not None and column.name.lower() not in used:
                continue
            here = self._here(column)
            if here is not None:
                items.append(f"{here} AS {ident(column.name)}")
                continue
            one = self._described[column.name]
            carried.append(f"{one.carried.format(self._value(column, one))} AS {ident(column.name)}")
            items += [_json(column)] if column.type == "JSON" else landed.typed([one.landed])
        where = self._where()
        clear = self._clear(shown)
        asked, all_asked = _asked(clear, wanted.narrow)
        where += asked
        table = dotted((self._table.schema, self._table.table))
        sql = f"SELECT {', '.join(carried) or f'1 AS {ident(_ROW)}'} FROM {table}"
        if where:
            sql += f" WHERE {' AND '.join(where)}"
        if wanted.narrow.once and all_asked:
            sql += self._end(clear, wanted)
        return Fetch(sql, tuple(items))

    def _where(self) -> list[str]:
        """The rows that are shown."""
        if self._whole or any(layer.condition is None for layer in self._layers):
            return []
        return [f"({' OR '.join(self._conditions.values())})"]

    def _clear(self, shown: Sequence[Column]) -> dict[str, Typed]:
        """The columns whose values are shown as they lie in the table, by name in lower case.

        Of a view there is none: how it makes a value of a hidden row would be seen by its errors.
        """
        return {
            c.name.lower(): self._described[c.name].typed
            for c in shown
            if self._described[c.name].stored and all(self._is_clear(layer.cells.get(c.name)) for layer in self._layers)
        }

    def _end(self, clear: Mapping[str, Typed], wanted: Wanted) -> str:
        """How many rows are enough, and which; nothing where their order is another one there."""
        asked = (wanted.narrow.rows, wanted.rows + 1 if wanted.rows is not None else None)
        enough = [n for n in asked if n is not None]
        if not enough:
            return ""
        by = []
        for name, falls, first in wanted.narrow.order:
            column = clear.get(name)
            if column is None or column.kind not in _ORDERED:
                return ""
            collated = ' COLLATE "C"' if column.kind == "VARCHAR" else ""
            direction = f"{'DESC' if falls else 'ASC'} NULLS {'FIRST' if first else 'LAST'}"
            by.append(f"{column.value}{collated} {direction}")
        return (f" ORDER BY {', '.join(by)}" if by else "") + f" LIMIT {min(enough)}"

    def _is_clear(self, cell: Cell | None) -> bool:
        return cell is not None and cell.mask is None

    def _here(self, column: Column) -> str | None:
        """What is the same in every row that is shown, and needs nothing of the table."""
        if self._whole:
            return None
        cells = [layer.cells.get(column.name) for layer in self._layers]
        masks = [fitted(cell.mask, column.type) if cell is not None else NULL for cell in cells]
        first = masks[0]
        if first is not None and first.kind in _CONSTANT and all(mask == first for mask in masks):
            return expression(first, "NULL", column.type, None)
        return None

    def _value(self, column: Column, one: LiveColumn) -> str:
        """What is shown of a column: of the layers that have a row, the one that shows most of it."""
        if self._whole:
            return one.typed.value
        cells = [(layer, layer.cells[column.name]) for layer in self._layers if column.name in layer.cells]
        if len(self._layers) == 1:
            return self._masked(cells[0][1], one)
        whens: list[str] = []
        for layer, cell in sorted(cells, key=lambda found: of_strictness(found[1])):
            value = self._masked(cell, one)
            if layer.condition is None:
                return f"CASE {' '.join(whens)} ELSE {value} END" if whens else value
            whens.append(f"WHEN {self._conditions[layer.condition]} THEN {value}")
        return f"CASE {' '.join(whens)} END"

    def _masked(self, cell: Cell, one: LiveColumn) -> str:
        if cell.mask is None:
            return one.typed.value
        try:
            return masked(cell.mask, one.typed, cell.salt)
        except Unsayable as problem:
            raise self._wordless(str(problem)) from None

    def _filter(self, condition: str) -> str:
        """A row filter in the server's words; what it is does not stand in an error, for readers may not know it."""
        try:
            tree: Any = msgspec.json.decode(self._parse(f"SELECT 1 FROM port WHERE ({condition}\n)"))
            node = tree["statements"][0]["node"]["where_clause"]
            return said(node, {name.lower(): one.typed for name, one in self._described.items()})
        except (Unsayable, KeyError, TypeError, IndexError, AttributeError, msgspec.DecodeError):
            raise self._wordless("the row filter of a policy") from None

    def _wordless(self, what: str) -> AccessDenied:
        return AccessDenied(
            error(
                "WFT-ACC-055",
                f"`{self._one.publication.address}` cannot be shown: its database has no words for {what}",
                why="rows and values are hidden where they lie, or not shown at all",
                fix="ask its owner: another mask or a plainer filter, or a port that a model fills from the table",
            )
        )


def _json(column: Column) -> str:
    """A text of JSON; PostgreSQL takes some for JSON that is none here, as half a character."""
    name = ident(column.name)
    return f"TRY_CAST({name} AS JSON) AS {name}"


def _asked(clear: Mapping[str, Typed], narrow: Narrow) -> tuple[list[str], bool]:
    """The conditions of a question about such columns, and whether these are all that it has."""
    found = []
    for text in narrow.conditions:
        try:
            found.append(said(msgspec.json.decode(text), clear))
        except (Unsayable, KeyError, TypeError, IndexError, AttributeError, msgspec.DecodeError):
            continue
    return found, len(found) == len(narrow.conditions)


def _as_published(column: Column, described: Mapping[str, LiveColumn], table: LiveTable) -> LiveColumn:
    found = described.get(column.name)
    if found is None or found.typed.type != column.type:
        is_now = "is not there any more" if found is None else f"is {found.typed.type} now"
        what = f"column `{column.name}` of `{table}` {is_now}, and was published as {column.type}"
        raise SourceError(error("WFT-SRC-055", what, fix="ask the owner of the port to publish it again"))
    return found


def _by_connection(live: Mapping[Address, Readable]) -> dict[str, dict[Address, Readable]]:
    found: dict[str, dict[Address, Readable]] = {}
    for address, one in live.items():
        found.setdefault(_table(one).connection, {})[address] = one
    return found


def _table(one: Readable) -> LiveTable:
    assert one.live is not None, "the caller has looked"
    return one.live.table


def _read_from(one: Readable, asked: Fetch, file: Path) -> Readable:
    items = ", ".join(asked.items) or ident(_ROW)
    rows = f"read_parquet([{literal(os.fspath(file))}])"
    return replace(one, relation=f"(SELECT {items} FROM {rows})", paths=(os.fspath(file),))


def _of_files(one: Readable, files: Sequence[Path]) -> Readable:
    """The port over files with all of its columns; what Parquet has no name for gets its type again."""
    assert one.live is not None, "the caller has looked"
    items = ", ".join(f"CAST({ident(c.name)} AS {c.type}) AS {ident(c.name)}" for c in one.live.columns)
    paths = tuple(map(os.fspath, files))
    return replace(one, relation=f"(SELECT {items} FROM read_parquet([{', '.join(map(literal, paths))}]))", paths=paths)


def _empty(one: Readable) -> str:
    assert one.live is not None, "the caller has looked"
    shown = [c for c in one.live.columns if c.name in one.decision.columns]
    return f"(SELECT {', '.join(f'CAST(NULL AS {c.type}) AS {ident(c.name)}' for c in shown)} WHERE false)"


def _untold(problem: WeftError, addresses: Sequence[str]) -> SourceError | UserCodeError:
    """What somebody who is not the owner is told: neither where the server is nor what it says."""
    code = problem.diagnostics[0].code
    subject = ", ".join(f"`{address}`" for address in addresses)
    if code == "WFT-ENG-005":
        return UserCodeError(*problem.diagnostics)
    if code == "WFT-ENG-003":
        fix = "name fewer columns, or compare a column with a value in WHERE"
        return UserCodeError(
            error(code, f"the database in which {subject} lives took longer than a query may", fix=fix)
        )
    if isinstance(problem, UserCodeError):
        return UserCodeError(error("WFT-ENG-001", f"the database in which {subject} lives could not answer"))
    fix = "ask its owner" if code in ("WFT-SRC-055", "WFT-SRC-020") else "try again later, or ask its owner"
    return SourceError(error("WFT-SRC-056", f"{subject} cannot be read now from its database", fix=fix))
