"""The guard of a route: says what it lets one do, finds out who asks, and refuses whoever may not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Form, Request
from starlette.exceptions import HTTPException

from weft.access.permissions import PERMISSIONS, STRANGER, Action, Caller, require
from weft.errors import Diagnostic, error
from weft.server import cookies
from weft.server.challenges import challenge
from weft.server.problems import Refused
from weft.server.quickly import quickly

if TYPE_CHECKING:
    from weft.api.platform import Platform


class Permitted:
    """A dependency of a route that gives its caller. A test walks all routes: each has exactly one.

    Attributes:
        action: the line of the table that it goes by.
        domain: the path's parameter that names the domain it is done to; None: whatever the verb looks at itself.
        by_cookie: whether somebody who has signed in by a browser is known by that.
    """

    by_cookie = True

    def __init__(self, action: Action, domain: str | None = None) -> None:
        self.action = action
        self.domain = domain

    async def __call__(self, request: Request) -> Caller:
        """The caller, who may.

        Raises:
            HTTPException: 401, nobody is known by what the request carries.
            AccessDenied: WFT-ACC-010, or WFT-ACC-013 for a cookie that another site uses.
        """
        return await quickly(request, lambda: self._checked(request, request.headers.get(cookies.CSRF_HEADER, "")))

    def _checked(self, request: Request, csrf: str) -> Caller:
        caller = caller_of(request, csrf)
        request.state.caller = caller.name  # for the line in the log
        request.state.asking = caller  # for the page that says what went wrong
        if caller is STRANGER and not PERMISSIONS[self.action].strangers:
            raise HTTPException(401, headers=challenge(request))
        require(caller, self.action, request.path_params[self.domain] if self.domain is not None else None)
        return caller


class PermittedForm(Permitted):
    """The guard of a route that a form of ours is sent to: the CSRF token is one of its fields."""

    async def __call__(self, request: Request, csrf: Annotated[str, Form(max_length=200)] = "") -> Caller:
        """The caller, who may; see `Permitted`. The page's own form token is the route's to check without a session."""
        cookies.require_origin(request)
        return await quickly(request, lambda: self._checked(request, csrf))


class PermittedBearer(Permitted):
    """The guard of a route for programs alone: they come with a token; the cookie of a browser counts for nothing."""

    by_cookie = False

    def _checked(self, request: Request, csrf: str) -> Caller:
        if not request.headers.get("authorization", "").partition(" ")[0]:
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        return super()._checked(request, csrf)


class PermittedUnknown(Permitted):
    """The guard of a route that is asked who somebody is: what else a request carries counts for nothing."""

    async def __call__(self, request: Request) -> Caller:
        """Somebody who has not said who they are, and may."""
        require(STRANGER, self.action)
        return STRANGER


def bearer_of(request: Request) -> str:
    """The token of a request that a guard has let through."""
    return request.headers["authorization"].partition(" ")[2].strip()


def caller_of(request: Request, csrf: str = "") -> Caller:
    """Whoever a request's credentials stand for. What is there and does not hold is refused, not ignored.

    Args:
        csrf: what the request brings to show that a page of its session has sent it.
    """
    platform: Platform = request.app.state.platform
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    if not kind:
        return _by_cookie(request, platform, csrf)
    found = platform.identity.of_bearer(secret.strip()) if kind.lower() == "bearer" else None
    if found is None:
        raise Refused(401, _does_not_hold(kind, secret), challenge(request, "invalid_token"))
    return found


def _does_not_hold(kind: str, secret: str) -> Diagnostic:
    """Why nobody is known by what a request carries."""
    if kind.lower() != "bearer":
        fix = "send a token in `Authorization: Bearer …`"
        return error("WFT-SRV-002", "nobody is known by that way to sign in", fix=fix)
    if secret.strip().startswith("weft_"):
        why = "it has expired, was revoked, or is of another server"
    else:
        why = "it is none of this server; signed ones are taken where its `identity.audience` is set"
    fix = "`weft login` gets another one; `weft token list` says until when yours hold"
    return error("WFT-SRV-002", "the token does not hold", why=why, fix=fix)


def _by_cookie(request: Request, platform: Platform, csrf: str) -> Caller:
    secret = cookies.session_cookie(request)
    found = platform.identity.of_session(secret) if secret is not None else None
    if found is None:
        return STRANGER  # a browser keeps the cookie of a session that is over, and may sign in again with it
    caller, session = found
    if request.method not in cookies.SAFE:
        cookies.require_origin(request)
        request.state.asking = caller  # a page of an earlier session is answered as theirs
        cookies.require_same(csrf, session.csrf)
    request.state.session = session
    return caller
