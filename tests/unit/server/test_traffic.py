"""What every request passes: its id, its limits, the headers of its answer, its line in the log, the metrics."""

import datetime as dt
import io
import json
import logging
from collections.abc import Iterator
from typing import Annotated

import pytest
from fastapi import Body, Depends
from fastapi.testclient import TestClient

from tests.unit.server.company import bearer, company
from weft.access.permissions import Action
from weft.api.platform import Platform
from weft.registry import codec
from weft.registry.schema import STEPS
from weft.server import logs
from weft.server.app import create_app
from weft.server.permitted import Permitted


@pytest.fixture(scope="module")
def platform(tmp_path_factory) -> Iterator[Platform]:
    with company(tmp_path_factory.mktemp("company"), '[server]\nbody_limit = "1KB"\n') as made:
        yield made


@pytest.fixture
def client(platform: Platform) -> TestClient:
    app = create_app(platform)

    @app.post("/echo", dependencies=[Depends(Permitted(Action.SEE_STATE))])
    def echo(document: Annotated[dict[str, object], Body()]) -> dict[str, object]:
        return document

    return TestClient(app, raise_server_exceptions=False)


def test_a_request_keeps_the_id_that_it_brings_and_gets_one_where_it_has_none(client):
    assert client.get("/healthz", headers={"X-Request-Id": "run-7.a"}).headers["x-request-id"] == "run-7.a"
    made = client.get("/healthz", headers={"X-Request-Id": "a\tb"}).headers["x-request-id"]
    assert len(made) == 32
    assert client.get("/nothing").headers["x-request-id"] not in ("", made)


def test_answers_tell_a_browser_to_keep_and_run_nothing(client, platform):
    headers = client.get("/api/v1/domains").headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers
    over_tls = TestClient(client.app, base_url="https://server")
    assert over_tls.get("/healthz").headers["strict-transport-security"] == "max-age=31536000"
    assert client.get("/api/v1/domains", headers=bearer(platform)).headers["cache-control"] == "private, no-cache"


def chunks(size: int) -> Iterator[bytes]:
    yield b'{"a": "'
    for _ in range(size):
        yield b"x" * 100
    yield b'"}'


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b'{"a": 1}', "application/json; charset=utf-8", 200),
        (b'{"a": "' + b"x" * 2000 + b'"}', "application/json", 413),
        (chunks(5), "application/json", 200),
        (chunks(50), "application/json", 413),
        (b'{"a": 1}', "text/plain", 415),
        (b'{"a": 1}', "", 415),
        (b'{"a": ', "application/json", 422),
        (b"[" * 900, "application/json", 422),
        (b"\xff\xfe", "application/json", 422),
        (b"[1]", "application/json", 422),
        (b"", "application/json", 422),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_by_its_fault(client, content, kind, status):
    answer = client.post("/echo", content=content, headers={"Content-Type": kind})

    assert answer.status_code == status, answer.text
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status


def test_a_fault_of_ours_is_told_as_one_with_the_id_under_which_the_log_has_it(platform):
    app = create_app(platform)

    @app.get("/broken", dependencies=[Depends(Permitted(Action.SEE_STATE))])
    def broken() -> None:
        raise RuntimeError("a value of a row")

    written = io.StringIO()
    logs.install("info", "json", written)
    try:
        answer = TestClient(app).get("/broken", headers={"X-Request-Id": "r-9"})
    finally:
        for name in ("weft", "uvicorn.error"):
            logging.getLogger(name).handlers.clear()

    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.headers["x-request-id"] == "r-9"
    assert answer.headers["x-content-type-options"] == "nosniff"
    [told] = answer.json()["diagnostics"]
    assert told["code"] == "WFT-SRV-011" and "r-9" in told["why"]
    assert "a value of a row" not in answer.text
    lines = [json.loads(text) for text in written.getvalue().splitlines()]
    assert [line["request_id"] for line in lines] == ["r-9", "r-9"]
    assert "RuntimeError: a value of a row" in lines[0]["error"]
    assert lines[1]["status"] == 500


def test_a_null_byte_names_nothing(client, platform):
    for path in ("/api/v1/domains/a%00b", "/api/v1/search?q=%00"):
        assert client.get(path, headers=bearer(platform)).status_code == 400


