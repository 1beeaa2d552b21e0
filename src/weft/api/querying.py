"""Queries of those who ask a server: decided for each, run in reader processes, streamed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from weft.access.door import At, Door, Readable
from weft.access.permissions import Caller
from weft.access.principals import Principal, local_principal
from weft.access.reading.asking import Question, Streamed
from weft.model.address import Address
from weft.model.publication import PortState

if TYPE_CHECKING:
    from weft.api.platform import Platform

_ASKING = 64
"""Queries that are begun or wait to be begun at once, each in a thread."""


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
        self.asking = ThreadPoolExecutor(_ASKING, "asking")
        self.taking = ThreadPoolExecutor(asked.processes + asked.slow_processes + 4, "taking")

    def close(self) -> None:
        """Ends its threads; those of the processes are ended with them."""
        self._rooms.readers.close()
        self.asking.shutdown(wait=False, cancel_futures=True)
        self.taking.shutdown(wait=False, cancel_futures=True)

    def warm(self) -> None:
        """Starts a process before somebody waits for one."""
        self._rooms.readers.pool.warm()

    def ask(self, caller: Caller, question: Question) -> Streamed:
        """Begins to answer a question.

        Raises:
            UsageError: WFT-SQL-001 to 007, WFT-ACC-001, WFT-ACC-004, WFT-RUN-005.
            AccessDenied: WFT-SRV-040 no grant, WFT-ACC-002, WFT-ACC-007.
            TransientError: WFT-ACC-041, too many queries run.
            UserCodeError: the query fails.
        """
        scanning = self._platform.scanning
        rooms = self._rooms

        def granted(state: PortState) -> None:
            scanning.require_grant(caller, f"user:{caller.name}", state, quarantine=False)

        root = str(rooms.settings.path(rooms.settings.storage.warehouse))
        door = _GrantedDoor(rooms.production, root, lambda: rooms.engine, rooms.now, None, lambda: rooms.readers)
        door.granted = granted
        return door.stream(local_principal(caller.name), question)


class _GrantedDoor(Door):
    """Opens to somebody who asks a server what was granted to them."""

    granted: Callable[[PortState], None]

    def open(self, principal: Principal, address: Address, at: At = None, reads: Collection[Address] = ()) -> Readable:
        """The rows of a port, for whoever has a grant.

        Raises:
            AccessDenied: WFT-SRV-040, there is none.
        """
        self.granted(self._state(address))
        return super().open(principal, address, at, reads)
