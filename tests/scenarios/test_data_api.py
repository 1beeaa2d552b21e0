"""The data API: pages of a port over HTTP, by whoever may read it, as they may see it."""

from __future__ import annotations

import csv
import io
import itertools
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.domains import Repository, TestServer, planes, repository, serving
from tests.scenarios.test_saved_queries import done

PORT = "fleet.aircraft.planes@1"


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet` of ada, whose amounts are confidential."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh, classification="confidential")
    done(mesh, "apply")
    return mesh


@pytest.fixture(scope="module")
def ada(server, fleet) -> str:
    return server.token("ada")


@pytest.fixture(scope="module")
def eve(server, fleet, tmp_path_factory) -> str:
    """Somebody to whom ada has granted the planes: she sees amounts under a mask."""
    mesh = repository(tmp_path_factory.mktemp("eve"), server.url, server.token("eve"), "eve")
    asked = mesh.json("access", "request", PORT, "--purpose", "delay model")
    done(fleet, "access", "approve", asked["request_id"])
    return server.token("eve")


def get(server: TestServer, secret: str, port: str = PORT, headers: Any = None, **asked: Any) -> httpx.Response:
    sent = {"Authorization": f"Bearer {secret}", **(headers or {})}
    return httpx.get(f"{server.url}/api/v1/data/{port}", params=asked, headers=sent, timeout=60)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["diagnostics"][0]["code"]


def test_a_page_has_the_columns_rows_and_order_that_were_asked_for(server, ada):
    answer = get(server, ada, select="amount,id", where="id between 10 and 20 and not id = 12", order="-id", limit=3)

    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["rows"] == [{"amount": i * 7 % 100, "id": i} for i in (20, 19, 18)]
    assert list(told["rows"][0]) == ["amount", "id"]
    assert (told["address"], told["filtered"], told["masked"]) == (PORT, False, {})
    assert answer.headers["weft-snapshots"] == f"{PORT}={told['snapshot']}"


@pytest.mark.parametrize("order", ["", "id", "-id", "amount", "-amount,id"])
def test_pages_one_after_another_are_all_rows_each_once(server, ada, order):
    rows, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        told = get(server, ada, order=order, limit=9, **({"cursor": cursor} if cursor else {})).json()
        rows, cursor, pages = rows + told["rows"], told["next"], pages + 1

    assert (pages, sorted(row["id"] for row in rows)) == (12, list(range(100)))
    for name in [entry for entry in order.split(",") if entry][:1]:
        values = [row[name.removeprefix("-")] for row in rows]
        assert values == sorted(values, reverse=name.startswith("-"))


def test_every_form_pages_to_the_same_rows(server, ada):
    forms = {
        "application/vnd.apache.arrow.stream": lambda b: pa.ipc.open_stream(b).read_all().to_pylist(),
        "application/vnd.apache.parquet": lambda b: parquet.read_table(pa.BufferReader(b)).to_pylist(),
        "text/csv": lambda b: [{k: int(v) for k, v in r.items()} for r in csv.DictReader(io.StringIO(b.decode()))],
    }
    for media, read in forms.items():
        rows, cursor = [], None
        for _ in range(4):
            asked = {"order": "-amount", "where": "id < 30", "limit": 10, **({"cursor": cursor} if cursor else {})}
            answer = get(server, ada, headers={"Accept": media}, **asked)
            assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, media), answer.text
            rows += read(answer.content)
            cursor = answer.headers.get("weft-next")
            if cursor is None:
                break
        assert [row["amount"] for row in rows] == sorted((i * 7 % 100 for i in range(30)), reverse=True)


def test_the_next_page_stands_in_a_link(server, ada):
    answer = get(server, ada, select="id", limit=60)

    following = httpx.get(
        f"{server.url}{answer.links['next']['url']}", headers={"Authorization": f"Bearer {ada}"}, timeout=60
    ).json()

    assert [row["id"] for row in following["rows"]] == list(range(60, 100))
    assert following["next"] is None


def test_what_somebody_has_still_is_answered_without_rows(server, ada, eve):
    first = get(server, ada, limit=5)
    tag = first.headers["etag"]

    again = get(server, ada, limit=5, headers={"If-None-Match": f'"other", {tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert get(server, ada, limit=6, headers={"If-None-Match": tag}).status_code == 200
    assert get(server, eve, limit=5, headers={"If-None-Match": tag}).status_code == 200
    assert get(server, server.token("mallory"), limit=5, headers={"If-None-Match": tag}).status_code == 404


def test_a_reader_gets_what_was_decided_for_them(server, ada, eve):
    mine, hers = (get(server, who, order="id", limit=3).json() for who in (ada, eve))

    assert [row["amount"] for row in mine["rows"]] == [0, 7, 14]
    assert hers["masked"] == {"amount": "null"} or "amount" in hers["masked"]
    assert [row["id"] for row in hers["rows"]] == [0, 1, 2]
    assert not {row["amount"] for row in hers["rows"]} & {0, 7, 14}
    assert get(server, eve, where="amount = 7").json()["rows"] == []


def test_a_port_without_a_grant_is_as_one_that_is_not_there(server, ada):
    mallory = server.token("mallory")

    hidden, missing = (get(server, mallory, port) for port in (PORT, "fleet.aircraft.nothing@1"))

    assert code(hidden) == code(missing) == (404, "WFT-SRV-064")
    assert hidden.text.replace("planes", "nothing") == missing.text
    assert get(server, "weft_nothing").status_code == 401


@pytest.mark.parametrize(("given", "fix"), [("wheer", "`where`"), ("amount", "`where=COLUMN"), ("form at", "where")])
def test_a_parameter_that_a_page_does_not_have_is_refused_instead_of_answered_with_all_rows(server, ada, given, fix):
    answer = get(server, ada, **{given: "3"})

    assert code(answer) == (400, "WFT-SRV-102")
    assert fix in answer.json()["diagnostics"][0]["fix"] and "rows" not in answer.json()


