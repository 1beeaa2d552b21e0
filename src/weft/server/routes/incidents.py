"""What is wrong in the mesh, and who looks after it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.shapes import Incident

router = APIRouter(prefix="/api/v1/incidents", tags=["incidents"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Runner = Annotated[Caller, Depends(Permitted(Action.RUN))]
_Id = Annotated[str, Path(max_length=60, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Line(BaseModel):
    """A line of a timeline."""

    at: datetime
    kind: str
    actor: str
    text: str


class WholeIncident(Incident):
    """An incident with its timeline."""

    timeline: list[Line]


class IncidentList(BaseModel):
    """Incidents, newest first."""

    incidents: list[Incident]


class Comment(BaseModel):
    """What somebody says of an incident."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"text": "the source has moved"}]})

    text: str = Field(min_length=1, max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")


@router.get("", response_model=IncidentList, responses=refusals(400, 403))
def listed(
    request: Request,
    caller: Reader,
    domain: Annotated[str | None, Query(max_length=63, pattern=r"^[^\x00-\x1f\x7f]*$")] = None,
    closed: Annotated[bool, Query(description="also those that ended in the last thirty days")] = False,
) -> dict[str, Any]:
    """What is wrong now."""
    return {"incidents": request.app.state.platform.incidents.shown_to(caller, domain=domain, closed=closed)}


@router.get("/{incident_id}", response_model=WholeIncident, responses=refusals(403, 404))
def one(request: Request, caller: Reader, incident_id: _Id) -> dict[str, Any]:
    """An incident with its timeline."""
    found: dict[str, Any] = request.app.state.platform.incidents.one_shown_to(caller, incident_id)
    return found


@router.post("/{incident_id}/acknowledge", response_model=WholeIncident, responses=refusals(403, 404, 409))
def acknowledge(request: Request, caller: Runner, incident_id: _Id) -> dict[str, Any]:
    """Says that the caller looks after it."""
    found: dict[str, Any] = request.app.state.platform.incidents.acknowledge(caller, incident_id)
    return found


@router.post("/{incident_id}/comments", response_model=WholeIncident, responses=refusals(403, 404, 409))
def comment(request: Request, caller: Runner, incident_id: _Id, said: Comment) -> dict[str, Any]:
    """Adds a line to its timeline."""
    found: dict[str, Any] = request.app.state.platform.incidents.comment(caller, incident_id, said.text)
    return found


@router.post("/{incident_id}/close", response_model=WholeIncident, responses=refusals(403, 404, 409))
def close(request: Request, caller: Runner, incident_id: _Id, said: Comment) -> dict[str, Any]:
    """Ends an incident that no run will end, and says why."""
    found: dict[str, Any] = request.app.state.platform.incidents.close(caller, incident_id, said.text)
    return found
