"""Results equal those of a naive evaluation in Python, on random small tables."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.contracts.support import Database, a_contract, check_all, col

DATABASE = Database()
NUMBERS = st.none() | st.integers(-3, 6)
TEXTS = st.none() | st.text("aäb'\n", max_size=4)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, TEXTS), max_size=12)


def counted(rows: list[tuple[Any, ...]], *columns: int) -> int:
    keys = [tuple(row[c] for c in columns) for row in rows]
    times = Counter(key for key in keys if None not in key)
    return sum(n for n in times.values() if n > 1)


@settings(max_examples=150, deadline=None)
@given(ROWS, st.integers(-3, 3), st.integers(0, 6), st.integers(0, 3), st.lists(st.integers(-3, 6), min_size=1))
def test_every_count_is_the_naive_one(
    rows: list[tuple[Any, ...]], low: int, high: int, longest: int, allowed: list[int]
) -> None:
    contract = a_contract(
        col("x", "integer", primaryKey=True, options={"minimum": low, "exclusiveMaximum": high}),
        col("y", "integer", primaryKey=True, unique=True, enum=[{"value": v} for v in set(allowed)]),
        col("s", "string", required=True, options={"maxLength": longest, "pattern": "^a|b$"}),
        table={"relationships": [{"id": "fk", "from": "t.x", "to": "t.y"}]},
    )
    DATABASE.execute("CREATE OR REPLACE TABLE t (x INTEGER, y INTEGER, s VARCHAR)")
    if rows:
        DATABASE.connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)

    found = {i: r.failed_rows for i, r in check_all(contract, None, DATABASE).items() if r.failed_rows is not None}

    texts = [s for *_, s in rows if s is not None]
    partners = {y for _, y, _ in rows if y is not None}
    assert found == {
        "x.range": sum(x is not None and not low <= x < high for x, *_ in rows),
        "y.unique": counted(rows, 1),
        "y.valid_values": sum(y is not None and y not in allowed for _, y, _ in rows),
        "s.required": sum(s is None for *_, s in rows),
        "s.length": sum(len(s) > longest for s in texts),
        "s.pattern": sum(re.search(r"\Aa|b\Z", s) is None for s in texts),
        "primary_key": counted(rows, 0, 1) + sum(x is None or y is None for x, y, _ in rows),
        "fk": sum(x is not None and x not in partners for x, *_ in rows),
    }
