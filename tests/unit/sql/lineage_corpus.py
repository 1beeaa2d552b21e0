"""Queries as people write them over three schemas, and for most of them what their columns are made from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from tests.unit.sql.lineage_oracle import Oracle, Tables
from weft.model.lineage import ColumnEdge, EdgeKind, Transformation
from weft.sql.lineage import column_lineage

_STRUCT_ITEM = "struct(sku varchar, qty int, price int)"
_STRUCT_PLACE = "struct(city varchar, zip varchar, geo struct(lat int, lon int))"
_VALUES = {
    "int": ["1", "2", "3", "4"],
    "varchar": ["'A'", "'B'", "'C'", "'AB'"],
    "date": [f"date '2024-01-0{day}'" for day in range(1, 7)],
    "timestamp": [f"timestamp '2024-01-0{day}'" for day in range(1, 7)],
    "varchar[]": ["['A']", "['B', 'C']", "[]", "['A', 'B']"],
    f"{_STRUCT_ITEM}[]": [
        "[]",
        *(f"[{{'sku': 'A', 'qty': {q}, 'price': {p}}}]" for q in (1, 2) for p in (2, 3)),
        "[{'sku': 'B', 'qty': 3, 'price': 1}, {'sku': 'C', 'qty': 1, 'price': 4}]",
    ],
    _STRUCT_PLACE: [
        f"{{'city': '{c}', 'zip': '{z}', 'geo': {{'lat': {n}, 'lon': {n + 1}}}}}"
        for c in "AB"
        for z in "XY"
        for n in (1, 2)
    ],
}


def _typed(text: str) -> dict[str, str]:
    """Columns from words like `column/type`."""
    pairs = (column.partition("/") for column in text.split())
    return {name: _KINDS[kind] for name, _, kind in pairs}


_KINDS = {
    "": "int",
    "t": "varchar",
    "d": "date",
    "ts": "timestamp",
    "t[]": "varchar[]",
    "items": f"{_STRUCT_ITEM}[]",
    "place": _STRUCT_PLACE,
}

_FOLDER = Path(__file__).parent / "corpus"
_TABLES = {
    family: {table: _typed(columns) for table, columns in tables.items()}
    for family, tables in yaml.safe_load((_FOLDER / "tables.yaml").read_text(encoding="utf-8")).items()
}

_KINDS_OF_EDGES = {
    "id": (EdgeKind.DIRECT, Transformation.IDENTITY),
    "tr": (EdgeKind.DIRECT, Transformation.TRANSFORMATION),
    "ag": (EdgeKind.DIRECT, Transformation.AGGREGATION),
    "cond": (EdgeKind.INDIRECT, Transformation.CONDITIONAL),
    "filter": (EdgeKind.INDIRECT, Transformation.FILTER),
    "group": (EdgeKind.INDIRECT, Transformation.GROUP_BY),
    "join": (EdgeKind.INDIRECT, Transformation.JOIN),
    "sort": (EdgeKind.INDIRECT, Transformation.SORT),
    "window": (EdgeKind.INDIRECT, Transformation.WINDOW),
}


class Query(Struct, frozen=True):
    """A query of the corpus; `expected` are the edges that were written by hand, None where nobody has."""

    family: str
    number: int
    sql: str
    expected: frozenset[ColumnEdge] | None

    @property
    def name(self) -> str:
        """How tests call it."""
        return f"{self.family}-{self.number}"


def tables(family: str) -> Tables:
    """The tables of a family, in which few values stand for many joins that match."""
    return Tables(_TABLES[family], _VALUES, rows=6)


def schemas(family: str) -> Mapping[str, tuple[str, ...]]:
    """Names of the columns of a family's tables."""
    return {table: tuple(columns) for table, columns in _TABLES[family].items()}


@cache
def oracle(family: str) -> Oracle:
    """DuckDB with a family's tables."""
    return Oracle(tables(family))


@cache
def edges(query: Query) -> frozenset[ColumnEdge]:
    """What weft reads in a query."""
    return frozenset(column_lineage(query.sql, schemas(query.family), oracle(query.family).described(query.sql)))


@cache
def moved(queries: tuple[Query, ...], rounds: int) -> frozenset[tuple[str, str, str, str]]:
    """Query, table, column and output: what DuckDB gave anew when that column was filled anew; all of one family."""
    by_sql = {q.sql: q.name for q in queries}
    asked = oracle(queries[0].family)
    named = {sql: asked.described(sql) for sql in by_sql}
    return frozenset(
        (by_sql[sql], table, column, named[sql][at])
        for seed in range(rounds)
        for sql, table, column, at in asked.changed(list(by_sql), seed)
    )


def _expected(entry: Mapping[str, Any], home: Mapping[str, str]) -> frozenset[ColumnEdge] | None:
    if "columns" not in entry:
        return None
    found = set()
    for target, text in entry["columns"].items():
        direct, _, indirect = text.partition("|")
        sources = ",".join((direct, indirect, entry["rows"])).split(",")
        for source in filter(None, (one.strip() for one in sources)):
            column, how = source.split()
            table, _, name = home.get(column, column).rpartition(".")
            kind, transformation = _KINDS_OF_EDGES[how.rstrip("!")]
            found.add(ColumnEdge(table, name, target, kind, transformation, how.endswith("!")))
    return frozenset(found)


def _queries(family: str) -> list[Query]:
    owners: dict[str, list[str]] = {}
    for table, columns in _TABLES[family].items():
        for column in columns:
            owners.setdefault(column, []).append(f"{table}.{column}")
    home = {column: owned[0] for column, owned in owners.items() if len(owned) == 1}
    text = (_FOLDER / f"{family}.yaml").read_text(encoding="utf-8")
    return [
        Query(family, number, entry["sql"].strip(), _expected(entry, home))
        for number, entry in enumerate(yaml.safe_load(text), 1)
    ]


FAMILIES = tuple(_TABLES)
CORPUS = [query for family in FAMILIES for query in _queries(family)]
