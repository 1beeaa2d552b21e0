"""Where a page of a list ends, as an opaque text that the next question brings back."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from weft.errors import UsageError, error

_CHECK = 8
_LARGEST = 2**53
"""Beyond it a number is not the same in every JSON, and none of ours comes near."""


def cursor_of(asked: str, place: list[str | int]) -> str:
    """The cursor behind a place in a list.

    Args:
        asked: what list it is, filters included: a cursor of another one is refused.
    """
    text = json.dumps(place, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_check(asked, text) + text).decode().rstrip("=")


def place_of(asked: str, cursor: str | None, *kinds: type) -> list[Any] | None:
    """The place that a cursor stands for; None without one.

    Args:
        kinds: the types of the values that make a place of this list; a `datetime` is written as text.

    Raises:
        UsageError: WFT-SRV-006, it is none of this list.
    """
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        check, text = raw[:_CHECK], raw[_CHECK:]
        place = json.loads(text) if check == _check(asked, text) else None
        # Anybody can make the checksum: what stands behind it is believed no more than any other argument.
        if isinstance(place, list) and len(place) == len(kinds):
            return [_part(part, kind) for part, kind in zip(place, kinds, strict=True)]
    except (ValueError, OverflowError, RecursionError):
        pass
    raise UsageError(
        error(
            "WFT-SRV-006",
            "this cursor belongs to no page of this list",
            why="a cursor is `next` of the page before, asked with the same filters",
            fix="take `next` as it is, or begin without a cursor",
        )
    )


def _part(part: Any, kind: Any) -> Any:
    """A value of a place.

    Raises:
        ValueError: it is none that a page of ours ends with.
        OverflowError: it is a time that no calendar has in UTC.
    """
    if kind is datetime and isinstance(part, str):
        at = datetime.fromisoformat(part)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
        raise ValueError("a time without a zone")
    fits = part.isprintable() if isinstance(part, str) else isinstance(part, int) and 0 <= part <= _LARGEST
    if type(part) is kind and fits:
        return part
    raise ValueError("a value of another kind")


def _check(asked: str, text: bytes) -> bytes:
    # Nothing secret is in a cursor, and it opens nothing that the caller may not see: a checksum tells a real one.
    return hashlib.sha256(b"weft cursor\n" + asked.encode() + b"\n" + text).digest()[:_CHECK]
