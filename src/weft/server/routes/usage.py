"""What products cost and who uses them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from weft.access.permissions import Action, Caller
from weft.server.answers import refusals
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["usage"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_USAGE))]
_Name = Annotated[str | None, Query(max_length=127, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Day = Annotated[str | None, Query(max_length=10, pattern=r"^\d{4}-\d\d-\d\d$", examples=["2026-11-21"])]
_Group = Literal["day", "domain", "product", "consumer", "purpose", "kind"]


class Sum(BaseModel):
    """One sum; what it is told apart by stands beside it."""

    kind: str
    amount: float
    day: str | None = None
    domain: str | None = None
    product: str | None = None
    consumer: str | None = None
    purpose: str | None = None


class ShownUsage(BaseModel):
    """Sums of what was measured, from one day (UTC) to another."""

    first: str
    last: str
    usage: list[Sum]
    meanings: dict[str, str] = Field(description="what each kind measures")


@router.get("/usage", response_model=ShownUsage, response_model_exclude_unset=True, responses=refusals(400, 403))
def usage(
    request: Request,
    caller: Reader,
    domain: _Name = None,
    product: _Name = None,
    first: _Day = None,
    last: _Day = None,
    by: Annotated[list[_Group], Query(max_length=6, description="what sums are told apart by")] = ["day", "product"],  # noqa: B006 - FastAPI copies it
) -> dict[str, Any]:
    """Usage of a domain or product, or of all that the caller may see."""
    found: dict[str, Any] = request.app.state.platform.usage.of(
        caller, domain=domain, product=product, first=first, last=last, by=by
    )
    return found
