"""Meters over every database that a registry may lie in."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.conformance.notices.stories import ANN
from weft.access.permissions import Caller, Role
from weft.api.usage import Usage
from weft.errors import AccessDenied, UsageError
from weft.registry.meters import Meter, MeterBuffer, MeterStore, served

DAY = dt.timedelta(days=1)


def meter(clock, kind: str, amount: float, product: str = "sales.orders", consumer: str = "sales.orders") -> Meter:
    return Meter(clock(), kind, amount, product, consumer, "build")


def test_usage_is_summed_by_what_one_asks_for(registry, clock):
    store = MeterStore(registry.database)
    store.add([meter(clock, "cpu_seconds", 1.5), meter(clock, "cpu_seconds", 0.25)])
    clock.move(days=1)
    store.add(
        [
            meter(clock, "cpu_seconds", 4),
            meter(clock, "bytes_read", 2**40 + 1, consumer="finance.totals"),
            meter(clock, "cpu_seconds", 9, "legal.cases", "legal.cases"),
        ]
    )
    usage = Usage(registry.database, clock)

    by_day = usage.of(ANN, domain="sales", by=("day",))["usage"]
    assert by_day == [
        {"day": "2026-03-02", "kind": "cpu_seconds", "amount": 1.75},
        {"day": "2026-03-03", "kind": "bytes_read", "amount": 2.0**40 + 1},
        {"day": "2026-03-03", "kind": "cpu_seconds", "amount": 4.0},
    ]
    assert usage.of(ANN, by=("domain",), first="2026-03-03")["usage"] == [
        {"domain": "legal", "kind": "cpu_seconds", "amount": 9.0},
        {"domain": "sales", "kind": "bytes_read", "amount": 2.0**40 + 1},
        {"domain": "sales", "kind": "cpu_seconds", "amount": 4.0},
    ]
    consumers = usage.of(ANN, product="sales.orders", by=("consumer",), last="2026-03-03")["usage"]
    assert [one["consumer"] for one in consumers] == ["finance.totals", "sales.orders"]


def test_what_is_handed_in_twice_is_kept_once(registry, clock):
    store = MeterStore(registry.database)
    one = Meter(clock(), "rows_served", 5, "sales.orders", "eve", "report", meter_id="m-1")
    store.add([one, one])
    store.add([one])

    assert store.usage(clock().date(), clock().date(), by=()) == [{"kind": "rows_served", "amount": 5.0}]


def test_a_buffer_keeps_many_at_a_time_and_loses_nothing_when_the_registry_is_away(registry, clock):
    away = True

    class Store(MeterStore):
        def add(self, meters):
            if away:
                raise OSError("away")
            super().add(meters)

    buffer = MeterBuffer(Store(registry.database), size=10)
    measured = served(
        at=clock(),
        ports=[("sales.orders.orders@1", "7")],
        consumer="eve",
        purpose="report",
        rows=3,
        size_bytes=9,
    )
    with pytest.raises(OSError, match="away"):
        for _ in range(5):
            buffer.add(*measured)
    away = False
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: buffer.add(*measured), range(45)))
    buffer.flush()

    assert MeterStore(registry.database).usage(clock().date(), clock().date(), by=("purpose",)) == [
        {"purpose": "report", "kind": "bytes_served", "amount": 450.0},
        {"purpose": "report", "kind": "rows_served", "amount": 150.0},
    ]


def test_usage_of_others_and_days_that_are_none_are_refused(registry, clock):
    usage = Usage(registry.database, clock)
    owner = Caller("ada", "user", domains={"sales": frozenset({Role.DOMAIN_OWNER})})

    assert usage.of(owner, domain="sales")["usage"] == []
    usage.store.add([Meter(clock(), "cpu_seconds", 1.5, "legal.cases", "legal.cases", "build")])
    assert usage.of(owner)["usage"] == []
    for asked in ({"domain": "legal"}, {"product": "legal.cases"}):
        with pytest.raises(AccessDenied, match="WFT-ACC-010"):
            usage.of(owner, **asked)
    for days in ({"first": "yesterday"}, {"first": "2026-03-02", "last": "2026-03-01"}):
        with pytest.raises(UsageError, match="WFT-OBS-011"):
            usage.of(owner, domain="sales", **days)
    with pytest.raises(UsageError, match="WFT-OBS-001"):
        usage.of(owner, domain="sales", by=("colour",))


def test_an_answer_made_from_several_ports_is_measured_once_in_parts_of_each(registry, clock):
    ports = [("sales.orders.orders@1", "7"), ("legal.cases.cases@1", "8"), ("legal.cases.parties@1", "9")]
    meters = served(at=clock(), ports=ports, consumer="eve", purpose="report", rows=5, size_bytes=901)
    MeterStore(registry.database).add(meters)
    usage = Usage(registry.database, clock)

    assert [(m.port, m.amount) for m in meters if m.kind == "rows_served"] == [
        (ports[0][0], 2),
        (ports[1][0], 2),
        (ports[2][0], 1),
    ]
    assert usage.of(ANN, by=("consumer",))["usage"] == [
        {"consumer": "eve", "kind": "bytes_served", "amount": 901.0},
        {"consumer": "eve", "kind": "rows_served", "amount": 5.0},
    ]
    assert served(at=clock(), ports=[], consumer="eve", purpose="report", rows=5, size_bytes=901) == ()
