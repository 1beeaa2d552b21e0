"""The pages on which people sign in and out; what goes wrong is shown as a page too."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote, urlencode, urlsplit

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.people.identity import Identity
from weft.errors import AccessDenied, PlatformError, WeftError, error
from weft.server import cookies
from weft.server import sign_in_pages as pages
from weft.server.answers import refusals
from weft.server.password_sign_in import session_for
from weft.server.permitted import Permitted, PermittedForm
from weft.server.problems import status_of

router = APIRouter(tags=["sign-in"], include_in_schema=False, responses=refusals(404, 409, 413, 415, 429))
Anybody = Annotated[Caller, Depends(Permitted(Action.SIGN_IN))]
Sender = Annotated[Caller, Depends(PermittedForm(Action.SIGN_IN))]
Owner = Annotated[Caller, Depends(PermittedForm(Action.OWN_TOKENS))]
_PAGE = re.compile(r"/(?![/\\])[^\\\x00-\x20\x7f]*")
_SHOWN = "show"
"""Instead of a loopback address: the code is shown, to be typed on another machine."""


@router.get("/login")
def form(request: Request, caller: Anybody, then: Annotated[str | None, Query(max_length=2000)] = None) -> Response:
    """The form, or who is signed in."""
    if caller.kind == "user" and then in (None, "/login"):
        return pages.signed_in_page(_mesh(request), caller.name, csrf=request.state.session.csrf)
    if caller.kind == "user":
        return RedirectResponse(_page(then or "/"), 303)
    return _form(request, then or "/")


@router.post("/login")
async def with_password(
    request: Request,
    caller: Sender,
    user: Annotated[str, Form(max_length=200)],
    password: Annotated[str, Form(max_length=1024)],
    csrf: Annotated[str, Form(max_length=200)] = "",
    then: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Signs in with user and password."""
    if caller.kind == "stranger":
        cookies.require_same(csrf, cookies.form_token(cookies.browser_of(request)))
    try:
        secret = await session_for(request, user, password)
    except AccessDenied as e:
        shown = _form(request, then, problem=_told(e), status=status_of(e))
        if status_of(e) == 429:
            shown.headers["Retry-After"] = str(getattr(e, "retry_s", 60))
        return shown
    return _signed_in(request, secret, then)


@router.get("/login/provider")
def to_provider(request: Request, caller: Anybody, then: Annotated[str, Query(max_length=2000)] = "/") -> Response:
    """Goes to the company's provider."""
    browser = cookies.browser_of(request)
    try:
        url = _identity(request).signing_in.to_provider(
            redirect=f"{cookies.origin_of(request)}/login/callback", then=_page(then), browser=browser
        )
    except (AccessDenied, PlatformError) as e:
        return _problem(request, e)
    answer = RedirectResponse(url, 303, {"Cache-Control": "no-store"})
    cookies.set_browser(request, answer, browser)
    return answer


@router.get("/login/callback")
def from_provider(
    request: Request,
    caller: Anybody,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=4000)] = "",
    error_: Annotated[str, Query(alias="error", max_length=500)] = "",
) -> Response:
    """Comes back from the company's provider."""
    try:
        if error_ or not code:
            why = f"it says: {error_}" if error_.replace("_", "").isalnum() else None
            raise AccessDenied(error("WFT-ACC-014", "the provider refuses the sign-in", why=why, fix="sign in again"))
        secret, then = _identity(request).signing_in.from_provider(
            code=code,
            state=state,
            browser=cookies.browser_of(request),
            instead_of=cookies.session_cookie(request),
        )
    except WeftError as e:
        return _problem(request, e)
    return _signed_in(request, secret, then)


@router.post("/logout")
def sign_out(request: Request, caller: Sender) -> Response:
    """Signs out."""
    secret = cookies.session_cookie(request)
    if secret is not None and caller.kind == "user":
        _identity(request).signing_in.sign_out(secret)
    answer = RedirectResponse("/login", 303)
    cookies.drop_session(request, answer)
    return answer


