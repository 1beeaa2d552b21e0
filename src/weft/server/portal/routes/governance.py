"""Governance: what policies ask, what violates them, and who is let off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.portal import governing
from weft.errors import WeftError
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.problems import status_of
from weft.server.quickly import quickly

router = APIRouter(prefix="/governance", tags=["portal"], include_in_schema=False)
Reader = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
Decider = Annotated[Caller, Depends(PermittedForm(Action.DECIDE_POLICY))]
Lead = Annotated[Caller, Depends(PermittedForm(Action.GOVERN))]
_PRINTED = r"^[^\x00-\x1f\x7f]*$"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_Id = Annotated[str, Path(max_length=120, pattern=_PRINTED)]
_Word = Annotated[str, Query(max_length=255, pattern=_PRINTED)]
_Cursor = Annotated[str | None, Query(max_length=1000)]
_Name = Annotated[str, Form(max_length=400, pattern=_PRINTED)]
_Words = Annotated[str, Form(max_length=2000, pattern=_TEXT)]
_Day = Annotated[str, Form(max_length=40, pattern=_PRINTED)]
_State = Literal["", "open", "overdue", "waived", "known", "resolved"]


@router.get("")
def overview(request: Request, caller: Reader, begin: Annotated[int, Query(ge=0, le=1_000_000)] = 0) -> Response:
    """How policies are kept, and what waits for the caller."""
    page = governing.overview(platform_of(request), caller, begin)
    return show(request, caller, "governance.html", page, title="Governance")


@router.post("/scan")
def scan(request: Request, caller: Decider) -> Response:
    """Holds the mesh, or the caller's domains, against its policies now."""
    platform = platform_of(request)
    within = governing.scannable(caller) or ()
    samples = not within and platform.rooms.settings.governance.samples

    def again(failed: WeftError) -> Response:
        page = governing.overview(platform, caller, 0, failed.diagnostics)
        return show(request, caller, "governance.html", page, title="Governance", status=status_of(failed))

    return _done(
        lambda: platform.scans.scan(caller, within, samples=samples),
        "/governance?done=scanned",
        again,
    )


@router.get("/violations")
async def violations(
    request: Request,
    caller: Reader,
    domain: _Word = "",
    policy: _Word = "",
    state: Annotated[list[_State] | None, Query(max_length=5)] = None,
    mine: bool = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: _Cursor = None,
) -> Response:
    """What violates policies, what is due first first."""
    states = [one for one in state or () if one]

    def found() -> Response:
        page = governing.violations(
            platform_of(request), caller, domain or None, policy or None, states, mine=mine, limit=limit, cursor=cursor
        )
        return show(request, caller, "violations.html", page, title="Violations")

    return await quickly(request, found)


@router.get("/violations/{violation_id}")
async def violation(request: Request, caller: Reader, violation_id: _Id) -> Response:
    """A violation with its history."""
    return await quickly(request, lambda: _violation(request, caller, violation_id))


@router.post("/violations/{violation_id}/waive")
def waive(
    request: Request,
    caller: Decider,
    violation_id: _Id,
    subject: _Name = "",
    reason: _Words = "",
    until: _Day = "",
) -> Response:
    """Lets a violation off, or all that a wider address names."""
    verbs = platform_of(request).governance
    found = verbs.violation(caller, violation_id)
    policy, meant = str(found["policy"]), str(found["subject"])
    return _done(
        lambda: verbs.waive(caller, policy, subject, reason=reason, until=until or None, meant=meant),
        f"/governance/violations/{quote(violation_id)}?done=waived",
        lambda e: _violation(request, caller, violation_id, {"subject": subject, "reason": reason, "until": until}, e),
    )


@router.get("/waivers")
async def waivers(
    request: Request, caller: Reader, policy: _Word = "", ended: bool = False, cursor: _Cursor = None
) -> Response:
    """Who is let off."""

    def found() -> Response:
        page = governing.waivers(platform_of(request), caller, policy or None, ended=ended, cursor=cursor)
        return show(request, caller, "waivers.html", page, title="Waivers")

    return await quickly(request, found)


@router.post("/waivers/{waiver_id}/revoke")
def revoke(request: Request, caller: Decider, waiver_id: _Id) -> Response:
    """Ends a waiver before its time."""
    platform_of(request).governance.revoke(caller, waiver_id)
    return RedirectResponse("/governance/waivers?done=revoked", 303)


@router.get("/approvals")
async def approvals(
    request: Request,
    caller: Reader,
    state: Literal["", "waiting", "approved", "declined"] = "",
    cursor: _Cursor = None,
) -> Response:
    """Publications that wait for a person, and what was decided."""

    def found() -> Response:
        page = platform_of(request).approvals.listed(caller, state=state or None, limit=50, cursor=cursor)
        return show(request, caller, "approvals.html", {**page, "state": state}, title="Approvals")

    return await quickly(request, found)


