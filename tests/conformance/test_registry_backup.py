"""Backups of a registry, from either database into either, while others write, and those that cannot be restored."""

from __future__ import annotations

import gzip
import itertools
import json
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from tests.conformance.test_identities import put_domain
from tests.conformance.test_registry import A, B, at, check, edge, publication, publish
from tests.servers import empty_database
from weft.api import registries
from weft.errors import PlatformError, UsageError
from weft.model.records import PortOutcome, Run, RunState
from weft.registry import migrations, schema
from weft.registry.grants import GrantStore
from weft.registry.members import Members
from weft.registry.postgres import PostgresRegistry
from weft.registry.sessions import SessionStore
from weft.registry.sql import SqlRegistry
from weft.registry.sqlite import SqliteRegistry
from weft.registry.tokens import TokenStore
from weft.registry.users import UserStore

KINDS = ("sqlite", "postgresql")


class Mesh:
    """A folder whose registry lies in one kind of database."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self.folder, self.url = folder, url
        folder.mkdir()
        where = f'registry = "{url}"\n' if url else ""
        (folder / "weft.toml").write_text(f'[mesh]\nname = "m"\n{where}')

    def opened(self) -> SqlRegistry:
        return PostgresRegistry(self.url) if self.url else SqliteRegistry(self.folder / ".weft/registry.db")


@pytest.fixture
def mesh(request, tmp_path) -> Iterator[Callable[[str], Mesh]]:
    """Makes folders with registries of their own, none of which has tables yet."""
    numbers = itertools.count()
    with ExitStack() as held:

        def made(kind: str) -> Mesh:
            url = None
            if kind == "postgresql":
                url = held.enter_context(empty_database(request.getfixturevalue("postgres")))
            return Mesh(tmp_path / f"mesh{next(numbers)}", url)

        yield made


def told(registry: SqlRegistry) -> list[object]:
    """All rows of all tables, but for locks."""
    with registry.database.reading() as statements:
        return [
            sorted(map(repr, statements.rows(f"SELECT * FROM {table}")))
            for table in schema.tables(len(schema.STEPS))
            if table != "locks"
        ]


def filled(mesh: Mesh) -> SqlRegistry:
    """A registry with a little of everything."""
    registries.upgrade(mesh.folder)
    registry = mesh.opened()
    quoted = {"id": "it's; ünïcode \x01 \\ \n % ? :x"}
    checks = {str(A): [check("c", (quoted,))]}
    publish(registry, publication(A, "1"), publication(B, "1"), edges=[edge("s.o.raw.a", f"{A}.a")], checks=checks)
    publish(registry, publication(A, "2", 1))
    registry.start_run(Run("r1", "apply", "ann", RunState.RUNNING, at(2), ports=(PortOutcome(A, "planned"),)))
    registry.finish_run(Run("r1", "apply", "ann", RunState.SUCCEEDED, at(2), at(3), ports=(PortOutcome(A, "built"),)))
    back = publication(A, "1", 4)
    registry.rollback(back, expected_revision=2, reason="bad rows", actor="ann", at=at(4))
    return registry


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_what_is_restored_is_what_was_backed_up_whichever_databases_they_are(mesh, tmp_path, source, target):
    one, other = mesh(source), mesh(target)
    registry = filled(one)

    made = registries.backup(tmp_path / "b", one.folder)
    restored = registries.restore(tmp_path / "b", other.folder)

    assert made == restored
    assert (made.events, made.version) == (registry.last_event(), len(schema.STEPS))
    copy = other.opened()
    assert told(copy) == told(registry)
    assert copy.verify_log() == made.events
    publish(copy, publication(A, "9", 9), requires={str(A): 3})
    assert copy.verify_log() == made.events + 1
    assert stat.S_IMODE((tmp_path / "b").stat().st_mode) == 0o600
    files = list(other.folder.rglob("registry.db*"))
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in files), "what was for its owner alone stays so"
    assert bool(files) == (target == "sqlite")
    assert [p.name for p in tmp_path.glob(".b*")] == []
    copy.close()
    registry.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_shows_one_moment_while_others_publish(mesh, tmp_path, kind):
    one, other = mesh(kind), mesh("sqlite")
    registry = filled(one)
    ended = threading.Event()

    def write() -> None:
        mine = one.opened()
        for number in itertools.count(10):
            if ended.is_set():
                break
            publish(mine, publication(A, str(number), number), publication(B, str(number), number))
        mine.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [registries.backup(tmp_path / "b", one.folder) for _ in range(5)]
    finally:
        ended.set()
        writer.join()

    assert made[-1].events > made[0].events
    registries.restore(tmp_path / "b", other.folder)
    copy = other.opened()
    assert copy.verify_log() == made[-1].events
    current = {str(a): s.snapshot_id for a, s in copy.ports().items()}
    assert current[str(A)] == current[str(B)] == copy.history(A)[0].snapshot_id
    last = copy.events(made[-1].events - 1)[0]
    assert last.body["ports"][str(A)]["snapshot"] == current[str(A)]
    copy.close()
    registry.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_registry_that_holds_something_is_replaced_only_when_that_is_said(mesh, tmp_path, kind):
    one, other = mesh("sqlite"), mesh(kind)
    filled(one).close()
    registries.backup(tmp_path / "b", one.folder)
    registries.upgrade(other.folder)
    there = other.opened()
    publish(there, publication(B, "7"))
    before = told(there)

    with pytest.raises(UsageError) as caught:
        registries.restore(tmp_path / "b", other.folder)

    assert [d.code for d in caught.value.diagnostics] == ["WFT-REG-013"]
    assert told(there) == before
    registries.restore(tmp_path / "b", other.folder, replace=True)
    assert told(there) == told(one.opened())
    there.close()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", range(1, len(schema.STEPS)))
def test_a_backup_of_a_former_version_is_upgraded_as_it_is_restored(mesh, tmp_path, kind, version):
    lines = [
        {"format": "weft-registry-backup", "version": version, "weft": "0.0.9", "made_at": "2026-01-01T00:00:00+00:00"},
        {"table": "domains", "columns": ["name", "record"]},
        ["sales", json.dumps({"name": "sales"})],
        {"end": {"domains": 1}},
    ]
    write(tmp_path / "b", lines)
    other = mesh(kind)

    restored = registries.restore(tmp_path / "b", other.folder)

    assert (restored.version, restored.rows) == (version, 1)
    copy = other.opened()
    publish(copy, publication(A, "1"))
    assert copy.last_event() == 1
    with copy.database.reading() as statements:
        assert statements.rows("SELECT name FROM domains") == [("sales",)]
    copy.close()


def write(file: Path, lines: list) -> None:
    with gzip.open(file, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps(line) + "\n" for line in lines)


def read(file: Path) -> list:
    with gzip.open(file, "rt", encoding="utf-8") as text:
        return [json.loads(line) for line in text]


def cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-200])


def without_its_end(file: Path) -> None:
    write(file, read(file)[:-1])


def without_a_row(file: Path) -> None:
    lines = read(file)
    gone = next(i for i, line in enumerate(lines) if isinstance(line, list))
    write(file, lines[:gone] + lines[gone + 1 :])


def another_file(file: Path) -> None:
    file.write_text("id,name\n1,ann\n")


def another_document(file: Path) -> None:
    write(file, [{"id": 1}])


def no_file(file: Path) -> None:
    file.unlink()


def of_a_newer_weft(file: Path) -> None:
    lines = read(file)
    write(file, [{**lines[0], "version": 99}, *lines[1:]])


def of_no_version(file: Path) -> None:
    lines = read(file)
    write(file, [{**lines[0], "version": 0}, *lines[1:]])


def without_a_time(file: Path) -> None:
    lines = read(file)
    write(file, [{**lines[0], "made_at": None}, *lines[1:]])


def with_a_statement(file: Path) -> None:
    lines = read(file)
    write(file, [lines[0], {"table": "users; DROP TABLE tokens", "columns": ["name"]}, *lines[1:]])


def with_another_column(file: Path) -> None:
    lines = read(file)
    write(file, [lines[0], {**lines[1], "columns": [*lines[1]["columns"][:-1], "nothing"]}, *lines[2:]])


def with_a_longer_row(file: Path) -> None:
    lines = read(file)
    longer = next(i for i, line in enumerate(lines) if isinstance(line, list))
    write(file, [*lines[:longer], [*lines[longer], 1], *lines[longer + 1 :]])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "harm",
    [
        cut_off,
        without_its_end,
        without_a_row,
        another_file,
        another_document,
        no_file,
        of_a_newer_weft,
        of_no_version,
        without_a_time,
        with_a_statement,
        with_another_column,
        with_a_longer_row,
    ],
    ids=lambda harm: harm.__name__,
)
def test_what_is_no_whole_backup_changes_nothing(mesh, tmp_path, kind, harm):
    one, other = mesh("sqlite"), mesh(kind)
    filled(one).close()
    registries.backup(tmp_path / "b", one.folder)
    harm(tmp_path / "b")
    registries.upgrade(other.folder)
    there = other.opened()
    publish(there, publication(B, "7"))
    before = told(there)

    with pytest.raises(UsageError) as caught:
        registries.restore(tmp_path / "b", other.folder, replace=True)

    assert [d.code for d in caught.value.diagnostics] == ["WFT-REG-012"]
    assert told(there) == before
    there.close()


def test_a_changed_event_is_found_by_the_backup_and_by_the_restore(mesh, tmp_path):
    one, other = mesh("sqlite"), mesh("sqlite")
    registry = filled(one)
    registries.backup(tmp_path / "b", one.folder)
    lines = read(tmp_path / "b")
    number = next(i for i, line in enumerate(lines) if isinstance(line, list)) + 1
    write(tmp_path / "b", [*lines[:number], [*lines[number][:3], "eve", *lines[number][4:]], *lines[number + 1 :]])
    with sqlite3.connect(one.folder / ".weft/registry.db") as db:
        db.execute("UPDATE events SET actor = 'eve' WHERE seq = 2")

    with pytest.raises(PlatformError) as restoring:
        registries.restore(tmp_path / "b", other.folder)
    with pytest.raises(PlatformError) as backing_up:
        registries.backup(tmp_path / "c", one.folder)

    for caught in (restoring, backing_up):
        assert [d.code for d in caught.value.diagnostics] == ["WFT-REG-004"]
        assert "event 2" in caught.value.diagnostics[0].what
    assert not (tmp_path / "c").exists()
    assert other.opened().last_event() == 0
    registry.close()


def test_a_restore_leaves_tables_of_others_in_the_same_database(mesh, tmp_path):
    one, other = mesh("sqlite"), mesh("postgresql")
    filled(one).close()
    registries.backup(tmp_path / "b", one.folder)
    with psycopg.connect(other.url) as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 1 AS n")

    registries.restore(tmp_path / "b", other.folder)

    with psycopg.connect(other.url) as connection:
        assert connection.execute("SELECT n FROM theirs").fetchall() == [(1,)]


def test_a_registry_restored_into_postgresql_has_the_tables_of_an_upgraded_one(mesh, tmp_path):
    one, restored, upgraded = mesh("sqlite"), mesh("postgresql"), mesh("postgresql")
    filled(one).close()
    registries.backup(tmp_path / "b", one.folder)
    registries.restore(tmp_path / "b", restored.folder)
    migrations.upgrade(migrations.of_postgres(upgraded.url))

    described = []
    for other in (restored, upgraded):
        with psycopg.connect(other.url) as connection:
            sql = (
                "SELECT table_name, column_name, data_type, is_nullable, collation_name "
                "FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
            )
            described.append(connection.execute(sql).fetchall())
            described[-1] += connection.execute("SELECT indexdef FROM pg_indexes ORDER BY 1").fetchall()
            described[-1] += connection.execute("SELECT version_num FROM alembic_version").fetchall()

    assert described[0] == described[1] != []


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_comes_in_by_a_backup_who_was_shut_out_since_it_was_made(mesh, kind, tmp_path):
    there = mesh(kind)
    registries.upgrade(there.folder)
    registry = there.opened()
    tokens, users = TokenStore(registry.database), UserStore(registry.database)
    sessions = SessionStore(registry.database, timedelta(hours=1), timedelta(hours=9))
    fields = {"kind": "personal", "label": "x", "domain": None, "actions": None, "at": at(0), "expires_at": at(99)}
    users.add("bob", "hash", [], actor="root", at=at(0))
    users.add("eve", "hash", [], actor="root", at=at(0))
    lost, lost_secret = tokens.create(owner="bob", **fields)
    _, kept_secret = tokens.create(owner="bob", **fields)
    _, of_eve = tokens.create(owner="eve", **fields)
    session = sessions.begin("bob", at(0))
    file = tmp_path / "registry.backup"
    registries.backup(file, there.folder)
    tokens.revoke(lost.token_id, actor="bob", at=at(1))
    users.disable("eve", actor="root", at=at(1))
    sessions.end(session)
    registry.close()

    registries.restore(file, there.folder, replace=True)

    again = there.opened()
    tokens = TokenStore(again.database)
    assert tokens.holder(lost_secret, at(2)) is None
    assert tokens.holder(of_eve, at(2)) is None
    assert tokens.holder(kept_secret, at(2)) is not None
    assert SessionStore(again.database, timedelta(hours=1), timedelta(hours=9)).holder(session, at(0)) is None
    again.close()


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_taken_from_somebody_since_a_backup_does_not_come_back_with_it(mesh, kind, tmp_path):
    there = mesh(kind)
    registries.upgrade(there.folder)
    with closing(there.opened()) as registry:
        users, grants = UserStore(registry.database), GrantStore(registry.database)
        for name in ("gone", "back", "stolen", "kept"):
            users.add(name, f"hash of {name}", [], actor="root", at=at(0))
        given = [
            grants.grant(A, "user", name, basis="by hand", actor="root", at=at(0), ends_at=None)
            for name in ("ended", "kept")
        ]
        registries.backup(tmp_path / "b", there.folder)
        for name in ("gone", "back"):
            users.remove(name, actor="root", at=at(1))
        users.add("back", "another hash", [], actor="root", at=at(1))
        users.set_password("stolen", "a new hash", actor="root", at=at(1))
        grants.end(given[0].grant_id, actor="root", at=at(1))

        registries.restore(tmp_path / "b", there.folder, replace=True)

        hashes = {name: users.password_of(name) for name in ("gone", "back", "stolen", "kept")}
        assert hashes == {"gone": None, "back": "another hash", "stolen": "a new hash", "kept": "hash of kept"}
        assert {g.consumer: g.holds(at(2)) for g in grants.listed()} == {"ended": False, "kept": True}


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_goes_on_after_a_restore_has_the_members_of_the_backup(mesh, kind, tmp_path):
    place = mesh(kind)
    registries.upgrade(place.folder)
    with closing(place.opened()) as registry:
        put_domain(registry.database, "sales", [{"user": "ada", "roles": ["owner"]}], subject="sales")
        registries.backup(tmp_path / "b", place.folder)
        put_domain(registry.database, "sales", [{"user": "eve", "roles": ["owner"]}], subject="sales")
        put_domain(registry.database, "crew", [{"user": "eve", "roles": ["owner"]}], subject="crew")
        members = Members(registry.database)
        assert set(members.roles(["eve"])) == {"sales", "crew"}

        registries.restore(tmp_path / "b", place.folder, replace=True)
        assert (members.roles(["eve"]), members.roles(["ada"])) == ({}, {"sales": {"owner"}})
        for name in ("x", "y", "z"):  # the log is longer again than it was
            put_domain(registry.database, name, [{"user": "ada", "roles": ["steward"]}], subject=name)
        assert members.roles(["eve"]) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_read_anew_also_where_the_restored_log_has_grown_past_the_one_that_was_read(mesh, kind, tmp_path):
    place = mesh(kind)
    registries.upgrade(place.folder)
    with closing(place.opened()) as registry:
        put_domain(registry.database, "sales", [{"user": "ada", "roles": ["owner"]}], subject="sales")
        registries.backup(tmp_path / "b", place.folder)
        put_domain(registry.database, "sales", [{"user": "eve", "roles": ["owner"]}], subject="sales")
        members = Members(registry.database)
        assert set(members.roles(["eve"])) == {"sales"}

        registries.restore(tmp_path / "b", place.folder, replace=True)
        for name in ("x", "y"):
            put_domain(registry.database, name, [{"user": "ada", "roles": ["steward"]}], subject=name)

        assert (members.roles(["eve"]), set(members.roles(["ada"]))) == ({}, {"sales", "x", "y"})
