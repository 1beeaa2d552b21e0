"""A form that could not be taken is answered with its own page, on which it is filled in and says what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import unquote, urlsplit

from fastapi import Request
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from msgspec import Struct
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message

from weft.errors import Diagnostic
from weft.server.cookies import origin_of
from weft.server.portal.filled_forms import PAGE, Typed, filled
from weft.server.portal.formats import ticked

FIELD_OF: Mapping[str, str] = {
    "WFT-CAT-021": "text",
    "WFT-CAT-023": "stars",
    "WFT-OBS-002": "target",
    "WFT-OBS-003": "digest",
    "WFT-OBS-004": "target",
    "WFT-OBS-009": "target",
    "WFT-ACC-021": "name",
    "WFT-ACC-025": "roles",
    "WFT-SRV-042": "name",
    "WFT-GOV-050": "until",
    "WFT-GOV-053": "until",
}
"""The field that a code is always about."""
FIELDS_OF: Mapping[str, Mapping[str, str]] = {
    "WFT-ACC-039": {
        "purpose": "purpose",
        "reason": "reason",
        "is no day": "until",
        "is over": "until",
        "days at most": "until",
        "column": "column",
        "role": "role",
    },
    "WFT-GOV-059": {"reason": "reason", "owner": "owner", "plan": "plan", "address": "subject"},
    "WFT-OBS-001": {"domain, product or port": "subject"},
}
"""Of codes about several fields, the one that is meant by words of what is said."""
_QUOTED = re.compile("`[^`]*`")
_LABEL = re.compile("“[^”]+”")
_LONGEST_PAGE = 2_000_000
_LONGEST_KEPT = 100_000
_NOT_KEPT = frozenset({"csrf", "password", PAGE})


class Unsent(Struct, frozen=True):
    """A form that came after its session was over.

    Attributes:
        path: where it goes.
        page: the page of ours on which it stood.
        fields: what was typed, by the names of fields, one after another.
    """

    path: str
    page: str
    fields: tuple[tuple[str, str], ...]


def unsent(request: Request) -> Unsent | None:
    """What came with a form of ours from somebody who is not signed in any more; None where that is not known.

    The guard of the form has seen by then that it comes from a page of this server: nobody else's words are shown.
    """
    form = getattr(request, "_form", None)
    if request.method != "POST" or not isinstance(form, FormData):
        return None
    typed = typed_in(form)
    page = next(iter(_pages(request, typed)), None)
    fields = tuple((name, value) for name, values in typed.items() if name not in _NOT_KEPT for value in values)
    if page is None or sum(len(name) + len(value) for name, value in fields) > _LONGEST_KEPT:
        return None
    return Unsent(request.url.path, page, fields)


async def form_again(
    request: Request, status: int, wrong: Mapping[str, str], diagnostics: Sequence[Diagnostic] = ()
) -> Response | None:
    """The page on which the form of a request stands, with the form filled in; None where there is none.

    Args:
        wrong: what is wrong, by the names of fields.
        diagnostics: what is wrong with what was asked.
    """
    form = getattr(request, "_form", None)  # what a body was is known once; of a body that was not read it is nothing
    if request.method != "POST" or not isinstance(form, FormData) or not hasattr(request.state, "asking"):
        return None
    typed = typed_in(form)
    told = "".join(_told(d) for d in diagnostics)
    beside = {**_fields([d.as_json() for d in diagnostics]), **wrong}
    path = request.url.path
    for page in dict.fromkeys((*_pages(request, typed), path)):
        found, headers, text = await _page(request, page)
        if found != 200 or text is None:
            continue
        again = filled(text, path, typed, beside, told, page)
        if again is not None:
            kept = {k: v for k, v in headers.items() if k not in ("content-length", "etag", "set-cookie")}
            return Response(again, status, {**kept, "cache-control": "no-store"})
    return None


def marked(request: Request, text: str, diagnostics: Sequence[Mapping[str, Any]]) -> str:
    """A page that its own route has filled in again, with what is wrong beside the fields as well."""
    form = getattr(request, "_form", None)
    if not isinstance(form, FormData):
        return text
    typed = typed_in(form)
    at = next(iter(_pages(request, typed)), None)
    return filled(text, request.url.path, typed, _fields(diagnostics), None, at) or text


def _fields(diagnostics: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What is wrong by the names or labels of the fields that it is about, as far as that is known."""
    found: dict[str, str] = {}
    for one in diagnostics:
        label = _LABEL.match(one["what"]) if one["code"] == "WFT-SRV-110" else None
        field = label[0] if label else FIELD_OF.get(one["code"]) or _meant(one["code"], one["what"])
        if field is not None:
            found.setdefault(field, one["what"])
    return found


