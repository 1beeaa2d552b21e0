"""What went wrong, as RFC 9457 problem documents that hold the diagnostics."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response

from weft.errors import (
    AccessDenied,
    Conflict,
    ContractBroken,
    Diagnostic,
    GateRefused,
    PlatformError,
    WeftError,
    error,
)
from weft.server import cookies, foreign_problems
from weft.server.challenges import challenge
from weft.server.portal.forms_again import fields_of, form_again
from weft.server.portal.problem_pages import is_page, problem_page
from weft.server.routing import methods_of

KIND = "X-Weft-Error"
"""The header that names the class of an error, so that a client raises the same."""

MEDIA_TYPE = "application/problem+json"
_RETRY_S = 5
_AWAY = "WFT-REG-002"
log = logging.getLogger("weft.server")
_STATUS = {
    "WFT-ACC-001": 404,
    "WFT-ACC-011": 401,
    "WFT-ACC-012": 429,
    "WFT-ACC-016": 404,
    "WFT-ACC-017": 401,
    "WFT-ACC-020": 400,
    "WFT-ACC-025": 422,
    "WFT-ACC-027": 404,
    "WFT-ACC-028": 401,
    "WFT-ACC-029": 401,
    "WFT-ACC-034": 404,
    "WFT-ACC-047": 404,
    "WFT-ACC-048": 406,
    "WFT-ACC-051": 413,
    "WFT-ACC-052": 404,
    "WFT-CAT-001": 404,
    "WFT-CAT-020": 404,
    "WFT-GOV-042": 404,
    "WFT-GOV-007": 404,
    "WFT-GOV-054": 404,
    "WFT-GOV-090": 404,
    "WFT-OBS-008": 404,
    "WFT-RUN-004": 404,
    "WFT-RUN-040": 404,
    "WFT-RUN-041": 404,
    "WFT-RUN-043": 409,
    "WFT-RUN-047": 404,
    "WFT-SRC-056": 503,
    "WFT-SRV-048": 404,
    "WFT-SRV-064": 404,
    "WFT-SRV-065": 404,
    "WFT-SRV-067": 413,
    "WFT-SRV-070": 501,
    "WFT-SRV-090": 404,
    "WFT-SRV-093": 404,
    "WFT-SRV-095": 401,
    "WFT-SRV-120": 404,
}
"""Codes that say more exactly than their class what the caller can do."""


class Refused(HTTPException):
    """A request that is refused with a diagnostic, wherever its body is being read."""

    def __init__(self, status: int, diagnostic: Diagnostic, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, headers=headers)
        self.diagnostic = diagnostic


def problem(status: int, diagnostics: Sequence[Diagnostic], headers: dict[str, str] | None = None) -> JSONResponse:
    """A problem document (RFC 9457, section 3)."""
    first = diagnostics[0]
    body: dict[str, Any] = {
        "type": f"urn:weft:{first.code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": first.what,
        "diagnostics": [d.as_json() for d in diagnostics],
    }
    return JSONResponse(body, status, headers, MEDIA_TYPE)


def _told(
    request: Request, status: int, diagnostics: Sequence[Diagnostic], headers: dict[str, str] | None = None
) -> Response:
    """A problem as a page where a person looks at one of ours, else as clients of the path know it."""
    if foreign_problems.shape_at(request.url.path) is None and is_page(request):
        return problem_page(request, status, diagnostics, headers)
    return told(request.url.path, status, diagnostics, headers)


def told(path: str, status: int, diagnostics: Sequence[Diagnostic], headers: dict[str, str] | None = None) -> Response:
    """What went wrong, in the shape that clients of a path know."""
    shaped = foreign_problems.shape_at(path)
    return shaped(status, diagnostics[0], headers or {}) if shaped else problem(status, diagnostics, headers)


def status_of(failed: WeftError) -> int:
    """The status that an error is answered with."""
    exact = next((_STATUS[d.code] for d in failed.diagnostics if d.code in _STATUS), None)
    if exact is not None:
        return exact
    match failed:
        case AccessDenied():
            return 403
        case Conflict():
            return 409
        case ContractBroken() | GateRefused():
            return 422
        case PlatformError():
            return 503
        case _:
            return 400


_ANSWERED_BY_THE_FORM = (400, 422)
"""Statuses of a form in which something can be set right."""
_FIXES = {
    400: "send a body as /api/v1/openapi.json describes it: JSON that can be read, and is not nested without end",
    401: "send a token in `Authorization: Bearer …`: `weft login` gets one, and so does the portal under Tokens",
    404: "/api/v1/openapi.json lists the routes",
    405: "the header `Allow` names the methods of this path",
}
"""What helps against a refusal that says no more than its status."""

_FOR_PEOPLE = "look whether the address is whole, or search for what you wanted"
"""What helps whoever has followed a link."""


def _malformed(one: Mapping[str, Any], *, for_people: bool) -> Diagnostic:
    """What is wrong with a part of a request; whoever has followed a link is told no pattern and no document."""
    place, *name = map(str, one["loc"])
    if for_people and name and place in ("query", "path"):
        return error("WFT-SRV-003", f"this page knows no such `{name[0]}`", fix=_FOR_PEOPLE)
    return error("WFT-SRV-003", f"{'.'.join((place, *name))}: {one['msg']}", fix="see /api/v1/openapi.json")


def _of_here(request: Request, e: WeftError) -> Sequence[Diagnostic]:
    """What went wrong, without where the registry's database is: that is for the log, not for whoever asks."""
    if all(d.code != _AWAY for d in e.diagnostics):
        return e.diagnostics
    request_id = getattr(request.state, "request_id", "")
    for one in e.diagnostics:
        log.warning("%s: %s", one.what, one.why, extra={"fields": {"request_id": request_id}})
    why = f"its database does not answer; the server's log says more, at request `{request_id}`"
    return [error(_AWAY, "the registry of this server cannot be asked", why=why, fix="try again in a moment")]


