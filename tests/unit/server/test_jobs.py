"""Routes of jobs and schedules: who may start, end and hear what."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.meshes import with_model_by_time
from weft.api.platform import Platform, open_platform
from weft.model.address import ProductAddress
from weft.model.checks import FIRST_ROWS
from weft.model.records import DomainRecord, ProductRecord
from weft.plan.keeping import window
from weft.registry import codec
from weft.registry.job_rows import add_lines
from weft.registry.queue import Queue
from weft.registry.sql_tables import SqlTables
from weft.server.app import create_app

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
MEMBERS = [{"user": "dev", "roles": ["developer"]}, {"user": "ana", "roles": ["analyst"]}]


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    (tmp_path / "weft.toml").write_text('[mesh]\nname = "company"\n')
    made = open_platform(tmp_path, lambda: NOW)
    for product in ("shop.orders", "other.orders"):
        with_model_by_time(tmp_path, product)
    schedule = {"customProperties": [{"property": "weft.schedule", "value": {"cron": "0 6 * * *"}}]}
    with made.database.writing() as statements:
        tables = SqlTables(statements)
        for domain in ("shop", "other"):
            members = MEMBERS if domain == "shop" else []
            tables.put_domain(DomainRecord(domain, domain, "source", None, "team", None, {"members": members}))
            address = ProductAddress(domain, "orders")
            tables.put_product(ProductRecord(address, "Orders", "active", None, (), "company", (), schedule))
            statements.run(
                "INSERT INTO publications (port, revision, snapshot_id, run_id, published_at, header, contract, "
                "manifest) VALUES (?, 1, 's', 'r', 't', '{}', ?, ?)",
                (f"{domain}.orders.rows@1", codec.packed({}), codec.packed([])),
            )
            statements.run(
                "INSERT INTO ports (port, name, major, revision, is_default, retired) VALUES (?, ?, 1, 1, 1, 0)",
                (f"{domain}.orders.rows@1", f"{domain}.orders.rows"),
            )
    yield made
    made.close()


@pytest.fixture
def client(platform: Platform) -> TestClient:
    return TestClient(create_app(platform))


def known(platform: Platform, user: str) -> dict[str, str]:
    secret = platform.identity.tokens.create(
        kind="personal", owner=user, label="x", domain=None, actions=None, at=NOW, expires_at=NOW + dt.timedelta(days=1)
    )[1]
    return {"Authorization": f"Bearer {secret}"}


def test_whoever_may_run_a_domain_starts_and_ends_jobs_of_it_and_of_no_other(client, platform):
    dev = known(platform, "dev")

    started = client.post("/api/v1/jobs", json={"product": "shop.orders"}, headers=dev)
    refused = client.post("/api/v1/jobs", json={"product": "other.orders"}, headers=dev)
    ended = client.post("/api/v1/jobs/job-1/cancel", headers=dev)
    again = client.post("/api/v1/jobs/job-1/cancel", headers=dev)

    assert (started.status_code, started.json()["state"], started.json()["by"]) == (202, "queued", "dev")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:weft:WFT-ACC-010")
    assert (ended.status_code, ended.json()["state"]) == (202, "cancelled")
    assert (again.status_code, again.json()["type"]) == (409, "urn:weft:WFT-RUN-043")


def test_whoever_only_reads_sees_jobs_and_neither_starts_nor_ends_nor_hears_them(client, platform):
    platform.jobs.start("shop.orders", "dev")
    ana = known(platform, "ana")

    assert [j["product"] for j in client.get("/api/v1/jobs", headers=ana).json()["jobs"]] == ["shop.orders"]
    assert client.get("/api/v1/jobs/job-1", headers=ana).json()["job_id"] == "job-1"
    for method, path in (("POST", "/api/v1/jobs/job-1/cancel"), ("GET", "/api/v1/jobs/job-1/log")):
        assert client.request(method, path, headers=ana).status_code == 403
    assert client.post("/api/v1/jobs", json={"product": "shop.orders"}, headers=ana).status_code == 403
    assert client.post("/api/v1/schedules/shop/orders/pause", headers=ana).status_code == 403
    assert client.get("/api/v1/jobs").status_code == 401


def test_what_came_of_a_job_is_told_without_rows(client, platform):
    job = platform.jobs.start("shop.orders", "dev")
    told = {"what": "breaks `range`", "why": f"found 3 rows{FIRST_ROWS}name=Noor", "samples": [{"name": "Noor"}]}
    with platform.database.writing() as statements:
        queue = Queue(statements)
        claimed = queue.claim("w", NOW, dt.timedelta(seconds=60))
        queue.finish(job.job_id, claimed.fence, {"ports": [{"diagnostics": [told]}], "diagnostics": [told]}, NOW)

    for path in ("/api/v1/jobs", "/api/v1/jobs/job-1"):
        for who in ("dev", "ana", "stranger-to-the-shop"):
            heard = client.get(path, headers=known(platform, who))
            assert heard.status_code == 200
            assert "found 3 rows" in heard.text
            assert "Noor" not in heard.text, (path, who)


def test_a_job_of_another_domain_is_neither_ended_nor_heard(client, platform):
    platform.jobs.start("other.orders", "root")
    dev = known(platform, "dev")

    assert client.post("/api/v1/jobs/job-1/cancel", headers=dev).status_code == 403
    assert client.get("/api/v1/jobs/job-1/log", headers=dev).status_code == 403
    assert client.post("/api/v1/schedules/other/orders/pause", headers=dev).status_code == 403
    assert platform.jobs.one("job-1").state == "queued"


def test_a_backfill_is_a_job_for_each_piece(client, platform):
    dev = known(platform, "dev")
    wanted = {"product": "shop.orders", "start": "2026-01-01", "end": "2026-01-10T12:00:00Z", "by_hours": 48}

    made = client.post("/api/v1/jobs", json=wanted, headers=dev).json()
    again = client.post("/api/v1/jobs", json=wanted, headers=dev).json()

    assert (made["pieces"], made["states"]) == (5, {"queued": 5})
    assert again["backfill"] == made["backfill"]
    windows = [j["window"] for j in client.get("/api/v1/jobs", headers=dev).json()["jobs"]]
    assert windows[0] == {"start": "2026-01-09T00:00:00+00:00", "end": "2026-01-10T12:00:00+00:00"}
    assert windows[-1]["start"] == "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"product": "shop.ordres"}, 404, "WFT-RUN-040"),
        ({"product": "shop"}, 404, "WFT-RUN-040"),
        ({"product": "shop.orders", "start": "2026-01-01"}, 400, "WFT-RUN-046"),
        ({"product": "shop.orders", "start": "2026-01-02", "end": "2026-01-01"}, 400, "WFT-PLN-016"),
        ({"product": "shop.orders", "start": "1500-01-01", "end": "2026-01-01", "by_hours": 1}, 400, "WFT-RUN-046"),
        ({"product": "shop.orders", "priority": 9}, 422, "WFT-SRV-003"),
        ({"product": "shop.orders", "start": "2026-01-01", "end": "2026-01-02", "by_hours": "6"}, 422, "WFT-SRV-003"),
        ({}, 422, "WFT-SRV-003"),
    ],
)
def test_what_cannot_be_started_is_said_why(client, platform, body, status, code):
    answer = client.post("/api/v1/jobs", json=body, headers=known(platform, "dev"))

    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:weft:{code}")


def test_a_log_is_told_line_by_line_and_goes_on_where_it_was_left(client, platform):
    job = platform.jobs.start("shop.orders", "dev")
    with platform.database.writing() as statements:
        queue = Queue(statements)
        claimed = queue.claim("w", NOW, dt.timedelta(seconds=60))
        add_lines(statements, job.job_id, [(NOW, "one"), (NOW, "two\nlines"), (NOW, "drei ß")], 100)
        queue.finish(job.job_id, claimed.fence, {}, NOW)
    dev = known(platform, "dev")

    whole = client.get("/api/v1/jobs/job-1/log?follow=true", headers=dev)
    rest = client.get("/api/v1/jobs/job-1/log", headers={**dev, "Last-Event-ID": "2"})

    assert whole.headers["content-type"].startswith("text/event-stream")
    events = [dict(x.split(": ", 1) for x in e.split("\n")) for e in whole.text.strip().split("\n\n")]
    assert [json.loads(e["data"]).get("line") for e in events] == ["one", "two\nlines", "drei ß", None]
    assert (events[-1]["event"], json.loads(events[-1]["data"])) == ("state", {"state": "succeeded"})
    assert [e.split("\n")[0] for e in rest.text.strip().split("\n\n")] == ["id: 3", "event: state"]


def test_pages_of_jobs_end(client, platform):
    for _ in range(5):
        platform.jobs.cancel(platform.jobs.start("shop.orders", "dev").job_id, "dev")
    dev, seen, after = known(platform, "dev"), [], None
    while True:
        page = client.get(
            "/api/v1/jobs", params={"limit": 2, **({"before": after} if after else {})}, headers=dev
        ).json()
        seen += [j["job_id"] for j in page["jobs"]]
        after = page["next"]
        if after is None:
            break

    assert seen == [f"job-{n}" for n in (5, 4, 3, 2, 1)]


def test_schedules_are_listed_paused_and_resumed(client, platform):
    dev = known(platform, "dev")

    before = {s["product"]: s["next_due"] for s in client.get("/api/v1/schedules", headers=dev).json()["schedules"]}
    paused = client.post("/api/v1/schedules/shop/orders/pause", headers=dev).json()
    resumed = client.post("/api/v1/schedules/shop/orders/resume", headers=dev).json()
    absent = client.post("/api/v1/schedules/shop/returns/pause", headers=dev)

    assert before == {"shop.orders": "2026-03-01T06:00:00+00:00", "other.orders": "2026-03-01T06:00:00+00:00"}
    assert (paused["paused_by"], paused["next_due"]) == ("dev", None)
    assert resumed["next_due"] == "2026-03-01T06:00:00+00:00"
    assert (absent.status_code, absent.json()["type"]) == (404, "urn:weft:WFT-RUN-047")


def test_jobs_and_schedules_of_a_draft_are_for_its_domain_and_for_operators(client, platform):
    platform.jobs.start("shop.orders", "dev")
    platform.jobs.start("other.orders", "root")
    days = window(NOW, NOW + dt.timedelta(days=2))
    backfill = (
        f"/api/v1/backfills/{platform.jobs.backfill('other.orders', days, dt.timedelta(days=1), 'root').backfill_id}"
    )
    platform.identity.user_verbs.add("op", None, ["operator"], actor="root")
    with platform.database.writing() as statements:
        address = ProductAddress("other", "orders")
        schedule = {"customProperties": [{"property": "weft.schedule", "value": {"cron": "0 6 * * *"}}]}
        SqlTables(statements).put_product(ProductRecord(address, "O", "draft", None, (), "company", (), schedule))
    seen = {}
    for who in ("dev", "op"):
        header = known(platform, who)
        jobs = client.get("/api/v1/jobs", headers=header).json()["jobs"]
        schedules = client.get("/api/v1/schedules", headers=header).json()["schedules"]
        status = {client.get(path, headers=header).status_code for path in ("/api/v1/jobs/job-2", backfill)}
        seen[who] = sorted({j["product"] for j in jobs}), sorted(s["product"] for s in schedules), status

    assert seen["dev"] == (["shop.orders"], ["shop.orders"], {404})
    assert seen["op"] == (["other.orders", "shop.orders"], ["other.orders", "shop.orders"], {200})


def test_what_somebody_starts_ends_when_the_schedule_of_its_product_says(client, platform):
    schedule = {"cron": "0 6 * * *", "timeout": "20m", "attempts": 2, "engine": "heavy"}
    with platform.database.writing() as statements:
        declared = {"customProperties": [{"property": "weft.schedule", "value": schedule}]}
        address = ProductAddress("shop", "orders")
        SqlTables(statements).put_product(ProductRecord(address, "O", "active", None, (), "company", (), declared))
    platform.jobs.schedules()
    asked = {"product": "shop.orders", "start": "2026-01-01", "end": "2026-01-02"}

    started = client.post("/api/v1/jobs", json={"product": "shop.orders"}, headers=known(platform, "dev")).json()
    client.post("/api/v1/jobs", json=asked, headers=known(platform, "dev"))
    other = platform.jobs.start("other.orders", "root")

    assert (started["timeout_s"], started["max_attempts"]) == (1200, 2)
    assert (platform.jobs.one("job-2").timeout_s, platform.jobs.one("job-2").engine) == (1200, "heavy")
    assert (other.timeout_s, other.max_attempts) == (6 * 3600, 5)


def test_a_backfill_is_seen_by_everybody_and_ended_by_whoever_may_run_its_domain(client, platform):
    wanted = {"product": "other.orders", "start": "2026-01-01", "end": "2026-01-03", "by_seconds": 43200}
    platform.identity.user_verbs.add("op", None, ["operator"], actor="root")
    made = client.post("/api/v1/jobs", json=wanted, headers=known(platform, "op")).json()
    path = f"/api/v1/backfills/{made['backfill']}"

    seen = client.get(path, headers=known(platform, "ana")).json()
    refused = client.post(f"{path}/cancel", headers=known(platform, "dev"))
    ended = client.post(f"{path}/cancel", headers=known(platform, "op"))

    assert (made["pieces"], seen["states"]) == (4, {"queued": 4})
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:weft:WFT-ACC-010")
    assert (ended.status_code, ended.json()["states"]) == (202, {"cancelled": 4})


def test_who_starts_a_product_again_and_again_gets_the_job_that_waits_and_takes_no_more_of_the_line(client, platform):
    platform.identity.user_verbs.add("op", None, ["operator"], actor="root")
    dev, op, asked = known(platform, "dev"), known(platform, "op"), {"product": "shop.orders"}

    made = [client.post("/api/v1/jobs", json=asked, headers=who).json()["job_id"] for who in (dev, op, dev)]
    with platform.database.writing() as statements:
        claimed = Queue(statements).claim("w", NOW, dt.timedelta(seconds=60))
    later = [client.post("/api/v1/jobs", json=asked, headers=dev).json()["job_id"] for _ in range(2)]
    with platform.database.writing() as statements:
        Queue(statements).fail("job-1", claimed.fence, {}, NOW, passing=True, chance=0.5)
        Queue(statements).cancel("job-2", "dev", NOW)
    now = client.post("/api/v1/jobs", json=asked, headers=dev).json()

    assert made == ["job-1"] * 3
    assert later == ["job-2"] * 2, "what runs has begun without what was published since"
    assert now["job_id"] == "job-3", "job-1 sleeps until it is tried again"


def test_a_job_that_waits_says_what_for(client, platform):
    dev = known(platform, "dev")
    client.post("/api/v1/jobs", json={"product": "shop.orders"}, headers=dev)

    free = client.get("/api/v1/jobs/job-1", headers=dev).json()["waits"]
    shutil.rmtree(platform.rooms.settings.root / "domains")
    nobody = client.get("/api/v1/jobs/job-1", headers=dev).json()["waits"]
    with platform.database.writing() as statements:
        claimed = Queue(statements).claim("w", NOW, dt.timedelta(seconds=60))
    client.post("/api/v1/jobs", json={"product": "shop.orders"}, headers=dev)
    runs, waits = (client.get(f"/api/v1/jobs/job-{n}", headers=dev).json() for n in (1, 2))
    with platform.database.writing() as statements:
        Queue(statements).fail("job-1", claimed.fence, {"why": "it was away"}, NOW, passing=True, chance=0.5)
    (later,) = [j for j in client.get("/api/v1/jobs", headers=dev).json()["jobs"] if j["job_id"] == "job-1"]

    assert (nobody["for"], free["for"]) == ("no files", "worker")
    assert (runs["waits"], waits["waits"]["job"]) == (None, "job-1")
    assert waits["waits"]["text"] == "waits for job-1 of its product, which runs"
    assert later["waits"]["until"] == "2026-03-01T00:00:10+00:00"
    assert later["waits"]["text"] == "is tried again at 2026-03-01 00:00:10 UTC"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("by_day.sql", "select 1 as one\n"),
        ("by_day.sql", "/* weft\nmaterialized: merge\nkey: one\n*/\nselect 1 as one\n"),
        ("by_day.py", "def by_day():\n    ...\n"),
    ],
)
def test_a_backfill_of_what_is_built_whole_is_refused_where_it_is_asked_for(client, platform, file, text):
    dev = known(platform, "dev")
    models = platform.rooms.settings.root / "domains/shop/orders/models"
    shutil.rmtree(models)
    models.mkdir()
    (models / file).write_text(text)
    form = {"product": "shop.orders", "start": "2026-01-01", "end": "2026-01-10", "by_hours": "24"}
    page = {**dev, "Accept": "application/json", "Origin": "http://testserver"}

    answer = client.post("/api/v1/jobs", json={**form, "by_hours": 24}, headers=dev)
    seen = client.post("/backfills", data=form, headers=page)

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:weft:WFT-PLN-017")
    assert "weft schedule run shop.orders" in answer.json()["diagnostics"][0]["fix"]
    assert (seen.status_code, seen.json()["type"]) == (400, "urn:weft:WFT-PLN-017")
    assert platform.jobs.listed() == []


def test_how_far_a_backfill_is_and_why_some_of_it_failed_is_seen_without_queueing_anything(client, platform):
    dev = known(platform, "dev")
    wanted = {"product": "shop.orders", "start": "2026-01-01", "end": "2026-01-04"}
    first = client.post("/api/v1/jobs", json=wanted, headers=dev).json()
    other = client.post("/api/v1/jobs", json={**wanted, "start": "2026-01-03"}, headers=dev).json()
    told = {"code": "WFT-CON-001", "severity": "error", "what": "`rows` breaks `range`", "why": f"3{FIRST_ROWS}Noor"}
    with platform.database.writing() as statements:
        queue = Queue(statements)
        claimed = queue.claim("w", NOW, dt.timedelta(seconds=60))
        queue.fail("job-1", claimed.fence, {"failed": [{"diagnostics": [told]}]}, NOW, passing=False)

    seen = client.get(f"/api/v1/backfills/{first['backfill']}", headers=dev)
    listed = client.get("/api/v1/backfills", headers=dev).json()["backfills"]
    of_other = client.get("/api/v1/backfills?product=other.orders", headers=dev).json()["backfills"]
    page = client.get(f"/backfills/{first['backfill']}", headers={**dev, "Accept": "text/html"})

    assert seen.json()["states"] == {"failed": 1, "queued": 2}
    assert seen.json()["failed"] == [
        {
            "job": "job-1",
            "state": "failed",
            "window": {"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-02T00:00:00+00:00"},
            "code": "WFT-CON-001",
            "why": "`rows` breaks `range`",
        }
    ]
    assert seen.json()["window"] == {"start": "2026-01-01T00:00:00+00:00", "end": "2026-01-04T00:00:00+00:00"}
    assert [one["backfill"] for one in listed] == [other["backfill"], first["backfill"]]
    assert of_other == []
    assert "<code>rows</code> breaks <code>range</code>" in page.text
    assert "waits for a worker that is free" in page.text
    assert "Noor" not in seen.text + page.text
    assert platform.jobs.progress(first["backfill"]).states == {"failed": 1, "queued": 2}
