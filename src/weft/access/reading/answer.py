"""One query on its way: begun, its bytes, its end. Whoever takes them decides how fast it goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from weft import errors
from weft.access.reading.kept import Gathering
from weft.access.reading.pool import Lease, Pool
from weft.access.reading.process import lost, revoked, untaken, unwanted
from weft.access.reading.wire import Begun, Ended, LostError, Parsed, Relation, Run
from weft.access.result import ResultColumn
from weft.access.witness import Over
from weft.errors import PlatformError, UserCodeError, WeftError, error

_LOOK_S = 0.25
_ASK_S = 2.0
"""How often it is asked whether the reader may still have what they read."""

_GRACE_S = 1.0
"""How long a query may take to stop by itself when its time is over."""

Still = Callable[[], bool]
"""Whether the rights that a query was begun with still hold."""


class Answer:
    """The answer to a query.

    Attributes:
        columns: of the result.
        ended: how it went; None as long as nobody knows.
    """

    def __init__(
        self,
        pool: Pool,
        lease: Lease,
        held: ExitStack,
        run: Run,
        relations: Sequence[Relation],
        paths: Sequence[str],
        still: Still,
        over: Over,
        gathering: Gathering | None = None,
    ) -> None:
        """Begins the query; `held` gives the lease back when the answer is over, and `over` is told how it ended.

        Args:
            gathering: gathers its bytes, for whoever asks the same again.

        Raises:
            WeftError: what is wrong with the query, or that it cannot be run now.
        """
        self._pool, self._lease, self._held, self._run = pool, lease, held, run
        self._still, self._tell, self._gathering = still, over, gathering
        self._how = "left"
        self._asked = self._since = time.monotonic()
        self._relations, self._paths = relations, paths
        self._over = self._stopped = False
        self._rows = self._bytes = 0
        self.columns: tuple[ResultColumn, ...] = ()
        self.ended: Ended | None = None
        try:
            self._begin()
            self._await_head()
            lease.offered = time.monotonic()
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, in parts. Raises as `parts`."""
        for part in self.parts():
            copied = bytes(part)
            del part
            yield copied

    def parts(self) -> Iterator[bytearray | memoryview]:
        """The bytes, in parts as they have come: nothing is copied.

        A `memoryview` shows memory that the reader process fills anew once no view of it is left: let it go soon.

        Raises:
            WeftError: it failed in the middle: what has come is not all.
            AccessDenied: WFT-ACC-040, the rights were taken away.
        """
        try:
            self._taken()
            while True:
                found = self._next()
                if isinstance(found, Ended):
                    self._end(found)
                    self._fail(found)
                    if self._gathering is not None:
                        self._gathering.end(self.columns, found)
                    return
                if isinstance(found, bytearray | memoryview):
                    if self._gathering is not None:
                        self._gathering.part(found)
                    self._lease.offered = time.monotonic()
                    yield found
                    del found
                    self._taken()
        finally:
            self.close()

    def _taken(self) -> None:
        lease, now = self._lease, time.monotonic()
        lease.rested, lease.offered = lease.rests(now), None

    def stop(self) -> None:
        """Ends it as soon as whoever waits for it looks; from any thread."""
        self._stopped = True

    def close(self) -> None:
        """Stops the query where it has not ended, and gives its place to others."""
        if not self._over and self._lease.process.alive:
            self._lease.process.cancel()
        self._over = True
        self._held.close()
        how, self._how = self._how, ""
        if how:
            self._tell(how, self._rows, self._bytes)

    def _end(self, found: Ended) -> None:
        self.ended, self._over = found, True
        self._how = "failed" if found.failure is not None else "cut" if found.cut else "done"
        self._rows, self._bytes = found.rows, found.size_bytes

    def _begin(self) -> None:
        try:
            self._lease.process.start()  # the time of a query does not count what its process takes to start
            self._since = time.monotonic()
            self._pool.watch(self._lease, self._run.seconds + _GRACE_S if self._run.seconds is not None else None)
            self._lease.process.begin(self._lease.principal, self._run, self._relations, self._paths)
        except LostError:
            raise self._lost() from None

    def _await_head(self) -> None:
        while True:
            found = self._next()
            if isinstance(found, Begun):
                self.columns, self.ended = found.columns, found.ended
                return
            if isinstance(found, Ended):
                self._end(found)
                self._fail(found)
            light = time.monotonic() - self._since < self._pool.rules.light_s
            if light or self._lease.slow or not self._pool.others_wait(self._lease):
                continue
            if not self._pool.slow_down(self._lease):
                self._pool.begin_again(self._lease)
                self._begin()

    def _next(self) -> Begun | Ended | bytearray | memoryview | None:
        """What comes next; None where nothing came for a moment."""
        now = time.monotonic()
        if self._stopped:
            raise unwanted()
        if now - self._asked > _ASK_S:
            self._asked = now
            if not self._still():
                self._lease.process.kill()
                self._how = "revoked"
                raise revoked()
        try:
            found = self._lease.process.next(_LOOK_S)
        except LostError:
            raise self._lost() from None
        assert not isinstance(found, Parsed), "nothing is parsed while a query runs"
        return found

    def _lost(self) -> WeftError:
        self._over, self._how = True, "failed"
        if self._lease.untaken:
            return untaken()
        self._pool.penalise(self._lease.principal)
        return UserCodeError(_too_long(self._run)) if self._lease.expired else lost()

    def _fail(self, ended: Ended) -> None:
        if ended.worn:
            self._lease.process.kill()
        if ended.failure is None:
            return
        if ended.broken:
            self._lease.process.kill()
        if ended.broken or ended.failure.code == "WFT-ENG-002":
            self._pool.penalise(self._lease.principal)
        kind = getattr(errors, ended.kind, PlatformError)
        raised: WeftError = kind(ended.failure)
        raise raised


def _too_long(run: Run) -> errors.Diagnostic:
    return error(
        "WFT-ENG-003",
        f"the query took longer than {run.seconds:g} s",
        fix="read fewer rows, filter before joining, or ask for the result in parts",
    )
