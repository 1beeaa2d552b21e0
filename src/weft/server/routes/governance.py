"""Policies, what violates them, who is let off, and known debt."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.governance.violations import Governance
from weft.server.answers import answer, refusals, shown
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["governance"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Decider = Annotated[Caller, Depends(Permitted(Action.DECIDE_POLICY))]
Lead = Annotated[Caller, Depends(Permitted(Action.GOVERN))]
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_TEXT = r"^[^\x00-\x09\x0b-\x1f\x7f]*$"
_Id = Annotated[str, Path(max_length=60, pattern=_PRINTABLE)]
_Word = Annotated[str | None, Query(max_length=255, pattern=_PRINTABLE)]
_Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
_Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before", examples=[None])]
_State = Literal["open", "overdue", "waived", "known", "resolved"]


class Violation(BaseModel):
    """That a subject violates a policy, or did."""

    violation_id: str = Field(examples=["v-0fb9b7a55a3e3a33"])
    policy: str = Field(examples=["owner-is-named"])
    subject: str = Field(examples=["fleet.aircraft.planes@1"], description="`policy:ID` where it cannot be asked")
    product: str | None
    domain: str | None
    owner: str | None
    severity: str = Field(description="block, high, medium or low")
    title: str
    state: _State
    first_seen: str
    last_seen: str
    due: str
    detail: str | None
    resolved_at: str | None
    waiver: str | None = Field(description="the waiver that lets it off")


class ViolationPage(BaseModel):
    """A page of violations, what is due first first."""

    items: list[Violation]
    next: str | None


class Waiver(BaseModel):
    """That some subjects need not follow a policy until a time."""

    waiver_id: str = Field(examples=["w-0f3a99c2b1d4"])
    policy: str
    subject: str = Field(description="an address, which stands for all that lies under it, or a glob")
    reason: str | None = Field(description="null where it was erased")
    role: str = Field(description="by which the one who gave it may")
    given_by: str
    given_at: str
    until: str = Field(description="the last day on which it holds")
    ends_at: str
    state: Literal["in force", "ended", "revoked"]
    ended_by: str | None


class WaiverPage(BaseModel):
    """A page of waivers, newest first."""

    items: list[Waiver]
    next: str | None


class Entry(BaseModel):
    """A line of a history."""

    at: str
    kind: str
    actor: str
    text: str


class WholeViolation(BaseModel):
    """A violation with its history, what its policy asks, and the waiver that lets it off."""

    violation_id: str
    policy: str
    subject: str
    product: str | None
    domain: str | None
    owner: str | None
    severity: str
    title: str
    state: _State
    first_seen: str
    last_seen: str
    due: str
    detail: str | None
    resolved_at: str | None
    asks: str | None
    why: str | None
    remediation: str | None
    waiver: Waiver | None
    history: list[Entry]


class WantedWaiver(BaseModel):
    """A waiver that is to be given."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "policy": "owner-is-named",
                    "subject": "fleet.aircraft",
                    "reason": "the team is being formed",
                    "until": "2026-12-31",
                }
            ]
        },
    )

    policy: str = Field(min_length=1, max_length=120, pattern=_PRINTABLE)
    subject: str = Field(min_length=1, max_length=400, pattern=_PRINTABLE)
    reason: str = Field(min_length=1, max_length=2000, pattern=_TEXT)
    until: str = Field(max_length=40, pattern=_PRINTABLE, description="the last day on which it holds")


class WantedBaseline(BaseModel):
    """That what violates now is accepted as known debt."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"owner": "data-governance", "plan": "ten products a month", "until": "2026-12-31"}]
        },
    )

    domain: str | None = Field(None, max_length=63, pattern=_PRINTABLE)
    owner: str = Field(min_length=1, max_length=255, pattern=_PRINTABLE)
    plan: str = Field(min_length=1, max_length=2000, pattern=_TEXT)
    until: str = Field(max_length=40, pattern=_PRINTABLE)
    reset: str | None = Field(
        None, min_length=1, max_length=2000, pattern=_TEXT, description="why also what is newer is accepted"
    )


class Baseline(BaseModel):
    """What came of a baseline."""

    baseline_id: str
    accepted: list[Violation]
    left: list[Violation] = Field(description="what came after the former baseline, and stays open")


class Point(BaseModel):
    """How much debt there was."""

    at: str
    number: int


class Line(BaseModel):
    """The known debt of a policy in a domain, over time."""

    policy: str
    domain: str
    points: list[Point]


class Lines(BaseModel):
    """Known debt over time."""

    lines: list[Line]


class Debt(BaseModel):
    """A violation that is known debt, until a time."""

    policy: str
    subject: str
    domain: str
    until: str


class DebtPage(BaseModel):
    """A page of known debt, by policy and subject."""

    items: list[Debt]
    next: str | None


class PolicyList(BaseModel):
    """Every policy that holds somewhere, by id, with the fields of its file."""

    policies: list[dict[str, Any]]


class WantedScan(BaseModel):
    """What is to be held against policies."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"select": ["fleet"]}, {}]})

    select: list[Annotated[str, Field(min_length=1, max_length=400, pattern=_PRINTABLE)]] = Field(
        [], max_length=1000, description="addresses of domains and products; empty: the whole mesh"
    )
    samples: bool = Field(
        False, strict=True, description="whether data about people are looked for in samples of rows first"
    )
    patience_s: float | None = Field(
        None,
        ge=0,
        le=30,
        strict=True,
        description="for how long the answer is waited for, then it is 202; null: until it is there",
    )


