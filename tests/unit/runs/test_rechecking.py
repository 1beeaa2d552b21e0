"""A contract is checked again where it is published: all of it, or of a large table the keys and a sample."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from weft.engines.base import Session
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import ContractBroken
from weft.model.address import parse_address
from weft.model.checks import CheckResult, Outcome
from weft.model.document import Document
from weft.model.odcs import Contract, contract
from weft.runs.rechecking import rechecked
from weft.runs.verification import check_rows

ORDERS = parse_address("sales.orders.orders@1")
NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
DOCUMENT = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "1",
    "version": "1.0.0",
    "status": "active",
    "schema": [
        {
            "name": "orders",
            "quality": [{"metric": "rowCount", "mustBeGreaterThan": 10}],
            "properties": [
                {"name": "id", "logicalType": "integer", "primaryKey": True, "required": True},
                {"name": "amount", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0}},
            ],
        }
    ],
}
PROMISED = contract(Document("orders.odcs.yaml", DOCUMENT))


@pytest.fixture
def session() -> Iterator[Session]:
    engine = DuckDBEngine(memory_limit="1GB", threads=1)
    with engine.session() as opened:
        yield opened
    engine.close()


def check(session: Session):
    def on(some: Contract, relation: str) -> tuple[CheckResult, ...]:
        return check_rows(session, some, relation, {}, NOW)

    return on


def table(session: Session, sql: str) -> None:
    session.table("orders", sql)


GOOD = "SELECT i::INTEGER AS id, i::INTEGER AS amount FROM range(1000) t(i)"


def test_of_a_small_table_every_rule_is_evaluated_on_all_rows(session):
    table(session, GOOD)
    told = check(session)(PROMISED, "orders")

    results, verified = rechecked(session, ORDERS, PROMISED, "orders", 1000, told, check(session), 1000)

    assert results == told
    assert set(verified.server) == {r.id for r in told}
    assert (verified.sampled, verified.sample, verified.runner) == (None, (), ())


def test_of_a_large_table_keys_and_counts_are_evaluated_on_all_rows_and_the_rest_on_a_sample(session):
    table(session, GOOD)
    told = check(session)(PROMISED, "orders")

    results, verified = rechecked(session, ORDERS, PROMISED, "orders", 1000, told, check(session), 10)

    assert {r.id: r.result for r in results} == {r.id: r.result for r in told}
    assert any("amount" in i for i in verified.sample)
    assert any("rowCount" in i or "row_count" in i for i in (*verified.server, *verified.runner))
    assert {*verified.server, *verified.sample, *verified.runner} == {r.id for r in told}


@pytest.mark.parametrize(
    "broken",
    [
        "SELECT greatest(i, 1)::INTEGER AS id, i::INTEGER AS amount FROM range(1000) t(i)",
        "SELECT nullif(i, 5)::INTEGER AS id, i::INTEGER AS amount FROM range(1000) t(i)",
        "SELECT i::INTEGER AS id, -i::INTEGER AS amount FROM range(1000) t(i)",
    ],
)
@pytest.mark.parametrize("whole_up_to", [1000, 10])
def test_results_of_other_rows_are_refused(session, broken, whole_up_to):
    table(session, GOOD)
    told = check(session)(PROMISED, "orders")
    table(session, broken)

    with pytest.raises(ContractBroken, match="WFT-SRV-034"):
        rechecked(session, ORDERS, PROMISED, "orders", 1000, told, check(session), whole_up_to)


def test_what_is_worse_than_it_is_is_refused_too_where_its_counts_are_others(session):
    table(session, GOOD)
    told = check(session)(PROMISED, "orders")
    lie = [replace(r, total_rows=999) if r.total_rows is not None else r for r in told]

    with pytest.raises(ContractBroken, match="WFT-SRV-034"):
        rechecked(session, ORDERS, PROMISED, "orders", 1000, lie, check(session), 1000)
    assert all(r.result is not Outcome.FAILED for r in told)
