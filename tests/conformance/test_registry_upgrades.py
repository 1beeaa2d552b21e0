"""The tables of a registry after every upgrade, from nothing and from each former version, in both databases."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from tests.conformance.test_registry import A, publication, publish
from tests.servers import empty_database
from weft.errors import PlatformError, ProjectError, UsageError
from weft.registry import migrations, schema
from weft.registry.base import Registry
from weft.registry.migrations import LATEST, Place, of_file, of_postgres
from weft.registry.postgres import PostgresRegistry
from weft.registry.sqlite import SqliteRegistry


class Target:
    """A database that holds nothing yet, and what can be asked of it behind the registry's back."""

    def __init__(self, place: Place, opened: Callable[[], Registry], connect: Callable[[], Any]) -> None:
        self.place, self.opened, self._connect = place, opened, connect

    @property
    def sqlite(self) -> bool:
        return self.place.dialect == "sqlite"

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements, and gives the rows of the last one."""
        with closing(self._connect()) as connection:
            for statement in statements:
                found = connection.execute(statement)
            rows = found.fetchall() if found.description else []
            connection.commit()
            return [tuple(row) for row in rows]

    def tables(self) -> list[tuple[Any, ...]]:
        """Every table, column and index as the database itself describes it, but for where the version stands."""
        if self.sqlite:
            return self.run("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2")
        return self.run(
            "SELECT table_name, column_name, data_type, is_nullable, collation_name FROM information_schema.columns "
            "WHERE table_schema = 'public' AND table_name <> 'alembic_version' "
            "UNION ALL SELECT tablename, indexname, indexdef, '', '' FROM pg_indexes "
            "WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1, 2"
        )

    def version(self) -> int:
        if self.sqlite:
            return int(self.run("PRAGMA user_version")[0][0])
        return int(self.run("SELECT version_num FROM alembic_version")[0][0])

    def set_version(self, version: int) -> None:
        if self.sqlite:
            self.run(f"PRAGMA user_version = {version}")
        else:
            self.run(f"UPDATE alembic_version SET version_num = '{version:04}'")


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request, tmp_path) -> Iterator[Target]:
    if request.param == "sqlite":
        path = tmp_path / "registry.db"
        yield Target(of_file(path), lambda: SqliteRegistry(path), lambda: sqlite3.connect(path))
    else:
        with empty_database(request.getfixturevalue("postgres")) as url:
            yield Target(of_postgres(url), lambda: PostgresRegistry(url), lambda: psycopg.connect(url))


ROWS = {
    1: "INSERT INTO events VALUES (1, 'at', 'kind', 'ann', 'subject', '{}', 'before', 'hash')",
    2: "INSERT INTO kept_tables VALUES ('a.b', 'm', '1', 'r', '{}', '[]', '')",
    3: "INSERT INTO tokens VALUES ('t', 'h', 'personal', 'ann', 'mine', NULL, NULL, 'at', 'at', NULL, NULL)",
}
"""A row of a table that a version has added."""


@pytest.mark.parametrize("former", range(LATEST))
def test_an_upgrade_from_each_former_version_gives_the_same_tables_and_keeps_the_rows(target, former, tmp_path):
    if former:
        migrations.upgrade(target.place, former)
        assert target.version() == former
    rows = [sql for version, sql in ROWS.items() if version <= former]
    for sql in rows:
        target.run(sql)

    done = migrations.upgrade(target.place)

    assert (done.before, done.after) == (former, LATEST)
    assert target.version() == LATEST
    assert [len(target.run(f"SELECT * FROM {sql.split()[2]}")) for sql in rows] == [1] * len(rows)
    at_once = SqliteRegistry(tmp_path / "fresh.db")
    at_once.close()
    if target.sqlite:
        with closing(sqlite3.connect(tmp_path / "fresh.db")) as db:
            assert target.tables() == db.execute("SELECT type, name, sql FROM sqlite_master ORDER BY 1, 2").fetchall()
    names = {row[0] for row in target.tables()} if not target.sqlite else {row[1] for row in target.tables()}
    assert set(schema.tables(LATEST)) <= names
    target.opened().close()


def test_every_former_version_of_postgresql_ends_with_the_same_tables(postgres):
    found = []
    for former in range(LATEST):
        with empty_database(postgres) as url:
            place = of_postgres(url)
            if former:
                migrations.upgrade(place, former)
            migrations.upgrade(place)
            target = Target(place, lambda: None, lambda url=url: psycopg.connect(url))
            found.append(target.tables())

    assert len(found[0]) > 50
    assert all(tables == found[0] for tables in found)


@pytest.mark.parametrize("former", range(1, LATEST))
def test_a_file_that_is_opened_is_upgraded_as_by_hand(tmp_path, former):
    by_hand, by_itself = (
        Target(of_file(p), lambda p=p: SqliteRegistry(p), lambda p=p: sqlite3.connect(p))
        for p in (tmp_path / "hand.db", tmp_path / "itself.db")
    )
    for one in (by_hand, by_itself):
        migrations.upgrade(one.place, former)
        one.run(ROWS[1])

    migrations.upgrade(by_hand.place)
    by_itself.opened().close()

    assert by_itself.tables() == by_hand.tables()
    assert by_itself.version() == by_hand.version() == LATEST
    assert by_itself.run("SELECT * FROM events") == by_hand.run("SELECT * FROM events") != []


def test_a_second_upgrade_finds_nothing_to_do(target):
    migrations.upgrade(target.place)

    assert migrations.upgrade(target.place) == (LATEST, LATEST, "")


def test_a_version_that_lies_behind_or_nowhere_is_refused(target):
    migrations.upgrade(target.place, 2)

    for version, told in ((1, "version 2"), (0, "no version 0"), (LATEST + 1, f"no version {LATEST + 1}")):
        with pytest.raises(UsageError) as caught:
            migrations.upgrade(target.place, version)
        assert caught.value.diagnostics[0].code == "WFT-REG-017"
        assert told in caught.value.diagnostics[0].what
    assert target.version() == 2


def test_tables_of_a_newer_weft_are_neither_opened_nor_upgraded(target):
    migrations.upgrade(target.place)
    target.set_version(99)

    for attempt in (target.opened, lambda: migrations.upgrade(target.place)):
        with pytest.raises(ProjectError) as caught:
            attempt()
        assert caught.value.diagnostics[0].code == "WFT-REG-001"
        assert "version 99" in caught.value.diagnostics[0].what


def test_a_registry_in_postgresql_is_not_changed_by_opening_it(postgres):
    with empty_database(postgres) as url:
        with pytest.raises(PlatformError) as empty:
            PostgresRegistry(url)
        migrations.upgrade(of_postgres(url), 1)
        with pytest.raises(PlatformError) as behind:
            PostgresRegistry(url)

        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
    for caught in (empty, behind):
        assert [(d.code, d.fix) for d in caught.value.diagnostics] == [("WFT-REG-010", "weft db upgrade")]
    assert "no tables yet" in empty.value.diagnostics[0].what
    assert f"version 1 of its tables, this weft wants {LATEST}" in behind.value.diagnostics[0].what


def test_of_two_upgrades_at_once_one_waits_for_the_other(target):
    done = []

    def upgrade() -> None:
        done.append(migrations.upgrade(target.place))

    with closing(target._connect()) as holder:
        holder.execute("BEGIN IMMEDIATE" if target.sqlite else f"SELECT pg_advisory_xact_lock({schema.WRITERS})")
        threads = [threading.Thread(target=upgrade) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        assert done == []
        holder.rollback()
        for thread in threads:
            thread.join()

    assert sorted(done) == [(0, LATEST, ""), (LATEST, LATEST, "")]
    with closing(target.opened()) as registry:
        publish(registry, publication(A, "1"))


@pytest.mark.parametrize("former", range(LATEST))
def test_the_script_changes_nothing_until_it_is_run_and_then_does_the_same(target, former, tmp_path, request):
    if former:
        migrations.upgrade(target.place, former)
    before = target.tables()

    written = migrations.script(target.place)

    assert (written.before, written.after) == (former, LATEST)
    assert target.tables() == before
    if target.sqlite:
        with closing(target._connect()) as db:
            db.executescript(written.sql)
    else:
        target.run(*[s for s in written.sql.split(";\n") if s.strip() and s.strip() not in ("BEGIN", "COMMIT")])
    assert target.version() == LATEST
    with closing(target.opened()) as registry:
        publish(registry, publication(A, "1"))


def test_opening_a_file_imports_no_alembic(tmp_path):
    program = (
        "import sys\nfrom pathlib import Path\nfrom weft.registry.sqlite import SqliteRegistry\n"
        "SqliteRegistry(Path(sys.argv[1])).close()\nprint('alembic' in sys.modules, 'sqlalchemy' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "registry.db")], capture_output=True, text=True, check=True
    )

    assert done.stdout == "False False\n"