_SIGNED_IN_AGAIN = error(
    "WFT-ACC-013", "you have signed in again since this page was opened", fix="look it over, and send it once more"
)


def _of_an_earlier_session(e: WeftError) -> bool:
    """Whether a form came with the token of a session that is over: its page gives it another one."""
    return any(d.code == "WFT-ACC-013" and d.what == cookies.ANOTHER_TOKEN for d in e.diagnostics)


def install(app: FastAPI) -> None:
    """Answers everything that goes wrong with a problem document."""

    @app.exception_handler(WeftError)
    async def failed(request: Request, e: WeftError) -> Response:
        status = status_of(e)
        earlier = _of_an_earlier_session(e)
        if (status in _ANSWERED_BY_THE_FORM or earlier) and is_page(request):
            again = await form_again(request, status, {}, [_SIGNED_IN_AGAIN] if earlier else e.diagnostics)
            if again is not None:
                return again
        headers = {"Retry-After": str(getattr(e, "retry_s", _RETRY_S))} if status in (429, 503) else {}
        if status == 401:
            headers.update(challenge(request, "invalid_token"))
        told = _of_here(request, e)
        return await run_in_threadpool(_told, request, status, told, {**headers, KIND: type(e).__name__})

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, e: RequestValidationError) -> Response:
        fields = fields_of(e.errors())
        if fields and is_page(request):
            again = await form_again(request, 422, fields)
            if again is not None:
                return again
        found = [_malformed(one, for_people=is_page(request)) for one in e.errors()]
        return await run_in_threadpool(_told, request, 422, found)

    @app.exception_handler(HTTPException)
    def refused(request: Request, e: HTTPException) -> Response:
        if e.status_code == 303:
            return Response(status_code=303, headers=e.headers)
        if isinstance(e, Refused):
            return _told(request, e.status_code, [e.diagnostic], dict(e.headers or {}))
        what = f"{request.method} {request.url.path}: {HTTPStatus(e.status_code).phrase.lower()}"
        headers = dict(e.headers or {})
        if e.status_code == 405:
            headers["Allow"] = ", ".join(methods_of(app.routes, request.url.path))
        fix = _FOR_PEOPLE if e.status_code == 404 and is_page(request) else _FIXES.get(e.status_code)
        return _told(request, e.status_code, [error("WFT-SRV-002", what, fix=fix)], headers)
