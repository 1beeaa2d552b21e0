"""What DuckDB says of lineage: an output stays as it is when a column without an edge to it is filled anew."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import duckdb
from msgspec import Struct

from weft.sql.quoting import ident

TABLES = {
    "t": {"id": "int", "a": "int", "b": "int", "grp": "varchar", "ts": "timestamp"},
    "u": {"id": "int", "c": "int", "d": "int"},
    "n": {"id": "int", "l": "int[]", "s": "struct(p int, q int)"},
    "w": {'we"ird.col': "int", "A B": "int"},
}
SCHEMAS = {table: tuple(columns) for table, columns in TABLES.items()}
STATEMENTS = [
    text.strip()
    for text in (Path(__file__).parent / "lineage_statements.sql").read_text(encoding="utf-8").split(";\n")
    if text.strip()
]
_VALUES = {
    "int": ["1", "2", "3", "4", "5", "6"],
    "varchar": ["'x'", "'y'", "'z'"],
    "timestamp": [f"timestamp '2024-01-0{day}'" for day in range(1, 8)],
    "int[]": ["[1]", "[2, 3]", "[]", "[4, 5, 6]"],
    "struct(p int, q int)": [f"{{'p': {p}, 'q': {q}}}" for p in range(3) for q in range(3)],
}
_ROWS = 7


class Tables(Struct, frozen=True):
    """Types of the columns of tables, the values that columns of a type may have, and how many rows there are."""

    columns: Mapping[str, Mapping[str, str]]
    values: Mapping[str, Sequence[str]]
    rows: int = _ROWS


SMALL = Tables(TABLES, _VALUES)

Answer = list[Counter[str]]
"""The values of each output column, without their order."""


class Oracle:
    """Small tables with random content, of which one column at a time is filled anew."""

    def __init__(self, tables: Tables = SMALL) -> None:
        self._tables = tables
        self._db = duckdb.connect(config={"threads": 1})
        self._fill(random.Random(0))

    def described(self, sql: str) -> list[str]:
        """The names that DuckDB gives to the columns of a query."""
        return [row[0] for row in self._db.execute(f"describe {sql}").fetchall()]

    def changed(self, statements: Sequence[str], seed: int) -> Iterator[tuple[str, str, str, int]]:
        """Statement, table, column and the output column that is another one when that column is filled anew."""
        rng = random.Random(seed)
        content = self._fill(rng)
        before = {sql: self._answer(sql) for sql in statements}
        for table, columns in self._tables.columns.items():
            reading = [sql for sql in statements if re.search(rf"\b{table}\b", sql)]
            for column, kind in columns.items() if reading else ():
                self._put(table, {**content[table], column: self._random(rng, kind, rng.choice([0.0, 0.3, 1.0]))})
                for sql in reading:
                    former, now = before[sql], self._answer(sql)
                    if former is not None and now is not None:
                        different = [i for i, pair in enumerate(zip(former, now, strict=True)) if pair[0] != pair[1]]
                        yield from ((sql, table, column, i) for i in different)
            self._put(table, content[table])

    def _fill(self, rng: random.Random) -> dict[str, dict[str, list[str]]]:
        content = {
            table: {column: self._random(rng, kind, 0.1) for column, kind in columns.items()}
            for table, columns in self._tables.columns.items()
        }
        for table, columns in content.items():
            self._put(table, columns)
        return content

    def _put(self, table: str, content: Mapping[str, Sequence[str]]) -> None:
        columns = ", ".join(f"{ident(name)} {kind}" for name, kind in self._tables.columns[table].items())
        rows = ", ".join(f"({', '.join(row)})" for row in zip(*content.values(), strict=True))
        self._db.execute(f"create or replace table {table}({columns})")
        self._db.execute(f"insert into {table} values {rows}")

    def _answer(self, sql: str) -> Answer | None:
        """None where these values make the query fail."""
        try:
            found = self._db.execute(sql)
            width, rows = len(found.description), found.fetchall()
        except duckdb.Error:
            return None
        return [Counter(repr(row[i]) for row in rows) for i in range(width)]

    def _random(self, rng: random.Random, kind: str, nulls: float) -> list[str]:
        values = self._tables.values[kind]
        return ["null" if rng.random() < nulls else rng.choice(values) for _ in range(self._tables.rows)]
