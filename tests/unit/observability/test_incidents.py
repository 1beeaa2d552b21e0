"""What opens an incident and what closes it, on what is known alone."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from weft.observability.incidents import (
    Affect,
    Again,
    Close,
    Failed,
    Good,
    Link,
    Open,
    Standing,
    changes,
    failed_key,
    late_key,
)
from weft.registry.incidents import Incident

NOW = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
A, B, C = "fleet.aircraft.planes@1", "operations.on_time.flights@1", "finance.cost.costs@1"


def port(address: str, *upstream: str, late: bool = False) -> Standing:
    product = ".".join(address.split(".")[:2])
    hours = dt.timedelta(hours=1)
    return Standing(address, product, upstream, NOW - 3 * hours, NOW - hours if late else NOW + hours, "latency 2 h")


def served(*ports: Standing) -> dict[str, Standing]:
    return {one.port: one for one in ports}


def incident(key: str, *, affected: tuple[str, ...] = (), closed: bool = False) -> Incident:
    subject = key.partition(":")[2]
    return Incident(
        f"i-{subject}",
        key,
        "late",
        subject,
        subject.partition(".")[0],
        "x",
        "",
        NOW,
        NOW if closed else None,
        affected=affected,
    )


def opened(*incidents: Incident) -> dict[str, Incident]:
    return {one.key: one for one in incidents}


def test_a_late_port_opens_one_incident_and_no_second_one_while_it_is_open():
    ports = served(port(A, late=True), port(B))

    (first,) = changes(ports, {}, [], [], NOW)
    again = changes(ports, opened(incident(late_key(A))), [], [], NOW)

    assert isinstance(first, Open)
    assert (first.key, first.cause, first.subject) == (late_key(A), "late", A)
    assert first.what == f"`{A}` is late: published 2026-03-02 09:00 UTC, promised latency 2 h"
    assert again == []


def test_what_is_late_because_of_another_is_named_in_that_ones_incident_and_opens_none():
    ports = served(port(A, late=True), port(B, A, late=True), port(C, B, late=True))

    (only,) = changes(ports, {}, [], [], NOW)

    assert isinstance(only, Open)
    assert (only.subject, only.affected) == (A, (C, B))


def test_the_root_is_found_behind_a_port_that_keeps_its_promise():
    ports = served(port(A, late=True), port(B, A), port(C, B, late=True))

    (only,) = changes(ports, {}, [], [], NOW)

    assert isinstance(only, Open)
    assert (only.subject, only.affected) == (A, (C,))


def test_an_incident_that_was_there_before_its_root_is_linked_to_it():
    ports = served(port(A, late=True), port(B, A, late=True))

    found = changes(ports, opened(incident(late_key(B))), [], [], NOW)

    assert Link(late_key(B), late_key(A), f"late because `{A}` is late") in found
    assert [one.subject for one in found if isinstance(one, Open)] == [A]


def test_a_port_whose_product_failed_is_late_because_of_that():
    ports = served(port(A, late=True), port(B, A, late=True))
    failed = Failed("fleet.aircraft", "r1", "check_failed", "run r1: `planes` breaks key (2 of 9 rows)")

    (only,) = changes(ports, {}, [], [failed], NOW)

    assert isinstance(only, Open)
    assert (only.key, only.cause) == (failed_key("fleet.aircraft"), "check_failed")
    assert only.affected == (A, B)


def test_a_failure_that_goes_on_is_a_line_of_its_timeline():
    failed = Failed("fleet.aircraft", "r2", "run_failed", "run r2: out of memory")

    assert changes({}, opened(incident(failed_key("fleet.aircraft"))), [], [failed], NOW) == [
        Again(failed_key("fleet.aircraft"), "run r2: out of memory")
    ]


def test_ports_that_a_failure_left_out_suffer_from_it():
    ports = served(port(A), port(B, A), port(C))
    failed = Failed("fleet.aircraft", "r1", "run_failed", "run r1: out of memory", (B, C))

    (only,) = changes(ports, {}, [], [failed], NOW)

    assert isinstance(only, Open)
    assert only.affected == (C, B)  # of C nothing upstream is known that is wrong: the run left it out all the same


def test_the_next_good_run_closes_it_and_what_failed_and_was_mended_between_two_looks_is_not_forgotten():
    product = "fleet.aircraft"
    failed, good = Failed(product, "r1", "run_failed", "run r1: x"), Good(product, "r2")

    assert changes({}, opened(incident(failed_key(product))), [], [good], NOW) == [
        Close(failed_key(product), "run r2 published fleet.aircraft")
    ]
    assert [type(one) for one in changes({}, {}, [], [failed, good], NOW)] == [Open, Close]
    assert [type(one) for one in changes({}, opened(incident(failed_key(product))), [], [good, failed], NOW)] == [
        Close,
        Open,
    ]


def test_a_port_that_is_fresh_again_or_gone_closes_its_incident():
    known = opened(incident(late_key(A)), incident(late_key(B)))

    found = changes(served(port(A)), known, [], [], NOW)

    assert found == [
        Close(late_key(A), f"`{A}` was published 2026-03-02 09:00 UTC"),
        Close(late_key(B), f"`{B}` is not served any more"),
    ]


def test_what_was_late_because_of_an_incident_has_a_while_to_catch_up_when_that_is_over():
    ports = served(port(A), port(B, A, late=True))
    over = incident(late_key(A), affected=(B,), closed=True)

    assert changes(ports, {}, [over], [], NOW) == []
    assert [type(one) for one in changes(ports, {}, [], [], NOW)] == [Open]


def test_lateness_that_somebody_has_closed_opens_nothing_anew_and_neither_does_what_it_had_made_late():
    ports = served(port(A, late=True), port(B, A, late=True), port(C, late=True))

    (only,) = changes(ports, {}, [], [], NOW, dismissed={A, B})

    assert isinstance(only, Open)
    assert (only.subject, only.affected) == (C, ())
    assert changes(ports, opened(incident(late_key(B)), incident(late_key(C))), [], [], NOW, dismissed={A}) == []


def test_what_becomes_late_further_down_after_somebody_closed_the_root_has_an_incident_of_its_own():
    ports = served(port(A, late=True), port(B, A, late=True), port(C, B, late=True))

    (only,) = changes(ports, {}, [], [], NOW, dismissed={A})

    assert isinstance(only, Open)
    assert (only.subject, only.affected) == (B, (C,))


def test_two_roots_both_know_what_suffers_from_them():
    ports = served(port(A, late=True), port(B, late=True), port(C, A, B, late=True))

    found = changes(ports, opened(incident(late_key(A)), incident(late_key(B))), [], [], NOW)

    assert found == [Affect(late_key(A), (C,)), Affect(late_key(B), (C,))]


def test_ten_thousand_late_ports_in_one_line_have_one_root():
    names = [f"d.p{i}.port@1" for i in range(10_000)]
    chain = served(*(port(name, *names[max(i - 1, 0) : i], late=True) for i, name in enumerate(names)))

    found = changes(chain, {}, [], [], NOW)

    (only,) = found
    assert isinstance(only, Open)
    assert (only.subject, len(only.affected)) == (names[0], 9_999)


@given(st.data())
def test_a_late_port_has_an_incident_or_suffers_from_one_and_each_cause_opens_once(data):
    names = [f"d.p{i}.port@1" for i in range(8)]
    ports = served(
        *(
            port(
                name,
                *data.draw(st.lists(st.sampled_from(names[:i]), unique=True) if i else st.just([])),
                late=data.draw(st.booleans()),
            )
            for i, name in enumerate(names)
        )
    )

    found = changes(ports, {}, [], [], NOW)

    opens = [one for one in found if isinstance(one, Open)]
    assert len({one.key for one in opens}) == len(opens)
    named = {one.subject for one in opens} | {p for one in opens for p in one.affected}
    late = {name for name, one in ports.items() if one.late_from is not None and one.late_from < NOW}
    assert named == late
    assert not {one.subject for one in opens} & {p for one in opens for p in one.affected}


def test_a_circle_in_what_is_registered_does_not_hang():
    ports = served(port(A, B, late=True), port(B, A, late=True))

    assert len(changes(ports, {}, [], [], NOW)) >= 1
