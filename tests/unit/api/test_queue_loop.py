"""A worker's half of the queue."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from weft.api.jobs.queue_loop import QueueLoop
from weft.api.jobs.served import Served
from weft.errors import TransientError
from weft.model.jobs import Job, JobState, NewJob
from weft.registry.queue import Queue
from weft.registry.sqlite import SqliteRegistry
from weft.runs.dispatch import Dispatch

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


def test_a_job_whose_process_cannot_be_started_waits_again_and_has_lost_no_attempt(tmp_path: Path) -> None:
    database = SqliteRegistry(tmp_path / "registry.db").database
    with database.writing() as statements:
        Queue(statements).enqueue(NewJob("k", "apply", "d.a", NOW, "cron", "ada"), NOW)
    dispatch = Dispatch(database, lambda: NOW, worker="w")
    loop = QueueLoop(dispatch, tmp_path / "gone", lambda: Served(frozenset({"d.a"}), frozenset()), lambda: NOW)

    with pytest.raises(TransientError) as raised:
        loop.step()

    with database.reading() as statements:
        job: Job = Queue(statements).required("job-1")
    database.close()
    assert raised.value.diagnostics[0].code == "WFT-RUN-050"
    assert (job.state, job.attempts, job.leased_by) == (JobState.QUEUED, 0, None)
