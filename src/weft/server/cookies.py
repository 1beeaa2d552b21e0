"""Cookies of people who have signed in, and what keeps other sites from using them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from starlette.responses import Response

from weft.errors import AccessDenied, error

if TYPE_CHECKING:
    from weft.api.platform import Platform

CSRF_HEADER = "X-CSRF-Token"
ANOTHER_TOKEN = "the request lacks the CSRF token of its session"
"""What is said of a form that a page of an earlier session has sent, or no page of ours."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def origin_of(request: Request) -> str:
    """The origin under which people see this server: as it is set, or as the request says."""
    platform: Platform = request.app.state.platform
    parts = urlsplit(platform.rooms.settings.server.url or str(request.base_url))
    return f"{parts.scheme}://{parts.netloc}".lower()


def session_name(app: FastAPI) -> str:
    """What the cookie of a session is called, as far as the settings say under which address people come."""
    platform: Platform = app.state.platform
    return _named("weft", secure=platform.rooms.settings.server.url.startswith("https://"))


def session_cookie(request: Request) -> str | None:
    """The secret of the session that a request carries."""
    return request.cookies.get(_name(request, "weft")) or None


def set_session(request: Request, response: Response, secret: str) -> None:
    """Gives the browser a session."""
    _set(request, response, "weft", secret)


def drop_session(request: Request, response: Response) -> None:
    """Takes the session from the browser."""
    response.delete_cookie(_name(request, "weft"), path="/", secure=_is_secure(request), httponly=True, samesite="lax")


def browser_of(request: Request) -> str:
    """A secret that this browser alone has, also before anybody has signed in; a new one if it has none."""
    return request.cookies.get(_name(request, "weft-browser")) or secrets.token_urlsafe(24)


def set_browser(request: Request, response: Response, secret: str) -> None:
    """Lets the browser keep its secret."""
    _set(request, response, "weft-browser", secret)


def form_token(secret: str) -> str:
    """What the form of a page for a browser has to carry."""
    return hashlib.sha256(f"form:{secret}".encode()).hexdigest()


def require_origin(request: Request) -> None:
    """Refuses what a page of another site, or no page at all, sends with our cookies.

    Raises:
        AccessDenied: WFT-ACC-013.
    """
    if request.headers.get("origin", "").lower() != origin_of(request):
        raise AccessDenied(
            error(
                "WFT-ACC-013",
                "the request does not come from a page of this server",
                why="a cookie is sent by the browser whoever asks for it; its `Origin` says who did",
                fix="send it from a page of this server, or use a token instead of a cookie",
            )
        )


def require_same(given: str, expected: str) -> None:
    """Refuses a form or a request whose CSRF token is not the expected one.

    Raises:
        AccessDenied: WFT-ACC-013.
    """
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise AccessDenied(
            error("WFT-ACC-013", ANOTHER_TOKEN, fix=f"load the page again; programs send it as `{CSRF_HEADER}`")
        )


def _set(request: Request, response: Response, name: str, value: str) -> None:
    response.set_cookie(
        _name(request, name), value, path="/", secure=_is_secure(request), httponly=True, samesite="lax"
    )


def _name(request: Request, name: str) -> str:
    return _named(name, secure=_is_secure(request))


def _named(name: str, *, secure: bool) -> str:
    # RFC 6265bis, section 4.1.3.2: with this prefix no other host and no plain HTTP can set it.
    return f"__Host-{name}" if secure else name


def _is_secure(request: Request) -> bool:
    return origin_of(request).startswith("https://")
