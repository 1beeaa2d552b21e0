"""The event log's hash chain: each event's hash covers its content and the hash before it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from weft.errors import PlatformError, error
from weft.model.records import Event
from weft.registry.codec import dumps, time_text

BEGINNING = "0" * 64
"""What stands before the first event."""


def chained(previous: str, seq: int, at: str, kind: str, actor: str, subject: str, body: Mapping[str, Any]) -> str:
    """The hash of an event: SHA-256 over the hash before it and its canonical JSON, in hex."""
    text = dumps([seq, at, kind, actor, subject, dict(body)])
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def verify(events: Iterable[Event]) -> int:
    """Walks the chain from its beginning and returns its length.

    Raises:
        PlatformError: WFT-REG-004, an event is missing or was changed; names the first one.
    """
    previous, length = BEGINNING, 0
    for event in events:
        expected = chained(previous, event.seq, time_text(event.at), event.kind, event.actor, event.subject, event.body)
        if event.seq != length + 1 or event.previous != previous or event.hash != expected:
            raise PlatformError(
                error(
                    "WFT-REG-004",
                    f"the event log is broken at event {event.seq}",
                    why="an event is missing or was changed after it was written",
                    fix="restore the registry from a backup",
                )
            )
        previous, length = event.hash, length + 1
    return length
