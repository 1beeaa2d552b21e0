"""Asks a query of somebody: walked in a reader process, decided here, run there."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.access.reading.answer import Answer
from weft.access.reading.pool import Pool
from weft.access.reading.process import lost
from weft.access.reading.wire import Ended, Form, LostError, Relation, Run, Told
from weft.access.result import ResultColumn
from weft.access.witness import untold
from weft.errors import Diagnostic, UsageError, has_errors
from weft.sql.allowlist import Walk

if TYPE_CHECKING:
    from weft.access.door import Door
    from weft.access.opened import Opened
    from weft.access.principals import Principal
    from weft.access.versions import At

_WALKS = 256
_LONGEST = 20_000
"""Characters of a text whose walk is remembered."""


class Question(Struct, frozen=True):
    """What somebody asks.

    Attributes:
        purpose: what for, in their words.
        encoding: `gzip` or `zstd` for the bytes as a whole; for Arrow `lz4` or `zstd` inside of its batches.
        described: whether only its columns are asked for. No row is read, so nothing is written into the audit.
    """

    sql: str
    form: Form = Form.ARROW
    limit: int | None = None
    at: At = None
    encoding: str = ""
    purpose: str | None = None
    described: bool = False


class Ceiling(Struct, frozen=True):
    """What no answer goes beyond."""

    rows: int | None = None
    size_bytes: int | None = None
    seconds: float | None = None


class Streamed(Struct):
    """An answer with what it rests on. Close it, or take all of its bytes."""

    told: Told
    answer: Answer

    @property
    def columns(self) -> tuple[ResultColumn, ...]:
        """Columns of the result."""
        return self.answer.columns

    @property
    def ended(self) -> Ended | None:
        """How it went; None as long as nobody knows."""
        return self.answer.ended

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.answer)

    def stop(self) -> None:
        """Lets whoever waits for the next bytes get none; from any thread."""
        self.answer.stop()

    def close(self) -> None:
        """Stops what runs."""
        self.answer.close()


Placed = Callable[[Walk, str], tuple[Diagnostic, ...]]


class Readers:
    """Reader processes, and what every question to them is bounded by."""

    def __init__(self, pool: Pool, ceiling: Ceiling) -> None:
        self.pool = pool
        self._ceiling = ceiling
        self._walks: OrderedDict[str, Walk] = OrderedDict()
        self._lock = threading.Lock()

    def close(self) -> None:
        """Ends the processes."""
        self.pool.close()

    def ask(self, door: Door, principal: Principal, question: Question, placed: Placed) -> Streamed:
        """Begins to answer a question.

        Args:
            placed: the problems of a walk with their places in the text.

        Raises:
            UsageError: WFT-SQL-001 to 007 the text is refused, WFT-ACC-001 no such port.
            AccessDenied: WFT-ACC-002 and others, what the door says.
            TransientError: WFT-ACC-041, too many queries run.
            UserCodeError: the query fails.
        """
        held = ExitStack()
        try:
            lease = held.enter_context(self.pool.lease(principal.name))
            found = self._walk(question.sql, lease.process.parse)
            problems = placed(found, question.sql)
            if has_errors(problems):
                raise UsageError(*problems)
            opened = door.opened(principal, [name for name, _ in found.references], question.at, question.purpose)
            told = told_of(opened)
            run = Run(
                key=_key(principal, opened.relations),
                sql=question.sql,
                form=question.form,
                told=told,
                limit=question.limit,
                most_rows=self._ceiling.rows,
                most_bytes=self._ceiling.size_bytes,
                seconds=self._ceiling.seconds,
                encoding=question.encoding,
                described=question.described,
            )
            relations = [Relation(*name, item) for name, item in opened.relations.items()]
            answer = Answer(
                self.pool,
                lease,
                held,
                run,
                relations,
                opened.paths,
                lambda: door.still(principal, opened),
                untold if question.described else door.witnessed(principal, opened, question.sql),
            )
            return Streamed(told, answer)
        except LostError:
            held.close()
            self.pool.penalise(principal.name)
            raise lost() from None
        except BaseException:
            held.close()
            raise

    def references(self, principal: Principal, sql: str, placed: Placed) -> tuple[str, ...]:
        """The addresses that a text names, each once; nothing is read.

        Raises:
            UsageError: WFT-SQL-001 to 007, the text is refused.
            TransientError: WFT-ACC-041, too many queries run.
        """
        try:
            with self.pool.lease(principal.name) as lease:
                found = self._walk(sql, lease.process.parse)
        except LostError:
            self.pool.penalise(principal.name)
            raise lost() from None
        problems = placed(found, sql)
        if has_errors(problems):
            raise UsageError(*problems)
        return tuple(dict.fromkeys(name for name, _ in found.references))

    def convert(self, principal: Principal, item: str, path: str, most_bytes: int) -> Streamed:
        """Begins to write the rows of one file of somebody's own as Parquet; it is read where their queries run.

        Args:
            item: the FROM item that reads it.
        """
        held = ExitStack()
        try:
            lease = held.enter_context(self.pool.lease(principal.name))
            told = Told({})
            key = hashlib.sha256(f"convert {path}".encode()).hexdigest()
            sql = "SELECT * FROM own.uploaded.file"
            run = Run(key, sql, Form.PARQUET, told, most_bytes=most_bytes, seconds=self._ceiling.seconds)
            relations = [Relation("own", "uploaded", "file", item)]
            return Streamed(told, Answer(self.pool, lease, held, run, relations, [path], lambda: True, untold))
        except BaseException:
            held.close()
            raise

    def _walk(self, sql: str, parse: Callable[[str], Walk]) -> Walk:
        """What a text reads: it depends on nothing but the text."""
        with self._lock:
            known = self._walks.get(sql)
            if known is not None:
                self._walks.move_to_end(sql)
                return known
        found = parse(sql)
        if len(sql) <= _LONGEST:
            with self._lock:
                self._walks[sql] = found
                while len(self._walks) > _WALKS:
                    self._walks.popitem(last=False)
        return found


def told_of(opened: Opened) -> Told:
    """What an answer over these ports says."""
    return Told(
        {str(one.publication.address): one.publication.snapshot_id for one in opened.ports.values()},
        tuple(opened.notes),
        tuple(dict.fromkeys(opened.warnings)),
        tuple(str(address) for address, one in opened.ports.items() if one.decision.row_filter is not None),
        {
            str(address): {name: str(mask.kind) for name, mask in one.decision.masks.items()}
            for address, one in opened.ports.items()
            if one.decision.masks
        },
    )


def _key(principal: Principal, relations: Mapping[tuple[str, str, str], str]) -> str:
    """Of a session: who reads, and all that they may see: snapshots, columns, masks and filters stand in the items."""
    told = hashlib.sha256(f"{principal.kind} {principal.name}".encode())
    for name, item in sorted(relations.items()):
        told.update(repr((name, item)).encode())
    return told.hexdigest()
