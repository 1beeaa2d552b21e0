"""Reports of compliance for a day or a regulation, who reads what, and whether the record of it stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller, domains_of
from weft.api.portal import governing
from weft.errors import UsageError
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.problems import status_of
from weft.server.quickly import quickly

router = APIRouter(prefix="/governance", tags=["portal"], include_in_schema=False)
Reader = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
Auditor = Annotated[Caller, Depends(Visiting(Action.READ_EVENTS))]
_Word = Annotated[str, Query(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]


@router.get("/reports")
def reports(
    request: Request,
    caller: Auditor,
    regulation: Annotated[str, Query(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")] = "",
    at: Annotated[str, Query(max_length=40, pattern=r"^[^\x00-\x1f\x7f]*$")] = "",
) -> Response:
    """The report of a day, and how it is taken along."""
    platform = platform_of(request)
    known = sorted({r.partition(":")[0] for p in platform.governance.known().policies.values() for r in p.regulations})
    page: dict[str, Any] = {"regulation": regulation, "at": at, "regulations": known, "report": None, "diagnostics": []}
    status = 200
    try:
        if "regulation" in request.query_params or "at" in request.query_params:
            domains = domains_of(caller, Action.READ_EVENTS)
            page["report"] = platform.compliance_pages.report(at or None, regulation or None, domains)
    except UsageError as e:
        page["diagnostics"], status = governing.told(e.diagnostics), status_of(e)
    return show(request, caller, "reports.html", page, title="Reports", status=status)


@router.get("/audit")
async def audit(
    request: Request,
    caller: Reader,
    where: _Word = "",
    principal: _Word = "",
    own: bool = False,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """Who has read what."""

    def found() -> Response:
        names = (where.strip() or None, principal.strip() or None)
        page = governing.audit(platform_of(request), caller, *names, own=own, cursor=cursor)
        return show(request, caller, "audit.html", page, title="Who has read what")

    return await quickly(request, found)


@router.get("/audit/chains")
async def chains(request: Request, caller: Auditor) -> Response:
    """How long the records are, and their anchors."""

    def found() -> Response:
        return _record(request, caller, {**platform_of(request).audit.ends(), "walked": False, "diagnostics": []})

    return await quickly(request, found)


@router.post("/audit/chains")
def walk(request: Request, caller: Annotated[Caller, Depends(PermittedForm(Action.READ_EVENTS))]) -> Response:
    """Walks the records from end to end: what that takes grows with them."""
    return _record(request, caller, {**platform_of(request).audit.verify(), "walked": True})


def _record(request: Request, caller: Caller, page: dict[str, Any]) -> Response:
    return show(request, caller, "audit_chains.html", page, title="Does the record stand?")
