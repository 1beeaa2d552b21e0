"""Forms of values: durations, sizes, bounds; and how a setting is declared."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import field
from datetime import timedelta
from typing import Any

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def duration(text: str) -> timedelta:
    """A duration like `24h`, `30m`, `7d`, `0s`.

    >>> duration("24h")
    datetime.timedelta(days=1)

    Raises:
        ValueError: the text is none.
    """
    match = re.fullmatch(r"([0-9]{1,6})\s*([smhd])", text.strip())
    if match is None:
        raise ValueError(f"must be a duration like 30m, 24h or 7d, not {text!r}")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


_BYTES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_LEAST_MEMORY = 64 * 10**6
"""Bytes under which the engine cannot even hold its own tables."""


def size_in_bytes(text: str) -> int:
    """A size like `2GB` or `512MB`, or a part of the machine's memory like `50%`, in bytes.

    >>> size_in_bytes("2GB"), size_in_bytes("512MiB")
    (2000000000, 536870912)

    Raises:
        ValueError: the text is none, or less than anything could work with.
    """
    memory(text)
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGT]I?)B|(%))", text.strip().upper())
    assert match is not None, "it has been checked"
    if match[3]:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 * 10**9
        return int(float(match[1]) / 100 * whole)
    return int(float(match[1]) * _BYTES[match[2]])


def memory(text: str) -> None:
    """Refuses what is no size of memory that anything could work with."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGT]I?)B|(%))", text.strip().upper())
    if match is None:
        raise ValueError(f"must be a size like 4GB or 512MB, not {text!r}")
    if match[3] and not 0 < float(match[1]) <= 100:
        raise ValueError(f"must be a part of the machine's memory, above 0% and at most 100%, not {text!r}")
    if match[2] and float(match[1]) * _BYTES[match[2]] < _LEAST_MEMORY:
        raise ValueError(f"must be 64MB or more, not {text!r}")


def size_bytes(text: str) -> int:
    """Bytes of a size like `256MB` or `1GiB`.

    >>> size_bytes("256MB")
    256000000

    Raises:
        ValueError: the text is none.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]I?)B", text.strip().upper())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"must be a size like 256MB or 1GB, not {text!r}")
    return int(float(match[1]) * _BYTES[match[2]])


def mail(text: str) -> None:
    """Refuses what is neither empty nor an address of mail."""
    if text and re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", text) is None:
        raise ValueError(f"must be an address of mail like governance@example.com, not {text!r}")


def days(number: int) -> None:
    """Refuses what is no number of days."""
    if not 0 <= number <= 3650:
        raise ValueError(f"must be a number of days, 0 to 3650, not {number}")


def versions(number: int) -> None:
    """Refuses a number under 1."""
    if number < 1:
        raise ValueError(f"must be a number, 1 or more, not {number}")


def threads(number: int) -> None:
    """Refuses a number of threads that the engine would die of."""
    # An engine that is asked for more threads than the system gives does not refuse: its process dies.
    if not 0 <= number <= 1024:
        raise ValueError(f"must be a number of threads, 0 to 1024, not {number}")


def setting(default: Any, meaning: str, check: Callable[[Any], object] | None = None) -> Any:
    """A setting with its default and its line in the reference; `check` raises ValueError for a value of no meaning."""
    return field(default=default, metadata={"meaning": meaning, "check": check})


def timeout(text: str) -> None:
    if duration(text).total_seconds() < 1:
        raise ValueError(f"must be a second or more, not {text!r}")


def count(number: int) -> None:
    """Refuses a number outside 0 to 10,000."""
    if not 0 <= number <= 10_000:
        raise ValueError(f"must be a number of 0 to 10000, not {number}")


def some(number: int) -> None:
    """Refuses a number outside 1 to 1,000,000."""
    if not 1 <= number <= 1_000_000:
        raise ValueError(f"must be a number of 1 to 1000000, not {number}")


def port(number: int) -> None:
    """Refuses what is no port."""
    if not 0 <= number <= 65535:
        raise ValueError(f"must be a port, 0 to 65535, not {number}")


def one_of(*words: str) -> Callable[[str], None]:
    """Refuses every other word."""

    def check(text: str) -> None:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {text!r}")

    return check


def rows(number: int) -> None:
    """Refuses a negative number of rows."""
    if number < 0:
        raise ValueError(f"must be a number of rows, 0 or more, not {number}")


def url(text: str) -> None:
    """Refuses what is no address of a server: TLS, but on this machine."""
    from urllib.parse import urlsplit  # every command reads settings, few have this one

    parts = urlsplit(text)
    if text and not (
        parts.hostname
        and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK))
        and not parts.query
        and not parts.fragment
        and not parts.username
    ):
        raise ValueError(f"must be an address like https://login.example.com, not {text!r}")
