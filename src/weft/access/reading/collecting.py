"""A stream of Arrow that says what it rests on, taken as a whole or batch by batch."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from weft.access.result import Result, ResultColumn
from weft.access.values import Texts
from weft.errors import PlatformError, diagnostic_from_json, error

_KEY = b"weft"
_LENGTH = 8
"""Bytes of what stands before a message of Arrow: a mark and how long it is, read together or one after the other."""


class Incoming(io.RawIOBase):
    """Bytes that come in parts, to be read as a file."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        super().__init__()
        self._parts = iter(parts)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer with what comes next."""
        while not self._left:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._left = memoryview(part)
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


class Gathered:
    """Bytes that come in parts, to be read by Arrow: a read within a part copies nothing, one over several once.

    Of a message Arrow reads its length, what it is made of, and its body. All but bodies are copied: where parts lie in
    memory that another process could write to, nothing may change between being checked and being followed.
    """

    closed = False

    def __init__(self, parts: Iterable[bytes | bytearray | memoryview]) -> None:
        self._parts = iter(parts)
        self._left = memoryview(b"")
        self._length = False

    def read(self, size: int) -> memoryview:
        """So many bytes; fewer at the end."""
        copied = self._length or size <= _LENGTH
        self._length = size <= _LENGTH
        if not self._more():
            return self._left
        if size <= len(self._left) and not copied:
            return self._given(size)
        gathered, at = memoryview(bytearray(size)), 0
        while at < size and self._more():
            count = min(size - at, len(self._left))
            gathered[at : at + count] = self._given(count)
            at += count
        return gathered[:at]

    def _more(self) -> bool:
        while not self._left:
            part = next(self._parts, None)
            if part is None:
                return False
            self._left = memoryview(part)
        return True

    def _given(self, size: int) -> memoryview:
        """So many bytes of what is left of a part; the part is let go with the last of them."""
        found = self._left[:size]
        self._left = self._left[size:] if size < len(self._left) else memoryview(b"")
        return found

    def close(self) -> None:
        """Nothing: whoever has the parts closes them."""


class ArrowAnswer:
    """An answer of Arrow on its way.

    Attributes:
        columns: of the result.
        basis: what it says beside its rows: `snapshot`, `notes`, `diagnostics`, `masked`, `filtered`.
        truncated: whether rows are missing at its end; None until the end has come.
    """

    def __init__(self, parts: Iterable[bytes | bytearray | memoryview]) -> None:
        import pyarrow as pa

        self._reader = pa.ipc.open_stream(pa.PythonFile(Gathered(parts), "r"))
        known = (self._reader.schema.metadata or {}).get(_KEY)
        self.basis: dict[str, Any] = msgspec.json.decode(known) if known is not None else {}
        self.columns = tuple(ResultColumn(**column) for column in self.basis.get("columns", ()))
        self.schema = self._reader.schema.remove_metadata()
        self.truncated: bool | None = None

    def batches(self) -> Iterator[Any]:
        """The rows as `pyarrow.RecordBatch`es, as they come.

        Raises:
            PlatformError: WFT-ACC-045, the stream ends before its end.
        """
        while True:
            try:
                batch, told = self._reader.read_next_batch_with_custom_metadata()
            except StopIteration:
                break
            if told is not None and _KEY in told:
                self.truncated = bool(msgspec.json.decode(told[_KEY])["truncated"])
            elif batch.num_rows:
                yield batch.replace_schema_metadata(None)
            del batch  # its memory may be waited for
        if self.truncated is None:
            raise PlatformError(error("WFT-ACC-045", "the answer ends before its end", fix="ask again"))

    def result(self, texts: Texts) -> Result:
        """All of it."""
        import pyarrow as pa

        table = pa.Table.from_batches(list(self.batches()), self.schema)
        return Result(
            self.columns,
            table,
            bool(self.truncated),
            self.basis.get("snapshot", {}),
            texts,
            tuple(self.basis.get("notes", ())),
            tuple(diagnostic_from_json(d) for d in self.basis.get("diagnostics", ())),
        )


def collected(parts: Iterable[bytes], texts: Texts) -> Result:
    """A whole result from the bytes of its Arrow stream."""
    taken = iter(parts)
    found = ArrowAnswer(taken).result(texts)
    for _ in taken:  # how it ended comes behind its last byte, and is written down when it is heard
        pass
    return found
