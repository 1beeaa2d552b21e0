"""What runs: a timeline over products, one run with its stages and checks, what is due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from weft.access.permissions import Action, Caller, domains_of, may
from weft.api.access.failing_rows import FailingRowsOfPort
from weft.api.catalog import Filters
from weft.api.portal.run_stages import stages_of
from weft.errors import UsageError
from weft.model.address import parse_address
from weft.model.jobs import JobState

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
WIDE = 1000
"""How wide a timeline is drawn."""
_NARROWEST = 5
_MOST_RUNS = 300
_MOST_LANES = 40
_IN_TABLE = 100
_OFFERED = 100
_TO_COME = (JobState.QUEUED, JobState.RUNNING)


def timeline(
    platform: Platform, caller: Caller, hours: int, until: datetime | None, product: str | None, state: str | None
) -> Document:
    """Runs of some hours in a lane for each product, and as a list; beside them what waits and runs on workers.

    Args:
        until: where the time ends; None: now.
        state: only runs in this state.
    """
    now = platform.rooms.now()
    end = min(until, now) if until is not None else now
    since = end - timedelta(hours=hours)
    found, complete = platform.records.between(caller, since, end + timedelta(microseconds=1), _MOST_RUNS)
    runs = [run for run in found if _asked(run, product, state)]
    lanes = _lanes(runs, since, end, product)
    jobs = platform.jobs.shown_to(caller, states=_TO_COME, product=product, limit=50)["jobs"]
    return {
        "hours": hours,
        "since": since.isoformat(),
        "until": end.isoformat(),
        "product": product,
        "state": state,
        "earlier": since.isoformat(),
        "later": min(end + timedelta(hours=hours), now).isoformat() if end < now else None,
        "lanes": lanes[:_MOST_LANES],
        "lanes_left_out": max(0, len(lanes) - _MOST_LANES),
        "runs": [_line(run) for run in runs[:_IN_TABLE]],
        "runs_left_out": max(0, len(runs) - _IN_TABLE),
        "complete": complete,
        "jobs": [{**job, "result": None} for job in jobs],
        "may_run": may(caller, Action.RUN),
        "own_products": _own(platform, caller),
    }


def run_page(platform: Platform, caller: Caller, run_id: str) -> Document:
    """A run, or a job that has none yet: its stages, what came of its ports, the checks that failed with their rows.

    Raises:
        UsageError: WFT-RUN-004, there is neither, or it is not for the caller.
    """
    job = _job(platform, caller, run_id)
    try:
        run = platform.records.run(caller, (job or {}).get("run_id") or run_id)
    except UsageError:
        if job is None:
            raise
        run = None
    products = _products(run, job)
    allowed = [product for product in products if may(caller, Action.RUN, product.partition(".")[0])]
    ended = (run and run["finished_at"]) or (job and job["finished_at"])
    return {
        "run": run,
        "job": job,
        "title": ", ".join(products[:2]) + (f" and {len(products) - 2} more" if len(products) > 2 else ""),
        "products": products,
        "state": job["state"] if job and (run is None or not ended) else run["state"] if run else None,
        "waits": run is not None and waits(run),
        "over": bool(ended),
        "stages": stages_of(platform, run, job),
        "ports": list(_ports(platform, caller, run)) if run else [],
        "may_run": allowed,
        "may_cancel": bool(job and not ended and allowed),
        "log": log_page(platform, caller, job["job_id"], 0) if job and allowed else None,
    }


def log_page(platform: Platform, caller: Caller, job_id: str, after: int) -> Document:
    """Lines of a job's log behind a number, and whether more will come.

    Raises:
        AccessDenied: WFT-ACC-010, the caller may run nothing of that domain.
        UsageError: WFT-RUN-041, there is no such job.
    """
    job = platform.jobs.told_to(caller, job_id)  # before the lines: what is over tells nothing more
    lines = platform.jobs.log(job.job_id, after)
    return {
        "job_id": job.job_id,
        "lines": [{"number": one.number, "at": one.at.isoformat(), "line": one.line} for one in lines],
        "after": lines[-1].number if lines else after,
        "over": job.state.is_over,
        "state": job.state.value,
    }


def backfill_page(platform: Platform, caller: Caller, backfill_id: str) -> Document:
    """How far a backfill is.

    Raises:
        UsageError: WFT-RUN-041, there is none, or it is of a draft that is somebody else's.
    """
    found = platform.jobs.progress_shown_to(caller, backfill_id)
    pieces = platform.jobs.pieces_shown_to(caller, backfill_id, 200)
    why = {one["job"]: one["why"] for one in found.failed}
    return {
        **found.as_json(),
        "over": found.is_over,
        "jobs": [{**job, "result": None, "why": why.get(job["job_id"])} for job in pieces],
        "may_run": may(caller, Action.RUN, found.subject.partition(".")[0]),
    }


def schedule(platform: Platform, caller: Caller) -> Document:
    """Products that are applied by themselves, what comes next first."""
    return {
        "schedules": [
            {**one, "may_run": may(caller, Action.RUN, one["product"].partition(".")[0])}
            for one in platform.jobs.schedules_shown_to(caller)
        ]
    }


def _own(platform: Platform, caller: Caller) -> list[str]:
    """Products that the caller may run, as far as a form can offer them."""
    domains = domains_of(caller, Action.RUN)
    filters = [Filters()] if domains is None else [Filters(domain=domain) for domain in sorted(domains)]
    listed = (platform.catalog.listed(caller, "product", one, _OFFERED, None)["items"] for one in filters)
    return [msgspec.json.decode(item)["address"] for items in listed for item in items][:_OFFERED]


def _asked(run: Document, product: str | None, state: str | None) -> bool:
    return (product is None or product in _products(run, None)) and (state is None or run["state"] == state)


def _products(run: Document | None, job: Document | None) -> list[str]:
    """The products that a run or job is about."""
    found = [str(parse_address(port["address"]).of_product) for port in run["ports"]] if run else []
    found += [job["product"]] if job else []
    if not found and run:
        found = [name for name in run["selection"] if name.count(".") == 1]
    return list(dict.fromkeys(found))


def _line(run: Document) -> Document:
    """A run in a list."""
    outcomes: dict[str, int] = {}
    for port in run["ports"]:
        outcomes[port["outcome"]] = outcomes.get(port["outcome"], 0) + 1
    kept = ("run_id", "kind", "actor", "state", "started_at", "finished_at", "selection")
    return {
        **{key: run[key] for key in kept},
        "products": _products(run, None),
        "outcomes": outcomes,
        "waits": waits(run),
        "seconds": _seconds(run["started_at"], run["finished_at"]),
    }


def _lanes(runs: list[Document], since: datetime, until: datetime, product: str | None) -> list[Document]:
    """A lane for each product with its runs as bars, those first in which something failed, then the newest."""
    lanes: dict[str, list[Document]] = {}
    for run in runs:
        for name in _products(run, None):
            if product in (None, name):
                lanes.setdefault(name, []).append(_bar(run, name, since, until))
    order = sorted(lanes.items(), key=lambda lane: all(bar["state"] != "failed" for bar in lane[1]))
    return [
        {"product": name, "bars": _apart(bars), "failed": any(b["state"] == "failed" for b in bars)}
        for name, bars in order
    ]


def _apart(bars: list[Document]) -> list[Document]:
    """Bars of a lane, newest first, moved so far to the left that none covers another one, while there is room."""
    edge = float(WIDE)
    for bar in bars:
        if bar["x"] + bar["width"] > edge:
            bar["x"] = round(max(0.0, edge - bar["width"]), 1)
        edge = bar["x"] - 2
    return bars


def _bar(run: Document, product: str, since: datetime, until: datetime) -> Document:
    outcomes = {p["outcome"] for p in run["ports"] if p["address"].startswith(f"{product}.")}
    state = run["state"]
    if run["finished_at"] and outcomes:
        state = _came_to(outcomes, waiting=waits(run))
    begins, ends = datetime.fromisoformat(run["started_at"]), _time(run["finished_at"]) or until
    scale = WIDE / max((until - since).total_seconds(), 1)
    x = min(max(0.0, (begins - since).total_seconds() * scale), WIDE - _NARROWEST)
    width = min(max(_NARROWEST, (ends - begins).total_seconds() * scale), WIDE - x)
    return {
        "run_id": run["run_id"],
        "state": state,
        "x": round(x, 1),
        "width": round(width, 1),
        "started_at": run["started_at"],
        "seconds": _seconds(run["started_at"], run["finished_at"]),
    }


def waits(run: Document) -> bool:
    """Whether a run has nothing against it but that somebody has to agree to what it would publish."""
    outcomes = {port["outcome"] for port in run["ports"]}
    return "waiting" in outcomes and "failed" not in outcomes


def _came_to(outcomes: set[str], *, waiting: bool) -> str:
    """What a run came to for one product; what is skipped behind a publication that waits, waits with it."""
    if outcomes & {"waiting", "skipped"} and waiting:
        return "waiting"
    if outcomes & {"failed", "skipped"}:
        return "failed"
    return "unchanged" if outcomes == {"unchanged"} else "succeeded"


def _job(platform: Platform, caller: Caller, name: str) -> Document | None:
    """The job of a run, or of an own id; None when a person has started the run."""
    try:
        found = platform.jobs.one_shown_to(caller, name)
    except UsageError:
        return None
    if not may(caller, Action.RUN, found["product"].partition(".")[0]):
        found["result"] = None  # what a failed job says may name what its model has printed
    return found


def _ports(platform: Platform, caller: Caller, run: Document) -> Iterator[Document]:
    """The ports of a run, each with its checks, those that failed first and with the rows that the caller may see."""
    failing = platform.failing_rows.of_run(caller, run["run_id"])
    for port in run["ports"]:
        rows = failing.get(parse_address(port["address"]), FailingRowsOfPort())
        checks = run["checks"].get(port["address"], [])
        bad = [c for c in checks if c["result"] not in ("passed", "not_evaluated")]
        yield {
            **port,
            "failed": [{**c, "rows": msgspec.to_builtins(rows.rows.get(c["id"], []), enc_hook=str)} for c in bad],
            "rows_hidden": rows.hidden,
            "passed": [c for c in checks if c["result"] == "passed"],
            "not_evaluated": [c for c in checks if c["result"] == "not_evaluated"],
            "diagnostics": [d for d in port["diagnostics"] if not (bad and d["code"] == "WFT-CHK-001")],
        }


def _seconds(started: str | None, finished: str | None) -> float | None:
    begins, ends = _time(started), _time(finished)
    return (ends - begins).total_seconds() if begins and ends else None


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
