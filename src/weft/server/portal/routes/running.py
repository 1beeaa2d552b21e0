"""What runs: the timeline, a run with its log, starting, computing again, ending; schedules."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.portal import running
from weft.errors import AccessDenied, UsageError, WeftError, error
from weft.plan.keeping import window
from weft.server.moments import Moment, in_utc
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import environment, html, platform_of, show, wants_json
from weft.server.portal.visiting import Visiting
from weft.server.problems import status_of
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
Listener = Annotated[Caller, Depends(Visiting(Action.RUN))]
Runner = Annotated[Caller, Depends(PermittedForm(Action.RUN))]
_Id = Annotated[str, Path(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Product = Annotated[str, Form(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
_PRINTED = r"^[^\x00-\x1f\x7f]*$"
_When = Annotated[str, Form(max_length=40, pattern=_PRINTED)]
_MOST_HOURS = 24 * 366
_BLANK = dict.fromkeys(("product", "again", "start", "end", "by_hours"), "")


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
        return show(request, caller, "runs.html", page, title="Runs", typed=_BLANK, diagnostics=())

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
    request: Request,
    caller: Listener,
    run_id: _Id,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    seen: Annotated[str | None, Query(max_length=40)] = None,
) -> Response:
    """Lines of a job's log behind a number; htmx asks again until it is over.

    Where the job's state is another than the page has `seen`, the page is loaded anew: its head and stages moved too.
    """

    def found() -> Response:
        page = running.log_page(platform_of(request), caller, run_id, after)
        if wants_json(request):
            return show(request, caller, "_log.html", page, title="Log")
        lines = html(environment().get_template("_log.html").render(log=page))
        if seen is not None and page["state"] != seen:
            lines.headers["HX-Refresh"] = "true"
        return lines

    return await quickly(request, found)


@router.post("/runs")
def start(request: Request, caller: Runner, product: _Product = "") -> Response:
    """Queues a job that applies a product."""
    try:
        job = platform_of(request).jobs.started_by(caller, _named(product))
    except (UsageError, AccessDenied) as e:
        return _again(request, caller, e, {"product": product})
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
    product: _Product = "",
    start: _When = "",
    end: _When = "",
    by_hours: _When = "24",
) -> Response:
    """Queues a job for each piece of a stretch of time of a product."""
    typed = {"again": product, "start": start, "end": end, "by_hours": by_hours}
    try:
        stretch, by = window(_time("Start", start), _time("Until", end)), _hours(by_hours)
        made = platform_of(request).jobs.backfilled_by(caller, _named(product), stretch, by)
    except (UsageError, AccessDenied) as e:
        return _again(request, caller, e, typed)
    return RedirectResponse(f"/backfills/{made.backfill_id}", 303)


@router.get("/backfills/{backfill_id}")
async def progress(request: Request, caller: Visitor, backfill_id: _Id) -> Response:
    """How far a backfill is."""

    def found() -> Response:
        page = running.backfill_page(platform_of(request), caller, backfill_id)
        shown = show(request, caller, "backfill.html", page, title=f"Backfill of {page['product']}")
        if page["over"] and request.headers.get("hx-target") == "pieces-now":
            shown.headers["HX-Refresh"] = "true"  # nothing is left to be cancelled
        return shown

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


def _again(request: Request, caller: Caller, failed: WeftError, typed: dict[str, str]) -> Response:
    """The page of runs with its forms, what was typed into them, and what is wrong with it.

    Raises:
        WeftError: a program has asked.
    """
    if wants_json(request):
        raise failed
    page = running.timeline(platform_of(request), caller, 24, None, None, None)
    told = [{"why": None, "fix": None, **d.as_json()} for d in failed.diagnostics]
    return show(
        request,
        caller,
        "runs.html",
        page,
        title="Runs",
        status=status_of(failed),
        typed=_BLANK | typed,
        diagnostics=told,
    )


def _named(product: str) -> str:
    """The product that a field names.

    Raises:
        UsageError: WFT-SRV-110, it names none.
    """
    if product.strip():
        return product.strip()
    raise _lacking("“Product” is empty", "write its address, like operations.on_time")


def _time(field: str, text: str) -> datetime:
    """The time of a field, in UTC where it names no zone.

    Raises:
        UsageError: WFT-SRV-110, it is none.
    """
    try:
        return in_utc(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise _lacking(f"“{field}” is not a time", "write it like 2026-11-21T08:00") from None


def _hours(text: str) -> timedelta:
    """The length of a piece.

    Raises:
        UsageError: WFT-SRV-110, it is no number of hours.
    """
    if text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_HOURS:
        return timedelta(hours=int(text))
    raise _lacking("“Hours in each piece” is not such a number", f"write a whole number from 1 to {_MOST_HOURS}")


def _lacking(what: str, fix: str) -> UsageError:
    return UsageError(error("WFT-SRV-110", what, fix=fix))
