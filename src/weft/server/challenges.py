"""What a caller is told whom nobody knows: how to show who they are, and for assistants who can say it (RFC 9728)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request

if TYPE_CHECKING:
    from weft.api.platform import Platform

RESOURCE = "/mcp"
"""The path of what assistants ask."""

METADATA = f"/.well-known/oauth-protected-resource{RESOURCE}"
"""Where it is said which provider knows its callers: the path of the resource behind the well-known one."""


def challenge(request: Request, wrong: str = "") -> Mapping[str, str]:
    """The header of an answer 401.

    Args:
        wrong: what is wrong with the token that came.
    """
    told = [f'error="{wrong}"'] if wrong else []
    if request.url.path == RESOURCE and resource_metadata(request) is not None:
        told.append(f'resource_metadata="{_own_address(request)}{METADATA}"')
    return {"WWW-Authenticate": f"Bearer {', '.join(told)}".strip()}


def resource_metadata(request: Request) -> Mapping[str, object] | None:
    """Which provider's tokens are taken for assistants; None where none are."""
    identity = _platform(request).rooms.settings.identity
    if not identity.issuer or not identity.audience:
        return None
    return {
        "resource": f"{_own_address(request)}{RESOURCE}",
        "resource_name": f"weft: {_platform(request).rooms.settings.mesh.name}",
        "authorization_servers": [identity.issuer],
        "scopes_supported": list(identity.scopes),
        "bearer_methods_supported": ["header"],
    }


def _platform(request: Request) -> Platform:
    found: Platform = request.app.state.platform
    return found


def _own_address(request: Request) -> str:
    return (_platform(request).rooms.settings.server.url or str(request.base_url)).rstrip("/")
