"""The queue of jobs, over every database: nothing is lost, nothing is done by two."""

from __future__ import annotations

import datetime as dt
import itertools
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.servers import registry_database
from weft.errors import Conflict, ProjectError, UsageError
from weft.model.jobs import BACKFILL, Job, JobState, Limits, NewJob, Retries
from weft.registry import schema
from weft.registry.claiming import Line, as_waiting, waiting_at
from weft.registry.database import Database
from weft.registry.job_rows import add_lines, lines_after
from weft.registry.leadership import leadership
from weft.registry.postgres import PostgresDatabase, PostgresRegistry
from weft.registry.queue import Held, Queue
from weft.registry.queue_counts import Backlog, backlog
from weft.registry.sqlite import SqliteRegistry
from weft.registry.upstream import Upstream
from weft.runs.dispatch import Dispatch

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
LEASE = dt.timedelta(seconds=60)


def open_database(place: str) -> Database:
    if place.startswith("postgresql://"):
        return PostgresRegistry(place).database
    return SqliteRegistry(Path(place)).database


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path) -> Iterator[str]:
    if request.param == "sqlite":
        yield str(tmp_path / "registry.db")
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            yield url


@pytest.fixture
def database(place) -> Iterator[Database]:
    made = open_database(place)
    yield made
    made.close()


def at(seconds: float) -> dt.datetime:
    return START + dt.timedelta(seconds=seconds)


def new(key: str, subject: str = "sales.orders", due: float = 0, **fields) -> NewJob:
    return NewJob(
        key=key, kind=fields.pop("kind", "apply"), subject=subject, due=at(due), cause="cron", actor="ada", **fields
    )


def put(database: Database, *jobs: NewJob) -> None:
    with database.writing() as statements:
        for job in jobs:
            Queue(statements).enqueue(job, START)


def claim(database: Database, seconds: float, worker: str = "w", **more) -> Job | None:
    with database.writing() as statements:
        return Queue(statements).claim(worker, at(seconds), LEASE, **more)


def one(database: Database, job_id: str) -> Job:
    with database.reading() as statements:
        return Queue(statements).required(job_id)


def events(database: Database) -> list[str]:
    with database.reading() as statements:
        return [kind for (kind,) in statements.rows("SELECT kind FROM events ORDER BY seq")]


def test_a_key_has_one_job_however_often_it_is_queued(database):
    with database.writing() as statements:
        first = Queue(statements).enqueue(new("sales.orders@6"), START)
        second = Queue(statements).enqueue(new("sales.orders@6"), at(60))

    assert first is not None
    assert (first.job_id, second) == ("job-1", None)


def test_the_highest_priority_goes_first_then_what_was_due_first(database):
    put(
        database,
        new("a", "d.a", 30),
        new("b", "d.b", 10),
        new("c", "d.c", 20, priority=9),
        new("later", "d.e", 100, priority=9),
    )

    assert [job.key for job in iter(lambda: claim(database, 50), None)] == ["c", "b", "a"]


def test_limits_of_domain_and_engine_hold_on_all_workers_together(database):
    put(database, new("a1", "a.x"), new("a2", "a.y"), new("b1", "b.x"), new("b2", "b.y", engine="spark"))

    limits = Limits(per_domain=1, named={"engine:duckdb": 2, "domain:b": 2})
    first = [claim(database, 1, f"w{i}", limits=limits) for i in range(4)]

    assert [job.key if job else None for job in first] == ["a1", "b1", "b2", None]


def test_two_jobs_of_a_product_never_run_at_once(database):
    put(database, new("first", due=0), new("second", due=5), new("piece", kind=BACKFILL, due=0))

    running = claim(database, 10)
    assert running is not None
    assert claim(database, 10) is None
    with database.writing() as statements:
        Queue(statements).finish(running.job_id, running.fence, {}, at(11))
    following = claim(database, 12)
    assert running.key == "first"
    assert following is not None


def test_a_job_waits_for_what_is_upstream_and_was_due_no_later(database):
    upstream = Upstream([("d.b", "d.a.port@1"), ("d.c", "d.b.port@1")])
    put(database, new("c", "d.c", 0, priority=9), new("a", "d.a", 0), new("next a", "d.a", 60))

    order = []
    for second in range(100, 103):
        job = claim(database, second, upstream=upstream)
        assert job is not None
        order.append(job.key)
        assert job.key != "a" or claim(database, second, upstream=upstream) is None
        with database.writing() as statements:
            Queue(statements).finish(job.job_id, job.fence, {}, at(second))

    assert order == ["a", "c", "next a"]


