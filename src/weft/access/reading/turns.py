"""Turns: how many fetches from databases run at once, and how many of them for one reader."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from weft.errors import TransientError, error


class Turns:
    """Hands out turns; who has to wait too long gets none.

    Args:
        each: at once for one reader.
        most: at once for all.
    """

    def __init__(self, each: int, most: int, patience_s: float) -> None:
        self._each, self._most, self._patience_s = each, most, patience_s
        self._taken: Counter[str] = Counter()
        self._moved = threading.Condition()

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """A turn for a reader.

        Raises:
            TransientError: WFT-ACC-041, none was free in time.
        """
        until = time.monotonic() + self._patience_s
        with self._moved:
            while self._taken[name] >= self._each or self._taken.total() >= self._most:
                left = until - time.monotonic()
                if left <= 0 or not self._moved.wait(left):
                    what = "too many queries wait for a database"
                    raise TransientError(error("WFT-ACC-041", what, fix="try again in a moment"))
            self._taken[name] += 1
        try:
            yield
        finally:
            with self._moved:
                self._taken[name] -= 1
                self._taken += Counter()  # who has none is forgotten
                self._moved.notify_all()
