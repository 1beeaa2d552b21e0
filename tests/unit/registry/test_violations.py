"""Violations in the registry's database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from weft.model.violations import State, Violation
from weft.registry.database import put
from weft.registry.sqlite import SqliteRegistry
from weft.registry.violations import _COLUMNS, Filter, ViolationStore

DAY = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def database(tmp_path):
    found = SqliteRegistry(tmp_path / "registry.db").database
    yield found
    found.close()


def _keep(database, violations):
    with database.writing() as statements:
        statements.many(
            put("violations", _COLUMNS, "violation_id"),
            [
                (
                    v.violation_id,
                    v.policy,
                    v.subject,
                    v.product,
                    v.domain,
                    v.owner,
                    v.severity,
                    v.title,
                    v.state,
                    *_times(v),
                )
                for v in violations
            ],
        )


def _times(v):
    return v.first_seen.isoformat(), v.last_seen.isoformat(), v.due.isoformat(), None, None, None, 0


def _violation(domain, number, day=0):
    subject = f"{domain}.product_{number}"
    due = DAY + timedelta(days=day)
    return Violation("owned", subject, subject, domain, "team", "high", "Owned", State.OPEN, DAY, DAY, due)


def _steps(database, work):
    """How much SQLite does for it, in steps of its machine by the hundred."""
    counted = [0]

    def count():
        counted[0] += 1

    connection = database._connection()
    connection.set_progress_handler(count, 100)
    found = work()
    connection.set_progress_handler(None, 100)
    return found, counted[0]


def test_the_violations_of_a_domain_are_read_without_those_of_all_others(database):
    _keep(database, [_violation("other", n) for n in range(5000)])
    _keep(database, [_violation("own", n, day=1) for n in range(5)])
    _keep(database, [_violation("second", n, day=2) for n in range(5)])

    found, steps = _steps(database, lambda: ViolationStore(database).listed(Filter(("second", "own")), limit=7))

    assert [v.domain for v in found] == ["own"] * 5 + ["second"] * 2
    assert steps < 20


def test_a_page_of_several_domains_begins_behind_the_last_one_of_the_page_before(database):
    _keep(database, [_violation(domain, n, day=n // 2) for domain in ("a", "b") for n in range(6)])
    store, wanted = ViolationStore(database), Filter(("a", "b"))

    first = store.listed(wanted, limit=5)
    second = store.listed(wanted, after=(first[-1].due.isoformat(), first[-1].violation_id), limit=50)

    assert len({v.violation_id for v in (*first, *second)}) == len(first) + len(second) == 12
    assert [v.due for v in (*first, *second)] == sorted(v.due for v in (*first, *second))