def test_products_that_read_each_other_do_not_wait_for_each_other_for_ever(database):
    upstream = Upstream([("d.a", "d.b.x@1"), ("d.b", "d.a.x@1"), ("d.c", "d.a.x@1")])
    put(database, new("a", "d.a"), new("b", "d.b"), new("c", "d.c", priority=9))

    assert {claim(database, 1, upstream=upstream).key for _ in range(2)} == {"a", "b"}
    assert claim(database, 1, upstream=upstream) is None


def test_nobody_waits_longer_than_patience_for_a_product_whose_files_no_worker_has(database):
    upstream = Upstream([("d.b", "d.a.x@1")])
    put(database, new("a", "d.a"), new("b", "d.b"))

    assert claim(database, 3600, subjects={"d.b"}, upstream=upstream) is None
    assert claim(database, 7 * 3600, subjects={"d.b"}, upstream=upstream).key == "b"


def test_a_backfill_holds_up_nobody_downstream(database):
    upstream = Upstream([("d.b", "d.a.x@1")])
    put(database, new("piece", "d.a", kind=BACKFILL), new("b", "d.b"))

    assert {claim(database, 1, upstream=upstream).key for _ in range(2)} == {"piece", "b"}


def test_pieces_of_a_backfill_run_in_their_order_and_one_that_sleeps_lets_the_next_go_first(database):
    put(database, *(new(f"piece {n}", "d.a", kind=BACKFILL, priority=3) for n in range(3)), new("b", "d.b"))
    first = claim(database, 1, subjects={"d.a"})
    with database.writing() as statements:
        Queue(statements).fail(first.job_id, first.fence, {}, at(1), passing=True, retries=Retries(first_s=60))

    order = []
    for second in (2, 3, 100):
        job = claim(database, second, subjects={"d.a"})
        assert claim(database, second, subjects={"d.a"}) is None
        order.append(job.key)
        with database.writing() as statements:
            Queue(statements).finish(job.job_id, job.fence, {}, at(second))

    assert (first.key, order) == ("piece 0", ["piece 1", "piece 2", "piece 0"])
    assert claim(database, 101).key == "b"


def test_a_worker_whose_lease_was_taken_over_cannot_say_what_came_of_the_job(database):
    put(database, new("a"))
    slow = claim(database, 0, "slow")
    quick = claim(database, 61, "quick")
    assert (quick.job_id, quick.fence, quick.attempts) == (slow.job_id, 2, 2)

    for told in ("finish", "fail", "hand_back", "cancelled"):
        with pytest.raises(Conflict) as refused, database.writing() as statements:
            queue = Queue(statements)
            if told == "fail":
                queue.fail(slow.job_id, slow.fence, {}, at(62), passing=True)
            elif told == "finish":
                queue.finish(slow.job_id, slow.fence, {}, at(62))
            else:
                getattr(queue, told)(slow.job_id, slow.fence, at(62))
        assert refused.value.diagnostics[0].code == "WFT-RUN-042"
    with database.writing() as statements:
        assert Queue(statements).heartbeat(slow.job_id, slow.fence, at(62), LEASE) == Held.GONE
        Queue(statements).finish(quick.job_id, quick.fence, {"rows": 3}, at(63))
    assert one(database, "job-1").result == {"rows": 3}
    assert events(database) == ["job.retried"]


def test_a_lease_that_is_renewed_is_not_taken_over(database):
    put(database, new("a"))
    job = claim(database, 0)

    for second in range(30, 301, 30):
        with database.writing() as statements:
            assert Queue(statements).heartbeat(job.job_id, job.fence, at(second), LEASE) == Held.GO_ON
        assert claim(database, second) is None
    assert claim(database, 361).fence == 2


def test_a_job_that_is_lost_with_every_worker_ends_as_lost(database):
    put(database, new("a", attempts=2))
    claim(database, 0)
    claim(database, 100)

    assert claim(database, 200) is None
    assert one(database, "job-1").state is JobState.LOST
    assert events(database) == ["job.retried", "job.lost"]


