"""Terms and compliance as a server tells them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import NOW, bearer, company
from weft.api.governance.compliance import write_down
from weft.api.platform import Platform
from weft.governance.policy_files import policies_of
from weft.project import documents
from weft.registry.publishing import append
from weft.registry.sql_tables import SqlTables
from weft.server.app import create_app

GLOSSARY = """\
terms:
  - {id: aircraft, title: Aircraft, definition: Something that flies., synonyms: [plane], type: string}
  - {id: tail-number, definition: The registration of an aircraft., broader: aircraft, url: "https://faa/tail"}
"""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        yield made


@pytest.fixture
def client(platform: Platform) -> TestClient:
    platform.identity.user_verbs.add("lead", None, ["governance_lead"], actor="root")
    return TestClient(create_app(platform), headers=bearer(platform, "lead"))


def put_glossary(platform: Platform, text: str = GLOSSARY) -> None:
    path = platform.rooms.settings.root / "governance" / "glossary.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_terms_of_the_servers_file_are_told_as_soon_as_it_is_there(platform, client):
    before = client.get("/api/v1/glossary").json()
    put_glossary(platform)

    after = client.get("/api/v1/glossary").json()

    assert before == {"terms": []}
    assert [t["name"] for t in after["terms"]] == ["aircraft", "tail-number"]
    assert after["terms"][1]["type"] == "string"
    shown = client.get("/api/v1/glossary/aircraft").json()
    assert (shown["narrower"], shown["columns"]) == (["tail-number"], [])
    missing = client.get("/api/v1/glossary/aircrafts")
    assert missing.status_code == 404
    assert missing.json()["diagnostics"][0]["fix"] == "did you mean `aircraft`?"


def test_terms_that_a_domain_has_registered_are_told_beside_the_meshs(platform, client):
    put_glossary(platform)
    own = {"terms": [{"id": "engine", "definition": "What drives it.", "broader": "aircraft"}]}
    carried = {"file": "domains/fleet/glossary.yaml", "document": own, "lines": {}}
    record = platform.rooms.production.domain("fleet")
    document = {**record.document, "customProperties": [{"property": "weft.glossary", "value": carried}]}
    with platform.database.writing() as statements:
        SqlTables(statements).put_domain(type(record)(**{**_fields(record), "document": document}))
        append(SqlTables(statements), NOW, "domain.changed", "finn", "fleet", {})

    found = client.get("/api/v1/glossary", params={"domain": "fleet"}).json()["terms"]

    assert [(t["name"], t["domain"], t["type"]) for t in found] == [("fleet.engine", "fleet", "string")]


def test_terms_are_found_by_words_where_they_are_asked_for(platform, client):
    put_glossary(platform)

    def found(words: str, **more: str) -> list[tuple[str, str]]:
        answer = client.get("/api/v1/search", params={"q": words, "kind": "term", **more})
        return [(hit["address"], hit["why"]) for hit in answer.json()["results"]]

    assert found("plane") == [("aircraft", "synonym: plane")]
    assert found("aircraft") == [("aircraft", "its name"), ("tail-number", "definition: aircraft")]
    assert found("regist of") == [("tail-number", "definition: regist")]
    assert found("aircrfat") == [("aircraft", "name: aircraft (for aircrfat)")]
    assert found("nothing alike") == []
    assert [name for name, _ in found("")] == ["aircraft", "tail-number"]
    assert found("plane", domain="fleet") == []
    assert "term" not in client.get("/api/v1/search", params={"q": "aircraft"}).json()["facets"]["kind"]


def _fields(record) -> dict:
    return {name: getattr(record, name) for name in record.__struct_fields__}


def scanned(platform: Platform) -> int:
    text = (
        "apiVersion: weft/v1\nid: owned\ntitle: Owned\nkind: documentation\nseverity: high\nasks: x\nowner: gov\n"
        "regulations: ['gdpr:art-30']\ncheck: select domain as subject from domains where owner_team is null\n"
    )
    policy = documents.parse(text.encode(), "governance/policies/owned.yaml", "policy")
    assert policy.problems == ()
    assert policy.document is not None
    found = policies_of([policy.document], {}, {})
    assert found.problems == ()
    with platform.rooms.governance.book.current() as book:
        return write_down(platform.database, book, found, NOW)


def violated(platform: Platform, product: str, state: str) -> None:
    body = {
        "violation": product,
        "policy": "owned",
        "subject": product,
        "product": product,
        "domain": "",
        "state": state,
    }
    with platform.database.writing() as statements:
        append(SqlTables(statements), NOW, f"violation.{state}", "weft", f"violation:{product}", body)


def test_a_scan_writes_down_what_is_asked_of_whom_once(platform, client):
    assert scanned(platform) == 2
    assert scanned(platform) == 0

    events = client.get("/api/v1/events", params={"limit": 1000}).json()["items"]
    assert [e["kind"] for e in events[-2:]] == ["compliance.products", "compliance.scope"]
    assert events[-1]["body"]["except"] == []
    assert client.get("/api/v1/audit/chains").json()["diagnostics"] == []


def test_compliance_is_reported_as_document_table_and_page_to_whoever_answers_for_it(platform, client):
    nothing = client.get("/api/v1/compliance")
    scanned(platform)
    violated(platform, "fleet.aircraft", "open")
    end = str(platform.audit.chains.head("events"))

    found = client.get("/api/v1/compliance").json()
    table = client.get("/api/v1/compliance", params={"format": "csv"})
    page = client.get("/api/v1/compliance", params={"format": "html", "regulation": "gdpr"})
    of_fleet = client.get("/api/v1/compliance", headers=bearer(platform, "cora")).json()

    assert (nothing.status_code, nothing.json()["diagnostics"][0]["code"]) == (400, "WFT-GOV-048")
    assert found["total"]["violated"] == 1
    assert found["anchor"] == end
    assert found["total"]["pairs"] == len(platform.rooms.production.products())
    assert {d["name"] for d in of_fleet["domains"]} == {"fleet"}
    assert len(found["domains"]) > 1
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[1].startswith(NOW.isoformat(timespec="seconds"))
    assert page.headers["content-security-policy"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert page.text.startswith("<!doctype html>")
    assert client.get("/api/v1/compliance", headers=bearer(platform, "ana")).status_code == 403
    unknown = client.get("/api/v1/compliance", params={"regulation": "gdrp"})
    assert unknown.json()["diagnostics"][0]["fix"] == "did you mean `gdpr`?"
    assert client.get("/api/v1/compliance?at=2200-01-01").status_code == 400
    assert json.loads(client.get("/api/v1/compliance", params={"at": NOW.isoformat()}).text)["total"] == found["total"]
