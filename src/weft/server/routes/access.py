"""Asking to read data, deciding on it, and what was granted."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.api.access.verbs import Access
from weft.server.answers import refusals
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1/access", tags=["access"])
Asker = Annotated[Caller, Depends(Permitted(Action.ASK_ACCESS))]
_PRINTED = r"^[^\x00-\x1f\x7f]*$"
_TEXT = r"^[^\x00-\x09\x0b-\x1f\x7f]*$"
_Id = Annotated[str, Path(max_length=60, pattern=_PRINTED)]
_Address = Annotated[str, Field(max_length=300, pattern=_PRINTED)]
_Name = Annotated[str, Field(max_length=200, pattern=_PRINTED)]
_Day = Annotated[str, Field(max_length=10, pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_State = Literal["waiting", "approved", "declined", "withdrawn"]


class NewRequest(BaseModel):
    """Which ports somebody wants to read, what for, and until when."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"ports": ["fleet.aircraft.planes@1"], "purpose": "delay model", "until": "2027-06-30"}]
        },
    )

    ports: list[_Address] = Field(min_length=1, max_length=100, description="addresses of ports")
    purpose: str = Field(min_length=1, max_length=2000, pattern=_TEXT, description="what the data is for")
    until: _Day | None = Field(None, description="the last day on which it is needed (UTC)")
    columns: list[_Name] | None = Field(None, min_length=1, max_length=1000, description="some columns; null: all")
    roles: list[_Name] = Field(default_factory=list, max_length=20, description="roles of the ports' contracts")
    reader: _Name | None = Field(
        None, description="who is to read: `ada`, `team:crm`, `service:loader`, `domain.product`; null: the caller"
    )


class Approval(BaseModel):
    """That a request is approved."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"until": "2026-12-31"}]})

    ports: list[_Address] = Field(default_factory=list, max_length=100, description="some of its ports; none: all")
    until: _Day | None = Field(None, description="the last day of the grant; null: as it was asked for")
    reason: str = Field("", max_length=2000, pattern=_TEXT)


class Refusal(BaseModel):
    """That a request is declined, and why."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "use the totals instead"}]})

    ports: list[_Address] = Field(default_factory=list, max_length=100, description="some of its ports; none: all")
    reason: str = Field(min_length=1, max_length=2000, pattern=_TEXT)


class RequestedPort(BaseModel):
    """How a request stands for one port."""

    address: str
    state: _State
    stage: int = Field(description="1 while the first level decides, 2 while the second does")
    waits_for: list[str] = Field(description="who may decide now")
    can_decide: bool = Field(description="whether the caller may decide it now")
    approvals: list[str]
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    grant_id: str | None


class ShownRequest(BaseModel):
    """A request with its ports."""

    request_id: str
    asked_by: str
    kind: Literal["user", "team", "service", "product"]
    reader: str
    purpose: str | None = Field(description="null where it was erased")
    columns: list[str] | None
    roles: list[str]
    until: datetime | None
    at: datetime
    ports: list[RequestedPort]


class RequestList(BaseModel):
    """Requests, newest first."""

    requests: list[ShownRequest]


class GrantedPort(BaseModel):
    """A port in its parts."""

    domain: str
    product: str
    port: str
    major: int


