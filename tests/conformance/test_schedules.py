"""What publications do to schedules and their jobs, over every database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.servers import registry_database
from weft.api.jobs.verbs import Jobs
from weft.config import SchedulerSettings
from weft.errors import UsageError
from weft.model.address import parse_address
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.jobs import JobState
from weft.model.publication import DataFile, Digests, Manifest, Publication
from weft.model.records import DomainRecord, ProductRecord, Publish
from weft.registry.postgres import PostgresRegistry
from weft.registry.publishing import append
from weft.registry.schedules import Schedules
from weft.registry.sql import SqlRegistry
from weft.registry.sql_tables import SqlTables
from weft.registry.sqlite import SqliteRegistry
from weft.runs.dispatch import Dispatch
from weft.runs.scheduling import cursor_of, has_news

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


class Company:
    """A registry, its clock, and a worker that does nothing but claim."""

    def __init__(self, registry: SqlRegistry) -> None:
        self.registry = registry
        self.now = START
        self.dispatch = Dispatch(registry.database, lambda: self.now, worker="w")
        self.jobs = Jobs(registry.database, registry, lambda: self.now, SchedulerSettings())

    def wait(self, **span: float) -> None:
        """Lets time pass and the scheduler look."""
        self.now += dt.timedelta(**span)
        self.dispatch.tick()

    def publish(
        self, port: str, snapshot: str, *, schedule: Any = None, reads: tuple[str, ...] = (), level: Any = None
    ) -> None:
        """Publishes the one port of a product."""
        address = parse_address(port)
        state = self.registry.port(address)
        custom = [{"property": "weft.schedule", "value": schedule}] if schedule is not None else []
        publication = Publication(
            address=address,
            snapshot_id=snapshot,
            run_id=f"run-{self.registry.last_event()}",
            version="1.0.0",
            status="active",
            contract={"id": port, "slaProperties": [level] if level else []},
            digests=Digests("f", "r", "t"),
            manifest=Manifest((Column("id", "BIGINT", 1, "id", True),), (DataFile("a.parquet", 3, 99, {}),)),
            checks=CheckCounts(1, 0, 0, 0, 0),
            published_at=self.now,
            published_by="ada",
            upstream={},
            parts={},
        )
        domain = DomainRecord(address.domain, "D", "source", None, "team", None, {})
        product = ProductRecord(
            address.of_product, "P", "active", None, (), "mesh", reads, {"customProperties": custom}
        )
        requires = {port: state.revision if state else 0}
        self.registry.publish(
            Publish(domain, product, [publication], requires, {}, (), publication.run_id, "ada", self.now)
        )

    def queued(self) -> list[tuple[str, str, Any]]:
        return [(j.subject, j.cause, j.payload.get("because")) for j in reversed(self.jobs.listed())]

    def next_due(self, product: str) -> dt.datetime | None:
        return next((s.next_due for s in self.jobs.schedules() if s.subject == product), None)


@pytest.fixture(params=["sqlite", "postgresql"])
def company(request, tmp_path) -> Iterator[Company]:
    if request.param == "sqlite":
        made: SqlRegistry = SqliteRegistry(tmp_path / "registry.db")
        yield Company(made)
        made.close()
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            made = PostgresRegistry(url)
            yield Company(made)
            made.close()


def test_new_rows_set_off_who_reads_them_and_a_description_does_not(company):
    company.publish("a.x.rows@1", "s1")
    company.publish("b.y.rows@1", "t1", schedule={"on": "any"}, reads=("a.x.rows@1",))
    company.wait(minutes=1)
    assert company.queued() == []

    company.publish("a.x.rows@1", "s1")  # only its texts have changed
    company.wait(minutes=1)
    assert company.queued() == []
    company.publish("a.x.rows@1", "s2")
    company.wait(minutes=1)
    company.wait(minutes=1)

    assert company.queued() == [("b.y", "data", [5])]


def test_rows_that_are_shown_again_set_off_who_reads_them(company):
    company.publish("a.x.rows@1", "s1")
    company.publish("a.x.rows@1", "s2")
    company.publish("b.y.rows@1", "t1", schedule={"on": "any"}, reads=("a.x.rows@1",))
    company.wait(minutes=1)
    port = parse_address("a.x.rows@1")
    earlier = company.registry.publication(port, "s1")

    company.registry.rollback(earlier, expected_revision=2, reason="bad rows", actor="ada", at=company.now)
    company.wait(minutes=1)
    company.wait(minutes=1)

    assert company.queued() == [("b.y", "data", [company.registry.last_event()])]


def test_what_waits_for_a_product_that_is_retired_does_not_wait_for_ever(company):
    company.publish("a.x.rows@1", "s1", schedule={"cron": "0 * * * *", "missed": "each"})
    company.publish("b.y.rows@1", "t1", schedule="0 * * * *")
    company.wait(minutes=1)
    company.wait(hours=3)
    by_hand = company.jobs.start("a.x", "ada")

    company.registry.retire([parse_address("a.x.rows@1")], actor="ada", run_id="run-9", at=company.now)
    company.wait(minutes=1)

    waiting = company.jobs.listed(states=(JobState.QUEUED,))
    assert [(job.subject, job.actor) for job in waiting] == [("a.x", "ada"), ("b.y", "scheduler")]
    assert waiting[0].job_id == by_hand.job_id
    assert len(company.jobs.listed(states=(JobState.CANCELLED,), product="a.x")) == 3


def test_what_else_is_written_to_the_log_is_not_read_again_and_again(company):
    company.publish("a.x.rows@1", "s1", schedule="0 6 * * *")
    company.wait(minutes=1)
    with company.registry.database.writing() as statements:
        for _ in range(1500):
            append(SqlTables(statements), company.now, "token.used", "ada", "token:x", {})
    company.wait(minutes=1)

    with company.registry.database.reading() as statements:
        assert not has_news(statements)
        assert Schedules(statements).events(cursor_of(statements), 1) == []
        assert cursor_of(statements) == company.registry.last_event()
    company.publish("a.x.rows@1", "s2", schedule="0 7 * * *")
    assert company.next_due("a.x") == dt.datetime(2026, 3, 1, 7, tzinfo=dt.UTC)


def test_looking_at_schedules_keeps_no_writer_waiting(company):
    company.publish("a.x.rows@1", "s1", schedule="0 6 * * *")
    company.wait(minutes=1)

    with company.registry.database.writing(), ThreadPoolExecutor(1) as pool:
        listed = pool.submit(company.jobs.schedules).result(5)

    assert [one.subject for one in listed] == ["a.x"]


def test_a_job_that_waits_stands_for_what_is_published_until_it_begins(company):
    company.publish("a.x.rows@1", "s1")
    company.publish("b.y.rows@1", "t1", schedule={"on": "any"}, reads=("a.x.rows@1",))
    company.wait(minutes=1)
    for snapshot in ("s2", "s3"):
        company.publish("a.x.rows@1", snapshot)
        company.wait(minutes=1)
    assert company.queued() == [("b.y", "data", [4, 5])]

    running = company.dispatch.claim()
    company.publish("a.x.rows@1", "s4")
    company.wait(seconds=1)
    assert running is not None
    assert company.queued() == [("b.y", "data", [4, 5]), ("b.y", "data", [6])]
    assert company.dispatch.claim() is None, "one at a time"


def test_a_schedule_is_what_the_newest_publication_says(company):
    company.wait(minutes=0)
    company.publish("a.x.rows@1", "s1", schedule="0 6 * * *")
    assert company.next_due("a.x") == START.replace(hour=6)

    company.publish("a.x.rows@1", "s1", schedule={"cron": "0 6 * * *", "timezone": "Asia/Tokyo"})
    assert company.next_due("a.x") == START.replace(hour=21)
    company.publish("a.x.rows@1", "s1")
    assert company.jobs.schedules() == []
    frequency = {"property": "frequency", "value": 1, "unit": "d", "schedule": "30 4 * * *"}
    company.publish("a.x.rows@1", "s1", level=frequency)
    assert company.next_due("a.x") == START.replace(hour=4, minute=30)
    company.registry.retire([parse_address("a.x.rows@1")], actor="ada", run_id="r", at=company.now)
    assert company.jobs.schedules() == []


def test_a_day_without_any_scheduler_is_made_up_for_once(company):
    company.publish("a.x.rows@1", "s1", schedule="0 * * * *")
    company.wait(minutes=1)
    company.wait(hours=24)
    company.wait(minutes=1)

    assert [(j.subject, j.due) for j in company.jobs.listed()] == [("a.x", START + dt.timedelta(hours=24))]


def test_times_pile_up_only_where_each_one_counts(company):
    company.publish("a.x.rows@1", "s1", schedule="0 * * * *")
    company.publish("b.y.rows@1", "t1", schedule={"cron": "0 * * * *", "missed": "each"})
    company.wait(minutes=1)
    for _ in range(5):
        company.wait(hours=1)  # and no worker comes

    assert sorted(subject for subject, *_ in company.queued()) == ["a.x", *["b.y"] * 5]


def test_a_paused_schedule_queues_nothing_and_tells_who_paused_it(company):
    company.publish("a.x.rows@1", "s1", schedule="0 * * * *")
    company.publish("b.y.rows@1", "t1", schedule={"on": "any"}, reads=("a.x.rows@1",))
    company.wait(minutes=1)
    for product in ("a.x", "b.y"):
        assert company.jobs.pause(product, "eve").paused_by == "eve"
    company.publish("a.x.rows@1", "s2", schedule="0 * * * *")
    company.wait(hours=5)
    assert company.queued() == []

    company.jobs.resume("a.x", "eve")
    company.jobs.resume("b.y", "eve")
    assert company.queued() == [("b.y", "data", [6])], "what was published meanwhile is not missed"
    assert company.next_due("a.x") == START + dt.timedelta(hours=6)
    kinds = [e.kind for e in company.registry.events()]
    assert kinds.count("schedule.paused") == kinds.count("schedule.resumed") == 2
    with pytest.raises(UsageError, match=r"did you mean `b\.y`"):
        company.jobs.pause("b.yy", "eve")


def test_what_a_job_publishes_is_due_when_the_job_was_and_goes_before_what_reads_it(company):
    company.publish("a.x.rows@1", "s1", schedule="0 * * * *")
    company.publish("b.y.rows@1", "t1", schedule={"on": "any"}, reads=("a.x.rows@1",))
    company.publish("c.z.rows@1", "u1", schedule="0 * * * *", reads=("b.y.rows@1",))
    company.wait(minutes=1)
    company.wait(hours=1)
    first = company.dispatch.claim()
    assert first is not None
    assert first.subject == "a.x"
    assert company.dispatch.claim() is None, "`c.z` waits for it"

    company.publish("a.x.rows@1", "s2", schedule="0 * * * *")
    company.dispatch.finish(first, {})
    second = company.dispatch.claim()
    assert second is not None
    assert (second.subject, second.due) == ("b.y", START + dt.timedelta(hours=1))
    assert company.dispatch.claim() is None, "`c.z` waits for it too"
    company.dispatch.finish(second, {})
    third = company.dispatch.claim()
    assert third is not None
    assert third.subject == "c.z"
