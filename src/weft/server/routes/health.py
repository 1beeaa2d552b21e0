"""Whether the server lives, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request

from weft.access.permissions import Action
from weft.server.permitted import Permitted

router = APIRouter(tags=["operation"])
_ANYBODY = Depends(Permitted(Action.SEE_STATE))


@router.get("/healthz", dependencies=[_ANYBODY])
def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get("/readyz", dependencies=[_ANYBODY])
def readyz(request: Request) -> dict[str, str]:
    """The registry answers."""
    request.app.state.platform.live()
    return {"status": "ok"}
