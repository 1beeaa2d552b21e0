"""What happened: runs with their checks, and the event log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.server import port_shapes
from weft.server.answers import answer, shown
from weft.server.permitted import Permitted
from weft.server.routes.catalog import Cursor, Limit, Reader

if TYPE_CHECKING:
    from weft.api.records import Records

router = APIRouter(prefix="/api/v1", tags=["records"])
Auditor = Annotated[Caller, Depends(Permitted(Action.READ_EVENTS))]


@router.get("/runs", response_model=port_shapes.Runs, responses=shown(404))
def runs(
    request: Request,
    caller: Reader,
    port: Annotated[
        str | None, Query(max_length=300, description="only runs of this port", examples=["fleet.aircraft.planes@1"])
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """Runs, newest first."""
    return answer(request, _records(request).runs(caller, port, limit, cursor))


@router.get("/runs/{run_id}", response_model=port_shapes.RunWithChecks, responses=shown(404))
def run(request: Request, caller: Reader, run_id: str) -> Response:
    """A run with the check results of its ports."""
    return answer(request, _records(request).run(caller, run_id))


@router.get("/events", response_model=port_shapes.Events, responses=shown())
def events(
    request: Request,
    caller: Auditor,
    after: Annotated[int, Query(ge=0, le=2**62, description="only events behind this number")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="how many at most")] = 100,
) -> Response:
    """The event log; whoever answers for domains only gets what is about these."""
    return answer(request, _records(request).events(caller, after, limit))


def _records(request: Request) -> Records:
    found: Records = request.app.state.platform.records
    return found
