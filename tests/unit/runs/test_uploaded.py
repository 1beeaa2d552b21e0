"""Files that a runner has uploaded are read through."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

from weft.engines.base import Session
from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.parquet_footers import untrue
from weft.errors import ContractBroken, ProjectError
from weft.model.address import parse_address
from weft.model.column import Column
from weft.model.handover import Upload
from weft.model.layout import Layout, PartitionField
from weft.model.publication import ColumnStatistics, DataFile, PartitionValue
from weft.runs.uploaded import require_uploaded, true_to
from weft.storage.base import Target
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
TARGET = Target(TABLE, COLUMNS, FIELD_IDS, "")
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

    found = true_to(session, TARGET, file, tmp_path / file.path)

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
        true_to(session, TARGET, file, tmp_path / file.path)
    lie = replace(files[0], partition=files[1].partition)

    with pytest.raises(ContractBroken, match="rows do not belong to the partition"):
        true_to(session, TARGET, lie, tmp_path / lie.path)
    made_up = replace(files[0], partition=(PartitionValue(99, "identity", "1"),))
    with pytest.raises(ContractBroken, match="a column or a transform that there is not"):
        true_to(session, TARGET, made_up, tmp_path / lie.path)


def test_bounds_of_types_without_an_order_are_not_taken_over(session, tmp_path):
    (file,) = written(session, tmp_path)
    lie = replace(file, statistics={**file.statistics, 5: ColumnStatistics(0, "{'a': 1}", "{'a': 2}", 7)})

    found = true_to(session, TARGET, lie, tmp_path / file.path)

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
        true_to(session, TARGET, lie, tmp_path / file.path)


def test_bounds_that_are_no_values_are_refused(session, tmp_path):
    (file,) = written(session, tmp_path)
    lie = replace(file, statistics={1: ColumnStatistics(0, "'; DROP TABLE x", "many", 7)})

    with pytest.raises(ContractBroken, match="WFT-SRV-033"):
        true_to(session, TARGET, lie, tmp_path / file.path)


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


def test_a_footer_that_hides_rows_is_refused(session, tmp_path):
    target = Target(TABLE, (Column("id", "INTEGER", 1, "id"),), '{"id": 1}', "")
    place = spliced(tmp_path, told=range(100), held=range(-100, 0))
    hidden = f"SELECT count(*) FROM read_parquet('{place}') WHERE id < 0"
    assert session.rows(hidden) == [(0,)]  # DuckDB goes by the footer: a rule that looks for such rows finds none

    lie = DataFile("x", 100, 1, {1: ColumnStatistics(0, "-100", "-1", 7)})
    with pytest.raises(ContractBroken, match="column `id` has values beyond the bounds in its footer"):
        true_to(session, target, lie, place)
    unsaid = DataFile("x", 100, 1)
    with pytest.raises(ContractBroken, match="beyond the bounds in its footer"):
        true_to(session, target, unsaid, place)


def spliced(folder: Path, told: range, held: range) -> Path:
    """A file with the rows of one and the footer of another."""
    contents = []
    for values in (told, held):
        rows = pa.table({"id": pa.array(values, pa.int32())}, schema=pa.schema([IDENTIFIED]))
        pq.write_table(rows, folder / "part.parquet", compression="none", use_dictionary=False)
        contents.append((folder / "part.parquet").read_bytes())
    length = int.from_bytes(contents[0][-8:-4], "little") + 8
    assert len(contents[0]) == len(contents[1])
    place = folder / "spliced.parquet"
    place.write_bytes(contents[1][:-length] + contents[0][-length:])
    return place


IDENTIFIED = pa.field("id", pa.int32(), metadata={"PARQUET:field_id": "1"})


def test_footers_of_every_type_that_the_engine_writes_are_true(tmp_path):
    place = tmp_path / "all.parquet"
    duckdb.sql(
        f"""COPY (SELECT i % 2 = 0 AS b, i::TINYINT AS t, i::UINTEGER AS u, i::BIGINT AS l, i / 7 AS d,
        (i / 7)::FLOAT AS f, i::DECIMAL(30,4) AS wide, DATE '2026-01-01' + i::INTEGER AS day, TIME '10:00:00' AS at,
        TIMESTAMPTZ '2026-01-01 00:00:00+00' AS z, uuid() AS id, 'ä' || i AS text, encode('x' || i) AS raw,
        {{'a': i, 'b': [{{'c': 'x' || i}}, NULL]}} AS nested, MAP {{'k' || i: i}} AS pairs, [[i], NULL, []] AS lists,
        NULL::INTEGER AS nothing, CASE WHEN i = 3 THEN 'nan'::DOUBLE ELSE i END AS odd,
        CASE WHEN i % 2 = 0 THEN {{'a': i, 'b': 1}} END AS some
        FROM range(20) r(i)) TO '{place}' (ROW_GROUP_SIZE 8)"""
    )

    assert untrue(place) is None


def test_ids_inside_of_nested_columns_are_held_against_those_of_the_table(session, tmp_path):
    swapped = FIELD_IDS.replace('"a": 7', '"a": 8').replace('"b": {__duckdb_field_id: 8', '"b": {__duckdb_field_id: 7')
    other = replace(TARGET, field_ids=swapped)
    assert other != TARGET
    (file,) = written(session, tmp_path)

    with pytest.raises(ContractBroken, match="field ids inside of `parts`"):
        true_to(session, other, file, tmp_path / file.path)


def test_two_columns_of_one_name_are_not_one(session, tmp_path):
    place = tmp_path / "twice.parquet"
    rows = pa.table([pa.array([1], pa.int32())] * 2, schema=pa.schema([IDENTIFIED, IDENTIFIED]))
    pq.write_table(rows, place, write_page_index=False)
    target = Target(TABLE, (Column("id", "INTEGER", 1, "id"),), '{"id": 1}', "")

    with pytest.raises(ContractBroken, match="its columns or their field ids are not those of the table"):
        true_to(session, target, DataFile("x", 1, 1), place)


def test_other_texts_of_a_bound_are_written_as_the_engine_writes_them(session, tmp_path):
    (file,) = written(session, tmp_path)
    odd = replace(file, statistics={1: ColumnStatistics(0, " -1.4", "4e1", 2**80)})

    found = true_to(session, TARGET, odd, tmp_path / file.path)

    assert found.statistics[1] == ColumnStatistics(0, "-1", "40", None)
