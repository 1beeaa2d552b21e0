"""A server as the command line speaks with it about whoever is asking: signing in, and tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from weft.errors import (
    AccessDenied,
    Conflict,
    Diagnostic,
    PlatformError,
    TransientError,
    UsageError,
    WeftError,
    diagnostic_from_json,
    error,
)
from weft.registry.credentials import Credential, server_url
from weft.registry.reaching import tls_fix

_PATIENCE_S = 30.0
_LONG_S = 600.0
"""How long is waited for what a query or an upload makes."""

_KINDS: Mapping[int, type[WeftError]] = {401: AccessDenied, 403: AccessDenied, 409: Conflict, 429: AccessDenied}


class Server:
    """One server, asked with a token or without."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self.url = server_url(url)
        self._token = token

    def who(self) -> dict[str, Any]:
        """As whom the token acts.

        Raises:
            AccessDenied: WFT-ACC-023, the token does not hold.
        """
        return self._ask("GET", "/session")

    def credential(self) -> Credential:
        """The credential of a token that somebody has brought.

        Raises:
            AccessDenied: WFT-ACC-023, it does not hold.
        """
        assert self._token is not None, "the caller gives one"
        return Credential(self.url, self._token, str(self.who()["name"]))

    def exchanged(self, code: str, verifier: str) -> Credential:
        """The credential of a code that a browser has brought.

        Raises:
            UsageError: WFT-ACC-020, the code does not hold.
        """
        made = self._ask("POST", "/tokens/exchange", {"code": code, "verifier": verifier})
        return Credential(self.url, made["token"], made["owner"], datetime.fromisoformat(made["expires_at"]))

    def tokens(self, domain: str | None = None) -> list[dict[str, Any]]:
        """One's own tokens, or those of a domain."""
        found: list[dict[str, Any]] = self._ask("GET", "/tokens", query={"domain": domain} if domain else None)[
            "tokens"
        ]
        return found

    def create_token(
        self, label: str, *, domain: str | None, days: int | None, actions: Sequence[str]
    ) -> dict[str, Any]:
        """A new token, with its secret under `token`."""
        asked = {"label": label, "domain": domain, "days": days, "actions": list(actions) or None}
        return self._ask("POST", "/tokens", {key: value for key, value in asked.items() if value is not None})

    def revoke_token(self, token_id: str) -> None:
        """Ends a token."""
        self._ask("DELETE", f"/tokens/{_part(token_id)}")

    def workspace(self) -> list[dict[str, Any]]:
        """One's own tables."""
        found: list[dict[str, Any]] = self._ask("GET", "/workspace")["tables"]
        return found

    def workspace_make(self, name: str, sql: str) -> dict[str, Any]:
        """Keeps the rows of a query as a table."""
        return self._ask("POST", f"/workspace/{_part(name)}", {"sql": sql}, patience_s=_LONG_S)

    def workspace_upload(self, name: str, file: Path) -> dict[str, Any]:
        """Keeps a file as a table: Parquet by its ending, else CSV."""
        form = "parquet" if file.suffix.lower() == ".parquet" else "csv"

        def content() -> Iterator[bytes]:
            with file.open("rb") as source:
                while chunk := source.read(1 << 20):
                    yield chunk

        return self._ask("PUT", f"/workspace/{_part(name)}", None, {"form": form}, content=content, patience_s=_LONG_S)

    def workspace_drop(self, name: str) -> None:
        """Removes a table."""
        self._ask("DELETE", f"/workspace/{_part(name)}")

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        *,
        content: Callable[[], Iterator[bytes]] | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> dict[str, Any]:
        try:
            import httpx
        except ImportError:
            raise PlatformError(
                error("WFT-CLI-002", "the package `httpx` is not installed", fix="pip install 'weft[server]'")
            ) from None
        headers = {"Authorization": f"Bearer {self._token}"} if self._token is not None else {}
        sent: dict[str, Any] = {"json": body}
        if content is not None:
            sent = {"content": content()}
            headers["Content-Type"] = "application/octet-stream"
        try:
            answer = httpx.request(
                method, f"{self.url}/api/v1{path}", params=query, headers=headers, timeout=patience_s, **sent
            )
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as e:
            what = f"{self.url} cannot be reached"
            fix = tls_fix(e) or "check the address, and whether the server runs"
            raise TransientError(error("WFT-ACC-024", what, why=str(e) or type(e).__name__, fix=fix)) from None
        if answer.status_code == 204:
            return {}
        found = _document(answer.content)
        if answer.is_success and found is not None:
            return found
        if answer.status_code == 401 and self._token is not None:
            what = f"the token for {self.url} does not hold: it has expired, was revoked, or is of another server"
            raise AccessDenied(error("WFT-ACC-023", what, fix=f"weft login {self.url}"))
        raise self._failed(answer.status_code, found)

    def _failed(self, status: int, found: Mapping[str, Any] | None) -> WeftError:
        """What the server says went wrong, as an error of this side."""
        told: list[Diagnostic] = []
        for one in (found or {}).get("diagnostics", ()):
            try:
                told.append(diagnostic_from_json(one))
            except (KeyError, TypeError, ValueError):  # of a newer weft, or of no weft at all
                continue
        if not told:
            what = f"{self.url} does not answer as weft does: status {status}"
            return PlatformError(error("WFT-ACC-024", what, fix="check the address"))
        return _KINDS.get(status, UsageError if status < 500 else PlatformError)(*told)


def _part(name: str) -> str:
    """A name as a part of a path."""
    from urllib.parse import quote

    return quote(name, safe="")


def _document(content: bytes) -> dict[str, Any] | None:
    import json

    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
