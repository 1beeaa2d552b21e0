"""Rows of a Python model in the types that were promised: what stays what it is, and what is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from weft.config import PythonSettings
from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.session import DuckDBSession
from weft.engines.python.rows import Run, convertible, select_rows
from weft.errors import UserCodeError
from weft.model.column import Column
from weft.model.mesh import Model
from weft.model.python_code import PythonCode

CODE = PythonCode("m", 3, {})


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBEngine(threads=1).session() as opened:
        yield opened


def rows(session: DuckDBSession, folder: Path, body: str, columns: dict[str, str]) -> list[tuple]:
    """The rows of `def m()` with these columns."""
    source = "import datetime as dt\nfrom decimal import Decimal\nimport pyarrow as pa\ndef m():\n" + "".join(
        f"    {line}\n" for line in body.splitlines()
    )
    model = Model("m", "models/m.py", source, 1, {}, (), "", "", python=PythonCode("m", 4, {}))
    wanted = [Column(name, text) for name, text in columns.items()]
    sql = select_rows(session, model, wanted, Run(PythonSettings(), folder, lambda _: None))
    assert [(c.name, c.type) for c in session.columns(sql)] == list(columns.items())
    return session.rows(sql)


def refusals(session: DuckDBSession, folder: Path, body: str, columns: dict[str, str]) -> list[str]:
    with pytest.raises(UserCodeError) as raised:
        rows(session, folder, body, columns)
    assert {d.code for d in raised.value.diagnostics} == {"WFT-PYM-015"}
    return [d.what for d in raised.value.diagnostics]


GIVEN = """return pa.table({
    'small': pa.array([1, None], pa.int64()),
    'money': pa.array([1.25, None], pa.float64()),
    'exact': pa.array([Decimal('1.50'), None], pa.decimal128(38, 2)),
    'nano': pa.array([dt.datetime(2024, 2, 29, 12), None], pa.timestamp('ns')),
    'zoned': pa.array([dt.datetime(2024, 2, 29, 12), None], pa.timestamp('ms', 'Europe/Berlin')),
    'day': pa.array([dt.date(2024, 2, 29), None], pa.date64()),
    'word': pa.array(['00000000-0000-0000-0000-00000000000A', None], pa.large_string()),
    'kind': pa.array(['x', None]).dictionary_encode(),
    'list': pa.array([[1, None], None], pa.list_(pa.int64())),
    'shape': pa.array([{'a': 1, 'b': 'x'}, None]),
    'bytes': pa.array([b'x', None], pa.large_binary()),
    'truth': pa.array([True, None]),
    'nothing': pa.nulls(2),
    'json': pa.array(['{"a": 1}', None]),
})"""


def test_values_stay_what_they_are_in_the_types_that_were_promised(session, tmp_path):
    first, second = rows(
        session,
        tmp_path,
        GIVEN,
        {
            "nothing": "DATE",
            "small": "TINYINT",
            "money": "DECIMAL(10,2)",
            "exact": "DOUBLE",
            "nano": "TIMESTAMP",
            "zoned": "TIMESTAMPTZ",
            "day": "DATE",
            "word": "UUID",
            "kind": "VARCHAR",
            "list": "INTEGER[]",
            "shape": "STRUCT(a SMALLINT, b VARCHAR)",
            "bytes": "BLOB",
            "truth": "BOOLEAN",
            "json": "JSON",
        },
    )

    assert second == (None,) * 14
    assert first[:5] == (None, 1, Decimal("1.25"), 1.5, dt.datetime(2024, 2, 29, 12))
    assert first[5].astimezone(dt.UTC) == dt.datetime(2024, 2, 29, 12, tzinfo=dt.UTC)
    assert (first[6], str(first[7])[-1], first[8]) == (dt.date(2024, 2, 29), "a", "x")
    assert first[9:] == ([1, None], {"a": 1, "b": "x"}, b"x", True, '{"a": 1}')


def test_values_that_would_change_are_counted_by_column(session, tmp_path):
    body = """return pa.table({
        'small': [300, 1],
        'money': [1.255, 2.0],
        'nano': pa.array([1, 1000], pa.timestamp('ns')),
        'word': ['no uuid', None],
        'list': [[1, 2**40], []],
    })"""
    wanted = {"small": "TINYINT", "money": "DECIMAL(10,2)", "nano": "TIMESTAMP", "word": "UUID", "list": "INTEGER[]"}

    told = refusals(session, tmp_path, body, wanted)

    assert [what.partition("; ")[2] for what in told] == [
        f"1 value does not fit {text} without loss" for text in wanted.values()
    ]


def test_types_of_another_kind_are_refused_whatever_their_values(session, tmp_path):
    body = "return pa.table({'a': ['1'], 'b': [1], 'c': [dt.datetime(2024, 1, 1)], 'd': [[1]], 'e': [True]})"

    told = refusals(
        session, tmp_path, body, {"a": "BIGINT", "b": "VARCHAR", "c": "TIMESTAMPTZ", "d": "BIGINT", "e": "BIGINT"}
    )

    assert [what.partition(" is ")[2] for what in told] == [
        "VARCHAR, which is no BIGINT",
        "BIGINT, which is no VARCHAR",
        "TIMESTAMP, which is no TIMESTAMPTZ",
        "BIGINT[], which is no BIGINT",
        "BOOLEAN, which is no BIGINT",
    ]


@pytest.mark.parametrize(
    ("given", "wanted", "answer"),
    [
        ("NULL", "STRUCT(a INTEGER)", True),
        ("HUGEINT", "DOUBLE", True),
        ("TIMESTAMP_NS", "DATE", True),
        ("TIMESTAMPTZ", "TIMESTAMP", False),
        ("VARCHAR", "DATE", False),
        ("STRUCT(a BIGINT)", "STRUCT(a INTEGER)", True),
        ("STRUCT(a BIGINT)", "STRUCT(b BIGINT)", False),
        ("BIGINT[]", "VARCHAR[]", False),
        ("DATE", "VARCHAR", False),
    ],
)
def test_which_types_are_of_one_kind(given, wanted, answer):
    assert convertible(given, wanted) is answer


def test_a_number_that_is_none_is_found_by_comparisons_of_what_a_model_gave(session, tmp_path):
    body = "return pa.table({'x': [1.0, float('nan'), None]})"
    model = Model("m", "models/m.py", f"import pyarrow as pa\ndef m():\n    {body}\n", 1, {}, (), "", "", python=CODE)
    given = select_rows(session, model, [Column("x", "DOUBLE")], Run(PythonSettings(), tmp_path, lambda _: None))

    assert len(session.rows(f"SELECT x FROM ({given}) AS rows WHERE x > 1")) == 1
    assert session.rows(f"SELECT x FROM ({given}) AS rows WHERE x <= 1") == [(1.0,)]
