"""What there is: domains, products, ports and their contracts."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from weft.access.permissions import Action, Caller
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["catalog"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]


@router.get("/domains/{domain}")
def domain(request: Request, caller: Reader, domain: str) -> dict[str, Any]:
    """A domain with its products."""
    page: dict[str, Any] = request.app.state.platform.page(domain)
    return page
