"""Tables of a PostgreSQL in which ports live: described when they are read, and fetched by SQL that shows a part."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from weft.connections import Connection
from weft.connectors import postgres
from weft.connectors.landing import LandedColumn
from weft.connectors.postgres_reading import Asked, PostgresSource
from weft.connectors.reading import IN_TIME, RemoteColumn, target_of
from weft.errors import SourceError, UserCodeError, WeftError, error
from weft.model.live import LiveTable
from weft.model.remote import Remote
from weft.sql.postgres_conditions import Typed
from weft.sql.quoting import dotted, ident, literal

_LOOK_S = 0.1
_T = TypeVar("_T")
_SETTINGS = {
    "max_parallel_workers_per_gather": "0",
    "synchronize_seqscans": "off",
    "jit": "off",
    "standard_conforming_strings": "on",
    "transform_null_equals": "off",
    "client_encoding": "UTF8",
    "search_path": "pg_catalog",
}
"""Settings under which the same rows come in the same order, whatever rows lie between them, and texts are literal.

Functions and operators are PostgreSQL's own: one that somebody has made in another schema for a nearer type would
decide in their place which rows and values are shown.
"""

_BEYOND = "'294247-01-01'"
"""PostgreSQL counts moments for days more than anybody here."""


class LiveColumn(Struct, frozen=True):
    """A column of such a table.

    Attributes:
        typed: as conditions and masks are said about it.
        carried: turns an expression of its type into what is carried; `{}` stands for it.
        landed: how the carried value is read.
        stored: whether its value lies in the table and in all of its parts, so that looking at it never raises.
    """

    typed: Typed
    carried: str
    landed: LandedColumn
    stored: bool


class Unwanted(Exception):
    """Nobody waits for what is fetched any more."""


class Limits(Struct, frozen=True):
    """What a fetch may take.

    Attributes:
        seconds: None: as long as the connection allows.
        most_bytes: of a file; None: any number.
        gone: whether nobody waits any more; asked now and then, from another thread.
        grace_s: how much longer than `seconds` a server is waited for that does not say itself that they are over.
    """

    seconds: float | None = None
    most_bytes: int | None = None
    gone: Callable[[], bool] = lambda: False
    grace_s: float = 10.0


class LiveServer:
    """A PostgreSQL in a transaction that only reads."""

    def __init__(self, source: PostgresSource, driver: postgres.PostgresDriver) -> None:
        self._source = source
        self._driver = driver

    def described(self, table: LiveTable) -> dict[str, LiveColumn]:
        """The columns that a table has now, by name.

        Raises:
            SourceError: WFT-SRC-055, there is no such table any more, or its texts are not UTF-8.
        """
        ((encoding,),) = self._driver.run("SELECT pg_catalog.current_setting('server_encoding')")
        if encoding != "UTF8":
            encoding = encoding.decode() if isinstance(encoding, bytes) else encoding  # of SQL_ASCII nothing is a text
            fix = "move the table into a database of UTF-8, or land it and fill the port by a model"
            what = f"`{table.connection}` writes texts as {encoding}, not as UTF-8"
            raise SourceError(error("WFT-SRC-055", what, fix=fix))
        of = literal(dotted((table.schema, table.table)))
        found = self._driver.run(
            f"WITH RECURSIVE parts (id) AS (SELECT pg_catalog.to_regclass({of})::oid UNION"
            " SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN parts p ON p.id = i.inhparent)"
            " SELECT a.attname, a.attgenerated = 'v' OR EXISTS (SELECT FROM parts p JOIN pg_catalog.pg_class k"
            " ON k.oid = p.id WHERE k.relkind NOT IN ('r', 'p', 'm')),"
            " coalesce((SELECT NOT n.collisdeterministic FROM pg_catalog.pg_collation n"
            " WHERE n.oid = a.attcollation), false)"
            " FROM pg_catalog.pg_attribute a"
            f" WHERE a.attrelid = pg_catalog.to_regclass({of}) AND a.attnum > 0 AND NOT a.attisdropped"
        )
        if not found:
            raise SourceError(
                error(
                    "WFT-SRC-055",
                    f"`{table}` is not there any more",
                    fix="ask the owner of the port to publish it again",
                )
            )
        remote = Remote(table.connection, f"{table.schema}.{table.table}", nulled=True)
        shapes = {str(name): (bool(made), bool(loose)) for name, made, loose in found}
        return {c.name: _live(c, *shapes[c.name]) for c in self._source.described(remote).columns}

    def fetch(self, queries: Sequence[tuple[str, Path]], limits: Limits) -> list[int]:
        """Writes the rows of each query into a new Parquet file; all see one state of the database.

        Raises:
            UserCodeError: WFT-ENG-003 it takes too long, WFT-ENG-001 it fails, WFT-ENG-005 it is too large.
            Unwanted: nobody waits any more.
        """
        rows = []
        with _watched(limits) as watch:
            asked = Asked(_SETTINGS, limits.seconds, watch.over)
            try:
                for stream, (_, file) in zip(
                    self._source.streams([q for q, _ in queries], asked), queries, strict=True
                ):
                    with stream as reader:
                        rows.append(_written(reader, file, limits))
            except WeftError:
                if watch.told:
                    raise Unwanted from None
                raise
        return rows


@contextmanager
def opened_live(connection: Connection) -> Iterator[LiveServer]:
    """The server of a connection.

    Raises:
        SourceError: WFT-SRC-006 its driver is not installed, WFT-SRC-010 it cannot be reached.
    """
    target = target_of(connection)
    with postgres.opened(target) as driver:
        yield LiveServer(PostgresSource(driver, target), driver)


def within(limits: Limits, work: Callable[[], _T]) -> _T:
    """What comes of work with a server, which is left to itself where the server does not say when its time is over.

    One whose disk or host hangs ends nothing, and cannot be told to; a thread waits for it then, and nobody else.

    Raises:
        UserCodeError: WFT-ENG-003, it does not answer.
        Unwanted: nobody waits any more.
    """
    if limits.seconds is None:
        return work()
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as problem:  # noqa: BLE001  the entrance of a thread: it is raised where somebody waits
            done.set_exception(problem)

    threading.Thread(target=run, daemon=True, name="fetch").start()
    until, left = time.monotonic() + limits.seconds + limits.grace_s, False
    while not wait((done,), _LOOK_S).done:
        if not left and limits.gone():
            until, left = min(until, time.monotonic() + limits.grace_s), True
        if time.monotonic() > until:
            if left:
                raise Unwanted
            what = f"the database did not answer within {limits.seconds:g} s"
            raise UserCodeError(error("WFT-ENG-003", what, fix="try again later"))
    return done.result()


class _Watch:
    """Looks now and then whether somebody still waits, and stops what runs where nobody does."""

    def __init__(self, gone: Callable[[], bool]) -> None:
        self._gone = gone
        self._cancel: Callable[[], None] | None = None
        self._ended = threading.Event()
        self.told = False
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def over(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel

    def end(self) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK_S):
            if self._cancel is not None and (self.told or self._gone()):
                self.told = True  # and again: what has just begun may not have heard it
                with suppress(Exception):  # what has just ended cannot be stopped
                    self._cancel()


@contextmanager
def _watched(limits: Limits) -> Iterator[_Watch]:
    watch = _Watch(limits.gone)
    try:
        yield watch
    finally:
        watch.end()


def _written(reader: Any, file: Path, limits: Limits) -> int:
    import pyarrow.parquet as pq

    rows = 0
    # DuckDB 2.0 takes other rows by what such a file says of NaN and of nulls (`writing.told_of`)
    how: dict[str, Any] = {"compression": "lz4", "use_dictionary": False, "write_statistics": False}
    with file.open("xb") as out, pq.ParquetWriter(out, reader.schema, **how) as made:
        for batch in reader:
            made.write_batch(batch)
            rows += batch.num_rows
            if limits.most_bytes is not None and out.tell() > limits.most_bytes:
                raise UserCodeError(
                    error(
                        "WFT-ENG-005",
                        f"the query reads more than {limits.most_bytes:,} bytes of a table in a database",
                        why="what it reads there is brought here first",
                        fix="name fewer columns, or compare a column with a value in WHERE",
                    )
                )
    return rows


def _live(column: RemoteColumn, made: bool, loose: bool) -> LiveColumn:
    """A column of `reading`, as it is said about: of what types has no value null stands."""
    name, server = ident(column.name), column.server
    base, plain = column.type.partition("(")[0], re.sub(r"\(.*?\)", "", server)
    value, holds, carried = name, None, "{}" if column.item == name else "({})::text"
    if base in IN_TIME:
        holds = f"isfinite({name})" if base == "DATE" else f"({name} > '-infinity' AND {name} < {_BEYOND})"
        value, carried = f"CASE WHEN {holds} THEN {name} END", "{}"
    elif plain == "numeric":
        value = f"nullif({name}, 'NaN')"
        holds = f"{name} <> 'NaN'" if base == "DECIMAL" else None
        if base != "DECIMAL":
            value, carried = f"{value}::text", "{}"
    elif plain == "money":
        value = f"{name}::numeric"
    elif plain == "oid":
        value, carried = f"{name}::bigint", "{}"
    elif column.type.endswith("[]"):
        value, carried = f"CASE WHEN coalesce(array_ndims({name}), 1) = 1 THEN {column.item} END", "{}"
    elif base == "VARCHAR" and column.item != name:
        value, carried = column.item, "{}"
    landed = LandedColumn(column.name, server, column.type, column.endless)
    typed = Typed(column.type, name, f"({value})" if value != name else name, holds, loose)
    return LiveColumn(typed, carried, landed, not made)
