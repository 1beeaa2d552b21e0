"""Incidents and reminders over every database that a registry may lie in, from what is published to who is told."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.notices.stories import ANN, ORDERS, TOTALS, go, notices, opened, publish
from tests.receivers import mailing
from weft.access.permissions import Caller, Role
from weft.api.incidents import Incidents
from weft.api.notices import keyboard
from weft.config import NoticesSettings
from weft.errors import AccessDenied, Conflict, UsageError
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule
from weft.model.records import PortOutcome, Run, RunState
from weft.registry.incidents import begin

HOURS_4 = {
    "id": "orders",
    "slaProperties": [{"property": "latency", "value": 4, "unit": "h"}],
    "schema": [{"name": "orders"}],
}
DEPRECATED = {
    "id": "orders",
    "slaProperties": [{"property": "endOfLife", "value": "2026-06-30"}],
    "schema": [{"name": "orders"}],
}


def incidents(registry, clock) -> Incidents:
    return Incidents(registry, "1h", clock)


def run(registry, clock, state: RunState, *ports: PortOutcome, run_id: str = "run-9") -> None:
    begun = Run(run_id, "apply", "ann", RunState.RUNNING, clock(), ports=ports)
    registry.start_run(begun)
    registry.finish_run(Run(run_id, "apply", "ann", state, clock(), clock(), ports=ports))


def kinds(receiver) -> list[str]:
    return [request.json["type"] for request in receiver.requests]


def test_a_port_that_is_late_opens_an_incident_tells_of_it_once_and_is_closed_by_the_next_publication(
    registry, clock, receiver
):
    publish(registry, clock, contract=HOURS_4)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, kinds=["late", "incident_closed"])
    watched = incidents(registry, clock)
    assert watched.look().opened == 0

    clock.move(hours=4, minutes=1)
    assert [watched.look().opened for _ in range(3)] == [1, 0, 0]
    (one,) = watched.listed()
    assert (one["cause"], one["subject"], one["owner"]) == ("late", str(ORDERS), "sales@example.com")
    go(registry, clock)
    go(registry, clock)
    assert kinds(receiver) == ["weft.late"]
    assert receiver.requests[0].json["data"]["facts"]["incident"] == one["incident_id"]

    publish(registry, clock, contract=HOURS_4)
    assert watched.look().closed == 1
    go(registry, clock)
    assert kinds(receiver) == ["weft.late", "weft.incident_closed"]
    assert watched.listed() == []
    assert [e["kind"] for e in watched.one(one["incident_id"])["timeline"]] == ["opened", "closed"]


def test_downstream_of_a_late_port_has_no_incident_of_its_own_and_its_owner_is_told_the_root(registry, clock):
    publish(registry, clock, contract=HOURS_4)
    publish(registry, clock, TOTALS, reads=(str(ORDERS),), contract=HOURS_4, upstream={str(ORDERS): "1"})
    watched = incidents(registry, clock)
    clock.move(hours=5)

    assert watched.look().opened == 1
    (one,) = watched.listed()
    assert (one["subject"], one["affected"]) == (str(ORDERS), [str(TOTALS)])
    assert watched.of(str(TOTALS)) == [one]
    assert watched.of("finance") == [one]
    assert watched.of("legal") == []

    with mailing() as (box, port):
        settings = NoticesSettings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        go(registry, clock, settings)
        clock.move(minutes=1)
        go(registry, clock, settings)
    assert sorted(to for (to,), _ in box.messages) == ["finance@example.com", "sales@example.com"]
    assert all(b"sales.orders.orders@1" in content for _, content in box.messages)

    publish(registry, clock, contract=HOURS_4)
    assert (watched.look().closed, watched.listed()) == (1, [])  # it has an hour to catch up
    clock.move(hours=2)
    assert watched.look().opened == 1
    assert [i["subject"] for i in watched.listed()] == [str(TOTALS)]


def test_a_failed_check_opens_one_incident_for_all_runs_that_it_fails_and_tells_no_value(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, kinds=["check_failed", "incident_closed"])
    watched = incidents(registry, clock)
    broken = CheckResult(
        "key", Rule.UNIQUE, "id", None, CheckSeverity.ERROR, Outcome.FAILED, 2, 9, actual="4711 twice", samples=()
    )
    for n in (1, 2, 3):
        registry.record_checks(f"run-{n}", ORDERS, [broken], clock())
        run(registry, clock, RunState.FAILED, PortOutcome(ORDERS, "failed"), run_id=f"run-{n}")
        watched.look()
        go(registry, clock)

    (one,) = watched.listed()
    assert (one["cause"], one["subject"]) == ("check_failed", "sales.orders")
    assert one["what"] == "run run-1: `sales.orders.orders@1` breaks key (2 of 9 rows)"
    assert [e["kind"] for e in watched.one(one["incident_id"])["timeline"]] == ["opened", "again", "again"]
    assert kinds(receiver) == ["weft.check_failed"]
    assert b"4711" not in receiver.requests[0].body

    publish(registry, clock)
    watched.look()
    go(registry, clock)
    assert watched.listed() == []
    assert kinds(receiver) == ["weft.check_failed", "weft.incident_closed"]


def test_a_run_that_failed_otherwise_is_told_by_its_code_and_names_what_it_left_out(registry, clock):
    publish(registry, clock)
    publish(registry, clock, TOTALS, reads=(str(ORDERS),), upstream={str(ORDERS): "1"})
    secret = {"code": "WFT-ENG-001", "what": "could not convert 'Mrs. Smith' to a number"}
    run(
        registry,
        clock,
        RunState.FAILED,
        PortOutcome(ORDERS, "failed", diagnostics=(secret,)),
        PortOutcome(TOTALS, "skipped"),
    )

    incidents(registry, clock).look()

    (one,) = incidents(registry, clock).listed()
    assert one["what"] == "run run-9: a model failed while it ran (WFT-ENG-001)"
    assert one["affected"] == [str(TOTALS)]
    assert "Smith" not in str([event.body for event in registry.events()])


def test_a_run_that_another_one_was_faster_than_is_nobodys_incident(registry, clock):
    publish(registry, clock)
    moved = {"code": "WFT-RUN-001", "what": "`sales.orders.orders@1` moved since the plan was made"}
    broken = {"code": "WFT-ENG-001", "what": "a model failed"}
    lost = PortOutcome(ORDERS, "failed", diagnostics=(moved,))
    run(registry, clock, RunState.FAILED, lost, PortOutcome(TOTALS, "skipped"))

    assert incidents(registry, clock).look().opened == 0
    run(registry, clock, RunState.FAILED, lost, PortOutcome(TOTALS, "failed", diagnostics=(broken,)), run_id="run-10")
    assert incidents(registry, clock).look().opened == 1
    assert [one["subject"] for one in incidents(registry, clock).listed()] == ["finance.totals"]


def test_an_interrupted_run_is_nobodys_incident(registry, clock):
    publish(registry, clock)
    run(registry, clock, RunState.INTERRUPTED, PortOutcome(ORDERS, "not reached"))

    assert incidents(registry, clock).look().opened == 0


def test_readers_of_a_deprecated_port_are_reminded_at_90_30_and_7_days_once_each(registry, clock, receiver):
    publish(registry, clock, contract=DEPRECATED, status="deprecated")
    publish(registry, clock, TOTALS, reads=(str(ORDERS),), upstream={str(ORDERS): "1"})
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, kinds=["end_of_life"])
    watched = incidents(registry, clock)
    told = []
    for _ in range(130):
        before = len(receiver.requests)
        for _ in range(2):
            watched.look()
            go(registry, clock)
        if len(receiver.requests) > before:
            told.append(clock().date())
        clock.move(days=1)

    assert told == [dt.date(2026, 4, 1), dt.date(2026, 5, 31), dt.date(2026, 6, 23)]
    assert [r.json["data"]["facts"]["days_left"] for r in receiver.requests] == [90, 30, 7]


def test_whoever_looks_for_the_first_time_late_is_reminded_once_and_not_three_times(registry, clock):
    publish(registry, clock, contract=DEPRECATED, status="deprecated")
    clock.at = dt.datetime(2026, 6, 25, tzinfo=dt.UTC)

    assert [incidents(registry, clock).look().reminded for _ in range(3)] == [1, 0, 0]


def test_many_workers_that_look_at_once_open_an_incident_once(place, registry, clock):
    publish(registry, clock, contract=HOURS_4)
    run(registry, clock, RunState.FAILED, PortOutcome(TOTALS, "failed"))
    clock.move(hours=5)
    several = [opened(place) for _ in range(4)]

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda one: incidents(one, clock).look(), several))
    for one in several:
        one.close()

    assert sum(one.opened for one in done) == 2
    assert len(incidents(registry, clock).listed()) == 2
    assert [e.kind for e in registry.events(0)].count("incident.opened") == 2
    assert registry.verify_log() == registry.last_event()


def test_somebody_of_the_domain_acknowledges_comments_and_closes_and_nobody_else(registry, clock):
    publish(registry, clock, contract=HOURS_4)
    clock.move(hours=5)
    watched = incidents(registry, clock)
    watched.look()
    name = watched.listed()[0]["incident_id"]
    ada = Caller("ada", "user", domains={"sales": frozenset({Role.DEVELOPER})})
    eve = Caller("eve", "user", domains={"finance": frozenset({Role.DOMAIN_OWNER})})

    with pytest.raises(AccessDenied, match="WFT-ACC-010"):
        watched.acknowledge(eve, name)
    assert watched.acknowledge(ada, name)["acknowledged_by"] == "ada"
    watched.comment(ada, name, "the source moved to another host")
    assert watched.close(ada, name, "nobody needs it on Sundays")["state"] == "closed"

    assert [e["kind"] for e in watched.one(name)["timeline"]] == ["opened", "acknowledged", "comment", "closed"]
    with pytest.raises(Conflict, match="WFT-OBS-010"):
        watched.comment(ada, name, "too late")
    with pytest.raises(UsageError, match="WFT-OBS-008"):
        watched.one("i-000000000000")
    assert "another host" not in str([event.body for event in registry.events()])


def closed_by_hand(watched: Incidents, clock, caller: Caller = ANN, **later: float) -> dict:
    """The one incident that opens after a while, which somebody then closes."""
    clock.move(**later)
    assert watched.look().opened == 1
    (one,) = watched.listed()
    watched.close(caller, one["incident_id"], "nobody needs it on Sundays")
    return one


def test_lateness_that_somebody_closed_stays_closed_until_the_port_is_published_and_late_again(registry, clock):
    publish(registry, clock, contract=HOURS_4)
    watched = incidents(registry, clock)
    closed_by_hand(watched, clock, hours=5)

    assert [(watched.look().opened, clock.move(hours=3)) for _ in range(3)] == [(0, None)] * 3
    assert incidents(registry, clock).look().opened == 0  # nor does another worker, or this one after a restart
    publish(registry, clock, contract=HOURS_4)
    assert watched.look().opened == 0
    clock.move(hours=5)
    assert (watched.look().opened, watched.look().opened) == (1, 0)


def test_whoever_is_called_weft_closes_lateness_as_anybody_does(registry, clock):
    publish(registry, clock, contract=HOURS_4)
    watched = incidents(registry, clock)
    closed_by_hand(watched, clock, keyboard("weft"), hours=5)

    assert watched.look().opened == 0


def test_closing_lateness_silences_what_its_incident_named_and_nothing_that_becomes_late_later(registry, clock):
    hours_8 = {**HOURS_4, "slaProperties": [{"property": "latency", "value": 8, "unit": "h"}]}
    publish(registry, clock, contract=HOURS_4)
    publish(registry, clock, TOTALS, reads=(str(ORDERS),), contract=hours_8, upstream={str(ORDERS): "1"})
    watched = incidents(registry, clock)
    first = closed_by_hand(watched, clock, hours=5)
    assert (first["subject"], first["affected"]) == (str(ORDERS), [])

    # whoever closed the one has said nothing of the other, which its owner promises
    joe = Caller("joe", "user", domains={"finance": frozenset({Role.DOMAIN_OWNER})})
    second = closed_by_hand(watched, clock, joe, hours=4)
    assert second["subject"] == str(TOTALS)
    clock.move(hours=4)
    assert watched.look().opened == 0


def test_what_a_closed_incident_named_is_told_of_again_once_it_was_published_and_is_late_again(registry, clock):
    publish(registry, clock, contract=HOURS_4)
    publish(registry, clock, TOTALS, reads=(str(ORDERS),), contract=HOURS_4, upstream={str(ORDERS): "1"})
    watched = incidents(registry, clock)
    assert closed_by_hand(watched, clock, hours=5)["affected"] == [str(TOTALS)]
    clock.move(hours=3)
    assert watched.look().opened == 0

    publish(registry, clock, TOTALS, reads=(str(ORDERS),), contract=HOURS_4, upstream={str(ORDERS): "1"})
    clock.move(hours=5)
    assert watched.look().opened == 1
    assert [one["subject"] for one in watched.listed()] == [str(TOTALS)]


def test_a_worker_that_was_overtaken_looks_again_instead_of_opening_what_is_over(registry, clock):
    publish(registry, clock)
    run(registry, clock, RunState.FAILED, PortOutcome(ORDERS, "failed"))
    faster = incidents(registry, clock)
    overtaken: list[int] = []

    def now() -> dt.datetime:
        if not overtaken:
            overtaken.append(1)
            assert faster.look().opened == 1
            publish(registry, clock)
            assert faster.look().closed == 1
        return clock()

    slower = incidents(registry, now)

    assert slower.look().opened == 0
    assert slower.listed() == []


def test_a_cause_that_is_open_is_not_opened_by_a_worker_that_had_not_seen_it(registry, clock):
    told = {"cause": "late", "subject": str(ORDERS), "owner": "x", "title": "is late", "what": "late"}
    begun = []
    for _ in range(2):
        with registry.database.writing() as statements:
            begun.append(begin(statements, key=f"late:{ORDERS}", affected=[], readers=[], at=clock(), **told))

    assert begun[0] is not None
    assert begun[1] is None
    assert [e.kind for e in registry.events()] == ["incident.opened"]
    assert len(incidents(registry, clock).listed()) == 1
