"""What a file is like by itself is found out so that builds read every row of it, or it is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.unit.contracts.support import a_contract, col
from weft.config import Settings
from weft.connectors.files import FileConnector
from weft.connectors.sniffing import Sniffed, sniff
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import SourceError
from weft.model.column import Column
from weft.model.mesh import Source
from weft.model.odcs import Contract
from weft.project.cache import Cache


def typed(columns: Sequence[Column]) -> Contract:
    return a_contract(*(col(c.name, None, physicalType=c.type) for c in columns))


def sniffed(root: Path, name: str) -> tuple[Sniffed, list[tuple[Any, ...]]]:
    """What is found, and the rows that a build reads."""
    connector = FileConnector(Settings(root), Cache(root / ".weft/cache"))
    with DuckDBEngine(threads=1).session() as session:
        found = sniff(Source(name), connector, session, typed)
        return found, session.rows(f"select * from {found.bound.relation()} order by all")


def written(root: Path, name: str, content: str) -> str:
    (root / name).write_text(content, encoding="utf-8")
    return name


@pytest.mark.parametrize("name", ["people.csv", "people.zip", "people.json", "people.ndjson", "people.parquet"])
def test_dialect_and_types_are_found_out(tmp_path: Path, name: str) -> None:
    lines = '{"id": 1, "name": "Ada"}', '{"id": 2, "name": null}'
    written(tmp_path, "people.csv", "id;name\n1;Ada\n2;NA\n")
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        archive.write(tmp_path / "people.csv", "people.csv")
    written(tmp_path, "people.json", f"[{', '.join(lines)}]")
    written(tmp_path, "people.ndjson", "\n".join(lines))
    people = "SELECT * FROM (VALUES (1::BIGINT, 'Ada'), (2, NULL)) t(id, name)"
    duckdb.sql(f"COPY ({people}) TO '{tmp_path / 'people.parquet'}'")

    found, rows = sniffed(tmp_path, name)

    assert found.bound.columns == (Column("id", "BIGINT"), Column("name", "VARCHAR"))
    assert rows == [(1, "Ada"), (2, None)]
    assert found.dialect == ({"delimiter": ";", "nulls": ["NA"]} if found.kind == "csv" else {})


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("2020-01-31", "DATE"),
        ("2020-01-31 10:00:00", "TIMESTAMP"),
        ("1", "BIGINT"),
        ("1.5", "DOUBLE"),
        ("true", "BOOLEAN"),
        ("31/12/2020", "VARCHAR"),
        ("01-02-03", "VARCHAR"),
        ("x", "VARCHAR"),
    ],
)
def test_a_type_is_taken_when_builds_read_the_same_value(tmp_path: Path, value: str, type_: str) -> None:
    found, rows = sniffed(tmp_path, written(tmp_path, "a.csv", f"key,value\nfirst,{value}\nsecond,{value}\n"))

    assert found.bound.columns[1] == Column("value", type_)
    assert len(rows) == 2


@pytest.mark.parametrize(
    ("content", "dialect"),
    [
        ("a,b\n1,2\n", {}),
        ("1,x\n2,y\n", {"header": False}),
        ("a\tb\n1\t2\n", {"delimiter": "\t"}),
        ("text\nhello, you\nbye\n", {"delimiter": "|"}),
        ('a,b\n"x, y",2\n', {}),
    ],
)
def test_a_dialect_is_told_where_it_is_not_as_usual(tmp_path: Path, content: str, dialect: dict[str, Any]) -> None:
    found, _ = sniffed(tmp_path, written(tmp_path, "a.csv", content))

    assert found.dialect == dialect


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", "a,b\n1,2\n3\n", "a row on line 3 has another number of columns than the header"),
        ("a.csv", "a;b\n1;2;3\n", "a row on line 2 has another number of columns than the header"),
        ("a.csv", "My table\na,b\n1,2\n", "a row on line 2 has another number of columns than the header"),
        ("a.csv", "", "the source `a.csv` is empty: it has no header"),
        ("a.csv", "\na,b\n", "the source `a.csv` begins with an empty line: it has no header"),
        ("a.csv", "a,A\n1,2\n", "the source `a.csv`: two columns are named `a`"),
        ("a.csv", "a,\n1,2\n", "the source `a.csv`: a column has no name"),
        ("a.json", '[{"a": 1},', "the source `a.json` is no JSON: its array has no end"),
        ("a.ndjson", '{"a": 1}\n{"a":\n', "the source is no JSON"),
        ("a.parquet", "PAR1xxxx", "the source `a.parquet` is no Parquet file, or a damaged one"),
    ],
)
def test_a_broken_file_is_refused_and_not_guessed_around(tmp_path: Path, name: str, content: str, what: str) -> None:
    written(tmp_path, name, content)

    with pytest.raises(SourceError) as raised:
        sniffed(tmp_path, name)

    assert [(d.code, d.what) for d in raised.value.diagnostics] == [("WFT-SRC-003", what)]


def test_json_is_read_with_the_types_that_it_has(tmp_path: Path) -> None:
    content = '[{"a": [], "b": {"c": [{"d": "2020-01-01"}]}, "e": null, "f": [1, "x"]}]'

    found, rows = sniffed(tmp_path, written(tmp_path, "a.json", content))

    assert [c.type for c in found.bound.columns][1:3] == ["STRUCT(c STRUCT(d DATE)[])", "VARCHAR"]
    assert len(rows) == 1