def _meant(code: str, what: str) -> str | None:
    """The field that words are about; what they quote was typed by somebody and says nothing of that."""
    said = _QUOTED.sub("", what)
    return next((field for words, field in FIELDS_OF.get(code, {}).items() if words in said), None)


def typed_in(form: FormData) -> Typed:
    """What came with a form, as text."""
    found: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, str):
            found.setdefault(name, []).append(value)
    return found


def fields_of(errors: Sequence[Any]) -> dict[str, str]:
    """What is wrong with the fields of a form, by their names, in the words of people; of the path there is none."""
    found: dict[str, str] = {}
    for one in errors:
        place = one["loc"]
        if len(place) > 1 and place[0] == "body":
            found.setdefault(str(place[1]), _words(one))
    return found


def _words(one: Mapping[str, Any]) -> str:
    given, limits = one.get("input"), one.get("ctx") or {}
    match one["type"]:
        case "string_too_long":
            longer = f"; these are {len(given):,}" if isinstance(given, str) else ""
            return f"At most {limits['max_length']:,} characters{longer}."
        case "string_too_short":
            return f"At least {limits['min_length']:,} characters."
        case "too_long":
            return f"At most {limits['max_length']:,} of them."
        case "missing":
            return "This is needed."
        case "int_parsing" | "int_type" | "int_from_float":
            return "This is no whole number."
        case "string_pattern_mismatch":
            return "This holds a sign that cannot be kept, or is none of what can be chosen."
        case "literal_error" | "enum" | "bool_parsing":
            return "This is none of what can be chosen."
        case _:
            return f"{one['msg']}."


def _told(d: Diagnostic) -> str:
    more = "".join(f"<p>{ticked(text)}</p>" for text in (d.why, d.fix) if text)
    code = f'<p class="small soft">{escape(d.code)}</p>'
    return f'<div class="told bad" role="alert"><p><strong>{ticked(d.what)}</strong></p>{more}{code}</div>'


def _referrer(request: Request) -> str:
    """The page of ours from which a request comes, or nothing."""
    came = urlsplit(request.headers.get("referer", ""))
    if f"{came.scheme}://{came.netloc}".lower() != origin_of(request):
        return ""
    return f"{came.path}?{came.query}" if came.query else came.path


def _pages(request: Request, typed: Typed) -> list[str]:
    """The pages on which the form of a request may stand, the likeliest first."""
    return [page for page in dict.fromkeys((*typed.get(PAGE, ())[:1], _referrer(request))) if _is_ours(page)]


def _is_ours(page: str) -> bool:
    return page.startswith("/") and not page.startswith(("//", "/api/", "/iceberg/", "/mcp")) and page.isprintable()


async def _page(request: Request, page: str) -> tuple[int, dict[str, str], str | None]:
    """Asks for a page as the one who has sent the form: its status, headers and text; None of what is no page."""
    path, _, query = page.partition("?")
    keep = (b"cookie", b"authorization", b"host", b"user-agent")
    scope = {
        **{
            k: v
            for k, v in request.scope.items()
            if k in ("type", "asgi", "http_version", "scheme", "server", "client")
        },
        "root_path": request.scope.get("root_path", ""),
        "app": request.app,
        "starlette.exception_handlers": request.scope.get("starlette.exception_handlers", ({}, {})),
        "method": "GET",
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(k, v) for k, v in request.scope["headers"] if k in keep] + [(b"accept", b"text/html")],
        "state": {"request_id": getattr(request.state, "request_id", "")},
    }
    start: Message = {}
    parts: list[bytes] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body" and sum(map(len, parts)) < _LONGEST_PAGE:
            parts.append(message.get("body", b""))

    try:
        await AsyncExitStackMiddleware(request.app.router)(scope, receive, send)
    except HTTPException as e:  # there is no such page
        return e.status_code, {}, None
    headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in start.get("headers", ())}
    whole = b"".join(parts)
    is_page = headers.get("content-type", "").startswith("text/html") and len(whole) < _LONGEST_PAGE
    return int(start.get("status", 500)), headers, whole.decode() if is_page else None
