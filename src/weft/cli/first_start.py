"""The administrator that the first start of a server makes, and how whoever started it learns the password."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from weft.api.registries import private
from weft.cli.output import print_line

if TYPE_CHECKING:
    from weft.api.platform import Platform

PASSWORD_FILE = "administrator-password"


def make_administrator(platform: Platform) -> None:
    """Makes the first user where there is none; the password goes to the terminal, or else to a file.

    Where standard error is no terminal it is a log, which many may read and which is kept for long.
    """
    _for_its_owner_alone(platform)
    made = platform.identity.user_verbs.first()
    if made is None:
        return
    name, password = made
    if sys.stderr.isatty():
        print_line(f"made the first user: {name}, who may do everything. The password, which is not shown again:\n")
        print_line(f"  {password}\n")
        return
    file = platform.rooms.settings.state / PASSWORD_FILE
    _write(file, password)
    print_line(f"made the first user: {name}, who may do everything. The password stands in {file}: remove it soon")


def _for_its_owner_alone(platform: Platform) -> None:
    """A registry in a file that has passwords and tokens, if only as hashes, is read by nobody else."""
    settings = platform.rooms.settings
    if "://" not in settings.mesh.registry:
        file = settings.path(settings.mesh.registry)
        private(file)
        for part in (file, file.with_name(f"{file.name}-wal"), file.with_name(f"{file.name}-shm")):
            with suppress(FileNotFoundError):
                part.chmod(0o600)


def _write(file: Path, password: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(f"{password}\n")
