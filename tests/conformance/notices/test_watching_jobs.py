"""Incidents of jobs: what fails before a run begins, or is lost with its worker, is an incident like a failed run."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec.structs import replace

from tests.conformance.notices.stories import ANN, ORDERS, go, notices, publish
from tests.conformance.notices.test_watching import DEPRECATED, incidents, run
from weft.model.jobs import BACKFILL, Job, NewJob
from weft.model.records import PortOutcome, RunState
from weft.registry.queue import Queue

LEASE = dt.timedelta(minutes=1)
AWAY = {"diagnostics": [{"code": "WFT-SRC-021", "what": "the password 'sesame' is wrong"}]}


def queued(registry, clock, key: str = "k", **fields) -> Job:
    """A job of `sales.orders` that a worker has taken."""
    with registry.database.writing() as statements:
        new = NewJob(key=key, kind="apply", subject="sales.orders", due=clock(), cause="cron", actor="scheduler")
        Queue(statements).enqueue(replace(new, **fields), clock())
        found = Queue(statements).claim("w", clock(), LEASE)
    assert found is not None
    return found


def fails(registry, clock, job: Job, run_id: str | None = None) -> None:
    with registry.database.writing() as statements:
        if run_id is not None:
            Queue(statements).note_run(job.job_id, job.fence, run_id)
        Queue(statements).fail(job.job_id, job.fence, AWAY, clock(), passing=False)


def succeeds(registry, clock, job: Job) -> None:
    with registry.database.writing() as statements:
        Queue(statements).finish(job.job_id, job.fence, {"published": []}, clock())


def test_a_job_that_fails_before_it_begins_a_run_is_an_incident_until_one_succeeds(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, kinds=["run_failed", "incident_closed"])
    watched = incidents(registry, clock)
    for key in ("first", "second"):
        fails(registry, clock, queued(registry, clock, key))
        clock.move(seconds=5)
        watched.look()
        go(registry, clock)

    (one,) = watched.listed()
    assert (one["cause"], one["subject"], one["owner"]) == ("run_failed", "sales.orders", "sales@example.com")
    assert one["what"].startswith("job-1: ") and one["what"].endswith("(WFT-SRC-021)")
    assert [e["kind"] for e in watched.one(one["incident_id"])["timeline"]] == ["opened", "again"]
    assert [r.json["type"] for r in receiver.requests] == ["weft.run_failed"]
    assert "sesame" not in str([event.body for event in registry.events()])

    clock.move(minutes=1)
    succeeds(registry, clock, queued(registry, clock, "third"))
    assert [watched.look().closed for _ in range(2)] == [1, 0]
    assert watched.listed() == []
    assert watched.one(one["incident_id"])["timeline"][-1]["text"] == "job-3 succeeded and had nothing to publish"


def test_what_succeeded_before_a_failure_does_not_close_its_incident(registry, clock):
    publish(registry, clock)
    watched = incidents(registry, clock)
    fails(registry, clock, queued(registry, clock, "first"))
    watched.look()
    clock.move(seconds=1)
    succeeds(registry, clock, queued(registry, clock, "second"))
    clock.move(seconds=1)
    fails(registry, clock, queued(registry, clock, "third"))
    clock.move(seconds=1)

    assert [watched.look().closed for _ in range(3)] == [0, 0, 0]
    assert len(watched.listed()) == 1


def test_a_job_whose_run_has_told_of_its_failure_is_no_second_line(registry, clock):
    publish(registry, clock)
    watched = incidents(registry, clock)
    job = queued(registry, clock)
    run(registry, clock, RunState.FAILED, PortOutcome(ORDERS, "failed"), run_id="run-9")
    fails(registry, clock, job, "run-9")

    watched.look()

    (one,) = watched.listed()
    assert [e["kind"] for e in watched.one(one["incident_id"])["timeline"]] == ["opened"]


def test_a_job_that_is_ended_in_the_midst_of_its_run_is_an_incident(registry, clock):
    publish(registry, clock)
    job = queued(registry, clock)
    run(registry, clock, RunState.INTERRUPTED, PortOutcome(ORDERS, "not reached"), run_id="run-9")
    fails(registry, clock, job, "run-9")

    assert incidents(registry, clock).look().opened == 1


def test_a_job_that_is_lost_with_every_worker_is_an_incident(registry, clock):
    publish(registry, clock)
    queued(registry, clock, attempts=1)
    clock.move(minutes=2)
    with registry.database.writing() as statements:
        Queue(statements).recover(clock())

    incidents(registry, clock).look()

    (one,) = incidents(registry, clock).listed()
    assert one["what"] == "job-1: its worker was lost at each of 1 attempts"


def test_a_piece_of_a_backfill_that_cannot_be_computed_is_no_incident_of_its_product(registry, clock):
    publish(registry, clock)
    fails(registry, clock, queued(registry, clock, kind=BACKFILL))

    assert incidents(registry, clock).look().opened == 0


def test_a_look_at_what_stands_still_reads_no_product_and_writes_nothing(registry, clock, monkeypatch):
    publish(registry, clock, contract=DEPRECATED, status="deprecated")
    clock.at = dt.datetime(2026, 6, 25, tzinfo=dt.UTC)
    watched = incidents(registry, clock)
    watched.look()
    watched.look()
    asked: list[str] = []
    read, database = registry.database.reading, registry.database

    class Counted:
        """Passes on what is asked, and remembers it."""

        def __init__(self, statements) -> None:
            self._statements = statements

        def rows(self, sql, values=()):
            asked.append(sql)
            return self._statements.rows(sql, values)

        def row(self, sql, values=()):
            asked.append(sql)
            return self._statements.row(sql, values)

    from contextlib import contextmanager

    @contextmanager
    def reading():
        with read() as statements:
            yield Counted(statements)

    def writing():
        pytest.fail("nothing has happened that would have to be written")

    monkeypatch.setattr(database, "reading", reading)
    monkeypatch.setattr(database, "writing", writing)

    watched.look()

    assert asked
    assert not [sql for sql in asked if "FROM products" in sql]


def test_a_job_that_no_worker_takes_is_an_incident_once_until_one_succeeds(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, kinds=["run_failed", "incident_closed"])
    watched = incidents(registry, clock)
    with registry.database.writing() as statements:
        new = NewJob(key="k", kind="apply", subject="sales.orders", due=clock(), cause="cron", actor="scheduler")
        Queue(statements).enqueue(new, clock())
        later = replace(new, key="later", due=clock() + dt.timedelta(days=3))
        Queue(statements).enqueue(later, clock())
        assert Queue(statements).claim("w", clock(), LEASE, subjects=["fleet.aircraft"]) is None

    for hours in (5, 2, 2):
        clock.move(hours=hours)
        watched.look()
        go(registry, clock)
        assert len(watched.listed()) == (0 if hours == 5 else 1)

    (one,) = watched.listed()
    assert (one["cause"], one["subject"]) == ("run_failed", "sales.orders")
    assert "job-1 could have run since 2026-03-02 07:00 UTC, and no worker has taken it" in one["what"]
    assert [e["kind"] for e in watched.one(one["incident_id"])["timeline"]] == ["opened"]
    assert [r.json["data"]["title"] for r in receiver.requests] == ["sales.orders: waits for a worker"]

    publish(registry, clock)  # elsewhere: the job still waits, and has been told of
    for _ in range(2):
        clock.move(minutes=5)
        watched.look()
    assert watched.listed() == []


def test_a_job_that_waits_behind_one_of_its_product_that_runs_is_no_incident(registry, clock):
    publish(registry, clock)
    watched = incidents(registry, clock)
    taken = queued(registry, clock, "first")
    with registry.database.writing() as statements:
        new = NewJob(key="next", kind="apply", subject="sales.orders", due=clock(), cause="cron", actor="scheduler")
        Queue(statements).enqueue(new, clock())
    clock.move(hours=7)
    with registry.database.writing() as statements:
        Queue(statements).heartbeat(taken.job_id, taken.fence, clock(), LEASE)

    watched.look()

    assert watched.listed() == []
