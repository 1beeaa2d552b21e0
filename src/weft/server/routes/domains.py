"""Domains: requisitioned, and changed by those who manage them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from weft.access.permissions import Action, Caller
from weft.api.documents import decoded
from weft.registry.requisitions import Requisition
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.routes.publications import Content
from weft.server.wire import DOMAIN_FILE, one, sent, told

router = APIRouter(prefix="/api/v1", tags=["domains"], responses=refusals(404, 409, 413, 415, 429))

_MADE = {
    "allOf": [one(Requisition)],
    "type": "object",
    "properties": {"document": {"type": "object"}, "token": {"type": "string"}},
    "required": ["document", "token"],
}


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