def test_what_failed_by_chance_comes_back_later_and_later_and_other_failures_do_not(database):
    put(database, new("a", attempts=3), new("b", "d.b", 1000))
    retries, waits, now = Retries(first_s=10, spread=0.5), [], 0.0
    for chance in (0.0, 1.0, 0.5):
        job = claim(database, now)
        with database.writing() as statements:
            state = Queue(statements).fail(
                job.job_id, job.fence, {"n": 1}, at(now), passing=True, retries=retries, chance=chance
            )
        if state is JobState.QUEUED:
            waits.append((one(database, "job-1").not_before - at(now)).total_seconds())
            assert claim(database, now + waits[-1] - 0.001) is None
            now += waits[-1]
    assert (waits, state) == ([5.0, 30.0], JobState.FAILED)

    job = claim(database, 1000)
    with database.writing() as statements:
        assert Queue(statements).fail(job.job_id, job.fence, {}, at(1001), passing=False) is JobState.FAILED
    assert events(database) == ["job.retried", "job.retried", "job.failed", "job.failed"]


def test_what_waits_is_cancelled_at_once_and_what_runs_by_its_worker(database):
    put(database, new("a"), new("b", "d.b"))
    running = claim(database, 0)
    with database.writing() as statements:
        queue = Queue(statements)
        assert queue.cancel("job-2", "eve", at(1)).state is JobState.CANCELLED
        assert queue.cancel("job-1", "eve", at(1)).state is JobState.RUNNING
        assert queue.heartbeat("job-1", running.fence, at(2), LEASE) == Held.CANCEL
        queue.cancelled("job-1", running.fence, at(3))
    with pytest.raises(UsageError, match="WFT-RUN-043"), database.writing() as statements:
        Queue(statements).cancel("job-1", "eve", at(4))
    assert [one(database, name).state for name in ("job-1", "job-2")] == [JobState.CANCELLED] * 2
    assert [one(database, name).result for name in ("job-1", "job-2")] == [{"why": "cancelled by eve"}] * 2


def test_a_job_that_was_to_end_is_not_retried_when_its_worker_is_lost(database):
    put(database, new("a"))
    claim(database, 0)
    with database.writing() as statements:
        Queue(statements).cancel("job-1", "eve", at(1))

    assert claim(database, 100) is None
    assert one(database, "job-1").state is JobState.CANCELLED


def test_a_job_that_is_handed_back_has_lost_no_attempt(database):
    put(database, new("a", attempts=1))
    job = claim(database, 0)
    with database.writing() as statements:
        Queue(statements).hand_back(job.job_id, job.fence, at(1))

    again = claim(database, 1)
    assert (again.attempts, again.fence) == (1, 2)


def test_a_job_that_is_to_end_is_not_handed_back_to_another_worker(database):
    put(database, new("a"))
    job = claim(database, 0)
    with database.writing() as statements:
        Queue(statements).cancel(job.job_id, "eve", at(1))
        Queue(statements).hand_back(job.job_id, job.fence, at(2))

    assert claim(database, 3) is None
    assert (one(database, "job-1").state, one(database, "job-1").result) == (
        JobState.CANCELLED,
        {"why": "cancelled by eve"},
    )


def test_a_job_that_is_to_end_and_fails_by_chance_meanwhile_is_cancelled_and_no_failure(database):
    put(database, new("a"), new("b", "sales.returns"))
    by_chance, of_its_own = claim(database, 0), claim(database, 0)
    with database.writing() as statements:
        queue = Queue(statements)
        for job, passing in ((by_chance, True), (of_its_own, False)):
            queue.cancel(job.job_id, "eve", at(1))
            queue.fail(job.job_id, job.fence, {"diagnostics": []}, at(2), passing=passing)

    assert (one(database, "job-1").state, one(database, "job-1").result) == (
        JobState.CANCELLED,
        {"why": "cancelled by eve"},
    )
    assert one(database, "job-2").state is JobState.FAILED
    assert events(database) == ["job.cancelled", "job.cancelled", "job.failed"]


