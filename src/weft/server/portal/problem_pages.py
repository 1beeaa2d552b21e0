"""What went wrong, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from fastapi import Request
from starlette.responses import Response

from weft.access.permissions import STRANGER
from weft.errors import Diagnostic
from weft.server.portal.rendering import show, wants_json

_TITLES = {
    401: "Please sign in",
    403: "That is not for you",
    404: "There is no such page",
    409: "Something has moved meanwhile",
    422: "Something is missing or wrong",
    429: "Too often",
    503: "Just a moment",
}


def is_page(request: Request) -> bool:
    """Whether a person looks at something of the portal."""
    named = "text/html" in request.headers.get("accept", "")
    return named and not wants_json(request) and not request.url.path.startswith(("/api/", "/iceberg/", "/mcp"))


def problem_page(
    request: Request, status: int, diagnostics: Sequence[Diagnostic], headers: dict[str, str] | None
) -> Response:
    """The page for a status, with what each diagnostic says."""
    caller = getattr(request.state, "asking", STRANGER)
    title = _TITLES.get(status, HTTPStatus(status).phrase)
    document = {
        "title": title,
        "status": status,
        "diagnostics": [{"why": None, "fix": None, **d.as_json()} for d in diagnostics],
    }
    answer = show(request, caller, "problem.html", document, title=title, status=status)
    answer.headers.update(headers or {})
    return answer
