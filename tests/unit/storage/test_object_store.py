"""What weft does with a bucket, against a server that checks every signature."""

from __future__ import annotations

import http.client
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.stores import ObjectServer
from weft.connections import Reference, Secret
from weft.errors import WeftError
from weft.storage import object_store
from weft.storage.object_store import ObjectStore

ODD = ["a+b c&d.parquet", "é–ü@1/x%20y.parquet", "plus+/ и.parquet", "~tilde/'quote'.parquet"]


@pytest.fixture
def bucket(store: ObjectServer) -> ObjectStore:
    return ObjectStore(store.bucket(), store.connection)


@pytest.mark.parametrize("key", ODD)
def test_an_object_of_any_name_is_written_listed_read_and_removed(bucket: ObjectStore, key: str) -> None:
    bucket.put(key, b"content")

    assert [(o.key, o.size_bytes) for o in bucket.listed(key[:3])] == [(key, 7)]
    assert (bucket.get(key), bucket.size_of(key)) == (b"content", 7)
    bucket.delete(key)
    bucket.delete(key)
    assert bucket.size_of(key) is None
    with pytest.raises(FileNotFoundError):
        bucket.get(key)


def test_every_page_of_a_list_is_read(
    store: ObjectServer, bucket: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_store, "_PAGE", 2)
    keys = [f"rows/{n}.parquet" for n in range(5)]
    for key in keys:
        bucket.put(key, b"")
        store.client().create_multipart_upload(Bucket=bucket.bucket, Key=key)
    bucket.put("other", b"")

    assert [o.key for o in bucket.listed("rows/")] == keys
    halves = list(bucket.unfinished("rows/"))
    assert sorted(o.key for o in halves) == keys
    for one in halves:
        bucket.abort(one)
    assert list(bucket.unfinished("rows/")) == []


@pytest.mark.parametrize("size_bytes", [0, 1, 25_000_000])
def test_a_file_goes_up_and_down_as_it_is(bucket: ObjectStore, tmp_path: Path, size_bytes: int) -> None:
    file, again = tmp_path / "file", tmp_path / "again"
    file.write_bytes(bytes(range(256)) * (size_bytes // 256) + b"x" * (size_bytes % 256))

    bucket.upload(file, "a b/é.parquet")
    bucket.download("a b/é.parquet", again)

    assert again.read_bytes() == file.read_bytes()
    assert [o.key for o in bucket.listed("")] == ["a b/é.parquet"]
    with pytest.raises(FileNotFoundError):
        bucket.download("nowhere", again)


def test_a_store_that_is_busy_is_asked_again(store: ObjectServer, bucket: ObjectStore) -> None:
    answers = [503, 500]
    store.before = lambda method, path: answers.pop() if answers else None

    bucket.put("key", b"content")

    store.before = lambda method, path: None
    assert (answers, bucket.get("key")) == ([], b"content")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [("keys", "WFT-STO-015"), ("no keys", "WFT-STO-015"), ("bucket", "WFT-STO-017"), ("endpoint", "WFT-STO-016")],
)
def test_whatever_is_asked_first_says_what_is_wrong(
    store: ObjectServer, bucket: ObjectStore, tmp_path: Path, wrong: str, code: str
) -> None:
    connection, name = store.connection, bucket.bucket
    if wrong == "keys":
        other = {**connection.secrets, "secret_key": Reference("$X", Secret("not-sesame"))}
        connection = replace(connection, secrets=other)
    elif wrong == "no keys":
        connection = replace(connection, secrets={})
    elif wrong == "bucket":
        name = "no-such-bucket"
    else:
        connection = replace(connection, options={**connection.options, "endpoint": "http://127.0.0.1:9"})
    made = ObjectStore(name, connection)
    file = tmp_path / "file"
    file.write_bytes(b"content")

    for ask in (
        lambda: made.put("key", b"x"),
        lambda: list(made.listed("")),
        lambda: made.upload(file, "key"),
    ):
        with pytest.raises(WeftError) as caught:
            ask()
        assert [d.code for d in caught.value.diagnostics] == [code]
        assert "not-sesame" not in str(caught.value)


def test_keys_in_a_file_are_read_anew_for_each_request(store: ObjectServer, tmp_path: Path) -> None:
    kept = tmp_path / "secret"
    kept.write_text("an-old-one")
    name, known = store.bucket(), store.connection
    secrets = {**known.secrets, "secret_key": Reference("the file", file=kept)}
    bucket = ObjectStore(name, replace(known, secrets=secrets))
    with pytest.raises(WeftError):
        bucket.put("key", b"x")

    right = known.secret("secret_key")
    assert right is not None
    kept.write_text(right.value)

    bucket.put("key", b"x")
    assert bucket.size_of("key") == 1


def test_parts_of_an_object_come_as_they_are_asked_for(bucket: ObjectStore) -> None:
    content = bytes(range(256)) * 9000
    bucket.put("rows/a.parquet", content)

    whole = bucket.part("rows/a.parquet")
    assert (whole.status, whole.size_bytes, whole.span) == (200, len(content), "")
    assert b"".join(whole.chunks) == content
    some = bucket.part("rows/a.parquet", "bytes=5-1999999")
    assert (some.status, some.size_bytes, some.span) == (206, 1_999_995, f"bytes 5-1999999/{len(content)}")
    assert b"".join(some.chunks) == content[5:2_000_000]
    assert bucket.part("rows/a.parquet", "bytes=99999999-").status == 416
    with pytest.raises(FileNotFoundError):
        bucket.part("rows/b.parquet")


def test_a_part_that_the_store_does_not_give_says_why(store: ObjectServer, bucket: ObjectStore) -> None:
    bucket.put("a", b"content")
    wrong = replace(bucket.connection, secrets={**bucket.connection.secrets, "secret_key": _secret("another")})
    nowhere = replace(bucket.connection, options={**bucket.connection.options, "endpoint": "http://127.0.0.1:9"})

    for tried, code in ((wrong, "WFT-STO-015"), (nowhere, "WFT-STO-016")):
        with pytest.raises(WeftError) as e:
            ObjectStore(bucket.bucket, tried).part("a")
        assert e.value.diagnostics[0].code == code


def test_a_part_that_ends_too_early_never_passes_for_whole(bucket: ObjectStore) -> None:
    class Half(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "10")
            self.end_headers()
            self.wfile.write(b"half")

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Half) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        options = {**bucket.connection.options, "endpoint": f"http://127.0.0.1:{server.server_port}"}
        part = ObjectStore(bucket.bucket, replace(bucket.connection, options=options)).part("a")

        with pytest.raises(http.client.IncompleteRead):
            list(part.chunks)


def _secret(value: str) -> Reference:
    return Reference("$TEST", Secret(value))
