"""Quality over the runs of a port."""

from __future__ import annotations

from datetime import timedelta

from tests.unit.catalog.registered import THEN, flights
from weft.model.address import parse_address
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule
from weft.model.records import PortOutcome, Run, RunState
from weft.observability.quality import quality

PLANES = parse_address("fleet.aircraft.planes@1")


def check(result: Outcome) -> CheckResult:
    return CheckResult("key", Rule.PRIMARY_KEY, "tailnum", "uniqueness", CheckSeverity.ERROR, result)


def test_a_refused_run_leaves_what_is_served_and_shows_in_the_trend() -> None:
    mesh = flights()
    mesh.add_port(str(PLANES), "Planes", "", {"tailnum": ""}, checks=(check(Outcome.PASSED),), run_id="good")
    later = THEN + timedelta(days=1)
    mesh.run_list.insert(
        0, Run("bad", "apply", "ada", RunState.FAILED, later, later, ports=(PortOutcome(PLANES, "failed"),))
    )
    mesh.results["bad", PLANES] = (check(Outcome.FAILED),)

    found = quality(mesh, PLANES, "good")

    assert (found.counts.passed, found.counts.failed) == (1, 0)
    assert [p.run_id for p in found.trend] == ["bad", "good"]
    assert found.newest_failed


def test_a_port_without_rules_has_no_trend() -> None:
    found = quality(flights(), PLANES, "run-planes-1")

    assert (found.trend, found.newest_failed, found.counts.total) == ((), False, 0)
