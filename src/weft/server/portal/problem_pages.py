"""What went wrong, as a page."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request
from starlette.responses import Response

from weft.access.permissions import STRANGER, Role
from weft.errors import Diagnostic
from weft.server.portal.forms_again import Unsent, unsent
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
    kept = unsent(request) if status == 401 else None
    title = "Your session is over" if kept is not None else title
    document = {"title": title, "status": status, "diagnostics": [_for_people(d) for d in diagnostics]}
    answer = show(request, caller, "problem.html", document, title=title, status=status, unsent=_shown(kept))
    answer.headers.update(headers or {})
    return answer


def _for_people(d: Diagnostic) -> dict[str, Any]:
    """A diagnostic in the words of the portal, which calls roles as people do and has no files to look into."""
    said: dict[str, Any] = {"why": None, "fix": None, **d.as_json()}
    if d.code == "WFT-ACC-010" and d.why:
        for role in Role:
            said["why"] = said["why"].replace(role.value, role.value.replace("_", " "))
        said["fix"] = "ask somebody who has such a role, or whoever answers for the domain"
    return said


def _shown(kept: Unsent | None) -> dict[str, Any] | None:
    return None if kept is None else {"path": kept.path, "page": kept.page, "fields": kept.fields}
