"""What a runner elsewhere says of its run, as the server records it."""

from __future__ import annotations

import datetime as dt

import pytest

from weft.api.publishing.runs_elsewhere import ended_at
from weft.model.address import parse_address
from weft.model.records import PortOutcome, Run, RunState

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)
BEGAN = NOW - dt.timedelta(minutes=10)
S = dt.timedelta(seconds=1)


def said(failed: dt.datetime | None, finished: dt.datetime | None) -> dt.datetime | None:
    port = PortOutcome(parse_address("fleet.aircraft.planes@1"), "failed", ended_at=failed)
    run = Run("run-1", "apply", "ada", RunState.FAILED, BEGAN, finished, ports=(port,))
    return ended_at(port, run, BEGAN, NOW)


@pytest.mark.parametrize("skew", [dt.timedelta(0), dt.timedelta(hours=-5), dt.timedelta(days=900)])
def test_when_a_port_failed_is_told_by_the_clock_of_the_server_whatever_the_runners_says(skew):
    finished = NOW + skew

    assert said(finished - 90 * S, finished) == NOW - 90 * S


def test_a_port_has_failed_neither_before_its_run_began_nor_after_it_ended():
    assert said(NOW - dt.timedelta(days=3), NOW) == BEGAN
    assert said(NOW + dt.timedelta(days=3), NOW) == NOW
    assert said(dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)) == BEGAN


def test_a_time_that_no_zone_is_said_of_is_none():
    assert said(dt.datetime(2026, 11, 22), NOW) is None
    assert said(NOW, dt.datetime(2026, 11, 22)) is None
    assert said(None, NOW) is None
    assert said(NOW, None) is None