class NotAsked(BaseModel):
    """A policy that could not be asked."""

    policy: str
    why: str


class ScanChange(BaseModel):
    """What a scan has changed of a violation."""

    what: str = Field(description="opened, reopened, changed, overdue, escalated or resolved")
    text: str
    violation: Violation


class Scan(BaseModel):
    """What a scan has asked and changed."""

    at: str
    policies: int = Field(description="how many were asked")
    changed: dict[str, int]
    standing: int = Field(description="how many violations are as they were")
    refused: list[NotAsked]
    changes: list[ScanChange]
    left_out: int = Field(description="how many changes are not listed here")


def _governance(request: Request) -> Governance:
    found: Governance = request.app.state.platform.governance
    return found


@router.get("/policies", response_model=PolicyList, responses=shown())
def policies(request: Request, caller: Reader) -> Response:
    """Every policy that holds somewhere."""
    return answer(request, _governance(request).policies(caller))


_GOES_ON: dict[int | str, dict[str, Any]] = {202: {"description": "It goes on: `Location` has what comes of it."}}


@router.post("/policies/scan", response_model=Scan, responses=refusals(404, 409) | _GOES_ON)
def scan(request: Request, caller: Decider, wanted: WantedScan) -> Any:
    """Holds what is registered against its policies now: the whole mesh, or domains in which the caller decides."""
    scan_id = request.app.state.platform.scans.begin(caller, wanted.select, samples=wanted.samples)
    return _came_of(request, caller, scan_id, wanted.patience_s)


@router.get("/policies/scans/{scan_id}", response_model=Scan, responses=refusals(404) | _GOES_ON)
def came_of_scan(
    request: Request,
    caller: Decider,
    scan_id: _Id,
    patience_s: Annotated[float, Query(ge=0, le=30, description="for how long it is waited for")] = 20,
) -> Any:
    """What came of a scan that the caller has begun."""
    return _came_of(request, caller, scan_id, patience_s)


def _came_of(request: Request, caller: Caller, scan_id: str, patience_s: float | None) -> Any:
    found = request.app.state.platform.scans.came_of(caller, scan_id, patience_s)
    if found is None:
        return Response(status_code=202, headers={"Location": f"/api/v1/policies/scans/{scan_id}"})
    return found


@router.get("/violations", response_model=ViolationPage, responses=shown(404))
def violations(
    request: Request,
    caller: Reader,
    domain: _Word = None,
    policy: _Word = None,
    state: Annotated[list[_State] | None, Query(description="without it all but resolved ones")] = None,
    mine: Annotated[bool, Query(description="those of the domains in which the caller is somebody")] = False,
    limit: _Limit = 50,
    cursor: _Cursor = None,
) -> Response:
    """What violates policies, what is due first first."""
    found = _governance(request).violations(
        caller, domain=domain, policy=policy, states=state or (), mine=mine, limit=limit, cursor=cursor
    )
    return answer(request, found)


@router.get("/violations/{violation_id}", response_model=WholeViolation, responses=shown(404))
def violation(request: Request, caller: Reader, violation_id: _Id) -> Response:
    """A violation with its history."""
    return answer(request, _governance(request).violation(caller, violation_id))


@router.get("/waivers", response_model=WaiverPage, responses=shown())
def waivers(
    request: Request,
    caller: Reader,
    policy: _Word = None,
    ended: Annotated[bool, Query(description="also those that hold no more")] = False,
    limit: _Limit = 50,
    cursor: _Cursor = None,
) -> Response:
    """Who is let off, newest first."""
    found = _governance(request).waivers(caller, policy=policy, ended=ended, limit=limit, cursor=cursor)
    return answer(request, found)


@router.post("/waivers", response_model=Waiver, status_code=201, responses=refusals(404))
def waive(request: Request, caller: Decider, wanted: WantedWaiver) -> dict[str, Any]:
    """Lets a subject off a policy until a day, as far as the policy allows and leaves it to the caller."""
    return _governance(request).waive(caller, wanted.policy, wanted.subject, reason=wanted.reason, until=wanted.until)


@router.delete("/waivers/{waiver_id}", response_model=Waiver, responses=refusals(404, 409))
def revoke(request: Request, caller: Decider, waiver_id: _Id) -> dict[str, Any]:
    """Ends a waiver before its time."""
    return _governance(request).revoke(caller, waiver_id)


@router.get("/governance/baseline", response_model=Lines, responses=shown())
def debt(request: Request, caller: Reader, domain: _Word = None) -> Response:
    """Known debt of each policy and domain, over time."""
    return answer(request, _governance(request).debt(domain))


@router.post("/governance/baseline", response_model=Baseline, status_code=201, responses=refusals(409))
def accept(request: Request, caller: Lead, wanted: WantedBaseline) -> dict[str, Any]:
    """Accepts what scans have found so far as known debt."""
    return _governance(request).accept(
        caller, domain=wanted.domain, owner=wanted.owner, plan=wanted.plan, until=wanted.until, reset=wanted.reset
    )


@router.get("/governance/debts", response_model=DebtPage, responses=shown())
def debts(request: Request, caller: Reader, limit: _Limit = 50, cursor: _Cursor = None) -> Response:
    """Known debt that is not mended, for whoever plans elsewhere."""
    return answer(request, _governance(request).debts(caller, limit=limit, cursor=cursor))
