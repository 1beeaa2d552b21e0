"""What a child has left: nothing is followed, waited for or believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from weft.engines.python.left import UnsoundError, remove_tree, take


def test_a_file_is_copied_as_it_was_when_it_was_opened(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"x" * 1000)

    take(tmp_path, "rows", tmp_path / "copy", 1000, os.getuid())

    with (tmp_path / "rows").open("ab") as still_open:
        still_open.write(b"more")
    assert (tmp_path / "copy").read_bytes() == b"x" * 1000


@pytest.mark.parametrize(("most", "uid"), [(999, os.getuid()), (1000, os.getuid() + 1)])
def test_a_file_that_is_too_large_or_somebody_elses_is_not_taken(tmp_path: Path, most: int, uid: int) -> None:
    (tmp_path / "rows").write_bytes(b"x" * 1000)

    with pytest.raises(UnsoundError):
        take(tmp_path, "rows", tmp_path / "copy", most, uid)

    assert not (tmp_path / "copy").exists() or (tmp_path / "copy").stat().st_size == 0


def test_a_folder_is_removed_without_what_its_links_lead_to(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    (kept / "inner").mkdir(parents=True)
    (kept / "file").write_text("x")
    gone = tmp_path / "gone"
    (gone / "a" / "b").mkdir(parents=True)
    (gone / "a" / "link").symlink_to(kept)
    (gone / "link").symlink_to(kept / "file")
    os.mkfifo(gone / "a" / "b" / "fifo")

    remove_tree(gone)

    assert not gone.exists()
    assert (kept / "file").read_text() == "x"
    assert (kept / "inner").is_dir()