def test_the_log_has_a_line_of_json_for_each_request(client):
    written = io.StringIO()
    logs.install("info", "json", written)
    try:
        client.get("/api/v1/domains/fleet?secret=1", headers={"X-Request-Id": "r-1"})
    finally:
        for name in ("weft", "uvicorn.error"):
            logging.getLogger(name).handlers.clear()

    [line] = [json.loads(text) for text in written.getvalue().splitlines()]
    assert {k: line[k] for k in ("request_id", "method", "path", "route", "status", "level")} == {
        "request_id": "r-1",
        "method": "GET",
        "path": "/api/v1/domains/fleet",
        "route": "/api/v1/domains/{domain}",
        "status": 401,
        "level": "info",
    }
    assert line["ms"] >= 0
    assert "secret" not in written.getvalue()


def test_what_somebody_writes_into_an_address_stays_on_its_line_of_the_log(client):
    written = io.StringIO()
    logs.install("info", "text", written)
    try:
        client.get("/a%0Afatal%20forged")
    finally:
        for name in ("weft", "uvicorn.error"):
            logging.getLogger(name).handlers.clear()

    assert len(written.getvalue().splitlines()) == 1


def test_metrics_count_requests_by_route_and_tell_how_the_platform_stands(client, platform):
    for name in ("fleet", "crew", "nothing"):
        client.get(f"/api/v1/domains/{name}", headers=bearer(platform))
    client.get("/somewhere/else")

    text = client.get("/metrics").text

    assert 'weft_http_requests_total{method="GET",route="/api/v1/domains/{domain}",status="200"} 2.0' in text
    assert 'weft_http_requests_total{method="GET",route="/api/v1/domains/{domain}",status="404"} 1.0' in text
    assert 'weft_http_requests_total{method="GET",route="none",status="404"} 1.0' in text
    assert 'weft_http_request_seconds_bucket{le="0.025",method="GET",route="/api/v1/domains/{domain}"}' in text
    assert 'weft_part_ready{part="registry"} 1.0' in text
    assert f"weft_events {float(platform.rooms.production.last_event())}" in text


def test_metrics_count_answers_that_were_kept(client, platform):
    kept = platform.rooms.readers.cache
    kept.put("a", b"12345", 5)
    for key in ("a", "a", "b"):
        kept.get(key)

    text = client.get("/metrics").text

    assert 'weft_kept_answers_total{found="yes"} 2.0' in text
    assert 'weft_kept_answers_total{found="no"} 1.0' in text
    assert f"weft_kept_answers_bytes {float(kept.size_bytes)}" in text


def test_metrics_tell_what_waits_for_workers_and_for_how_long(client, platform):
    platform.jobs.start("fleet.aircraft", "ada")
    with platform.database.writing() as statements:
        statements.run("UPDATE jobs SET state = 'running' WHERE number = 1")
    waiting = platform.jobs.start("fleet.aircraft", "ada")
    with platform.database.writing() as statements:
        earlier = codec.time_text(waiting.not_before - dt.timedelta(seconds=90))
        statements.run("UPDATE jobs SET not_before = ? WHERE number = 2", (earlier,))

    text = client.get("/metrics").text

    assert 'weft_jobs{state="waiting"} 1.0' in text
    assert 'weft_jobs{state="running"} 1.0' in text
    assert "weft_jobs_oldest_waiting_seconds 90.0" in text
    assert "process_resident_memory_bytes" in text


def test_a_server_whose_registry_a_newer_weft_has_upgraded_is_not_ready_and_says_so(tmp_path):
    with company(tmp_path / "other") as other:
        client = TestClient(create_app(other))
        before = client.get("/readyz").status_code
        with other.database.writing() as statements:
            statements.run(f"PRAGMA user_version = {len(STEPS) + 1}")

        answer = client.get("/readyz")

        assert (before, answer.status_code) == (200, 503)
        assert answer.json()["parts"]["registry"].startswith("upgraded by a newer weft: the registry `registry.db`")


def test_the_server_says_what_is_not_ready(tmp_path):
    with company(tmp_path / "other") as other:
        client = TestClient(create_app(other))
        assert client.get("/readyz").json() == {"status": "ok", "parts": {"registry": "ok", "index": "ok"}}

        file = tmp_path / "other" / ".weft" / "registry.db"
        other.rooms.production.close()
        file.rename(file.with_suffix(".away"))
        file.mkdir()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["parts"]["registry"] == "unreachable"
        assert answer.headers["retry-after"] == "5"
        assert client.get("/healthz").status_code == 200

        file.rmdir()
        file.with_suffix(".away").rename(file)
        assert client.get("/readyz").status_code == 200
