"""Where the bytes of an answer go: counted, held back for a moment, and sent as fast as they are taken."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Callable

from weft.access.reading.wire import Begun, Ended, send, send_data
from weft.access.result import ResultColumn

_FRAME = 256 * 1024
"""Bytes that go together."""

_HELD_S = 0.1
"""How long the first bytes are held back, so that an answer that is small is known as a whole when it begins."""


class Sink(io.RawIOBase):
    """Bytes to whoever has asked.

    Attributes:
        columns: of the answer.
        begun: whether the head of the answer has gone.
        size_bytes: what was written.
    """

    def __init__(self, to: socket.socket, most_bytes: int | None, columns: tuple[ResultColumn, ...]) -> None:
        super().__init__()
        self._to = to
        self._most = most_bytes
        self.columns = columns
        self._held = bytearray()
        self._since = time.monotonic()
        self.begun = False
        self.size_bytes = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """How many bytes were written."""
        return self.size_bytes

    def write(self, data: object) -> int:
        """Takes bytes; sends them once there are enough."""
        view = memoryview(data).cast("B")  # type: ignore[arg-type]
        self.size_bytes += len(view)
        if len(view) >= _FRAME:
            self.push()
            self._begin()
            for at in range(0, len(view), 4 * _FRAME):
                send_data(self._to, view[at : at + 4 * _FRAME])
            return len(view)
        self._held += view
        if len(self._held) >= _FRAME or (not self.begun and time.monotonic() - self._since > _HELD_S):
            self.push()
        return len(view)

    def rows_begin(self) -> None:
        """Counts from now on how long the first bytes are held back."""
        self._since = time.monotonic()

    def full(self) -> bool:
        """Whether there are as many bytes as there may be."""
        return self._most is not None and self.size_bytes >= self._most

    def push(self) -> None:
        """Sends what is held."""
        if self._held:
            self._begin()
            send_data(self._to, self._held)
            self._held = bytearray()

    def end(self, ended: Ended) -> None:
        """Sends the rest, and how it went."""
        if ended.failure is not None:
            send(self._to, ended)
        elif not self.begun:
            send(self._to, Begun(self.columns, ended))
            if self._held:
                send_data(self._to, self._held)
            send(self._to, ended)
        else:
            self.push()
            send(self._to, ended)

    def _begin(self) -> None:
        if not self.begun:
            self.begun = True
            send(self._to, Begun(self.columns))


Close = Callable[[], None]


def encoded(sink: Sink, encoding: str) -> tuple[object, Close]:
    """What is written to, so that the sink has the bytes encoded, and what ends it."""
    if encoding not in ("gzip", "zstd"):
        return sink, lambda: None
    import pyarrow as pa

    packed = pa.CompressedOutputStream(pa.PythonFile(sink, "w"), encoding)
    return packed, packed.close
