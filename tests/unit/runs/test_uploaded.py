"""Files that a runner has uploaded are read through."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from weft.engines.base import Session
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import ContractBroken, ProjectError
from weft.model.address import parse_address
from weft.model.column import Column
from weft.model.handover import Upload
from weft.model.layout import Layout, PartitionField
from weft.model.publication import ColumnStatistics, DataFile, PartitionValue
from weft.runs.uploaded import require_uploaded, true_to
from weft.storage.schemas import field_ids, fields_of

TABLE = parse_address("sales.orders.orders@1")
COLUMNS = (
    Column("id", "INTEGER", 1, "id"),
    Column("at", "TIMESTAMP", 2, "at"),
    Column("price", "DECIMAL(10,2)", 3, "price"),
    Column("ratio", "DOUBLE", 4, "ratio"),
    Column("parts", "STRUCT(a INTEGER, b VARCHAR[])", 5, "parts"),
    Column("told", "VARCHAR", 6, "told"),
)
FIELD_IDS = field_ids(fields_of(COLUMNS, itertools.count(7)))
ROWS = """
    SELECT i::INTEGER AS id, TIMESTAMP '2026-01-01' + to_days(i::INTEGER) AS at, (i / 3)::DECIMAL(10,2) AS price,
        CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i / 7 END AS ratio,
        {'a': i::INTEGER, 'b': ['x', NULL]}::STRUCT(a INTEGER, b VARCHAR[]) AS parts,
        CASE WHEN i % 4 = 0 THEN NULL ELSE 'ä' || i END AS told
    FROM range(40) t(i)
"""


@pytest.fixture
def session() -> Iterator[Session]:
    engine = DuckDBEngine(memory_limit="1GB", threads=1)
    with engine.session() as opened:
        yield opened
    engine.close()


def written(session: Session, folder: Path, layout: Layout = Layout()) -> list[DataFile]:  # noqa: B008
    """Files as a run writes them."""
    found = session.copy_out(
        ROWS, folder=str(folder), root=str(folder), field_ids=FIELD_IDS, columns=COLUMNS, layout=layout
    )
    return list(found)


def test_what_the_engine_has_written_is_true(session, tmp_path):
    (file,) = written(session, tmp_path)

    found = true_to(session, TABLE, COLUMNS, file, tmp_path / file.path)

    assert found.rows == 40
    assert found.statistics[6].nulls == 10
    assert (found.statistics[1].minimum, found.statistics[1].maximum) == ("0", "39")
    assert found.size_bytes == (tmp_path / file.path).stat().st_size


@pytest.mark.parametrize(
    ("transform", "column", "field_id"), [("month", "at", 2), ("identity", "told", 6), ("truncate[10]", "id", 1)]
)
def test_a_partition_is_true_and_another_one_is_refused(session, tmp_path, transform, column, field_id):
    files = written(session, tmp_path, Layout((PartitionField(column, transform, field_id),)))
    assert len(files) > 1

    for file in files:
        true_to(session, TABLE, COLUMNS, file, tmp_path / file.path)
    lie = replace(files[0], partition=files[1].partition)

    with pytest.raises(ContractBroken, match="rows do not belong to the partition"):
        true_to(session, TABLE, COLUMNS, lie, tmp_path / lie.path)
    made_up = replace(files[0], partition=(PartitionValue(99, "identity", "1"),))
    with pytest.raises(ContractBroken, match="a column or a transform that there is not"):
        true_to(session, TABLE, COLUMNS, made_up, tmp_path / lie.path)


def test_bounds_of_types_without_an_order_are_not_taken_over(session, tmp_path):
    (file,) = written(session, tmp_path)
    lie = replace(file, statistics={**file.statistics, 5: ColumnStatistics(0, "{'a': 1}", "{'a': 2}", 7)})

    found = true_to(session, TABLE, COLUMNS, lie, tmp_path / file.path)

    assert found.statistics[5] == ColumnStatistics(0, None, None, 7, exact=False)


@pytest.mark.parametrize(
    ("field_id", "minimum", "maximum"),
    [(1, "1", "39"), (2, "2026-01-02 00:00:00", "2026-03-01 00:00:00"), (3, "0.00", "12.99"), (6, "ä1", "ä8")],
)
def test_bounds_that_leave_values_out_are_refused(session, tmp_path, field_id, minimum, maximum):
    (file,) = written(session, tmp_path)
    stated = replace(file.statistics[field_id], minimum=minimum, maximum=maximum, exact=True)
    lie = replace(file, statistics={**file.statistics, field_id: stated})

    with pytest.raises(ContractBroken, match="beyond the bounds"):
        true_to(session, TABLE, COLUMNS, lie, tmp_path / file.path)


def test_bounds_that_are_no_values_are_refused(session, tmp_path):
    (file,) = written(session, tmp_path)
    lie = replace(file, statistics={1: ColumnStatistics(0, "'; DROP TABLE x", "many", 7)})

    with pytest.raises(ContractBroken, match="WFT-SRV-033"):
        true_to(session, TABLE, COLUMNS, lie, tmp_path / file.path)


def test_a_file_is_known_by_its_name_its_size_and_its_digest(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"rows")
    known = Upload("a.parquet", 4, "7b10f0c6fab44ea2d7ed6c2d4b2de2e3f0b0f7c9a8b3a0f3f2c0e0d4c0f2b6a1")

    for stated in (
        replace(known, size_bytes=5),
        replace(known, sha256="0" * 64),
        replace(known, name="b.parquet"),
        known,
    ):
        with pytest.raises(ProjectError, match="WFT-SRV-031"):
            require_uploaded({"x": stated}, {"a.parquet": known}, tmp_path)