def test_what_somebody_asks_for_now_waits_for_nothing_that_sleeps(database):
    upstream = Upstream([("d.b", "d.a.x@1")])
    put(database, new("a", "d.a"), new("b", "d.b"))
    for second in (0, 1):
        job = claim(database, second)
        with database.writing() as statements:
            Queue(statements).fail(job.job_id, job.fence, {}, at(second), passing=True, retries=Retries(first_s=600))
    asked = new("by hand", "d.b", 10)
    with database.writing() as statements:
        Queue(statements).enqueue(replace(asked, cause="manual"), at(10))
        Queue(statements).enqueue(replace(asked, key="cron", cause="cron"), at(10))

    found = claim(database, 10, upstream=upstream)

    assert found.key == "by hand"
    assert claim(database, 11, upstream=upstream) is None


def test_what_somebody_asks_for_now_waits_for_what_is_applied_upstream(database):
    upstream = Upstream([("d.b", "d.a.x@1")])
    put(database, new("a", "d.a"))
    with database.writing() as statements:
        Queue(statements).enqueue(replace(new("by hand", "d.b", 10, priority=7), cause="manual"), at(10))

    assert [claim(database, 10, upstream=upstream).key, claim(database, 10, upstream=upstream)] == ["a", None]


def test_the_queue_is_counted_by_what_waits_and_runs(database):
    with database.reading() as statements:
        assert backlog(statements, at(0)) == Backlog(0, 0, 0.0)
    put(database, new("a", "d.a"), new("b", "d.b", 50), new("later", "d.c", 900))
    claim(database, 60)

    with database.reading() as statements:
        assert backlog(statements, at(60)) == Backlog(2, 1, 10.0)
        assert backlog(statements, at(0)) == Backlog(2, 1, 0.0)


def test_a_log_is_kept_to_its_length_and_says_that_there_was_more(database):
    with database.writing() as statements:
        add_lines(statements, "job-1", [(START, f"line {i}") for i in range(3)], 5)
        add_lines(statements, "job-1", [(START, f"line {i}") for i in range(3, 9)], 5)
        add_lines(statements, "job-1", [(START, "line 9")], 5)

        kept = lines_after(statements, "job-1", 2)

    assert [x.line for x in kept] == ["line 2", "line 3", "… more than 5 lines: what follows is not kept"]


def test_jobs_that_were_over_long_ago_are_forgotten_with_their_logs_but_never_the_newest(database):
    put(database, new("a"), new("b"))
    for _ in range(2):
        job = claim(database, 0)
        with database.writing() as statements:
            add_lines(statements, job.job_id, [(START, "told")], 5)
            Queue(statements).finish(job.job_id, job.fence, {}, at(1))

    with database.writing() as statements:
        assert Queue(statements).forget(at(10)) == 1
        assert [j.job_id for j in Queue(statements).jobs()] == ["job-2"]
        assert lines_after(statements, "job-1", 0) == []
        assert Queue(statements).enqueue(new("c"), START).job_id == "job-3"


def test_one_of_two_leads_until_it_resigns_or_dies(place):
    first, second, now = open_database(place), open_database(place), [START]
    one_, other = (leadership(d, n, lambda: now[0], LEASE) for d, n in ((first, "one"), (second, "other")))

    assert [one_.leads(), other.leads(), one_.leads()] == [True, False, True]
    one_.resign()
    assert [other.leads(), one_.leads()] == [True, False]
    if first.dialect == "sqlite":
        now[0] = at(61)  # not heard of for longer than its lease
    else:
        with second.writing() as statements:
            statements.run(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = 7734002 AND locktype = 'advisory'"
            )
        while not one_.leads():  # the server ends a connection in its own time
            time.sleep(0.05)
    assert [one_.leads(), other.leads()] == [True, False]
    one_.resign()
    first.close()
    second.close()


def test_a_leader_that_stands_still_leads_no_more(postgres):
    with registry_database(postgres) as url:
        first, second = open_database(url), open_database(url)
        keep = dt.timedelta(seconds=1)
        still, other = (leadership(d, n, lambda: START, keep) for d, n in ((first, "one"), (second, "other")))

        assert [still.leads(), other.leads()] == [True, False]
        deadline = time.monotonic() + 20
        while not other.leads():  # a process that is stopped keeps its connections
            assert time.monotonic() < deadline, "nobody leads"
            time.sleep(0.1)

        assert [still.leads(), still.leads(), other.leads()] == [False, False, True]
        for leader, database in ((still, first), (other, second)):
            leader.resign()
            database.close()


