"""Publications that wait for a person, and what was decided."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.governance.approvals import Approvals
from weft.server.answers import answer, refusals, shown
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1/approvals", tags=["governance"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Decider = Annotated[Caller, Depends(Permitted(Action.DECIDE_POLICY))]
_Id = Annotated[str, Path(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]
_State = Literal["waiting", "approved", "declined"]


class Approval(BaseModel):
    """A publication that a policy wants somebody to agree to."""

    approval_id: str = Field(examples=["p-0f3a99c2b1d4"])
    policy: str
    product: str = Field(examples=["fleet.aircraft"])
    digest: str = Field(description="of what would be published: the decision holds for exactly that")
    roles: list[str] = Field(description="one of which decides")
    why: str | None
    state: _State
    asked_by: str
    asked_at: str
    decided_by: str | None
    decided_at: str | None
    reason: str | None = Field(description="of the decision; null where it was erased")
    superseded_by: str | None = Field(
        description="the approval of other content that was asked for since: this one is in no list of those that wait",
        default=None,
    )


class ContentOfPort(BaseModel):
    """What a port becomes by a publication."""

    port: str = Field(examples=["fleet.aircraft.planes@1"])
    what: Literal["new", "changed", "retired"]
    before: str | None = Field(description="its version now; null of a new port")
    version: str | None = Field(description="the version that would be published; null of one that is retired")
    verdict: str | None = Field(description="how its contract changes: none, patch, compatible or breaking")
    changes: list[dict[str, Any]] = Field(description="of its contract, as `weft contract diff` has them")
    more: int = Field(description="changes that are left out")
    models: list[str] = Field(description="models that are computed otherwise")


class ApprovalWithContent(Approval):
    """An approval with what would be published."""

    content: list[ContentOfPort] | None = Field(
        description="ports that would change; null where an older weft has asked", default=None
    )


class ApprovalPage(BaseModel):
    """A page of approvals, newest first."""

    items: list[Approval]
    next: str | None


class Decision(BaseModel):
    """Why somebody agrees, or does not."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"reason": "the purpose is stated"}]})

    reason: str = Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")


def _approvals(request: Request) -> Approvals:
    found: Approvals = request.app.state.platform.approvals
    return found


@router.get("", response_model=ApprovalPage, responses=shown())
def approvals(
    request: Request,
    caller: Reader,
    state: _State | None = None,
    limit: Annotated[int, Query(ge=1, le=200, description="how many at most")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=1000, description="`next` of the page before", examples=[None])
    ] = None,
) -> Response:
    """Publications that wait for a person, and those that were decided on."""
    return answer(request, _approvals(request).listed(caller, state=state, limit=limit, cursor=cursor))


@router.get("/{approval_id}", response_model=ApprovalWithContent, responses=shown(404))
def approval(request: Request, caller: Reader, approval_id: _Id) -> Response:
    """An approval."""
    return answer(request, _approvals(request).one(caller, approval_id))


@router.post("/{approval_id}/approve", response_model=ApprovalWithContent, responses=refusals(404, 409))
def approve(request: Request, caller: Decider, approval_id: _Id, decision: Decision) -> dict[str, Any]:
    """Agrees to a publication, of exactly the content that was asked for."""
    return _decided(request, caller, approval_id, decision, approved=True)


@router.post("/{approval_id}/decline", response_model=ApprovalWithContent, responses=refusals(404, 409))
def decline(request: Request, caller: Decider, approval_id: _Id, decision: Decision) -> dict[str, Any]:
    """Does not agree to a publication."""
    return _decided(request, caller, approval_id, decision, approved=False)


def _decided(
    request: Request, caller: Caller, approval_id: str, decision: Decision, *, approved: bool
) -> dict[str, Any]:
    done: dict[str, Any] = _approvals(request).decide(caller, approval_id, approved=approved, reason=decision.reason)
    request.app.state.platform.holding.begin()
    return done
