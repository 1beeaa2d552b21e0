"""Memory in which a reader process lays a large answer for whoever takes it: lent for one answer, and gone with it.

A part of the answer is taken where it lies. Its segment is the reader's again as soon as nobody has the part any more,
which a pipe tells: so never more lies there than there are segments, and whoever lets a part go need not wait. Whoever
lends may end that at any time; what comes then goes over the socket, as it does where memory cannot be lent.
"""

from __future__ import annotations

import mmap
import os
import threading
import weakref
from collections import deque
from contextlib import suppress
from typing import Any

SEGMENTS = 4
SEGMENT_BYTES = 2 * 2**20
_SIZE = SEGMENTS * SEGMENT_BYTES


class Lender:
    """The memory as whoever takes the answer sees it; parts of it may be held when it is closed, and stay as they are.

    Attributes:
        memory: descriptor of the memory, for the borrower; closed by `handed_over`.
        given_back: descriptor of the pipe's end that tells the borrower which segments are free again.
    """

    def __init__(self) -> None:
        """Raises:
        OSError: the system has no such memory, or none left.
        """
        if not hasattr(os, "memfd_create"):
            raise OSError("this system has no memory without a name")
        import fcntl

        self.memory = os.memfd_create("weft-answer", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(self.memory, _SIZE)
            # whoever could make it smaller could end this process: what is mapped and not there is a signal
            fcntl.fcntl(self.memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
            self._map = mmap.mmap(self.memory, _SIZE)
            self.given_back, self._giving = os.pipe()
        except BaseException:
            os.close(self.memory)
            raise
        self._lock = threading.RLock()  # a part may be given up by whatever this thread does while it has the lock
        self._open = True
        self._held: set[int] = set()

    def handed_over(self) -> None:
        """The borrower has its own descriptors."""
        os.close(self.memory)
        os.close(self.given_back)

    def part(self, segment: int, size_bytes: int) -> memoryview:
        """What the borrower has laid; the segment is given back with the last view of it.

        Raises:
            ValueError: there is no such part, or it is held.
        """
        with self._lock:
            if not (0 <= segment < SEGMENTS and 0 < size_bytes <= SEGMENT_BYTES) or segment in self._held:
                raise ValueError(f"no part of {size_bytes} bytes can be in segment {segment}")
            self._held.add(segment)
        found = _whole_segment().from_buffer(self._map, segment * SEGMENT_BYTES)
        weakref.finalize(found, self._give_back, segment).atexit = False
        return memoryview(found).cast("B")[:size_bytes].toreadonly()

    @property
    def all_held(self) -> bool:
        """Whether the borrower has no segment to lay anything in."""
        with self._lock:
            return len(self._held) == SEGMENTS

    def close(self) -> None:
        """Lends no more: the borrower hears of it when it next needs a segment."""
        with self._lock:
            if self._open:
                self._open = False
                os.close(self._giving)

    def _give_back(self, segment: int) -> None:
        with self._lock, suppress(OSError):  # the borrower has ended
            self._held.discard(segment)
            if self._open:
                os.write(self._giving, bytes((segment,)))


class Borrower:
    """The memory as the process sees that lays something there. Used by one thread, beside `close`."""

    def __init__(self, memory: int, given_back: int) -> None:
        """Takes both descriptors.

        Raises:
            OSError: there are no addresses left for it.
        """
        self._given_back = given_back
        try:
            self._map = mmap.mmap(memory, _SIZE)
        except BaseException:
            os.close(given_back)
            raise
        finally:
            os.close(memory)
        self._free = deque(range(SEGMENTS))
        self._whole = memoryview(self._map)

    def segment(self) -> tuple[int, memoryview] | None:
        """A segment that nobody reads, and its number; waits for one. None where no more is lent."""
        while not self._free:
            told = os.read(self._given_back, SEGMENTS)
            if not told:
                return None
            self._free.extend(told)
        number = self._free.popleft()
        return number, self._whole[number * SEGMENT_BYTES : (number + 1) * SEGMENT_BYTES]

    def close(self) -> None:
        """Takes no segment any more; what was laid stays for whoever has it."""
        os.close(self._given_back)


_segments: list[Any] = []


def _whole_segment() -> Any:
    """The type of a segment: unlike a part of a memoryview, one of ctypes is held by all views of it."""
    if not _segments:
        import ctypes

        _segments.append(ctypes.c_char * SEGMENT_BYTES)
    return _segments[0]
