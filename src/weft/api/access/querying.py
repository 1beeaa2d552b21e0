"""Queries of those who ask a server: decided for each, run in reader processes, streamed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.access.door import Door
from weft.access.opened import Opened
from weft.access.permissions import Caller
from weft.access.principals import Principal
from weft.access.reading.asking import Question, Streamed
from weft.access.versions import At
from weft.api.access.workspaces import PREFIX
from weft.errors import WeftError
from weft.model.address import Address
from weft.observability import spans

if TYPE_CHECKING:
    from weft.access.witness import Witness
    from weft.api.platform import Platform
    from weft.registry.workspaces import WorkspaceTable

_ASKING = 8
"""Threads in which queries are begun, beside those of the queries that wait for a process."""


class Querying:
    """One server's readers.

    Attributes:
        asking: threads in which queries are begun, and wait for a process.
        taking: threads in which the bytes of answers are taken from processes.
    """

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        asked = self._rooms.settings.query
        self.asking = ThreadPoolExecutor(asked.waiting + _ASKING, "asking")
        self.witness = self._rooms.witness("http")
        self.taking = ThreadPoolExecutor(asked.processes + asked.slow_processes + 4, "taking")

    def warm(self) -> None:
        """Starts a process before somebody waits for it; one that does not start is told to whoever asks first."""
        with suppress(OSError):
            self._rooms.readers.pool.warm()

    def close(self) -> None:
        """Ends its threads and processes."""
        self._rooms.readers.close()
        self.asking.shutdown(wait=False, cancel_futures=True)
        self.taking.shutdown(wait=False, cancel_futures=True)

    def ask(self, caller: Caller, question: Question, gone: Callable[[], bool] = lambda: False) -> Streamed:
        """Begins to answer a question.

        Args:
            gone: whether nobody waits for the answer any more: then the query is stopped before its first row too.

        Raises:
            UsageError: WFT-SQL-001 to 007, WFT-ACC-001, WFT-ACC-004, WFT-ACC-047, WFT-RUN-005.
            AccessDenied: WFT-ACC-002 no grant, WFT-ACC-007, WFT-ACC-049 and others.
            TransientError: WFT-ACC-041, too many queries run.
            UserCodeError: the query fails.
        """
        return self.streamed(caller, self.door(caller).waited_for(gone), question)

    def door(self, caller: Caller) -> GrantedDoor:
        """The door, for one question of somebody."""
        return GrantedDoor(self._platform, caller)

    def streamed(self, caller: Caller, door: GrantedDoor, question: Question) -> Streamed:
        """Begins to answer a question through a door of theirs."""
        return door.stream(door.reader, question)

    def converted(self, caller: Caller, item: str, path: str, most_bytes: int) -> Streamed:
        """Begins to write a file of somebody's own as Parquet."""
        return self._rooms.readers.convert(self._platform.access.principal_of(caller), item, path, most_bytes)


class GrantedDoor(Door):
    """Opens to somebody who asks a server what was granted to them, and their own tables.

    Attributes:
        reader: whoever asks.
        last: what was opened last.
        tables: those of their workspace in it.

    Args:
        witness: writes down who reads, on another wire than HTTP.
    """

    def __init__(self, platform: Platform, caller: Caller, witness: Witness | None = None) -> None:
        rooms = platform.rooms
        super().__init__(
            rooms.production,
            str(rooms.data_root),
            lambda: rooms.engine,
            rooms.now,
            rooms.present,
            rooms.grounds,
            lambda: rooms.readers,
            witness or platform.querying.witness,
            lambda: rooms.live,
        )
        self._platform = platform
        self._caller = caller
        self._is_user = platform.identity.users.user(caller.name) is not None
        self.reader = platform.access.principal_of(caller)
        self.last: Opened | None = None
        self.tables: tuple[WorkspaceTable, ...] = ()

    def stream(self, principal: Principal, question: Question) -> Streamed:
        """As `Door.stream`, in a span until the first rows are there; it names the ports that were read."""
        with spans.span("query") as told:
            streamed = super().stream(principal, question)
            if self.last is not None:
                told(ports=" ".join(sorted(str(one) for one in self.last.ports)))
            return streamed

    def opens(self, address: Address) -> bool:
        """Whether whoever asks may read a port now; one that was purged meanwhile opens to nobody."""
        try:
            return self.decision(self.reader, address)[1].allowed
        except WeftError:
            return False

    def opened(self, principal: Principal, names: Sequence[str], at: At = None, purpose: str | None = None) -> Opened:
        """The ports and own tables that a query names.

        Raises:
            UsageError: WFT-ACC-047, there is no such table of theirs.
            AccessDenied: WFT-ACC-049, a table was made with rights that have changed.
        """
        prefix = f"{'.'.join(PREFIX)}."
        own = [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
        found = super().opened(principal, [name for name in names if not name.startswith(prefix)], at, purpose)
        if own:
            held = self._platform.workspaces.held(self._caller, self, own, purpose)
            self.tables = held.tables
            made = [f"`my.workspace.{t.name}` is {t.level}: {_made_from(t)}" for t in held.tables if t.sources]
            relations = {**found.relations, **held.relations}
            found = replace(found, relations=relations, notes=[*found.notes, *made], beside=held.paths)
        self.last = found
        return found

    def still(self, principal: Principal, opened: Opened) -> bool:
        """Whether what was opened would be opened again in the same way, by what whoever asks is and may by now."""
        now = self._platform.identity.as_known(self._caller, user=self._is_user)
        if now is None:
            return False
        self.reader = self._platform.access.principal_of(now)
        try:
            for table in self.tables:
                self._platform.workspaces.require_same(self, table, opened.purpose)
        except WeftError:
            return False
        return super().still(self.reader, opened)


def _made_from(table: WorkspaceTable) -> str:
    return f"it was made from {', '.join(f'`{source.port}`' for source in table.sources)}"
