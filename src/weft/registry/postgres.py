"""A registry's database in PostgreSQL: what several processes, on several machines, share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from psycopg import Connection, IsolationLevel

from weft.errors import PlatformError, ProjectError, TransientError, error
from weft.model.publication import Publication
from weft.model.records import Publish, Run, RunState
from weft.registry import codec, postgres_locks, processes, publishing
from weft.registry.database import Dialect
from weft.registry.postgres_connections import PATIENCE_S, Connections, version_of
from weft.registry.schema import STEPS, WRITERS, newer
from weft.registry.sql import SqlRegistry

OLDEST_SERVER = 130_000
"""The first version of PostgreSQL that is tried, as the server itself numbers them."""
_PAUSE_S = 0.5

Answer = TypeVar("Answer")


class PostgresRegistry(SqlRegistry):
    """The registry in a PostgreSQL database. Its tables are changed by `weft db upgrade` alone."""

    def __init__(self, url: str) -> None:
        """Connects to the database.

        Raises:
            UsageError: WFT-REG-011, the address is none.
            TransientError: WFT-REG-002, it cannot be reached.
            PlatformError: WFT-REG-010 it has no tables, or older ones; WFT-REG-016 the server is too old.
            ProjectError: WFT-REG-001, a newer weft has written it.
        """
        self.connections = Connections(url)
        self._held: dict[str, postgres_locks.HeldRun] = {}
        with self.connections.told("opened"), self.connections.lent() as connection:
            problem = unfit(connection, self.connections.name)
        if problem is not None:
            self.connections.close()
            raise problem
        super().__init__(PostgresDatabase(self.connections))

    def close(self) -> None:
        """Gives connections back, and with them the locks of runs that did not end."""
        for held in list(self._held.values()):
            held.release()
        self._held.clear()
        super().close()

    def publish(self, publish: Publish) -> Sequence[Publication]:
        """The one commit point; sent again when the answer was lost, since it is published once."""
        return self._until_answered(lambda: self._published(publish))

    def start_run(self, run: Run) -> None:
        """Records that a run began, and holds its lock for as long as this process goes on with it."""
        if run.process == processes.ELSEWHERE:  # it ends in its time, whatever becomes of this process
            super().start_run(run)
            return
        if run.run_id not in self._held:
            self._held[run.run_id] = postgres_locks.HeldRun(self.connections, run.run_id)
        try:
            super().start_run(run)
        except BaseException:
            self._held.pop(run.run_id).release()
            raise

    def finish_run(self, run: Run) -> None:
        """Records how a run ended; sent again when the answer was lost."""
        try:
            self._until_answered(lambda: self._finished(run))
        finally:
            held = self._held.pop(run.run_id, None)
            if held is not None:
                held.release()

    def lives(self, run: Run) -> bool:
        """Whether whoever began a run still holds its lock, on whichever host."""
        if run.process == processes.ELSEWHERE:
            return True
        with self.connections.told("read"), self.connections.lent() as connection:
            if postgres_locks.is_held(connection, postgres_locks.run_lock(run.run_id)):
                return True
            if processes.here(run.process):
                return processes.alive(run.process)
            return postgres_locks.is_young(connection)

    @contextmanager
    def lock(self, name: str, *, holder: str, timeout_s: float) -> Iterator[None]:
        """Holds a named lock; it frees itself when its holder dies, anywhere."""
        with postgres_locks.held(self.connections, name, timeout_s):
            yield

    def _published(self, publish: Publish) -> Sequence[Publication]:
        with self._transaction() as tables:
            held = self._held.get(publish.run_id)
            if held is not None:
                held.require()
                state = tables.statements.row("SELECT state FROM runs WHERE run_id = ?", (publish.run_id,))
                if state != (RunState.RUNNING.value,):
                    raise postgres_locks.taken_over(publish.run_id)
            return publishing.publish(tables, publish)

    def _finished(self, run: Run) -> None:
        kept = self._row("SELECT record FROM runs WHERE run_id = ?", (run.run_id,))
        if kept != (codec.run_text(run),):
            super().finish_run(run)

    def _until_answered(self, do: Callable[[], Answer]) -> Answer:
        """What it does gives, tried again while the server is away, for a while, and once in any case."""
        deadline = time.monotonic() + PATIENCE_S
        tries = 0
        while True:
            try:
                return do()
            except TransientError:
                tries += 1
                if tries > 1 and time.monotonic() > deadline:
                    raise
                time.sleep(_PAUSE_S)


def too_old(connection: Connection, name: str) -> PlatformError | None:
    """Why a server cannot hold a registry; None when it can."""
    if connection.info.server_version >= OLDEST_SERVER:
        return None
    what = f"the registry `{name}` lies in PostgreSQL {connection.info.server_version // 10_000}"
    fix = f"move it to PostgreSQL {OLDEST_SERVER // 10_000} or later"
    return PlatformError(error("WFT-REG-016", what, why="weft is not tried with what is older", fix=fix))


def unfit(connection: Connection, name: str) -> PlatformError | ProjectError | None:
    """Why a database cannot be worked with as it is; None when it can."""
    old = too_old(connection, name)
    if old is not None:
        return old
    found = version_of(connection)
    if found == len(STEPS):
        return None
    if found > len(STEPS):
        return newer(name, found)
    what = (
        f"the registry `{name}` has version {found} of its tables, this weft wants {len(STEPS)}"
        if found
        else f"the registry `{name}` has no tables yet"
    )
    why = "a database that others use is changed when somebody says so"
    return PlatformError(error("WFT-REG-010", what, why=why, fix="weft db upgrade"))


class _Statements:
    """Rows by SQL on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._connection.execute(_placed(sql), values).fetchall()

    def row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        return self._connection.execute(_placed(sql), values).fetchone()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        return self._connection.execute(_placed(sql), values).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_placed(sql), list(rows))

    def each(self, sql: str) -> Iterator[tuple[Any, ...]]:
        with self._connection.transaction(), self._connection.cursor(name="each") as cursor:
            cursor.itersize = 1000
            cursor.execute(_placed(sql))
            yield from cursor