@pytest.mark.parametrize(
    "where",
    [
        "1 = 1",
        "id = 1; drop table x",
        "id = (select 1)",
        "id = 1 union select 1",
        "id = 1 -- x",
        "read_text('/etc/passwd') is null",
        "id::text = '1'",
        "amount = 1 or exists (select 1)",
        "'a' = 'a'",
    ],
)
def test_a_filter_that_tries_sql_is_refused(server, ada, where):
    status, told = code(get(server, ada, where=where))

    assert (status, told) in ((400, "WFT-SRV-060"), (400, "WFT-SRV-061"))


def test_a_cursor_of_others_another_list_or_made_up_is_refused(server, ada, eve):
    cursor = get(server, ada, limit=5).json()["next"]
    assert get(server, ada, limit=7, cursor=cursor).json()["rows"][0]["id"] == 5

    flipped = [cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :] for i in range(0, len(cursor) - 2, 5)]
    refused = [
        get(server, eve, limit=5, cursor=cursor),
        get(server, ada, limit=5, cursor=cursor, where="id < 50"),
        get(server, ada, limit=5, cursor=cursor, select="id"),
        get(server, ada, limit=5, cursor=cursor, order="-id"),
        get(server, ada, limit=5, cursor="x"),
        get(server, ada, limit=5, cursor="é"),
        *itertools.starmap(lambda _, c: get(server, ada, limit=5, cursor=c), enumerate(flipped)),
    ]

    assert {code(answer) for answer in refused} == {(400, "WFT-SRV-063")}


def test_who_reads_a_page_stands_in_the_audit_also_where_it_was_kept(server, ada):
    answers = [get(server, ada, where="id = 77") for _ in range(2)]

    assert [answer.json()["rows"] for answer in answers] == [[{"id": 77, "amount": 39}]] * 2
    sent = {"Authorization": f"Bearer {ada}"}
    told = httpx.get(f"{server.url}/api/v1/audit/reads/own", params={"limit": 50}, headers=sent, timeout=60).json()
    found = [one for one in told["items"] if "77" in (one["query"] or "")]
    assert [(one["wire"], one["ended"], one["rows"]) for one in found] == [("data", "done", 1)] * 2


