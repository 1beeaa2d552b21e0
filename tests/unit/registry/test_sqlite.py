"""The file of a registry that cannot be opened."""

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.open_files import open_files
from weft.errors import PlatformError
from weft.registry.sqlite import SqliteRegistry


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root may mount a small disk, and not everywhere")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_as_such_also_to_who_reads(small: Path) -> None:
    SqliteRegistry(small / "registry.db").close()
    with (small / "other").open("wb") as other:
        other.write(b"\0" * os.statvfs(small).f_bavail * os.statvfs(small).f_frsize)

    with pytest.raises(PlatformError, match=r"WFT-REG-002.*\n  why: no space left on the disk"):
        SqliteRegistry(small / "registry.db")


def test_what_is_no_registry_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    (tmp_path / "registry.db").mkdir()

    with pytest.raises(PlatformError, match=r"WFT-REG-002.*\n  why: (?!no space)"):
        SqliteRegistry(tmp_path / "registry.db")


def test_what_a_thread_had_open_goes_with_the_thread(tmp_path: Path) -> None:
    registry = SqliteRegistry(tmp_path / "registry.db")
    registry.ports()
    before = open_files(tmp_path)

    for _ in range(9):
        thread = threading.Thread(target=registry.ports)
        thread.start()
        thread.join()

    assert open_files(tmp_path) <= before + 2, "SQLite keeps some to open them no second time"
    registry.close()
    assert open_files(tmp_path) == 0


def test_what_a_thread_has_lent_stays_open_when_it_has_ended(tmp_path: Path) -> None:
    registry, lent = SqliteRegistry(tmp_path / "registry.db"), ExitStack()
    found = []
    thread = threading.Thread(target=lambda: found.append(lent.enter_context(registry.database.reading())))
    thread.start()
    thread.join()

    assert found[0].row("SELECT count(*) FROM events") == (0,)
    lent.close()
    registry.close()
