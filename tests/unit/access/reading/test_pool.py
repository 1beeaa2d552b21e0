"""Who gets which process, and in which lane."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.unit.access.reading.worlds import CUSTOMERS, World
from weft.access.door import placed
from weft.access.principals import Principal, PrincipalKind
from weft.access.reading import pool as pools
from weft.access.reading.asking import Ceiling, Question, Readers
from weft.access.reading.pool import Pool, Rules
from weft.access.reading.process import ReaderProcess
from weft.access.reading.wire import Form, Limits
from weft.errors import TransientError

ANN, BOB = (Principal(f"report.{name}", PrincipalKind.PRODUCT) for name in ("ann", "bob"))
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


def test_who_has_a_session_in_a_process_is_answered_there_again(made, tmp_path):
    readers = Readers(made(fast=2), Ceiling(None, None, 60))
    world = World(tmp_path / "world", "A", 1_000)
    with readers.pool.lease("one") as first, readers.pool.lease("two") as second:
        processes = first.process, second.process

    for _ in range(3):
        for who in (ANN, BOB):
            for sql in TEXTS:
                b"".join(readers.ask(world, who, Question(sql, Form.NDJSON, kept=False), placed))

    assert sorted(tuple(p.sessions.values()) for p in processes) == [(ANN.name,), (BOB.name,)]


def test_a_new_reader_goes_to_the_process_with_the_fewest_sessions(made, tmp_path):
    readers = Readers(made(fast=2), Ceiling(None, None, 60))
    world = World(tmp_path / "world", "A", 100)
    with readers.pool.lease("one") as first, readers.pool.lease("two") as second:
        processes = first.process, second.process

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
