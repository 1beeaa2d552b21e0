"""Jobs: what waits, runs and ran on workers; starting, computing again, ending, and what jobs tell."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from weft.access.permissions import Action, Caller
from weft.model.jobs import JobState
from weft.plan.keeping import window
from weft.server.answers import refusals
from weft.server.moments import Moment
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["jobs"], responses=refusals(404, 409, 413, 415, 429))
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Runner = Annotated[Caller, Depends(Permitted(Action.RUN))]
"""Somebody who may run something somewhere; the verb looks whether it is there."""
_TOLD = {
    "type": "object",
    "description": "One event: `data` is JSON, of a line `at` and `line`, of a state `state`.",
    "properties": {
        "id": {"type": "string", "description": "the number of the line"},
        "event": {"enum": ["line", "state"]},
        "data": {"type": "string"},
    },
    "required": ["event", "data"],
}
_LOOK_S = 0.5
_ALIVE_S = 15.0
_LONGEST_S = 300.0


class WantedJob(BaseModel):
    """A product that is to be applied now, or a stretch of time of it that is to be computed again."""

    model_config = ConfigDict(extra="forbid")

    product: str = Field(max_length=200, examples=["operations.on_time"])
    start: Moment | None = Field(None, description="Where a backfill begins; without it the product is applied.")
    end: Moment | None = Field(None, description="The first instant that a backfill leaves out.")
    by_hours: int = Field(24, strict=True, ge=1, le=24 * 366, description="How long each piece of a backfill is.")
    by_seconds: int | None = Field(
        None, strict=True, ge=1, le=24 * 366 * 3600, description="The same in seconds; counts in place of `by_hours`."
    )


@router.get("/jobs")
def jobs(
    request: Request,
    caller: Reader,
    state: Annotated[list[JobState] | None, Query(description="Only jobs in these states.")] = None,
    product: Annotated[str | None, Query(max_length=200)] = None,
    domain: Annotated[str | None, Query(max_length=63)] = None,
    before: Annotated[int | None, Query(ge=1, le=2**53, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Jobs, the newest first."""
    found: dict[str, Any] = request.app.state.platform.jobs.shown_to(
        caller, states=state or (), product=product, domain=domain, before=before, limit=limit
    )
    return found


@router.post("/jobs", status_code=202)
def start(request: Request, caller: Runner, wanted: WantedJob) -> dict[str, Any]:
    """Queues a job that applies a product, or those of a backfill."""
    verbs = request.app.state.platform.jobs
    if wanted.start is None and wanted.end is None:
        started: dict[str, Any] = verbs.started_by(caller, wanted.product).as_json()
        return started
    stretch = window(wanted.start, wanted.end)
    by = timedelta(hours=wanted.by_hours) if wanted.by_seconds is None else timedelta(seconds=wanted.by_seconds)
    filled: dict[str, Any] = verbs.backfilled_by(caller, wanted.product, stretch, by).as_json()
    return filled


@router.get("/jobs/{job_id}")
def job(request: Request, caller: Reader, job_id: str) -> dict[str, Any]:
    """One job, by its id or that of its run."""
    found: dict[str, Any] = request.app.state.platform.jobs.one_shown_to(caller, job_id)
    return found


@router.post("/jobs/{job_id}/cancel", status_code=202)
def cancel(request: Request, caller: Runner, job_id: str) -> dict[str, Any]:
    """Ends a job: at once where it waits; where it runs its worker ends it."""
    found: dict[str, Any] = request.app.state.platform.jobs.cancelled_by(caller, job_id).as_json()
    return found


