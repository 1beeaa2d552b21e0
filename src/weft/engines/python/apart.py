"""Users of the operating system as which Python models run, apart from the user that runs weft.

A run takes a user for itself: nothing else runs as that user meanwhile, so that no run can reach another one, and all
that is left of a run can be ended by the user's name. What a run needs lies in a folder of its own that is made for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from msgspec import Struct

from weft.engines.python.left import remove_tree
from weft.errors import Diagnostic, UserCodeError, Where, error

_CAPABILITIES = {
    "CAP_CHOWN": 0,
    "CAP_DAC_OVERRIDE": 1,
    "CAP_FOWNER": 3,
    "CAP_KILL": 5,
    "CAP_SETGID": 6,
    "CAP_SETUID": 7,
}
"""What starting, reading and ending processes of another user takes; root has all of it."""

_NOBODY = 65534
_SIGN_IN_NOT = frozenset({"nologin", "false"})
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")
"""Looked through for what a run has left, and never written to."""

_LOCKS = Path("/run")
"""Where users are locked: one place for all that run on a machine, whatever folders they work in."""

_END_S = 10.0
_LOOK_AGAIN_S = 0.05

_END_ALL = """
import os, signal
with open("/proc/self/status", encoding="ascii") as status:
    told = dict(line.split(":", 1) for line in status)
user = {user}
if os.getresuid() == (user, user, user) and user > 0 and int(told["CapEff"], 16) == 0:
    os.kill(-1, signal.SIGKILL)
"""
"""Ends in one step all that its user runs, which nothing can run away from. Whoever may end others ends nothing."""


class Account(Struct, frozen=True):
    """A user as which Python models run."""

    name: str
    uid: int
    gid: int


class Taken(Struct, frozen=True):
    """A user that a run has for itself, and the folder of this run.

    Attributes:
        folder: what the child may read, and not change.
        out: what the child may write: it works here, and here are its home and its temporary files.
    """

    account: Account
    folder: Path
    out: Path

    def give(self, file: Path) -> None:
        """Lets the child read a file of the folder, and nobody else."""
        os.chown(file, -1, self.account.gid, follow_symlinks=False)
        file.chmod(0o640)


def accounts(names: Sequence[str]) -> list[Account]:
    """The users of these names, as which this process can run something.

    Raises:
        UserCodeError: WFT-PYM-016, one of them is none, or this process may not do it.
    """
    found, problems = [], _problems_of_this_process()
    for name in names:
        one = _account(name)
        if isinstance(one, Account):
            found.append(one)
        else:
            problems.append(one)
    if problems:
        raise UserCodeError(*problems)
    return found


@contextlib.contextmanager
def taken(names: Sequence[str], place: str, note: Callable[[str], None]) -> Iterator[Taken]:
    """The first of these users that is free, for as long as the block takes, with a folder for one run.

    At its end nothing that the user has started runs any more, and nothing that it has written is left in folders of
    temporary files.

    Args:
        place: the folder of the settings; empty: that of temporary files.
        note: is told where all users are taken, so that the run has to wait.

    Raises:
        UserCodeError: WFT-PYM-016, one of the users cannot be had.
    """
    account, lock = _first_free(accounts(names), note)
    try:
        base = _base(account, place)
        end_all(account)
        _clear(account, base)
        folder = base / f"run-{secrets.token_hex(8)}"
        out = folder / "out"
        _make(folder, -1, account.gid, 0o750)
        _make(out, account.uid, account.gid, 0o700)
        for inner in ("home", "temp"):
            _make(out / inner, account.uid, account.gid, 0o700)
        try:
            yield Taken(account, folder, out)
        finally:
            end_all(account)
            _clear(account, base)
    finally:
        os.close(lock)


def end_left(names: Sequence[str], place: str) -> None:
    """Ends what runs of these users have left that ended without being able to do it; users that are taken stay."""
    for account in accounts(names):
        file = _locked(account)
        if file is not None:
            try:
                base = _base(account, place)
                end_all(account)
                _clear(account, base)
            finally:
                os.close(file)


def is_taken(account: Account) -> bool:
    """Whether a run has the user now.

    Raises:
        UserCodeError: WFT-PYM-016, users cannot be locked here.
    """
    file = _locked(account)
    if file is None:
        return True
    os.close(file)
    return False


def end_all(account: Account) -> None:
    """Ends all processes of a user.

    Raises:
        UserCodeError: WFT-PYM-016, they do not end.
    """
    deadline = time.monotonic() + _END_S
    while found := processes_of(account.uid):
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not processes_of(account.uid):
            return
        if time.monotonic() > deadline:
            what = f"processes of the user `{account.name}` do not end"
            raise UserCodeError(error("WFT-PYM-016", what, _WHERE, fix="end them, or restart the machine"))
        program = [sys.executable, "-I", "-S", "-c", _END_ALL.format(user=account.uid)]
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(program, env={}, check=False, timeout=_END_S, cwd="/", **as_user(account))


def processes_of(uid: int) -> list[int]:
    """The processes of a user that have not ended."""
    found, wanted = [], str(uid).encode()
    for number in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208  looked through three times in each run
        # the owner of the folder would be root where a process forbids to be looked into
        with contextlib.suppress(OSError):
            file = os.open(f"/proc/{number}/status", os.O_RDONLY | os.O_CLOEXEC)
            try:
                told = os.read(file, 4096)
            finally:
                os.close(file)
            if wanted in _line(told, b"\nUid:") and not _has_ended(told):
                found.append(int(number))
    return found


def _has_ended(told: bytes) -> bool:
    """Whether nothing of a process runs any more: its first thread may have ended before others, which go on."""
    return _line(told, b"\nState:")[0] in (b"Z", b"X") and int(_line(told, b"\nThreads:")[0]) <= 1


def _line(text: bytes, name: bytes) -> list[bytes]:
    """The words of a line; a name of a process has no line breaks that could feign one."""
    begin = text.index(name) + len(name)
    return text[begin : text.index(b"\n", begin)].split()


class AsUser(TypedDict, total=False):
    """Arguments of `subprocess.Popen` that start a process as a user, without groups of anybody else."""

    user: int
    group: int
    extra_groups: list[int]
    umask: int


def as_user(account: Account | None) -> AsUser:
    """The arguments that start a process as a user; none for the user of this process."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": [], "umask": 0o077}


