"""The policies that weft ships, over the example mesh: sound data are let go, and what is amiss is told."""

from __future__ import annotations

import pytest

from tests.meshes import TestMesh
from weft.project.example import copy_example

PUBLIC = {
    "fleet.aircraft.planes@1",
    "network.reference.airlines@1",
    "network.reference.airports@1",
    "operations.on_time.flights@1",
    "punctuality.performance.airport_delays@1",
    "punctuality.performance.carrier_daily@1",
    "weather.observations.hourly@1",
}


SCANNED = {"licence-is-stated", "measures-have-a-unit"}
"""Policies of which the example violates what nobody has stated; its scans tell, its plans do not."""


@pytest.fixture
def flights(tmp_path) -> TestMesh:
    copy_example(tmp_path / "flights")
    return TestMesh(tmp_path / "flights")


def test_the_part_of_the_set_that_the_example_has_objects_to_nothing(flights):
    assert flights.json("check")["diagnostics"] == []
    assert flights.json("policy", "test")["passed"]


def test_the_whole_set_finds_licences_and_a_unit_that_nobody_has_stated_and_blocks_nothing(flights):
    for name in SCANNED:
        flights.path(f"governance/policies/{name}.yaml").unlink()
    flights.weft("init", "--governance", "standard")

    found = flights.json("check")["diagnostics"]

    assert {d["severity"] for d in found} == {"warning"}
    licences = {d["what"].split("`")[1] for d in found if "licence-is-stated" in d["why"]}
    assert licences == PUBLIC
    (other,) = [d for d in found if "licence-is-stated" not in d["why"]]
    assert other["what"] == "`operations.on_time.flights@1.distance`: it is a measure without a unit"


def test_a_licence_of_the_domain_holds_for_all_that_it_offers(flights):
    flights.weft("init", "--governance", "standard")
    domain = flights.path("domains/network/domain.yaml")
    licence = "\ncustomProperties:\n  - property: weft.licence\n    value: CC0-1.0\n"
    domain.write_text(domain.read_text() + licence)

    found = flights.json("check")["diagnostics"]

    assert not [d for d in found if d["what"].startswith("`network.")]


def test_personal_data_without_a_legal_basis_are_refused(flights):
    contract = flights.path("domains/crew/roster/contracts/assignments.odcs.yaml")
    text = "reserved domain example.com.\n"
    contract.write_text(contract.read_text().replace(text, f"{text}        tags: [pii.email]\n"))

    found = flights.json("check", expect=2)["diagnostics"]

    (blocking,) = [d for d in found if d["severity"] == "error"]
    assert "crew.roster.assignments@1" in blocking["what"]
    assert "personal-data-have-a-legal-basis" in blocking["why"]
    assert "weft.legalBasis" in blocking["fix"]


def test_the_first_publication_finds_what_nobody_has_stated_in_the_example_and_a_scan_nothing_else(flights):
    flights.weft("apply", "--yes")

    after = flights.json("violations")
    scanned = flights.json("policy", "scan")

    assert {v["policy"] for v in after["items"]} == SCANNED
    assert len(after["items"]) == len(PUBLIC) + 1
    assert scanned["policies"] >= 15
    assert scanned["changes"] == []
