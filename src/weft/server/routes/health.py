"""Whether the server lives, whether it can work, and how it does."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import JSONResponse, Response

from weft.access.permissions import Action
from weft.server import metrics as wording
from weft.server import shapes
from weft.server.permitted import PermittedUnknown

router = APIRouter(tags=["operation"])
_ANYBODY = Depends(PermittedUnknown(Action.SEE_STATE))
"""A probe may carry a token that is over, and is answered also while nobody can look whose it is."""
_RETRY_S = "5"
_KNOWN: dict[int | str, dict[str, Any]] = {400: {"description": "The request is malformed"}}


@router.get("/healthz", dependencies=[_ANYBODY], response_model=shapes.Health, responses=_KNOWN)
def healthz() -> dict[str, str]:
    """The process lives."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    dependencies=[_ANYBODY],
    response_model=shapes.Readiness,
    responses={**_KNOWN, 503: {"model": shapes.Readiness, "description": "A part of the platform is not ready"}},
)
def readyz(request: Request) -> Response:
    """Each part of the platform is ready."""
    state = request.app.state.platform.state()
    told = {"status": "ok" if state.ready else "not ready", "parts": dict(state.parts)}
    return JSONResponse(told, 200 if state.ready else 503, None if state.ready else {"Retry-After": _RETRY_S})


@router.get(
    "/metrics",
    dependencies=[_ANYBODY],
    response_class=Response,
    responses={200: {"description": "For Prometheus", "content": {"text/plain": {}}}, **_KNOWN},
)
def metrics(request: Request) -> Response:
    """Requests, latencies, and how the platform stands, for Prometheus."""
    text = request.app.state.metrics.text(request.app.state.platform.state())
    return Response(text, headers={"Content-Type": wording.MEDIA_TYPE})
