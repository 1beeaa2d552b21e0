"""Several servers of one mesh, each with a folder of its own: what one has signed or kept holds at the others."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.domains import TestServer, planes, repository, serving
from tests.meshes import command
from tests.scenarios.test_iceberg_rest import PORT, data_file, fetch, granted, keys_of, loaded
from tests.scenarios.test_saved_queries import done
from tests.servers import empty_database, registry_database
from tests.stores import ObjectServer

MASK = """\
rules:
  - {id: hidden, description: Hidden, ports: [fleet], columns: [amount], mask: {kind: "null"}, when: {users: [max]}}
"""


class Shared:
    """Two servers of one mesh, each with a folder of its own."""

    def __init__(self, one: TestServer, other: TestServer, store: ObjectServer, bucket: str, folder: Path) -> None:
        self.one, self.other, self.store, self.bucket = one, other, store, bucket
        self.mesh = repository(folder / "fleet", one.url, one.token("ada"), "fleet")
        planes(self.mesh)
        done(self.mesh, "apply")
        self.masked = granted(one, self.mesh, "max", folder / "max")

    def kept(self) -> list[str]:
        """What lies in the store of links."""
        return [key for key in self.store.keys(self.bucket) if "/.links/" in key]


@pytest.fixture
def shared(store: ObjectServer, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shared]:
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    bucket = store.bucket()
    for name in ("one", "other"):
        (tmp_path / name / "governance").mkdir(parents=True)
        (tmp_path / name / "governance/access.yaml").write_text(MASK)
    with empty_database(postgres) as url, empty_database(postgres) as tables:
        (tmp_path / "weft.toml").write_text(f'[mesh]\nname = "company"\nregistry = "{url}"\n')
        subprocess.run(command("db", "upgrade"), cwd=tmp_path, check=True)
        settings = store.settings(bucket).replace("[storage]\n", f'[storage]\ncatalog = "{tables}"\n')
        with (
            serving(tmp_path / "one", url, settings) as one,
            serving(tmp_path / "other", url, settings) as other,
        ):
            yield Shared(one, other, store, bucket, tmp_path)


def made(server: TestServer, secret: str, **asked: str) -> dict[str, Any]:
    sent = {"Authorization": f"Bearer {secret}"}
    answer = httpx.post(f"{server.url}/api/v1/data/{PORT}/links", json=asked, headers=sent, timeout=60)
    assert answer.status_code == 201, answer.text
    (link,) = answer.json()["links"]
    return dict(link)


def fetched(server: TestServer, link: dict[str, Any]) -> httpx.Response:
    return httpx.get(f"{server.url}{link['url']}", timeout=60, follow_redirects=True)


def rows(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(parquet.read_table(pa.BufferReader(answer.content)).to_pylist())


def test_a_link_that_one_server_has_made_is_followed_and_revoked_at_another(shared):
    ada = shared.mesh.token
    whole, hidden = made(shared.one, ada), made(shared.one, shared.masked)
    assert (whole["materialised"], hidden["materialised"]) == (False, True)

    assert [row["amount"] for row in rows(fetched(shared.other, whole))] == [i * 7 % 100 for i in range(100)]
    assert {row["amount"] for row in rows(fetched(shared.other, hidden))} == {None}
    for link in (whole, hidden):
        asked = httpx.head(f"{shared.other.url}{link['url']}", timeout=60, follow_redirects=True)
        assert (asked.status_code, asked.headers["content-length"]) == (200, str(link["size_bytes"]))
    assert not list((shared.one.root / ".weft/server").glob("links/*"))

    for link, secret in ((whole, ada), (hidden, shared.masked)):
        theirs = {"Authorization": f"Bearer {secret}"}
        others = {"Authorization": f"Bearer {shared.masked if secret == ada else ada}"}
        url = f"{shared.other.url}{link['url']}"
        assert httpx.delete(url, headers=others, timeout=60).status_code == 404
        assert httpx.delete(url, headers=theirs, timeout=60).status_code == 204
        assert {fetched(server, link).status_code for server in (shared.one, shared.other)} == {404}
    assert shared.kept() == []


def test_cursors_entity_tags_and_keys_of_one_server_hold_at_another(shared):
    sent = {"Authorization": f"Bearer {shared.masked}"}
    first = httpx.get(f"{shared.one.url}/api/v1/data/{PORT}", params={"limit": 5}, headers=sent, timeout=60)

    asked = {"limit": 5, "cursor": first.json()["next"]}
    second = httpx.get(f"{shared.other.url}/api/v1/data/{PORT}", params=asked, headers=sent, timeout=60)
    same = {**sent, "If-None-Match": first.headers["etag"]}
    again = httpx.get(f"{shared.other.url}/api/v1/data/{PORT}", params={"limit": 5}, headers=same, timeout=60)
    table = loaded(shared.one, shared.mesh.token)

    assert [row["id"] for row in second.json()["rows"]] == [5, 6, 7, 8, 9]
    assert again.status_code == 304
    assert fetch(shared.other, keys_of(table), data_file(table)).content[:4] == b"PAR1"


def test_links_that_are_over_go_from_the_store_with_their_files_and_what_was_left_halfway_stays_for_a_day(shared):
    short = made(shared.one, shared.masked, lasts="1s")
    before = shared.kept()
    assert len(before) == 2
    half = f"{before[0].rpartition('/')[0]}/{'a' * 24}.parquet"
    shared.store.client().put_object(Bucket=shared.bucket, Key=half, Body=b"x")
    time.sleep(1.1)
    assert fetched(shared.other, short).status_code == 404

    made(shared.other, shared.mesh.token)

    left = set(shared.kept())
    assert not left & set(before) and half in left and len(left) == 2


def test_what_is_made_up_names_no_object_of_the_store(shared):
    link = made(shared.one, shared.masked)
    name, _, signature = link["url"].rpartition("/")[2].partition(".")

    for token in (f"{name}.{'0' * 32}", f"{'b' * 24}.{signature}", f"{name[:20]}.{signature}", f"{name}*.{signature}"):
        answer = httpx.get(f"{shared.other.url}/api/v1/links/{token}", timeout=60)
        assert answer.status_code == 404 and "WFT-SRV-065" in answer.text


def test_a_worker_tells_what_fails_in_the_form_of_the_servers_log(postgres, tmp_path):
    with registry_database(postgres) as url:
        (tmp_path / "weft.toml").write_text(f'[mesh]\nregistry = "{url}"\n')
        worker = subprocess.Popen(command("worker"), cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        assert worker.stderr is not None
        lines = map(json.loads, iter(worker.stderr.readline, ""))
        name = url.rpartition("/")[2]
        assert "takes jobs of 0 products" in next(lines)["message"]  # it has begun: what fails now, its log tells
    told = next(line for line in lines if line["level"] not in ("debug", "info"))
    worker.terminate()
    worker.communicate(timeout=60)

    assert (told["log"], told["level"]) == ("weft.worker", "warning")
    assert name in told["message"]
