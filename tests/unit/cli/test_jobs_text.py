"""How the queue is told to people."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from weft.cli.render.jobs import jobs_table

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def job(**fields: Any) -> dict[str, Any]:
    return {
        "job_id": "job-1", "product": "sales.shop", "state": "queued", "cause": "cron", "due": NOW.isoformat(),
        "started_at": None, "finished_at": None, "attempts": 0, "max_attempts": 5, "cancelled_by": None,
        "result": None, "window": None, **fields,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2024-01-01T00:00:00+00:00", "2024-01-31T00:00:00+00:00", "backfill 2024-01-01 to 2024-01-31 "),
        ("2024-01-01T06:00:00+00:00", "2024-01-01T12:00:00+00:00", "backfill 2024-01-01 06:00 to 2024-01-01 12:00 "),
    ],
)
def test_a_piece_of_a_backfill_says_which_stretch_of_time_it_computes(start, end, told):
    assert told in jobs_table([job(cause="backfill", window={"start": start, "end": end})], NOW)


@pytest.mark.parametrize(
    ("published", "failed", "told"),
    [
        (["a.b.c@1"], [], "1 published"),
        ([], [], "nothing had changed"),
        (["a.b.c@1"], ["`a.b.d@1` breaks a rule"], "`a.b.d@1` breaks a rule"),
        ([], ["one", "two", "three"], "one (and 2 more failures)"),
    ],
)
def test_what_came_of_a_job_names_what_failed(published, failed, told):
    result = {"published": published, "failed": [{"diagnostics": [{"what": what}]} for what in failed]}

    assert jobs_table([job(state="failed" if failed else "succeeded", result=result)], NOW).endswith(f"  {told}")


WARNED = [{"what": "what `id` is made from could not be resolved"}]


@pytest.mark.parametrize(
    ("state", "result", "told"),
    [
        ("succeeded", {"published": ["a"], "failed": [], "diagnostics": WARNED}, "1 published, 1 warning"),
        ("failed", {"published": [], "failed": [], "diagnostics": WARNED}, WARNED[0]["what"]),
        ("failed", {"why": "it took longer than 6h"}, "it took longer than 6h"),
    ],
)
def test_a_job_that_succeeded_counts_its_warnings_and_one_that_failed_says_why(state, result, told):
    assert jobs_table([job(state=state, result=result)], NOW).endswith(f"  {told}")
