"""Which share of what policies ask is kept."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from weft.access.permissions import Action, Caller, domains_of
from weft.api.governance.compliance import compliance, rendered
from weft.server.answers import answer, shown
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1/compliance", tags=["governance"])
_TYPES = {"csv": "text/csv; charset=utf-8", "html": "text/html; charset=utf-8"}
_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {name.partition(";")[0]: {"schema": {"type": "string"}} for name in _TYPES.values()}}
}
_LOADS_NOTHING = "default-src 'none'; style-src 'unsafe-inline'"


class ComplianceLine(BaseModel):
    """Pairs of a policy and a product in its scope, by what they are."""

    name: str
    title: str
    score: float | None = Field(description="the share of pairs without an open violation; null where nothing is asked")
    before: float | None = Field(description="the score at the beginning of the trend")
    pairs: int
    kept: int
    waived: int
    baseline: int
    violated: int
    unknown: int = Field(description="of policies that cannot be asked")


class CompliancePoint(BaseModel):
    """The score at a time."""

    at: str
    score: float | None
    pairs: int


class Compliance(BaseModel):
    """Compliance at a time, the lowest scores first."""

    mesh: str
    at: str
    final: bool = Field(description="whether the same time gives the same report again: not now, nor today")
    since: str
    regulation: str | None
    anchor: str = Field(description="the last event that it was made from, as `events:NUMBER:HASH`")
    total: ComplianceLine
    domains: list[ComplianceLine]
    products: list[ComplianceLine]
    policies: list[ComplianceLine]
    regulations: list[ComplianceLine]
    trend: list[CompliancePoint]
    trends: dict[str, dict[str, list[CompliancePoint]]]


@router.get("", response_model=Compliance, responses={**shown(), **_FORMS})
def report(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.READ_EVENTS))],
    regulation: Annotated[str | None, Query(max_length=100, description="of policies that name it alone")] = None,
    at: Annotated[
        str | None, Query(max_length=40, description="a day, meant to its end (UTC), or a moment; null: now")
    ] = None,
    days: Annotated[int, Query(ge=1, le=3650, description="how far back the trend goes")] = 90,
    form: Annotated[Literal["json", "csv", "html"], Query(alias="format")] = "json",
) -> Response:
    """Score and trend per domain, product, policy and regulation, of the domains for which the caller answers."""
    platform = request.app.state.platform
    found = rendered(
        compliance(
            platform.database,
            platform.rooms.settings.mesh.name,
            platform.rooms.now(),
            at=at,
            regulation=regulation,
            domains=domains_of(caller, Action.READ_EVENTS),
            days=days,
        ),
        form,
    )
    if isinstance(found, str):
        headers = {"Cache-Control": "no-store", "Content-Security-Policy": _LOADS_NOTHING}
        return Response(found, media_type=_TYPES[form], headers=headers)
    return answer(request, found)