_WHERE = Where("weft.toml")
_FIX = "see docs/how-to/run-python-models-apart.md"


def _problems_of_this_process() -> list[Diagnostic]:
    if not sys.platform.startswith("linux"):
        what = "`python.users` can be kept on Linux alone"
        return [error("WFT-PYM-016", what, _WHERE, fix="leave it out here, or run workers on Linux")]
    status = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines()
    effective = next(int(line.split()[1], 16) for line in status if line.startswith("CapEff:"))
    lacking = [name for name, number in _CAPABILITIES.items() if not effective >> number & 1]
    if not lacking:
        return []
    what = "Python models are to run as another user, and this process may not change users"
    why = f"it runs as user {os.geteuid()} without {', '.join(lacking)}"
    return [error("WFT-PYM-016", what, _WHERE, why=why, fix=f"run the worker as root or give it these; {_FIX}")]


def _account(name: str) -> Account | Diagnostic:
    import pwd

    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError):
        what, fix = f"there is no user `{name}` on this machine", f"`useradd --system --shell /usr/sbin/nologin {name}`"
        return error("WFT-PYM-016", what, _WHERE, why="`python.users` names it", fix=fix)
    why = None
    if entry.pw_uid in (0, os.getuid(), os.geteuid()):
        why = "it is the one that runs weft, or root"
    elif entry.pw_gid in (0, os.getgid(), os.getegid()):
        why = "its group is that of weft, or root's"
    elif entry.pw_uid == _NOBODY:
        why = "other services run as `nobody`, and what the user runs is ended"
    elif Path(entry.pw_shell).name not in _SIGN_IN_NOT:
        why = (
            f"somebody can sign in as it (its shell is {entry.pw_shell or '/bin/sh'}), and what the user runs is ended"
        )
    if why is None:
        return Account(name, entry.pw_uid, entry.pw_gid)
    fix = f"make one for this alone: `useradd --system --shell /usr/sbin/nologin NAME`; {_FIX}"
    return error("WFT-PYM-016", f"Python models cannot run as the user `{name}`", _WHERE, why=why, fix=fix)


def _first_free(found: Sequence[Account], note: Callable[[str], None]) -> tuple[Account, int]:
    """A user that is ours as long as a file is open, and that file."""
    told = False
    while True:
        for account in found:
            file = _locked(account)
            if file is not None:
                return account, file
        if not told:
            note("waits for a user that Python models run as: all of `python.users` are taken")
            told = True
        time.sleep(_LOOK_AGAIN_S)


def _locked(account: Account) -> int | None:
    """An open file that keeps others from a user; None where another has it.

    Raises:
        UserCodeError: WFT-PYM-016, there can be no such file.
    """
    path = _LOCKS / f"weft-python-{account.uid}.lock"
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as e:
        what = f"`{path}` cannot be opened, so nobody knows whether another worker has the user `{account.name}`"
        fix = f"let the worker write to `{_LOCKS}`: all workers of a machine keep users from one another there"
        raise UserCodeError(error("WFT-PYM-016", what, _WHERE, why=e.strerror, fix=fix)) from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _base(account: Account, place: str) -> Path:
    """The folder of all runs as a user: others can go through it and neither list it nor write to it."""
    base = Path(place or tempfile.gettempdir()).absolute() / f"weft-python-{account.uid}"
    with contextlib.suppress(FileExistsError):
        _make(base, -1, -1, 0o711)
        if processes_of(account.uid):  # none of ours: no run was ever here
            base.rmdir()
            what = f"something runs as the user `{account.name}` already, and what the user runs is ended"
            fix = f"end it where it is left from a run; else make a user for this alone; {_FIX}"
            raise UserCodeError(error("WFT-PYM-016", what, _WHERE, fix=fix))
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        what = f"`{base}` is no folder that only this user can write to, so no Python model runs in it"
        fix = "remove it, or name another place in `python.folder`; workers that share users run as one user"
        raise UserCodeError(error("WFT-PYM-016", what, _WHERE, fix=fix))
    return base


def _make(folder: Path, uid: int, gid: int, mode: int) -> None:
    folder.mkdir(0o700)
    os.chown(folder, uid, gid, follow_symlinks=False)
    folder.chmod(mode)


def _clear(account: Account, base: Path) -> None:
    """Removes what runs of a user have written. Nobody else is at it: the user is taken, its processes are ended."""
    for folder in base.glob("run-*"):
        remove_tree(folder)
    for shared in dict.fromkeys((*_SHARED_FOLDERS, tempfile.gettempdir())):
        with contextlib.suppress(OSError), os.scandir(shared) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_uid != account.uid:
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        remove_tree(Path(entry.path))
                    else:
                        Path(entry.path).unlink()
