"""How large the head of a request may be (first line and fields) and how long it takes, and how long bodies may rest.

Whoever sends a head is not known yet. uvicorn has no bound over httptools, which puts a long field together anew with
each part of it: 200 MB in one field took the one thread that answers everybody a minute, and all that memory.
"""

from __future__ import annotations

import asyncio
import http
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MOST_BYTES = 65_536
"""Bytes of a head beyond the part with which it began; several times of what browsers and proxies let through."""
LONGEST_S = 30.0
"""How long a connection may take until a head is there, counted from its first byte, or from the connection."""
RESTS_S = 60.0
"""How long nothing more of a body may come while it is waited for."""
UNTAKEN_S = 120.0
"""How long nothing of an answer may be taken: until then it holds memory, and a process that makes more of it.

The system tells of what is taken a few megabytes at a time.
"""


class BoundedRequests(HttpToolsProtocol):
    """HTTP/1.1 of one connection."""

    _bytes: int | None = None
    """How large the head is that is being read, after the part with which it began; None: none is being read."""
    _begins = False
    _timer: asyncio.TimerHandle | None = None
    _reads_body = False
    _heard = 0.0
    _rest: asyncio.TimerHandle | None = None
    _untaken: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins to wait for the first request."""
        super().connection_made(cast(asyncio.Transport, transport))
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends."""
        self._stop_waiting()
        self._body_is_there()
        self._is_taken()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """More of an answer is there than was taken."""
        super().pause_writing()
        self._look_again()

    def resume_writing(self) -> None:
        """It was taken."""
        self._is_taken()
        super().resume_writing()

    def data_received(self, data: bytes) -> None:
        """Reads a part of a request."""
        self._begins = False
        super().data_received(data)
        if self._reads_body:
            self._heard = self.loop.time()
            if self._rest is None:
                self._rest = self.loop.call_later(RESTS_S, self._look)
        if self._bytes is None or self.transport.is_closing():
            return
        if not self._begins:  # the part with which it began may hold the body of the request before it
            self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            self._refuse(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._timer is None:
            self._wait()

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._bytes, self._begins = 0, True

    def on_headers_complete(self) -> None:
        """It is there."""
        self._bytes, self._reads_body = None, True
        self._stop_waiting()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole request is there."""
        self._body_is_there()
        super().on_message_complete()

    def _wait(self) -> None:
        self._timer = self.loop.call_later(LONGEST_S, self._refuse, http.HTTPStatus.REQUEST_TIMEOUT)

    def _look(self) -> None:
        """Ends the connection where nothing more of a body comes, though somebody here would read it."""
        self._rest = None
        if self.transport.is_closing():
            return
        ours = self.flow.read_paused or (self.cycle is not None and self.cycle.waiting_for_100_continue)
        left = RESTS_S if ours else self._heard + RESTS_S - self.loop.time()
        if left > 0:
            self._rest = self.loop.call_later(left, self._look)
        else:
            self.transport.close()

    def _look_again(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._untaken = self.loop.call_later(UNTAKEN_S, self._look_what_is_left, left)

    def _look_what_is_left(self, before: int) -> None:
        """Ends the connection where nothing of what is left was taken; closing it would wait until all is."""
        if self.transport.get_write_buffer_size() < before:
            self._look_again()
        else:
            self._untaken = None
            self.transport.abort()

    def _is_taken(self) -> None:
        if self._untaken is not None:
            self._untaken.cancel()
            self._untaken = None

    def _body_is_there(self) -> None:
        self._reads_body = False
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: http.HTTPStatus) -> None:
        """Ends the connection, with an answer where none is under way and a request had begun."""
        self._stop_waiting()
        if self._bytes is not None and (self.cycle is None or self.cycle.response_complete):
            text = status.phrase.encode()
            head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: text/plain; charset=utf-8\r\n"
            self.transport.write(f"{head}content-length: {len(text)}\r\nconnection: close\r\n\r\n".encode() + text)
        self.transport.close()
