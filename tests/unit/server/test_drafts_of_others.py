"""Drafts in the registry's own routes: for planners of their domain, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from msgspec.structs import replace

from tests.unit.server.company import NOW, PLANES, bearer, company
from weft.access.permissions import Caller
from weft.api.drafts import Drafts
from weft.model.address import ProductAddress, parse_address
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule
from weft.model.records import Publish
from weft.server.app import create_app

READ = "/api/v1/registry"
DRAFTS = ("fleet.plans.orders@1", "fleet.aircraft.prototypes@1")


@pytest.fixture(scope="module")
def app(tmp_path_factory) -> Iterator[tuple[TestClient, TestClient]]:
    with company(tmp_path_factory.mktemp("company")) as platform:
        made = create_app(platform)
        yield TestClient(made, headers=bearer(platform, "finn")), TestClient(made, headers=bearer(platform, "eve"))


def addresses(found: list[dict]) -> set[str]:
    names = [one["address"] for one in found]
    return {".".join(n[k] for k in ("domain", "product", "port") if k in n) for n in names}


def test_lists_have_drafts_for_their_own_domain_alone(app):
    finn, eve = app

    for client in (finn, eve, finn):  # what one was shown is not what the next one gets
        own = client is finn
        ports = addresses(client.get(f"{READ}/ports").json())
        products = addresses(client.get(f"{READ}/products").json())
        assert ("fleet.plans.orders" in ports, "fleet.aircraft.prototypes" in ports) == (own, own)
        assert ("fleet.plans" in products) == own
        assert {"fleet.aircraft.planes"} <= ports and {"fleet.aircraft"} <= products
        assert (
            "fleet.aircraft.prototypes" in addresses(client.get(f"{READ}/products/fleet.aircraft/ports").json())
        ) == own


def test_a_draft_of_others_is_nothing_at_its_address(app):
    finn, eve = app

    for draft in DRAFTS:
        for path in (f"ports/{draft}", f"ports/{draft}/publication"):
            assert finn.get(f"{READ}/{path}").json() is not None
            assert eve.get(f"{READ}/{path}").json() is None
        assert finn.get(f"{READ}/ports/{draft}/history").json() != []
        assert eve.get(f"{READ}/ports/{draft}/history").json() == []
    assert finn.get(f"{READ}/products/fleet.plans").json()["status"] == "draft"
    assert eve.get(f"{READ}/products/fleet.plans").json() is None


def test_pages_of_products_go_past_drafts_of_others_to_the_end(app):
    def all_of(client: TestClient, size: int) -> list[str]:
        found: list[str] = []
        while page := client.get(
            f"{READ}/products", params={"after": found[-1] if found else "", "limit": size}
        ).json():
            found += sorted(addresses(page))
        return found

    finn, eve = app
    every = all_of(finn, 1000)
    assert "fleet.plans" in every
    for size in (1, 2, 1000):
        assert all_of(eve, size) == [one for one in every if one != "fleet.plans"]


def test_what_one_has_kept_is_not_said_to_be_what_another_would_be_shown(app):
    finn, eve = app
    tag = finn.get(f"{READ}/ports").headers["etag"]

    assert finn.get(f"{READ}/ports", headers={"If-None-Match": tag}).status_code == 304
    assert eve.get(f"{READ}/ports", headers={"If-None-Match": tag}).status_code == 200


def test_a_column_of_a_draft_is_hidden_with_its_port_whatever_its_name(tmp_path):
    with company(tmp_path) as platform:
        drafts = Drafts(platform.rooms.production, Caller("eve", "user"))

        assert drafts.hide("fleet.aircraft.prototypes@1.id")
        assert drafts.hide('fleet.plans.orders@1."odd @ name"')
        assert not drafts.hide("fleet.aircraft.planes@1.tailnum")


def test_results_are_described_by_lines_of_drafts_for_their_own_domain_alone(tmp_path):
    with company(tmp_path) as platform:
        own = platform.catalog.lines(Caller("finn", "user", domains={"fleet": frozenset()}), ["fleet.plans", *DRAFTS])
        others = platform.catalog.lines(Caller("eve", "user"), ["fleet.plans", *DRAFTS, "fleet.aircraft"])

    assert set(own) == {"fleet.plans", *DRAFTS}
    assert set(others) == {"fleet.aircraft"}


def test_what_happens_to_a_draft_and_what_is_made_of_it_is_for_its_domain_alone(app):
    finn, eve = app
    planes = "fleet.aircraft.planes@1"
    below = {"nodes": [f"{planes}.tailnum"], "up": False, "depth": 5, "limit": 100}
    above = {**below, "nodes": ["fleet.plans.orders@1.id"], "up": True}

    def seen(client: TestClient) -> dict[str, str]:
        return {
            "lineage": client.post(f"{READ}/lineage", json=below).text,
            "upstream": client.post(f"{READ}/lineage", json=above).text,
            "nodes": client.get(f"{READ}/nodes", params={"table": "fleet.plans.orders@1"}).text,
            "runs": client.get(f"{READ}/runs").text,
            "run": client.get(f"{READ}/runs/run-plans").text,
            "ports of a run": client.get(f"{READ}/runs/run-aircraft").text,
        }

    for what, told in seen(finn).items():
        assert "plans" in told or "prototypes" in told, what
    for what, told in seen(eve).items():
        assert "plans" not in told and "prototypes" not in told, what
    assert "planes" in eve.get(f"{READ}/runs/run-aircraft").text
    assert eve.get(f"{READ}/runs/run-plans").json() is None
    every = [run["run_id"] for run in finn.get(f"{READ}/runs").json()]
    others = [run["run_id"] for run in eve.get(f"{READ}/runs", params={"limit": len(every) - 1}).json()]
    assert others == [run for run in every if run != "run-plans"]


def test_consumers_and_checks_that_are_drafts_of_others_are_not_named(tmp_path):
    with company(tmp_path) as platform:
        registry = platform.rooms.production
        plans = registry.product(ProductAddress("fleet", "plans"))
        state = registry.port(parse_address(DRAFTS[0]))
        assert plans is not None and state is not None
        failed = CheckResult(
            "id.required", Rule.REQUIRED, "id", None, CheckSeverity.WARNING, Outcome.FAILED, 1, 9, "not null", "1", None
        )
        registry.publish(
            Publish(
                domain=registry.domain("fleet"),
                product=replace(plans, reads=(str(PLANES),)),
                publications=[replace(registry.publication(state.address), snapshot_id="next")],
                requires={str(state.address): state.revision},
                checks={DRAFTS[0]: [failed]},
                edges=[],
                run_id="run-again",
                actor="ada",
                at=NOW,
            )
        )
        made = create_app(platform)
        for owner, own in (("finn", True), ("eve", False)):
            client = TestClient(made, headers=bearer(platform, owner))
            readers = addresses([{"address": one} for one in client.get(f"{READ}/ports/{PLANES}/consumers").json()])
            assert ("fleet.plans" in readers) == own
            checks = client.get(f"{READ}/runs/run-again/checks").json()
            assert [one["results"][0]["id"] for one in checks] == (["id.required"] if own else [])
