"""Tokens that this machine's user has for servers: `WEFT_TOKEN`, else a file that nobody else can read."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VARIABLE = "WEFT_TOKEN"
"""The token of a service or a pipeline; it wins over the file."""


def token_for(server: str, environ: Mapping[str, str]) -> str | None:
    """The token to show to a server: of the environment, of a person who signed in, or of the one domain known here."""
    if environ.get(VARIABLE):
        return environ[VARIABLE].strip()
    kept = _read(credentials_file(environ)).get(server.rstrip("/"), {})
    domains = kept.get("domains", {})
    return kept.get("token") or (next(iter(domains.values())) if len(domains) == 1 else None)


def keep(server: str, token: str, environ: Mapping[str, str], domain: str | None = None) -> Path:
    """Keeps a token of a person, or one that publishes for a domain; gives the file."""
    file = credentials_file(environ)
    every = _read(file)
    kept = every.setdefault(server.rstrip("/"), {})
    if domain is None:
        kept["token"] = token
    else:
        kept.setdefault("domains", {})[domain] = token
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".credentials-")  # readable for its owner alone
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(every, out, indent=2)
    Path(temporary).replace(file)
    return file


def credentials_file(environ: Mapping[str, str]) -> Path:
    """Where tokens are kept: `weft/credentials.json` in the user's folder of settings."""
    home = environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "weft" / "credentials.json"


def _read(file: Path) -> dict[str, dict[str, Any]]:
    try:
        found: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found
