"""Jobs as text: what came of them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from weft.cli.render.jobs import jobs_table

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def job(state: str, **result: Any) -> dict[str, Any]:
    at = NOW.isoformat()
    return {
        "job_id": "job-1", "product": "sales.orders", "state": state, "cause": "cron", "due": at, "started_at": at,
        "finished_at": at, "cancelled_by": None, "attempts": 1, "max_attempts": 5, "result": result,
    }  # fmt: skip


WARNED = [{"what": "what `id` is made from could not be resolved"}]


@pytest.mark.parametrize(
    ("told", "came"),
    [
        (job("succeeded", published=["a"], failed=[]), "1 published, 0 failed"),
        (job("succeeded", published=["a"], failed=[], diagnostics=WARNED), "1 published, 0 failed, 1 warning"),
        (job("failed", published=[], failed=["a"], diagnostics=WARNED), WARNED[0]["what"]),
        (job("failed", why="it took longer than 6h"), "it took longer than 6h"),
    ],
)
def test_a_job_that_succeeded_says_what_it_published_and_one_that_failed_says_why(told, came):
    assert jobs_table([told], NOW).splitlines()[1].endswith(came)
