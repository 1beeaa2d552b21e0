"""Answers: JSON with an entity tag, and what a route may answer beside what it is asked for."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from fastapi import Request
from starlette.responses import Response

_JSON = msgspec.json.Encoder()


def answer(request: Request, value: Any) -> Response:
    """A value as JSON; 304 without it where the caller has it already (RFC 9110, 13.1.2)."""
    body = _JSON.encode(value)
    tag = f'"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    given = request.headers.get("if-none-match")
    if given is not None and (given.strip() == "*" or tag in [t.strip().removeprefix("W/") for t in given.split(",")]):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer when it does not do what is asked, for its OpenAPI entry."""
    return {status: {"description": _WHY[status]} for status in sorted({*statuses, 400, 401, 403, 422, 503})}


def shown(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer that shows something."""
    return {304: {"description": "What the caller has is still so"}, **refusals(*statuses)}


_WHY = {
    400: "What is asked cannot be answered: a cursor that was made up, a malformed address",
    401: "Nobody is known by what the request carries",
    403: "The caller may not do that",
    404: "There is nothing of that name, or it is not for the caller",
    406: "The answer cannot be written in any form that is accepted",
    409: "What it was based on has moved; ask again",
    413: "The body is larger than this server takes",
    415: "The body is of another type than this route takes",
    422: "A field is missing or wrong",
    410: "What is asked for is over",
    429: "Too often: `Retry-After` says when to ask again",
    503: "The server cannot answer now; `Retry-After` says when to ask again",
}
