"""The pages on which people sign in: plain forms that need no JavaScript."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from urllib.parse import quote

from starlette.responses import HTMLResponse

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 26rem; margin: 12vh auto 2rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; font-weight: 600; }
label { display: block; margin: 1rem 0 .25rem; }
input:not([type=hidden]) { width: 100%; box-sizing: border-box; padding: .5rem; font: inherit; }
button, .button { display: block; width: 100%; box-sizing: border-box; margin-top: 1.25rem; padding: .6rem;
  font: inherit; font-weight: 600; text-align: center; cursor: pointer; }
[role=alert] { border-left: .25rem solid #c0392b; padding: .25rem .75rem; }
code { font-size: 1.1em; overflow-wrap: anywhere; }
""".strip()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


def sign_in_page(
    mesh: str, *, csrf: str, then: str, provider: bool, problem: str | None = None, status: int = 200
) -> HTMLResponse:
    """The form for user and password, with the way to the company's provider where there is one.

    Args:
        csrf: the form's token.
        then: the page to see afterwards.
        problem: why the last try did not succeed.
    """
    told = f'<p role="alert">{escape(problem)}</p>' if problem else ""
    link = (
        f'<p><a class="button" href="/login/provider?then={quote(then, safe="")}">'
        "Sign in with your company's account</a></p>"
        if provider
        else ""
    )
    body = f"""{told}{link}
<form method="post" action="/login">
<input type="hidden" name="csrf" value="{escape(csrf)}">
<input type="hidden" name="then" value="{escape(then)}">
<label for="user">User</label>
<input id="user" name="user" autocomplete="username" required maxlength="200" autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="1024">
<button>Sign in</button>
</form>"""
    return _page(f"Sign in to {mesh}", body, status=status)


def signed_in_page(mesh: str, name: str, *, csrf: str) -> HTMLResponse:
    """Who is signed in, and how to sign out."""
    body = f"""<p>You are signed in as <strong>{escape(name)}</strong>.</p>
<form method="post" action="/logout">
<input type="hidden" name="csrf" value="{escape(csrf)}">
<button>Sign out</button>
</form>"""
    return _page(mesh, body)


def consent_page(
    mesh: str, name: str, *, csrf: str, label: str, challenge: str, redirect: str, state: str
) -> HTMLResponse:
    """Asks whether the command line of a machine may act as whoever is signed in."""
    fields = {"csrf": csrf, "label": label, "challenge": challenge, "redirect": redirect, "state": state}
    hidden = "\n".join(f'<input type="hidden" name="{k}" value="{escape(v)}">' for k, v in fields.items())
    body = f"""<p>A command line calls itself <strong>{escape(label)}</strong> and asks for a token that acts
as <strong>{escape(name)}</strong>. Go on only if you have just run <code>weft login</code> there yourself.</p>
<form method="post" action="/login/cli">
{hidden}
<button>Give it a token</button>
</form>"""
    # The answer of the form leads to the loopback address of the command line: browsers ask whether a form may.
    return _page(f"{mesh}: weft login", body, forms_to=redirect if redirect.startswith("http:") else "")


def code_page(mesh: str, code: str) -> HTMLResponse:
    """Shows the code that is typed into a command line on another machine."""
    body = f"<p>Copy this code into the command line; it holds for five minutes.</p><p><code>{escape(code)}</code></p>"
    return _page(f"{mesh}: weft login", body)


def problem_page(mesh: str, problem: str, fix: str | None, status: int) -> HTMLResponse:
    """Why a sign-in did not succeed."""
    hint = f"<p>{escape(fix)}</p>" if fix else ""
    body = f'<p role="alert">{escape(problem)}</p>{hint}<p><a href="/login">Sign in</a></p>'
    return _page(f"Sign in to {mesh}", body, status=status)


def _page(title: str, body: str, *, status: int = 200, forms_to: str = "") -> HTMLResponse:
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{body}
</main>
</body>
</html>
"""
    forms = f"'self' {forms_to}".strip()
    policy = (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {forms}; base-uri 'none'; "
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
