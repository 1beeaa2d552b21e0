"""Who commits a handover, over every database: one process at a time, and the next one when it has died."""

from __future__ import annotations

import datetime as dt
import socket
from collections.abc import Iterator

import pytest

from tests.conformance.test_queue import database, place  # noqa: F401  fixtures
from weft.registry import processes
from weft.registry.claims import LEASE, Claims
from weft.registry.database import Database
from weft.registry.handovers import HandedIn, HandoverState, HandoverStore, OpenRun

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DEAD = f"{socket.gethostname()}:1:1"
FAR = "another-host:7:7"


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def wait(store: HandoverStore, run_id: str, product: str, seconds: float = 0, where: str = "here") -> HandedIn:
    return store.hand_in(run_id, product, "digest", "ada", b"{}", at(seconds), where)[0]


@pytest.fixture
def store(database: Database) -> Iterator[HandoverStore]:  # noqa: F811
    yield HandoverStore(database)


def test_a_handover_is_taken_by_one_and_counted(store, database):  # noqa: F811
    wait(store, "r", "fleet.aircraft")
    mine, other = Claims(database, processes.identity()), Claims(database, FAR)

    assert mine.take("r", "fleet.aircraft", at(1)) == 1
    assert other.take("r", "fleet.aircraft", at(2)) is None
    assert other.take("r", "fleet.aircraft", at(2) + 10 * LEASE) is None  # its process is seen to live
    mine.give_back("r", "fleet.aircraft")
    assert other.take("r", "fleet.aircraft", at(3)) == 1
    assert mine.take("s", "fleet.aircraft", at(3)) is None


def test_one_that_has_died_is_followed_by_another(store, database):  # noqa: F811
    wait(store, "r", "fleet.aircraft")
    here, far = Claims(database, DEAD), Claims(database, FAR)
    mine = Claims(database, processes.identity())

    assert here.take("r", "fleet.aircraft", at(0)) == 1
    assert far.take("r", "fleet.aircraft", at(1)) == 2
    assert mine.take("r", "fleet.aircraft", at(2)) is None  # nobody here can see whether it lives
    far.keep("r", "fleet.aircraft", at(20))
    assert mine.take("r", "fleet.aircraft", at(40)) is None
    assert mine.take("r", "fleet.aircraft", at(51)) == 3


def test_what_is_left_is_what_nobody_is_at_of_this_place_and_of_a_domain_that_nobody_is_busy_with(store, database):  # noqa: F811
    for run_id, product, seconds, where in (
        ("a", "fleet.aircraft", 0, "here"),
        ("b", "fleet.engines", 1, "here"),
        ("c", "hr.people", 2, "here"),
        ("d", "sales.orders", 3, "elsewhere"),
        ("e", "ops.flights", 9, "here"),
    ):
        wait(store, run_id, product, seconds, where)
    mine = Claims(database, processes.identity())
    crashed = Claims(database, DEAD)
    crashed.take("c", "hr.people", at(3))

    assert [(one.run_id, one.tries) for one in mine.left("here", at(10))] == [("a", 0), ("b", 0), ("e", 0), ("c", 1)]
    assert [one.run_id for one in mine.left("here", at(10), dt.timedelta(seconds=5))] == ["a", "b", "c"]
    mine.take("a", "fleet.aircraft", at(10))
    assert [one.run_id for one in mine.left("here", at(10))] == ["e", "c"]


def test_an_answer_is_kept_once(store):
    wait(store, "r", "fleet.aircraft")

    store.answer("r", "fleet.aircraft", HandoverState.DONE, b"first")
    store.answer("r", "fleet.aircraft", HandoverState.REFUSED, b"second")

    found = store.handed_in("r", "fleet.aircraft")
    assert (found.state, found.answer) == (HandoverState.DONE, b"first")


def test_a_run_with_something_to_commit_is_not_overdue(store):
    store.open(OpenRun("r", "ada", frozenset({"fleet"}), at(0), at(10)))
    wait(store, "r", "fleet.aircraft")

    assert store.overdue(at(20)) == []
    store.answer("r", "fleet.aircraft", HandoverState.REFUSED, b"")
    assert store.overdue(at(20)) == ["r"]
