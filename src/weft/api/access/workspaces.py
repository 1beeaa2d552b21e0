"""Workspaces: a reader's own tables on a server, uploaded or made by a query, for a while and for them alone.

In a query they are `my.workspace.NAME`. What was made from ports is read as long as its reader would see these ports as
they did when it was made: where a grant has ended, or shows less, the table is not read any more.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from msgspec import Struct

from weft.access.permissions import Caller
from weft.access.reading.asking import Question, Streamed
from weft.config import duration, size_bytes
from weft.errors import AccessDenied, UsageError, UserCodeError, WeftError, did_you_mean, error
from weft.model.address import parse_address
from weft.model.classification import parse_classification
from weft.registry import codec
from weft.registry.workspaces import Source, WorkspaceStore, WorkspaceTable
from weft.sql.quoting import literal

if TYPE_CHECKING:
    from weft.api.access.querying import GrantedDoor
    from weft.api.platform import Platform

PREFIX = ("my", "workspace")
"""Domain and product under which a query names the reader's own tables."""

FORMS = ("csv", "parquet")
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")


class _Held(Struct, frozen=True):
    """Tables of a workspace that a query names: as relations, their files, and what they were made from."""

    relations: dict[tuple[str, str, str], str]
    paths: tuple[str, ...]
    tables: tuple[WorkspaceTable, ...]


