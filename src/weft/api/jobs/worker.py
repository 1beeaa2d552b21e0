"""A worker: loops beside one another, each in a thread, until it is told to stop."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from weft.api.governance.scans import ScanLoop
from weft.api.jobs.queue_loop import QueueLoop, Tell
from weft.api.jobs.served import remembered
from weft.api.jobs.waits import limits_of
from weft.api.publishing.handover_loop import HandoverLoop
from weft.config import duration
from weft.errors import PlatformError, ProjectError, WeftError
from weft.model.jobs import Retries
from weft.registry.leadership import Leadership, leadership
from weft.registry.schema import check_tables
from weft.runs.dispatch import Dispatch

if TYPE_CHECKING:
    from weft.api.platform import Platform
    from weft.registry.database import Database

_TIDY_S = 3600.0
_ENDS_WITHIN = timedelta(seconds=6)
"""The process of a job whose worker is gone has five seconds to end."""
_IN_ONE_GO_S = 15.0
"""How long messages are sent, one after another, until it is looked again what has happened."""


class Loop(Protocol):
    """Something that a worker does again and again.

    Attributes:
        name: what messages call it.
        pause_s: how long it waits when there was nothing to do.
    """

    name: str
    pause_s: float

    def step(self) -> bool:
        """Does what there is to do; says whether there was anything.

        Raises:
            PlatformError: something does not answer; it is tried again.
        """
        ...

    def close(self) -> None:
        """Ends, and gives back what it holds."""
        ...


class ScheduleLoop:
    """Queues what is due, in one worker of all."""

    name = "scheduler"
    pause_s = 1.0

    def __init__(self, dispatch: Dispatch, leader: Leadership, keep: timedelta) -> None:
        self._dispatch = dispatch
        self._leader = leader
        self._keep = keep
        self._tidied = 0.0

    def step(self) -> bool:
        """Queues what is due."""
        if not self._leader.leads():
            return False
        if time.monotonic() - self._tidied > _TIDY_S:
            self._tidied = time.monotonic()
            self._dispatch.forget(self._keep)
        return self._dispatch.tick() > 0

    def close(self) -> None:
        """Lets another worker lead."""
        self._leader.resign()


class NoticesLoop:
    """Opens and closes incidents, puts what happened into the outbox, and sends it; each worker takes what is there."""

    name = "notices"
    pause_s = 5.0

    def __init__(self, platform: Platform, stopping: Callable[[], bool] = lambda: False) -> None:
        """Takes what says that the worker is to stop: what waits is then left for another one."""
        self._platform = platform
        self._stopping = stopping

    def step(self) -> bool:
        """Whether there was something to send."""
        until = time.monotonic() + _IN_ONE_GO_S
        done = self._platform.notices_step(lambda: self._stopping() or time.monotonic() > until)
        return done["sent"] > 0

    def close(self) -> None:
        """Nothing is held."""


class AccessLoop:
    """Reminds of requests, raises them to the next level, and ends grants that are over, in one worker of all."""

    name = "access"
    pause_s = 60.0

    def __init__(self, platform: Platform, leader: Leadership) -> None:
        self._platform = platform
        self._leader = leader

    def step(self) -> bool:
        """Whether there was something that time had brought."""
        return self._leader.leads() and any(self._platform.access.step().values())

    def close(self) -> None:
        """Nothing is held: the scheduler resigns."""


class OnKnownTables:
    """A loop that does nothing on tables which a newer weft has upgraded.

    The queue and the scheduler look themselves: what runs is looked after to its end.
    """

    def __init__(self, loop: Loop, database: Database) -> None:
        self._loop = loop
        self._database = database
        self.name = loop.name
        self.pause_s = loop.pause_s

    def step(self) -> bool:
        """Does what there is to do.

        Raises:
            ProjectError: WFT-REG-001.
        """
        with self._database.reading() as statements:
            check_tables(statements, self._database.dialect, self._database.name)
        return self._loop.step()

    def close(self) -> None:
        """Ends."""
        self._loop.close()


class Worker:
    """Runs loops until it is told to stop."""

    def __init__(
        self,
        loops: Sequence[Loop],
        tell: Tell,
        stopping: threading.Event | None = None,
    ) -> None:
        """Takes what to do.

        Args:
            tell: is told of what fails.
            stopping: is set by `stop`; given where loops look at it themselves.
        """
        self._loops = loops
        self._tell = tell
        self._stop = stopping or threading.Event()

    def stop(self) -> None:
        """Ends all loops; `run` returns when they have ended."""
        self._stop.set()

    def run(self) -> None:
        """Runs all loops until `stop`."""
        threads = [threading.Thread(target=self._repeat, args=(loop,), name=loop.name) for loop in self._loops]
        for thread in threads:
            thread.start()
        while not self._stop.wait(0.5):  # so that the main thread hears signals
            pass
        for thread in threads:
            thread.join()

    def _repeat(self, loop: Loop) -> None:
        failures = 0
        while not self._stop.is_set():
            try:
                busy = loop.step()
                failures = 0
            except (PlatformError, ProjectError) as e:  # the latter: a newer weft has upgraded the registry
                failures += 1
                self._tell(logging.WARNING, f"{loop.name}: {_said(e)}")
                self._stop.wait(min(30.0, loop.pause_s * 2**failures))
                continue
            except Exception as e:  # noqa: BLE001  the entrance of a thread: a loop that died would be missed by nobody
                failures += 1
                self._tell(logging.ERROR, f"{loop.name}: weft itself failed: {type(e).__name__}: {e}")
                self._stop.wait(30.0)
                continue
            if not busy:
                self._stop.wait(loop.pause_s)
        try:
            loop.close()
        except PlatformError as e:
            self._tell(logging.WARNING, f"{loop.name}: {_said(e)}")


def name_of_worker(family: str = "") -> str:
    """A name that no other worker has: host, process, and something drawn, or the family it belongs to."""
    return f"{socket.gethostname()}:{os.getpid()}:{family or uuid.uuid4().hex[:6]}"


def dispatch_of(platform: Platform, worker: str) -> Dispatch:
    """The queue of a platform as its settings want it."""
    settings = platform.rooms.settings.scheduler
    return Dispatch(
        platform.database,
        platform.rooms.now,
        worker=worker,
        lease=duration(settings.lease),
        limits=limits_of(settings),
        retries=Retries(first_s=duration(settings.retry).total_seconds()),
        log_lines=settings.log_lines,
    )


def loops_of(
    platform: Platform,
    concurrency: int | None = None,
    stopping: Callable[[], bool] = lambda: False,
    tell: Tell = lambda level, text: None,
    domains: Sequence[str] = (),
    family: str = "",
) -> list[Loop]:
    """What a worker of a platform does, until it is `stopping`.

    Args:
        tell: is told which jobs begin, and what comes of them.
        domains: those whose jobs it takes; empty: all.
        family: what a server calls the workers that it starts one after another: what the one before has left is
            queued again at once.
    """
    worker = name_of_worker(family)
    settings, now = platform.rooms.settings, platform.rooms.now
    dispatch = dispatch_of(platform, worker)
    for job in dispatch.recover_of(family, _ENDS_WITHIN) if family else ():
        tell(logging.WARNING, f"{job.job_id} is taken from {job.leased_by}, which is gone: {job.subject}")
    leader = leadership(platform.database, worker, now, dispatch.lease)
    at_once, served = concurrency or settings.scheduler.concurrency, remembered(settings, domains)
    queue = QueueLoop(
        dispatch,
        settings.root,
        served,
        now,
        concurrency=at_once,
        grace_s=duration(settings.scheduler.grace).total_seconds(),
        tell=tell,
    )
    what = f"jobs of {len(served().subjects)} products in {settings.root}, {at_once} at once"
    tell(logging.INFO, f"the worker {worker} takes {what}")
    schedule = ScheduleLoop(dispatch, leader, duration(settings.scheduler.keep_jobs))
    others = (
        NoticesLoop(platform, stopping),
        HandoverLoop(platform),
        AccessLoop(platform, leader),
        ScanLoop(platform.rooms, leader),
    )
    return [queue, schedule, *(OnKnownTables(loop, platform.database) for loop in others)]


def _said(e: WeftError) -> str:
    first = e.diagnostics[0]
    return f"{first.what}: {first.why}" if first.why else first.what
