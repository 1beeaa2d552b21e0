"""A function of another engine is refused with what to write in its place, and that is allowed and runs."""

from __future__ import annotations

import pytest

from tests.unit.sql.test_allowed import CONNECTION, refused, walked
from weft.sql.other_engines import OF_OTHERS

VALUES = {
    "strptime": "'2024-01-02' as x",
    "strftime": "date '2024-01-02' as x",
    "interval": "date '2024-01-02' as x",
    "date_": "date '2024-01-02' as x, date '2024-03-02' as y",
    "epoch": "timestamp '2024-01-02' as x",
    "strpos": "'ab' as x, 'b' as y",
    "split_part": "'a,b' as x",
    "regexp": "'ab' as x",
    "unnest": "[1] as x",
    "sha256": "'a' as x",
    "json": "'{\"a\": 1}' as x",
    "if(": "true as x, 1 as y, 2 as z",
}


@pytest.mark.parametrize("name", sorted(OF_OTHERS))
def test_a_function_of_another_engine_is_refused_with_what_duckdb_has_for_it(name: str) -> None:
    (problem,) = walked(f"select {name}(1)", others=False).problems

    assert problem.code == "WFT-SQL-005"
    assert problem.fix == f"write `{OF_OTHERS[name]}`, which is DuckDB's"


@pytest.mark.parametrize("written", sorted(set(OF_OTHERS.values())))
def test_what_is_advised_is_allowed_and_runs(written: str) -> None:
    values = next(
        (given for word, given in VALUES.items() if written.startswith(word) or (len(word) > 3 and word in written)),
        "1 as x, 2 as y, 3 as z",
    )

    assert refused(f"select {written} as it", others=False) == []
    CONNECTION.execute(f"select {written} as it from (select {values})").fetchall()
