"""Systems that a server reads from: which there are, and whether one answers. Secrets are never shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from weft.access.permissions import Action, Caller, require
from weft.config import Connection
from weft.errors import Conflict, Diagnostic, UsageError, WeftError, did_you_mean, error

if TYPE_CHECKING:
    from weft.connectors.remotes import RemoteConnector

_PATIENCE_S = 15.0
_SHORTEST = 3
"""Secrets that are shorter are no secrets, and would tear texts apart where they are taken out."""


class Connections:
    """The connections of the settings, for operators.

    Args:
        remotes: makes what connects; each trial has its own.
        patience_s: how long a system may take to answer.
    """

    def __init__(
        self,
        known: Mapping[str, Connection],
        remotes: Callable[[], RemoteConnector],
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._known = known
        self._remotes = remotes
        self._patience_s = patience_s
        self._guard = threading.Lock()
        self._tried: set[str] = set()

    def listed(self, caller: Caller) -> list[dict[str, Any]]:
        """Each connection: what it says in the settings, and where its secrets stand.

        Raises:
            AccessDenied: WFT-ACC-010, they are for operators.
        """
        require(caller, Action.OPERATE)
        return [
            {
                "name": one.name,
                "kind": one.kind,
                "options": {key: value.rpartition("@")[2] for key, value in one.options.items()},
                "secrets": {key: reference.text for key, reference in one.secrets.items()},
            }
            for one in self._known.values()
        ]

    def tested(self, caller: Caller, name: str) -> dict[str, Any]:
        """Whether a system answers, how fast, and else why not.

        Raises:
            AccessDenied: WFT-ACC-010, it is for operators.
            UsageError: WFT-SRV-120, there is no such connection.
            Conflict: WFT-SRV-122, it is being tried already.
        """
        require(caller, Action.OPERATE)
        connection = self._known.get(name)
        if connection is None:
            fix = did_you_mean(name, list(self._known), otherwise="`[connections.NAME]` of weft.toml makes one")
            raise UsageError(error("WFT-SRV-120", f"there is no connection `{name[:80]}`", fix=fix))
        with self._guard:
            if name in self._tried:
                raise Conflict(error("WFT-SRV-122", f"`{name}` is being tried already", fix="wait for a moment"))
            self._tried.add(name)
        began, found = time.monotonic(), list[Diagnostic]()
        trial = threading.Thread(target=self._try, args=(name, found), name=f"trial of {name}", daemon=True)
        trial.start()
        trial.join(self._patience_s)
        if trial.is_alive():  # it goes on until its driver gives up, and until then it is not tried again
            what = f"`{name}` has not answered within {self._patience_s:g} s"
            found = [
                error("WFT-SRV-121", what, fix="look whether the server can be reached from here, and is not full")
            ]
        return {
            "name": name,
            "reached": not found,
            "seconds": round(time.monotonic() - began, 3),
            "diagnostics": [_without_secrets({"why": None, "fix": None, **d.as_json()}, connection) for d in found],
        }

    def _try(self, name: str, found: list[Diagnostic]) -> None:
        remotes = self._remotes()
        try:
            remotes.reach(name)
        except WeftError as e:
            found += e.diagnostics
        except Exception as e:  # noqa: BLE001 - a driver's fault is told by its kind: its words may hold anything
            found.append(
                error("WFT-SRC-010", f"`{name}` cannot be reached", why=f"its driver fails: {type(e).__name__}")
            )
        finally:
            remotes.close()
            with self._guard:
                self._tried.discard(name)


def _without_secrets(told: dict[str, Any], connection: Connection) -> dict[str, Any]:
    """What a driver has said, without a secret that it may have repeated."""
    secrets = set[str]()
    for reference in connection.secrets.values():
        with suppress(WeftError):
            secret = reference.secret("").value
            secrets.add(secret)
            with suppress(ValueError):
                secrets.add(urlsplit(secret).password or "")
    for key, value in told.items():
        if isinstance(value, str):
            for secret in sorted(secrets, key=len, reverse=True):
                value = value.replace(secret, "***") if len(secret) >= _SHORTEST else value
            told[key] = value
    return told
