"""A reader's own tables: uploaded, made from granted data, joined with it, and gone with the right to it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.domains import Repository, TestServer, planes, repository, serving
from weft.registry.credentials import Credential, Credentials, server_url

PLANES = 'fleet.aircraft."planes@1"'
SETTINGS = '[query]\nworkspace_size = "200KB"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server"), settings=SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """`fleet`, which ada owns and has published."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(mesh)
    ran = mesh.weft("apply")
    assert ran.returncode == 0, ran.stderr
    return mesh


@pytest.fixture(scope="module")
def ada(server, fleet) -> str:
    return server.token("ada")


@pytest.fixture(scope="module")
def bob(server, fleet) -> str:
    return server.token("bob")


def call(server, secret, method, path, **content) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}", **content.pop("headers", {})}
    return httpx.request(method, f"{server.url}/api/v1{path}", headers=headers, timeout=60, **content)


def put(server, secret, name, data: bytes, form="csv") -> httpx.Response:
    octets = {"Content-Type": "application/octet-stream"}
    return call(server, secret, "PUT", f"/workspace/{name}?form={form}", content=data, headers=octets)


def rows(server, secret, sql):
    answer = call(server, secret, "POST", "/query", json={"sql": sql})
    assert answer.status_code == 200, answer.text
    return answer.json()["rows"]


def code(answer) -> str:
    return answer.json()["diagnostics"][0]["code"]


def test_a_csv_becomes_a_table_that_is_joined_with_granted_data(server, ada):
    made = put(server, ada, "mine", b"number,colour\n1,red\n2,blue\n")

    assert made.status_code == 200, made.text
    assert (made.json()["rows"], made.json()["address"]) == (2, "my.workspace.mine")
    assert [c["type"] for c in made.json()["columns"]] == ["BIGINT", "VARCHAR"]
    joined = f"select colour, count(*) from my.workspace.mine m join {PLANES} p on true group by 1 order by 1"
    assert rows(server, ada, joined) == [["blue", 100], ["red", 100]]


def test_a_parquet_file_becomes_a_table(server, ada):
    out = io.BytesIO()
    parquet.write_table(pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]}), out)

    assert put(server, ada, "boxes", out.getvalue(), "parquet").json()["rows"] == 3
    assert rows(server, ada, "select sum(a), count(b) from my.workspace.boxes") == [["6", 2]] or rows(
        server, ada, "select sum(a), count(b) from my.workspace.boxes"
    ) == [[6, 2]]


def test_nobody_else_sees_a_table(server, ada, bob):
    put(server, ada, "private", b"a\n1\n")

    asked = call(server, bob, "POST", "/query", json={"sql": "from my.workspace.private"})

    assert (asked.status_code, code(asked)) == (404, "WFT-ACC-047")
    assert call(server, bob, "GET", "/workspace").json()["tables"] == []
    assert call(server, bob, "DELETE", "/workspace/private").status_code == 404


def test_what_is_made_by_a_query_says_what_it_was_made_from_and_how_sensitive_it_is(server, ada):
    made = call(server, ada, "POST", "/workspace/some", json={"sql": f"select * from {PLANES} limit 5"})

    assert made.status_code == 200, made.text
    assert (made.json()["rows"], made.json()["level"]) == (5, "internal")
    assert [s["port"] for s in made.json()["sources"]] == ["fleet.aircraft.planes@1"]
    answer = call(server, ada, "POST", "/query", json={"sql": "select count(*) from my.workspace.some"})
    assert answer.json()["rows"] == [[5]]
    assert "`my.workspace.some` is internal: it was made from `fleet.aircraft.planes@1`" in answer.json()["notes"]


def test_what_was_made_from_a_table_of_ones_own_goes_by_the_same_ports(server, ada):
    call(server, ada, "POST", "/workspace/first", json={"sql": f"select * from {PLANES} limit 5"})

    second = call(server, ada, "POST", "/workspace/second", json={"sql": "from my.workspace.first limit 2"})

    assert [s["port"] for s in second.json()["sources"]] == ["fleet.aircraft.planes@1"]


def test_what_was_made_goes_with_the_right_to_what_it_was_made_from(server, fleet, tmp_path):
    from weft.api.platform import open_platform

    platform = open_platform(server.root)
    try:
        carl = server.token("carl")
        now = platform.rooms.now()
        granted = platform.scanning.grants.grant(
            platform.rooms.published("fleet.aircraft.planes").address, "user", "carl",
            basis="a test", actor="ada", at=now, ends_at=None,
        )  # fmt: skip
        made = call(server, carl, "POST", "/workspace/copy", json={"sql": f"from {PLANES}"})
        assert made.status_code == 200, made.text
        assert rows(server, carl, "select count(*) from my.workspace.copy") == [[100]]

        platform.scanning.grants.end(granted.grant_id, actor="ada", at=platform.rooms.now())
        refused = call(server, carl, "POST", "/query", json={"sql": "select count(*) from my.workspace.copy"})
        assert (refused.status_code, code(refused)) == (403, "WFT-ACC-049")
        again = call(server, carl, "POST", "/workspace/more", json={"sql": "from my.workspace.copy"})
        assert code(again) == "WFT-ACC-049"
    finally:
        platform.close()


@pytest.fixture(scope="module")
def eve(server, fleet, ada) -> str:
    """Who may see the numbers of planes for one purpose, and all of them for another."""
    secret = server.token("eve")
    for purpose, columns in (("counting", ["id"]), ("weighing", None)):
        wanted = {"ports": ["fleet.aircraft.planes@1"], "purpose": purpose, "columns": columns}
        asked = call(server, secret, "POST", "/access/requests", json=wanted)
        approved = call(server, ada, "POST", f"/access/requests/{asked.json()['request_id']}/approve", json={})
        assert approved.status_code == 200, approved.text
    return secret