def test_no_thread_of_a_process_leads_without_the_lock(postgres, monkeypatch):
    with registry_database(postgres) as url:
        first, second = open_database(url), open_database(url)
        assert isinstance(first, PostgresDatabase)
        made, pauses = first.connections.made, iter((0.1, 0.5))  # the second comes when the first has the lock

        def slowly():
            connection = made()
            time.sleep(next(pauses, 0))
            return connection

        monkeypatch.setattr(first.connections, "made", slowly)
        one_, other = (leadership(d, n, lambda: START, LEASE) for d, n in ((first, "one"), (second, "other")))
        threads = [threading.Thread(target=one_.leads) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [one_.leads(), other.leads()] == [True, False]
        for leader, database in ((one_, first), (other, second)):
            leader.resign()
            database.close()


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["enqueue", "claim", "finish", "fail", "fail for good", "beat", "wait", "cancel", "hand back"]),
        st.integers(0, 5),
        st.integers(0, 90),
    ),
    max_size=40,
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def fresh(request, tmp_path) -> Iterator[Callable[[], Database]]:
    """Gives an empty queue each time."""
    made = []
    if request.param == "sqlite":
        numbers = itertools.count()

        def opened() -> Database:
            made.append(open_database(str(tmp_path / f"{next(numbers)}.db")))
            return made[-1]

        yield opened
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            made.append(open_database(url))

            def opened() -> Database:
                with made[0].writing() as statements:
                    statements.run("TRUNCATE jobs, job_lines, events")
                return made[0]

            yield opened
    for one_ in made:
        one_.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_whatever_workers_do_a_job_is_one_worker_s_at_a_time_and_ends_once(fresh, steps):
    database, now = fresh(), 0.0
    held: list[Job] = []  # what workers believe that they have, some of them wrongly
    ended: dict[str, JobState] = {}
    for step, number, seconds in steps:
        now += seconds if step == "wait" else 0.01
        mine = held[number % len(held)] if held else None
        with database.writing() as statements:
            queue = Queue(statements)
            if step == "enqueue":
                queue.enqueue(new(f"k{number}", f"d{number % 2}.p{number % 3}", now, attempts=3), at(now))
            elif step == "claim":
                job = queue.claim("w", at(now), LEASE, limits=Limits(per_domain=2))
                if job is not None:
                    assert job.job_id not in ended
                    held.append(job)
            elif step == "cancel":
                job = queue.job(f"job-{number}")
                if job is not None and not job.state.is_over:
                    queue.cancel(job.job_id, "eve", at(now))
            elif mine is not None and step != "wait":
                before = queue.required(mine.job_id)
                is_mine = before.state is JobState.RUNNING and before.fence == mine.fence
                try:
                    if step == "finish":
                        queue.finish(mine.job_id, mine.fence, {}, at(now))
                    elif step == "hand back":
                        queue.hand_back(mine.job_id, mine.fence, at(now))
                    elif step == "beat":
                        assert (queue.heartbeat(mine.job_id, mine.fence, at(now), LEASE) == Held.GONE) is not is_mine
                    elif step.startswith("fail"):
                        queue.fail(mine.job_id, mine.fence, {}, at(now), passing=step == "fail")
                    assert is_mine or step == "beat"
                except Conflict:
                    assert not is_mine
            found = queue.jobs()
            running = [j for j in found if j.state is JobState.RUNNING]
            assert len({j.subject for j in running}) == len(running)
            assert all(sum(j.domain == d for j in running) <= 2 for d in ("d0", "d1"))
            assert len({j.key for j in found}) == len(found)
            for job in found:
                assert job.attempts <= job.max_attempts
                assert ended.get(job.job_id, job.state) is job.state, "what is over stays as it is"
                if job.state.is_over:
                    ended[job.job_id] = job.state


def _work(place: str, name: str, done: str) -> None:
    database = open_database(place)
    with Path(done, name).open("w") as file:
        while True:
            with database.writing() as statements:
                job = Queue(statements).claim(name, at(10), LEASE, limits=Limits(per_domain=2))
            if job is None:
                with database.reading() as statements:
                    if not Queue(statements).unfinished():
                        break
                continue
            file.write(f"{job.job_id}\n")
            with database.writing() as statements:
                Queue(statements).finish(job.job_id, job.fence, {"by": name}, at(11))
    database.close()


