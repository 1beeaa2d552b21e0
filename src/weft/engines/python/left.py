"""What a Python model's child has left in its folder, read as what somebody has written who means harm."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_LONGEST_WORD = 1 << 20
"""Bytes of what a child tells of its end."""
_AT_ONCE = 1 << 24
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class UnsoundError(Exception):
    """What was left is not what a run leaves; the text says what is wrong, and nothing of what stands in it."""


def told(folder: Path) -> Mapping[str, Any] | None:
    """What a child has told of its end; None when it could not tell anything any more.

    Raises:
        UnsoundError: it is no word of a child.
    """
    try:
        with _opened(folder, "result.json", None) as file:
            if os.fstat(file).st_size > _LONGEST_WORD:
                raise UnsoundError("a report of its end that is too long")
            text = os.read(file, _LONGEST_WORD)
    except FileNotFoundError:
        return None
    try:
        word = json.loads(text)
    except (ValueError, RecursionError):
        raise UnsoundError("a report of its end that nobody can read") from None
    if not _is_word(word):
        raise UnsoundError("a report of its end that nobody can read")
    found: Mapping[str, Any] = word
    return found


def take(folder: Path, name: str, to: Path, most: int, uid: int) -> None:
    """Copies a file that a child has left, so that nothing which it began can change it any more.

    Args:
        most: bytes that it may have.
        uid: who wrote it.

    Raises:
        UnsoundError: it is not there, no file, somebody else's, or too large.
    """
    try:
        with _opened(folder, name, uid) as file, to.open("xb") as copy:
            left = os.fstat(file).st_size
            if left > most:
                raise UnsoundError("a file of rows that is too large")
            while left > 0:
                sent = os.sendfile(copy.fileno(), file, None, min(left, _AT_ONCE))
                if sent == 0:
                    break
                left -= sent
    except FileNotFoundError:
        raise UnsoundError("no file of rows") from None


def remove_tree(folder: Path) -> None:
    """Removes a folder with all that is in it, however deep: its folders are moved up, level by level.

    Whoever has written it must not be able to change it any more.
    """
    prefix, number = secrets.token_hex(8), 0
    top = os.open(folder, _FOLDER)
    try:
        while inner := _without_files(top):
            for name in inner:
                place = os.open(name, _FOLDER, dir_fd=top)
                try:
                    for deeper in _without_files(place):
                        os.rename(deeper, f"{prefix}-{number}", src_dir_fd=place, dst_dir_fd=top)
                        number += 1
                finally:
                    os.close(place)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    folder.rmdir()


def _without_files(folder: int) -> list[str]:
    """Removes the files of a folder; the folders in it."""
    inner = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inner.append(entry.name)
            else:
                os.unlink(entry.name, dir_fd=folder)
    return inner


@contextlib.contextmanager
def _opened(folder: Path, name: str, uid: int | None) -> Iterator[int]:
    """A file of a folder, opened without following or waiting for anything.

    Raises:
        UnsoundError: it is none.
    """
    place = os.open(folder, _FOLDER)
    try:
        try:
            # a FIFO would wait for its other end
            file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
        except FileNotFoundError:
            raise
        except OSError:  # a link, a socket
            raise UnsoundError("something that is no file") from None
    finally:
        os.close(place)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode):
            raise UnsoundError("something that is no file")
        if found.st_nlink != 1 or (uid is not None and found.st_uid != uid):
            raise UnsoundError("a file that is not its own")
        yield file
    finally:
        os.close(file)


_REPORTS = ("apart", "exposed", "memory", "raised", "result", "size", "writable")


def _is_word(word: object) -> bool:
    """Whether it is what `child.py` writes: rows and columns without a type, or how it failed."""
    if not isinstance(word, dict):
        return False
    if "failed" in word:
        line = word.get("line")
        return (
            word["failed"] in _REPORTS
            and (line is None or (type(line) is int and line > 0))
            and isinstance(word.get("type", ""), str)
            and all(_is_short(word.get(key)) for key in ("type", "text", "message"))
            and (word["failed"] != "result" or isinstance(word.get("message"), str))
        )
    untyped = word.get("untyped")
    return type(word.get("rows")) is int and isinstance(untyped, list) and all(isinstance(n, str) for n in untyped)


def _is_short(text: object) -> bool:
    return text is None or (isinstance(text, str) and len(text) <= 2000)
