"""A reader process: parses, walks and runs the queries of others, one at a time, and knows nothing else of the mesh.

Started as `python -m weft.access.reading.child LIMITS` with its socket as standard input. It ends with its parent.
"""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from weft.access.reading import formats
from weft.access.reading.nulls import emptied
from weft.access.reading.shared_memory import Borrower
from weft.access.reading.sinks import AT_ONCE, Sink, encoded
from weft.access.reading.wire import (
    Begun,
    Cancel,
    Cut,
    Ended,
    Form,
    Lend,
    Limits,
    LostError,
    Parse,
    Parsed,
    Run,
    asked,
    names_of,
    send,
)
from weft.access.result import ResultColumn
from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.governed import GovernedSession, Stream
from weft.engines.duckdb.texts import overfull
from weft.errors import Diagnostic, UserCodeError, WeftError, error
from weft.sql.allowlist import tree_digest, walk
from weft.sql.narrowing import narrowed
from weft.sql.outputs import plain_outputs, shown_by
from weft.sql.place_types import compared

_BATCH_ROWS = 16_384
_OF_DUCKDB = 0.7
"""The part of the memory that DuckDB may take; the rest is for batches, texts and what DuckDB does not count."""

_ADDRESSES = 512 * 2**20
"""Addresses beside: stacks of threads and arenas of allocators reserve them without taking memory."""

_WORN = 0.8
"""The part of the addresses from which on a process is replaced after an answer."""

_AGAIN_S = 0.2


