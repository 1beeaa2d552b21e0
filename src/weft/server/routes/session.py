"""Sessions of people: who is asking, signing in with a password, signing out."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from weft.access.permissions import Action, Caller
from weft.server import cookies
from weft.server.answers import refusals
from weft.server.password_sign_in import session_for
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["identity"], responses=refusals(404, 409, 413, 415, 429))
Anybody = Annotated[Caller, Depends(Permitted(Action.SIGN_IN))]


class SignIn(BaseModel):
    """User and password of a local user."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"user": "ada", "password": "…"}]})

    user: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1024)


class Who(BaseModel):
    """Who is asking, and what they are."""

    name: str
    kind: str = Field(description="user, token, service or stranger")
    mesh_roles: list[str] = Field(description="roles in the whole mesh")
    domain_roles: dict[str, list[str]] = Field(description="roles in each domain")
    actions: list[str] | None = Field(description="what a token is limited to; null where nothing is taken away")
    csrf: str | None = Field(description="what requests with the session's cookie send as X-CSRF-Token")


@router.get("/session")
def who(request: Request, caller: Anybody) -> Who:
    """As whom the request is made; also for whoever is not known."""
    session = getattr(request.state, "session", None)
    return _who(caller, session.csrf if session is not None else None)


@router.post("/session", status_code=201)
async def sign_in(request: Request, response: Response, caller: Anybody, body: SignIn) -> Who:
    """Signs in with user and password; the session is a cookie. One that the browser had ends."""
    if "origin" in request.headers:
        cookies.require_origin(request)
    secret = await session_for(request, body.user, body.password)
    found = await run_in_threadpool(request.app.state.platform.identity.of_session, secret)
    assert found is not None, "it has just begun"
    cookies.set_session(request, response, secret)
    response.headers["Cache-Control"] = "no-store"
    return _who(found[0], found[1].csrf)


@router.delete("/session", status_code=204)
def sign_out(request: Request, response: Response, caller: Anybody) -> None:
    """Ends the session of the cookie."""
    secret = cookies.session_cookie(request)
    if secret is not None and caller.kind == "user":
        request.app.state.platform.identity.signing_in.sign_out(secret)
    cookies.drop_session(request, response)


def _who(caller: Caller, csrf: str | None) -> Who:
    shown: dict[str, Any] = {
        "name": caller.name,
        "kind": caller.kind,
        "mesh_roles": sorted(role.value for role in caller.mesh),
        "domain_roles": {d: sorted(role.value for role in roles) for d, roles in sorted(caller.domains.items())},
        "actions": sorted(action.value for action in caller.actions) if caller.actions is not None else None,
        "csrf": csrf,
    }
    return Who(**shown)
