"""Where a page of a list ends, as an opaque text that the next question brings back."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json

from weft.errors import UsageError, error

_CHECK = 8


def cursor_of(asked: str, place: list[str | int]) -> str:
    """The cursor behind a place in a list.

    Args:
        asked: what list it is, filters included: a cursor of another one is refused.
    """
    text = json.dumps(place, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(_check(asked, text) + text).decode().rstrip("=")


def place_of(asked: str, cursor: str | None, *kinds: type) -> list[str | int] | None:
    """The place that a cursor stands for; None without one.

    Args:
        kinds: the types of the values that make a place of this list.

    Raises:
        UsageError: WFT-SRV-006, it is none of this list.
    """
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        check, text = raw[:_CHECK], raw[_CHECK:]
        place = json.loads(text) if check == _check(asked, text) else None
    except (ValueError, binascii.Error, RecursionError):
        place = None
    if not isinstance(place, list) or [type(part) for part in place] != list(kinds):
        raise UsageError(
            error(
                "WFT-SRV-006",
                "this cursor belongs to no page of this list",
                why="a cursor is `next` of the page before, asked with the same filters",
                fix="take `next` as it is, or begin without a cursor",
            )
        )
    return place


def _check(asked: str, text: bytes) -> bytes:
    # Nothing secret is in a cursor, and it opens nothing that the caller may not see: a checksum tells a real one.
    return hashlib.sha256(b"weft cursor\n" + asked.encode() + b"\n" + text).digest()[:_CHECK]
