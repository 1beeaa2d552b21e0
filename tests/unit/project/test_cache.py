import hashlib
import sqlite3
import subprocess
import sys
import time

from weft.project.cache import Cache


def test_blobs_are_found_again_by_another_process(tmp_path):
    first = Cache(tmp_path)
    first.put_many("kind", {"a": b"1"})
    first.close()

    assert Cache(tmp_path).get("kind", "a") == b"1"
    assert Cache(tmp_path).get("kind", "b") is None


def test_a_digest_follows_the_content(tmp_path):
    file = tmp_path / "f"
    file.write_text("a")
    cache = Cache(tmp_path / "cache")
    before = cache.digest_of(file)

    file.write_text("bb")

    assert cache.digest_of(file) != before


def test_a_broken_cache_is_begun_anew(tmp_path):
    (tmp_path / "parsed.db").write_bytes(b"no database at all, but long enough to look at" * 50)

    cache = Cache(tmp_path)
    cache.put_many("kind", {"a": b"1"})

    assert cache.get("kind", "a") == b"1"


def test_a_cache_that_cannot_be_opened_is_done_without(tmp_path):
    (tmp_path / "file").write_text("")

    cache = Cache(tmp_path / "file" / "cache")
    cache.put_many("kind", {"a": b"1"})

    assert cache.get("kind", "a") is None
    cache.close()


def test_blobs_of_another_version_are_not_found(tmp_path):
    first = Cache(tmp_path, "duckdb 2.0.0")
    first.put_many("kind", {"a": b"1"})
    first.close()

    assert Cache(tmp_path, "duckdb 2.0.1").get("kind", "a") is None
    assert Cache(tmp_path, "duckdb 2.0.0").get("kind", "a") == b"1"


def test_many_blobs_are_found_at_once_written_or_not(tmp_path):
    cache = Cache(tmp_path)
    cache.put_many("kind", {str(i): b"%d" % i for i in range(1200)})
    cache.write()
    cache.put_many("kind", {"new": b"n"})

    found = cache.get_many("kind", [*map(str, range(1200)), "new", "nowhere"])

    assert found == {**{str(i): b"%d" % i for i in range(1200)}, "new": b"n"}


def test_what_was_asked_for_before_it_was_made_is_found_when_it_is_there_also_where_nothing_was(tmp_path):
    cache = Cache(tmp_path)
    before = cache.get_many("kind", ["1", "2"])
    cache.put_many("kind", {str(i): b"%d" % i for i in range(700)})
    cache.write()
    cache.put_many("other", {"1": b"o"})

    assert before == {}
    assert cache.get_many("kind", ["1", "699", "nowhere"]) == {"1": b"1", "699": b"699"}
    assert (cache.get("other", "1"), cache.get("other", "2")) == (b"o", None)
    cache.close()
    assert Cache(tmp_path).get("kind", "699") == b"699"


def kept(folder):
    return sqlite3.connect(folder / "parsed.db").execute("SELECT path, digest FROM seen").fetchall()


def test_the_digest_of_a_file_that_was_just_written_is_not_kept_as_its_times_may_stay_when_it_is_written_again(
    tmp_path,
):
    file = tmp_path / "f"
    cache = Cache(tmp_path / "cache")
    for text in ("one", "two"):
        file.write_text(text)
        assert cache.digest_of(file) == hashlib.sha256(text.encode()).hexdigest()
    cache.close()

    assert kept(tmp_path / "cache") == []


def test_the_digest_of_a_file_that_has_settled_is_kept(tmp_path):
    file = tmp_path / "f"
    file.write_text("a")
    time.sleep(2.1)
    first = Cache(tmp_path / "cache")
    digest = first.digest_of(file)
    first.close()

    assert kept(tmp_path / "cache") == [(str(file), digest)]
    assert Cache(tmp_path / "cache").digest_of(file) == digest


_FILL = """
import sys
from pathlib import Path
from weft.project.cache import Cache
cache = Cache(Path(sys.argv[1]))
for i in range(900):
    cache.put_many("kind", {str(i): str(i).encode() * 50})
    if i % 10 == 0:
        cache.write()
        print(i, flush=True)
cache.close()
"""


def filling(folder):
    return subprocess.Popen([sys.executable, "-c", _FILL, str(folder)], stdout=subprocess.PIPE, text=True)


def test_processes_that_fill_one_cache_at_once_lose_and_mix_nothing(tmp_path):
    both = [filling(tmp_path) for _ in range(3)]

    assert [process.wait(timeout=60) for process in both] == [0, 0, 0]
    found = Cache(tmp_path).get_many("kind", [str(i) for i in range(900)])
    assert found == {str(i): str(i).encode() * 50 for i in range(900)}
    for process in both:
        process.stdout.close()


def test_a_process_that_is_killed_while_it_fills_the_cache_leaves_whole_blobs(tmp_path):
    written = 0
    for wanted in (5, 20, 40):
        process = filling(tmp_path)
        for _ in range(wanted):
            written = max(written, int(process.stdout.readline()))
        process.kill()
        process.wait(timeout=60)
        process.stdout.close()

        found = Cache(tmp_path).get_many("kind", [str(i) for i in range(900)])

        assert len(found) > written
        assert found == {key: key.encode() * 50 for key in found}
