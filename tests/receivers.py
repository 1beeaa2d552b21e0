"""Real receivers of notices on loopback: an HTTP server that takes, hangs, redirects or fails, and a server of mail."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def signed_with(self, secret: str) -> bool:
        """Whether it is signed with a secret, as Standard Webhooks says."""
        key = base64.b64decode(secret.removeprefix("whsec_")) if secret.startswith("whsec_") else secret.encode()
        text = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        return (
            self.headers["webhook-signature"]
            == "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        )


@dataclass
class Receiver:
    """An HTTP server; `answer` decides on each request: a status, with headers if it likes."""

    url: str = ""
    requests: list[Received] = field(default_factory=list)
    answer: Callable[[Received], tuple[int, dict[str, str]]] = lambda request: (204, {})

    @property
    def ids(self) -> list[str]:
        return [request.headers["webhook-id"] for request in self.requests]


@contextmanager
def receiving(encrypted: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Received(self.path, {k.lower(): v for k, v in self.headers.items()}, body)
            receiver.requests.append(request)
            status, headers = receiver.answer(request)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
            except OSError:
                pass

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if encrypted is not None:
        server.socket = encrypted.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def dripping(seconds: float) -> Callable[[Received], tuple[int, dict[str, str]]]:
    """An answer that does not come."""

    def answer(request: Received) -> tuple[int, dict[str, str]]:
        time.sleep(seconds)
        return 204, {}

    return answer


class Mailbox:
    """What a server of mail was given: aiosmtpd calls it."""

    def __init__(self) -> None:
        self.messages: list[tuple[list[str], bytes]] = []
        self.refuse: str | None = None

    async def handle_DATA(self, server: object, session: object, envelope: Any) -> str:  # noqa: N802 - the name that aiosmtpd calls
        if self.refuse is not None:
            return self.refuse
        self.messages.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"


@contextmanager
def mailing(
    encrypted: ssl.SSLContext | None = None, passwords: Mapping[str, str] | None = None
) -> Iterator[tuple[Mailbox, int]]:
    """A server of mail on a free port; one with passwords takes nothing without."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    from tests.servers import _port

    box = Mailbox()
    with _port() as port:
        pass

    def known(server: object, session: object, envelope: object, mechanism: str, data: Any) -> AuthResult:
        right = passwords is not None and passwords.get(data.login.decode()) == data.password.decode()
        return AuthResult(success=right, handled=False)

    safe: dict[str, Any] = {}
    if encrypted is not None:
        safe = {"tls_context": encrypted, "require_starttls": True}
    if passwords is not None:
        safe |= {"authenticator": known, "auth_required": True}
    controller = Controller(box, hostname="127.0.0.1", port=port, **safe)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()
