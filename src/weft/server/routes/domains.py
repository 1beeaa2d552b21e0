"""Domains: requisitioned, and changed by those who manage them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Request

from weft.access.permissions import Action, Caller
from weft.server.answers import refusals
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["domains"], responses=refusals(404, 409, 413, 415, 429))
Document = Annotated[dict[str, Any], Body()]


@router.post("/domains", status_code=201)
def requisition(
    request: Request, caller: Annotated[Caller, Depends(Permitted(Action.REQUISITION))], document: Document
) -> dict[str, Any]:
    """Makes a domain of its `domain.yaml`; the answer holds its place, its bounds and, this once, its token."""
    made: dict[str, Any] = request.app.state.platform.requisitions.create(caller, document)
    return made


@router.put("/domains/{domain}", status_code=204)
def change(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.MANAGE_DOMAIN, domain="domain"))],
    domain: str,
    document: Document,
) -> None:
    """Changes what a domain's file says."""
    request.app.state.platform.requisitions.change(caller, domain, document)
