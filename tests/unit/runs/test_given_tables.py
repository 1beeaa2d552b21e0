"""Unit tests of models that keep tables, and what previews and drafts show of them: the table after one build."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_kept_tables import COLUMNS, DAY, INSTANT, PRODUCT, Shop, day, integer
from weft.model.unit_test import Outcome, TestResult

RAW = "{id: 1, day: 2024-01-01, n: 9}, {id: 2, day: 2024-01-04, n: 9}, {id: 3, day: 2024-01-05, n: 9}"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)


def results(shop: Shop, *tests: tuple[str, str]) -> list[TestResult]:
    """Each test's result, of what it gives and what it expects."""
    listed = [f"  - name: test {i}\n    given: {{{g}}}\n    expect: {{{e}}}\n" for i, (g, e) in enumerate(tests)]
    shop.mesh.write(f"{PRODUCT}/tests/events.yaml", "model: events\ntests:\n" + "".join(listed))
    with shop.open() as mesh:
        report = mesh.test()
    assert report.diagnostics == ()
    return list(report.results)


def outcomes(shop: Shop, *tests: tuple[str, str]) -> list[Outcome]:
    return [result.outcome for result in results(shop, *tests)]


BEFORE = "this: {rows: [{id: 1, day: 2024-01-01, n: 1}, {id: 7, day: 2024-01-04, n: 1}]}"


@pytest.mark.parametrize(
    ("settings", "first", "after"),
    [
        (
            {"materialized": "incremental", "time_column": "day"},
            [(1, 9), (2, 9), (3, 9)],
            [(1, 1), (2, 9), (3, 9)],
        ),
        (
            {"materialized": "incremental", "time_column": "day", "lookback": "3d", "batch_size": "1d"},
            [(1, 9), (2, 9), (3, 9)],
            [(1, 9), (2, 9), (3, 9)],
        ),
        (
            {"materialized": "merge", "key": "id"},
            [(1, 9), (2, 9), (3, 9)],
            [(1, 9), (2, 9), (3, 9), (7, 1)],
        ),
        (
            {"materialized": "merge", "key": "id", "delete": "missing"},
            [(1, 9), (2, 9), (3, 9)],
            [(1, 9), (2, 9), (3, 9)],
        ),
        (
            {"materialized": "append", "key": "id"},
            [(1, 9), (2, 9), (3, 9)],
            [(1, 1), (2, 9), (3, 9), (7, 1)],
        ),
        (
            {"materialized": "append", "time_column": "day"},
            [(1, 9), (2, 9), (3, 9)],
            [(1, 1), (3, 9), (7, 1)],
        ),
    ],
)
def test_a_test_sees_one_build_that_goes_on_from_the_given_rows(shop, settings, first, after):
    shop.model(COLUMNS, **settings)

    def expected(rows: list[tuple[int, int]]) -> str:
        return f"rows: [{', '.join(f'{{id: {i}, n: {n}}}' for i, n in rows)}]"

    found = outcomes(
        shop,
        (f"raw: {{rows: [{RAW}]}}", expected(first)),
        (f"raw: {{rows: [{RAW}]}}, {BEFORE}", expected(after)),
        (f"raw: {{rows: [{RAW}]}}, {BEFORE}", expected(after[:-1])),
        (f"raw: {{rows: [{RAW}]}}", expected(first)),
    )

    assert found == [Outcome.PASSED, Outcome.PASSED, Outcome.FAILED, Outcome.PASSED]


def test_versions_of_rows_are_given_and_expected_with_their_time(shop):
    shop.describe([integer("id"), DAY, integer("n"), {**DAY, "name": "valid_from", "id": "valid_from"},
                   {**DAY, "name": "valid_to", "id": "valid_to"}])  # fmt: skip
    shop.model(COLUMNS, materialized="scd2", key="id", time_column="day")
    before = "this: {rows: [{id: 1, day: 2024-01-01, n: 1, valid_from: 2024-01-01}]}"

    (result,) = results(
        shop,
        (
            f"raw: {{rows: [{{id: 1, day: 2024-01-05, n: 9}}]}}, {before}",
            "rows: [{n: 1, valid_from: 2024-01-01, valid_to: 2024-01-05}, {n: 9, valid_from: 2024-01-05}]",
        ),
    )

    assert result.outcome is Outcome.PASSED


def test_what_a_test_gives_wrongly_for_the_table_before_is_told_in_its_line(shop):
    shop.model(COLUMNS, materialized="merge", key="id")

    told = [
        [(d.code, d.what) for d in result.diagnostics]
        for result in results(
            shop,
            ("this: {rows: [{id: many}]}", "rows: []"),
            ("raw: {rows: [{id: 1}, {id: 1}]}", "rows: []"),
            (BEFORE, "query: select count(*) as rows from this, rows: [{rows: 2}]"),
        )
    ]

    assert told == [
        [("WFT-TST-004", "`many` is no INTEGER, as `this.id` is")],
        [("WFT-RUN-008", "model `events`: 2 of its rows share `id` with another row")],
        [("WFT-TST-009", "the query of test `test 2`: it names `this`")],
    ]


def test_a_private_table_in_between_is_what_its_build_makes_and_each_test_has_its_own(shop):
    shop.model(COLUMNS.replace(" from", ", n::integer > 5 as gone from"), name="seen",
               materialized="merge", key="id", delete="gone")  # fmt: skip
    shop.model("select id, day, n from seen")
    small, large = (f"{{rows: [{{id: 1, day: 2024-01-01, n: {n}}}]}}" for n in (1, 9))

    found = outcomes(
        shop, (f"raw: {small}", "rows: [{id: 1, n: 1}]"), (f"raw: {large}", "rows: []"), (f"raw: {small}", "rows: []")
    )

    assert found == [Outcome.PASSED, Outcome.PASSED, Outcome.FAILED]

    shop.model(COLUMNS, name="seen", materialized="scd2", key="id")
    shop.model("select id, day, n from seen where valid_to is null")
    assert outcomes(shop, (f"raw: {small}", "rows: [{id: 1, n: 1}]")) == [Outcome.PASSED]


def test_a_preview_shows_the_table_and_not_the_rows_that_it_is_made_of(shop):
    shop.rows([(1, day(1), 1), (2, day(2), 9)])
    shop.model(COLUMNS.replace(" from", ", n::integer > 5 as gone from"), materialized="merge", key="id", delete="gone")
    shop.model(COLUMNS, name="seen", materialized="scd2", key="id")
    shop.model("select id from seen where valid_to is null", name="now")

    with shop.open() as mesh:
        rows, versions, read = (mesh.preview(f"shop.sales.{name}").arrow() for name in ("events", "seen", "now"))

    assert rows.to_pylist() == [{"id": 1, "day": day(1), "n": 1}]
    assert versions.column_names == ["id", "day", "n", "valid_from", "valid_to"]
    assert sorted(read.column("id").to_pylist()) == [1, 2]


def test_the_contract_of_versions_is_drafted_with_the_time_in_which_they_hold(shop):
    shop.rows([(1, day(1), 1)])
    shop.model(COLUMNS, materialized="scd2", key="id")

    with shop.open() as mesh:
        synced = mesh.sync("shop.sales.events")

    assert "name: valid_from" in synced.text
    assert "name: valid_to" in synced.text
    assert INSTANT["logicalType"] in synced.text
