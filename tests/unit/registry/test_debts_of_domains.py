"""Known debt is read for the domains that are asked about, with that of what is no product's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from weft.model.relief import Debt
from weft.registry.baselines import debts
from weft.registry.sqlite import SqliteRegistry
from weft.registry.violations import ViolationStore

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
UNTIL = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
KNOWN = (("a", "sales.orders.lines@1", "sales"), ("a", "fleet.aircraft", "fleet"), ("b", "crew", "crew"))


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[SqliteRegistry]:
    made = SqliteRegistry(tmp_path / "registry.db")
    with made.database.writing() as statements:
        for policy, subject, domain in KNOWN:
            sql = "INSERT INTO known_debts VALUES (?, ?, ?, 'b-1', ?, ?, NULL)"
            statements.run(sql, (policy, subject, domain, UNTIL.isoformat(), NOW.isoformat()))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("domains", "found"),
    [
        (None, {"sales.orders.lines@1", "fleet.aircraft", "crew"}),
        (["sales"], {"sales.orders.lines@1", "crew"}),
        (["sales", "fleet"], {"sales.orders.lines@1", "fleet.aircraft", "crew"}),
        ([], {"crew"}),
    ],
)
def test_debt_of_other_domains_is_left_out_and_that_of_domains_themselves_is_not(
    registry: SqliteRegistry, domains: list[str] | None, found: set[str]
) -> None:
    with registry.database.reading() as statements:
        assert {debt.subject for debt in debts(statements, domains)} == found


def test_what_is_let_off_around_an_address_is_what_is_let_off_of_it_everywhere(registry: SqliteRegistry) -> None:
    store = ViolationStore(registry.database)

    near, far = store.relief(NOW, ["sales.orders"]), store.relief(NOW)

    for policy, subject, domain in KNOWN[::2]:
        debt = Debt(policy, subject, domain, UNTIL)
        assert near.debt_of(policy, subject, NOW) == far.debt_of(policy, subject, NOW) == debt
    assert not near.excuses("a", "fleet.aircraft", NOW)
    assert far.excuses("a", "fleet.aircraft", NOW)
