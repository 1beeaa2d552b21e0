"""Sources behind connections: asked whether they have moved, landed, and given to models from what was landed."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct
from msgspec.structs import replace

from weft.config import Connection, Settings
from weft.connectors import landed, objects, writing
from weft.connectors.files import BoundSource, FileConnector
from weft.connectors.headers import declared
from weft.connectors.landing import Asked, Batch, LandedColumn, LandingFolder, version_after
from weft.connectors.reading import OpenSource, RemoteTable, checked, open_source, queries, readable
from weft.errors import Diagnostic, SourceError, WeftError, Where, did_you_mean, error, warning
from weft.model.address import ProductAddress
from weft.model.column import Column
from weft.model.live import ALWAYS, LIVE
from weft.model.mesh import Source
from weft.model.remote import LANDS, Remote

_AWAY = frozenset(("WFT-SRC-006", "WFT-SRC-010", "WFT-SRC-021", "WFT-ENG-003"))
"""What keeps a source from being asked, and says nothing of its binding."""

_MOST_BATCHES = 20
"""Batches of one state, above which they become one."""


class Rows(Protocol):
    """What an engine does with landed rows."""

    def row(self, sql: str) -> tuple[Any, ...]:
        """The row of a query that gives one."""
        ...

    def write(self, sql: str, columns: Sequence[str], file: Path) -> int:
        """Writes the rows of a query as Parquet, and returns how many there are."""
        ...


class Landed(Struct, frozen=True):
    """What a landing has come to: rows that were read, and whether they make another state than before."""

    rows: int
    moved: bool
    seconds: float


class RemoteConnector:
    """Asks, lands and binds what lies behind the connections of the settings."""

    def __init__(self, settings: Settings, files: Callable[[], FileConnector], now: Callable[[], dt.datetime]) -> None:
        self._settings = settings
        self._files = files
        self._now = now
        self._open: dict[str, OpenSource] = {}
        self._held = ExitStack()
        self.failed: dict[tuple[ProductAddress, str], WeftError] = {}

    def close(self) -> None:
        """Gives connections back."""
        self._open.clear()
        self._held.close()

    def seen(
        self, product: ProductAddress, name: str, source: Source, where: Where, *, ask: bool
    ) -> tuple[str, tuple[Column, ...], list[Diagnostic]]:
        """Version and columns of a source as a plan needs them, and what there is to say about it.

        A source that has been landed is asked when it is due, and otherwise known by what was landed.

        Args:
            ask: whether the source may be asked although something of it was landed.

        Raises:
            SourceError: nothing was landed, and the source cannot be asked.
        """
        remote = _remote(source)
        folder = self._folder(product, name)
        batches = folder.batches(_binding(source))
        if not batches and not ask and source.contract is not None:
            return _pending("", None, declared(source.contract)), declared(source.contract), []
        if batches and not (ask and self._due(folder, batches[-1], remote)):
            bound = self._bound(product, name, source)
            return bound.version, bound.columns, []
        try:
            columns, watermark = self._asked(source)
        except WeftError as e:
            if not batches and source.contract is not None and self.is_away(product, name, e):
                columns_said = declared(source.contract)
                what = f"input port `{name}` of `{product}` is planned from its contract: nothing of it was landed here"
                return _pending("", None, columns_said), columns_said, [_unasked(what, where, e)]
            if not batches or any(d.code not in _AWAY for d in e.diagnostics):
                raise
            bound = self._bound(product, name, source)
            what = f"input port `{name}` of `{product}` is planned from what was landed {batches[-1].at:%Y-%m-%d %H:%M}"
            return bound.version, bound.columns, [_unasked(what, where, e)]
        if batches and not _moved(folder, batches[-1], watermark, columns):
            bound = self._bound(product, name, source)
            return bound.version, bound.columns, []
        found = tuple(Column(c.name, c.type) for c in columns)
        return _pending(batches[-1].version if batches else "", watermark, found), found, []

    def live(self, source: Source) -> tuple[str, tuple[Column, ...]]:
        """Version and columns of a table in which a port lives; nothing of it is landed.

        Raises:
            SourceError: WFT-SRC-053 its server is none in which a port can live, WFT-SRC-024 there is no such table.
        """
        remote = _remote(source)
        connection = self._connection(remote)
        if connection.kind != "postgres":
            what = f"a port cannot live in `{remote.connection}`, which is of the kind {connection.kind}"
            why = "its server gives each reader what they may see, and weft can say that to PostgreSQL alone"
            fix = "land its table by an input port, and fill the port by a model"
            raise SourceError(error("WFT-SRC-053", what, why=why, fix=fix))
        readable(connection)
        server, table = self._server(self._connection(remote).name), self.described(source)
        columns = tuple(Column(c.name, c.type) for c in table.columns)
        watermark = _watermark(server, table, remote)[1]
        known = [remote.connection, table.source, watermark, [[c.name, c.type] for c in columns]]
        moves = hashlib.sha256(json.dumps(known).encode()).hexdigest()
        return (ALWAYS if watermark is None else f"{LIVE}{moves}"), columns

    def is_away(self, product: ProductAddress, name: str, problem: WeftError) -> bool:
        """Whether a source could not be asked or landed, so that its binding may be right all the same."""
        return (product, name) in self.failed or all(d.code in _AWAY for d in problem.diagnostics)

    def bind(self, product: ProductAddress, name: str, source: Source) -> BoundSource:
        """What was landed of a source.

        Raises:
            SourceError: WFT-SRC-028, nothing was; or why landing it has failed.
        """
        if (product, name) in self.failed:
            raise self.failed[product, name]
        return self._bound(product, name, source)

    def _bound(self, product: ProductAddress, name: str, source: Source) -> BoundSource:
        """What was landed of a source, also when landing more of it has failed."""
        remote = _remote(source)
        folder = self._folder(product, name)
        batches = folder.batches(_binding(source))
        if not batches and (product, name) in self.failed:
            raise self.failed[product, name]
        if not batches:
            what = f"nothing was landed yet for input port `{name}` of `{product}`"
            raise SourceError(error("WFT-SRC-028", what, fix="`weft apply` reads the source"))
        last = batches[-1]
        if source.file:
            return self._files().bind(objects.local(source, folder, last), trusted=True)
        columns = tuple(Column(c.name, c.type) for c in last.columns)
        shown = {
            str(f): f"{remote.subject}, landed {b.at:%Y-%m-%d %H:%M}" for b in batches for f in folder.files(b, "rows")
        }
        return BoundSource(_version(last, remote), columns, lambda: landed.relation(folder, batches, remote), shown)

    def land(self, product: ProductAddress, name: str, source: Source, engine: Rows) -> Landed:
        """Reads what is new in a source, and shows it as one batch when all of it is there.

        What somebody else has landed since the plan was made is not read once more.

        Raises:
            SourceError: the source cannot be read, WFT-SRC-029 it holds a value that its column's type cannot.
        """
        began, remote = self._now(), _remote(source)
        folder = self._folder(product, name)
        with folder.alone():
            batches = folder.batches(_binding(source))
            with folder.half(self._now()) as (batch, half):
                if source.file:
                    made = self._copied(source, folder, batches, batch, half)
                else:
                    made = self._read(source, folder, batches, batch, half, engine)
                if made is None:
                    return Landed(0, False, (self._now() - began).total_seconds())
                made = _with(made, source, began, batches)
                moved = not batches or made.version != batches[-1].version
                if moved:
                    folder.show(made, half)
            folder.note(Asked(self._now().isoformat(), made.watermark))
            now = folder.batches(_binding(source))
            if len(now) > _MOST_BATCHES:
                self._compact(folder, now, remote, engine)
                now = folder.batches(_binding(source))
            folder.drop(now, self._now() - dt.timedelta(seconds=remote.keep_s))
        return Landed(made.rows, moved, (self._now() - began).total_seconds())

    def has_tables(self, connection: str) -> bool:
        """Whether a connection of the settings leads to a database, not to a store of files."""
        return self._named(connection).kind != "s3"

    def described(self, source: Source) -> RemoteTable:
        """A table as its server describes it."""
        remote = _remote(source)
        table = self._server(self._connection(remote).name).described(remote)
        checked(table, remote)
        return table

    def reached(self) -> list[tuple[str, WeftError | None]]:
        """Each connection of the settings, with what keeps it from being reached."""
        found: list[tuple[str, WeftError | None]] = []
        for name in self._settings.connections:
            try:
                self.reach(name)
            except WeftError as e:
                found.append((name, e))
            else:
                found.append((name, None))
        return found

    def reach(self, name: str) -> None:
        """Connects to a system once, and asks it for nothing.

        Args:
            name: of a connection that there is.

        Raises:
            SourceError: WFT-SRC-010 and others, it cannot be reached.
        """
        connection = self._settings.connections[name]
        if connection.kind == "s3":
            objects.reached(connection)
        else:
            self._server(name)
            readable(connection)

    def _copied(
        self, source: Source, folder: LandingFolder, batches: list[Batch], batch: str, half: Path
    ) -> Batch | None:
        """The files of a store as a batch; None where they were landed as they are."""
        connection = self._connection(_remote(source))
        if batches and not _moved(folder, batches[-1], objects.listing(source, connection), batches[-1].columns):
            return None
        return objects.copied(source, connection, batch, half)

    def _read(
        self, source: Source, folder: LandingFolder, batches: list[Batch], batch: str, half: Path, engine: Rows
    ) -> Batch | None:
        """What is new in a table as a batch; None where all of it was landed."""
        remote = _remote(source)
        with open_source(self._connection(remote)) as server:
            table = server.described(remote)
            checked(table, remote)
            columns = _columns(table)
            since = None
            if remote.incremental and batches and batches[-1].until is not None and batches[-1].columns == columns:
                cursor = table.column(remote.cursor or "", remote, "cursor")
                first = server.before(batches[-1].until, cursor, remote.overlap)
                since = cursor.within(str(server.row(f"SELECT {server.text(first)}")[0]))
            until, watermark = _watermark(server, table, remote)
            if batches and not _moved(folder, batches[-1], watermark, columns):
                return None
            rows = writing.streamed(server, queries(server, table, remote, since), half, "rows", batch, self._now())
            if remote.compare_keys:
                keys = [c for c in table.columns if c.name in remote.key]
                listed = ", ".join(f"{c.item} AS {server.quoted(c.name)}" for c in keys)
                writing.streamed(server, [f"SELECT {listed} FROM {table.source}"], half, "keys", batch, self._now())
        files = sorted(half.glob("rows-*"))
        for column, count in zip(columns, engine.row(landed.unmapped(files, columns)), strict=True):
            if count:
                raise SourceError(_unmapped(remote, column, count))
        version = batch
        if batches and not remote.incremental and remote.watermark is None:
            # nothing has said that the rows are others than before, so they are compared
            last = batches[-1]
            if last.columns == columns:
                before, now = (engine.row(landed.digest(f, columns)) for f in (folder.files(last, "rows"), files))
                version = last.version if before == now else batch
        return Batch(
            batch,
            "",
            "",
            rows,
            columns,
            version,
            since=since,
            until=until,
            watermark=watermark,
            keyed=remote.compare_keys,
        )

    def _compact(self, folder: LandingFolder, batches: list[Batch], remote: Remote, engine: Rows) -> None:
        """Makes one batch of those that make the present state; the version of the rows stays."""
        last = batches[-1]
        with folder.half(self._now()) as (name, half):
            names = [*(c.name for c in last.columns), landed.LOADED_AT, landed.BATCH]
            rows = engine.write(landed.compacted(folder, batches, remote), names, half / "rows-0.parquet")
            for keys in folder.files(last, "keys"):
                shutil.copyfile(keys, half / keys.name)
            folder.show(replace(last, batch=name, rows=rows, since=None), half)

    def _asked(self, source: Source) -> tuple[tuple[LandedColumn, ...], str | None]:
        """The columns that the source has now, and what it says of its state; None: nothing."""
        remote = _remote(source)
        if source.file:
            return self._of_files(source)
        server, table = self._server(self._connection(remote).name), self.described(source)
        return _columns(table), _watermark(server, table, remote)[1]

    def _of_files(self, source: Source) -> tuple[tuple[LandedColumn, ...], str | None]:
        connection = self._connection(_remote(source))
        watermark = objects.listing(source, connection)
        columns = objects.header(source, connection, self._files(), self._settings.cache / "stores")
        return tuple(LandedColumn(c.name, "", c.type) for c in columns), watermark

    def _due(self, folder: LandingFolder, last: Batch, remote: Remote) -> bool:
        if remote.refresh_s is None:
            return False
        asked = folder.asked()
        at = dt.datetime.fromisoformat(asked.at) if asked is not None else last.at
        passed = (self._now() - at).total_seconds()
        return passed < 0 or passed >= remote.refresh_s  # a clock that went back says nothing of how long ago it was

    def _server(self, name: str) -> OpenSource:
        if name not in self._open:
            self._open[name] = self._held.enter_context(open_source(self._named(name)))
        return self._open[name]

    def _connection(self, remote: Remote) -> Connection:
        """The connection of a source, of which it may be.

        Raises:
            SourceError: WFT-SRC-020 there is none, WFT-SRC-023 it has no tables, or no files.
        """
        found, files = self._named(remote.connection), remote.table is None and remote.query is None
        lacks = "files" if files else "tables"
        if files != (found.kind == "s3"):
            what = f"`{found.name}` is a connection of the kind {found.kind}, which has no {lacks}"
            fix = "give a `table` or a `query`" if files else "give a `file`: s3://BUCKET/…"
            raise SourceError(error("WFT-SRC-023", what, fix=f"{fix}, or name another connection"))
        return found

    def _named(self, name: str) -> Connection:
        known = self._settings.connections
        if name not in known:
            fix = did_you_mean(name, known, otherwise=f"declare it in weft.toml: [connections.{name}]")
            raise SourceError(error("WFT-SRC-020", f"there is no connection `{name}`", fix=fix))
        return known[name]

    def _folder(self, product: ProductAddress, name: str) -> LandingFolder:
        return LandingFolder(self._settings.state, product, name)


def _remote(source: Source) -> Remote:
    assert source.remote is not None, "the caller has looked whether there is a connection"
    return source.remote


def _binding(source: Source) -> str:
    """Digest of what makes landed rows what they are; how long they are kept does not."""
    remote = _remote(source)
    reads = [remote.connection, remote.table, remote.query, source.file, remote.incremental, remote.cursor]
    return hashlib.sha256(json.dumps([*reads, remote.nulled, remote.compare_keys]).encode()).hexdigest()


def _version(last: Batch, remote: Remote) -> str:
    """The version of the rows that landed batches make: it moves too when they are put together in another way."""
    if not remote.key:
        return last.version
    together = [last.version, remote.key, remote.deleted, remote.compare_keys]
    return hashlib.sha256(json.dumps(together).encode()).hexdigest()


def _pending(version: str, watermark: str | None, columns: tuple[Column, ...]) -> str:
    """The version of a source that is read anew: it moves with what was landed and what the source says of itself."""
    known = [version, watermark, [[c.name, c.type] for c in columns]]
    return LANDS + hashlib.sha256(json.dumps(known).encode()).hexdigest()


def _unasked(what: str, where: Where, problem: WeftError) -> Diagnostic:
    why = "; ".join(d.what + (f": {d.why}" if d.why else "") for d in problem.diagnostics)
    return warning("WFT-SRC-027", what, where, why=why, fix="bring the source back, and plan again")


def _columns(table: RemoteTable) -> tuple[LandedColumn, ...]:
    return tuple(LandedColumn(c.name, c.server, c.type, c.endless) for c in table.columns)


def _watermark(server: OpenSource, table: RemoteTable, remote: Remote) -> tuple[str | None, str | None]:
    """The greatest value of the cursor, and what tells whether the source has moved."""
    of = remote.cursor if remote.incremental else remote.watermark
    if of is None:
        return None, None
    counted = ", count(*)" if remote.compare_keys or not remote.incremental else ""
    greatest, *count = server.row(f"SELECT {server.text(f'max({server.quoted(of)})')}{counted} FROM {table.source}")
    until = None if greatest is None else str(greatest)
    return until, json.dumps([until, *map(str, count)])


def _moved(folder: LandingFolder, last: Batch, watermark: str | None, columns: tuple[LandedColumn, ...]) -> bool:
    """Whether a source may have other rows than were landed; one that says nothing of itself may always."""
    asked = folder.asked()
    before = asked.watermark if asked is not None else last.watermark
    return watermark is None or watermark != before or (last.columns != columns and last.columns != ())


def _with(made: Batch, source: Source, at: dt.datetime, batches: list[Batch]) -> Batch:
    """The batch with its place behind the others: a full one stands for its rows, one that follows for all so far."""
    version = made.version
    if made.since is not None:
        version = version_after(batches[-1].version, made.version)
    return Batch(
        made.batch,
        at.isoformat(),
        _binding(source),
        made.rows,
        made.columns,
        version,
        made.since,
        made.until,
        made.watermark,
        made.keyed,
    )


def _unmapped(remote: Remote, column: LandedColumn, count: int) -> Diagnostic:
    return error(
        "WFT-SRC-029",
        f"{count} {'value' if count == 1 else 'values'} of `{column.name}` in {remote.subject} cannot be held",
        why=f"the column is {column.server} there and {column.type} here, which has no such value",
        fix="say `unmapped: null` to read them as null, or cast the column to text in a `query`",
    )
