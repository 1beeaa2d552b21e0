"""Reader processes and who may have one when: the light ones go first, and nobody takes all of them.

Two lanes. A query begins in the fast one. Where others wait and it has run for a while without an answer, it goes on
in the slow lane, whose processes yield to those of the fast one; when that is full, it waits and begins there anew.
Whoever has just asked such queries, or some that ended their process, begins in the slow lane for a while; the while
begins anew with each query that is long there too, or, for a few minutes, has waited for it in vain.

Of those who wait, whoever runs the fewest queries goes first, and of these whose turn was longest ago: how many queries
somebody sends moves nobody else back. Where no more may wait, those give way who have the most waiting. An answer that
is not taken keeps its place only as long as nobody waits for it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from weft.access.reading.process import ReaderProcess
from weft.access.reading.wire import Limits
from weft.errors import TransientError, error

_WATCH_S = 0.25
_HOME_S = 0.05
"""How long a query waits for a process in which its reader has sessions: opening one anew costs as much."""
_HEAVY_S = 60.0
"""How long somebody begins in the slow lane."""
_VAIN = 5
"""Times that while: for so long after their last long query somebody stays there by waiting in vain."""
_SLACK = 0.5
"""The part of its time that an answer waits for whoever takes it, from which on it goes to the slow lane."""
_STALLED_S = 5.0
"""How long the next part of an answer may wait to be taken until, where others wait, the answer is ended."""
_DRIPS_S, _DRIPS = 30.0, 0.9
"""As long an answer may wait so much of its time in the fast lane until it counts as not taken."""
_PATIENCE_OF_OTHERS = 1 / 3
"""The part of their patience that others wait until an answer that is not taken is ended."""
_TURNS = 4_096
"""Readers of whom it is remembered when they had their last turn."""


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
    waiting: int = 56
    patience_s: float = 30.0
    light_s: float = 2.0


class Lease(Struct, eq=False):
    """A place in a lane and the process that works there, since when.

    Attributes:
        deadline: when its process is ended.
        expired: whether it was, for that.
        offered: since when something of the answer waits to be taken; None: nothing does.
        rested: how long parts of the answer have waited that were taken.
        untaken: whether its process was ended because others waited and its answer was not taken.
    """

    principal: str
    slow: bool
    process: ReaderProcess
    since: float
    deadline: float | None = None
    expired: bool = False
    offered: float | None = None
    rested: float = 0.0
    untaken: bool = False

    def rests(self, now: float) -> float:
        """How long it has waited for whoever takes the answer."""
        return self.rested + (now - self.offered if self.offered is not None else 0.0)


class _Ticket(Struct, eq=False):
    principal: str
    slow: bool
    since: float
    granted: bool = False
    gives_way: bool = False


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
        self._long: dict[str, float] = {}
        self._turns: OrderedDict[str, int] = OrderedDict()
        self._turn = 0
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
            spare = self._moved_over(lease)
        lease.process.slow_down()
        for process in spare:
            process.close()
        return True

    def _moved_over(self, lease: Lease) -> list[ReaderProcess]:
        """Moves a query to the slow lane; gives free processes that are too many there now. With the lock held."""
        self._used[False] -= 1
        self._used[True] += 1
        lease.slow = True
        idle, spare = self._idle[True], []
        while idle and len(idle) + self._used[True] > self.rules.slow:
            spare.append(idle.pop(0))
        self._granted()
        return spare

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
            if self._watcher is None:
                self._watcher = threading.Thread(target=self._watching, name="readers", daemon=True)
                self._watcher.start()

    def _watching(self) -> None:
        while not self._closed:
            time.sleep(_WATCH_S)
            now = time.monotonic()
            with self._changed:  # a lease that is given back meanwhile has a process that others use
                for lease in list(self._leases):
                    if lease.deadline is not None and lease.deadline < now:
                        lease.expired = True
                        self._ended(lease)
                moved = self._makes_room(now)
            for lease, spare in moved:
                lease.process.slow_down()
                for process in spare:
                    process.close()

    def _ended(self, lease: Lease) -> None:
        """Ends the process of a query and gives its place to others, whoever has its answer; with the lock held."""
        lease.process.kill()
        if lease.offered is not None:  # nobody may ever ask for the next part; who does takes away what is left
            self._leases.remove(lease)
            self._release(lease)

    def _makes_room(self, now: float) -> list[tuple[Lease, list[ReaderProcess]]]:
        """Takes places from answers that are not taken as fast as they come, where others wait; with the lock held.

        Returns:
            those that go on in the slow lane, each with free processes that are to be ended.
        """
        moved = []
        for slow in (False, True):
            offered = [lease for lease in self._leases if lease.slow == slow and lease.offered is not None]
            offered.sort(key=lambda lease: (self._running[lease.principal], lease.rests(now)), reverse=True)
            for lease in offered:
                wait = [t for t in self._waiting if t.slow == slow and not self._running[t.principal]]
                if not wait:
                    break
                if not slow and self._used[True] < self.rules.slow:
                    if lease.rests(now) > max(self.rules.light_s, (now - lease.since) * _SLACK):
                        moved.append((lease, self._moved_over(lease)))
                elif now - wait[0].since > self.rules.patience_s * _PATIENCE_OF_OTHERS and _untaken(lease, now):
                    lease.untaken = True
                    self._ended(lease)
        return moved

    def _admitted(self, principal: str, slow: bool | None) -> bool:
        """Waits for a place; gives whether it is one of the slow lane."""
        with self._changed:
            ticket = _Ticket(principal, self._is_heavy(principal) if slow is None else slow, time.monotonic())
            self._waiting.append(ticket)
            try:
                self._granted()
                self._one_gives_way()
                over = self._changed.wait_for(
                    lambda: ticket.granted or ticket.gives_way or self._closed, self.rules.patience_s
                )
                if not ticket.granted:
                    if ticket.gives_way:
                        raise _busy(f"{len(self._waiting)} queries wait")
                    if over:
                        raise _busy("the server ends")
                    if ticket.slow:
                        self._waited_in_vain(principal)
                    raise _busy(f"it has waited for {self.rules.patience_s:g} s")
            finally:
                if not ticket.granted and not ticket.gives_way:
                    self._waiting.remove(ticket)
            return ticket.slow

    def _one_gives_way(self) -> None:
        """Where more wait than may, the newest query of whoever has the most waiting is refused; with the lock held."""
        if len(self._waiting) <= self.rules.waiting:
            return
        waiting = Counter(ticket.principal for ticket in self._waiting)
        newest = self._waiting[-1]
        most = max(waiting.values())
        if waiting[newest.principal] < most:
            newest = next(t for t in reversed(self._waiting) if waiting[t.principal] == most)
        newest.gives_way = True
        self._waiting.remove(newest)
        self._changed.notify_all()

    def _granted(self) -> None:
        """Gives places to those who wait, in turn; called with the lock held."""
        most = {False: self.rules.fast, True: self.rules.slow}
        while fit := [
            t
            for t in self._waiting
            if self._used[t.slow] < most[t.slow] and self._running[t.principal] < self.rules.each
        ]:
            ticket = min(fit, key=lambda t: (self._running[t.principal], self._turns.get(t.principal, 0)))
            ticket.granted = True
            self._used[ticket.slow] += 1
            self._running[ticket.principal] += 1
            self._waiting.remove(ticket)
            self._turn += 1
            self._turns[ticket.principal] = self._turn
            self._turns.move_to_end(ticket.principal)
            if len(self._turns) > _TURNS:
                self._turns.popitem(last=False)
        self._changed.notify_all()

    def _weighs(self, principal: str) -> None:
        """Lets somebody begin in the slow lane for a while; called with the lock held."""
        now = time.monotonic()
        self._heavy[principal], self._long[principal] = now + _HEAVY_S, now

    def _waited_in_vain(self, principal: str) -> None:
        """As `_weighs`, though nothing long has run: not for ever, others may be why. Called with the lock held."""
        now = time.monotonic()
        until = min(now + _HEAVY_S, self._long.get(principal, now) + _VAIN * _HEAVY_S)
        self._heavy[principal] = max(self._heavy.get(principal, 0.0), until)

    def _is_heavy(self, principal: str) -> bool:
        until = self._heavy.get(principal)
        if until is not None and until < time.monotonic():
            del self._heavy[principal]
            self._long.pop(principal, None)
            until = None
        return until is not None

    def _leased(self, principal: str, slow: bool) -> Lease:
        """A process for a place that was granted: of the free ones that with the most of their sessions."""
        process = None
        with self._changed:
            idle = self._idle[slow]
            if self._at_home_elsewhere(principal, slow):
                self._changed.wait_for(lambda: not self._at_home_elsewhere(principal, slow), _HOME_S)
            dead = [p for p in idle if not p.alive]
            idle[:] = [p for p in idle if p not in dead]
            if idle:
                process = min(idle, key=lambda p: (-p.sessions_of(principal), len(p.sessions)))
                idle.remove(process)
        try:
            for one in dead:
                one.close()
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

    def _at_home_elsewhere(self, principal: str, slow: bool) -> bool:
        """Whether somebody has sessions in none of the free processes, and in one that works; with the lock held."""
        if any(process.sessions_of(principal) for process in self._idle[slow]):
            return False
        return any(lease.slow == slow and lease.process.sessions_of(principal) for lease in self._leases)

    def _given_back(self, lease: Lease) -> None:
        process, keep = lease.process, False
        with self._changed:
            lease.deadline = None
            if lease in self._leases:  # else its place is somebody else's already
                self._leases.remove(lease)
                now = time.monotonic()
                if lease.slow and now - lease.since - lease.rests(now) > self.rules.light_s:
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


def _untaken(lease: Lease, now: float) -> bool:
    """Whether an answer holds its place for nothing but whoever does not take it."""
    if lease.offered is not None and now - lease.offered > _STALLED_S:
        return True
    age = now - lease.since
    return not lease.slow and age > _DRIPS_S and lease.rests(now) > age * _DRIPS


def _busy(why: str) -> TransientError:
    return TransientError(
        error("WFT-ACC-041", "too many queries run now", why=why, fix="ask again in a moment, or ask for less at once")
    )