def test_what_was_made_for_one_purpose_shows_no_more_for_another(server, eve):
    made = call(server, eve, "POST", "/workspace/weights", json={"sql": f"from {PLANES}", "purpose": "weighing"})
    assert made.status_code == 200, made.text

    sql = "select count(amount) from my.workspace.weights"
    told = {
        purpose: call(server, eve, "POST", "/query", json={"sql": sql, "purpose": purpose})
        for purpose in (None, "weighing", "counting", "anything")
    }

    assert told[None].json()["rows"] == told["weighing"].json()["rows"] == [[100]]
    assert [code(told[purpose]) for purpose in ("counting", "anything")] == ["WFT-ACC-049"] * 2


def test_what_was_made_for_a_purpose_is_read_by_whoever_has_further_grants(server, eve):
    made = call(server, eve, "POST", "/workspace/numbers", json={"sql": f"from {PLANES}", "purpose": "counting"})
    assert made.status_code == 200, made.text

    again = call(server, eve, "POST", "/workspace/more_numbers", json={"sql": "from my.workspace.numbers"})

    assert again.status_code == 200, again.text
    assert rows(server, eve, "select count(*) from my.workspace.more_numbers") == [[100]]


def test_a_workspace_has_a_size(server, bob):
    large = b"a\n" + b"\n".join(str(i * 7919).encode() for i in range(60_000))

    refused = put(server, bob, "large", large)

    assert (refused.status_code, code(refused)) == (413, "WFT-ACC-051")
    assert call(server, bob, "GET", "/workspace").json()["tables"] == []
    assert not list((server.root / ".weft/workspace").rglob(".*"))


def test_a_file_that_is_not_what_it_is_said_to_be_is_refused(server, bob):
    refused = put(server, bob, "broken", b"PAR1 nothing PAR1", "parquet")

    assert (refused.status_code, code(refused)) == (400, "WFT-ACC-050")
    assert ".weft" not in refused.text


def written(table: pa.Table) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out, compression="zstd")
    return out.getvalue()


GOOD = written(pa.table({"a": [1, 2, 3]}))


@pytest.mark.parametrize(
    ("form", "data", "status"),
    [
        ("parquet", GOOD[:-8] + (2**31 - 1).to_bytes(4, "little") + b"PAR1", 400),
        ("parquet", b"PAR1" + b"\xff" * 5000 + (5000).to_bytes(4, "little") + b"PAR1", 400),
        ("parquet", GOOD[:20] + bytes(255 - x for x in GOOD[20:60]) + GOOD[60:], 400),
        ("parquet", written(pa.table({'a"; drop table x --\n': [1], "../b": [2]})), 200),
        ("csv", b"file_row_number,rowid,filename\n1,2,3\n", 200),
        ("csv", b"a,a,A\n1,2,3\n", 200),
        ("csv", b"/etc/passwd\n", 200),
        ("csv", (",".join(f"c{i}" for i in range(20_000)) + "\n").encode(), 400),
    ],
    ids=[
        "footer beyond the file", "footer of noise", "damaged page", "names of columns", "pseudo columns",
        "names twice", "a path", "20,000 columns",
    ],
)  # fmt: skip
def test_a_hostile_file_becomes_a_table_or_a_refusal_that_tells_no_path(server, bob, form, data, status):
    answer = put(server, bob, "hostile", data, form)

    assert answer.status_code == status, answer.text
    assert str(server.root) not in answer.text
    if status == 200:
        assert rows(server, bob, "select count(*) from my.workspace.hostile")[0][0] in (0, 1)
        call(server, bob, "DELETE", "/workspace/hostile")


@pytest.mark.parametrize("name", ["Upper", "1st", "a-b", "a" * 63 + "b"])
def test_a_name_that_is_none_is_refused(server, bob, name):
    assert put(server, bob, name, b"a\n1\n").status_code in (404, 422)


def test_a_table_is_dropped_with_its_file(server, bob):
    put(server, bob, "gone", b"a\n1\n")
    before = set((server.root / ".weft/workspace").rglob("gone-*.parquet"))
    assert len(before) == 1

    assert call(server, bob, "DELETE", "/workspace/gone").status_code == 204

    assert not set((server.root / ".weft/workspace").rglob("gone-*.parquet"))
    assert code(call(server, bob, "POST", "/query", json={"sql": "from my.workspace.gone"})) == "WFT-ACC-047"


def test_the_command_line_keeps_lists_and_drops_tables(server, fleet, tmp_path):
    (tmp_path / "targets.csv").write_text("number,target\n1,0.5\n2,0.9\n")
    home = {"XDG_CONFIG_HOME": str(tmp_path), "WEFT_TOKEN": ""}  # else it would be the domain's
    Credentials(tmp_path / "weft").keep(Credential(server_url(server.url), server.token("dora"), "dora"))

    kept = fleet.weft("workspace", "upload", "targets", str(tmp_path / "targets.csv"), **home)
    made = fleet.weft("workspace", "make", "sums", "select sum(target) as s from my.workspace.targets", **home)
    listed = fleet.weft("workspace", "list", **home)
    gone = fleet.weft("workspace", "drop", "targets", **home)
    left = fleet.weft("workspace", "list", "--format", "json", **home)

    assert kept.returncode == 0, kept.stderr
    assert "my.workspace.targets: 2 rows" in kept.stderr
    assert made.returncode == 0, made.stderr
    assert "my.workspace.sums" in listed.stdout
    assert gone.returncode == 0
    assert [t["name"] for t in json.loads(left.stdout)["tables"]] == ["sums"]