@router.get("/approvals/{approval_id}")
async def approval(request: Request, caller: Reader, approval_id: _Id) -> Response:
    """An approval."""
    return await quickly(request, lambda: _approval(request, caller, approval_id))


@router.post("/approvals/{approval_id}/approve")
def approve(request: Request, caller: Decider, approval_id: _Id, reason: _Words = "") -> Response:
    """Agrees to a publication."""
    return _decided(request, caller, approval_id, reason, approved=True)


@router.post("/approvals/{approval_id}/decline")
def decline(request: Request, caller: Decider, approval_id: _Id, reason: _Words = "") -> Response:
    """Does not agree to a publication."""
    return _decided(request, caller, approval_id, reason, approved=False)


@router.get("/debt")
async def debt(request: Request, caller: Reader, domain: _Word = "", cursor: _Cursor = None) -> Response:
    """Known debt over time."""
    return await quickly(request, lambda: _debt(request, caller, domain, cursor))


@router.post("/debt")
def accept(
    request: Request, caller: Lead, owner: _Name = "", plan: _Words = "", until: _Day = "", domain: _Name = ""
) -> Response:
    """Accepts what violates now as known debt."""
    verbs = platform_of(request).governance
    return _done(
        lambda: verbs.accept(caller, domain=domain or None, owner=owner, plan=plan, until=until),
        "/governance/debt?done=accepted",
        lambda e: _debt(request, caller, "", None, {"owner": owner, "plan": plan, "until": until, "domain": domain}, e),
    )


@router.get("/policies")
def policies(request: Request, caller: Reader, kind: _Word = "", regulation: _Word = "") -> Response:
    """Every policy that holds somewhere."""
    page = governing.policies(platform_of(request), caller, kind or None, regulation or None)
    return show(request, caller, "policies.html", page, title="Policies")


@router.get("/policies/{name}")
def policy(request: Request, caller: Reader, name: _Id, run: bool = False) -> Response:
    """A policy with its text, its SQL and its tests, which are run when that is asked for."""
    page = governing.policy(platform_of(request), caller, name, run=run)
    return show(request, caller, "policy.html", page, title=page["title"])


@router.get("/classification")
def classification(request: Request, caller: Reader, domain: _Word = "", cursor: _Cursor = None) -> Response:
    """Columns that should have another level."""
    page = governing.classification(platform_of(request), caller, domain or None, cursor)
    return show(request, caller, "classification.html", page, title="Suggested classifications")


def _violation(
    request: Request,
    caller: Caller,
    violation_id: str,
    written: dict[str, str] | None = None,
    wrong: WeftError | None = None,
) -> Response:
    page = governing.violation(platform_of(request), caller, violation_id, wrong.diagnostics if wrong else ())
    blank = {"subject": page["subject"], "reason": "", "until": ""}
    return _shown(request, caller, "violation.html", page, page["title"], written or blank, wrong)


def _approval(
    request: Request, caller: Caller, approval_id: str, reason: str = "", wrong: WeftError | None = None
) -> Response:
    page = governing.approval(platform_of(request), caller, approval_id, wrong.diagnostics if wrong else ())
    title = f"Publication of {page['product']}"
    return _shown(request, caller, "approval.html", page, title, {"reason": reason}, wrong)


def _debt(
    request: Request,
    caller: Caller,
    domain: str,
    cursor: str | None,
    written: dict[str, str] | None = None,
    wrong: WeftError | None = None,
) -> Response:
    page = governing.debt(platform_of(request), caller, domain or None, cursor, wrong.diagnostics if wrong else ())
    blank = {"owner": "", "plan": "", "until": "", "domain": ""}
    return _shown(request, caller, "debt.html", page, "Known debt", written or blank, wrong)


def _shown(
    request: Request,
    caller: Caller,
    template: str,
    page: dict[str, Any],
    title: str,
    written: dict[str, str],
    wrong: WeftError | None,
) -> Response:
    status = status_of(wrong) if wrong is not None else 200
    return show(request, caller, template, {**page, "written": written}, title=title, status=status)


def _decided(request: Request, caller: Caller, approval_id: str, reason: str, *, approved: bool) -> Response:
    platform = platform_of(request)

    def decide() -> None:
        platform.approvals.decide(caller, approval_id, approved=approved, reason=reason)
        platform.holding.begin()  # what has waited for it goes on at once

    return _done(
        decide,
        f"/governance/approvals/{quote(approval_id)}?done=decided",
        lambda e: _approval(request, caller, approval_id, reason, e),
    )


def _done(do: Callable[[], object], then: str, again: Callable[[WeftError], Response]) -> Response:
    """Does something and goes to a page; where it cannot be, the form is shown again."""
    try:
        do()
    except WeftError as e:
        return again(e)
    return RedirectResponse(then, 303)
