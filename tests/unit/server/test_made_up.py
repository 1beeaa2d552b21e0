"""What somebody has made up on purpose: cursors with a good checksum, times of no calendar, bodies that are none."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.unit.server.company import bearer, company
from weft.server.app import create_app


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    with company(tmp_path_factory.mktemp("company")) as platform:
        yield TestClient(create_app(platform), headers=bearer(platform, "finn"))


def forged(of: str, place: Any) -> str:
    """A cursor as whoever has read the code makes it."""
    text = json.dumps(place).encode()
    check = hashlib.sha256(b"weft cursor\n" + of.encode() + b"\n" + text).digest()[:8]
    return base64.urlsafe_b64encode(check + text).decode().rstrip("=")


@pytest.mark.parametrize(
    "place",
    [
        ["yesterday", "run"],
        ["2026-03-01T00:00:00", "run"],
        ["0001-01-01T00:00:00+14:00", "run"],
        ["9999-12-31T23:59:59-14:00", "run"],
        ["2026-03-01T00:00:00Z", "\ud800"],
        ["2026-03-01T00:00:00Z", "a\x00b"],
        ["2026-03-01T00:00:00Z", 5],
        ["2026-03-01T00:00:00Z"],
        {"0": 1},
        None,
    ],
)
def test_a_cursor_of_runs_with_a_good_checksum_and_a_bad_place_is_refused(client, place):
    answer = client.get("/api/v1/runs", params={"cursor": forged("runs None", place)})

    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (400, "WFT-SRV-006")


def test_a_forged_cursor_with_a_good_place_shows_what_anybody_may_see_there(client):
    found = client.get("/api/v1/runs", params={"cursor": forged("runs None", ["2026-03-01T00:00:00Z", "x"])})

    assert found.status_code == 200


@pytest.mark.parametrize("place", [[2**70], [-1], [True], [1.5], ["1"]])
def test_a_cursor_of_a_history_with_a_number_that_is_none_is_refused(client, place):
    of = "history fleet.aircraft.planes@1"
    answer = client.get("/api/v1/ports/fleet/aircraft/planes@1/history", params={"cursor": forged(of, place)})

    assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (400, "WFT-SRV-006")


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_is_on_no_calendar_is_a_wrong_field(client, at):
    publication = "/api/v1/registry/ports/fleet.aircraft.planes@1/publication"
    job = {"product": "fleet.aircraft", "start": at, "end": "2026-03-01T00:00:00Z"}

    assert client.get(publication, params={"at": at}).status_code == 422
    assert client.get("/api/v1/registry/runs", params={"before": at}).status_code == 422
    assert client.post("/api/v1/jobs", json=job).status_code == 422


def test_a_time_without_a_zone_is_in_utc_wherever_the_server_stands(client, monkeypatch):
    place = "/api/v1/registry/ports/fleet.aircraft.planes@1/publication"
    naive, utc = (client.get(place, params={"at": f"2026-11-20T10:00:00{zone}"}) for zone in ("", "Z"))

    assert naive.status_code == utc.status_code == 200
    assert naive.content == utc.content


def test_a_revision_beyond_all_numbers_is_a_wrong_field(client):
    place = "/api/v1/registry/ports/fleet.aircraft.planes@1/history"

    assert client.get(place, params={"before": 2**70}).status_code == 422


NOT_TO_BE_READ = {
    "deep": b'{"name": ' + b"[" * 200_000,
    "deep and whole": b'{"name": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "no utf-8": b'{"run_id": "\xff", "name": "\xff"}',
    "half a surrogate": b'{"run_id": "\\ud800", "name": "\\ud800"}',
    "no number": b'{"name": NaN}',
    "cut off": b'{"name": "x',
    "nothing": b"",
    "another type": b"[1, 2]",
}


@pytest.mark.parametrize("body", NOT_TO_BE_READ.values(), ids=NOT_TO_BE_READ)
def test_a_body_that_cannot_be_read_is_refused_by_every_route_and_is_no_fault(client, body):
    routes = [
        ("POST", "/api/v1/domains"),
        ("PUT", "/api/v1/domains/fleet"),
        ("POST", "/api/v1/runs"),
        ("PUT", "/api/v1/runs/run-aircraft"),
        ("POST", "/api/v1/runs/run-aircraft/tables"),
        ("POST", "/api/v1/publications"),
        ("POST", "/api/v1/scans"),
        ("POST", "/api/v1/registry/lineage"),
        ("POST", "/api/v1/jobs"),
        ("POST", "/api/v1/tokens"),
        ("POST", "/api/v1/session"),
    ]
    for method, path in routes:
        answer = client.request(method, path, content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (400, 422), (method, path, answer.text[:300])
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_domain_whose_texts_no_database_takes_is_refused(client):
    for title in ("a\x00b", "\ud800"):
        body = json.dumps({"name": "shop", "title": title, "kind": "aggregate", "owner": {"team": "x"}}).encode()
        answer = client.post("/api/v1/domains", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (201, 400, 422), answer.text


def test_a_stranger_fills_no_memory_with_a_body_that_is_larger_than_any_sign_in(client):
    stranger = TestClient(client.app)
    large = b'{"user": "ada", "password": "' + b"x" * 5_000_000 + b'"}'

    for path in ("/api/v1/session", "/api/v1/tokens/exchange", "/login", "/api/v1/jobs"):
        answer = stranger.post(path, content=large, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["diagnostics"][0]["code"]) == (413, "WFT-SRV-008"), path
    refused = stranger.post("/api/v1/publications", content=large, headers={"Content-Type": "application/json"})
    assert refused.status_code == 401, "who asks is known before a byte of the document is read"
