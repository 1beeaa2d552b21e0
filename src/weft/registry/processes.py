"""Which process holds something, and whether it still lives."""

from __future__ import annotations

import os
import socket
from pathlib import Path

ELSEWHERE = "@runner:0:0"
"""The process of a run that a server has opened for a machine elsewhere: nobody here can know whether it lives."""


def identity() -> str:
    """This process, so that another one can tell whether it still lives: host, process id, start."""
    return f"{socket.gethostname()}:{os.getpid()}:{_start(os.getpid())}"


def here(process: str | None) -> bool:
    """Whether a process is one of this host, so that `alive` knows of it."""
    return process is not None and process.rsplit(":", 2)[0] == socket.gethostname()


def alive(process: str | None) -> bool:
    """Whether a process still lives. One on another host counts as alive: nobody here can know."""
    if process is None:
        return False
    host, pid_text, start = process.rsplit(":", 2)
    if host != socket.gethostname():
        return True
    pid = int(pid_text)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    found = _start(pid)
    return found != "dead" and found == start


def _start(pid: int) -> str:
    """When the process began, in the kernel's ticks: a process id is given again, its start is not."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""  # no /proc on this system: the process id alone has to do
    return "dead" if fields[0] in "ZX" else fields[19]
