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
