"""How the queue is told to people."""

from __future__ import annotations

import datetime as dt

import pytest

from weft.cli.render.jobs import jobs_table

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("start", "end", "told"),
    [
        ("2024-01-01T00:00:00+00:00", "2024-01-31T00:00:00+00:00", "backfill 2024-01-01 to 2024-01-31 "),
        ("2024-01-01T06:00:00+00:00", "2024-01-01T12:00:00+00:00", "backfill 2024-01-01 06:00 to 2024-01-01 12:00 "),
    ],
)
def test_a_piece_of_a_backfill_says_which_stretch_of_time_it_computes(start, end, told):
    job = {
        "job_id": "job-1", "product": "sales.shop", "state": "queued", "cause": "backfill", "due": NOW.isoformat(),
        "started_at": None, "finished_at": None, "attempts": 0, "max_attempts": 5, "cancelled_by": None,
        "result": None, "window": {"start": start, "end": end},
    }  # fmt: skip

    assert told in jobs_table([job], NOW)
