"""Files that end: a named pipe among them would be waited for, and a device read for ever."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def content_of(path: Path) -> bytes:
    """What stands in a file.

    Raises:
        OSError: it cannot be read, or is none that ends.
    """
    check(path.stat())
    return path.read_bytes()


def text_of(path: Path) -> str:
    """The text of a file in UTF-8, its lines ended by line feeds.

    Raises:
        OSError: as `content_of`.
        UnicodeDecodeError: it is of something else.
    """
    return content_of(path).decode("utf-8").replace("\r\n", "\n")


def check(state: os.stat_result) -> None:
    """Raises an `OSError` for pipes, sockets and devices; a folder says by itself that it is one."""
    if not (stat.S_ISREG(state.st_mode) or stat.S_ISDIR(state.st_mode)):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device")
