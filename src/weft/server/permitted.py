"""The guard of a route: says what it lets one do, finds out who asks, and refuses whoever may not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request
from starlette.exceptions import HTTPException

from weft.access.permissions import PERMISSIONS, STRANGER, Action, Caller, require

if TYPE_CHECKING:
    from weft.api.platform import Platform


class Permitted:
    """A dependency of a route that gives its caller. A test walks all routes: each has exactly one.

    Attributes:
        action: the line of the table that it goes by.
        domain: the path's parameter that names the domain it is done to; None: whatever the verb looks at itself.
    """

    def __init__(self, action: Action, domain: str | None = None) -> None:
        self.action = action
        self.domain = domain

    def __call__(self, request: Request) -> Caller:
        """The caller, who may.

        Raises:
            HTTPException: 401, nobody is known by what the request carries.
            AccessDenied: WFT-ACC-010.
        """
        caller = caller_of(request)
        if caller is STRANGER and not PERMISSIONS[self.action].strangers:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        require(caller, self.action, request.path_params[self.domain] if self.domain is not None else None)
        return caller


def caller_of(request: Request) -> Caller:
    """Whoever a request's credentials stand for. What is there and does not hold is refused, not ignored."""
    platform: Platform = request.app.state.platform
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return STRANGER
    found = platform.identity.of_bearer(secret.strip()) if kind.lower() == "bearer" else None
    if found is None:
        raise HTTPException(401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
    return found
