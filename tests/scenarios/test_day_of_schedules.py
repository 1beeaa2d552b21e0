"""A day of many schedules, with workers and leaders that are killed: each due run exactly once, in order."""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.simulated_day import START, open_registry, register
from weft.errors import PlatformError
from weft.registry import migrations
from weft.registry.database import Database
from weft.runs.calendar import times_between
from weft.runs.dispatch import Dispatch

_BACKLOG = 60


class Day:
    """The processes and the clock of a simulated day."""

    def __init__(self, place: str, folder: Path) -> None:
        self._place, self._clock, self._numbers = place, folder / "clock", 0
        self._processes: dict[str, list[subprocess.Popen[bytes]]] = {"work": [], "lead": []}
        self.seconds = 0.0
        self.tell(0.0)

    def tell(self, seconds: float) -> None:
        """Sets the clock, forward only."""
        self.seconds = seconds = max(seconds, self.seconds)
        beside = self._clock.with_suffix(".new")
        beside.write_text(str(seconds))
        beside.replace(self._clock)

    def spawn(self, role: str) -> None:
        """Starts a process."""
        self._numbers += 1
        command = [
            sys.executable,
            "-m",
            "tests.simulated_day",
            role,
            self._place,
            str(self._clock),
            f"{role}{self._numbers}",
        ]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
        self._processes[role].append(subprocess.Popen(command, cwd=ROOT, env=environment))

    def kill(self, role: str, drawn: random.Random) -> None:
        """Kills one process of a role, in whatever it does, and starts another one."""
        one = self._processes[role].pop(drawn.randrange(len(self._processes[role])))
        assert one.poll() is None, "it had died by itself"
        one.kill()
        one.wait()
        self.spawn(role)

    def end(self) -> None:
        """Kills all."""
        for one in (*self._processes["work"], *self._processes["lead"]):
            one.kill()
            one.wait()


@contextmanager
def day(place: str, folder: Path) -> Iterator[Day]:
    made = Day(place, folder)
    try:
        for role in ("lead", "lead", "work", "work"):
            made.spawn(role)
        yield made
    finally:
        made.end()


def unfinished(database: Database, until: dt.datetime | None = None) -> int:
    sql = "SELECT count(*) FROM jobs WHERE state IN ('queued', 'running')"
    while True:
        try:
            with database.reading() as statements:
                if until is None:
                    row = statements.row(sql)
                else:
                    row = statements.row(f"{sql} AND due <= ?", (until.isoformat(timespec="microseconds"),))
        except PlatformError:
            time.sleep(0.2)
            continue
        assert row is not None
        return int(row[0])