@router.get(
    "/jobs/{job_id}/log",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": _TOLD}}}},
)
def log(
    request: Request,
    caller: Runner,
    job_id: str,
    after: Annotated[int, Query(ge=0, le=2**53, description="Only lines after this number.")] = 0,
    follow: Annotated[bool, Query(description="Go on until the job is over.")] = False,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> StreamingResponse:
    """What a job tells, as Server-Sent Events: `line` for each line, `state` at the end.

    Whoever connects again with `Last-Event-ID` gets what follows: an answer ends after five minutes, and when the
    server is told to stop.
    """
    verbs = request.app.state.platform.jobs
    found = verbs.told_to(caller, job_id)
    begin = int(last_event_id) if last_event_id and last_event_id.isascii() and last_event_id.isdigit() else after
    told = _events(verbs, found.job_id, begin, follow, request.app.state.stopping.is_set)
    return StreamingResponse(told, media_type="text/event-stream")


@router.get("/backfills")
def backfills(
    request: Request,
    caller: Reader,
    product: Annotated[str | None, Query(max_length=200)] = None,
    domain: Annotated[str | None, Query(max_length=63)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> dict[str, Any]:
    """Backfills, the newest first, and how far each is."""
    found = request.app.state.platform.jobs.backfills_shown_to(caller, product=product, domain=domain, limit=limit)
    return {"backfills": [one.as_json() for one in found]}


@router.get("/backfills/{backfill_id}")
def backfill(request: Request, caller: Reader, backfill_id: str) -> dict[str, Any]:
    """How far a backfill is: how many of its pieces there are in each state, and why some failed."""
    found: dict[str, Any] = request.app.state.platform.jobs.progress_shown_to(caller, backfill_id).as_json()
    return found


@router.post("/backfills/{backfill_id}/cancel", status_code=202)
def cancel_backfill(request: Request, caller: Runner, backfill_id: str) -> dict[str, Any]:
    """Ends every piece of a backfill that is not over."""
    found: dict[str, Any] = request.app.state.platform.jobs.backfill_cancelled_by(caller, backfill_id).as_json()
    return found


@router.get("/schedules")
def schedules(request: Request, caller: Reader) -> dict[str, Any]:
    """Products that are applied by themselves, what comes next first."""
    return {"schedules": request.app.state.platform.jobs.schedules_shown_to(caller)}


@router.post("/schedules/{domain}/{product}/pause")
def pause(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.RUN, domain="domain"))],
    domain: str,
    product: str,
) -> dict[str, Any]:
    """Queues nothing by the schedule of a product until it is resumed."""
    found: dict[str, Any] = request.app.state.platform.jobs.pause(f"{domain}.{product}", caller.name).as_json()
    return found


@router.post("/schedules/{domain}/{product}/resume")
def resume(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.RUN, domain="domain"))],
    domain: str,
    product: str,
) -> dict[str, Any]:
    """Lets the schedule of a product count again."""
    found: dict[str, Any] = request.app.state.platform.jobs.resume(f"{domain}.{product}", caller.name).as_json()
    return found


async def _events(verbs: Any, job_id: str, last: int, follow: bool, stopping: Callable[[], bool]) -> AsyncIterator[str]:
    # Asks in a thread for a moment each time: whoever follows a log does not take one of the few for long.
    began = quiet = time.monotonic()
    while True:
        found = await run_in_threadpool(verbs.one, job_id)  # before the lines: what is over tells nothing more
        while lines := await run_in_threadpool(verbs.log, job_id, last):
            last, quiet = lines[-1].number, time.monotonic()
            for line in lines:
                told = json.dumps({"at": line.at.isoformat(), "line": line.line}, ensure_ascii=False)
                yield f"id: {line.number}\nevent: line\ndata: {told}\n\n"
        if found.state.is_over or not follow:
            yield f"event: state\ndata: {json.dumps({'state': found.state.value})}\n\n"
            return
        if time.monotonic() - began > _LONGEST_S or stopping():
            return  # whoever wants more connects again
        if time.monotonic() - quiet > _ALIVE_S:
            quiet = time.monotonic()
            yield ": still there\n\n"
        await asyncio.sleep(_LOOK_S)
