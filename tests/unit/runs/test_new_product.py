"""A product drafted from a file can be checked, applied and verified as it is, whatever the file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import weft
from weft.api import scaffolding as api
from weft.errors import SourceError, Where
from weft.sql.quoting import ident, literal

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
_SMALL = st.integers(-128, 127)
_FEW = st.integers(0, 40)
_STAMPS = st.datetimes().map(lambda d: literal(d.isoformat(" ")))

# SQL of a value by type; a list of one or two values makes columns with few values
VALUES: dict[str, st.SearchStrategy[str]] = {
    "VARCHAR": _TEXTS.map(literal),
    "BLOB": st.binary(max_size=4).map(lambda b: f"from_hex('{b.hex()}')"),
    "BOOLEAN": st.booleans().map(str),
    "TINYINT": _SMALL.map(str),
    "BIGINT": st.integers(-(2**63), 2**63 - 1).map(str),
    "UBIGINT": st.integers(0, 2**64 - 1).map(str),
    "HUGEINT": st.integers(-(10**37), 10**37).map(str),
    "FLOAT": st.floats(width=32).map(lambda f: f"'{f}'"),
    "DOUBLE": st.floats().map(lambda f: f"'{f}'"),
    "DECIMAL(4,4)": st.integers(-9999, 9999).map(lambda i: f"'{i / 10000:.4f}'"),
    "DECIMAL(38,10)": st.integers(-(10**27), 10**27).map(lambda i: f"{i}::HUGEINT"),
    "DATE": st.dates().map(lambda d: literal(d.isoformat())),
    "TIME": st.times().map(lambda t: literal(t.isoformat())),
    "TIMETZ": st.times().map(lambda t: literal(f"{t.isoformat()}+02")),
    "TIMESTAMP": _STAMPS,
    "TIMESTAMP_S": _STAMPS,
    "TIMESTAMP_NS": st.integers(-(10**18), 10**18).map(lambda i: f"make_timestamp_ns({i})"),
    "TIMESTAMPTZ": _STAMPS.map(lambda s: s[:-1] + "+02'"),
    "INTERVAL": st.tuples(_FEW, _FEW).map(lambda p: f"INTERVAL '{p[0]} months {p[1]} days'"),
    "UUID": st.uuids().map(lambda u: f"'{u}'"),
    "BIT": st.integers(0, 255).map(lambda i: f"'{i:b}'"),
    "JSON": st.one_of(_SMALL, _TEXTS).map(lambda v: literal(json.dumps({"k": v}))),
    "ENUM('a', 'b c')": st.sampled_from(["'a'", "'b c'"]),
    "INTEGER[]": st.lists(_SMALL, max_size=3).map(str),
    "INTEGER[2]": st.tuples(_SMALL, _SMALL).map(lambda p: str(list(p))),
    "INTERVAL[]": st.just("[INTERVAL 1 DAY]"),
    'STRUCT(a INTEGER, "b c" TIMESTAMP_NS)': _SMALL.map(lambda i: f"{{'a': {i}, 'b c': TIMESTAMP_NS '2020-01-01'}}"),
    "MAP(VARCHAR, UBIGINT)": st.tuples(_TEXTS, _SMALL).map(lambda p: f"MAP {{{literal(p[0])}: {abs(p[1])}}}"),
}
COPY = {
    "csv": "FORMAT csv, HEADER",
    "json": "FORMAT json, ARRAY true",
    "ndjson": "FORMAT json",
    "parquet": "FORMAT parquet",
}
NAMES = ["a", "select", "a b", 'q"x', "é", "x.y", "yes", "1", "id", "e-mail", "A_b"]


@st.composite
def tables(draw: st.DrawFn) -> str:
    """SQL of a table of up to 60 rows; some columns have few values, some have nulls."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    columns, rows = [], draw(st.sampled_from([1, 3, 60]))
    for name in names:
        type_ = draw(st.sampled_from(sorted(VALUES)))
        values = draw(st.lists(VALUES[type_], min_size=1, max_size=4))
        values += ["NULL"] * draw(st.integers(0, 1))
        listed = ", ".join(f"CAST({v} AS {type_})" for v in values)
        columns.append(f"([{listed}])[range % {len(values)} + 1] AS {ident(name)}")
    return f"SELECT {', '.join(columns)} FROM range({rows})"


@pytest.fixture(scope="module")
def mesh() -> Path:
    root = Path(tempfile.mkdtemp()) / "mesh"
    api.init(root, "m")
    api.new_domain(root, "shop")
    return root


@settings(
    max_examples=12, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)
@given(tables(), st.sampled_from(sorted(COPY)))
def test_what_is_drafted_holds_on_its_own_data(table: str, kind: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        api.init(root, "m")
        api.new_domain(root, "shop")
        duckdb.sql(f"COPY ({table}) TO '{root / f'rows.{kind}'}' ({COPY[kind]})")

        api.new_product(root, "shop.p", source=f"rows.{kind}")

        with weft.open(root) as opened:
            assert opened.check().diagnostics == ()
            applied = opened.apply()
            assert (applied.exit_code, applied.failed) == (0, ())
            assert opened.verify("shop.p.rows").result == "passed"


def refused(mesh: Path, name: str, content: str) -> tuple[str, Where | None]:
    (mesh / name).write_text(content, encoding="utf-8")
    with pytest.raises(SourceError) as raised:
        api.new_product(mesh, "shop.refused", source=name)
    assert not (mesh / "domains/shop/refused").exists()
    (one,) = raised.value.diagnostics
    return one.what, one.where


def test_a_broken_row_is_refused_with_its_line_and_nothing_is_written(mesh: Path) -> None:
    what, where = refused(mesh, "broken.csv", "a,b\n1,2\n3\n")

    assert where == Where("broken.csv", 3)
    assert what.startswith("input port `broken_source` of `shop.refused`: a row on line 3 has another number")


def test_a_file_without_rows_is_refused(mesh: Path) -> None:
    assert refused(mesh, "header.csv", "a,b\n")[0] == "the source `header.csv` has a header and no rows"
    assert refused(mesh, "none.json", "[]")[0] == "the source `none.json` has no rows"


def test_a_model_casts_what_no_table_can_hold(mesh: Path) -> None:
    rows = "SELECT INTERVAL 1 DAY AS i, TIMESTAMP_NS '2020-01-01' AS t, 'x'::BLOB AS b FROM range(30)"
    duckdb.sql(f"COPY ({rows}) TO '{mesh / 'rows.parquet'}'")

    api.new_product(mesh, "shop.types", source="rows.parquet")

    text = (mesh / "domains/shop/types/models/rows.sql").read_text()
    assert text == 'select\n    "i"::VARCHAR as "i",\n    "t"::TIMESTAMP as "t",\n    "b"\nfrom rows_source\n'
