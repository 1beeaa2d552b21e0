"""Users of the operating system that are there for a test alone, and an interpreter that they can run."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import site
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

SOURCES = Path(__file__).resolve().parent.parent / "src"


def lacks() -> str | None:
    """Why no test can run as another user here; None: they can."""
    if not sys.platform.startswith("linux"):
        return "only Linux runs Python models as another user"
    if os.geteuid() != 0:
        return "only root can make users and run as them"
    if shutil.which("useradd") is None:
        return "useradd is not there (Debian: `passwd`)"
    return None if interpreter() is not None else "no Python of this version that other users can run"


@contextmanager
def user() -> Iterator[str]:
    """A user that nobody else has, for as long as the block takes."""
    name = f"weft-test-{secrets.token_hex(4)}"
    subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name], check=True)
    try:
        yield name
    finally:
        subprocess.run(["userdel", name], check=True)


def forget(name: str, place: Path) -> None:
    """Removes what runs as a user keep between them."""
    uid = pwd.getpwnam(name).pw_uid
    shutil.rmtree(place / f"weft-python-{uid}", ignore_errors=True)
    Path(f"/run/weft-python-{uid}.lock").unlink(missing_ok=True)


@cache
def interpreter() -> str | None:
    """A Python of this version that every user can run: ours, or that of the system where ours lies in root's home."""
    named = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for one in (sys.executable, f"/usr/local/bin/{named}", f"/usr/bin/{named}"):
        if Path(one).exists() and _runs_for_nobody(one):
            return one
    return None


def _runs_for_nobody(python: str) -> bool:
    try:
        subprocess.run([python, "-I", "-c", ""], user=65534, group=65534, extra_groups=[], check=True, cwd="/", env={})
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def packages() -> str:
    """PYTHONPATH by which another interpreter finds weft and what is installed."""
    return os.pathsep.join([str(SOURCES), *site.getsitepackages()])
