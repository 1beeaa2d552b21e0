"""The example mesh through the command line, on the real flights of 2013."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.meshes import TestMesh
from weft.project.example import copy_example

GOLDEN = Path(__file__).parent / "golden"
ROWS = {
    "fleet.aircraft.planes@1": 3_322,
    "network.reference.airports@1": 1_458,
    "network.reference.airlines@1": 16,
    "weather.observations.hourly@1": 26_115,
    "operations.on_time.flights@1": 336_776,
    "crew.roster.assignments@1": 2_800,
}


@pytest.fixture(scope="module")
def flights(tmp_path_factory) -> TestMesh:
    root = tmp_path_factory.mktemp("example") / "flights"
    copy_example(root)
    return TestMesh(root)


@pytest.fixture(scope="module")
def published(flights) -> TestMesh:
    plan = flights.weft("plan")
    flights.write("plan.txt", plan.stdout)
    flights.write("plan.md", flights.weft("plan", "--format", "markdown").stdout)
    flights.applied = flights.json("apply")
    return flights


@pytest.mark.parametrize("form", ["plan.txt", "plan.md"])
def test_the_first_plan_reads_as_it_did(published, form):
    found = published.path(form).read_text()

    assert found == (GOLDEN / f"first_{form}").read_text()


def test_eight_ports_of_six_domains_are_published_and_no_blocking_check_failed(published):
    rows = {p["address"]: p["rows"] for p in published.applied["published"]}

    assert len(rows) == 8
    assert {a: rows[a] for a in ROWS} == ROWS
    assert all(p["checks"]["failed"] == p["checks"]["error"] == 0 for p in published.applied["published"])
    assert sum(p["checks"]["passed"] for p in published.applied["published"]) > 300


def test_a_query_reaches_over_six_domains(published):
    sql = """
        select count(*), count(distinct c.crew_id), max(p.seats), max(w.wind_speed_mph), max(d.flights)
        from operations.on_time.flights f
        join network.reference.airlines a using (carrier)
        join fleet.aircraft.planes p using (tailnum)
        join weather.observations.hourly w on w.origin = f.origin and w.time_hour = f.sched_dep_hour_utc
        join punctuality.performance.carrier_daily d using (carrier, flight_date)
        left join crew.roster.assignments c using (carrier, flight, flight_date)
    """

    answer = published.json("query", sql)

    assert len(answer["snapshot"]) == 6
    assert answer["rows"][0][0] > 100_000
    assert answer["rows"][0][1] == 200


def test_the_published_contract_of_flights_holds_when_verified_again(published):
    answer = published.json("verify", "operations.on_time.flights@1")

    assert answer["result"] == "passed"
    assert answer["rows"] == 336_776


def test_seats_are_followed_from_the_source_to_the_report(published):
    answer = published.json("lineage", "fleet.aircraft.planes.seats")

    nodes = {n["id"] for n in answer["nodes"]}
    assert "punctuality.performance.carrier_daily@1.seats_flown" in nodes
    assert any(n.endswith("registered.seats") for n in nodes)


def test_a_model_and_a_part_of_it_are_previewed(published):
    assert len(published.json("preview", "operations.on_time.flights", "--limit", "3")["rows"]) == 3
    part = published.json("preview", "operations.on_time.flights.moments", "--limit", "2")
    assert len(part["rows"]) == 2


def test_the_exact_name_is_found_first_and_a_typing_error_is_forgiven(published):
    assert published.json("search", "airports")["results"][0]["address"] == "network.reference.airports@1"
    assert published.json("search", "arilines")["results"][0]["address"] == "network.reference.airlines@1"


def test_what_is_shown_of_personal_columns_names_their_class_and_no_value(published):
    shown = published.weft("show", "crew.roster.assignments").stdout

    assert "SYNTHETIC" in shown
    assert "confidential" in shown
    assert not re.search(r"[a-z]+\.[a-z]+@example\.com\b", shown.replace("crew", ""))


def test_a_build_that_does_not_fit_into_memory_spills_and_leaves_nothing_behind(published):
    """Twice in one process: an engine that has spilled cannot change its folder."""
    import subprocess
    import sys

    script = (
        "import weft\nmesh = weft.open('.')\n"
        "for _ in range(2):\n"
        "    done = mesh.apply(['operations'], full_refresh=True)\n"
        "    print(len(done.published), [str(f.error) for f in done.failed])"
    )
    small = {**os.environ, "WEFT_ENGINE__MEMORY_LIMIT": "90MB"}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=published.root, capture_output=True, text=True, env=small, check=True
    )

    assert done.stdout.split("\n")[:2] == ["1 []", "1 []"]
    assert list(published.path(".weft/tmp").glob("*")) == []