class Revocation(BaseModel):
    """Why a grant is ended before its time."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the project is over"}]})

    reason: str = Field("", max_length=2000, pattern=_TEXT)


class ShownGrant(BaseModel):
    """That somebody may read a port."""

    grant_id: str
    address: str
    port: GrantedPort
    kind: Literal["user", "team", "service", "product"]
    consumer: str
    since: datetime
    ends_at: datetime | None
    holds: bool
    basis: str = Field(description="`request`, or the publication or first build of a product that reads it")
    columns: list[str] | None
    roles: list[str]
    given_by: str | None
    request_id: str | None
    purpose: str | None
    reason: str | None
    review_at: datetime | None
    reviewed_at: datetime | None
    used_at: datetime | None = Field(description="the last day on which it was read by")
    ended_by: str | None = Field(description="who has ended it before its time")
    ended_reason: str | None


class GrantToReview(ShownGrant):
    """A grant that somebody has to look at."""

    review: str


class ReviewList(BaseModel):
    """Grants that somebody has to look at."""

    grants: list[GrantToReview]


class Why(BaseModel):
    """The rule behind what is shown."""

    about: str
    effect: str
    rule: str
    file: str
    sentence: str


class ShownColumn(BaseModel):
    """How a column is shown."""

    name: str
    type: str
    shown: Literal["clear", "masked", "hidden"]
    mask: dict[str, Any] | None
    why: list[Why]


class Explanation(BaseModel):
    """What somebody sees of a port, and why."""

    principal: str
    kind: str
    address: str
    allowed: bool
    reason: str
    code: str | None
    columns: list[ShownColumn]
    filtered: bool
    filter: str | None = Field(description="for whoever decides who reads the port")
    rules: list[Why]
    grants: list[str]
    accounts: list[str]
    version: str


def _access(request: Request) -> Access:
    found: Access = request.app.state.platform.access
    return found


@router.post("/requests", status_code=201, response_model=ShownRequest, responses=refusals(403, 404, 409))
def ask(request: Request, caller: Asker, wanted: NewRequest) -> dict[str, Any]:
    """Asks to read ports; what policy lets be granted at once is granted in the answer."""
    return _access(request).ask(
        caller,
        wanted.ports,
        wanted.purpose,
        until=wanted.until,
        columns=wanted.columns,
        roles=wanted.roles,
        reader=wanted.reader,
    )


@router.get("/requests", response_model=RequestList, responses=refusals(403))
def requests(
    request: Request,
    caller: Asker,
    state: Annotated[_State | None, Query(description="those of which a port is in this state")] = None,
    mine: Annotated[bool, Query(description="those that the caller may decide now")] = False,
) -> dict[str, Any]:
    """Requests that the caller has made, reads by, or may decide."""
    return {"requests": _access(request).listed(caller, state, mine=mine)}


@router.get("/requests/{request_id}", response_model=ShownRequest, responses=refusals(403, 404))
def one(request: Request, caller: Asker, request_id: _Id) -> dict[str, Any]:
    """One request."""
    return _access(request).one(caller, request_id)


@router.post("/requests/{request_id}/approve", response_model=ShownRequest, responses=refusals(403, 404, 409))
def approve(request: Request, caller: Asker, request_id: _Id, said: Approval) -> dict[str, Any]:
    """Approves a request, for all ports that the caller may decide or for some."""
    return _access(request).approve(caller, request_id, said.ports, until=said.until, reason=said.reason)


@router.post("/requests/{request_id}/decline", response_model=ShownRequest, responses=refusals(403, 404, 409))
def decline(request: Request, caller: Asker, request_id: _Id, said: Refusal) -> dict[str, Any]:
    """Declines a request with a reason, for all ports that the caller may decide or for some."""
    return _access(request).decline(caller, request_id, said.ports, reason=said.reason)


@router.delete("/requests/{request_id}", response_model=ShownRequest, responses=refusals(403, 404))
def withdraw(request: Request, caller: Asker, request_id: _Id) -> dict[str, Any]:
    """Takes back what the caller has asked for and nobody has decided yet."""
    return _access(request).withdraw(caller, request_id)


@router.get("/grants", response_model=list[ShownGrant], responses=refusals(403))
def grants(
    request: Request,
    caller: Asker,
    port: Annotated[str | None, Query(max_length=300, pattern=_PRINTED, description="on one port")] = None,
    consumer: Annotated[str | None, Query(max_length=200, pattern=_PRINTED, description="of one reader")] = None,
) -> list[dict[str, Any]]:
    """Who may read which port from when to when, and by which decision: of one's own domains, and one's own."""
    return _access(request).granted(caller, port, consumer)


@router.get("/review", response_model=ReviewList, responses=refusals(403))
def review(request: Request, caller: Asker) -> dict[str, Any]:
    """Grants that the caller answers for and that somebody has to look at: due for review, or long unused."""
    return {"grants": _access(request).review(caller)}


@router.post("/grants/{grant_id}/keep", response_model=ShownGrant, responses=refusals(403, 404))
def keep(request: Request, caller: Asker, grant_id: _Id) -> dict[str, Any]:
    """Notes that a grant is still needed."""
    return _access(request).keep(caller, grant_id)


@router.delete("/grants/{grant_id}", status_code=204, responses=refusals(403, 404))
def revoke(request: Request, caller: Asker, grant_id: _Id, said: Revocation | None = None) -> Response:
    """Ends a grant at once, everywhere; a reason may stand in the body, and not in the address, which logs keep."""
    _access(request).revoke(caller, grant_id, reason=said.reason if said is not None else "")
    return Response(status_code=204)


@router.get("/explain", response_model=Explanation, responses=refusals(403, 404))
def explain(
    request: Request,
    caller: Asker,
    principal: Annotated[str, Query(max_length=200, pattern=_PRINTED, description="who reads")],
    address: Annotated[str, Query(max_length=300, pattern=_PRINTED, description="of a port")],
    purpose: Annotated[str | None, Query(max_length=2000, pattern=_TEXT, description="what for")] = None,
) -> dict[str, Any]:
    """What somebody sees of a port and why: for themselves, and for whoever decides who reads it."""
    return _access(request).explain(caller, principal, address, purpose)
