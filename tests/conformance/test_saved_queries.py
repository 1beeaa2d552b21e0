"""Saved queries, in an SQLite file and in a PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from msgspec.structs import replace

from weft.registry.saved_queries import SavedQuery, SavedQueryStore

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)
LARGE = SavedQuery(
    "ana",
    "large",
    "Large aircraft",
    "select * from fleet.aircraft.planes where owner = 'Jo'",
    (("fleet.aircraft.planes", "fleet.aircraft.planes@1"),),
    "seats by type",
    NOW,
    NOW,
)


@pytest.fixture
def queries(registry) -> SavedQueryStore:
    return SavedQueryStore(registry.database)


def test_a_query_is_kept_as_it_was_saved_and_one_of_its_name_takes_its_place(queries):
    queries.put(LARGE, 10)

    changed = queries.put(replace(LARGE, sql="select 1", purpose=None, made_at=LATER, changed_at=LATER), 10)

    assert changed == replace(LARGE, sql="select 1", purpose=None, changed_at=LATER)
    assert queries.get("ana", "large") == changed
    assert queries.get("ben", "large") is None


def test_queries_are_listed_by_owner_and_name_from_a_place_on(queries):
    for owner, name in (("ben", "a"), ("ana", "b"), ("ana", "a"), ("Zoe", "z")):
        queries.put(replace(LARGE, owner=owner, name=name), 10)

    found = [one.address for one in queries.listed()]

    assert found == ["Zoe/z", "ana/a", "ana/b", "ben/a"]
    assert [one.address for one in queries.listed(after=("ana", "a"), limit=1)] == ["ana/b"]
    assert [one.address for one in queries.listed("ana")] == ["ana/a", "ana/b"]


def test_nobody_keeps_more_queries_than_they_may_and_a_kept_one_can_still_change(queries):
    queries.put(LARGE, 1)

    with pytest.raises(OverflowError):
        queries.put(replace(LARGE, name="other"), 1)

    assert queries.put(replace(LARGE, title="Other"), 1).title == "Other"
    assert queries.put(replace(LARGE, owner="ben"), 1).owner == "ben"
    assert [one.address for one in queries.listed()] == ["ana/large", "ben/large"]


def test_what_was_dropped_is_gone_and_the_log_holds_no_text_of_it(registry, queries):
    queries.put(LARGE, 10)

    assert queries.drop("ana", "large", actor="root", at=LATER)
    assert not queries.drop("ana", "large", actor="root", at=LATER)

    events = registry.events(0, 10)
    assert queries.get("ana", "large") is None
    assert [(e.kind, e.actor, e.subject, dict(e.body)) for e in events] == [
        ("query.saved", "ana", "query:ana/large", {"ports": ["fleet.aircraft.planes@1"]}),
        ("query.dropped", "root", "query:ana/large", {}),
    ]
    assert "Jo" not in json.dumps([dict(e.body) for e in events])
    assert registry.verify_log() == 2
