"""A colleague changes a model of the example: which columns downstream are told, with owner, way and line."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.meshes import TestMesh
from weft.project.example import copy_example

FLIGHTS = "operations.on_time.flights@1"
MODEL = "domains/operations/on_time/models/flights.sql"
CLEANED = "domains/operations/on_time/models/cleaned.sql"
CONTRACT = "domains/operations/on_time/contracts/flights.odcs.yaml"
WEATHER = "domains/punctuality/performance/models/departures_in_weather.sql"
AIRPORTS = "punctuality.performance.airport_delays@1"
CARRIERS = "punctuality.performance.carrier_daily@1"
ASSIGNED = "crew.roster.assignments@1"


def of(port: str, names: str) -> set[str]:
    return {f"{port}.{name}" for name in names.split()}


# By reading the SQL of the readers of `flights`: what of their columns names `dep_delay`, …
OF_DEP_DELAY = of(AIRPORTS, "late_departures avg_dep_delay avg_dep_delay_in_bad_weather") | of(
    CARRIERS, "late_departures avg_dep_delay"
)
# … and all that they have.
COLUMNS = (
    of(AIRPORTS, "month origin dest destination destination_timezone flights cancelled late_departures late_arrivals")
    | of(AIRPORTS, "avg_dep_delay avg_arr_delay flights_with_weather flights_in_bad_weather")
    | of(AIRPORTS, "avg_dep_delay_in_bad_weather")
    | of(CARRIERS, "flight_date carrier airline flights cancelled completed late_departures late_arrivals")
    | of(CARRIERS, "avg_dep_delay avg_arr_delay worst_arr_delay flights_of_known_planes seats_flown")
    | of(ASSIGNED, "assignment_id crew_id full_name email phone birth_date duty carrier flight origin dest")
    | of(ASSIGNED, "flight_date sched_dep_utc")
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> TestMesh:
    root = tmp_path_factory.mktemp("impact") / "flights"
    copy_example(root)
    mesh = TestMesh(root)
    mesh.json("apply")
    return mesh


@pytest.fixture
def flights(published: TestMesh) -> Iterator[TestMesh]:
    """The example, published; what a test edits is taken back."""
    files = [p for p in Path(published.root, "domains").rglob("*") if p.suffix in (".sql", ".yaml")]
    before = {path: path.read_bytes() for path in files}
    yield published
    for path, content in before.items():
        path.write_bytes(content)


def told(plan: dict) -> tuple[set[str], set[str], set[str]]:
    """The columns downstream that break, that may change, and that are not affected."""
    by_effect = {
        effect: {a["column"] for a in plan["affected"] if a["effect"] == effect} for effect in ("breaks", "may change")
    }
    return by_effect["breaks"], by_effect["may change"], {s["column"] for s in plan["spared"]}


def test_another_expression_of_one_column_may_change_exactly_what_uses_it(flights: TestMesh) -> None:
    flights.edit(MODEL, "    dep_delay,", "    greatest(dep_delay, -60) as dep_delay,")

    plan = flights.json("plan")

    [change] = [c for c in plan["changes"] if c["address"] == FLIGHTS]
    assert change["moved"] == {"columns": ["dep_delay"], "rows": False, "why": None}
    assert told(plan) == (set(), OF_DEP_DELAY, COLUMNS - OF_DEP_DELAY)
    [one] = [a for a in plan["affected"] if a["column"] == f"{AIRPORTS}.avg_dep_delay"]
    assert (one["by"], one["owner"]) == (f"{FLIGHTS}.dep_delay", "Customer Insight")
    assert [(s["node"], s["where"] and (s["where"]["file"], s["where"]["line"])) for s in one["path"]] == [
        (f"{FLIGHTS}.dep_delay", None),
        ("punctuality.performance.~departures_in_weather.dep_delay", (WEATHER, 6)),
        (f"{AIRPORTS}.avg_dep_delay", ("domains/punctuality/performance/models/airport_delays.sql", 10)),
    ]
    assert plan["truncated"] is False


def test_what_a_private_model_changes_is_followed_through_it(flights: TestMesh) -> None:
    # arrivals.sql has arr_clock in arr_standard and arr_summer, these in arr_minute; flights.sql that in two moments
    flights.edit(CLEANED, "arr_time % 100 as arr_clock", "arr_time % 100 + 1 as arr_clock")

    plan = flights.json("plan")

    [change] = [c for c in plan["changes"] if c["moved"]]
    assert (change["address"], change["moved"]["columns"]) == (FLIGHTS, ["arr_local", "arr_utc"])
    assert told(plan) == (set(), set(), COLUMNS)  # nobody reads the moments of an arrival


def test_another_filter_may_change_every_column_downstream(flights: TestMesh) -> None:
    flights.edit(CLEANED, "from reported", "from reported\nwhere dest is not null")

    plan = flights.json("plan")

    assert told(plan) == (set(), COLUMNS, set())
    assert {a["by"] for a in plan["affected"]} == {FLIGHTS}
    [change] = [c for c in plan["changes"] if c["moved"]]
    assert change["moved"]["rows"] and len(change["moved"]["columns"]) == 20


def test_a_column_that_joins_downstream_may_change_every_column_there_and_no_other(flights: TestMesh) -> None:
    # assignments.sql joins by `flight`, which the punctuality models do not name
    flights.edit(MODEL, "    flight,\n", "    abs(flight) as flight,\n")

    plan = flights.json("plan")

    breaks, may, spared = told(plan)
    assert (breaks, may) == (set(), {c for c in COLUMNS if c.startswith(ASSIGNED)})
    assert spared == COLUMNS - may


def test_another_comment_changes_nothing(flights: TestMesh) -> None:
    flights.edit(MODEL, "-- Every flight", "-- Each and every flight")
    flights.edit(CLEANED, "    *,\n", "    *,   -- all of it\n\n")

    plan = flights.json("plan")

    assert {c["action"] for c in plan["changes"]} == {"none"}
    assert told(plan) == (set(), set(), set())


def test_a_renamed_column_breaks_who_uses_it_and_nobody_else(flights: TestMesh) -> None:
    flights.edit(MODEL, "    dep_delay,", "    dep_delay as departure_delay,")
    text = flights.path(CONTRACT).read_text()
    flights.path(CONTRACT).write_text(text.replace("name: dep_delay", "name: departure_delay"))

    plan = flights.json("plan", expect=1)

    assert told(plan) == (OF_DEP_DELAY, set(), COLUMNS - OF_DEP_DELAY)
    vias = {a["column"]: a["via"] for a in plan["affected"]}
    carriers = "owner Customer Insight, domains/punctuality/performance/models/carrier_daily.sql:9"
    assert vias[f"{CARRIERS}.late_departures"].startswith(carriers)
    shown = flights.weft("plan").stdout
    assert "affected downstream: 5 break, 35 unaffected" in shown
    assert "  punctuality.performance  owner Customer Insight: 5 break, 22 unaffected\n" in shown


def test_the_plan_as_text_and_as_a_comment_names_products_owners_counts_and_ways(flights: TestMesh) -> None:
    flights.edit(MODEL, "    dep_delay,", "    greatest(dep_delay, -60) as dep_delay,")

    text, comment = (flights.weft("plan", "--format", form).stdout for form in ("text", "markdown"))

    assert "            may have other values: `dep_delay`\n" in text
    assert "affected downstream: 5 may change, 35 unaffected\n" in text
    assert "  punctuality.performance  owner Customer Insight: 5 may change, 22 unaffected\n" in text
    way = f"{FLIGHTS}.dep_delay → {CARRIERS}.avg_dep_delay (domains/punctuality/performance/models/carrier_daily.sql:9)"
    assert way in text
    assert comment.splitlines()[0] == "<!-- weft plan: flights -->"
    assert "**Downstream: 5 may change, 35 unaffected**" in comment
    summary = "<b>punctuality.performance</b> · owner Customer Insight · 5 may change, 22 unaffected"
    assert f"<details><summary>{summary}</summary>" in comment
    assert f"| `{CARRIERS}.avg_dep_delay` | may change | `{FLIGHTS}.dep_delay` |" in comment
    assert "Unaffected: `assignments@1.assignment_id`, " in comment


def test_what_an_older_weft_published_may_change_as_a_whole_and_the_plan_says_why(
    flights: TestMesh, tmp_path: Path
) -> None:
    older = TestMesh(tmp_path / "older")
    shutil.copytree(flights.root, older.root)
    with sqlite3.connect(older.path(".weft/registry.db")) as registry:
        registry.execute("update publications set header = json_remove(header, '$.column_digests')")
    older.edit(MODEL, "    dep_delay,", "    greatest(dep_delay, -60) as dep_delay,")

    plan = older.json("plan")

    [change] = [c for c in plan["changes"] if c["moved"]]
    assert change["moved"]["why"] == "it was published by a weft that kept no digests of its columns"
    assert told(plan) == (set(), COLUMNS, set())
