"""What a broken contract is told with: counts in words, and values as SQL and JSON write them."""

from __future__ import annotations

import datetime as dt

from tests.unit.contracts.support import a_contract, col
from weft.engines.duckdb.engine import DuckDBEngine
from weft.model.address import parse_address
from weft.runs.verification import broken, check_rows


def test_a_row_that_fails_is_shown_without_words_of_python() -> None:
    contract = a_contract(col("id", "integer", primaryKey=True), col("name", "string", required=True))
    with DuckDBEngine(threads=1).session() as session:
        session.table("t", "SELECT * FROM (VALUES (1, 'Ada'), (2, NULL)) t(id, name)")
        checks = check_rows(session, contract, '"t"', {}, dt.datetime(2026, 1, 1, tzinfo=dt.UTC))

    found = broken(parse_address("a.b.t@1"), checks)

    assert found is not None
    (one,) = found.diagnostics
    assert one.why == "expected never null, found 1 row (50 %); first: id=2, name=null"
