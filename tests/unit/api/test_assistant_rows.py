"""Pages of rows for an assistant: short, going on where the last one ended, at the snapshots of the first."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import pytest

from weft.api.cursors import cursor_of
from weft.api.wires.assistant_rows import rows
from weft.api.wires.assistant_wants import Query
from weft.errors import UsageError


class Answers:
    """An answer of many rows, and what was asked of it."""

    def __init__(self, found: list[list[Any]]) -> None:
        self.found = found
        self.asked: list[tuple[int, Mapping[str, str] | None]] = []

    def __call__(self, sql: str, limit: int, at: Mapping[str, str] | None, purpose: str | None) -> Mapping[str, Any]:
        self.asked.append((limit, at))
        return {
            "columns": [{"name": "x", "type": "VARCHAR", "masked": None}],
            "rows": self.found[:limit],
            "truncated": len(self.found) > limit,
            "snapshot": {"a.b.c@1": "17"},
            "notes": [],
            "diagnostics": [],
        }


def all_pages(answers: Answers, limit: int = 500) -> list[list[list[Any]]]:
    pages, cursor = [], None
    while True:
        found = rows(Query("select x", limit=limit, cursor=cursor), answers)
        pages.append(found["rows"])
        cursor = found["next"]
        if cursor is None:
            return pages


def test_pages_give_every_row_once_and_stay_at_the_snapshots_of_the_first():
    answers = Answers([[i] for i in range(1_203)])

    pages = all_pages(answers)

    assert [row for page in pages for row in page] == answers.found
    assert [len(page) for page in pages] == [500, 500, 203]
    assert answers.asked == [(500, None), (1_000, {"a.b.c@1": "17"}), (1_500, {"a.b.c@1": "17"})]


def test_a_page_that_would_be_long_ends_earlier_and_loses_nothing():
    answers = Answers([[f"{i:0900}"] for i in range(120)])

    pages = all_pages(answers)

    assert [row for page in pages for row in page] == answers.found
    assert [len(page) for page in pages] == [44, 44, 32]


def test_a_long_cell_is_cut_and_said_to_be():
    found = rows(Query("select x"), Answers([["é" * 5_000], [list(range(2_000))], ["short"]]))

    assert [len(row[0]) for row in found["rows"]] == [1_001, 1_001, 5]
    assert found["notes"] == ["2 cells were cut to 1,000 characters"]
    assert found["complete"]


def test_an_answer_that_nobody_can_read_is_refused_with_what_to_do():
    answers = Answers([[i] for i in range(20_000)])
    of = all_the_way(answers)

    with pytest.raises(UsageError) as refused:
        rows(Query("select x", limit=500, cursor=of), answers)

    assert [d.code for d in refused.value.diagnostics] == ["WFT-SRV-072"]
    assert max(limit for limit, _ in answers.asked) == 10_000


def all_the_way(answers: Answers) -> str:
    cursor = None
    for _ in range(20):
        cursor = rows(Query("select x", limit=500, cursor=cursor), answers)["next"]
    assert cursor is not None
    return cursor


@pytest.mark.parametrize("place", [[5], [5, 5], ["a", "{}"], [-1, "{}"], [5, "not json"], [5, "[1]"], [5, '{"a": 1}']])
def test_a_cursor_that_was_made_up_is_refused(place):
    answers = Answers([[1]])
    of = hashlib.sha256(repr(("select x", None)).encode()).hexdigest()

    with pytest.raises(UsageError) as refused:
        rows(Query("select x", cursor=cursor_of(f"mcp query {of}", place)), answers)

    assert [d.code for d in refused.value.diagnostics] == ["WFT-SRV-006"]
    assert answers.asked == []


def test_a_cursor_of_the_same_text_for_another_purpose_is_refused():
    answers = Answers([[i] for i in range(9)])
    cursor = rows(Query("select x", limit=2), answers)["next"]

    with pytest.raises(UsageError):
        rows(Query("select x", purpose="another", limit=2, cursor=cursor), answers)
