"""Small files of a snapshot are written together into few: the same rows, in the same partitions and order."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from weft.config import StorageSettings, size_bytes
from weft.engines.base import Session
from weft.errors import PlatformError, error
from weft.model.publication import DataFile, Manifest, PartitionValue
from weft.runs.context import Context
from weft.storage import reading
from weft.storage.base import Target

Group = tuple[DataFile, ...]


def files_to_compact(files: Iterable[DataFile], target_size: int, most: int) -> tuple[Group, ...]:
    """Groups of small files of one partition each; a group together is about as large as a file should be.

    A file is small below a quarter of `target_size`. As long as a partition has no more than `most` of them, nothing is
    done: it would cost more than it saves.

    Args:
        target_size: bytes.
    """
    parts: dict[tuple[PartitionValue, ...], list[DataFile]] = {}
    for file in files:
        if file.size_bytes * 4 < target_size:
            parts.setdefault(file.partition, []).append(file)
    return tuple(group for small in parts.values() if len(small) > most for group in _groups(small, target_size))


def compacted(session: Session, target: Target, manifest: Manifest, context: Context) -> Manifest:
    """The manifest with its small files written together into the target's folder; itself when there are too few.

    The files that it no longer names stay where they are: former snapshots hold them.

    Raises:
        PlatformError: WFT-ENG-004, rows were lost on the way; WFT-STO-001 no space left, WFT-STO-002.
    """
    settings = context.settings.storage
    groups = files_to_compact(manifest.files, size_bytes(settings.target_file_size), settings.small_files)
    gone = {f.path for group in groups for f in group}
    written: list[DataFile] = []
    for together in _rounds(groups):
        written += _written_together(session, target, Manifest(manifest.columns, together), context.storage.root)
    return Manifest(manifest.columns, (*(f for f in manifest.files if f.path not in gone), *written))


def wanted(manifest: Manifest, settings: StorageSettings) -> bool:
    """Whether `compacted` would write anything."""
    return bool(files_to_compact(manifest.files, size_bytes(settings.target_file_size), settings.small_files))


def _groups(small: Sequence[DataFile], target_size: int) -> list[Group]:
    groups: list[list[DataFile]] = [[]]
    full = 0
    for file in small:  # in their order: neighbours were written one after the other, and often hold like rows
        if full + file.size_bytes > target_size and groups[-1]:
            groups.append([])
            full = 0
        groups[-1].append(file)
        full += file.size_bytes
    return [tuple(group) for group in groups if len(group) > 1]


def _rounds(groups: Sequence[Group]) -> list[Group]:
    """What is written by one query: of each partition one group at most, so that each becomes one file."""
    by_partition: dict[tuple[PartitionValue, ...], list[Group]] = {}
    for group in groups:
        by_partition.setdefault(group[0].partition, []).append(group)
    return [
        tuple(file for group in together if group is not None for file in group)
        for together in itertools.zip_longest(*by_partition.values())
    ]


def _written_together(session: Session, target: Target, manifest: Manifest, root: str) -> tuple[DataFile, ...]:
    files = session.copy_out(
        f"SELECT * FROM {reading.relation(manifest, root)}",
        folder=target.folder,
        root=root,
        field_ids=target.field_ids,
        columns=target.columns,
        layout=target.layout,
    )
    found = sum(f.rows for f in files)
    if found != manifest.rows:
        what = f"the engine failed: {manifest.rows} rows of `{target.table}` became {found} as their files were joined"
        raise PlatformError(error("WFT-ENG-004", what, fix="report this as a bug"))
    return files
