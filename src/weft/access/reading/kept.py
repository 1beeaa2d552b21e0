"""Answers that are kept for whoever asks the same again and may see the same: bounded in bytes and in time."""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.access.reading.process import revoked, unwanted
from weft.access.reading.wire import Cut, Ended
from weft.access.result import ResultColumn
from weft.sql.allowed import VOLATILE

if TYPE_CHECKING:
    from weft.access.opened import Opened
    from weft.access.witness import Over

_LASTS_S = 3600.0
_PART = 8
"""What one answer may take of the whole is this part."""

_BESIDE = 1_000
"""Bytes that an answer takes beside its own."""

_LARGEST = 8 * 2**20
"""Bytes of an answer that is gathered while it streams: what is larger is not worth the memory of all who ask."""

_STILL_S = 2.0

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CHANGING = VOLATILE | {"age"}


class ResultCache:
    """Answers by a key that says all they hang on: reader, decision, data version, question and form.

    The newest are kept. A key is made by whoever asks of what the door has decided for this very request: what somebody
    may not see any more has another key, and is found by nobody.

    Attributes:
        hits: how often something was found.
        misses: how often nothing was.
    """

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        most_bytes: 0: nothing is kept.
        """
        self._most, self._clock = most_bytes, clock
        self._held: OrderedDict[str, tuple[Any, int, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0
        self.hits = 0
        self.misses = 0

    @property
    def largest(self) -> int:
        """Bytes of the largest answer that is gathered while it streams."""
        return min(self._most // _PART - _BESIDE, _LARGEST)

    def get(self, key: str) -> Any | None:
        """What is kept under a key; None where nothing is."""
        with self._lock:
            found = self._held.get(key)
            if found is not None and self._clock() > found[2]:
                self._drop(key)
                found = None
            if found is None:
                self.misses += 1
                return None
            self._held.move_to_end(key)
            self.hits += 1
            return found[0]

    def put(self, key: str, value: Any, size_bytes: int) -> None:
        """Keeps an answer, in the place of those that were not asked for longest; not one that is very large."""
        size_bytes += _BESIDE
        with self._lock:
            if key in self._held:
                self._drop(key)
            if size_bytes * _PART > self._most:
                return
            self._held[key] = (value, size_bytes, self._clock() + _LASTS_S)
            self.size_bytes += size_bytes
            while self.size_bytes > self._most:
                self._drop(next(iter(self._held)))

    def _drop(self, key: str) -> None:
        self.size_bytes -= self._held.pop(key)[1]


class Kept(Struct, frozen=True):
    """The whole of an answer, as it was streamed once."""

    columns: tuple[ResultColumn, ...]
    ended: Ended
    parts: tuple[bytes | bytearray, ...]


class Gathering:
    """Gathers an answer while it streams, and keeps it when all of it has come.

    Args:
        keep: takes the answer and its size.
    """

    def __init__(self, largest: int, keep: Callable[[Kept, int], None]) -> None:
        self._left, self._keep = largest, keep
        self._parts: list[bytes | bytearray] | None = []
        self._size = 0

    def part(self, part: bytearray | memoryview) -> None:
        """The next bytes. Those that nobody changes afterwards are not copied."""
        self._size += len(part)
        if self._parts is None or self._size > self._left:
            self._parts = None
        else:
            self._parts.append(bytes(part) if isinstance(part, memoryview) else part)

    def end(self, columns: tuple[ResultColumn, ...], ended: Ended) -> None:
        """All has come. What failed, or was cut by what the machine had to give at that moment, is not kept."""
        if self._parts is not None and ended.failure is None and ended.cut in (None, Cut.ASKED):
            self._keep(Kept(columns, ended, tuple(self._parts)), self._size)


class KeptAnswer:
    """An answer that is given once more; it has what an `Answer` has.

    Args:
        still: whether the rights that it was asked with still hold.
        over: is told how it ended.
    """

    def __init__(self, kept: Kept, still: Callable[[], bool], over: Over) -> None:
        self._kept, self._still, self._tell = kept, still, over
        self._how, self._stopped = "left", False
        self._asked = time.monotonic()
        self.columns = kept.columns
        self.ended: Ended | None = kept.ended

    def __iter__(self) -> Iterator[bytes]:
        """The bytes, in parts. Raises as `parts`."""
        for part in self.parts():
            yield bytes(part)

    def parts(self) -> Iterator[bytes | bytearray]:
        """The bytes, in parts.

        Raises:
            AccessDenied: WFT-ACC-040, the rights were taken away while they were sent.
            UserCodeError: WFT-ENG-003, nobody waits for them.
        """
        try:
            for part in self._kept.parts:
                self._look()
                yield part
            ended = self._kept.ended
            self._how = "cut" if ended.cut is not None else "done"
        finally:
            self.close()

    def stop(self) -> None:
        """Ends it as soon as whoever waits for it looks; from any thread."""
        self._stopped = True

    def close(self) -> None:
        """Says how it ended, once."""
        how, self._how = self._how, ""
        if how:
            whole = how in ("done", "cut")
            self._tell(how, self._kept.ended.rows if whole else 0, self._kept.ended.size_bytes if whole else 0)

    def _look(self) -> None:
        if self._stopped:
            raise unwanted()
        if time.monotonic() - self._asked > _STILL_S:
            self._asked = time.monotonic()
            if not self._still():
                self._how = "revoked"
                raise revoked()


def may_be_kept(opened: Opened) -> bool:
    """Whether what was opened stays the same as long as its relations do.

    Tables of somebody's own may change under their names, and a row filter may ask what time it is.
    """
    decided = {one.relation for one in opened.ports.values()}
    conditions = (layer.condition for one in opened.ports.values() for layer in one.decision.layers)
    return (
        not opened.beside
        and not opened.lives  # rows of a database may be others at any moment
        and decided.issuperset(opened.relations.values())
        and not any(hangs_on_the_moment(condition) for condition in conditions if condition is not None)
    )


def hangs_on_the_moment(condition: str) -> bool:
    """Whether a condition may name something that is another thing each time; rather too often than not."""
    return any(word.lower() in _CHANGING for word in _WORD.findall(condition))
