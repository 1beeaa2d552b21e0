"""What a page shows, as HTML for people and as JSON for programs: one value, two forms."""

from __future__ import annotations

import secrets
from functools import cache
from typing import TYPE_CHECKING, Any

import msgspec
from fastapi import Request
from msgspec import Struct
from starlette.responses import HTMLResponse, Response

from weft.access.permissions import Caller
from weft.errors import PlatformError
from weft.server.answers import answer

if TYPE_CHECKING:
    from jinja2 import Environment

    from weft.api.platform import Platform

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_VARY = "Accept, Authorization, Cookie, HX-Target"


class Section(Struct, frozen=True):
    """An entry of the navigation."""

    path: str
    title: str
    also: tuple[str, ...] = ()
    """Where pages of it stand besides."""

    def holds(self, here: str) -> bool:
        """Whether a page stands in this section."""
        return any(here == path or here.startswith(f"{path}/") for path in (self.path, *self.also))


SECTIONS = (
    Section("/products", "Products", ("/ports", "/domains")),
    Section("/glossary", "Glossary"),
    Section("/lineage", "Lineage"),
    Section("/workbench", "Workbench"),
    Section("/access", "Access"),
    Section("/runs", "Runs", ("/incidents", "/schedule", "/backfills")),
    Section("/governance", "Governance"),
    Section("/administration", "Administration"),
)


def platform_of(request: Request) -> Platform:
    """The platform that a page is about."""
    found: Platform = request.app.state.platform
    return found


def wants_json(request: Request) -> bool:
    """Whether a program asks: one that names JSON before HTML."""
    accept = request.headers.get("accept", "")
    as_json, as_html = accept.find("application/json"), accept.find("text/html")
    return as_json >= 0 and (as_html < 0 or as_json < as_html)


def show(
    request: Request, caller: Caller, template: str, document: Any, *, title: str, status: int = 200, **parts: Any
) -> Response:
    """A page.

    Args:
        document: what the page shows, and all that its JSON has; the template's `page`.
        title: of the window, without the mesh's name.
        parts: what only the template needs.
    """
    if wants_json(request):
        found = answer(request, document)
        if status != 200:
            found.status_code = status
        found.headers["Vary"] = _VARY
        return found
    nonce = secrets.token_urlsafe(12) if parts.get("styles_of_scripts") else ""
    platform = platform_of(request)
    session = getattr(request.state, "session", None)
    text = (
        environment()
        .get_template(template)
        .render(
            page=msgspec.json.decode(msgspec.json.encode(document)),  # just what its JSON has, whatever made it
            title=title,
            caller=caller,
            csrf=session.csrf if session is not None else "",
            mesh=platform.rooms.settings.mesh.name,
            now=platform.rooms.now(),
            here=request.url.path,
            asked=request.query_params,
            sections=SECTIONS,
            nonce=nonce,
            unread=_unread(platform, caller),
            **parts,
        )
    )
    if request.method == "POST" and status in (400, 422):
        from weft.server.portal.forms_again import marked

        text = marked(request, text, _diagnostics(document, parts))
    return html(text, status=status, nonce=nonce)


def _unread(platform: Platform, caller: Caller) -> int | None:
    """How many notices wait for whoever looks; None of those who have no list, and where the registry is away."""
    if caller.kind != "user":
        return None
    try:
        return platform.own_notices.unread(caller)
    except PlatformError:  # the page that says so has a frame too
        return None


def _diagnostics(document: Any, parts: dict[str, Any]) -> list[dict[str, Any]]:
    """What a page says of a form that could not be taken, wherever its template has it from."""
    for place in (parts, document, parts.get("asked_again")):
        if isinstance(place, dict) and place.get("diagnostics"):
            return list(place["diagnostics"])
    return []


def html(text: str, *, status: int = 200, nonce: str = "") -> HTMLResponse:
    """A text as a page that runs no script and takes no style but those of this server.

    Args:
        nonce: with which scripts of ours may add styles (the editor of SQL does).
    """
    headers = {
        "Content-Security-Policy": _POLICY.format(styles=f" 'nonce-{nonce}'" if nonce else ""),
        "Cache-Control": "private, no-cache",
        "Vary": _VARY,
        "Referrer-Policy": "same-origin",  # `no-referrer` would take the Origin from our own forms
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, status, headers)


@cache
def environment() -> Environment:
    """The templates, compiled when they are first used, with all that they may call."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from weft.server.portal import drawn_lines, formats
    from weft.server.portal.assets import address_of

    made = Environment(
        loader=PackageLoader("weft.server.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters.update(formats.FILTERS)
    made.globals.update(asset=address_of, **formats.FUNCTIONS, **drawn_lines.FUNCTIONS)
    return made
