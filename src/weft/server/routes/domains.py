"""Domains: requisitioned, and changed by those who manage them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.api.documents import decoded
from weft.registry.requisitions import Requisition
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.routes.publications import Content
from weft.server.wire import DOMAIN_FILE, one, sent, told

router = APIRouter(prefix="/api/v1", tags=["domains"], responses=refusals(404, 409, 413, 415, 429))

_MOST = 2**53
"""The largest number that every reader of JSON reads as it is."""

_MADE = {
    "allOf": [one(Requisition)],
    "type": "object",
    "properties": {"document": {"type": "object"}, "token": {"type": "string"}},
    "required": ["document", "token"],
}


class Quota(BaseModel):
    """What a domain may keep, and what it keeps."""

    domain: str
    most_bytes: int | None = Field(description="null: no bound")
    most_products: int | None = Field(description="null: no bound")
    held_bytes: int = Field(description="with all data versions that are not swept yet")
    products: int


class Bounds(BaseModel):
    """Other bounds of a domain; what is left out stays."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"most_bytes": 2_000_000_000_000, "most_products": 200}]}
    )

    most_bytes: int | None = Field(None, ge=1, le=_MOST, strict=True)
    most_products: int | None = Field(None, ge=0, le=_MOST, strict=True)


@router.post("/domains", status_code=201, openapi_extra=sent(DOMAIN_FILE), responses=told(_MADE, 201))
def requisition(
    request: Request, caller: Annotated[Caller, Depends(Permitted(Action.REQUISITION))], content: Content
) -> dict[str, Any]:
    """Makes a domain of its `domain.yaml`; the answer holds its place, its bounds and, this once, its token."""
    made: dict[str, Any] = request.app.state.platform.requisitions.create(caller, decoded(content, dict))
    return made


@router.put("/domains/{domain}", status_code=204, openapi_extra=sent(DOMAIN_FILE))
def change(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.MANAGE_DOMAIN, domain="domain"))],
    domain: str,
    content: Content,
) -> None:
    """Changes what a domain's file says."""
    request.app.state.platform.requisitions.change(caller, domain, decoded(content, dict))


@router.get("/domains/{domain}/quota", response_model=Quota)
def quota(
    request: Request, caller: Annotated[Caller, Depends(Permitted(Action.READ_USAGE, domain="domain"))], domain: str
) -> dict[str, Any]:
    """What a domain may keep, and what it keeps."""
    found: dict[str, Any] = request.app.state.platform.requisitions.quota(caller, domain)
    return found


@router.put("/domains/{domain}/quota", response_model=Quota)
def bound(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.OPERATE))],
    domain: str,
    bounds: Bounds,
) -> dict[str, Any]:
    """Gives a domain other bounds. What it has already stays, also where it is more."""
    found: dict[str, Any] = request.app.state.platform.requisitions.bound(
        caller, domain, most_bytes=bounds.most_bytes, most_products=bounds.most_products
    )
    return found
