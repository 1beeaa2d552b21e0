"""Subscriptions, deliveries, incidents and usage over HTTP."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.conformance.notices.stories import ORDERS, Clock, publish
from tests.receivers import receiving
from weft.access.permissions import Action
from weft.api.jobs.worker import NoticesLoop
from weft.api.notices import keyboard
from weft.api.platform import Platform, open_platform
from weft.observability.notices import KINDS
from weft.registry.meters import Meter
from weft.server.app import create_app

SLOW = {
    "id": "orders",
    "slaProperties": [{"property": "latency", "value": 4, "unit": "h"}],
    "schema": [{"name": "orders"}],
}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform(tmp_path, clock) -> Iterator[Platform]:
    (tmp_path / "key").write_text("a long random text")
    (tmp_path / "weft.toml").write_text(
        '[mesh]\nname = "company"\n[notices]\nallow_hosts = ["127.0.0.1"]\nsigning_key = { file = "key" }\n'
    )
    made = open_platform(tmp_path, clock)
    publish(made.rooms.production, clock, contract=SLOW)
    yield made
    made.close()


@pytest.fixture
def client(platform) -> TestClient:
    return TestClient(create_app(platform))


def holder(platform: Platform, clock: Clock, owner: str = "ada", domain: str | None = None) -> dict[str, str]:
    made = platform.identity.tokens.create(
        kind="domain" if domain else "personal",
        owner=owner,
        label="test",
        domain=domain,
        actions=None,
        at=clock(),
        expires_at=clock() + dt.timedelta(days=9),
    )
    return {"Authorization": f"Bearer {made[1]}"}


def test_somebody_subscribes_is_told_and_unsubscribes(client, platform, clock):
    ada, eve = holder(platform, clock), holder(platform, clock, "eve")
    with receiving() as receiver:
        made = client.post(
            "/api/v1/subscriptions", json={"subject": "sales.orders", "target": receiver.url}, headers=ada
        )
        assert (made.status_code, made.json()["owner"]) == (201, "ada")
        publish(platform.rooms.production, clock, contract=SLOW)
        assert platform.notices_step()["sent"] == 1
        assert receiver.requests[0].signed_with(made.json()["secret"])

    name = made.json()["subscription_id"]
    (listed,) = client.get("/api/v1/subscriptions", headers=ada).json()["subscriptions"]
    assert (listed["subscription_id"], "secret" in listed) == (name, False)
    (delivery,) = client.get("/api/v1/deliveries?state=sent", headers=ada).json()["deliveries"]
    assert (delivery["recipient"], delivery["attempts"], delivery["host"]) == (name, 1, "127.0.0.1")
    assert client.get("/api/v1/subscriptions", headers=eve).json() == {"subscriptions": []}
    assert client.get("/api/v1/deliveries", headers=eve).json() == {"deliveries": []}
    assert client.get("/api/v1/subscriptions?everybody=true", headers=eve).status_code == 403
    assert client.delete(f"/api/v1/subscriptions/{name}", headers=eve).status_code == 404
    assert client.post(f"/api/v1/deliveries/{delivery['delivery_id']}/resend", headers=ada).status_code == 404
    assert client.delete(f"/api/v1/subscriptions/{name}", headers=ada).status_code == 204
    assert client.get("/api/v1/subscriptions", headers=ada).json() == {"subscriptions": []}


def test_every_kind_of_notice_may_be_named_at_once(client, platform, clock):
    asked = {"subject": "sales.orders", "target": "http://127.0.0.1/x", "kinds": sorted(KINDS)}

    made = client.post("/api/v1/subscriptions", json=asked, headers=holder(platform, clock))

    assert made.status_code == 201, made.text
    assert set(made.json()["kinds"]) == set(KINDS)


def test_incidents_of_a_domain_that_is_not_there_are_not_said_to_be_none(client, platform, clock):
    ada = holder(platform, clock)

    assert client.get("/api/v1/incidents?domain=sales", headers=ada).json() == {"incidents": []}
    wrong = client.get("/api/v1/incidents?domain=slaes", headers=ada)

    assert wrong.status_code == 400
    assert wrong.json()["diagnostics"][0]["fix"] == "did you mean `sales`?"


def test_a_target_inside_is_refused_with_its_code(client, platform, clock):
    ada = holder(platform, clock)

    refused = client.post(
        "/api/v1/subscriptions", json={"subject": "sales", "target": "https://169.254.169.254/"}, headers=ada
    )

    assert (refused.status_code, refused.json()["type"]) == (400, "urn:weft:WFT-OBS-004")
    assert (
        client.post("/api/v1/subscriptions", json={"subject": "a\x00b", "target": "x"}, headers=ada).status_code == 422
    )


def test_only_who_manages_a_domain_mutes_for_its_owners(client, platform, clock):
    ada = holder(platform, clock)

    assert client.post("/api/v1/domains/sales/mutes", json={"subject": "sales"}, headers=ada).status_code == 403
    assert client.get("/api/v1/domains/sales/mutes", headers=ada).json() == {"domain": "sales", "subjects": []}


def test_everybody_sees_what_is_wrong_and_the_domain_says_who_looks_after_it(client, platform, clock):
    ada, sales = holder(platform, clock), holder(platform, clock, domain="sales")
    other = holder(platform, clock, domain="legal")
    clock.move(hours=5)
    platform.notices_step()

    (one,) = client.get("/api/v1/incidents", headers=ada).json()["incidents"]
    assert (one["subject"], one["state"]) == (str(ORDERS), "open")
    assert client.get("/api/v1/domains/sales", headers=ada).json()["incidents"][0]["incident_id"] == one["incident_id"]
    path = f"/api/v1/incidents/{one['incident_id']}"
    assert client.post(f"{path}/acknowledge", headers=other).status_code == 403
    assert client.post(f"{path}/acknowledge", headers=sales).json()["acknowledged_by"] == "domain:sales"
    assert client.post(f"{path}/comments", json={"text": "the source moved"}, headers=sales).status_code == 200
    assert client.post(f"{path}/close", json={"text": "no harm"}, headers=sales).json()["state"] == "closed"
    assert client.post(f"{path}/comments", json={"text": "late"}, headers=sales).status_code == 409
    assert [line["text"] for line in client.get(path, headers=ada).json()["timeline"]][1:] == [
        "domain:sales looks after it",
        "the source moved",
        "no harm",
    ]
    assert client.get("/api/v1/incidents/i-0", headers=ada).status_code == 404


def test_usage_is_for_owners_and_operators(client, platform, clock):
    platform.usage.store.add([Meter(clock(), "cpu_seconds", 1.5, "sales.orders", "sales.orders", "build")])
    ada = holder(platform, clock)

    assert client.get("/api/v1/usage", headers=ada).status_code == 403
    assert client.get("/api/v1/usage?domain=sales", headers=ada).status_code == 403
    assert client.get("/api/v1/usage?first=2026-13-01&domain=sales", headers=ada).status_code == 403

    domain = {"name": "sales", "members": [{"user": "ada", "roles": ["owner"]}]}
    publish(platform.rooms.production, clock, contract=SLOW, domain_document=domain)
    found = client.get("/api/v1/usage?domain=sales&by=product", headers=ada).json()
    assert found["usage"] == [{"product": "sales.orders", "kind": "cpu_seconds", "amount": 1.5}]
    wrong = client.get("/api/v1/usage?first=2026-13-01&domain=sales", headers=ada)
    assert (wrong.status_code, wrong.json()["type"]) == (400, "urn:weft:WFT-OBS-011")
    assert client.get("/api/v1/usage?domain=sales&by=colour", headers=ada).status_code == 422


def test_the_web_process_tells_and_shows_without_an_engine(platform, clock, tmp_path):
    code = (
        "import sys\n"
        "from fastapi.testclient import TestClient\n"
        "from weft.api.platform import open_platform\n"
        "from weft.server.app import create_app\n"
        "client = TestClient(create_app(open_platform(sys.argv[1])))\n"
        "known = {'Authorization': sys.argv[2]}\n"
        "for path in ('incidents', 'subscriptions', 'deliveries', 'domains/sales', 'usage'):\n"
        "    assert client.get('/api/v1/' + path, headers=known).status_code in (200, 403), path\n"
        "wanted = {'subject': 'sales', 'target': 'https://hooks.example.com/x'}\n"
        "assert client.post('/api/v1/subscriptions', json=wanted, headers=known).status_code == 201\n"
        "print([m for m in ('duckdb', 'pyarrow', 'pyiceberg') if m in sys.modules])\n"
    )
    clock.at = dt.datetime.now(dt.UTC)
    token = holder(platform, clock)["Authorization"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}

    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), token], env=environment, capture_output=True, text=True, timeout=120
    )

    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr


def test_every_notice_route_needs_somebody_and_has_its_line_in_the_table(client, platform):
    paths = [p for p in client.get("/api/v1/openapi.json").json()["paths"] if "incidents" in p or "deliver" in p]

    assert len(paths) == 7
    assert {client.get(p).status_code for p in ("/api/v1/incidents", "/api/v1/deliveries", "/api/v1/usage")} == {401}
    assert Action.SUBSCRIBE.value == "notices.subscribe"


def test_an_incident_of_a_draft_is_for_its_domain(client, platform, clock):
    ada, sales = holder(platform, clock), holder(platform, clock, domain="sales")
    publish(platform.rooms.production, clock, contract=SLOW, status="draft")
    clock.move(hours=5)
    platform.notices_step()

    (one,) = client.get("/api/v1/incidents", headers=sales).json()["incidents"]

    assert client.get("/api/v1/incidents", headers=ada).json() == {"incidents": []}
    assert client.get(f"/api/v1/incidents/{one['incident_id']}", headers=ada).status_code == 404
    assert client.get(f"/api/v1/incidents/{one['incident_id']}", headers=sales).status_code == 200


def test_what_the_owners_of_all_domains_are_spared_is_one_list(client, platform, clock):
    platform.notices.mute(keyboard("root"), "sales", "*")

    answer = client.get("/api/v1/mutes", headers=holder(platform, clock))

    assert answer.json() == {"mutes": [{"domain": "sales", "subject": "*"}]}
    assert client.get("/api/v1/mutes").status_code == 401


def test_a_worker_that_is_told_to_stop_leaves_the_rest_of_the_messages_to_the_next_one(platform, clock):
    with receiving() as receiver:
        for _ in range(40):
            platform.notices.subscribe(keyboard("root"), "sales", receiver.url, kinds=["published"])
        publish(platform.rooms.production, clock, contract=SLOW)

        NoticesLoop(platform, lambda: bool(receiver.requests)).step()
        before = len(receiver.requests)
        NoticesLoop(platform).step()

    assert (before, len(receiver.requests)) == (16, 40)
    assert len(set(receiver.ids)) == 40


def test_what_somebody_is_told_in_the_portal_is_theirs_alone_as_page_as_json_and_over_the_api(client, platform, clock):
    platform.identity.users.add("ada", "x", [], actor="root", at=clock())
    ada, eve = holder(platform, clock), holder(platform, clock, "eve")
    made = client.post("/api/v1/subscriptions", json={"subject": "sales.orders"}, headers=ada).json()
    publish(platform.rooms.production, clock, contract=SLOW)
    platform.notices.tell()

    found = client.get("/api/v1/notices", headers=ada).json()
    page = client.get("/notices", headers={**ada, "Accept": "application/json"}).json()
    number = found["notices"][0]["number"]

    assert (made["channel"], made["target"], made["secret"]) == ("portal", "", None)
    assert [one["title"] for one in found["notices"]] == ["sales.orders is published"]
    at = page["notices"][0]["at"]
    assert page["notices"] == [{**found["notices"][0], "at": at, "path": "/products/sales/orders"}]
    assert (found["unread"], client.get("/api/v1/notices", headers=eve).json()["notices"]) == (1, [])
    read = {"number": number}
    assert client.post("/api/v1/notices/read", json=read, headers=eve).status_code == 404
    assert client.post("/api/v1/notices/read", json={"number": "1"}, headers=ada).status_code == 422
    assert client.post("/api/v1/notices/read", json=read, headers=ada).json() == {"unread": 0}
    assert client.get("/api/v1/notices?unread=true", headers=ada).json()["notices"] == []
    assert client.get("/api/v1/notices").status_code == 401
    assert client.get("/api/v1/deliveries", headers=ada).json() == {"deliveries": []}
