"""Where the bytes of an answer go: counted, held back for a moment, and sent as fast as they are taken.

The first of them go over the socket, the others into memory that is lent for them, once there is some.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable

from weft.access.reading.shared_memory import SEGMENT_BYTES, Borrower
from weft.access.reading.wire import Begun, Ended, Laid, send, send_data, send_laid
from weft.access.result import ResultColumn

_FRAME = 256 * 1024
"""Bytes that go together."""

_HELD_S = 0.1
"""How long the first bytes are held back, so that an answer that is small is known as a whole when it begins."""

AT_ONCE = SEGMENT_BYTES - _FRAME
"""Bytes that are in one piece wherever they go, where they are written between two `pause`s."""

Borrowing = Callable[[], Borrower | None]
"""What memory is lent at the moment."""


class Sink(io.RawIOBase):
    """Bytes to whoever has asked.

    Attributes:
        columns: of the answer.
        begun: whether the head of the answer has gone.
        size_bytes: what was written.
    """

    def __init__(
        self,
        to: socket.socket,
        most_bytes: int | None,
        columns: tuple[ResultColumn, ...],
        borrowing: Borrowing = lambda: None,
        number: int = 0,
    ) -> None:
        """Args:
        number: of the query.
        """
        super().__init__()
        self._to = to
        self._most = most_bytes
        self.columns = columns
        self._held = bytearray()
        self._since = time.monotonic()
        self.begun = False
        self.size_bytes = 0
        self._borrowing = borrowing
        self._borrower: Borrower | None = None
        self._segment, self._number, self._filled = memoryview(b""), 0, 0
        self._paused = 0
        self._number_of_query, self._over = number, False

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How many bytes were written."""
        return self.size_bytes

    def write(self, data: object) -> int:
        """Takes bytes; sends them once there are enough."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        size = len(view)
        if self._over:
            return size
        self.size_bytes += size
        if self._borrower is not None:
            view = self._lay(view)
        if len(view) >= _FRAME:
            self.push()
            self._begin()
            for at in range(0, len(view), 4 * _FRAME):
                send_data(self._to, view[at : at + 4 * _FRAME])
            return size
        self._held += view
        if len(self._held) >= _FRAME or (not self.begun and time.monotonic() - self._since > _HELD_S):
            self.push()
        return size

    def pause(self) -> None:
        """Says that what comes next begins anew, like the next batch of rows."""
        last, self._paused = self.size_bytes - self._paused, self.size_bytes
        if self._borrower is not None:
            # the next one, if it is as large, is to be in one piece too; and nobody waits long for this one
            if self._filled + last > SEGMENT_BYTES or time.monotonic() - self._since > _HELD_S:
                self.push()
        elif self.begun and (borrower := self._borrowing()) is not None:
            self.push()
            self._borrower = borrower

    def rows_begin(self) -> None:
        """Counts from now on how long the first bytes are held back."""
        self._since = time.monotonic()

    def full(self) -> bool:
        """Whether there are as many bytes as there may be."""
        return self._most is not None and self.size_bytes >= self._most

    def push(self) -> None:
        """Sends what is held."""
        if self._filled:
            self._tell()
        if self._held:
            self._begin()
            send_data(self._to, self._held)
            self._held = bytearray()

    def drop(self) -> None:
        """Takes nothing any more: what packs or writes files still writes an end when it is cleared away.

        It would come into the answer of whoever asks this process next.
        """
        self._over = True
        self._held = bytearray()

    def end(self, ended: Ended) -> None:
        """Sends the rest, and how it went. Nothing is taken afterwards."""
        self._over = True
        if ended.failure is not None:
            send(self._to, ended)
        elif not self.begun:
            send(self._to, Begun(self.columns, ended, self._number_of_query))
            if self._held:
                send_data(self._to, self._held)
            send(self._to, ended)
        else:
            self.push()
            send(self._to, ended)

    def _lay(self, view: memoryview) -> memoryview:
        """Lays bytes into segments; gives those that are left where no more is lent."""
        while view:
            if not self._segment:
                assert self._borrower is not None, "somebody has lent"
                found = self._borrower.segment()
                if found is None:
                    self._borrower = None
                    self._borrowing = lambda: None
                    break
                self._number, self._segment = found
            count = min(len(view), len(self._segment) - self._filled)
            self._segment[self._filled : self._filled + count] = view[:count]
            self._filled += count
            view = view[count:]
            if self._filled == len(self._segment):
                self._tell()
        return view

    def _tell(self) -> None:
        """Says what lies in a segment, which is not this process's any more."""
        send_laid(self._to, Laid(self._number, self._filled))
        self._since = time.monotonic()
        self._segment.release()
        self._segment, self._filled = memoryview(b""), 0

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            send(self._to, Begun(self.columns, None, self._number_of_query))


Close = Callable[[], None]


def encoded(sink: Sink, encoding: str) -> tuple[object, Close]:
    """What is written to, so that the sink has the bytes encoded, and what ends it."""
    if encoding not in ("gzip", "zstd"):
        return sink, lambda: None
    import pyarrow as pa

    packed = pa.CompressedOutputStream(pa.PythonFile(sink, "w"), encoding)
    return packed, packed.close
