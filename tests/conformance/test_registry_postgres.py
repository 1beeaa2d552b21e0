"""A registry in PostgreSQL when its server, its clients or the way between them fail."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import pytest

from tests.conformance.test_registry import A, at, publication, publish
from tests.servers import StoppedAndStarted, postgres_to_stop, registry_database
from weft.errors import Conflict, PlatformError, TransientError, UsageError
from weft.model.records import Run, RunState
from weft.registry import migrations, postgres_locks, processes
from weft.registry.postgres import PostgresRegistry

RUN = Run("r", "apply", "ann", RunState.RUNNING, at(0), process="elsewhere:1:1")


@pytest.fixture
def url(postgres) -> Iterator[str]:
    with registry_database(postgres) as made:
        yield made


@pytest.fixture
def registry(url) -> Iterator[PostgresRegistry]:
    made = PostgresRegistry(url)
    yield made
    made.close()


@pytest.fixture
def server(postgres) -> Iterator[StoppedAndStarted]:
    """A server of this test alone, that holds an empty registry."""
    with postgres_to_stop() as running:
        migrations.upgrade(migrations.of_postgres(running.url))
        yield running


def child(url: str, script: str) -> subprocess.Popen[str]:
    """A process that opens the registry, does something, says so and waits."""
    text = (
        "import sys, time\nfrom tests.conformance.test_registry_postgres import *\n"
        f"registry = PostgresRegistry(sys.argv[1])\n{script}\nprint('there', flush=True)\ntime.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, "-c", text, url], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None and process.stdout.readline() == "there\n"
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


def eventually(holds, seconds: float = 15) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_connections_that_the_server_has_closed_are_replaced(registry, url):
    publish(registry, publication(A, "1"))
    with psycopg.connect(url, autocommit=True) as other:
        gone = other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    time.sleep(0.2)

    assert gone
    assert registry.port(A).snapshot_id == "1"
    publish(registry, publication(A, "2"))
    assert registry.port(A).snapshot_id == "2"


@pytest.mark.parametrize("end", ["stop", "crash"])
def test_a_server_that_is_away_is_told_at_once_and_all_is_well_when_it_is_back(server, end):
    registry = PostgresRegistry(server.url)
    publish(registry, publication(A, "1"))

    getattr(server, end)()
    for attempt in (
        registry.ports,
        registry.last_event,
        lambda: registry.lives(RUN),
        lambda: registry.release(A, actor="ann", at=at(0)),
        lambda: registry.lock("p", holder="one", timeout_s=60).__enter__(),
    ):
        began = time.monotonic()
        with pytest.raises(TransientError) as caught:
            attempt()
        assert [d.code for d in caught.value.diagnostics] == ["WFT-REG-002"]
        assert time.monotonic() - began < 5
    server.start()

    assert registry.port(A).snapshot_id == "1"
    publish(registry, publication(A, "2"))
    assert registry.verify_log() == registry.last_event() == 2
    registry.close()


def test_reads_and_writes_of_many_threads_survive_restarts_and_nothing_acknowledged_is_lost(server):
    registry = PostgresRegistry(server.url)
    ended, acknowledged, wrong = threading.Event(), [], []

    def write(number: int) -> None:
        count = 0
        while not ended.is_set():
            count += 1
            try:
                publish(registry, publication(A, f"{number}-{count}"), run_id=f"{number}-{count}")
                acknowledged.append(f"{number}-{count}")
            except TransientError:
                time.sleep(0.05)
            except Exception as e:  # noqa: BLE001 - shown at the end
                wrong.append(e)

    def read() -> None:
        while not ended.is_set():
            try:
                registry.history(A)
            except TransientError:
                time.sleep(0.05)
            except Exception as e:  # noqa: BLE001 - shown at the end
                wrong.append(e)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)] + [threading.Thread(target=read)]
    for thread in threads:
        thread.start()
    for end in (server.crash, server.stop):
        time.sleep(0.7)
        end()
        time.sleep(0.7)
        server.start()
    time.sleep(0.7)
    ended.set()
    for thread in threads:
        thread.join(30)

    assert wrong == []
    published = [p.snapshot_id for p in registry.history(A)]
    assert len(published) == len(set(published))
    assert set(acknowledged) <= set(published)
    assert len(acknowledged) > 20
    assert registry.verify_log() == registry.last_event() == len(published)
    registry.close()


@pytest.mark.slow
def test_a_server_that_says_nothing_is_not_waited_for_longer_than_a_dozen_seconds(server):
    registry = PostgresRegistry(server.url)
    publish(registry, publication(A, "1"))

    with server.frozen():
        for attempt in (registry.last_event, lambda: registry.release(A, actor="ann", at=at(0))):
            began = time.monotonic()
            with pytest.raises(TransientError):
                attempt()
            assert time.monotonic() - began < 14

    assert registry.last_event() == 1
    registry.close()


def test_a_statement_that_waits_for_others_is_given_up(registry, url, monkeypatch):
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE ports")
        began = time.monotonic()
        with pytest.raises(TransientError) as caught:
            registry.ports()

    assert time.monotonic() - began < 12
    assert "timeout" in caught.value.diagnostics[0].why
    assert registry.ports() == {}


def test_a_lock_is_free_when_its_process_is_killed_wherever_it_was(registry, url):
    holder = child(url, "held = registry.lock('p', holder='one', timeout_s=0)\nheld.__enter__()")
    with pytest.raises(Conflict) as caught, registry.lock("p", holder="two", timeout_s=0.2):
        pass
    assert [d.code for d in caught.value.diagnostics] == ["WFT-REG-003"]

    killed(holder)

    with registry.lock("p", holder="two", timeout_s=5):
        pass


def test_a_lock_is_free_when_the_server_was_away(server):
    registry = PostgresRegistry(server.url)

    with registry.lock("p", holder="one", timeout_s=0):
        server.stop()
        server.start()

    with registry.lock("p", holder="two", timeout_s=0):
        pass
    registry.close()


def test_a_run_of_another_host_lives_as_long_as_its_process(registry, url, monkeypatch):
    monkeypatch.setattr(postgres_locks, "GRACE_S", 0)
    runner = child(url, "registry.start_run(RUN)")

    (run,) = registry.unfinished()
    assert run == RUN
    assert registry.lives(run)

    killed(runner)
    assert eventually(lambda: not registry.lives(run))


def test_just_after_the_server_has_started_nobody_of_another_host_is_taken_for_dead(server, monkeypatch):
    registry = PostgresRegistry(server.url)

    assert registry.lives(RUN)
    assert not registry.lives(Run("s", "apply", "ann", RunState.RUNNING, at(0), process=_dead()))
    monkeypatch.setattr(postgres_locks, "GRACE_S", 0)
    assert not registry.lives(RUN)
    registry.close()


def _dead() -> str:
    return f"{processes.identity().rsplit(':', 2)[0]}:{os.getpid()}:1"


def test_a_run_takes_its_lock_again_when_the_server_is_back(server, monkeypatch):
    monkeypatch.setattr(postgres_locks, "_WATCH_S", 0.2)
    monkeypatch.setattr(postgres_locks, "GRACE_S", 0)
    registry, another = PostgresRegistry(server.url), PostgresRegistry(server.url)
    registry.start_run(RUN)
    assert another.lives(RUN)

    server.crash()
    server.start()

    assert eventually(lambda: another.lives(RUN))
    registry.finish_run(Run("r", "apply", "ann", RunState.SUCCEEDED, at(0), at(1)))
    assert eventually(lambda: not another.lives(RUN))
    registry.close()
    another.close()


def test_a_run_that_was_taken_for_dead_publishes_nothing(registry, url, monkeypatch):
    another = PostgresRegistry(url)
    registry.start_run(RUN)
    with psycopg.connect(url, autocommit=True) as other:  # as when its host is away for long
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
    assert eventually(lambda: not _held(url, "run:r"))

    with another.lock("run:r", holder="repair", timeout_s=0):
        with pytest.raises(Conflict) as while_repaired:
            publish(registry, publication(A, "1"), run_id="r")
        another.finish_run(Run("r", "apply", "ann", RunState.INTERRUPTED, at(0), at(1)))
    with pytest.raises(Conflict) as afterwards:
        publish(registry, publication(A, "1"), run_id="r")

    for caught in (while_repaired, afterwards):
        assert [d.code for d in caught.value.diagnostics] == ["WFT-REG-015"]
    assert registry.port(A) is None
    another.close()


def _held(url: str, name: str) -> bool:
    with psycopg.connect(url) as other:
        return postgres_locks.is_held(other, name)


@contextmanager
def proxy(url: str) -> Iterator[tuple[str, threading.Event]]:
    """Another way to the server, on which, once it is armed, the answer to the next COMMIT is lost."""
    there = psycopg.conninfo.conninfo_to_dict(url)
    armed = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def forwarded(client: socket.socket) -> None:
        server = socket.create_connection((there["host"], int(there["port"])))
        lost = threading.Event()

        def answers() -> None:
            try:
                while data := server.recv(65536):
                    if lost.is_set():
                        break
                    client.sendall(data)
            except OSError:
                pass
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

        threading.Thread(target=answers, daemon=True).start()
        try:
            while data := client.recv(65536):
                if b"COMMIT" in data and armed.is_set():
                    armed.clear()
                    lost.set()
                server.sendall(data)
        except OSError:
            pass
        finally:
            server.close()

    def accept() -> None:
        while True:
            try:
                client, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=forwarded, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    port = listening.getsockname()[1]
    try:
        yield re.sub(r":\d+/", f":{port}/", url), armed
    finally:
        listening.close()


def test_a_publication_whose_answer_was_lost_is_published_once_and_answered(url):
    with proxy(url) as (way, armed):
        registry = PostgresRegistry(way)
        publish(registry, publication(A, "1"))
        armed.set()

        (published,) = publish(registry, publication(A, "2"))

        assert not armed.is_set()
        assert (published.revision, published.snapshot_id) == (2, "2")
        assert [p.revision for p in registry.history(A)] == [2, 1]
        assert registry.verify_log() == registry.last_event() == 2
        registry.close()


def test_the_end_of_a_run_whose_answer_was_lost_is_told_once(url):
    with proxy(url) as (way, armed):
        registry = PostgresRegistry(way)
        registry.start_run(RUN)
        armed.set()

        registry.finish_run(Run("r", "apply", "ann", RunState.SUCCEEDED, at(0), at(1)))

        assert not armed.is_set()
        assert [e.kind for e in registry.events()] == ["run.started", "run.finished"]
        registry.close()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://ann:sesame@127.0.0.1:1/weft",
        "postgresql://ann:sesame@nowhere.invalid/weft",
        "postgresql://ann:sesame@127.0.0.1:port/weft",
        "postgresql://ann:sesame#1@127.0.0.1/weft",
        "postgresql://ann:sesame@127.0.0.1/weft?wrong=1",
        "postgresql://ann:sesame%zz@127.0.0.1/weft",
    ],
)
def test_no_message_holds_a_password(address):
    with pytest.raises((PlatformError, UsageError)) as caught:
        PostgresRegistry(address)

    told: BaseException | None = caught.value
    assert {d.code for d in caught.value.diagnostics} <= {"WFT-REG-002", "WFT-REG-011"}
    while told is not None:
        assert "sesame" not in str(told)
        told = told.__cause__


def test_a_password_that_the_server_refuses_is_not_told(postgres, monkeypatch):
    with registry_database(postgres) as made:
        wrong = made.replace("weft@", "nobody_there:sesame@")
        with pytest.raises(PlatformError) as caught:
            PostgresRegistry(wrong)

    assert "sesame" not in str(caught.value)
    assert "nobody_there" in str(caught.value)


def test_a_run_elsewhere_lives_when_the_process_has_gone_that_had_opened_it(url, monkeypatch):
    monkeypatch.setattr(postgres_locks, "GRACE_S", 0)
    run = Run("r", "apply", "ann", RunState.RUNNING, at(0), process=processes.ELSEWHERE)
    web = PostgresRegistry(url)
    web.start_run(run)
    assert not web._held  # and no connection is held for it
    web.close()

    after = PostgresRegistry(url)

    assert after.unfinished() == [run]
    assert after.lives(run)
    after.close()


def test_a_row_that_does_not_fit_is_not_told(registry):
    row = ("ada", "local", "$argon2id$a hash", "[]", "{}", "[]", "2026-01-01")
    sql = "INSERT INTO users (name, kind, hash, mesh_roles, domain_roles, teams, created_at) VALUES"
    with pytest.raises(PlatformError) as told, registry.database.writing() as statements:
        statements.run(f"{sql} (?, ?, ?, ?, ?, ?, ?)", (None, *row[1:]))

    assert 'null value in column "name"' in str(told.value)
    assert "a hash" not in str(told.value)
    with pytest.raises(PlatformError) as twice, registry.database.writing() as statements:
        for _ in range(2):
            statements.run(f"{sql} (?, ?, ?, ?, ?, ?, ?)", row)
    assert "ada" not in str(twice.value)
