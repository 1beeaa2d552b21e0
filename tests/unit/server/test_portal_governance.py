"""What pages about governance hold: compliance as it stands, what is suggested, and nothing of drafts of others."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import NOW, bearer, company
from weft.access.permissions import Caller, Role
from weft.api.governance.compliance import compliance
from weft.api.governance.scanning import scan_policies
from weft.api.governance.standing_compliance import StandingCompliance
from weft.api.platform import Platform
from weft.governance.book import Book
from weft.governance.compliance_texts import as_json
from weft.governance.rows import domain_rows, product_rows
from weft.model.approvals import Wanted
from weft.plan.verdicts import port_facts
from weft.registry.approvals import ApprovalStore
from weft.server.app import create_app

Open = Callable[[str], TestClient]
DESCRIBED = """
id: described
title: Everything is described
kind: documentation
severity: block
asks: A port says what it offers.
regulations: ["gdpr:art-5"]
waivers: {max_days: 30, roles: [governance, owner]}
check: select port as subject, 'nobody has described it' as detail from ports where port not like '%flights%'
tests:
  - name: a port is found
    given: {ports: [{port: "a.b.c@1"}]}
    expect: ["a.b.c@1"]
"""
MEANT = """
id: meant
title: Columns say what they mean
kind: quality
severity: low
asks: A column has a meaning.
check: select "column" as subject from columns
"""
GWEN = Caller("gwen", "user", frozenset({Role.GOVERNANCE_LEAD}))
ZOE = Caller("zoe", "user")


def scan(platform: Platform, now: dt.datetime = NOW) -> None:
    registry = platform.rooms.production
    book = Book.in_memory()
    for domain in registry.domains().values():
        book.put(domain.name, domain_rows(domain))
    for address, product in registry.products().items():
        ports = [port_facts(s) for s in registry.ports_of(address)]
        book.put(str(address), product_rows(None, product, ports, ()))
    scan_policies(platform.database, book, platform.governance.known(), now)
    book.close()


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        folder = tmp_path / "company" / "governance" / "policies"
        folder.mkdir(parents=True)
        (folder / "described.yaml").write_text(DESCRIBED)
        (folder / "meant.yaml").write_text(MEANT)
        made.identity.user_verbs.add("gwen", None, ["governance_lead"], actor="root")
        yield made


@pytest.fixture
def people(platform: Platform) -> Open:
    """A client for each name, as a program; finn owns `fleet`, cora is its compliance contact."""
    app = create_app(platform)

    def client(name: str) -> TestClient:
        headers = {**bearer(platform, name), "Accept": "application/json", "Origin": "http://testserver"}
        return TestClient(app, headers=headers, follow_redirects=False)

    return client


def without(line: dict, *names: str) -> dict:
    return {name: value for name, value in line.items() if name not in names}


def same(platform: Platform, domains: frozenset[str] | None = None) -> bool:
    """Whether what is followed is what the report says that folds the whole log."""
    live = platform.compliance.shown(domains)
    whole = as_json(compliance(platform.database, "company", NOW, domains=domains))
    assert live is not None
    return all(
        [without(line, "trend", "before") for line in live[section]] == [without(w, "before") for w in whole[section]]
        for section in ("domains", "policies", "regulations")
    ) and without(live["total"], "before") == without(whole["total"], "before")


def test_compliance_as_it_stands_is_what_the_report_says_and_follows_the_log(platform):
    assert platform.compliance.shown() is None

    scan(platform)
    first = platform.compliance.shown()
    assert same(platform)
    assert same(platform, frozenset({"fleet"}))

    platform.governance.waive(GWEN, "described", "fleet", reason="soon", until=NOW.date().isoformat())
    second = platform.compliance.shown()
    assert same(platform)
    assert second["total"]["waived"] > first["total"]["waived"] == 0


def test_cells_add_up_to_their_domains_and_policies(platform):
    scan(platform)

    found = platform.compliance.shown()

    for domain in found["domains"]:
        assert domain["pairs"] == sum(cell["pairs"] for cell in found["cells"][domain["name"]].values())
        assert domain["violated"] == sum(cell["violated"] for cell in found["cells"][domain["name"]].values())
    for policy in found["policies"]:
        cells = [line[policy["name"]] for line in found["cells"].values() if policy["name"] in line]
        assert policy["violated"] == sum(cell["violated"] for cell in cells)


def test_each_regulation_has_a_trend_of_all_and_of_the_domains_for_which_somebody_answers(platform):
    now = [NOW - dt.timedelta(days=10)]
    standing = StandingCompliance(platform.database, lambda: now[0])
    scan(platform, now[0])
    folder = platform.rooms.settings.root / "governance" / "policies"
    (folder / "described.yaml").write_text(DESCRIBED.replace("not like '%flights%'", "= ''"))
    now[0] = NOW
    scan(platform, now[0])

    for domains in (None, frozenset({"fleet"})):
        (gdpr,) = standing.shown(domains)["regulations"]
        scores = [point["score"] for point in gdpr["trend"]]

        assert gdpr["name"] == "gdpr"
        assert len(scores) == 5
        assert scores[-1] == gdpr["score"] == 1.0
        assert set(scores[1:-1]) == {scores[1]}
        assert scores[1] < 1.0


def test_whoever_answers_for_a_domain_sees_its_compliance_and_whoever_for_none_sees_none(platform, people):
    scan(platform)

    lead, contact, nobody = (people(name).get("/governance").json() for name in ("gwen", "cora", "zoe"))

    assert {line["name"] for line in lead["compliance"]["domains"]} > {"fleet"}
    assert [line["name"] for line in contact["compliance"]["domains"]] == ["fleet"]
    assert set(contact["compliance"]["cells"]) == {"fleet"}
    assert (nobody["compliance"], nobody["answers"]) == (None, False)
    assert people("zoe").get("/governance/reports").status_code == 403
    assert people("zoe").get("/governance/audit/chains").status_code == 403


def test_violations_of_columns_are_listed_for_everybody_but_those_of_drafts(platform, people):
    scan(platform)

    def all_of(name: str) -> set[str]:
        found: set[str] = set()
        cursor = None
        while True:
            asked = {"limit": 50} | ({"cursor": cursor} if cursor else {})
            page = people(name).get("/governance/violations", params=asked).json()
            found |= {one["subject"] for one in page["items"]}
            cursor = page["next"]
            if cursor is None:
                return found

    ours, theirs = all_of("finn"), all_of("zoe")

    assert "fleet.aircraft.planes@1.tailnum" in theirs
    assert ours - theirs == {
        "fleet.aircraft.prototypes@1",
        "fleet.aircraft.prototypes@1.id",
        "fleet.plans.orders@1",
        "fleet.plans.orders@1.id",
    }


def test_a_waiver_over_a_draft_of_others_is_not_there_for_them(platform, people):
    scan(platform)
    for subject in ("fleet.plans.*", "fleet.plans.orders@1.id", "fleet.aircraft"):
        platform.governance.waive(GWEN, "described", subject, reason="soon", until=NOW.date().isoformat())

    def of(name: str) -> set[str]:
        return {one["subject"] for one in people(name).get("/governance/waivers").json()["items"]}

    assert of("finn") == {"fleet.plans.*", "fleet.plans.orders@1.id", "fleet.aircraft"}
    assert of("zoe") == {"fleet.aircraft"}


def test_a_page_says_who_may_let_a_violation_off_and_until_when(platform, people):
    scan(platform)
    items = people("gwen").get("/governance/violations", params={"policy": "described"}).json()["items"]
    planes = next(one["violation_id"] for one in items if one["subject"] == "fleet.aircraft.planes@1")
    weather = next(one["violation_id"] for one in items if one["subject"].startswith("weather."))

    def waiving(name: str, violation: str) -> dict:
        return people(name).get(f"/governance/violations/{violation}").json()["waiving"]

    last = (NOW + dt.timedelta(days=30)).date().isoformat()
    assert waiving("finn", planes) == {
        "may": True, "last": last, "roles": ["governance_lead", "domain_owner"], "why": None,
    }  # fmt: skip
    assert [waiving(n, v)["may"] for n, v in (("gwen", weather), ("finn", weather), ("zoe", planes))] == [
        True,
        False,
        False,
    ]


def test_a_waiver_is_given_and_revoked_by_forms_and_a_wrong_one_is_shown_again(platform, people):
    scan(platform)
    finn = people("finn")
    items = finn.get("/governance/violations", params={"policy": "described", "mine": True}).json()["items"]
    one = next(v for v in items if v["subject"] == "fleet.aircraft.planes@1")
    path = f"/governance/violations/{one['violation_id']}"
    written = {"subject": one["subject"], "reason": "the text is being written", "until": "2001-01-01"}

    wrong = finn.post(f"{path}/waive", data=written)
    given = finn.post(f"{path}/waive", data=written | {"until": NOW.date().isoformat()})
    waived = finn.get(path).json()
    refused = people("cora").post(f"/governance/waivers/{waived['waiver']['waiver_id']}/revoke")
    revoked = finn.post(f"/governance/waivers/{waived['waiver']['waiver_id']}/revoke")

    assert (wrong.status_code, wrong.json()["diagnostics"][0]["code"]) == (400, "WFT-GOV-050")
    assert wrong.json()["written"] == written
    assert (given.status_code, waived["state"], waived["revocable"]) == (303, "waived", True)
    assert people("cora").get(path).json()["revocable"] is False
    assert (refused.status_code, revoked.status_code) == (403, 303)
    assert finn.get(path).json()["state"] == "open"


@pytest.mark.parametrize("beside", ["weather", "fleet.aircraft.planes@2", "fleet.aircraft.planes@1.tail", "x.*"])
def test_the_page_of_a_violation_gives_no_waiver_that_lets_something_else_off(platform, people, beside):
    scan(platform)
    gwen = people("gwen")
    items = gwen.get("/governance/violations", params={"policy": "described"}).json()["items"]
    one = next(v for v in items if v["subject"] == "fleet.aircraft.planes@1")
    path = f"/governance/violations/{one['violation_id']}"
    written = {"subject": beside, "reason": "soon", "until": NOW.date().isoformat()}

    refused = gwen.post(f"{path}/waive", data=written)
    given = gwen.post(f"{path}/waive", data=written | {"subject": "fleet.*"})

    assert refused.status_code == 400
    (said,) = refused.json()["diagnostics"]
    assert (said["code"], "fleet.aircraft.planes@1" in said["what"]) == ("WFT-GOV-059", True)
    assert (given.status_code, gwen.get(path).json()["state"]) == (303, "waived")
    assert [w["subject"] for w in gwen.get("/governance/waivers").json()["items"]] == ["fleet.*"]


def test_an_approval_is_decided_by_somebody_else_with_a_reason(platform, people):
    wanted = Wanted("described", "fleet.aircraft", "d1", ("owner", "governance"), "it is sensitive")
    (asked,) = ApprovalStore(platform.database).asked([wanted], actor="finn", at=NOW)
    path = f"/governance/approvals/{asked.approval_id}"

    own, lead, other = (people(name).get(path).json() for name in ("finn", "gwen", "zoe"))
    alone = people("finn").post(f"{path}/approve", data={"reason": "fine"})
    silent = people("gwen").post(f"{path}/approve", data={"reason": " "})
    agreed = people("gwen").post(f"{path}/approve", data={"reason": "the purpose is stated"})

    assert (own["own"], own["can_decide"], lead["can_decide"], other["can_decide"]) == (True, True, True, False)
    assert (alone.status_code, alone.json()["diagnostics"][0]["code"]) == (403, "WFT-GOV-051")
    assert (silent.status_code, silent.json()["diagnostics"][0]["code"]) == (400, "WFT-GOV-059")
    assert agreed.status_code == 303
    assert people("finn").get(path).json()["reason"] == "the purpose is stated"
    assert people("gwen").get(path).json()["can_decide"] is False


def test_known_debt_is_accepted_by_a_form_and_drawn_until_now(platform, people):
    scan(platform)
    written = {"owner": "data office", "plan": "ten a month", "until": "2027-01-01", "domain": "fleet"}

    refused = people("finn").post("/governance/debt", data=written)
    wrong = people("gwen").post("/governance/debt", data=written | {"plan": " "})
    done = people("gwen").post("/governance/debt", data=written)
    found = people("zoe").get("/governance/debt").json()

    assert (refused.status_code, wrong.status_code, done.status_code) == (403, 400, 303)
    assert wrong.json()["written"]["owner"] == "data office"
    assert [one["name"] for one in found["by_domain"]] == ["fleet"]
    left = people("finn").get("/governance/debt").json()["left"]["items"]
    assert found["total"][-1] == found["by_domain"][0]["points"][-1] == {"at": NOW.isoformat(), "number": len(left)}
    assert found["accepts"] is False
    assert not any("fleet.plans" in one["subject"] for one in found["left"]["items"])


def test_a_policy_shows_its_sql_and_its_tests_which_run_when_asked(platform, people):
    scan(platform)

    plain = people("zoe").get("/governance/policies/described").json()
    run = people("gwen").get("/governance/policies/described", params={"run": True}).json()

    assert plain["check"].startswith("select port")
    assert (plain["tests"][0]["given"], plain["tests"][0]["expect"]) == ({"ports": [{"port": "a.b.c@1"}]}, ["a.b.c@1"])
    assert (plain["run"], plain["domains"]) == (None, [])
    assert run["run"] == {
        "passed": True,
        "tests": [{"name": "a port is found", "passed": True, "missing": [], "unexpected": [], "refused": None}],
    }
    assert {one["domain"] for one in run["domains"]} > {"fleet"}
    assert people("zoe").get("/governance/policies/none").status_code == 404


def test_policies_are_narrowed_to_a_kind_or_a_regulation(platform, people):
    scan(platform)

    def ids(**asked: str) -> list[str]:
        return [p["id"] for p in people("gwen").get("/governance/policies", params=asked).json()["policies"]]

    assert sorted(ids()) == ["described", "meant"]
    assert ids(kind="quality") == ["meant"]
    assert ids(regulation="gdpr") == ["described"]
    assert ids(regulation="sox") == []


def test_suggested_levels_come_from_lineage_and_samples_and_not_of_drafts_of_others(platform):
    with platform.rooms.governance.book.current() as book:
        columns = ["fleet.aircraft.planes@1.tailnum", "fleet.plans.orders@1.id"]
        for column in columns:
            book.ours('UPDATE columns SET inherited_level = 2, level = 1 WHERE "column" = ?', (column,))
        found = ("crew.roster.assignments@1.email", "crew.roster.assignments@1", "crew.roster", "crew")
        assert book.ours('SELECT 1 FROM columns WHERE "column" = ?', found[:1])
        book.put_rows("samples_findings", [(*found, "email", 0.9, 0.99, "pii.email", 3, "s1")])

    ours = platform.suggested_levels.listed(Caller("finn", "user", frozenset(), {"fleet": frozenset()}))["items"]
    first = platform.suggested_levels.listed(ZOE, limit=1)
    second = platform.suggested_levels.listed(ZOE, limit=10, cursor=first["next"])
    crew = platform.suggested_levels.listed(ZOE, domain="crew")["items"]

    assert [one["column"] for one in ours] == [found[0], *columns]
    assert [one["column"] for one in (*first["items"], *second["items"])] == [found[0], columns[0]]
    assert [(one["suggested"], one["why"][0]["kind"], one["why"][0]["found"]) for one in crew] == [
        ("restricted", "samples", "email")
    ]
    assert (ours[1]["level"], ours[1]["suggested"]) == ("internal", "confidential")


def test_the_page_of_a_report_says_what_the_whole_report_says_of_all_but_products(platform, people):
    scan(platform, NOW - dt.timedelta(days=40))
    scan(platform)
    gwen = people("gwen")
    days = {"": None, "2026-01-05": "2026-01-05", f"{NOW:%Y-%m-%d}": None}

    for day, at in days.items():
        for regulation in (None, "gdpr"):
            whole = as_json(compliance(platform.database, "company", NOW, at=at, regulation=regulation))
            page = gwen.get("/governance/reports", params={"regulation": regulation or "", "at": day}).json()["report"]

            assert page["total"]["pairs"] > 0
            for name in ("total", "domains", "policies", "regulations"):
                lines = page[name] if isinstance(page[name], list) else [page[name]]
                theirs = whole[name] if isinstance(whole[name], list) else [whole[name]]
                assert [_counts(line) for line in lines] == [_counts(line) for line in theirs], (day, regulation, name)
            assert (page["anchor"], page["at"], page["regulation"]) == (whole["anchor"], whole["at"], regulation)
            assert page["final"] == (at is not None)
            assert page["trend"][-1]["score"] == whole["trend"][-1]["score"]
            assert "products" not in page


def test_the_page_of_a_report_follows_what_happens(platform, people):
    scan(platform)
    gwen = people("gwen")
    before = gwen.get("/governance/reports", params={"at": ""}).json()["report"]
    (platform.rooms.settings.root / "governance/policies/meant.yaml").unlink()
    platform.governance.known()

    scan(platform)
    after = gwen.get("/governance/reports", params={"at": ""}).json()["report"]

    assert {p["name"] for p in before["policies"]} - {p["name"] for p in after["policies"]} == {"meant"}
    assert before["anchor"] != after["anchor"]


def _counts(line: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in line.items() if name != "before"}


def test_a_report_is_made_for_a_regulation_and_a_day_and_says_what_cannot_be(platform, people):
    scan(platform)
    gwen = people("gwen")

    blank = gwen.get("/governance/reports").json()
    found = gwen.get("/governance/reports", params={"regulation": "gdpr"}).json()
    wrong = gwen.get("/governance/reports", params={"at": "2999-01-01"})
    contact = people("cora").get("/governance/reports", params={"at": ""}).json()

    assert (blank["report"], blank["regulations"]) == (None, ["gdpr"])
    assert [p["name"] for p in found["report"]["policies"]] == ["described"]
    assert (wrong.status_code, wrong.json()["diagnostics"][0]["code"]) == (400, "WFT-GOV-048")
    assert [d["name"] for d in contact["report"]["domains"]] == ["fleet"]


def test_reads_are_ones_own_or_those_that_one_may_see(platform, people):
    own, ours, own_of_finn = (
        people(name).get("/governance/audit", params=asked).json()
        for name, asked in (("zoe", {}), ("finn", {}), ("finn", {"own": True}))
    )

    assert [p["own"] for p in (own, ours, own_of_finn)] == [True, False, True]
    assert (own["searches"], own["verifies"], ours["searches"], ours["verifies"]) == (False, False, True, False)
    assert people("finn").get("/governance/audit", params={"where": "weather"}).status_code == 403
    lead = people("gwen")
    ends, walked = (lead.request(way, "/governance/audit/chains").json() for way in ("GET", "POST"))
    assert (ends["walked"], walked["walked"]) == (False, True)
    assert (walked["diagnostics"], walked["reads"]) == ([], 0)
    assert len(ends["anchors"]) == 2
    assert (ends["events"], ends["anchors"]) == (walked["events"], walked["anchors"])


def test_a_record_that_was_changed_is_found_out_by_walking(platform, people):
    scan(platform)
    with platform.database.writing() as registry:
        registry.run("UPDATE events SET actor = 'somebody else' WHERE seq = 2")

    walked = people("gwen").post("/governance/audit/chains").json()

    assert walked["events"] is None
    assert walked["diagnostics"]


def test_the_map_goes_on_behind_the_worst_domains(platform, people):
    scan(platform)
    lead = people("gwen")

    first = lead.get("/governance").json()
    rest = lead.get("/governance?begin=2").json()
    page = lead.get("/governance?begin=2", headers={"Accept": "text/html"}).text

    names = [line["name"] for line in first["compliance"]["domains"]]
    assert first["shown"] == names
    assert (first["before"], first["after"]) == (None, None)
    assert rest["shown"] == names[2:] == list(rest["compliance"]["cells"])
    assert rest["before"] == 0
    assert f"3 to {len(names)} of {len(names)}" in page
    assert ">Worse ones</a>" in page