@pytest.mark.slow
def test_several_processes_do_each_job_once(place, database, tmp_path):
    put(database, *(new(f"k{i}", f"d{i % 3}.p{i}") for i in range(120)))
    done = tmp_path / "done"
    done.mkdir()
    spawn = multiprocessing.get_context("spawn")

    workers = [spawn.Process(target=_work, args=(place, f"w{i}", str(done))) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)

    lines = [line for file in done.iterdir() for line in file.read_text().splitlines()]
    assert sorted(lines) == sorted(f"job-{i}" for i in range(1, 121))
    with database.reading() as statements:
        assert {j.state for j in Queue(statements).jobs(limit=200)} == {JobState.SUCCEEDED}


def hindrances(database: Database, seconds: float, **more) -> dict[str, tuple[str, int | None] | None]:
    """Why each job that is queued waits, by its key."""
    with database.reading() as statements:
        line = Line(
            waiting_at(statements, at(seconds)), at(seconds), more.get("limits", Limits()), more.get("up", Upstream(()))
        )
        queued = [job for job in Queue(statements).jobs() if job.state is JobState.QUEUED]
        found = {job.key: line.hindrance(as_waiting(job)) for job in queued}
    return {key: (held.why.value, held.by) if held else None for key, held in found.items()}


def test_whoever_asks_hears_why_each_job_waits(database):
    put(
        database,
        new("runs", "d.a", 0, priority=9),
        new("piece 1", "d.a", 1, kind=BACKFILL),
        new("piece 2", "d.a", 1, kind=BACKFILL),
        new("below", "d.b", 2),
        new("other", "e.x", 3, engine="spark"),
        new("later", "e.y", 100),
    )
    up = Upstream([("d.b", "d.a.port@1")])
    claim(database, 10)

    busy = hindrances(database, 10, up=up)
    full = hindrances(database, 10, up=up, limits=Limits(per_domain=1, named={"engine:spark": 1}))
    with database.writing() as statements:
        job = Queue(statements).required("job-1")
        Queue(statements).fail(job.job_id, job.fence, {}, at(11), passing=True, retries=Retries(first_s=50, spread=0))
    sleeping = hindrances(database, 12, up=up)

    assert busy == {
        "piece 1": ("same product", 1),
        "piece 2": ("same product", 1),
        "below": ("upstream", 1),
        "other": None,
        "later": ("time", None),
    }
    assert full["below"] == ("limit of its domain", None)
    assert sleeping["runs"] == ("time", None)
    assert sleeping["piece 1"] is None
    assert sleeping["piece 2"] == ("same product", 2)
    assert sleeping["below"] == ("upstream", 1)


def test_jobs_of_a_worker_that_is_gone_for_certain_wait_for_no_lease(database):
    put(database, new("a", "d.a"), new("b", "d.b"))
    claim(database, 1, "host:1:family")
    claim(database, 1, "host:2:another")

    with database.writing() as statements:
        found = Queue(statements).recover_of("family", at(2), at(8))

    assert [job.key for job in found] == ["a"]
    assert (one(database, "job-1").state, one(database, "job-2").state) == (JobState.QUEUED, JobState.RUNNING)
    assert claim(database, 7) is None
    again = claim(database, 8)
    assert again is not None
    assert (again.key, again.attempts, again.fence) == ("a", 2, 2)
    assert events(database)[-1] == "job.retried"


def test_a_worker_takes_nothing_and_queues_nothing_once_a_newer_weft_has_upgraded_the_tables(database):
    put(database, new("a", "d.a"))
    dispatch = Dispatch(database, lambda: at(10), worker="w")
    with database.writing() as statements:
        if database.dialect == "sqlite":
            statements.run(f"PRAGMA user_version = {len(schema.STEPS) + 1}")
        else:
            statements.run("UPDATE alembic_version SET version_num = ?", (f"{len(schema.STEPS) + 1:04}",))

    for asked in (dispatch.claim, dispatch.tick):
        with pytest.raises(ProjectError) as raised:
            asked()
        assert raised.value.diagnostics[0].code == "WFT-REG-001"

    assert one(database, "job-1").state is JobState.QUEUED