class Reader:
    """The process.

    Attributes:
        worn: bytes of addresses from which on it has little left; None where the system does not limit them.
    """

    def __init__(self, to: socket.socket, limits: Limits) -> None:
        self._to = to
        self._limits = limits
        self.worn: int | None = None
        self._engine = DuckDBEngine(f"{int(limits.memory_bytes * _OF_DUCKDB) // 10**6}MB", limits.threads)
        self._parsing = self._engine.locked({}, ())  # what is not held is closed
        self._parser = self._parsing.__enter__()
        self._sessions: dict[str, GovernedSession] = {}
        self._requests: queue.SimpleQueue[Parse | Run | None] = queue.SimpleQueue()
        self._running: GovernedSession | None = None
        self._cancelled = False
        self._borrower: Borrower | None = None
        self._lock = threading.Lock()
        self._moved = threading.Condition(self._lock)
        self._deadline: float | None = None
        self._last = 0
        self._outputs: tuple[str, Mapping[str, str]] = ("", {})

    def work(self) -> None:
        """Answers until whoever has started this process is gone."""
        # both from the beginning: where memory is short no thread can be started any more
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._watch, daemon=True).start()
        while True:
            request = self._requests.get()
            if request is None:
                return
            if isinstance(request, Parse):
                tree = self._parser.parse(request.sql)
                found = walk(request.sql, tree, qualified=True, others=True)
                send(self._to, Parsed(found, tree_digest(tree), compared(tree), narrowed(tree)))
            else:
                self._run(request)

    def _listen(self) -> None:
        """Takes requests while another one is worked on: one to end it comes then."""
        try:
            while True:
                request, descriptors = asked(self._to)
                if isinstance(request, Lend):
                    with suppress(OSError):  # without it the rest goes over the socket
                        self._borrower = Borrower(*descriptors)
                elif isinstance(request, Cancel):
                    with self._lock:
                        self._cancelled = True
                        if self._running is not None:
                            self._running.interrupt()
                else:
                    with self._lock:
                        self._cancelled = False
                    self._returned()  # what was lent for an answer that was over when it came
                    self._requests.put(request)
        except (LostError, msgspec.DecodeError):
            os._exit(0)  # nobody is there any more for whom something is worked on

    def _run(self, run: Run) -> None:
        sink: Sink | None = None
        try:
            for key in run.drop:
                with suppress(KeyError):
                    self._sessions.pop(key).close()
            with self._within(run) as session:
                sink = self._answered(session, run)
        except LostError:
            os._exit(0)
        except KeyboardInterrupt:
            self._failed(run, _too_long(run), "UserCodeError")
        except WeftError as e:
            broken = e.diagnostics[0].code == "WFT-ENG-004"
            self._failed(run, e.diagnostics[0], type(e).__name__, broken)
        except MemoryError:
            told = error(
                "WFT-ENG-002", "the query needs more memory than a reader has", fix="read fewer columns or rows"
            )
            self._failed(run, told, "UserCodeError", True)
        finally:
            if sink is not None:
                sink.close()
            self._left(run)
            self._returned()

    def _failed(self, run: Run, failure: Diagnostic, kind: str, broken: bool = False) -> None:
        """Says why a query failed, and whether its session is open all the same."""
        unopened = run.key not in self._sessions
        send(self._to, Ended(failure=failure, kind=kind, broken=broken, unopened=unopened))

    def _left(self, run: Run) -> None:
        """Closes a session in which nobody asks again."""
        if run.once and run.key in self._sessions:
            self._sessions.pop(run.key).close()

    def _returned(self) -> None:
        """Nothing is lent to this process any more."""
        with self._lock:
            borrower, self._borrower = self._borrower, None
        if borrower is not None:
            borrower.close()

    @contextmanager
    def _within(self, run: Run) -> Iterator[GovernedSession]:
        """The session of a query, stopped when its time is over."""
        session = self._sessions.get(run.key)
        if session is None:
            self._last += 1
            folder = Path(self._limits.temp_folder) / f"session-{self._last}"
            session = self._sessions[run.key] = self._engine.governed(
                names_of(run.relations or ()),
                run.paths,
                temp_folder=str(folder),
                temp_bytes=self._limits.temp_bytes,
            )
        with self._lock:
            self._running = session
            self._deadline = time.monotonic() + run.seconds if run.seconds is not None else None
            self._moved.notify()
        try:
            if self._cancelled:
                raise KeyboardInterrupt
            yield session
        finally:
            with self._lock:
                self._running = self._deadline = None

    def _watch(self) -> None:
        """Interrupts what runs when its time is over."""
        with self._lock:
            while True:
                left = self._deadline - time.monotonic() if self._deadline is not None else None
                if left is None or left > 0:
                    self._moved.wait(left)
                elif self._running is not None:
                    self._running.interrupt()
                    self._moved.wait(_AGAIN_S)  # what has just begun may not have heard it
                else:
                    self._deadline = None

    def _answered(self, session: GovernedSession, run: Run) -> Sink:
        """Runs a query and writes its rows; once more with texts where an integer turns out to have too many digits."""
        texts: list[bool] | None = None
        while True:
            stream = session.stream(run.sql, _BATCH_ROWS, texts, described=run.described)
            columns = tuple(ResultColumn(c.name, c.type, self._mask_of(c.name, run)) for c in stream.columns)
            sink = Sink(self._to, run.most_bytes, columns, lambda: self._borrower, run.number)
            try:
                self._written(session, stream, sink, run)
                return sink
            except _OverfullError as e:
                sink.drop()
                if sink.begun:
                    raise UserCodeError(
                        error(
                            "WFT-ACC-046",
                            "an integer has more than the 38 digits that Arrow can hold",
                            fix="cast the column to VARCHAR or DOUBLE",
                        )
                    ) from None
                texts = [out or not kept for out, kept in zip(e.columns, stream.whole, strict=True)]
            except BaseException:
                sink.drop()
                raise

    def _mask_of(self, output: str, run: Run) -> str | None:
        """The mask under which an output column is shown, where it is a column of a port as it is."""
        if not run.told.masked:
            return None
        if self._outputs[0] != run.sql:
            self._outputs = run.sql, plain_outputs(self._parser.parse(run.sql))
        column = shown_by(output, self._outputs[1])
        masks = {name.lower(): mask for names in run.told.masked.values() for name, mask in names.items()}
        return masks.get(column.lower()) if column is not None else None

    def _written(self, session: GovernedSession, stream: Stream, sink: Sink, run: Run) -> None:
        import pyarrow as pa

        columns = sink.columns
        target, close = encoded(sink, run.encoding if run.form is not Form.ARROW else "")
        codec = run.encoding if run.form is Form.ARROW else ""
        schema = pa.schema(
            [pa.field(c.name, f.type) for c, f in zip(stream.columns, stream.batches.schema, strict=True)]
        )
        made = formats.writer(run.form, formats.shape(target, schema, columns, run.told, self._engine.texts, codec))
        rows, cut = 0, None
        most = min((n for n in (run.limit, run.most_rows) if n is not None), default=None)
        counted = [i for i, field in enumerate(schema) if _may_be_overfull(field.type)]
        batches = session.batches(stream, run.sql)
        try:
            for batch in batches:
                if not rows:
                    sink.rows_begin()
                if most is not None and rows + batch.num_rows > most:
                    batch = batch.slice(0, most - rows)
                    cut = Cut.ASKED if run.limit is not None and run.limit <= most else Cut.ROWS
                if counted:
                    _check(batch, counted)
                if batch.num_rows:
                    for part in _parts(emptied(batch)) if run.form is Form.ARROW else (batch,):
                        made.batch(part)
                        sink.pause()
                rows += batch.num_rows
                if cut is None and sink.full():
                    cut = Cut.BYTES
                if self._cancelled:
                    raise KeyboardInterrupt
                if cut is not None:
                    break
        except KeyboardInterrupt:
            if self._cancelled or not sink.begun or run.form not in formats.MARKED:
                raise
            cut = Cut.TIME
        finally:
            batches.close()
        if cut in (Cut.ROWS, Cut.BYTES) and run.form not in formats.MARKED:
            raise UserCodeError(_too_large(run, cut))
        made.end(cut)
        close()
        worn = self.worn is not None and _taken() > self.worn
        sink.end(Ended(rows, sink.size_bytes, cut, worn=worn))