@router.get("/login/cli")
def ask_consent(
    request: Request,
    caller: Anybody,
    challenge: Annotated[str, Query(max_length=100)],
    redirect: Annotated[str, Query(max_length=200)] = _SHOWN,
    state: Annotated[str, Query(max_length=200)] = "",
    label: Annotated[str, Query(max_length=100)] = "weft login",
) -> Response:
    """Asks whoever has signed in whether a command line may act as them."""
    if caller.kind != "user":
        return RedirectResponse(f"/login?then={quote(f'/login/cli?{request.url.query}', safe='')}", 303)
    if not _is_of_a_command_line(redirect):
        return _problem(request, _no_loopback())
    return pages.consent_page(
        _mesh(request),
        caller.name,
        csrf=request.state.session.csrf,
        label=label,
        challenge=challenge,
        redirect=redirect,
        state=state,
    )


@router.post("/login/cli")
def consent(
    request: Request,
    caller: Owner,
    challenge: Annotated[str, Form(max_length=100)],
    redirect: Annotated[str, Form(max_length=200)] = _SHOWN,
    state: Annotated[str, Form(max_length=200)] = "",
    label: Annotated[str, Form(max_length=100)] = "weft login",
) -> Response:
    """Gives the command line its code."""
    try:
        if not _is_of_a_command_line(redirect):
            raise _no_loopback()
        code = _identity(request).signing_in.code_for(caller, challenge=challenge, label=label)
    except AccessDenied as e:
        return _problem(request, e)
    if redirect == _SHOWN:
        return pages.code_page(_mesh(request), code)
    return RedirectResponse(f"{redirect}?{urlencode({'code': code, 'state': state})}", 303)


def _identity(request: Request) -> Identity:
    found: Identity = request.app.state.platform.identity
    return found


def _mesh(request: Request) -> str:
    return str(request.app.state.platform.rooms.settings.mesh.name)


def _form(request: Request, then: str, *, problem: str | None = None, status: int = 200) -> Response:
    browser = cookies.browser_of(request)
    session = getattr(request.state, "session", None)
    shown = pages.sign_in_page(
        _mesh(request),
        csrf=session.csrf if session is not None else cookies.form_token(browser),
        then=_page(then),
        provider=_identity(request).has_provider,
        problem=problem,
        status=status,
    )
    cookies.set_browser(request, shown, browser)
    return shown


def _signed_in(request: Request, secret: str, then: str) -> Response:
    answer = RedirectResponse(_page(then), 303, {"Cache-Control": "no-store"})
    cookies.set_session(request, answer, secret)
    return answer


def _problem(request: Request, e: WeftError) -> Response:
    first = e.diagnostics[0]
    return pages.problem_page(_mesh(request), _told(e), first.fix, status_of(e))


def _told(e: WeftError) -> str:
    first = e.diagnostics[0]
    text = f"{first.what}: {first.why}" if first.why else first.what
    text = f"{text}; {first.fix}" if first.code == "WFT-ACC-012" else text
    return f"{text[:1].upper()}{text[1:]}. ({first.code})"


def _page(then: str) -> str:
    """A page of this server; whatever else is asked for becomes the first one."""
    return then if _PAGE.fullmatch(then) else "/"


def _is_of_a_command_line(redirect: str) -> bool:
    """Whether an address is a program on the person's own machine (RFC 8252, section 7.3)."""
    if redirect == _SHOWN:
        return True
    try:
        parts = urlsplit(redirect)
        port = parts.port
    except ValueError:
        return False
    host = "[::1]" if parts.hostname == "::1" else parts.hostname
    return parts.hostname in ("127.0.0.1", "::1") and redirect == f"http://{host}:{port}/"


def _no_loopback() -> AccessDenied:
    what = "a code goes to a command line on your own machine alone"
    return AccessDenied(error("WFT-ACC-020", what, fix="run `weft login` again"))
