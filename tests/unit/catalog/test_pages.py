"""Pages, history and runs of the catalog."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from tests.unit.catalog.registered import THEN, flights
from weft.catalog.history import history
from weft.catalog.pages import page
from weft.catalog.run_pages import run_page
from weft.errors import UsageError
from weft.model.address import parse_address
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule

NOW = THEN + timedelta(hours=3)


def test_a_port_page_holds_everything_that_show_promises() -> None:
    document = page(flights(), "fleet.aircraft.planes", NOW).as_json()

    promised = {"address", "kind", "title", "status", "owner", "version", "majors", "columns", "contract", "freshness"}
    assert promised | {"last_run"} <= set(document)
    assert document["address"] == "fleet.aircraft.planes@1"
    assert document["owner"] == {"team": "Fleet engineering", "contact": "fleet@example.org"}
    assert document["sources"] == ["registered"]
    assert document["downstream"] == ["punctuality.performance"]
    assert document["last_run"]["outcome"] == "published"
    json.dumps(document)


def test_columns_join_what_is_stored_with_what_is_promised() -> None:
    columns = page(flights(), "fleet.aircraft.planes", NOW).as_json()["columns"]

    assert columns[0] == {
        "name": "tailnum",
        "type": "VARCHAR",
        "logical_type": "string",
        "description": "Tail number as painted on the aircraft",
        "classification": "internal",
        "required": True,
        "unique": False,
        "key": True,
    }


def test_majors_of_a_port_are_listed_newest_first() -> None:
    majors = page(flights(), "punctuality.performance.carrier_daily@1", NOW).as_json()["majors"]

    assert [(m["major"], m["default"], m["status"]) for m in majors] == [(2, True, "active"), (1, False, "deprecated")]


def test_rules_carry_their_last_result() -> None:
    mesh = flights()
    failed = CheckResult(
        "seats.range", Rule.RANGE, "seats", "conformity", CheckSeverity.WARNING, Outcome.FAILED, 2, 100, "seats >= 1"
    )
    mesh.add_port("fleet.aircraft.planes@1", "Planes", "", {"seats": ""}, checks=(failed,))

    contract = page(mesh, "fleet.aircraft.planes", NOW).as_json()["contract"]

    assert contract["checks"]["warned"] == 1
    assert contract["rules"][0]["failed_rows"] == 2


def test_a_product_page_lists_ports_and_readers() -> None:
    document = page(flights(), "operations.on_time", NOW).as_json()

    assert [p["address"] for p in document["ports"]] == ["operations.on_time.flights@1"]
    assert document["consumers"] == ["punctuality.performance"]


def test_a_product_whose_ports_are_all_retired_reads_nothing_any_more() -> None:
    mesh = flights()
    for address in [a for a in mesh.states if a.product == "performance"]:
        mesh.change(str(address), retired=True)

    assert page(mesh, "operations.on_time", NOW).as_json()["consumers"] == []
    assert page(mesh, "fleet.aircraft.planes", NOW).as_json()["downstream"] == []


def test_a_domain_page_lists_members_and_products() -> None:
    document = page(flights(), "crew", NOW).as_json()

    assert document["members"] == [{"user": "noor.haddad", "roles": []}]
    assert [p["address"] for p in document["products"]] == ["crew.roster"]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("flet", "did you mean `fleet`?"),
        ("fleet.aircrafts", "did you mean `fleet.aircraft`?"),
        ("fleet.aircraft.plnes", "did you mean `fleet.aircraft.planes`?"),
    ],
)
def test_an_address_that_is_nearly_right_is_answered_with_the_right_one(text: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        page(flights(), text, NOW)

    assert caught.value.diagnostics[0].fix == fix


def test_history_marks_the_current_snapshot_and_its_pin() -> None:
    mesh = flights()
    mesh.add_port("fleet.aircraft.planes@1", "Planes", "", {"seats": ""})
    mesh.change("fleet.aircraft.planes@1", pinned="seats were wrong")

    snapshots = history(mesh, parse_address("fleet.aircraft.planes")).snapshots

    assert [(s.revision, s.current, s.pinned, s.reason) for s in snapshots] == [
        (2, True, True, "seats were wrong"),
        (1, False, False, None),
    ]


def test_a_run_is_found_by_the_beginning_of_its_id() -> None:
    assert run_page(flights(), "run-pla").run.run_id == "run-planes-1"


def test_a_beginning_of_several_runs_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        run_page(flights(), "run-air")

    assert caught.value.diagnostics[0].code == "WFT-RUN-004"
