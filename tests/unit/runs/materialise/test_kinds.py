"""Kept tables against what they should hold: a full rebuild, or rows folded in plain Python."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.runs.materialise.kept import NOW, Kept
from weft.errors import ContractBroken
from weft.plan.keeping import Window

DAY = dt.timedelta(days=1)
BEGIN = dt.datetime(2024, 1, 1)
Make = Callable[..., Kept]

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Kept] = []
    numbers = itertools.count()

    def one(columns: str, *, sql: str = "select * from source", **keeping: Any) -> Kept:
        made.append(Kept(tmp_path / str(next(numbers)), columns, keeping, sql))
        (tmp_path / str(len(made) - 1)).mkdir(exist_ok=True)
        return made[-1]

    yield one
    for kept in made:
        kept.close()


def at(days: float) -> dt.datetime:
    return BEGIN + days * DAY


def utc(days: float) -> dt.datetime:
    return at(days).replace(tzinfo=dt.UTC)


# --- incremental

_DAYS = st.integers(0, 24).map(lambda n: n / 2)
_ROWS = st.lists(st.tuples(st.integers(0, 5), st.one_of(_DAYS, st.none()), st.integers(0, 3)), max_size=8)


@FEW
@given(
    rounds=st.lists(_ROWS, min_size=2, max_size=4),
    batch=st.sampled_from([None, "1d", "36h", "1w", "1mo"]),
    type_=st.sampled_from(["DATE", "TIMESTAMP", "TIMESTAMPTZ"]),
)
def test_incremental_is_what_a_full_rebuild_gives_while_late_rows_come_within_the_lookback(
    make: Make, rounds: list[list[tuple[int, float | None, int]]], batch: str | None, type_: str
) -> None:
    if batch == "36h" and type_ == "DATE":
        batch = "2d"
    size = {"batch_size": batch} if batch else {}
    kept = make(
        f"id INTEGER, at {type_}, n INTEGER", materialized="incremental", time_column="at", lookback="3d", **size
    )
    source: list[tuple[int, dt.datetime | None, int]] = []
    for rows in rounds:
        newest = max((day for _, day, _ in source if day is not None), default=None)
        # what is older than the lookback stays as it is; what lies within it may change, go, or come late
        line = newest - 3 * DAY if newest is not None else dt.datetime.min
        source = [row for row in source if row[1] is not None and row[1] < line]
        source += [
            (number, at(day) if day is not None else None, n)
            for number, day, n in rows
            if day is None or at(day) >= line
        ]
        if newest is not None and not any(row[1] == newest for row in source):
            source.append((9, newest, 9))
        kept.source(source)

        assert kept.build() == kept.wanted()


def test_a_build_that_goes_on_leaves_files_of_other_times_as_they_are(make: Make) -> None:
    kept = make("id INTEGER, at TIMESTAMP", materialized="incremental", time_column="at", batch_size="1d")
    kept.source([(i, at(i)) for i in range(5)])
    kept.build()
    before = kept.files

    kept.source([(i, at(i)) for i in range(7)])

    assert kept.build() == kept.wanted()
    assert len(before) == 5
    assert len(before & kept.files) == 4
    assert len(kept.files) == 7


def test_a_window_is_computed_again_and_nothing_else(make: Make) -> None:
    kept = make("id INTEGER, at DATE, n INTEGER", materialized="incremental", time_column="at")
    kept.source([(i, at(i), 0) for i in range(10)])
    kept.build()
    kept.source([(i, at(i), 1) for i in range(10)])

    found = kept.build(window=Window(utc(3), utc(5.5)))

    assert sorted(row[0] for row in found if row[2] == 1) == [3, 4, 5]
    assert len(found) == 10


def test_a_time_far_ahead_does_not_stop_the_table(make: Make) -> None:
    kept = make("id INTEGER, at TIMESTAMP", materialized="incremental", time_column="at")
    kept.source([(1, at(1)), (2, dt.datetime(2999, 1, 1))])
    kept.build(now=utc(2))

    kept.source([(1, at(1)), (2, dt.datetime(2999, 1, 1)), (3, at(3))])

    assert [row[0] for row in kept.build(now=utc(4))] == [1, 2, 3]


def test_times_that_are_infinite_belong_to_the_table(make: Make) -> None:
    kept = make("id INTEGER, at TIMESTAMP", materialized="incremental", time_column="at", batch_size="1d")
    kept.source([(1, at(1)), (2, "infinity"), (3, "-infinity")])
    assert len(kept.build()) == 3

    kept.source([(1, at(1)), (2, "infinity"), (3, "-infinity"), (4, at(2))])

    assert len(kept.build()) == 4


# --- merge

_STATES = st.lists(
    st.dictionaries(st.integers(0, 4), st.tuples(st.integers(0, 2), st.booleans()), max_size=5), min_size=2, max_size=5
)


@FEW
@given(rounds=_STATES, delete=st.sampled_from([None, "missing", "gone"]))
def test_merge_puts_rows_in_the_place_of_those_with_their_key(
    make: Make, rounds: list[dict[int, tuple[int, bool]]], delete: str | None
) -> None:
    settings = {"delete": delete} if delete else {}
    kept = make("id INTEGER, n INTEGER, gone BOOLEAN", materialized="merge", key="id", **settings)
    expected: dict[int, tuple[Any, ...]] = {}
    for state in rounds:
        kept.source([(key, n, gone) for key, (n, gone) in state.items()])
        if delete == "missing":
            expected = {}
        for key, (n, gone) in state.items():
            expected[key] = (key, n) if delete == "gone" else (key, n, gone)
            if delete == "gone" and gone:
                del expected[key]

        assert kept.build() == sorted(expected.values(), key=repr)
        assert kept.build() == sorted(expected.values(), key=repr), "built twice"


def test_merge_by_several_columns_looks_at_what_changed_since_the_newest_row(make: Make) -> None:
    kept = make(
        "a INTEGER, b VARCHAR, at TIMESTAMP, n INTEGER",
        materialized="merge",
        key=["a", "b"],
        time_column="at",
        lookback="1d",
    )
    kept.source([(1, "x", at(1), 1), (1, "y", at(5), 1)])
    kept.build()

    kept.source([(1, "x", at(1), 2), (1, "y", at(6), 2), (2, "y", at(4.5), 2)])

    assert kept.build() == [(1, "x", at(1), 1), (1, "y", at(6), 2), (2, "y", at(4.5), 2)]


def test_merge_writes_nothing_when_nothing_changed(make: Make) -> None:
    kept = make("id INTEGER, n DOUBLE", materialized="merge", key="id", delete="missing")
    kept.source([(1, "nan"), (2, None)])
    kept.build()
    before = kept.files

    kept.build()

    assert kept.files == before


@pytest.mark.parametrize("keeping", [{"materialized": k, "key": "id"} for k in ("merge", "scd2", "append")])
def test_a_key_that_does_not_tell_rows_apart_is_refused(make: Make, keeping: dict[str, Any]) -> None:
    kept = make("id INTEGER, n INTEGER", **keeping)
    kept.source([(1, 1), (1, 2), (2, 1), (None, 3)])

    with pytest.raises(ContractBroken) as told:
        kept.build()

    assert [d.what for d in told.value.diagnostics] == [
        "model `t`: 1 of its rows have no `id`",
        "model `t`: 2 of its rows share `id` with another row",
    ]


# --- append


@FEW
@given(rounds=_STATES)
def test_append_keeps_the_first_row_of_each_key(make: Make, rounds: list[dict[int, tuple[int, bool]]]) -> None:
    kept = make("id INTEGER, n INTEGER", materialized="append", key="id")
    expected: dict[int, tuple[int, int]] = {}
    for state in rounds:
        kept.source([(key, n) for key, (n, _) in state.items()])
        expected = {key: (key, n) for key, (n, _) in state.items()} | expected

        assert kept.build() == sorted(expected.values(), key=repr)


def test_append_by_time_adds_what_is_younger_than_the_table(make: Make) -> None:
    kept = make("id INTEGER, at TIMESTAMPTZ", materialized="append", time_column="at")
    kept.source([(1, "2024-01-01 00:00+00"), (2, "2024-01-02 00:00+00")])
    kept.build()
    first = kept.files

    kept.source([(9, "2023-01-01 00:00+00"), (2, "2024-01-02 00:00+00"), (3, "2024-01-02 00:00:00.000001+00")])

    assert [row[0] for row in kept.build()] == [1, 2, 3]
    assert first < kept.files
    assert [row[0] for row in kept.build()] == [1, 2, 3]


def test_append_by_time_refuses_rows_without_one(make: Make) -> None:
    kept = make("id INTEGER, at TIMESTAMP", materialized="append", time_column="at")
    kept.source([(1, at(1)), (2, None)])

    with pytest.raises(ContractBroken, match="1 of its rows have no `at`"):
        kept.build()


# --- scd2

_EVENTS = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 2), st.booleans()),
    max_size=10,
    unique_by=lambda event: event[:2],
)


def versions(events: list[tuple[int, int, int, bool]], *, flagged: bool) -> list[tuple[Any, ...]]:
    """The versions that events make, folded one by one."""
    found: list[tuple[Any, ...]] = []
    for key in {event[0] for event in events}:
        current: list[Any] | None = None
        for _, day, n, gone in sorted(e for e in events if e[0] == key):
            ends = flagged and gone
            if current is not None and (ends or current[2] != n):
                found.append((*current[:4], at(day)))
                current = None
            if current is None and not ends:
                current = [key, at(day), n, at(day)]
        if current is not None:
            found.append((*current, None))
    return sorted(found, key=repr)


@FEW
@given(events=_EVENTS, order=st.randoms(use_true_random=False), delete=st.booleans())
def test_scd2_by_time_is_the_same_however_late_events_come(
    make: Make, events: list[tuple[int, int, int, bool]], order: Any, delete: bool
) -> None:
    settings = {"delete": "gone"} if delete else {}
    sql = "select * from source" if delete else "select * exclude (gone) from source"
    kept = make(
        "id INTEGER, at TIMESTAMP, n INTEGER, gone BOOLEAN",
        sql=sql,
        materialized="scd2",
        key="id",
        time_column="at",
        **settings,
    )
    shuffled = list(events)
    order.shuffle(shuffled)
    for end in range(0, len(shuffled) + 1, 3):
        known = shuffled[: end + 3]
        kept.source([(key, at(day), n, gone) for key, day, n, gone in known])

        assert kept.build() == versions(known, flagged=delete)
        assert kept.build() == versions(known, flagged=delete), "built twice"


@FEW
@given(events=_EVENTS, late=st.sets(st.integers(0, 6), min_size=1), delete=st.booleans())
def test_scd2_of_a_window_is_what_a_full_rebuild_gives_where_events_came_late_in_it(
    make: Make, events: list[tuple[int, int, int, bool]], late: set[int], delete: bool
) -> None:
    settings = {"delete": "gone"} if delete else {}
    kept = make(
        "id INTEGER, at TIMESTAMP, n INTEGER, gone BOOLEAN",
        sql="select * from source" if delete else "select * exclude (gone) from source",
        materialized="scd2",
        key="id",
        time_column="at",
        **settings,
    )
    first, last = min(late), max(late) + 1
    kept.source([(key, at(day), n, gone) for key, day, n, gone in events if not first <= day < last])
    kept.build()
    kept.source([(key, at(day), n, gone) for key, day, n, gone in events])

    found = kept.build(window=Window(utc(first), utc(last)))

    assert found == versions(events, flagged=delete)


def test_scd2_of_a_window_knows_what_the_rows_behind_it_say_again(make: Make) -> None:
    kept = make("id INTEGER, at TIMESTAMP, n INTEGER", materialized="scd2", key="id", time_column="at")
    kept.source([(1, at(0), 7), (1, at(2), 7), (2, at(2), 7)])
    kept.build()
    kept.source([(1, at(0), 7), (1, at(1), 8), (1, at(2), 7), (2, at(2), 7), (2, at(3), 8)])

    found = kept.build(window=Window(utc(1), utc(2)))

    assert [(row[0], row[2], row[4]) for row in found] == [
        (1, 7, at(1)),
        (1, 8, at(2)),
        (1, 7, None),
        (2, 7, None),
    ], "the other key's new row lies behind the window"


_NEXT = st.dictionaries(st.integers(0, 2), st.tuples(st.integers(0, 1), st.integers(0, 2)), max_size=3)


@FEW
@given(rounds=st.lists(_NEXT, min_size=2, max_size=6), type_=st.sampled_from(["DATE", "TIMESTAMP", "TIMESTAMPTZ"]))
def test_keys_that_scd2_missed_hold_again_when_they_are_given_again(
    make: Make, rounds: list[dict[int, tuple[int, int]]], type_: str
) -> None:
    kept = make(f"id INTEGER, at {type_}, n INTEGER", materialized="scd2", key="id", time_column="at", delete="missing")
    days = dict.fromkeys(range(3), 0)
    for number, state in enumerate(rounds):
        now = NOW + number * DAY
        for key, (later, _) in state.items():
            days[key] += later
        kept.source([(key, at(days[key]), n) for key, (_, n) in state.items()])

        found = kept.build(now=now)

        assert {row[0]: row[2] for row in found if row[4] is None} == {key: n for key, (_, n) in state.items()}
        for key in days:
            spans = sorted(((row[3], row[4]) for row in found if row[0] == key), key=repr)
            assert all(one[1] is not None and one[1] <= other[0] for one, other in itertools.pairwise(spans))
        assert kept.build(now=now + DAY / 2) == found, "built twice"


def test_a_version_far_ahead_does_not_say_when_other_keys_went(make: Make) -> None:
    kept = make(
        "id INTEGER, at TIMESTAMP, n INTEGER", materialized="scd2", key="id", time_column="at", delete="missing"
    )
    ahead = dt.datetime(2099, 1, 1)
    kept.source([(1, at(0), 7), (2, ahead, 7), (3, ahead, 7)])
    kept.build()
    kept.source([(2, ahead, 7)])

    found = kept.build(now=NOW + DAY)

    ends = {row[0]: row[4] for row in found}
    assert ends == {1: (NOW + DAY).replace(tzinfo=None), 2: None, 3: ahead + dt.timedelta(microseconds=1)}


@FEW
@given(rounds=_STATES, missing=st.booleans())
def test_scd2_of_a_table_that_only_says_what_is_now(
    make: Make, rounds: list[dict[int, tuple[int, bool]]], missing: bool
) -> None:
    settings = {"delete": "missing"} if missing else {}
    kept = make("id INTEGER, n INTEGER", materialized="scd2", key="id", **settings)
    expected: list[list[Any]] = []
    for number, state in enumerate(rounds):
        now = NOW + number * DAY
        kept.source([(key, n) for key, (n, _) in state.items()])
        for row in expected:
            ends = row[0] in state and state[row[0]][0] != row[1]
            if row[3] is None and (ends or (missing and row[0] not in state)):
                row[3] = now
        holding = {row[0] for row in expected if row[3] is None}
        expected += [[key, n, now, None] for key, (n, _) in state.items() if key not in holding]

        assert _instants(kept.build(now=now)) == _instants(expected)


def _instants(rows: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(v.timestamp() if isinstance(v, dt.datetime) else v for v in row) for row in rows), key=repr)


def test_scd2_goes_on_in_time_when_the_clock_goes_back(make: Make) -> None:
    kept = make("id INTEGER, n INTEGER", materialized="scd2", key="id")
    kept.source([(1, 1)])
    kept.build(now=NOW)
    kept.source([(1, 2)])

    found = kept.build(now=NOW - DAY)

    first, second = sorted(found, key=lambda row: row[1])
    assert first[2] == NOW
    assert first[3] == second[2] == NOW + dt.timedelta(microseconds=1)
    assert second[3] is None


def test_scd2_versions_hold_nested_values_and_nulls(make: Make) -> None:
    kept = make("id INTEGER, tags VARCHAR[]", materialized="scd2", key="id")
    kept.source([(1, "[a, b]"), (2, None)])
    kept.build()
    before = kept.files

    kept.build()
    assert kept.files == before

    kept.source([(1, "[a]"), (2, None)])
    assert [(row[0], row[1], row[3] is None) for row in kept.build(now=NOW + DAY)] == [
        (1, ["a", "b"], False),
        (1, ["a"], True),
        (2, None, True),
    ]
