"""Heads of requests: what is too large or never ends is refused before it costs anything."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn

from tests.unit.server.company import company, running
from weft.server import bounded_requests

BEGUN = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


def connected(url: str) -> socket.socket:
    host, _, port = url.rpartition("/")[2].partition(":")
    return socket.create_connection((host, int(port)), 30)


def answer(sent: socket.socket) -> bytes:
    """All that comes until the other end has closed."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while part := sent.recv(65536):
            got += part
    return got


@contextlib.contextmanager
def answering() -> Iterator[str]:
    """A server that answers every request with its body."""

    async def app(scope, receive, send):
        body = b""
        while (said := await receive())["type"] == "http.request":
            body += said["body"]
            if not said["more_body"]:
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
        await send({"type": "http.response.body", "body": body})

    config = uvicorn.Config(app, http=bounded_requests.BoundedRequests, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


@pytest.mark.parametrize("field", [b"a", b"a: b\r\nX-"], ids=["one long field", "many fields"])
def test_a_head_that_does_not_end_is_refused_before_it_fills_memory(tmp_path, field):
    with company(tmp_path / "company"):
        pass
    with running(tmp_path / "company") as url, connected(url) as sent:
        sent.sendall(BEGUN + b"X-A: ")
        taken = 0
        with pytest.raises(OSError):
            while taken < 50_000_000:
                sent.sendall(field * (100_000 // len(field)))
                taken += 100_000

        assert taken < 20_000_000


def test_a_head_that_is_too_large_is_told_so_and_one_of_common_size_is_read():
    with answering() as url:
        with connected(url) as sent:
            sent.sendall(BEGUN + b"Connection: close\r\nX-A: " + b"a" * 30_000 + b"\r\n\r\n")
            small = answer(sent)
        with connected(url) as sent:
            sent.sendall(BEGUN)
            time.sleep(0.2)  # what comes with the first part is not counted
            sent.sendall(b"X-A: " + b"a" * (bounded_requests.MOST_BYTES + 1))
            large = answer(sent)

    assert small.startswith(b"HTTP/1.1 200 ")
    assert large.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")


def test_a_body_counts_not_as_the_head_of_the_next_request():
    body = b"b" * 3_000_000
    with answering() as url, connected(url) as sent:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n" % len(body)
        last = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        threading.Thread(target=sent.sendall, args=(head + b"\r\n" + body + last,), daemon=True).start()
        got = answer(sent)

    assert got.count(b"HTTP/1.1 200 ") == 2
    assert got.count(b"b" * 1000) == len(body) // 1000


def test_a_connection_without_a_whole_head_is_ended_after_a_while(monkeypatch):
    monkeypatch.setattr(bounded_requests, "LONGEST_S", 0.5)
    with answering() as url:
        with connected(url) as silent:
            said_nothing = answer(silent)
        with connected(url) as slow:
            slow.sendall(BEGUN)
            for part in (b"X-A: a\r\n",) * 3:
                time.sleep(0.1)
                slow.sendall(part)
            half = answer(slow)
        with connected(url) as later:
            later.sendall(BEGUN + b"\r\n")
            time.sleep(0.2)
            later.sendall(BEGUN)
            second = answer(later)

    assert said_nothing == b""
    assert half.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert second.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 408 " in second


def test_a_slow_answer_and_a_slow_body_are_not_ended(monkeypatch):
    monkeypatch.setattr(bounded_requests, "LONGEST_S", 0.3)
    with answering() as url, connected(url) as sent:
        sent.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\n")
        for part in b"slow":
            time.sleep(0.2)
            sent.sendall(bytes([part]))
        got = answer(sent)

    assert got.endswith(b"slow")


def test_a_body_of_which_nothing_more_comes_is_waited_for_no_longer(monkeypatch):
    monkeypatch.setattr(bounded_requests, "RESTS_S", 0.4)
    begun = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 8\r\n\r\n"
    with answering() as url:
        with connected(url) as slow:
            slow.sendall(begun)
            for part in b"slowly..":
                time.sleep(0.15)  # longer in all, and never for long
                slow.sendall(bytes([part]))
            whole = answer(slow)
        with connected(url) as half:
            half.sendall(begun + b"half")
            began = time.monotonic()
            nothing = answer(half)
            took = time.monotonic() - began

    assert whole.endswith(b"slowly..")
    assert nothing == b""
    assert took < 5


def test_an_answer_of_which_nothing_is_taken_is_ended_and_one_that_is_taken_slowly_is_not(monkeypatch):
    monkeypatch.setattr(bounded_requests, "UNTAKEN_S", 1.0)
    size = 30_000_000
    request = b"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size

    with answering() as url, connected(url) as slow, connected(url) as never:
        slow.sendall(request + b"a" * size)
        never.sendall(request + b"a" * size)
        taken = b""
        for _ in range(15):
            taken += slow.recv(1_000_000)
            time.sleep(0.15)

        assert len(taken) + len(answer(slow)) > size
        assert len(answer(never)) < size
