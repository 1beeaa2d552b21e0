"""Files of a server and its workers: for their own user alone."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def keep_private(state: Path) -> None:
    """Lets no other user of the machine read what is kept: whoever could would read rows past every decision.

    Args:
        state: the folder of what a mesh keeps. Where it is somebody else's it stays as it is.
    """
    os.umask(0o077)
    with suppress(FileNotFoundError, PermissionError):
        state.chmod(0o700)
