"""Assistants: the Model Context Protocol over streamable HTTP, each request under its caller's own token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.config import size_bytes
from weft.server.answers import refusals
from weft.server.challenges import METADATA, challenge, resource_metadata
from weft.server.mcp import require_mcp
from weft.server.permitted import Permitted

if TYPE_CHECKING:
    from weft.api.platform import Platform

router = APIRouter(tags=["assistants"])
Known = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]


class ProtectedResource(BaseModel):
    """Who knows the callers of a resource (RFC 9728)."""

    resource: str = Field(description="The address that assistants ask.")
    resource_name: str
    authorization_servers: list[str] = Field(description="The company's provider, whose tokens are taken here.")
    scopes_supported: list[str]
    bearer_methods_supported: list[str]


@router.get(METADATA, dependencies=[Depends(Permitted(Action.SEE_STATE))], responses=refusals(404))
def protected_resource(request: Request) -> ProtectedResource:
    """Which provider an assistant's program gets a token from; not there where none is taken.

    Raises:
        HTTPException: 404, no provider's tokens are taken.
    """
    found = resource_metadata(request)
    if found is None:
        raise HTTPException(404)
    return ProtectedResource.model_validate(found)


# Which tools somebody may use, each tool asks: a token may be for finding alone.
@router.post("/mcp", include_in_schema=False)
def mcp(request: Request, caller: Known) -> Response:
    """One message of an assistant.

    Raises:
        HTTPException: 401 without a token: what a browser sends along is not taken. 404 for a session, of which there
            are none.
        UsageError: WFT-SRV-070, the package of the protocol is not installed.
    """
    if "authorization" not in request.headers:
        raise HTTPException(401, headers=challenge(request))
    if "mcp-session-id" in request.headers:
        raise HTTPException(404)
    require_mcp()
    from weft.api.wires.assistant import Assistant
    from weft.server.mcp.over_http import Answer

    platform: Platform = request.app.state.platform
    limit = size_bytes(platform.rooms.settings.server.body_limit)
    return Answer(Assistant(platform, caller), platform.querying.asking, limit)
