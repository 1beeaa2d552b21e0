"""Turns: how many fetches from databases run at once, and how many of them for one reader.

Whoever waits holds a thread, so of one reader only a few wait.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from weft.errors import TransientError, error

_WAITING = 4
"""How many of one reader wait, for each that may have a turn."""


class Turns:
    """Hands out turns; who has to wait too long gets none, and who waits for as many as they may have no other one.

    Args:
        each: at once for one reader.
        most: at once for all.
    """

    def __init__(self, each: int, most: int, patience_s: float) -> None:
        self._each, self._most, self._patience_s = each, most, patience_s
        self._taken: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._moved = threading.Condition()

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """A turn for a reader.

        Raises:
            TransientError: WFT-ACC-041, none was free in time, or too many of the same reader wait.
        """
        with self._moved:
            if self._waiting[name] >= self._each * _WAITING and not self._free(name):
                raise _busy()
            self._waiting[name] += 1
            try:
                if not self._moved.wait_for(lambda: self._free(name), self._patience_s):
                    raise _busy()
            finally:
                self._waiting[name] -= 1
                self._waiting += Counter()
            self._taken[name] += 1
        try:
            yield
        finally:
            with self._moved:
                self._taken[name] -= 1
                self._taken += Counter()  # who has none is forgotten
                self._moved.notify_all()

    def _free(self, name: str) -> bool:
        return self._taken[name] < self._each and self._taken.total() < self._most


def _busy() -> TransientError:
    what = "too many queries wait for a database"
    return TransientError(error("WFT-ACC-041", what, fix="try again in a moment"))
