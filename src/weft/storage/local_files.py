"""Files of Iceberg's metadata on a local disk: they appear whole, and are on the disk when they appear."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

SCHEME = "file://"


def local_path(location: str) -> Path:
    """The path of a `file://` location."""
    return Path(location.removeprefix(SCHEME))


def read(location: str) -> bytes:
    """The content of a file."""
    return local_path(location).read_bytes()


def write(location: str, content: bytes) -> None:
    """Writes a new file; a crash leaves none."""
    path = local_path(location)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".pending-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).rename(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
