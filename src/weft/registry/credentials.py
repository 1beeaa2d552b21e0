"""Tokens of servers, kept in the folder of whoever works at this machine and readable by nobody else."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import UsageError, error

VARIABLE = "WEFT_TOKEN"
"""The token of a service or a pipeline; it wins over the file."""


class Credential(Struct, frozen=True):
    """A token of a server, as `weft login` got it.

    Attributes:
        token: None where only tokens of domains are known.
        user: as whom it acts.
        expires_at: None where the server does not say it.
        domains: tokens that publish for a domain, as it was given them when it was requisitioned.
    """

    server: str
    token: str | None
    user: str
    expires_at: datetime | None = None
    domains: Mapping[str, str] = {}


def default_folder(environ: Mapping[str, str]) -> Path:
    """The user's folder of settings of programs, with one for weft in it."""
    home = environ.get("XDG_CONFIG_HOME") or environ.get("APPDATA")
    return (Path(home) if home else Path.home() / ".config") / "weft"


def server_url(text: str) -> str:
    """A server's address as credentials are kept under it.

    >>> server_url("HTTPS://Mesh.example.com/")
    'https://mesh.example.com'

    Raises:
        UsageError: WFT-ACC-024, the text is none, or plain HTTP to another machine.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
        what = "that is no address of a server"
        raise UsageError(error("WFT-ACC-024", what, fix="write it like https://mesh.example.com"))
    if parts.scheme == "http" and host not in ("localhost", "127.0.0.1", "::1"):
        what = f"a token is not sent to `{host}` without TLS"
        raise UsageError(error("WFT-ACC-024", what, fix="use the server's https address"))
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def token_for(url: str, environ: Mapping[str, str]) -> str | None:
    """The token to show to a server: of the environment, of whoever signed in, or of the one domain known here.

    Raises:
        UsageError: WFT-ACC-023 the file cannot be read, WFT-ACC-024 a token is not sent there.
    """
    server = server_url(url)
    if environ.get(VARIABLE):
        return environ[VARIABLE].strip()
    kept = Credentials(default_folder(environ)).listed().get(server)
    if kept is None:
        return None
    return kept.token or (next(iter(kept.domains.values())) if len(kept.domains) == 1 else None)


class Credentials:
    """The file of credentials in a folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "credentials.json"

    def listed(self) -> dict[str, Credential]:
        """All by server.

        Raises:
            UsageError: WFT-ACC-023, the file cannot be read.
        """
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            return {server: _credential(server, entry) for server, entry in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            what = f"`{self._file}` cannot be read"
            raise UsageError(error("WFT-ACC-023", what, fix="remove it and run `weft login` again")) from None

    def of(self, url: str | None) -> Credential:
        """The credential of a server; without an address that of the only one.

        Raises:
            UsageError: WFT-ACC-023, there is none, or it is not clear which is meant.
        """
        found = {server: one for server, one in self.listed().items() if one.token is not None}
        if url is not None:
            server = server_url(url)
            if server in found:
                return found[server]
            what = f"you are not signed in to {server}"
            raise UsageError(error("WFT-ACC-023", what, fix=f"weft login {server}"))
        if len(found) == 1:
            return next(iter(found.values()))
        what = f"you are signed in to {', '.join(sorted(found))}" if found else "you are not signed in to any server"
        fix = "say which with `--server URL`" if found else "weft login URL"
        raise UsageError(error("WFT-ACC-023", what, fix=fix))

    def keep(self, credential: Credential) -> Path:
        """Keeps a credential in the place of another of the same server; gives the file."""
        found = self.listed()
        before = found.get(credential.server)
        found[credential.server] = replace(credential, domains=before.domains if before is not None else {})
        self._write(found)
        return self._file

    def keep_domain(self, server: str, domain: str, token: str) -> Path:
        """Keeps the token that publishes for a domain; gives the file."""
        found = self.listed()
        before = found.get(server) or Credential(server, None, "")
        found[server] = replace(before, domains={**before.domains, domain: token})
        self._write(found)
        return self._file

    def drop(self, server: str) -> bool:
        """Forgets the credential of a server; whether there was one."""
        found = self.listed()
        dropped = found.pop(server, None)
        if dropped is not None:
            self._write(found)
        return dropped is not None

    def _write(self, found: Mapping[str, Credential]) -> None:
        document = {
            server: {
                "token": one.token,
                "user": one.user,
                "expires_at": one.expires_at.isoformat() if one.expires_at is not None else None,
                **({"domains": dict(one.domains)} if one.domains else {}),
            }
            for server, one in sorted(found.items())
        }
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._file.with_name(f".{secrets.token_hex(8)}")
        # made for its owner alone before anything stands in it
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file, indent=2)
        beside.replace(self._file)


def _credential(server: str, entry: Mapping[str, Any]) -> Credential:
    until = entry.get("expires_at")
    return Credential(
        server,
        str(entry["token"]) if entry["token"] is not None else None,
        str(entry["user"]),
        datetime.fromisoformat(until) if until is not None else None,
        {str(domain): str(token) for domain, token in entry.get("domains", {}).items()},
    )
