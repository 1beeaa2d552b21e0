"""What is wrong, since when, and who looks after it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller, require
from weft.api.portal import incidents as pages
from weft.errors import UsageError, error
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import platform_of, show, wants_json
from weft.server.portal.visiting import Visiting
from weft.server.quickly import quickly

router = APIRouter(prefix="/incidents", tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
Runner = Annotated[Caller, Depends(PermittedForm(Action.RUN))]
_Id = Annotated[str, Path(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Text = Annotated[str, Form(max_length=2000, pattern=r"^[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f]*$")]


@router.get("")
async def listed(
    request: Request,
    caller: Visitor,
    domain: Annotated[str | None, Query(max_length=63, pattern=r"^[^\x00-\x1f\x7f]*$")] = None,
    closed: Annotated[bool, Query()] = False,
) -> Response:
    """What is wrong now; with `closed` also what ended in the last thirty days."""

    def found() -> Response:
        page = pages.listed(platform_of(request), caller, domain or None, closed)
        return show(request, caller, "incidents.html", page, title="Incidents")

    return await quickly(request, found)


@router.get("/{incident_id}")
async def one(request: Request, caller: Visitor, incident_id: _Id) -> Response:
    """An incident with its timeline."""

    def found() -> Response:
        page = pages.one(platform_of(request), caller, incident_id)
        return show(request, caller, "incident.html", page, title=f"Incident of {page['subject']}")

    return await quickly(request, found)


@router.post("/{incident_id}/acknowledge")
def acknowledge(request: Request, caller: Runner, incident_id: _Id) -> Response:
    """Says that the caller looks after it."""
    platform_of(request).incidents.acknowledge(caller, incident_id)
    return RedirectResponse(f"/incidents/{incident_id}", 303)


@router.post("/{incident_id}/comments")
def comment(request: Request, caller: Runner, incident_id: _Id, text: _Text = "") -> Response:
    """Adds a line to its timeline."""
    if not text.strip():
        return _again(request, caller, incident_id, text, "write what there is to say of it")
    platform_of(request).incidents.comment(caller, incident_id, _lines(text))
    return RedirectResponse(f"/incidents/{incident_id}", 303)


@router.post("/{incident_id}/close")
def close(request: Request, caller: Runner, incident_id: _Id, text: _Text = "") -> Response:
    """Ends an incident that no run will end, and says why."""
    if not text.strip():
        return _again(request, caller, incident_id, text, "write why it is over")
    platform_of(request).incidents.close(caller, incident_id, _lines(text))
    return RedirectResponse(f"/incidents/{incident_id}", 303)


def _again(request: Request, caller: Caller, incident_id: str, typed: str, fix: str) -> Response:
    """The page of an incident with its form, and what the form lacks.

    Raises:
        UsageError: WFT-SRV-110, a program has asked.
        AccessDenied: WFT-ACC-010, the caller may say nothing of it.
    """
    page = pages.one(platform_of(request), caller, incident_id)
    require(caller, Action.RUN, page["domain"])
    lacks = error("WFT-SRV-110", "“Say something of it” is empty", fix=fix)
    if wants_json(request):
        raise UsageError(lacks)
    told = [{"why": None, **lacks.as_json()}]
    title = f"Incident of {page['subject']}"
    return show(request, caller, "incident.html", page, title=title, status=400, typed=typed, diagnostics=told)


def _lines(text: str) -> str:
    """What a form sends, with the line ends that everything else has."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
