"""Migrations by hand: each step of `schema` is a revision of Alembic, for PostgreSQL and for SQLite files.

A SQLite registry is also brought up to date by whoever opens it (`schema.upgrade`); both ways run the same steps.
"""

from __future__ import annotations

import io
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionMap
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from weft.errors import PlatformError, UsageError, error
from weft.registry.database import Dialect
from weft.registry.schema import STEPS, VERSIONS, WRITERS, newer, statements_of

LATEST = len(STEPS)


class Upgraded(NamedTuple):
    """What an upgrade did or, as SQL, would do: versions of the tables, 0 where there are none."""

    before: int
    after: int
    sql: str = ""


class Place(NamedTuple):
    """A database whose tables are to move.

    Attributes:
        name: what messages call it; without credentials.
        connect: opens a connection of the driver, for which no statement is too long.
        told: a driver's failure as one of ours.
    """

    name: str
    dialect: Dialect
    connect: Callable[[], Any]
    told: Callable[[Exception], PlatformError]


def of_file(path: Path) -> Place:
    """A SQLite registry, made when it is not there."""

    def connect() -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path, timeout=30, isolation_level=None)
        with suppress(sqlite3.OperationalError):  # held by somebody who upgrades it too, and has done this before
            db.execute("PRAGMA journal_mode = WAL")
        return db

    def told(e: Exception) -> PlatformError:
        return PlatformError(error("WFT-REG-002", f"the registry `{path.name}` cannot be upgraded", why=str(e)))

    return Place(path.name, "sqlite", connect, told)


def of_postgres(url: str) -> Place:
    """A registry in a PostgreSQL database that there is.

    Raises:
        UsageError: WFT-REG-011, the address is none.
    """
    from weft.registry.postgres import too_old
    from weft.registry.postgres_connections import Connections

    connections = Connections(url)

    def connect() -> Any:
        connection = connections.made(patient=True)
        problem = too_old(connection, connections.name)
        if problem is not None:
            raise problem
        connection.autocommit = False
        return connection

    return Place(connections.name, "postgresql", connect, lambda e: connections.failure("upgraded", e))


def upgrade(place: Place, to: int | None = None) -> Upgraded:
    """Brings the tables to a version, in one transaction; whoever upgrades at the same time waits.

    Raises:
        ProjectError: WFT-REG-001, a newer weft has written them.
        UsageError: WFT-REG-017, there is no such version, or it lies behind.
        PlatformError: WFT-REG-002, the database cannot be reached or refuses.
    """
    return _moved(place, to, as_sql=False)


def script(place: Place, to: int | None = None) -> Upgraded:
    """What `upgrade` would run, as a script; changes nothing."""
    return _moved(place, to, as_sql=True)


def _moved(place: Place, to: int | None, *, as_sql: bool) -> Upgraded:
    wanted = LATEST if to is None else to
    if not 1 <= wanted <= LATEST:
        what = f"there is no version {wanted} of the registry's tables"
        raise UsageError(error("WFT-REG-017", what, why=f"this weft knows 1 to {LATEST}"))
    try:
        with _connected(place) as connection:
            found = _found(place, connection)
            if found > LATEST:
                raise newer(place.name, found)
            if wanted < found:
                what = f"the registry `{place.name}` has version {found} of its tables already"
                why = f"steps lead forward only, version {wanted} lies behind"
                raise UsageError(error("WFT-REG-017", what, why=why, fix="restore a backup that was made before"))
            text = _run(place, connection, found, wanted, as_sql=as_sql) if wanted > found else ""
            return Upgraded(found, wanted, text)
    except DBAPIError as e:
        raise place.told(e.orig if isinstance(e.orig, Exception) else e) from e


def _run(place: Place, connection: Connection, found: int, wanted: int, *, as_sql: bool) -> str:
    buffer = io.StringIO()
    opts: dict[str, Any] = {"transactional_ddl": True, "version_table": VERSIONS}
    if place.dialect == "sqlite":
        opts["version_table_schema"] = "temp"  # the version stands in the file's head
    if as_sql:
        opts |= {"as_sql": True, "output_buffer": buffer}
    with tempfile.TemporaryDirectory() as empty:
        revisions = _revisions(Path(empty))
        opts |= {
            "script": revisions,
            "fn": lambda heads, _: revisions._upgrade_revs(_revision(wanted) or "base", heads),
        }
        context = _Context(connection.dialect, None if as_sql else connection, opts)
        context.found = found
        with Operations.context(context), context.begin_transaction():
            if as_sql and place.dialect == "postgresql":
                context.impl.static_output(f"SELECT pg_advisory_xact_lock({WRITERS});")
            if place.dialect == "sqlite" and found:
                context.execute(f"CREATE TEMP TABLE {VERSIONS} (version_num VARCHAR(32) NOT NULL)")
                context.execute(f"INSERT INTO temp.{VERSIONS} VALUES ('{_revision(found)}')")
            context.run_migrations()
            if place.dialect == "sqlite":
                context.execute(f"PRAGMA user_version = {wanted}")
    return buffer.getvalue()


def _found(place: Place, connection: Connection) -> int:
    if place.dialect == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    there = connection.execute(sa.text("SELECT to_regclass(:name)"), {"name": VERSIONS}).scalar_one()
    if there is None:
        return 0
    versions = connection.exec_driver_sql(f"SELECT version_num FROM {VERSIONS}").scalars().all()
    return int(versions[0]) if versions else 0


@contextmanager
def _connected(place: Place) -> Iterator[Connection]:
    driver = "postgresql+psycopg" if place.dialect == "postgresql" else "sqlite"
    engine = create_engine(f"{driver}://", creator=place.connect, poolclass=NullPool)

    def alone(connection: Connection) -> None:
        if place.dialect == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS})")

    event.listen(engine, "begin", alone)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


class _Context(MigrationContext):
    """Knows which version there is: of a file Alembic could not know it."""

    found = 0

    def get_current_heads(self) -> tuple[str, ...]:
        """The revision from which it goes on."""
        revision = _revision(self.found)
        return (revision,) if revision else ()


def _revisions(empty: Path) -> ScriptDirectory:
    """The steps as Alembic's revisions; it would look for files in a folder, where there are none."""
    found = ScriptDirectory(empty, version_locations=[empty])
    found.revision_map = RevisionMap(lambda: [_script(number) for number in range(1, LATEST + 1)])
    return found


def _script(number: int) -> Script:
    step = STEPS[number - 1]
    module = ModuleType(f"weft.registry.revisions.{step}", f"Step {step}.")

    def upgrade() -> None:
        dialect: Any = op.get_bind().dialect.name if not op.get_context().as_sql else op.get_context().dialect.name
        for statement in statements_of(step, dialect):
            op.execute(sa.text(statement.replace(":", r"\:")))

    module.__dict__.update(revision=_revision(number), down_revision=_revision(number - 1), upgrade=upgrade)
    return Script(module, _revision(number) or "", f"{step}.sql")


def _revision(number: int) -> str | None:
    return f"{number:04}" if number else None