def links(server: TestServer, secret: str, **asked: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {secret}"}
    return httpx.post(f"{server.url}/api/v1/data/{PORT}/links", json=asked, headers=sent, timeout=60)


def test_a_link_gives_the_files_of_a_port_to_whoever_has_it(server, ada):
    answer = links(server, ada, lasts="10m")

    assert answer.status_code == 201, answer.text
    (link,) = answer.json()["links"]
    fetched = httpx.get(f"{server.url}{link['url']}", timeout=60)
    assert (fetched.status_code, link["materialised"], len(fetched.content)) == (200, False, link["size_bytes"])
    assert parquet.read_table(pa.BufferReader(fetched.content)).num_rows == 100
    part = httpx.get(f"{server.url}{link['url']}", headers={"Range": "bytes=0-3"}, timeout=60)
    assert (part.status_code, part.content) == (206, b"PAR1")
    asked = httpx.head(f"{server.url}{link['url']}", timeout=60)
    assert (asked.status_code, asked.headers["content-length"]) == (200, str(link["size_bytes"]))
    assert asked.headers["accept-ranges"] == "bytes" and asked.content == b""
    assert httpx.head(f"{server.url}/api/v1/links/{'a' * 24}.{'b' * 32}", timeout=60).status_code == 404


def test_a_link_of_somebody_who_sees_masks_gives_a_masked_file(server, eve):
    (link,) = links(server, eve).json()["links"]

    rows = parquet.read_table(pa.BufferReader(httpx.get(f"{server.url}{link['url']}", timeout=60).content)).to_pylist()

    assert link["materialised"] is True
    assert [row["id"] for row in rows] == list(range(100))
    assert not {row["amount"] for row in rows} & {i * 7 % 100 for i in range(100)}


def test_a_link_that_is_made_up_somebody_elses_or_revoked_is_not_there(server, ada, eve):
    (link,) = links(server, ada).json()["links"]
    url = f"{server.url}{link['url']}"
    last = "0" if url[-1] != "0" else "1"

    assert code(httpx.get(url[:-1] + last, timeout=60)) == (404, "WFT-SRV-065")
    assert code(httpx.get(f"{server.url}/api/v1/links/{'a' * 24}.{'b' * 32}", timeout=60)) == (404, "WFT-SRV-065")
    assert code(httpx.get(f"{server.url}/api/v1/links/..%2F..%2Fsigning.key", timeout=60)) == (404, "WFT-SRV-002")
    assert code(httpx.delete(url, headers={"Authorization": f"Bearer {eve}"}, timeout=60)) == (404, "WFT-SRV-065")
    assert httpx.delete(url, timeout=60).status_code == 401
    assert httpx.get(url, timeout=60).status_code == 200
    assert httpx.delete(url, headers={"Authorization": f"Bearer {ada}"}, timeout=60).status_code == 204
    assert code(httpx.get(url, timeout=60)) == (404, "WFT-SRV-065")


def test_a_link_is_refused_that_lasts_too_long_or_has_no_grant(server, ada):
    assert code(links(server, ada, lasts="8d")) == (400, "WFT-SRV-066")
    assert code(links(server, ada, lasts="for ever")) == (400, "WFT-SRV-066")
    assert code(links(server, server.token("mallory"))) == (404, "WFT-SRV-064")


def test_a_link_ends_with_its_time_and_with_the_right_that_it_was_made_with(server, fleet, ada, tmp_path):
    sam = repository(tmp_path / "sam", server.url, server.token("sam"), "sam")
    asked = sam.json("access", "request", PORT, "--purpose", "a week of work")
    done(fleet, "access", "approve", asked["request_id"])
    (short,) = links(server, ada, lasts="1s").json()["links"]
    (link,) = links(server, sam.token).json()["links"]
    assert httpx.get(f"{server.url}{link['url']}", timeout=60).status_code == 200

    (grant,) = [one for one in fleet.json("access", "list", "--grants")["grants"] if one["consumer"] == "sam"]
    done(fleet, "access", "revoke", grant["grant_id"])
    time.sleep(1)

    assert code(httpx.get(f"{server.url}{link['url']}", timeout=60)) == (404, "WFT-SRV-065")
    assert code(httpx.get(f"{server.url}{short['url']}", timeout=60)) == (404, "WFT-SRV-065")


def test_a_port_describes_itself_with_what_its_reader_sees(server, ada):
    sent = {"Authorization": f"Bearer {ada}"}
    document = httpx.get(f"{server.url}/api/v1/data/{PORT}/openapi.json", headers=sent, timeout=60).json()

    row = document["components"]["schemas"]["Row"]["properties"]
    assert {name: column["type"] for name, column in row.items()} == {
        "id": ["integer", "null"],
        "amount": ["integer", "null"],
    }
    assert list(document["paths"]) == [f"/api/v1/data/{PORT}"]
    page = get(server, ada, limit=1).json()
    assert set(page) == set(document["components"]["schemas"]["Page"]["required"])
    hidden = httpx.get(
        f"{server.url}/api/v1/data/{PORT}/openapi.json",
        headers={"Authorization": f"Bearer {server.token('mallory')}"},
        timeout=60,
    )
    assert code(hidden) == (404, "WFT-SRV-064")
