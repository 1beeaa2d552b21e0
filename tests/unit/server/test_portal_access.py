"""What pages about access hold: for whom a decision is foreseen, who sees which grant, and what forms do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import NOW, PLANES, bearer, company
from weft.access.permissions import Caller, Role
from weft.api.platform import Platform
from weft.errors import AccessDenied
from weft.model.address import parse_address
from weft.server.app import create_app

Open = Callable[[str], TestClient]
FLIGHTS = parse_address("operations.on_time.flights@1")
FINN = Caller("finn", "user", frozenset(), {"fleet": frozenset({Role.DOMAIN_OWNER})})
EVE, ADA = Caller("eve", "user"), Caller("ada", "user")
GWEN = Caller("gwen", "user", frozenset({Role.GOVERNANCE_LEAD}))


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        made.identity.user_verbs.add("gwen", None, ["governance_lead"], actor="root")
        yield made


@pytest.fixture
def people(platform: Platform) -> Open:
    """A client for each name, as a program."""
    app = create_app(platform)

    def client(name: str) -> TestClient:
        headers = {**bearer(platform, name), "Accept": "application/json", "Origin": "http://testserver"}
        return TestClient(app, headers=headers, follow_redirects=False)

    return client


def asked(platform: Platform, caller: Caller = EVE, **more: object) -> str:
    return str(platform.access.ask(caller, [str(PLANES)], "delay model", **more)["request_id"])


def test_what_a_grant_would_show_is_foreseen_for_those_who_decide_and_for_whoever_asks_for_themselves(platform):
    request = asked(platform, columns=["tailnum", "seats"])

    for caller in (FINN, EVE, GWEN):
        seen = platform.access.foreseen(caller, request, str(PLANES))
        assert (seen["allowed"], seen["principal"]) == (True, "eve")
        assert [c["name"] for c in seen["columns"] if c["shown"] != "hidden"] == ["tailnum", "seats"]
    assert not platform.access.explain(EVE, "eve", str(PLANES))["allowed"]
    assert platform.access.granted(EVE) == []


def test_what_another_would_see_is_not_foreseen_for_whoever_asks_for_them(platform):
    request = asked(platform, reader="team:crm")

    with pytest.raises(AccessDenied) as refused:
        platform.access.foreseen(EVE, request, str(PLANES))

    assert refused.value.diagnostics[0].code == "WFT-ACC-010"
    assert platform.access.foreseen(FINN, request, str(PLANES))["principal"] == "crm"


def test_the_page_of_a_request_has_its_context_for_those_who_decide(platform, people):
    platform.access.grants.grant(
        FLIGHTS, "user", "eve", basis="request", actor="ada", at=NOW, ends_at=None
    )  # fmt: skip
    platform.access.grants.grant(
        parse_address("fleet.aircraft.prototypes@1"), "user", "eve", basis="request", actor="ada", at=NOW, ends_at=None
    )
    request = asked(platform)

    ours = people("finn").get(f"/access/requests/{request}").json()
    own = people("eve").get(f"/access/requests/{request}").json()

    assert (ours["can_decide"], ours["can_withdraw"], ours["purpose"]) == (True, False, "delay model")
    assert ours["ports"][0]["foreseen"]["allowed"]
    assert [one["address"] for one in ours["beside"]] == ["fleet.aircraft.prototypes@1"]  # of his domain alone
    assert (own["can_decide"], own["can_withdraw"], own["beside"]) == (False, True, [])
    assert [step["what"] for step in own["history"]] == ["asked"]
    assert people("ada").get(f"/access/requests/{request}").status_code == 404


def test_a_history_tells_who_decided_why_and_when_it_ended(platform, people):
    request = asked(platform)
    granted = platform.access.approve(FINN, request, reason="agreed")["ports"][0]["grant_id"]
    platform.access.keep(FINN, granted)
    platform.access.revoke(FINN, granted, reason="the project is over")

    steps = people("eve").get(f"/access/requests/{request}").json()["history"]

    assert [(s["what"], s["who"], s["text"]) for s in steps][:2] == [
        ("asked", "eve", "delay model"),
        ("approved", "finn", "agreed"),
    ]
    assert {(s["what"], s["who"], s["text"]) for s in steps[2:]} == {
        ("kept after a review", None, None),
        ("ended", "finn", "the project is over"),
    }


def test_requests_and_grants_of_ones_own_are_those_and_no_others(platform, people):
    asked(platform)
    asked(platform, ADA)
    platform.access.grants.grant(FLIGHTS, "team", "eve", basis="request", actor="x", at=NOW, ends_at=None)
    platform.access.grants.grant(FLIGHTS, "user", "eve", basis="request", actor="x", at=NOW, ends_at=None)

    found = people("eve").get("/access").json()

    assert [one["asked_by"] for one in found["requests"]] == ["eve"]
    assert [(g["kind"], g["consumer"]) for g in found["grants"]] == [("user", "eve")]
    assert found["decides"] is False


def test_the_inbox_has_what_one_may_decide_and_nothing_for_others(platform, people):
    asked(platform)

    assert [r["reader"] for r in people("finn").get("/access/inbox").json()["requests"]] == ["eve"]
    assert people("eve").get("/access/inbox").json()["requests"] == []
    assert people("cora").get("/access/inbox").json()["requests"] == []


def test_who_reads_comes_page_by_page_and_of_ones_own_domains_alone(platform, people):
    for name in ("a", "b", "c"):
        platform.access.grants.grant(PLANES, "user", name, basis="request", actor="x", at=NOW, ends_at=None)
    platform.access.grants.grant(FLIGHTS, "user", "a", basis="request", actor="x", at=NOW, ends_at=None)
    over = NOW - dt.timedelta(days=1)
    platform.access.grants.grant(PLANES, "user", "d", basis="request", actor="x", at=over, ends_at=over)

    def all_of(name: str, **more: object) -> list[tuple[str, str]]:
        found, cursor = [], None
        while True:
            page = people(name).get(
                "/access/readers", params={"limit": 2, **more} | ({"cursor": cursor} if cursor else {})
            )
            found += [(g["address"], g["consumer"]) for g in page.json()["items"] if g["kind"] == "user"]
            cursor = page.json()["next"]
            if cursor is None:
                return found

    assert sorted(all_of("finn")) == [(str(PLANES), name) for name in ("a", "b", "c")]
    assert sorted(all_of("gwen")) == [*((str(PLANES), n) for n in ("a", "b", "c")), (str(FLIGHTS), "a")]
    assert all_of("gwen", port="operations.on_time.flights") == [(str(FLIGHTS), "a")]
    assert all_of("eve") == []


def test_a_review_lists_what_is_due_and_what_nobody_reads_by(platform):
    old = NOW - dt.timedelta(days=200)
    platform.access.grants.grant(PLANES, "user", "unused", basis="request", actor="x", at=old, ends_at=None)
    platform.access.grants.grant(PLANES, "user", "fresh", basis="request", actor="x", at=NOW, ends_at=None)
    platform.access.grants.grant(PLANES, "product", "a.b", basis="publication", actor="x", at=old, ends_at=None)

    assert [one["consumer"] for one in platform.access.review(FINN)] == ["unused"]
    assert platform.access.review(GWEN) == []


def test_a_draft_of_others_cannot_be_asked_for_by_the_form(people):
    found = people("eve").get("/access/request", params={"port": "fleet.plans.orders"}).json()
    own = people("finn").get("/access/request", params={"port": "fleet.plans.orders"}).json()

    assert (found["ports"], [d["code"] for d in found["diagnostics"]]) == ([], ["WFT-CAT-001"])
    assert [port["address"] for port in own["ports"]] == ["fleet.plans.orders@1"]


def test_a_form_offers_what_all_its_ports_have(people):
    both = {"port": [str(PLANES), "fleet.aircraft.planes", str(FLIGHTS)]}

    found = people("eve").get("/access/request", params=both).json()

    names = [{c["name"] for c in port["columns"]} for port in found["ports"]]
    assert len(found["ports"]) == 3
    assert set(found["columns"]) == set.intersection(*names)


def test_a_form_names_the_people_who_decide(people):
    (port,) = people("eve").get("/access/request", params={"port": str(PLANES)}).json()["ports"]

    assert port["decides"] == ["domain owner (finn)", "product owner", "steward"]


def test_lists_and_searches_say_what_one_has_of_each_product_and_port(platform, people):
    platform.access.grants.grant(
        FLIGHTS, "user", "eve", basis="request", actor="x", at=NOW, ends_at=NOW + dt.timedelta(1)
    )
    platform.access.grants.grant(FLIGHTS, "team", "ada", basis="request", actor="x", at=NOW, ends_at=None)
    asked(platform)

    def listed(who: str) -> dict[str, str | None]:
        return {one["address"]: one["access"] for one in people(who).get("/products").json()["items"]}

    def found(who: str, words: str) -> dict[str, str | None]:
        results = people(who).get("/search", params={"q": words}).json()["results"]
        return {one["address"]: one["access"] for one in results}

    assert listed("eve")["operations.on_time"] == found("eve", "on_time")["operations.on_time"] == "granted"
    assert listed("eve")["fleet.aircraft"] == found("eve", "planes")[str(PLANES)] == "asked for"
    assert set(listed("ada").values()) == {None}  # a team of that name is somebody else, and so is who asks
    assert {a for a, access in listed("finn").items() if access} == {"fleet.aircraft", "fleet.plans"}
    assert found("finn", "planes")[str(PLANES)] == "your domain's"


def test_a_grant_that_has_ended_is_none_in_a_list(platform, people):
    over = platform.access.grants.grant(FLIGHTS, "user", "eve", basis="request", actor="x", at=NOW, ends_at=None)
    platform.access.grants.end(over.grant_id, actor="x", at=NOW)

    (one,) = [p for p in people("eve").get("/products").json()["items"] if p["address"] == "operations.on_time"]

    assert one["access"] is None
    assert (one["classification"], one["freshness"]) == ("internal", "not_promised")


def test_what_cannot_be_asked_for_is_shown_again_with_what_was_written(platform, people):
    written = {"port": str(PLANES), "purpose": "delay model", "until": "2001-01-01"}

    answer = people("eve").post("/access/request", data=written)

    assert answer.status_code == 400
    assert answer.json()["diagnostics"][0]["code"] == "WFT-ACC-039"
    assert (answer.json()["written"]["purpose"], answer.json()["written"]["until"]) == ("delay model", "2001-01-01")
    assert platform.access.requests.listed() == []


def test_forms_ask_decide_withdraw_keep_and_revoke(platform, people):
    eve, finn = people("eve"), people("finn")

    made = eve.post("/access/request", data={"port": str(PLANES), "purpose": "delay model", "column": ["tailnum"]})
    (request,) = platform.access.requests.listed()
    refused = finn.post(f"/access/requests/{request.request_id}/decline", data={"reason": " ", "until": "2026-12-31"})
    approved = finn.post(f"/access/requests/{request.request_id}/approve", data={"until": "2030-01-01"})
    (grant,) = platform.access_lists.own(EVE)
    stranger = people("ada").post(f"/access/grants/{grant['grant_id']}/revoke")
    kept = finn.post(f"/access/grants/{grant['grant_id']}/keep")
    revoked = eve.post(f"/access/grants/{grant['grant_id']}/revoke", data={"then": "/access", "reason": "done with it"})

    assert (made.status_code, made.headers["location"]) == (
        303,
        f"/access/requests/{request.request_id}?done=asked",
    )
    assert (refused.status_code, refused.json()["diagnostics"][0]["code"]) == (400, "WFT-ACC-039")
    assert refused.json()["written"]["until"] == "2026-12-31"
    assert approved.headers["location"].endswith("?done=approved")
    assert (grant["columns"], grant["ends_at"][:10]) == (["tailnum"], "2030-01-02")
    assert (stranger.status_code, kept.status_code, revoked.headers["location"]) == (404, 303, "/access?done=revoked")
    (ended,) = platform.access_lists.own(EVE)
    assert (ended["holds"], ended["ended_by"], ended["ended_reason"]) == (False, "eve", "done with it")
    assert "done with it" in eve.get("/access", headers={"Accept": "text/html"}).text


def test_a_page_to_go_back_to_is_one_of_ours(people, platform):
    platform.access.grants.grant(PLANES, "user", "eve", basis="request", actor="x", at=NOW, ends_at=None)
    (grant,) = platform.access_lists.own(EVE)

    answer = people("eve").post(f"/access/grants/{grant['grant_id']}/revoke", data={"then": "https://elsewhere"})

    assert answer.status_code == 422
    assert platform.access_lists.own(EVE)[0]["holds"]


def test_somebody_who_waits_is_led_to_their_request(platform, people):
    request = asked(platform)

    (port,) = people("eve").get("/access/request", params={"port": str(PLANES)}).json()["ports"]
    platform.access.approve(FINN, request)
    (granted,) = people("eve").get("/access/request", params={"port": str(PLANES)}).json()["ports"]

    assert port["stands"] == {"state": "waiting", "request_id": request}
    assert granted["stands"]["state"] == "granted"


def test_what_people_type_is_shown_as_they_typed_it_and_runs_nowhere(platform):
    purpose = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    request = platform.access.ask(EVE, [str(PLANES)], purpose)["request_id"]
    client = TestClient(create_app(platform), headers={**bearer(platform, "finn"), "Accept": "text/html"})

    for path in (f"/access/requests/{request}", "/access/inbox"):
        text = client.get(path).text
        assert "<img" not in text and "alert(1)</script>" not in text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_what_waits_for_others_hides_nothing_from_the_inbox_which_comes_page_by_page(platform, people):
    first = [asked(platform, Caller(f"early{n}", "user")) for n in range(3)]
    for number in range(210):  # of another domain, and newer
        platform.access.ask(Caller(f"late{number}", "user"), [str(FLIGHTS)], "delay model")

    one = people("finn").get("/access/inbox?limit=2").json()
    two = people("finn").get("/access/inbox", params={"limit": 2, "cursor": one["next"]}).json()

    found = [request["request_id"] for page in (one, two) for request in page["requests"]]
    assert sorted(found) == sorted(first)
    assert two["next"] is None
    assert people("finn").get("/access/inbox", params={"cursor": "x"}).status_code == 400
