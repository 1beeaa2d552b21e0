"""Reader processes and who may have one when: the light ones go first, and nobody takes all of them.

Two lanes. A query begins in the fast one. Where others wait and it has run for a while without an answer, it goes on
in the slow lane, whose processes yield to those of the fast one; when that is full, it waits and begins there anew.
Whoever has just asked such queries, or some that ended their process, begins in the slow lane for a while; the while
begins anew with each query that is long there too, or has waited for it in vain.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from weft.access.reading.process import ReaderProcess
from weft.access.reading.wire import Limits
from weft.errors import TransientError, error

_WATCH_S = 0.25
_HEAVY_S = 60.0
"""How long somebody begins in the slow lane."""


class Rules(Struct, frozen=True):
    """How queries are admitted.

    Attributes:
        fast: processes of the fast lane.
        slow: processes of the slow lane.
        each: queries of one principal that run at once.
        waiting: queries that may wait.
        patience_s: how long one waits.
        light_s: how long a query may run in the fast lane while others wait.
    """

    fast: int = 4
    slow: int = 2
    each: int = 3
    waiting: int = 200
    patience_s: float = 30.0
    light_s: float = 2.0


class Lease(Struct):
    """A place in a lane and the process that works there, since when."""

    principal: str
    slow: bool
    process: ReaderProcess
    since: float
    deadline: float | None = None
    expired: bool = False


class _Ticket(Struct, eq=False):
    principal: str
    slow: bool = False
    granted: bool = False


class Pool:
    """Used from any number of threads."""

    def __init__(self, limits: Limits, rules: Rules | None = None) -> None:
        self._limits = limits
        self.rules = rules or Rules()
        self._changed = threading.Condition()
        self._idle: dict[bool, list[ReaderProcess]] = {False: [], True: []}
        self._used = {False: 0, True: 0}
        self._running: Counter[str] = Counter()
        self._waiting: list[_Ticket] = []
        self._heavy: dict[str, float] = {}
        self._leases: list[Lease] = []
        self._watcher: threading.Thread | None = None
        self._closed = False

    def warm(self, count: int = 1) -> None:
        """Starts processes before somebody waits for them."""
        made = [ReaderProcess(self._limits) for _ in range(min(count, self.rules.fast))]
        with self._changed:
            self._idle[False] += made

    def close(self) -> None:
        """Ends every process, whatever it does."""
        with self._changed:
            self._closed = True
            ended = [*self._idle[False], *self._idle[True], *(lease.process for lease in self._leases)]
            self._idle = {False: [], True: []}
            self._changed.notify_all()
        for process in ended:
            process.close()

    @property
    def processes(self) -> int:
        """How many processes there are."""
        with self._changed:
            return len(self._idle[False]) + len(self._idle[True]) + len(self._leases)

    @contextmanager
    def lease(self, principal: str) -> Iterator[Lease]:
        """A process for one query of somebody; waits until there is one for them.

        Raises:
            TransientError: WFT-ACC-041, too many wait, or too long.
        """
        slow = self._admitted(principal, None)
        lease = self._leased(principal, slow)
        try:
            yield lease
        finally:
            self._given_back(lease)

    def others_wait(self, lease: Lease) -> bool:
        """Whether somebody else waits for a place in the lane that a query runs in."""
        with self._changed:
            return any(t.principal != lease.principal and t.slow == lease.slow for t in self._waiting)

    def slow_down(self, lease: Lease) -> bool:
        """Moves a query to the slow lane where there is room; its owner begins there for a while, room or not."""
        with self._changed:
            self._weighs(lease.principal)
            if self._used[True] >= self.rules.slow:
                return False
            self._used[False] -= 1
            self._used[True] += 1
            lease.slow = True
            self._granted()
        lease.process.slow_down()
        return True

    def begin_again(self, lease: Lease) -> None:
        """Ends the process of a query, waits for a place in the slow lane, and gives it a process there.

        Raises:
            TransientError: WFT-ACC-041.
        """
        lease.process.close()
        with self._changed:
            self._leases.remove(lease)
            self._release(lease)
        slow = self._admitted(lease.principal, True)
        fresh = self._leased(lease.principal, slow)
        with self._changed:
            self._leases.remove(fresh)
            lease.process, lease.slow = fresh.process, fresh.slow
            self._leases.append(lease)

    def penalise(self, principal: str) -> None:
        """Lets somebody begin in the slow lane for a while: their query has ended its process, or taken all memory."""
        with self._changed:
            self._weighs(principal)

    def watch(self, lease: Lease, seconds: float | None) -> None:
        """Ends the process of a query when it has not ended by itself by then."""
        with self._changed:
            lease.expired = False
            lease.deadline = time.monotonic() + seconds if seconds is not None else None
            if self._watcher is None and lease.deadline is not None:
                self._watcher = threading.Thread(target=self._watching, name="readers", daemon=True)
                self._watcher.start()

    def _watching(self) -> None:
        while not self._closed:
            time.sleep(_WATCH_S)
            now = time.monotonic()
            with self._changed:  # a lease that is given back meanwhile has a process that others use
                for lease in self._leases:
                    if lease.deadline is not None and lease.deadline < now:
                        lease.expired = True
                        lease.process.kill()

    def _admitted(self, principal: str, slow: bool | None) -> bool:
        """Waits for a place; gives whether it is one of the slow lane."""
        with self._changed:
            if len(self._waiting) >= self.rules.waiting:
                raise _busy(f"{len(self._waiting)} queries wait")
            ticket = _Ticket(principal, self._is_heavy(principal) if slow is None else slow)
            self._waiting.append(ticket)
            try:
                self._granted()
                if not self._changed.wait_for(lambda: ticket.granted or self._closed, self.rules.patience_s):
                    if ticket.slow:
                        self._weighs(principal)
                    raise _busy(f"it has waited for {self.rules.patience_s:g} s")
                if not ticket.granted:
                    raise _busy("the server ends")
            finally:
                if not ticket.granted:
                    self._waiting.remove(ticket)
            return ticket.slow

    def _granted(self) -> None:
        """Gives places to those who wait, in their order; called with the lock held."""
        most = {False: self.rules.fast, True: self.rules.slow}
        for ticket in list(self._waiting):
            if self._used[ticket.slow] < most[ticket.slow] and self._running[ticket.principal] < self.rules.each:
                ticket.granted = True
                self._used[ticket.slow] += 1
                self._running[ticket.principal] += 1
                self._waiting.remove(ticket)
        self._changed.notify_all()

    def _weighs(self, principal: str) -> None:
        """Lets somebody begin in the slow lane for a while; called with the lock held."""
        self._heavy[principal] = time.monotonic() + _HEAVY_S

    def _is_heavy(self, principal: str) -> bool:
        until = self._heavy.get(principal)
        if until is not None and until < time.monotonic():
            del self._heavy[principal]
            until = None
        return until is not None

    def _leased(self, principal: str, slow: bool) -> Lease:
        """A process for a place that was granted: of the free ones that with the most of their sessions."""
        process = None
        with self._changed:
            idle = self._idle[slow]
            idle[:] = [p for p in idle if p.alive]
            if idle:
                process = min(idle, key=lambda p: (-p.sessions_of(principal), len(p.sessions)))
                idle.remove(process)
        try:
            if process is None:
                process = ReaderProcess(self._limits)
                if slow:
                    process.slow_down()
        except BaseException:
            with self._changed:
                self._used[slow] -= 1
                self._running[principal] -= 1
                self._granted()
            raise
        lease = Lease(principal, slow, process, time.monotonic())
        with self._changed:
            self._leases.append(lease)
        return lease

    def _given_back(self, lease: Lease) -> None:
        process = lease.process
        with self._changed:
            lease.deadline = None
            if lease not in self._leases:
                return
            self._leases.remove(lease)
            if lease.slow and time.monotonic() - lease.since > self.rules.light_s:
                self._weighs(lease.principal)
            keep = process.alive and not self._closed
            if keep:
                self._idle[lease.slow].append(process)
            self._release(lease)
        if not keep:
            process.close()

    def _release(self, lease: Lease) -> None:
        """Takes a query out of its lane; called with the lock held."""
        self._used[lease.slow] -= 1
        self._running[lease.principal] -= 1
        if not self._running[lease.principal]:
            del self._running[lease.principal]
        with contextlib.suppress(RuntimeError):
            self._granted()


def _busy(why: str) -> TransientError:
    return TransientError(
        error("WFT-ACC-041", "too many queries run now", why=why, fix="ask again in a moment, or ask for less at once")
    )
