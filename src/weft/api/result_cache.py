"""Answers that are kept for whoever asks the same again and may see the same: bounded in bytes and in time."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

_LASTS_S = 3600.0
_PART = 8
"""What one answer may take of the whole is this part."""

_BESIDE = 1_000
"""Bytes that an answer takes beside its own."""


class ResultCache:
    """Answers by a key that says all they hang on: reader, decision, data version, question and form.

    The newest are kept. A key is made by `Pages` of what the door has decided for this very request: what somebody may
    not see any more has another key, and is found by nobody.
    """

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Args:
        most_bytes: 0: nothing is kept.
        """
        self._most, self._clock = most_bytes, clock
        self._held: OrderedDict[str, tuple[Any, int, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0

    def get(self, key: str) -> Any | None:
        """What is kept under a key; None where nothing is."""
        with self._lock:
            found = self._held.get(key)
            if found is None:
                return None
            if self._clock() > found[2]:
                self._drop(key)
                return None
            self._held.move_to_end(key)
            return found[0]

    def put(self, key: str, value: Any, size_bytes: int) -> None:
        """Keeps an answer, in the place of those that were not asked for longest; not one that is very large."""
        size_bytes += _BESIDE
        with self._lock:
            if key in self._held:
                self._drop(key)
            if size_bytes * _PART > self._most:
                return
            self._held[key] = (value, size_bytes, self._clock() + _LASTS_S)
            self.size_bytes += size_bytes
            while self.size_bytes > self._most:
                self._drop(next(iter(self._held)))

    def _drop(self, key: str) -> None:
        self.size_bytes -= self._held.pop(key)[1]
