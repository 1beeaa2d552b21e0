"""Tokens: made, listed and revoked; and the code of `weft login` turned into one."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.registry.tokens import Token
from weft.server.answers import refusals
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["identity"], responses=refusals(404, 409, 413, 415, 429))
Owner = Annotated[Caller, Depends(Permitted(Action.OWN_TOKENS))]
Anybody = Annotated[Caller, Depends(Permitted(Action.SIGN_IN))]
_NAME = r"^[^\x00-\x1f\x7f]*$"


class NewToken(BaseModel):
    """What a new token is to be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"label": "CI of sales", "domain": "sales", "days": 90}]},
    )

    label: str = Field(min_length=1, max_length=100, pattern=_NAME, description="what it is for")
    domain: str | None = Field(None, min_length=1, max_length=200, pattern=_NAME, description="a token of this domain")
    days: int | None = Field(None, ge=1, le=3650, description="how long it holds")
    actions: list[Action] | None = Field(None, max_length=50, description="what it is limited to")


class ShownToken(BaseModel):
    """What is known of a token."""

    id: str
    kind: str = Field(description="personal acts as its owner, domain for its domain alone")
    owner: str
    label: str
    domain: str | None
    actions: list[str] | None
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    used_at: datetime | None = Field(description="when it was used last, to the hour")


class MadeToken(ShownToken):
    """A new token, with its secret: nobody can ask for it again."""

    token: str


class TokenList(BaseModel):
    """Tokens, newest first."""

    tokens: list[ShownToken]


class Exchange(BaseModel):
    """The code that `weft login` was given, and what its challenge was made of."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(min_length=1, max_length=200)
    verifier: str = Field(min_length=43, max_length=128, pattern=r"^[A-Za-z0-9._~-]*$")


@router.get("/tokens")
def tokens(
    request: Request, caller: Owner, domain: Annotated[str | None, Query(max_length=200, pattern=_NAME)] = None
) -> TokenList:
    """The caller's own tokens, or those of a domain that the caller manages."""
    found = request.app.state.platform.identity.token_verbs.listed(caller, domain)
    return TokenList(tokens=[_shown(token) for token in found])


@router.post("/tokens", status_code=201)
def create(request: Request, response: Response, caller: Owner, body: NewToken) -> MadeToken:
    """A new token. It is shown this once, and never has more than whoever makes it."""
    made, secret = request.app.state.platform.identity.token_verbs.create(
        caller, label=body.label, domain=body.domain, days=body.days, actions=body.actions
    )
    response.headers["Cache-Control"] = "no-store"
    return MadeToken(**_shown(made).model_dump(), token=secret)


@router.delete("/tokens/{token_id}", status_code=204)
def revoke(request: Request, caller: Owner, token_id: Annotated[str, Path(max_length=100, pattern=_NAME)]) -> None:
    """Ends a token at once."""
    request.app.state.platform.identity.token_verbs.revoke(caller, token_id)


@router.post("/tokens/exchange", status_code=201)
def exchange(request: Request, response: Response, caller: Anybody, body: Exchange) -> MadeToken:
    """Turns the code of a command line into a token, once."""
    made, secret = request.app.state.platform.identity.signing_in.token_for(body.code, body.verifier)
    response.headers["Cache-Control"] = "no-store"
    return MadeToken(**_shown(made).model_dump(), token=secret)


def _shown(token: Token) -> ShownToken:
    return ShownToken(
        id=token.token_id,
        kind=token.kind,
        owner=token.owner,
        label=token.label,
        domain=token.domain,
        actions=list(token.actions) if token.actions is not None else None,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        used_at=token.used_at,
    )