class Workspaces:
    """The workspaces of one server."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        self._store = WorkspaceStore(platform.database)

    def listed(self, caller: Caller) -> list[dict[str, Any]]:
        """The caller's tables, as JSON."""
        self._sweep()
        return [shown(one) for one in self._store.of(caller.name, self._rooms.now())]

    def drop(self, caller: Caller, name: str) -> None:
        """Removes a table of the caller.

        Raises:
            UsageError: WFT-ACC-047, there is none.
        """
        found = self._store.drop(caller.name, name)
        if found is None:
            raise self._unknown(caller, name)
        self._file(caller, found.file).unlink(missing_ok=True)

    def receive(self, caller: Caller, name: str, form: str) -> Received:
        """Begins to take a file that becomes a table.

        Raises:
            UsageError: WFT-ACC-047 no name of a table, WFT-ACC-050 no form.
        """
        self._sweep()
        _checked(name)
        if form not in FORMS:
            raise UsageError(error("WFT-ACC-050", f"`{form[:40]}` is no form of an upload", fix="send csv or parquet"))
        folder = self._folder(caller)
        return Received(self, caller, name, form, folder / f".{secrets.token_hex(8)}", self._room(caller, name))

    def make(self, caller: Caller, name: str, question: Question) -> dict[str, Any]:
        """Keeps the rows of a query as a table; gives what it is.

        Raises:
            UsageError, AccessDenied, UserCodeError: as a query, or WFT-ACC-047, WFT-ACC-049.
        """
        self._sweep()
        _checked(name)
        querying = self._platform.querying
        door, room = querying.door(caller), self._room(caller, name)
        streamed = querying.streamed(caller, door, question)
        try:
            sources, level = self._made_from(door)
        except BaseException:
            streamed.close()
            raise
        return self._kept(caller, name, "query", streamed, sources, level, room)

    def _made_from(self, door: GrantedDoor) -> tuple[tuple[Source, ...], str | None]:
        """What a door has opened last, and how sensitive that is."""
        opened = door.last
        assert opened is not None, "the answer has begun"
        sources = tuple(
            Source(str(address), one.publication.snapshot_id, seen(one.relation), opened.purpose)
            for address, one in opened.ports.items()
        )
        level_of = self._platform.rooms.grounds.level_of
        levels = [level_of(address, one.publication.contract) for address, one in opened.ports.items()]
        for table in door.tables:
            sources += tuple(source for source in table.sources if source not in sources)
            levels += [parse_classification(table.level)] if table.level is not None else []
        return sources, str(max(levels)) if levels else None

    def held(self, caller: Caller, door: GrantedDoor, names: Sequence[str], purpose: str | None) -> _Held:
        """The caller's tables of these names, each as long as what it was made from is seen as it was then.

        Args:
            purpose: what they are read for; None: for what each was made for.

        Raises:
            UsageError: WFT-ACC-047, there is no such table.
            AccessDenied: WFT-ACC-049, the rights that it was made with have changed.
        """
        known = {one.name: one for one in self._store.of(caller.name, self._rooms.now())}
        relations, found = {}, []
        for name in dict.fromkeys(names):
            table = known.get(name)
            if table is None:
                raise self._unknown(caller, name)
            self.require_same(door, table, purpose)
            found.append(table)
            relations[(*PREFIX, name)] = f"read_parquet({literal(str(self._file(caller, table.file)))})"
        return _Held(relations, tuple(str(self._file(caller, t.file)) for t in found), tuple(found))

    def require_same(self, door: GrantedDoor, table: WorkspaceTable, purpose: str | None) -> None:
        """Refuses a table that was made from ports which its reader would not see so any more, or not for this purpose.

        Raises:
            AccessDenied: WFT-ACC-049.
        """
        for source in table.sources:
            try:
                asked = purpose if purpose is not None else source.purpose
                now = door.again(door.reader, parse_address(source.port), source.snapshot_id, asked)
                same = seen(now.relation) == source.seen
            except WeftError:
                same = False
            if not same:
                raise AccessDenied(
                    error(
                        "WFT-ACC-049",
                        f"`my.workspace.{table.name}` was made from `{source.port}`, which may not be read so any more"
                        + (f" for `{purpose}`" if purpose is not None else ""),
                        why="what is made from a port goes by the right to read the port",
                        fix=f"make it again, or ask for access to `{source.port}`",
                    )
                )

    def _kept(
        self,
        caller: Caller,
        name: str,
        origin: str,
        streamed: Streamed,
        sources: tuple[Source, ...],
        level: str | None,
        most_bytes: int,
    ) -> dict[str, Any]:
        """Writes an answer in Parquet into a file of the workspace, whole or not at all."""
        folder = self._folder(caller)
        file = folder / f"{name}-{secrets.token_hex(8)}.parquet"
        part = file.with_suffix(".part")
        try:
            written = streamed.into(part, most_bytes)
            if written is None:
                raise _full(most_bytes)
            size, ended = written
            now = self._rooms.now()
            table = WorkspaceTable(
                caller.name,
                name,
                origin,
                level,
                tuple((c.name, c.type) for c in streamed.columns),
                sources,
                ended.rows,
                size,
                file.name,
                now,
                now + self._time,
            )
            part.rename(file)
            try:
                before = self._store.put(table, size_bytes(self._rooms.settings.query.workspace_size))
            except BaseException as e:
                file.unlink(missing_ok=True)
                if isinstance(e, OverflowError):
                    raise _full(most_bytes) from None
                raise
            if before is not None:
                self._file(caller, before.file).unlink(missing_ok=True)
            return shown(table)
        finally:
            streamed.close()
            part.unlink(missing_ok=True)

    @property
    def _time(self) -> timedelta:
        return duration(self._rooms.settings.query.workspace_time)

    def _room(self, caller: Caller, name: str) -> int:
        """Bytes that a table of this name may have.

        Raises:
            UsageError: WFT-ACC-051, there is no room.
        """
        most = size_bytes(self._rooms.settings.query.workspace_size)
        tables = self._store.of(caller.name, self._rooms.now())
        left = most - sum(one.size_bytes for one in tables if one.name != name)
        if left <= 0:
            raise _full(most)
        return left

    def _folder(self, caller: Caller) -> Path:
        folder = self._rooms.settings.state / "workspace" / hashlib.sha256(caller.name.encode()).hexdigest()[:24]
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    def _file(self, caller: Caller, name: str) -> Path:
        return self._folder(caller) / name

    def _unknown(self, caller: Caller, name: str) -> UsageError:
        known = [one.name for one in self._store.of(caller.name, self._rooms.now())]
        fix = did_you_mean(name, known, otherwise="`weft workspace list` shows your tables")
        return UsageError(error("WFT-ACC-047", f"there is no table `my.workspace.{name[:80]}`", fix=fix))

    def _sweep(self) -> None:
        """Removes what is over."""
        for table in self._store.drop_ended(self._rooms.now()):
            folder = hashlib.sha256(table.principal.encode()).hexdigest()[:24]
            (self._rooms.settings.state / "workspace" / folder / table.file).unlink(missing_ok=True)