@cache
def _placed(sql: str) -> Any:
    """A statement with the driver's marks for values."""
    return sql.replace("%", "%%").replace("?", "%s")


class PostgresDatabase:
    """Implements `database.Database`."""

    dialect: Dialect = "postgresql"
    listed = "SELECT jsonb_array_elements_text(CAST(? AS jsonb))"

    def __init__(self, connections: Connections) -> None:
        self.name = connections.name
        self.connections = connections

    @property
    def described(self) -> str:
        """Its system with its version, and its name."""
        with self.connections.told("read"), self.connections.lent() as connection:
            version = divmod(connection.info.server_version, 10_000)
            return f"PostgreSQL {version[0]}.{version[1]}, {self.name}"

    def close(self) -> None:
        """Gives the connections back."""
        self.connections.close()

    @contextmanager
    def reading(self) -> Iterator[_Statements]:
        """Statements that read."""
        with self.connections.told("read"), self.connections.lent() as connection:
            yield _Statements(connection)

    @contextmanager
    def writing(self) -> Iterator[_Statements]:
        """All or nothing."""
        with self.connections.told("written"), self.connections.lent() as connection:
            yield from self._alone(connection)

    @contextmanager
    def rebuilding(self) -> Iterator[_Statements]:
        """`writing()`, on a connection for which no statement is too long."""
        with self.connections.told("written"), self.connections.made(patient=True) as connection:
            yield from self._alone(connection)

    @contextmanager
    def moment(self) -> Iterator[_Statements]:
        """Statements that see one moment."""
        with self.connections.told("read"), self.connections.made(patient=True) as connection:
            connection.isolation_level = IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            with connection.transaction():
                connection.execute("SELECT 1")  # the moment is that of the first statement
                yield _Statements(connection)

    def _alone(self, connection: Connection) -> Iterator[_Statements]:
        with connection.transaction():
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
            yield _Statements(connection)
