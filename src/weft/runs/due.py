"""When a mesh is looked through for what nothing refers to: a mark on the disk says when that was done last."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from pathlib import Path

from weft.config import Settings, duration


def is_due(settings: Settings, now: datetime) -> bool:
    """Whether `storage.orphan_age` has passed, or something asked for it. A mark from the future says nothing."""
    try:
        last = _mark(settings).stat().st_mtime
    except FileNotFoundError:
        return False
    return not 0 <= now.timestamp() - last < duration(settings.storage.orphan_age).total_seconds()


def begun(settings: Settings) -> bool:
    """Whether the time is reckoned already; a warehouse that begins has nothing old, and begins to reckon it."""
    mark = _mark(settings)
    if mark.exists():
        return True
    mark.touch()
    return False


def done(settings: Settings) -> None:
    """Reckons the time anew."""
    _mark(settings).touch()


def soon(settings: Settings) -> None:
    """Lets the next apply look, whenever it comes."""
    with contextlib.suppress(OSError):  # it will be looked in its time
        _mark(settings).touch()
        os.utime(_mark(settings), (0, 0))


def _mark(settings: Settings) -> Path:
    return settings.state / "swept"
