"""What runs: the timeline, a run with its log, starting, computing again, ending; schedules."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.portal import running
from weft.plan.keeping import window
from weft.server.moments import Moment
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import environment, html, platform_of, show, wants_json
from weft.server.portal.visiting import Visiting
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
Listener = Annotated[Caller, Depends(Visiting(Action.RUN))]
Runner = Annotated[Caller, Depends(PermittedForm(Action.RUN))]
_Id = Annotated[str, Path(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Product = Annotated[str, Form(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_PRINTED = r"^[^\x00-\x1f\x7f]*$"


@router.get("/runs")
async def runs(
    request: Request,
    caller: Visitor,
    hours: Annotated[Literal["24", "168", "720"], Query()] = "24",
    until: Annotated[Moment | None, Query()] = None,
    product: Annotated[str | None, Query(max_length=200, pattern=_PRINTED)] = None,
    state: Annotated[Literal["", "running", "succeeded", "failed", "interrupted"], Query()] = "",
) -> Response:
    """Runs in a lane for each product, and as a list."""

    def found() -> Response:
        page = running.timeline(platform_of(request), caller, int(hours), until, product or None, state or None)
        return show(request, caller, "runs.html", page, title="Runs")

    return await quickly(request, found)


@router.get("/runs/{run_id}")
async def run(request: Request, caller: Visitor, run_id: _Id) -> Response:
    """A run, or a job that has none yet."""

    def found() -> Response:
        page = running.run_page(platform_of(request), caller, run_id)
        return show(request, caller, "run.html", page, title=f"Run of {page['title'] or run_id}")

    return await quickly(request, found)


@router.get("/runs/{run_id}/log")
async def log(
    request: Request, caller: Listener, run_id: _Id, after: Annotated[int, Query(ge=0, le=2**53)] = 0
) -> Response:
    """Lines of a job's log behind a number; htmx asks again until it is over."""

    def found() -> Response:
        page = running.log_page(platform_of(request), caller, run_id, after)
        if wants_json(request):
            return show(request, caller, "_log.html", page, title="Log")
        return html(environment().get_template("_log.html").render(log=page))

    return await quickly(request, found)


@router.post("/runs")
def start(request: Request, caller: Runner, product: _Product) -> Response:
    """Queues a job that applies a product."""
    job = platform_of(request).jobs.started_by(caller, product.strip())
    return RedirectResponse(f"/runs/{job.job_id}", 303)


@router.post("/runs/{run_id}/cancel")
def cancel(request: Request, caller: Runner, run_id: _Id) -> Response:
    """Ends a job: at once where it waits; where it runs its worker ends it."""
    job = platform_of(request).jobs.cancelled_by(caller, run_id)
    return RedirectResponse(f"/runs/{job.job_id}", 303)


@router.post("/backfills")
def backfill(
    request: Request,
    caller: Runner,
    product: _Product,
    start: Annotated[Moment, Form()],
    end: Annotated[Moment, Form()],
    by_hours: Annotated[int, Form(ge=1, le=24 * 366)] = 24,
) -> Response:
    """Queues a job for each piece of a stretch of time of a product."""
    jobs = platform_of(request).jobs
    made = jobs.backfilled_by(caller, product.strip(), window(start, end), timedelta(hours=by_hours))
    return RedirectResponse(f"/backfills/{made.backfill_id}", 303)


@router.get("/backfills/{backfill_id}")
async def progress(request: Request, caller: Visitor, backfill_id: _Id) -> Response:
    """How far a backfill is."""

    def found() -> Response:
        page = running.backfill_page(platform_of(request), caller, backfill_id)
        return show(request, caller, "backfill.html", page, title=f"Backfill of {page['product']}")

    return await quickly(request, found)


@router.post("/backfills/{backfill_id}/cancel")
def cancel_backfill(request: Request, caller: Runner, backfill_id: _Id) -> Response:
    """Ends every piece of a backfill that is not over."""
    platform_of(request).jobs.backfill_cancelled_by(caller, backfill_id)
    return RedirectResponse(f"/backfills/{backfill_id}", 303)


@router.get("/schedule")
async def schedule(request: Request, caller: Visitor) -> Response:
    """Products that are applied by themselves, what comes next first."""

    def found() -> Response:
        return show(request, caller, "schedule.html", running.schedule(platform_of(request), caller), title="Schedule")

    return await quickly(request, found)


@router.post("/schedule/{domain}/{product}/pause")
def pause(
    request: Request,
    caller: Annotated[Caller, Depends(PermittedForm(Action.RUN, domain="domain"))],
    domain: _Id,
    product: _Id,
) -> Response:
    """Queues nothing by the schedule of a product until it is resumed."""
    platform_of(request).jobs.pause(f"{domain}.{product}", caller.name)
    return RedirectResponse("/schedule", 303)


@router.post("/schedule/{domain}/{product}/resume")
def resume(
    request: Request,
    caller: Annotated[Caller, Depends(PermittedForm(Action.RUN, domain="domain"))],
    domain: _Id,
    product: _Id,
) -> Response:
    """Lets the schedule of a product count again."""
    platform_of(request).jobs.resume(f"{domain}.{product}", caller.name)
    return RedirectResponse("/schedule", 303)
