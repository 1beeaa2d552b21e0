"""Identity providers on loopback: a whole one in a process of its own, and one whose keys and answers a test sets."""

from __future__ import annotations

import base64
import hmac
import json
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

_PATIENCE_S = 30.0


@contextmanager
def provider_running() -> Iterator[str]:
    """An OpenID provider in a process of its own, for anybody as any client; gives its issuer."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    issuer = f"http://localhost:{port}"
    try:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                httpx.get(f"{issuer}/.well-known/openid-configuration", timeout=60).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None and time.monotonic() < deadline, "the provider does not answer"
                time.sleep(0.1)
        yield issuer
    finally:
        process.terminate()
        process.wait(20)


def account(issuer: str, subject: str, **claims: Any) -> None:
    """Makes an account at the provider, with what its tokens say of it."""
    httpx.put(f"{issuer}/users/{subject}", json=claims, timeout=60).raise_for_status()


def agree(address: str, subject: str) -> str:
    """What a person does whom a page has sent to the provider: gives the address that they are sent back to."""
    page = httpx.get(address, timeout=60)
    assert page.status_code == 200 and re.search(r"<form", page.text), page.text
    answer = httpx.post(address, data={"sub": subject}, timeout=60)
    assert answer.is_redirect, answer.text
    return answer.headers["location"]


@cache
def _first_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})


class Issuer:
    """An issuer of signed tokens: its description and keys are served over HTTP, and counted when they are asked for.

    Attributes:
        keys: what is served now.
        away: whether it answers with an error.
        token_answer: what is answered to whoever brings a code, with its status.
        user_info: what is told of whoever an access token stands for.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys: list[RSAKey | ECKey | OKPKey] = [_first_key()]
        self.asked: list[str] = []
        self.away = False
        self.named = url
        self.token_answer: tuple[int, dict[str, Any]] = (400, {"error": "invalid_grant"})
        self.user_info: dict[str, Any] = {}
        self.brought = ""

    def signed(self, key: Any = None, algorithm: str = "RS256", *, kid: str | None = "", **claims: Any) -> str:
        """A token with these claims beside or instead of the usual ones; None leaves one out."""
        used = key if key is not None else self.keys[0]
        usual = {"iss": self.url, "aud": "weft", "sub": "svc-1", "azp": "billing"}
        body = {name: value for name, value in {**usual, **claims}.items() if value is not None}
        header = {"alg": algorithm, **({"kid": used.kid if kid == "" else kid} if kid is not None else {})}
        return jwt.encode(header, body, used, algorithms=[algorithm])

    def signed_with_public_key(self, **claims: Any) -> str:
        """A token whose shared secret is the public key, as an attacker makes it; no library does."""
        secret = self.keys[0].as_pem(private=False)
        header = {"alg": "HS256", "typ": "JWT", "kid": self.keys[0].kid}
        body = {"iss": self.url, "aud": "weft", "sub": "svc-1", **claims}
        text = ".".join(_encoded(json.dumps(part).encode()) for part in (header, body))
        return f"{text}.{_encoded(hmac.digest(secret, text.encode(), 'sha256'))}"

    def answer(self, path: str) -> tuple[int, bytes]:
        """What is served at a path."""
        self.asked.append(path)
        if self.away:
            return 500, b"{}"
        if path == "/token":
            return self.token_answer[0], json.dumps(self.token_answer[1]).encode()
        if path == "/userinfo":
            return 200, json.dumps(self.user_info).encode()
        if path == "/jwks":
            return 200, json.dumps(KeySet(list(self.keys)).as_dict(private=False)).encode()
        if path == "/.well-known/openid-configuration":
            places = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
            places["userinfo_endpoint"] = "/userinfo"
            return 200, json.dumps({"issuer": self.named, **{k: self.url + v for k, v in places.items()}}).encode()
        return 404, b"{}"


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()


@contextmanager
def issuer_running() -> Iterator[Issuer]:
    """An issuer on a free port."""
    made: list[Issuer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made[0].brought = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.do_GET()

        def do_GET(self) -> None:
            status, body = made[0].answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made.append(Issuer(f"http://127.0.0.1:{server.server_address[1]}"))
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield made[0]
        finally:
            server.shutdown()
            thread.join()