def _parts(batch: Any) -> Iterator[Any]:
    """A batch in parts that are taken without a copy, as far as its rows are of one size."""
    if batch.get_total_buffer_size() <= AT_ONCE:  # at least as much as there is, and found at once
        return iter((batch,))
    rows = -(-batch.num_rows // max(-(-batch.nbytes // AT_ONCE), 1))
    return (batch.slice(at, rows) for at in range(0, batch.num_rows, rows))


class _OverfullError(Exception):
    def __init__(self, columns: list[bool]) -> None:
        super().__init__()
        self.columns = columns


def _may_be_overfull(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_nested(kind):
        return any(_may_be_overfull(kind.field(i).type) for i in range(kind.num_fields))
    return bool(kind == pa.decimal128(38, 0))


def _check(batch: Any, counted: list[int]) -> None:
    import pyarrow as pa

    out = [False] * batch.num_columns
    for i in counted:
        out[i] = overfull(pa.chunked_array([batch.column(i)]))
    if any(out):
        raise _OverfullError(out)


def _too_long(run: Run) -> Diagnostic:
    return error(
        "WFT-ENG-003",
        "the query was stopped" if run.seconds is None else f"the query took longer than {run.seconds:g} s",
        fix="read fewer rows, filter before joining, or ask for the result in parts",
    )


def _too_large(run: Run, cut: Cut) -> Diagnostic:
    most = f"{run.most_rows:,} rows" if cut is Cut.ROWS else f"{run.most_bytes:,} bytes"
    return error(
        "WFT-ACC-044",
        f"the answer has more than {most}",
        why=f"{run.form.value} cannot say at its end that rows are missing",
        fix="set a `limit`, or take arrow, parquet or json, which are cut there and say so",
    )


def limit_memory(more: int) -> int | None:
    """Lets this process take so many bytes more than it has now, and write no core; gives from where on it is worn.

    None on a system that cannot limit it.
    """
    try:
        import resource

        begun = _taken()
        limit = begun + more + _ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return begun + int((more + _ADDRESSES) * _WORN)
    except (ImportError, OSError, ValueError):
        return None


def _taken() -> int:
    """Bytes of addresses that this process has."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Serves the socket that this process was started with."""
    limits = msgspec.json.decode(sys.argv[1], type=Limits)
    to = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    import pyarrow.csv
    import pyarrow.parquet

    pyarrow.set_memory_pool(pyarrow.system_memory_pool())  # it gives back what it does not need
    reader = Reader(to, limits)
    reader.worn = limit_memory(limits.memory_bytes)
    send(to, Begun(()))  # it can be asked now
    reader.work()


if __name__ == "__main__":
    main()
