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

from msgspec.structs import replace

from weft.access.decision import Decision
from weft.access.live_saying import ROW, Fetch, Parse, Saying, Wanted
from weft.access.opened import LiveRead, Readable
from weft.connections import Connection
from weft.connectors.postgres_live import Limits, LiveColumn, opened_live, within
from weft.errors import SourceError, UsageError, UserCodeError, WeftError, error
from weft.model.address import Address
from weft.model.live import LiveTable
from weft.model.publication import Publication
from weft.registry import processes
from weft.sql.quoting import ident, literal

FromServer = Callable[[Publication, str, str, Path], Sequence[Path]]
"""Files with the rows of a port, of the server that has published it: for a product, for a run, in a folder."""


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
        return Saying(one, described, self._parse).fetch(wanted)

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


def _by_connection(live: Mapping[Address, Readable]) -> dict[str, dict[Address, Readable]]:
    found: dict[str, dict[Address, Readable]] = {}
    for address, one in live.items():
        found.setdefault(_table(one).connection, {})[address] = one
    return found


def _table(one: Readable) -> LiveTable:
    assert one.live is not None, "the caller has looked"
    return one.live.table


def _read_from(one: Readable, asked: Fetch, file: Path) -> Readable:
    items = ", ".join(asked.items) or ident(ROW)
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
        # the same words whatever failed: a value of a row that is hidden may have done it
        what = f"the database in which {subject} lives could not answer"
        why = "something failed there while it computed the rows"
        return UserCodeError(error("WFT-ENG-001", what, why=why, fix="name fewer columns, or ask its owner"))
    fix = "ask its owner" if code in ("WFT-SRC-055", "WFT-SRC-020") else "try again later, or ask its owner"
    return SourceError(error("WFT-SRC-056", f"{subject} cannot be read now from its database", fix=fix))
