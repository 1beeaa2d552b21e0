"""Many small files become few: which ones, and that rows, partitions and order stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.catalog.sql import SqlCatalog

from tests.meshes import TestMesh
from weft.config import load_settings
from weft.model.address import parse_address
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout, PartitionField, SortField
from weft.model.publication import DataFile, Manifest, PartitionValue
from weft.runs.compaction import compacted, files_to_compact, wanted
from weft.runs.context import Context
from weft.storage import reading
from weft.storage.base import Target
from weft.wiring import Rooms

TABLE = parse_address("sales.orders.orders@1")
COLUMNS = (Column("id", "BIGINT", key="id"), Column("v", "INTEGER", key="v"))
BY_V = Layout((PartitionField("v", "identity"),), (SortField("v"), SortField("id")))


def file(name: str, size: int, part: str | None = None) -> DataFile:
    return DataFile(name, size, size, partition=(PartitionValue(2, "identity", part),))


def names(*files: DataFile, target: int = 100, most: int = 2) -> list[str]:
    return ["".join(f.path for f in group) for group in files_to_compact(files, target, most)]


def test_a_few_small_files_are_left_as_they_are() -> None:
    assert names(file("a", 1), file("b", 24), file("C", 25), file("D", 99)) == []


def test_more_are_written_together_and_large_ones_are_not_touched() -> None:
    assert names(file("a", 1), file("B", 25), file("c", 24), file("d", 2)) == ["acd"]


def test_partitions_are_counted_and_kept_apart() -> None:
    files = [file(n, 1, p) for n, p in (("a", "x"), ("b", "y"), ("c", "x"), ("d", "y"), ("e", "x"), ("f", None))]

    assert names(*files) == ["ace"]


def test_what_is_written_together_is_no_larger_than_a_file_should_be() -> None:
    assert names(*(file(n, 20) for n in "abcdefghijk")) == ["abcde", "fghij"]  # one that is left alone stays


@given(st.lists(st.tuples(st.integers(0, 300), st.sampled_from(["x", "y", None])), max_size=40), st.integers(1, 5))
def test_every_group_is_smaller_than_a_file_and_no_file_is_in_two(
    sizes: list[tuple[int, str | None]], most: int
) -> None:
    files = [file(str(i), size, part) for i, (size, part) in enumerate(sizes)]

    groups = files_to_compact(files, 100, most)

    together = [f.path for group in groups for f in group]
    assert len(together) == len(set(together))
    for group in groups:
        assert len(group) > 1 and sum(f.size_bytes for f in group) <= 100
        assert len({f.partition for f in group}) == 1 and all(f.size_bytes < 25 for f in group)


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    mesh = TestMesh(tmp_path / "mesh – with späce")
    mesh.write("weft.toml", '[mesh]\nname = "one"\n[storage]\nsmall_files = 3\ntarget_file_size = "1MB"\n')
    rooms = Rooms(load_settings(mesh.root))
    yield rooms.context()
    rooms.close()


def written(context: Context, parts: int, layout: Layout) -> tuple[Target, Manifest, str]:
    """A snapshot of as many small writes."""
    target = context.storage.prepare(TABLE, COLUMNS, (), "r1", layout)
    files: list[DataFile] = []
    with context.engine.session() as session:
        for i in range(parts):
            sql = f"select ((j * 7919) % 50) * {parts} + {i} as id, (j % 2)::int as v from range(50) r(j)"
            files += session.copy_out(
                sql,
                folder=target.folder,
                root=context.storage.root,
                field_ids=target.field_ids,
                columns=target.columns,
                layout=target.layout,
            )
    snapshot = context.storage.commit(target, run_id="r1", base=None, files=files)
    context.storage.follow(TABLE, snapshot, "r1")
    return target, Manifest(target.columns, tuple(files)), snapshot


def rows(context: Context, manifest: Manifest, order: str = "order by id, v") -> list[tuple[int, ...]]:
    with context.engine.session() as session:
        return session.rows(f"from {reading.relation(manifest, context.storage.root)} {order}")


@pytest.mark.parametrize(("layout", "before", "after"), [(UNORDERED, 8, 1), (BY_V, 16, 2)])
def test_small_files_are_joined_and_every_reader_sees_the_same_rows(
    context: Context, layout: Layout, before: int, after: int
) -> None:
    target, manifest, first = written(context, 8, layout)
    assert len(manifest.files) == before and wanted(manifest, context.settings.storage)
    again = context.storage.prepare(TABLE, COLUMNS, target.columns, "r2", layout)

    with context.engine.session() as session:
        joined = compacted(session, again, manifest, context)
        settled = compacted(session, again, joined, context)

    assert len(joined.files) == after and settled == joined
    assert rows(context, joined) == rows(context, manifest)
    assert {f.partition for f in joined.files} == {f.partition for f in manifest.files}
    second = context.storage.commit(again, run_id="r2", base=first, files=joined.files)
    context.storage.follow(TABLE, second, "r2")
    catalog = SqlCatalog("weft", uri=f"sqlite:///{context.settings.root}/.weft/catalog.db")
    table = catalog.load_table(("sales", "orders", "orders@1"))
    theirs = sorted(tuple(r.values()) for r in table.scan().to_arrow().to_pylist())
    assert theirs == rows(context, manifest)
    assert len(list(table.scan(row_filter="v == 1").plan_files())) == 1
    assert len(list(table.scan(snapshot_id=int(first)).plan_files())) == before


def test_files_that_are_joined_stay_in_their_declared_order(context: Context) -> None:
    _, manifest, _ = written(context, 6, Layout(sort=(SortField("id"),)))
    target = context.storage.prepare(TABLE, COLUMNS, manifest.columns, "r2", Layout(sort=(SortField("id"),)))

    with context.engine.session() as session:
        joined = compacted(session, target, manifest, context)

    (one,) = joined.files
    import pyarrow.parquet as pq

    ids = pq.read_table(f"{context.storage.root}/{one.path}").column("id").to_pylist()
    assert ids == list(range(300))


def test_large_files_keep_their_place_beside_those_that_were_joined(context: Context) -> None:
    target, manifest, _ = written(context, 5, UNORDERED)
    large = manifest.files[2]
    pretended = Manifest(
        manifest.columns,
        tuple(DataFile(f.path, f.rows, 900_000 if f is large else f.size_bytes) for f in manifest.files),
    )

    with context.engine.session() as session:
        joined = compacted(session, target, pretended, context)

    assert joined.files[0].path == large.path and len(joined.files) == 2
    assert rows(context, joined) == rows(context, manifest)
