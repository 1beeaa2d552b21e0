"""What the pages of products, ports, people and tags hold, for whom: as the documents that programs get."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import SECRET, bearer, company
from weft.access.permissions import Action
from weft.api.platform import Platform
from weft.server.app import create_app

PORT = "/ports/fleet/aircraft/planes"
DAILY = "/ports/punctuality/performance/carrier_daily"


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    with company(tmp_path_factory.mktemp("company")) as made:
        yield made


@pytest.fixture
def as_(platform: Platform):
    """A client of somebody who asks for documents."""
    app = create_app(platform)
    return lambda who: TestClient(app, headers={**bearer(platform, who), "Accept": "application/json"})


def document(client: TestClient, path: str, **params: str) -> dict[str, Any]:
    answer = client.get(path, params=params)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    "path", ["/products/fleet/plans", "/ports/fleet/plans/orders", "/ports/fleet/aircraft/prototypes"]
)
def test_a_draft_of_others_has_no_page(as_, path):
    assert as_("finn").get(path).status_code == 200
    assert as_("ada").get(path).status_code == 404


def test_no_page_of_a_product_names_a_draft_of_others_or_a_value_of_a_row(as_):
    from weft.api.portal import ports, products

    ada = as_("ada")

    for path, tabs in (("/products/fleet/aircraft", products.TABS), (PORT, ports.TABS)):
        for tab in tabs:
            text = ada.get(path, params={"tab": tab}).text
            assert "prototypes" not in text, (path, tab)
            assert "fleet.plans" not in text, (path, tab)
            assert SECRET not in text, (path, tab)


def test_a_tab_that_is_none_is_refused_and_an_unknown_address_is_not_there(as_):
    ada = as_("ada")

    assert ada.get(PORT, params={"tab": "secrets"}).status_code == 422
    assert ada.get(PORT, params={"tab": "contract", "old": "x", "new": "1.0.0"}).status_code == 404
    for path in (
        "/products/fleet/nothing",
        "/ports/fleet/aircraft/nothing",
        "/teams/Nobody",
        "/tags/none",
    ):
        assert ada.get(path).status_code == 404, path


@pytest.mark.parametrize(
    ("path", "name"), [(f"{PORT}?tab=secrets", "tab"), ("/governance/violations?state=bogus", "state")]
)
def test_whoever_follows_a_link_that_is_wrong_is_told_which_part_and_no_pattern(as_, path, name):
    ada = as_("ada")

    page = ada.get(path, headers={"Accept": "text/html"})
    program = ada.get(path)

    assert (page.status_code, program.status_code) == (422, 422)
    assert f"this page knows no such <code>{name}</code>" in page.text
    assert "pattern" not in page.text
    assert page.text.count("openapi") == 1, "at the foot of each page, and nowhere else"
    assert program.json()["diagnostics"][0]["what"].startswith(f"query.{name}")


def test_two_majors_are_compared_and_the_older_one_counts_its_days(as_):
    found = document(as_("ada"), f"{DAILY}@2", tab="contract", old="1.0.0", new="2.0.0")

    assert [(v["address"].partition("@")[2], v["version"]) for v in found["versions"]] == [
        ("2", "2.0.0"),
        ("1", "1.0.0"),
    ]
    assert found["compared"]["verdict"] == "compatible"
    back = document(as_("ada"), f"{DAILY}@2", tab="contract", old="2.0.0", new="1.0.0")
    assert back["compared"]["verdict"] == "breaking"
    assert {c["verdict"] for c in back["compared"]["changes"]} >= {"breaking"}
    older = document(as_("ada"), f"{DAILY}@1")
    assert older["status"] == "deprecated"
    assert set(older["end_of_life"]) == {"date", "days_left", "passed", "successor"}


def test_the_source_of_a_contract_is_yaml_of_the_same_document(as_, platform):
    from ruamel.yaml import YAML

    ada = as_("ada")

    found = document(ada, PORT, tab="contract")

    assert YAML(typ="safe").load(found["source"]) == ada.get(found["download"]).json()


def test_usage_is_for_those_who_answer_for_the_domain(as_):
    assert document(as_("ada"), "/products/fleet/aircraft", tab="usage")["usage"] == {"shown": False}
    assert document(as_("finn"), "/products/fleet/aircraft", tab="usage")["usage"]["shown"] is True


def test_a_token_that_finds_what_there_is_gets_the_page_and_no_rows(platform):
    _, secret = platform.identity.tokens.create(
        kind="personal",
        owner="finn",
        label="x",
        domain=None,
        actions=[Action.READ_METADATA.value],
        at=platform.rooms.now(),
        expires_at=platform.rooms.now().replace(year=2030),
    )
    headers = {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
    client = TestClient(create_app(platform), headers=headers)

    sample = document(client, PORT, tab="sample")
    profile = document(client, PORT, tab="profile", counted="true")

    assert sample["standing"]["allowed"] is True
    assert (sample["sample"], profile["counted"]) == (None, None)


def test_what_somebody_holds_is_shown_to_nobody_else(as_, platform):
    own, of_others = document(as_("finn"), "/people/finn"), document(as_("ada"), "/people/finn")

    assert own["domains"] == of_others["domains"] == [{"address": "fleet", "roles": ["domain_owner"]}]
    assert {"grants", "reads", "waiting"} <= set(own)
    assert not {"grants", "reads", "waiting"} & set(of_others)


def test_a_team_has_its_domains_people_and_products_and_a_tag_what_carries_it(as_):
    team = document(as_("ada"), "/teams/Fleet engineering")
    tag = document(as_("ada"), "/tags/engineering")

    assert [d["address"] for d in team["domains"]] == ["fleet"]
    assert {"user": "finn", "roles": ["owner"]} in team["people"]
    assert "fleet.plans" not in [p["address"] for p in team["products"]]
    assert [d["address"] for d in tag["domains"]] == ["fleet"]


def test_violations_are_those_of_the_product_alone(as_, platform):
    found = document(as_("finn"), "/products/fleet/aircraft", tab="compliance")

    assert (found["violations"], found["next"]) == ([], None)
    mine = platform.governance.violations(platform.identity.of_user(_user(platform)), product="fleet.aircraft")
    assert mine["items"] == []


def _user(platform: Platform) -> Any:
    platform.identity.user_verbs.add("gaia", None, ["governance_lead"], actor="tests")
    return platform.identity.users.user("gaia")


def test_what_a_grant_would_show_is_told_before_there_is_one(as_):
    found = document(as_("ada"), PORT)

    assert found["standing"]["allowed"] is False
    assert found["head"]["access"]["label"] == "Request access"
    assert {c["shown"] for c in found["columns"]} == {"clear"}