class Received:
    """A file that somebody sends, on its way to become a table."""

    def __init__(self, of: Workspaces, caller: Caller, name: str, form: str, file: Path, most_bytes: int) -> None:
        self._of, self._caller, self._name, self._form = of, caller, name, form
        self._file, self._most = file, most_bytes
        self._size = 0
        self._out: IO[bytes] = file.open("xb")

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Raises:
            UsageError: WFT-ACC-051, they are too many.
        """
        self._size += len(chunk)
        if self._size > self._most:
            raise _full(self._most)
        self._out.write(chunk)

    def done(self) -> dict[str, Any]:
        """Makes the table; gives what it is.

        Raises:
            UsageError: WFT-ACC-050 the file cannot be read as what it is said to be, WFT-ACC-051.
        """
        self._out.close()
        if not self._size:
            raise self._unreadable()
        path = str(self._file)
        options = ", auto_detect = true, header = true" if self._form == "csv" else ""
        item = f"read_{self._form}({literal(path)}{options})"
        of = self._of
        try:
            streamed = of._platform.querying.converted(self._caller, item, path, self._most)
            return of._kept(self._caller, self._name, "upload", streamed, (), None, self._most)
        except UserCodeError as e:
            if e.diagnostics[0].code in ("WFT-ENG-002", "WFT-ENG-003"):
                raise
            raise self._unreadable() from None
        except WeftError as e:
            if e.diagnostics[0].code in ("WFT-STO-004", "WFT-ENG-004"):
                raise self._unreadable() from None
            raise

    def close(self) -> None:
        """Removes what was sent: the table is a file of its own."""
        self._out.close()
        self._file.unlink(missing_ok=True)

    def _unreadable(self) -> UsageError:
        what = f"the file cannot be read as {'CSV with a header' if self._form == 'csv' else 'Parquet'}"
        return UsageError(error("WFT-ACC-050", what, fix="look at its first lines, or send the other form"))


def seen(relation: str) -> str:
    """A digest of how a port is seen at a data version: its rows, columns and masks."""
    return hashlib.sha256(relation.encode()).hexdigest()


def shown(table: WorkspaceTable) -> dict[str, Any]:
    """A table as JSON, without where its file lies."""
    return {
        "name": table.name,
        "address": f"my.workspace.{table.name}",
        "origin": table.origin,
        "level": table.level,
        "columns": [{"name": name, "type": kind} for name, kind in table.columns],
        "sources": [{"port": s.port, "snapshot": s.snapshot_id} for s in table.sources],
        "rows": table.rows,
        "size_bytes": table.size_bytes,
        "made_at": codec.time_text(table.made_at),
        "ends_at": codec.time_text(table.ends_at),
    }


def _checked(name: str) -> None:
    if not _NAME.fullmatch(name):
        what = f"`{name[:80]}` is no name of a table"
        raise UsageError(error("WFT-ACC-047", what, fix="use small letters, digits and `_`, a letter first"))


def _full(most: int) -> UsageError:
    return UsageError(
        error(
            "WFT-ACC-051",
            f"the workspace has room for {most:,} bytes, and this is more",
            fix="`weft workspace drop` removes a table; `query.workspace_size` says how much a reader may keep",
        )
    )
