"""Who gets which process, and in which lane."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.access.reading.worlds import CUSTOMERS, World
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import placed
from weft.access.reading import pool as pools
from weft.access.reading import process as processes
from weft.access.reading.asking import Ceiling, Question, Readers
from weft.access.reading.pool import Pool, Rules
from weft.access.reading.process import ReaderProcess, temp_folder
from weft.access.reading.wire import Form, Limits
from weft.errors import TransientError, UserCodeError

ANN, BOB, CY = (Principal(f"report.{name}", PrincipalKind.PRODUCT) for name in ("ann", "bob", "cy"))
TEXTS = [f"select count(*) as n from {CUSTOMERS}", f"select max(id) as n from {CUSTOMERS}"]
HEAVY_S = 0.6


@pytest.fixture
def made(tmp_path, monkeypatch):
    """Makes pools whose memory of who was heavy is short."""
    monkeypatch.setattr(pools, "_HEAVY_S", HEAVY_S)
    held: list[Pool] = []

    def make(**rules: float) -> Pool:
        held.append(Pool(Limits(600 * 10**6, str(tmp_path), 10**8), Rules(**rules)))  # type: ignore[arg-type]
        return held[-1]

    yield make
    for one in held:
        one.close()


def lane(pool: Pool, principal: str) -> str:
    with pool.lease(principal) as lease:
        return "slow" if lease.slow else "fast"


@pytest.fixture
def two(made):
    """Readers with two processes that both have started, and these."""
    readers = Readers(made(fast=2), Ceiling(None, None, 60))
    with readers.pool.lease("one") as first, readers.pool.lease("two") as second:
        processes = first.process, second.process
    return readers, processes


def test_who_has_a_session_in_a_process_is_answered_there_again(two, tmp_path):
    readers, processes = two
    world = World(tmp_path / "world", "A", 1_000)

    for _ in range(3):
        for who in (ANN, BOB):
            for sql in TEXTS:
                b"".join(readers.ask(world, who, Question(sql, Form.NDJSON, kept=False), placed))

    assert sorted(tuple(p.sessions.values()) for p in processes) == [(ANN.name,), (BOB.name,)]


def test_a_new_reader_goes_to_the_process_with_the_fewest_sessions(two, tmp_path):
    readers, processes = two
    world = World(tmp_path / "world", "A", 100)

    for n in range(6):
        who = Principal(f"report.p{n}", PrincipalKind.PRODUCT)
        b"".join(readers.ask(world, who, Question(TEXTS[0], Form.NDJSON, kept=False), placed))

    assert [len(p.sessions) for p in processes] == [3, 3]


def test_whose_query_has_ended_its_process_begins_in_the_slow_lane_for_a_while(made):
    pool = made(fast=1, slow=1)
    assert lane(pool, "ann") == "fast"

    pool.penalise("ann")

    assert (lane(pool, "ann"), lane(pool, "bob")) == ("slow", "fast")
    time.sleep(HEAVY_S * 1.2)
    assert lane(pool, "ann") == "fast"


def test_a_long_query_in_the_slow_lane_keeps_its_owner_there_and_a_light_one_does_not(made):
    pool = made(fast=1, slow=1, light_s=0.1)
    pool.penalise("ann")
    pool.penalise("bob")

    with pool.lease("ann"):
        time.sleep(HEAVY_S * 1.2)

    assert (lane(pool, "ann"), lane(pool, "bob")) == ("slow", "fast")


def test_who_waits_for_the_slow_lane_in_vain_does_not_come_into_the_fast_one_by_that(made):
    pool = made(fast=1, slow=1, patience_s=HEAVY_S * 1.2)
    pool.penalise("ann")
    pool.penalise("bob")

    with pool.lease("bob"):
        with pytest.raises(TransientError) as raised:
            lane(pool, "ann")
        assert raised.value.diagnostics[0].code == "WFT-ACC-041"

    assert lane(pool, "ann") == "slow"


def test_all_threads_of_a_process_that_is_slowed_down_yield(tmp_path):
    process = ReaderProcess(Limits(600 * 10**6, str(tmp_path), 10**8, 4))
    try:
        process.start()
        threads = [int(name) for name in os.listdir(f"/proc/{process.pid}/task")]

        process.slow_down()

        assert len(threads) > 1
        assert {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads} == {19}
    finally:
        process.close()
        assert not Path(f"/proc/{process.pid}/task").exists()


@contextmanager
def waiting(pool: Pool, *principals: str) -> Iterator[list[tuple[str, str]]]:
    """Lets them wait for a place that bob has, in this order; gives what came of each, as it came."""
    came: list[tuple[str, str]] = []

    def ask(principal: str) -> None:
        try:
            with pool.lease(principal):
                came.append((principal, "answered"))
        except TransientError as e:
            came.append((principal, e.diagnostics[0].code))

    threads = [threading.Thread(target=ask, args=(principal,)) for principal in principals]
    with pool.lease("bob"):
        for thread in threads:
            thread.start()
            time.sleep(0.05)
        yield came
    for thread in threads:
        thread.join()


def test_processes_that_were_slowed_down_are_no_more_than_the_slow_lane_has(made):
    pool = made(fast=1, slow=1)

    for name in ("ann", "bob", "cy"):
        with pool.lease(name) as lease:
            assert pool.slow_down(lease)

    assert pool.processes == 1


def test_whoever_sends_many_queries_moves_nobody_else_back(made):
    pool = made(fast=1, slow=1)

    with waiting(pool, *["mallory"] * 5, "ann") as came:
        pass

    assert [name for name, _ in came].index("ann") <= 1


def test_where_no_more_may_wait_those_give_way_who_have_the_most_waiting(made):
    pool = made(fast=1, slow=1, waiting=3)

    with waiting(pool, *["mallory"] * 3, "ann", "cy") as came:
        assert came == [("mallory", "WFT-ACC-041")] * 2

    assert sorted(came[2:]) == [("ann", "answered"), ("cy", "answered"), ("mallory", "answered")]


def test_waiting_in_vain_keeps_nobody_in_the_slow_lane_for_ever(made, monkeypatch):
    monkeypatch.setattr(pools, "_VAIN", 2)
    pool = made(fast=1, slow=1, patience_s=HEAVY_S / 2)
    pool.penalise("ann")
    pool.penalise("mallory")

    with pool.lease("mallory"):
        for _ in range(4):
            with pytest.raises(TransientError):
                lane(pool, "ann")
        time.sleep(HEAVY_S / 4)
        assert lane(pool, "ann") == "fast"


def test_a_text_that_takes_long_to_read_weighs_like_a_query(made):
    readers = Readers(made(fast=1, slow=1, light_s=0.2), Ceiling(None, None, 60))
    long = f"select id in ({', '.join(map(str, range(30_000)))}) as n from {CUSTOMERS}"

    readers.references(ANN, long, placed)

    assert (lane(readers.pool, ANN.name), lane(readers.pool, BOB.name)) == ("slow", "fast")


MUCH = "select r, md5(r::varchar) as x from range(10000000) t(r)"


def test_an_answer_that_nobody_takes_gives_its_place_to_others(made, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "_STALLED_S", 0.5)
    readers = Readers(made(fast=1, slow=1, light_s=0.2, patience_s=9), Ceiling(None, None, 60))
    world = World(tmp_path / "world", "A", 100)
    first = iter(readers.ask(world, ANN, Question(MUCH, Form.CSV, kept=False), placed))
    next(first)

    second = iter(readers.ask(world, BOB, Question(MUCH, Form.CSV, kept=False), placed))  # the first is slow now
    next(second)
    third = b"".join(readers.ask(world, CY, Question(TEXTS[0], Form.CSV, kept=False), placed))

    assert third.split() == [b'"n"', b"500"]
    assert next(first)
    with pytest.raises(TransientError, match="it was not taken"):
        b"".join(second)


def test_an_answer_that_is_taken_in_drips_gives_its_place_to_others(made, tmp_path, monkeypatch):
    monkeypatch.setattr(pools, "_DRIPS_S", 1.0)
    monkeypatch.setattr(pools, "_DRIPS", 0.7)  # a process starts and computes slowly where the machine is busy
    readers = Readers(made(fast=1, slow=1, light_s=0.2, patience_s=12), Ceiling(None, None, 60))
    world = World(tmp_path / "world", "A", 100)
    readers.pool.penalise("dan")
    answered, came = threading.Event(), []

    def ask() -> None:
        came.append(b"".join(readers.ask(world, CY, Question(TEXTS[0], Form.CSV, kept=False), placed)))
        answered.set()

    with readers.pool.lease("dan") as filled:
        assert filled.slow
        drips = iter(readers.ask(world, BOB, Question(MUCH, Form.CSV, kept=False), placed))
        thread = threading.Thread(target=ask)
        thread.start()
        with pytest.raises(TransientError, match="it was not taken"):
            while next(drips):
                answered.wait(0.3)
        thread.join()

    assert came[0].split() == [b'"n"', b"500"]


def test_an_answer_that_nobody_takes_has_no_place_when_its_time_is_over(made, tmp_path):
    # time enough for a process to start in it where the machine is busy, and for two to be over while a third waits
    readers = Readers(made(fast=1, slow=1, patience_s=20), Ceiling(None, None, 4))
    world = World(tmp_path / "world", "A", 100)
    streamed = readers.ask(world, ANN, Question(MUCH, Form.CSV, kept=False), placed)
    readers.pool.penalise(ANN.name)
    also = readers.ask(world, ANN, Question(MUCH, Form.CSV, kept=False), placed)

    answer = b"".join(readers.ask(world, BOB, Question(TEXTS[0], Form.CSV, kept=False), placed))

    assert answer.split() == [b'"n"', b"500"]
    for one in (streamed, also):
        with pytest.raises(UserCodeError, match="WFT-ENG-003"):
            b"".join(one)


def test_sessions_of_queries_that_failed_are_closed_like_others(made, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "_SESSIONS", 2)
    readers = Readers(made(fast=1), Ceiling(None, None, 60))
    world = World(tmp_path / "world", "A", 100)
    with readers.pool.lease("nobody") as lease:
        process = lease.process

    for n in range(4):
        who = Principal(f"report.p{n}", PrincipalKind.PRODUCT)
        with pytest.raises(UserCodeError):
            readers.ask(world, who, Question(f"select nosuch from {CUSTOMERS}", Form.NDJSON), placed)

    assert list(process.sessions.values()) == ["report.p2", "report.p3"]


def test_a_process_that_dies_while_nobody_has_it_leaves_nothing_on_the_disk(made, tmp_path):
    pool = made(fast=1)
    with pool.lease("ann") as lease:
        lease.process.start()
    os.kill(lease.process.pid, signal.SIGKILL)
    while lease.process.alive:
        time.sleep(0.01)

    with pool.lease("ann") as again:
        again.process.start()

    assert len(list(tmp_path.glob("*~*"))) == 1


def test_what_a_server_that_was_killed_has_left_on_the_disk_goes_when_the_next_one_begins(tmp_path):
    start = (
        "import os, signal, sys; from pathlib import Path;"
        "from weft.access.reading.process import ReaderProcess, temp_folder;"
        "from weft.access.reading.wire import Limits;"
        "ReaderProcess(Limits(600 * 10**6, str(temp_folder(Path(sys.argv[1]))), 10**8)).start();"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", start, str(tmp_path)], check=False)
    (left,) = (tmp_path / "reading").iterdir()
    process = ReaderProcess(Limits(600 * 10**6, str(tmp_path / "reading"), 10**8))
    try:
        folder = temp_folder(tmp_path)

        (used,) = folder.iterdir()
        assert used != left
    finally:
        process.close()
    assert not list(folder.iterdir())
