"""Asks a query of somebody: walked in a reader process, decided here, run there."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from weft.access.reading.answer import Answer
from weft.access.reading.kept import Gathering, Kept, KeptAnswer, ResultCache, may_be_kept
from weft.access.reading.pool import Lease, Pool
from weft.access.reading.process import lost, revoked
from weft.access.reading.turns import Turns
from weft.access.reading.wire import Cut, Ended, Form, LostError, Parsed, Relation, Run, Told
from weft.access.result import ResultColumn
from weft.access.witness import untold
from weft.errors import Diagnostic, UsageError, has_errors
from weft.sql.allowlist import Walk

if TYPE_CHECKING:
    from pathlib import Path

    from weft.access.door import Door
    from weft.access.opened import Opened
    from weft.access.principals import Principal
    from weft.access.versions import At
    from weft.sql.narrowing import Narrow

_LEAST = 0.25
"""Of the time of a question: so much there is for what came of a database, however long that took."""
_TEXTS = 256
_LONGEST = 20_000
"""Characters of a text whose walk is remembered."""

_GIVEN = 4_096
"""Questions of which it is remembered that their answers were kept."""


class Question(Struct, frozen=True):
    """What somebody asks.

    Attributes:
        purpose: what for, in their words.
        encoding: `gzip` or `zstd` for the bytes as a whole; for Arrow `lz4` or `zstd` inside of its batches.
        described: whether only its columns are asked for. No row is read, so nothing is written into the audit.
        kept: whether its answer may be kept, for the same reader under the same decision.
    """

    sql: str
    form: Form = Form.ARROW
    limit: int | None = None
    at: At = None
    encoding: str = ""
    purpose: str | None = None
    described: bool = False
    kept: bool = True


class Ceiling(Struct, frozen=True):
    """What no answer goes beyond."""

    rows: int | None = None
    size_bytes: int | None = None
    seconds: float | None = None


class Streamed(Struct):
    """An answer with what it rests on. Close it, or take all of its bytes."""

    told: Told
    answer: Answer | KeptAnswer

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

    def into(self, file: Path, most_bytes: int) -> tuple[int, Ended] | None:
        """Writes all of it into a new file; its size, and how it went.

        Returns:
            None where it is larger than that, or a limit has cut it: then what the file holds is not all.
        """
        size = 0
        with file.open("xb") as out:
            for data in self:
                size += len(data)
                if size > most_bytes:
                    return None
                out.write(data)
        ended = self.ended
        assert ended is not None, "all of it was taken"
        return (size, ended) if ended.cut in (None, Cut.ASKED) else None

    def stop(self) -> None:
        """Lets whoever waits for the next bytes get none; from any thread."""
        self.answer.stop()

    def close(self) -> None:
        """Stops what runs."""
        self.answer.close()


Placed = Callable[[Walk, str], tuple[Diagnostic, ...]]


class Readers:
    """Reader processes, what every question to them is bounded by, and answers that are kept.

    Args:
        cache: where answers are kept; without it, or where it has no room, none are.
    """

    def __init__(self, pool: Pool, ceiling: Ceiling, cache: ResultCache | None = None) -> None:
        self.pool = pool
        self.cache = cache if cache is not None else ResultCache(0)
        self._ceiling = ceiling
        self._texts: OrderedDict[str, Parsed] = OrderedDict()
        self._given: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._lock = threading.Lock()
        rules = pool.rules
        self._fetching = Turns(rules.each, 2 * (rules.fast + rules.slow), rules.patience_s)

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
        known = self._asked_before(principal, question)
        if known is not None:
            # it is decided as for the first time; what is spared is the process and its work
            opened = self._opened(door, principal, question, known.walk)
            told = told_of(opened)
            given = self._kept(door, principal, question, known, opened, told)
            if given is not None:
                return given
        held = ExitStack()
        try:
            lease = held.enter_context(self.pool.lease(principal.name))
            text = self._text(question.sql, lease)
            problems = placed(text.walk, question.sql)
            if has_errors(problems):
                raise UsageError(*problems)
            opened = self._opened(door, principal, question, text.walk)
            told = told_of(opened)
            given = self._kept(door, principal, question, text, opened, told) if known is None else None
            if given is not None:
                held.close()
                return given
            ready, seconds = opened, self._ceiling.seconds
            if opened.lives:
                held.close()  # while a database works, the place is somebody else's
                ready, spent = held.enter_context(self._at_hand(door, principal, opened, text.narrow, question))
                seconds = _left(seconds, spent)
                lease = held.enter_context(self.pool.lease(principal.name))
            run = Run(
                key=_key(principal, ready.relations),
                sql=question.sql,
                form=question.form,
                told=told,
                limit=question.limit,
                most_rows=self._ceiling.rows,
                most_bytes=self._ceiling.size_bytes,
                seconds=seconds,
                encoding=question.encoding,
                described=question.described,
                once=opened.lives,
            )
            relations = [Relation(*name, item) for name, item in ready.relations.items()]
            answer = Answer(
                self.pool,
                lease,
                held,
                run,
                relations,
                ready.paths,
                lambda: door.still(principal, opened),
                untold if question.described else door.witnessed(principal, opened, question.sql),
                self._gathering(principal, question, text, opened, told),
            )
            return Streamed(told, answer)
        except LostError:
            held.close()
            self.pool.penalise(principal.name)
            raise lost() from None
        except BaseException:
            held.close()
            raise

    def places(self, principal: Principal, sql: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
        """The addresses that a text with places for values names, and what its places are compared with.

        Nothing is read, and nothing is said of whether the text may be run.

        Raises:
            TransientError: WFT-ACC-041, too many queries run.
        """
        try:
            with self.pool.lease(principal.name) as lease:
                found = self._text(sql, lease)
        except LostError:
            self.pool.penalise(principal.name)
            raise lost() from None
        return tuple(dict.fromkeys(name for name, _ in found.walk.references)), found.places

    def references(self, principal: Principal, sql: str, placed: Placed) -> tuple[str, ...]:
        """The addresses that a text names, each once; nothing is read.

        Raises:
            UsageError: WFT-SQL-001 to 007, the text is refused.
            TransientError: WFT-ACC-041, too many queries run.
        """
        try:
            with self.pool.lease(principal.name) as lease:
                found = self._text(sql, lease).walk
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
            run = Run(key, sql, Form.PARQUET, told, most_bytes=most_bytes, seconds=self._ceiling.seconds, once=True)
            relations = [Relation("own", "uploaded", "file", item)]
            return Streamed(told, Answer(self.pool, lease, held, run, relations, [path], lambda: True, untold))
        except BaseException:
            held.close()
            raise

    @contextmanager
    def _at_hand(
        self, door: Door, principal: Principal, opened: Opened, narrow: Narrow, question: Question
    ) -> Iterator[tuple[Opened, float]]:
        """What was opened, with what it shows of tables in databases, and how many seconds that took."""
        with ExitStack() as held:
            with self._fetching.turn(principal.name):
                began = time.monotonic()
                ready = held.enter_context(
                    door.fetching.fetched(
                        principal,
                        opened,
                        narrow,
                        rows=question.limit,
                        described=question.described,
                        seconds=self._ceiling.seconds,
                    )
                )
            spent = time.monotonic() - began
            if not door.still(principal, opened):
                raise revoked()
            yield ready, spent

    def _text(self, sql: str, lease: Lease) -> Parsed:
        """What a text reads: it depends on nothing but the text. One that takes long to tell weighs like a query."""
        with self._lock:
            known = self._texts.get(sql)
            if known is not None:
                self._texts.move_to_end(sql)
                return known
        lease.process.start()
        began = time.monotonic()
        found = lease.process.parse(sql)
        if time.monotonic() - began > self.pool.rules.light_s:
            self.pool.penalise(lease.principal)
        if len(sql) <= _LONGEST:
            with self._lock:
                self._texts[sql] = found
                while len(self._texts) > _TEXTS:
                    self._texts.popitem(last=False)
        return found

    def _opened(self, door: Door, principal: Principal, question: Question, found: Walk) -> Opened:
        names = [name for name, _ in found.references]
        return door.opened(principal, names, question.at, question.purpose)

    def _asked_before(self, principal: Principal, question: Question) -> Parsed | None:
        """What a text reads whose answer was kept for this reader, under whatever decision."""
        with self._lock:
            text = self._texts.get(question.sql)
            return text if text is not None and _asked(principal, question, text) in self._given else None

    def _kept(
        self, door: Door, principal: Principal, question: Question, text: Parsed, opened: Opened, told: Told
    ) -> Streamed | None:
        """The answer that is kept for a reader, a decision and a question; it is written down like any other."""
        if not _keeps(question, text, opened):
            return None
        kept: Kept | None = self.cache.get(_name(principal, question, text, opened, told))
        if kept is None:
            return None
        over = door.witnessed(principal, opened, question.sql)
        return Streamed(told, KeptAnswer(kept, lambda: door.still(principal, opened), over))

    def _gathering(
        self, principal: Principal, question: Question, text: Parsed, opened: Opened, told: Told
    ) -> Gathering | None:
        if self.cache.largest <= 0 or not _keeps(question, text, opened):
            return None
        name, asked = _name(principal, question, text, opened, told), _asked(principal, question, text)

        def keep(kept: Kept, size_bytes: int) -> None:
            self.cache.put(name, kept, size_bytes)
            with self._lock:
                self._given[asked] = None
                self._given.move_to_end(asked)
                while len(self._given) > _GIVEN:
                    self._given.popitem(last=False)

        return Gathering(self.cache.largest, keep)


def _left(seconds: float | None, spent: float) -> float | None:
    """What is left of the time of a question; what a database gave in time is also read."""
    return max(round(seconds - spent, 1), seconds * _LEAST) if seconds is not None else None


def _keeps(question: Question, text: Parsed, opened: Opened) -> bool:
    """Whether the answer to a question stays the same as long as what is decided and published does."""
    return question.kept and not question.described and not text.walk.volatile and may_be_kept(opened)


def _asked(principal: Principal, question: Question, text: Parsed) -> tuple[object, ...]:
    form = (question.form, question.encoding, question.limit)
    return principal.kind, principal.name, text.digest, *form


def _name(principal: Principal, question: Question, text: Parsed, opened: Opened, told: Told) -> str:
    """The name of an answer: all that its bytes hang on.

    Snapshots, columns, masks with their salts and filters stand in the relations; what is told beside the rows, and
    the version of each decision, stand beside them.
    """
    decided = sorted((str(a), one.publication.snapshot_id, one.decision.version) for a, one in opened.ports.items())
    form = (question.form.value, question.encoding, question.limit)
    parts = (_key(principal, opened.relations), decided, text.digest, form, msgspec.json.encode(told))
    return hashlib.sha256(repr(parts).encode()).hexdigest()


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
