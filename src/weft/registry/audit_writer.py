"""Writes the audit for several readers at once: what waits is written together, and each waits for its own."""

from __future__ import annotations

import threading

from weft.registry.audit import AuditStore, ReadBegun, ReadEnded


class _Waiting:
    """A record on its way to the disk."""

    def __init__(self, record: ReadBegun | ReadEnded) -> None:
        self.record = record
        self.read_id = ""
        self.failed: BaseException | None = None


class AuditWriter:
    """For several threads. A record is on disk when `write` returns, or nobody is let read."""

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._waiting: list[_Waiting] = []
        self._guard = threading.Lock()
        self._one_writes = threading.Lock()

    def write(self, record: ReadBegun | ReadEnded) -> str:
        """Writes a record down, with all that wait; gives the id of its read."""
        mine = _Waiting(record)
        with self._guard:
            self._waiting.append(mine)
        with self._one_writes:  # whoever had to wait here may find its own written by the one before
            if not mine.read_id and mine.failed is None:
                self._write_all()
        if mine.failed is not None:
            raise mine.failed
        return mine.read_id

    def _write_all(self) -> None:
        with self._guard:
            batch, self._waiting = self._waiting, []
        try:
            ids = self._store.write([one.record for one in batch])
        except BaseException as e:  # noqa: BLE001 - each of those that wait raises it
            for one in batch:
                one.failed = e
            return
        for one, read_id in zip(batch, ids, strict=True):
            one.read_id = read_id
