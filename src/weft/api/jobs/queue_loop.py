"""A worker's half of the queue: claims jobs, runs each in a process of its own, and says what came of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from weft.api.jobs.process import JobProcess
from weft.api.jobs.served import Served
from weft.errors import Conflict, Diagnostic, PlatformError, TransientError, error
from weft.model.jobs import Job, JobState
from weft.observability import spans
from weft.registry.queue import Held
from weft.runs.dispatch import Dispatch

Tell = Callable[[int, str], None]
"""Is told what happens, with a level of `logging`."""
_END_S = 10.0
"""How long a process that was told to end may take: it has five seconds itself."""
_FLUSH_S = 1.0
_QUIET_S = 5.0
"""How long a job that tells nothing may go on before it is known that it is to be cancelled."""


class QueueLoop:
    """Runs jobs, up to a number at once.

    Attributes:
        name: what messages call it.
        pause_s: how long it waits when there was nothing to do.
    """

    name = "queue"
    pause_s = 0.5

    def __init__(
        self,
        dispatch: Dispatch,
        root: Path,
        served: Callable[[], Served],
        now: Callable[[], datetime],
        *,
        concurrency: int = 1,
        grace_s: float = 30.0,
        tell: Tell = lambda level, text: None,
    ) -> None:
        self._dispatch = dispatch
        self._root = root
        self._served = served
        self._now = now
        self._concurrency = concurrency
        self._grace_s = grace_s
        self._tell = tell
        self._lease_s = dispatch.lease.total_seconds()
        self._running: list[JobProcess] = []

    def step(self) -> bool:
        """Looks after what runs and takes what waits; says whether there was anything to do.

        Raises:
            PlatformError: the registry does not answer; what runs goes on as long as its lease does.
        """
        self._look_after_all()
        began = False
        while len(self._running) < self._concurrency:
            served = self._served()
            job = self._dispatch.claim(served.subjects)
            if job is None:
                break
            try:
                process = JobProcess(job, self._root, self._now, served.own_python)
            except OSError as e:  # what nobody works on would be found again after its lease only
                self._dispatch.hand_back(job)
                raise TransientError(_not_begun(job, e)) from e
            self._running.append(process)
            nth = f", attempt {job.attempts} of {job.max_attempts}" if job.attempts > 1 else ""
            self._tell(logging.INFO, f"{job.job_id} begins: {job.subject}, {job.cause}{nth}")
            began = True
        return began

    def close(self) -> None:
        """Lets what runs end for a while, then ends it and gives it back to the queue."""
        deadline = time.monotonic() + self._grace_s
        while self._running:
            try:
                self._look_after_all()
            except PlatformError:
                if time.monotonic() > deadline + self._lease_s:
                    break
            for one in self._running:
                if time.monotonic() > deadline:
                    one.end(one.ending or "stopping", _END_S)
            time.sleep(0.1)
        for one in self._running:  # its lease ends by itself
            one.kill()

    def _look_after_all(self) -> None:
        failed: PlatformError | None = None
        for one in list(self._running):
            try:
                self._look_after(one)
            except PlatformError as e:
                failed = e
            except Conflict:  # another worker has it: what it does here counts no more
                self._drop(one)
            except Exception as e:  # noqa: BLE001  what is wrong with one job keeps no other one waiting
                self._drop(one)
                self._tell(logging.ERROR, f"{one.job.job_id}: weft itself failed: {type(e).__name__}")
        if failed is not None:
            raise failed

    def _look_after(self, one: JobProcess) -> None:
        code = one.exit_code
        quiet = time.monotonic() - one.heard
        lines = one.lines()
        if code is not None:
            if lines:
                self._dispatch.heartbeat(one.job, lines, one.run_id)
                one.kept(len(lines))
            self._conclude(one, code)
            self._running.remove(one)
            return
        if quiet > self._lease_s:
            self._drop(one)  # nobody could be told that it is alive: another worker may have begun
            return
        if time.monotonic() - one.began > one.job.timeout_s or one.ending is not None:
            one.end(one.ending or "timeout", _END_S)
        run_id = one.run_id
        if quiet > (_FLUSH_S if lines or one.ending else min(_QUIET_S, self._lease_s / 4)) or run_id != one.noted:
            held = self._dispatch.heartbeat(one.job, lines, run_id)
            one.kept(len(lines))
            one.noted = run_id
            one.heard = time.monotonic()
            if held == Held.GONE:
                self._drop(one)
            elif held == Held.CANCEL and one.ending is None:
                one.end("cancelled", _END_S)

    def _drop(self, one: JobProcess) -> None:
        one.kill()
        self._tell(logging.WARNING, f"{one.job.job_id} is given up: another worker may have it")
        if one in self._running:
            self._running.remove(one)

    def _conclude(self, one: JobProcess, code: int) -> None:
        """Says what came of a job whose process has ended."""
        seconds = time.monotonic() - one.began
        took = f"after {seconds:.1f} s"
        told = self._concluded(one, code)
        job = one.job
        spans.ended(
            "job",
            seconds,
            failed=told.startswith("fail"),
            job_id=job.job_id,
            product=job.subject,
            cause=job.cause,
            attempt=job.attempts,
            run_id=one.run_id,
            outcome=told,
        )
        level = logging.WARNING if told.startswith("fail") else logging.INFO
        self._tell(level, f"{one.job.job_id} {told} {took}: {one.job.subject}")

    def _concluded(self, one: JobProcess, code: int) -> str:
        """Says it to the registry, and gives it in words."""
        job, said = one.job, one.said
        if said is not None and "done" in said and said["exit_code"] == 0:
            self._dispatch.finish(job, said["done"], one.run_id)
            return "succeeded"
        if one.ending == "stopping":
            self._dispatch.hand_back(job)
            return "is handed back"
        if one.ending == "cancelled":
            self._dispatch.cancelled(job)
            return "is cancelled"
        if one.ending == "timeout":
            passing, result = False, _failed(_took_too_long(one))
        elif said is not None:
            passing, result = said["passing"], said.get("done") or {"diagnostics": said["failed"]}
        else:
            passing, result = True, _failed(_died(one, code))
        state = self._dispatch.fail(job, result, passing=passing, run_id=one.run_id)
        if state is JobState.CANCELLED:
            return "is cancelled"
        return "failed" if state.is_over else "failed and is tried again"


def _failed(diagnostic: Diagnostic) -> dict[str, Any]:
    return {"diagnostics": [diagnostic.as_json()]}


def _took_too_long(one: JobProcess) -> Diagnostic:
    return error(
        "WFT-RUN-044",
        f"`{one.job.job_id}` was ended: it ran longer than {one.job.timeout_s} s",
        why=f"`{one.job.subject}` may run so long",
        fix="see its log; `timeout` of its `weft.schedule` gives it more time, or without one `scheduler.timeout`",
    )


def _not_begun(job: Job, e: OSError) -> Diagnostic:
    return error(
        "WFT-RUN-050",
        f"no process can be started for `{job.job_id}`",
        why=e.strerror or type(e).__name__,
        fix="nothing is to be done where that passes: it is tried again; give the machine more memory or processes",
    )


def _died(one: JobProcess, code: int) -> Diagnostic:
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return error(
        "WFT-RUN-045",
        f"the process of `{one.job.job_id}` ended by itself, with {how}, and has not said what came of it",
        why="somebody has ended it, or the system did for want of memory",
        fix="see its log; `engine.memory_limit` says how much memory the engine takes",
    )