def live_through(hours: int, one: Day, database: Database, restart: Callable[[], None] | None, kills: int) -> None:
    """Lets time pass as fast as the jobs are done, and kills whoever is there at times that are drawn."""
    drawn, minutes = random.Random(7), hours * 60
    strikes = Counter(drawn.randrange(5, minutes) for _ in range(kills))
    restarts = {minutes // 3, 2 * minutes // 3} if restart is not None else set()
    for minute in range(minutes + 1):
        one.tell(minute * 60)
        for _ in range(strikes[minute]):
            one.kill(drawn.choice(("work", "work", "lead")), drawn)
        if minute in restarts and restart is not None:
            restart()
        while unfinished(database) > _BACKLOG:
            one.tell(one.seconds + 0.5)
            time.sleep(0.02)
        time.sleep(0.03)
    end, quiet = START + dt.timedelta(hours=hours), 0
    deadline = time.monotonic() + 120
    while quiet < 10:
        assert time.monotonic() < deadline, f"{unfinished(database, end)} jobs are not over"
        one.tell(one.seconds + 10)
        time.sleep(0.1)
        quiet = quiet + 1 if unfinished(database, end) == 0 else 0


def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    with database.reading() as statements:
        return statements.rows(sql)


def judge(known: dict[str, tuple[Any, list[str]]], database: Database, hours: int) -> Counter[str]:
    """Holds what was done against what the declarations ask for, worked out anew."""
    end = START + dt.timedelta(hours=hours)
    done = {
        key: (subject, dt.datetime.fromisoformat(due), number)
        for key, subject, due, number in rows(database, "SELECT key, subject, due, number FROM done")
    }
    jobs = rows(database, "SELECT key, subject, due, state, cause, payload FROM jobs")
    until = [job for job in jobs if dt.datetime.fromisoformat(job[2]) <= end]

    # every time of every calendar, once and no other
    expected = {
        f"{subject}@{time_.isoformat()}"
        for subject, (schedule, _) in known.items()
        if "cron" in schedule
        for time_ in times_between(schedule["cron"], schedule.get("timezone", "UTC"), START, end)
    }
    assert {key for key, _, _, _, cause, _ in until if cause == "cron"} == expected
    # every job was done, and none of them twice
    assert Counter(state for _, _, _, state, _, _ in until) == {"succeeded": len(until)}
    assert {key for key, *_ in until} == {key for key, (_, due, _) in done.items() if due <= end}
    # every publication has set off each of its readers once
    publications = rows(database, "SELECT seq, subject FROM events WHERE kind = 'product.published' ORDER BY seq")
    assert len(publications) == len(done)
    readers: dict[str, list[str]] = {}
    for subject, (schedule, reads) in known.items():
        for upstream in reads if "on" in schedule else ():
            readers.setdefault(upstream, []).append(subject)
    seen = Counter(
        (subject, seq) for _, subject, _, _, _, payload in jobs for seq in json.loads(payload).get("because", ())
    )
    fresh = {
        (subject, seq)
        for subject, text in rows(database, "SELECT subject, fresh FROM schedules")
        for seqs, _ in json.loads(text).values()
        for seq in seqs
    }
    news = rows(database, "SELECT seq FROM cursors")[0][0]
    for seq, subject in publications:
        for reader in readers.get(subject, ()) if seq <= news else ():
            assert seen[reader, seq] + ((reader, seq) in fresh) == 1, (subject, reader, seq)
    by_number = dict(publications)
    for key, subject, _, _, cause, payload in jobs:
        if cause == "data" and known[subject][0]["on"] == "all":
            assert {by_number[n] for n in json.loads(payload)["because"]} == set(known[subject][1]), key
    # nothing has overtaken what it is made from
    above: dict[str, set[str]] = {}
    for subject, (_, reads) in known.items():  # products are numbered from upstream on
        above[subject] = {u for read in reads for u in (read, *above[read])}
    of: dict[str, list[tuple[dt.datetime, int]]] = {}
    for subject, due, number in done.values():
        of.setdefault(subject, []).append((due, number))
    for subject, due, number in done.values():
        for upstream in above[subject]:
            late = [n for d, n in of.get(upstream, ()) if d <= due and n > number and d <= end]
            assert not late, (subject, due, upstream)
    return Counter(cause for _, _, _, _, cause, _ in until)


@pytest.mark.slow
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize(
    ("hours", "products", "roots", "kills"),
    [(4, 50, 8, 8), pytest.param(24, 500, 60, 60, marks=pytest.mark.accept)],
)
def test_each_due_run_happens_once_and_in_order_though_workers_leaders_and_the_database_are_killed(
    dialect, hours, products, roots, kills, tmp_path, request
):
    with ExitStack() as stack:
        restart = None
        if dialect == "postgresql":
            server = request.getfixturevalue("own_postgres")
            place = server.url
            migrations.upgrade(migrations.of_postgres(place))

            def restart() -> None:
                server.crash()
                time.sleep(0.3)
                server.start()
        else:
            place = str(tmp_path / "registry.db")
        database = open_registry(place).database
        stack.callback(database.close)
        known = register(database, products, roots, seed=hours)
        Dispatch(database, lambda: START, worker="first").tick()  # from now on schedules count
        with day(place, tmp_path) as one:
            began = time.monotonic()
            live_through(hours, one, database, restart, kills)
        causes = judge(known, database, hours)
        print(f"{dialect}: {dict(causes)} jobs in {time.monotonic() - began:.0f} s")
        twice = rows(database, "SELECT count(*) FROM jobs WHERE fence > 1")[0][0]
        print(f"{twice} jobs were begun more than once")
        assert causes["cron"] > 10
        assert causes["data"] > 10
