"""Where the server speaks Flight SQL, for clients that can."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from weft.access.permissions import Action, Caller
from weft.server.answers import refusals
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["reading"], responses=refusals())


class FlightPlace(BaseModel):
    """Where Flight SQL is spoken."""

    port: int | None = Field(description="On the server's host; null where there is none.")
    url: str | None = Field(description="The address by which clients reach it, where the server knows it.")


@router.get("/flight")
async def flight(request: Request, caller: Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]) -> FlightPlace:
    """Where rows can be had by Arrow Flight SQL."""
    settings = request.app.state.platform.rooms.settings.server
    return FlightPlace(port=settings.flight_port or None, url=settings.flight_url or None)
