"""The pages on which people sign in: plain forms of the portal that run no script."""

from __future__ import annotations

from typing import Any

from starlette.responses import HTMLResponse

from weft.server.portal.rendering import environment


def sign_in_page(
    mesh: str, *, csrf: str, then: str, provider: bool, problem: str | None = None, status: int = 200
) -> HTMLResponse:
    """The form for user and password, with the way to the company's provider where there is one.

    Args:
        csrf: the form's token.
        then: the page to see afterwards.
        problem: why the last try did not succeed.
    """
    title = f"Sign in to {mesh}"
    return _page("sign_in.html", mesh, title, status=status, problem=problem, csrf=csrf, then=then, provider=provider)


def signed_in_page(mesh: str, name: str, *, csrf: str) -> HTMLResponse:
    """Who is signed in, and how to sign out."""
    return _page("signed_in.html", mesh, mesh, name=name, csrf=csrf)


def consent_page(
    mesh: str, name: str, *, csrf: str, label: str, challenge: str, redirect: str, state: str
) -> HTMLResponse:
    """Asks whether the command line of a machine may act as whoever is signed in."""
    fields = {"label": label, "challenge": challenge, "redirect": redirect, "state": state}
    # The answer of the form leads to the loopback address of the command line: browsers ask whether a form may.
    forms_to = redirect if redirect.startswith("http:") else ""
    title = f"{mesh}: weft login"
    return _page("consent.html", mesh, title, forms_to=forms_to, name=name, label=label, csrf=csrf, fields=fields)


def code_page(mesh: str, code: str) -> HTMLResponse:
    """Shows the code that is typed into a command line on another machine."""
    return _page("code.html", mesh, f"{mesh}: weft login", code=code)


def problem_page(mesh: str, problem: str, fix: str | None, status: int) -> HTMLResponse:
    """Why a sign-in did not succeed."""
    return _page("sign_in_problem.html", mesh, f"Sign in to {mesh}", status=status, problem=problem, fix=fix)


def _page(
    template: str,
    mesh: str,
    title: str,
    *,
    status: int = 200,
    problem: str | None = None,
    forms_to: str = "",
    **parts: Any,
) -> HTMLResponse:
    text = environment().get_template(template).render(mesh=mesh, title=title, problem=problem, **parts)
    forms = f"'self' {forms_to}".strip()
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self' data:; form-action {forms}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        # `no-referrer` would take the Origin from our own forms.
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
    }
    return HTMLResponse(text, status, headers)
