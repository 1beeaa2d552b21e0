"""Which files of a table nothing refers to any more."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from weft.storage.files import Found

_IN_FLIGHT = timedelta(minutes=5)
"""How old metadata is at least that no commit is about to name: it is written before the catalog leads to it."""


def orphans(
    found: Sequence[Found],
    live: Iterable[str],
    older_than: datetime,
    runs: Collection[str],
    only: Collection[str] | None,
) -> list[Found]:
    """Files of runs that nobody refers to.

    A file is known by its run's folder and its name: the folders above have another name where the mesh was reached
    through a link, or was copied.
    """
    names = {tuple(path.rsplit("/", 2)[-2:]) for path in live}
    wanted = []
    for file in found:
        run = file.folder.removeprefix("run-")
        if run in runs or (only is not None and run not in only) or (file.folder, file.name) in names:
            continue
        if file.written_at < older_than:
            wanted.append(file)
    return wanted


def old_metadata(found: Sequence[Found], live: Iterable[str], older_than: datetime) -> list[Found]:
    """Files of metadata that the table's newest one does not lead to; known by name, see `orphans`.

    Args:
        live: read after the files were listed: another commit may have been made since.
    """
    names = {path.rpartition("/")[2] for path in live}
    limit = min(older_than, datetime.now().astimezone() - _IN_FLIGHT)
    return [file for file in found if file.name not in names and file.written_at < limit]
