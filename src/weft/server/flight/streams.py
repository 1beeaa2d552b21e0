"""Answers on their way by Flight: batch by batch as they are taken, ended when nobody takes them any more."""

from __future__ import annotations

import threading
import time
import weakref
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

import msgspec

from weft.access.reading.asking import Streamed
from weft.access.reading.collecting import ArrowAnswer
from weft.access.reading.wire import Cut
from weft.api.wires.flight import Client
from weft.errors import TransientError, UserCodeError, error

_LOOK_S = 0.25


class Taken:
    """The batches of one answer, for Flight to iterate over: a batch, or a pair of one and what is said beside it.

    Attributes:
        schema: of the batches; its metadata says what the rows rest on.
        since: since when nobody has asked for the next batch; None while one is made.
        slow: whether it was ended because nobody did.
        client: who takes it.
    """

    def __init__(self, streamed: Streamed, live: Live, threads: Executor, client: Client) -> None:
        """Waits for the head of the answer.

        Args:
            threads: in which an answer is closed that nobody has ended.

        Raises:
            WeftError: the query fails before its first row.
        """
        self._streamed, self._live, self._threads = streamed, live, threads
        self.client = client
        self.since: float | None = None
        self.slow = False
        self._lock = threading.Lock()
        self._ended = False
        live.add(self)
        try:
            self._parts = streamed.answer.parts()
            self._answer = ArrowAnswer(self._parts)
            self._batches = self._answer.batches()
            self.schema = self._answer.schema.with_metadata({b"weft": msgspec.json.encode(self._answer.basis)})
        except BaseException:
            self.close()
            raise
        self.since = time.monotonic()

    def __iter__(self) -> Taken:
        return self

    def __next__(self) -> Any:
        """The next batch; behind the last one an empty one with `truncated` beside it.

        Raises:
            WeftError: it failed in the middle.
        """
        with self._lock:
            if self._ended:
                if self.slow:
                    raise _too_slow(self._live.patience_s)
                raise StopIteration
            self.since = None
            try:
                batch = next(self._batches, None)
                return batch if batch is not None else self._last()
            except BaseException:
                self._close()
                raise
            finally:
                self.since = time.monotonic()

    def _last(self) -> Any:
        import pyarrow as pa

        for _ in self._parts:  # how it ended comes behind the last byte
            pass
        ended = self._streamed.ended
        self._close()
        if ended is not None and ended.cut is not None and ended.cut is not Cut.ASKED:
            raise UserCodeError(
                error(
                    "WFT-ACC-044",
                    f"the answer has more than it may have ({ended.cut.value}), and rows are missing at its end",
                    why="a client of Flight would take what has come for all",
                    fix="read fewer rows or columns, or ask for the result in parts",
                )
            )
        empty = pa.RecordBatch.from_pylist([], schema=self.schema)
        return empty, msgspec.json.encode({"truncated": ended is not None and ended.cut is not None})

    def stop(self) -> None:
        """Lets whoever waits for the next batch get none; from any thread."""
        self._streamed.stop()

    def close(self) -> None:
        """Ends it; waits for a batch that is being made."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        self._live.remove(self)
        if not self._ended:
            self._ended = True
            self._streamed.close()

    def __del__(self) -> None:
        # the call is over: its context must not be asked any more, and what is left of the answer is nobody's
        self._live.remove(self)
        if not self._ended:
            self._streamed.stop()
            with suppress(RuntimeError):  # the threads have ended, and the readers with them
                self._threads.submit(self._streamed.close)


class Live:
    """Answers on their way, looked after: whoever has gone, or takes nothing, holds no reader.

    Args:
        patience_s: how long a client may take nothing.
    """

    def __init__(self, patience_s: float = 60.0) -> None:
        self.patience_s = patience_s
        self._lock = threading.RLock()
        self._held: dict[int, Any] = {}
        self._ending = threading.Event()
        self._watch = threading.Thread(target=self._watching, name="flight", daemon=True)
        self._watch.start()

    def add(self, taken: Taken) -> None:
        """Looks after an answer from now on."""
        with self._lock:
            self._held[id(taken)] = weakref.ref(taken)

    def remove(self, taken: Taken) -> None:
        """Does not look after it any more; its call may end when this has returned."""
        with self._lock:
            self._held.pop(id(taken), None)
        taken.client.forget()

    @property
    def count(self) -> int:
        """How many are on their way."""
        with self._lock:
            return len(self._held)

    def close(self) -> None:
        """Ends all of them."""
        self._ending.set()
        self._watch.join()
        for taken in self._all():
            taken.stop()

    def _all(self) -> list[Taken]:
        with self._lock:
            return [found for held in list(self._held.values()) if (found := held()) is not None]

    def _watching(self) -> None:
        while not self._ending.wait(_LOOK_S):
            for taken in self._all():
                since = taken.since
                if taken.client.gone():
                    taken.stop()
                elif since is not None and time.monotonic() - since > self.patience_s:
                    taken.slow = True
                    taken.close()
                del taken


def _too_slow(patience_s: float) -> TransientError:
    return TransientError(
        error(
            "WFT-SRV-084",
            f"the answer was ended: nothing of it was taken for {patience_s:g} s",
            why="it holds a reader that others wait for",
            fix="ask again, and take the rows as they come",
        )
    )
