"""Signing the command line in by a browser: OAuth 2.0 for Native Apps (RFC 8252) with PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from weft.api.client.servers import Server
from weft.errors import AccessDenied, error
from weft.registry.credentials import Credential

_PATIENCE_S = 300.0
_THANKS = b"<!doctype html><meta charset=utf-8><title>weft</title><p>weft is signed in. You can close this page.</p>"


class BrowserLogin:
    """One sign-in: an address for the browser, and the code that comes back."""

    def __init__(self, server: Server, label: str) -> None:
        self._server = server
        self._label = label
        self._verifier = secrets.token_urlsafe(48)
        self._state = secrets.token_urlsafe(24)

    def by_loopback(self, show: Callable[[str], object], patience_s: float = _PATIENCE_S) -> Credential:
        """Waits on a loopback port until the browser brings the code.

        Args:
            show: is given the address that the browser has to open.

        Raises:
            AccessDenied: WFT-ACC-020, no code came in time.
        """
        found: list[str] = []
        with HTTPServer(("127.0.0.1", 0), self._handler(found)) as waiting:
            waiting.timeout = 1.0
            show(self._address(f"http://127.0.0.1:{waiting.server_address[1]}/"))
            until = time.monotonic() + patience_s
            while not found and time.monotonic() < until:
                waiting.handle_request()
        if not found:
            what = f"no browser has brought a code within {patience_s:.0f} s"
            raise AccessDenied(error("WFT-ACC-020", what, fix="`weft login URL --no-browser` asks for it here"))
        return self._server.exchanged(found[0], self._verifier)

    def by_hand(self, show: Callable[[str], object], ask: Callable[[], str]) -> Credential:
        """Lets the code be typed that the page shows, where the browser is on another machine.

        Raises:
            UsageError: WFT-ACC-020, the code does not hold.
        """
        show(self._address("show"))
        return self._server.exchanged(ask().strip(), self._verifier)

    def _address(self, redirect: str) -> str:
        digest = hashlib.sha256(self._verifier.encode()).digest()
        asked = {
            "challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "redirect": redirect,
            "state": self._state,
            "label": self._label,
        }
        return f"{self._server.url}/login/cli?{urlencode(asked)}"

    def _handler(self, found: list[str]) -> type[BaseHTTPRequestHandler]:
        state = self._state

        class Handler(BaseHTTPRequestHandler):
            timeout = 5  # a connection that says nothing must not keep the right one waiting

            def do_GET(self) -> None:
                asked = parse_qs(urlsplit(self.path).query)
                fits = secrets.compare_digest(asked.get("state", [""])[0].encode(), state.encode())
                if not fits or not asked.get("code"):
                    self.send_error(400)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Referrer-Policy", "no-referrer")
                self.end_headers()
                self.wfile.write(_THANKS)
                found.append(asked["code"][0])

            def log_message(self, format: str, *args: object) -> None:
                """Says nothing: the line would hold the code."""

        return Handler
