"""Administration: one's domains, tokens and notices; for operators users, connections and how the server stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.portal import administering
from weft.config import size_bytes
from weft.errors import AccessDenied, UsageError, WeftError, error
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import platform_of, show, wants_json
from weft.server.portal.visiting import Visiting
from weft.server.problems import status_of
from weft.server.quickly import quickly

router = APIRouter(prefix="/administration", tags=["portal"], include_in_schema=False)
_PRINTED = r"^[^\x00-\x1f\x7f]*$"
_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_Word = Annotated[str, Form(max_length=300, pattern=_PRINTED)]
_Text = Annotated[str, Form(max_length=4000, pattern=_LINES)]
_Words = Annotated[list[Annotated[str, Form(max_length=60, pattern=_PRINTED)]] | None, Form(max_length=60)]
_MOST_DAYS = 3650
_Asked = Annotated[str, Query(max_length=200, pattern=_PRINTED)]
_Cursor = Annotated[str | None, Query(max_length=1000)]
_Name = Annotated[str, Path(max_length=200, pattern=_PRINTED)]
Operator = Annotated[Caller, Depends(Visiting(Action.OPERATE))]
Changer = Annotated[Caller, Depends(PermittedForm(Action.OPERATE))]
Owner = Annotated[Caller, Depends(PermittedForm(Action.OWN_TOKENS))]
Subscriber = Annotated[Caller, Depends(PermittedForm(Action.SUBSCRIBE))]


@router.get("")
async def overview(request: Request, caller: Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]) -> Response:
    """Who one is, and what one may do."""
    return await _page(request, caller, "administration.html", "Administration", administering.overview)


@router.get("/domains")
async def domains(
    request: Request,
    caller: Annotated[Caller, Depends(Visiting(Action.REQUISITION))],
    q: _Asked = "",
    cursor: _Cursor = None,
) -> Response:
    """A page of the domains, and the form for another one."""

    def found(platform: Any, who: Caller) -> dict[str, Any]:
        return administering.domains(platform, who, q.strip(), cursor)

    return await _page(request, caller, "administration_domains.html", "Domains", found)


@router.post("/domains")
def requisition(
    request: Request,
    caller: Annotated[Caller, Depends(PermittedForm(Action.REQUISITION))],
    name: _Word = "",
    title: _Word = "",
    kind: _Word = "",
    team: _Word = "",
    contact: _Word = "",
    cost_center: _Word = "",
    tags: _Word = "",
    description: _Text = "",
) -> Response:
    """Makes a domain, and shows what it was given: its token this once."""
    platform = platform_of(request)
    owner = {"team": team.strip(), "contact": contact.strip()}
    typed = {
        "name": name,
        "title": title,
        "kind": kind,
        "team": team,
        "contact": contact,
        "cost_center": cost_center,
        "tags": tags,
        "description": description,
    }
    document = {
        "name": name.strip(),
        "title": title.strip(),
        "kind": kind,
        "description": description.strip().replace("\r\n", "\n"),
        "owner": {key: value for key, value in owner.items() if value},
        "costCenter": cost_center.strip(),
        "tags": [tag.strip() for tag in tags.split(",") if tag.strip()],
    }
    try:
        made = platform.requisitions.create(caller, {key: value for key, value in document.items() if value})
    except WeftError as e:
        return _again(request, caller, "administration_domains.html", "Domains", administering.domains, e, typed)
    answer = _shown(
        request, caller, "administration_domain_made.html", made, title=f"{made['domain']} is made", status=201
    )
    return _once(answer)


@router.post("/quotas")
def bound(request: Request, caller: Changer, domain: _Word = "", size: _Word = "", products: _Word = "") -> Response:
    """Gives a domain other bounds."""
    platform, name = platform_of(request), domain.strip()
    try:
        if not name:
            raise UsageError(error("WFT-SRV-110", "“Domain” is empty", fix="name the domain"))
        bounded = platform.requisitions.bound(
            caller, name, most_bytes=_size(size), most_products=_number(products, "Products")
        )
    except WeftError as e:
        typed = {"domain": domain, "size": size, "products": products}
        return _again(request, caller, "administration_domains.html", "Domains", administering.domains, e, typed)
    page = {**administering.domains(platform, caller), "bounded": bounded}
    return _shown(request, caller, "administration_domains.html", page, title="Domains")


@router.get("/tokens")
async def tokens(request: Request, caller: Annotated[Caller, Depends(Visiting(Action.OWN_TOKENS))]) -> Response:
    """One's tokens, and the form for another one."""
    return await _page(request, caller, "administration_tokens.html", "Tokens", administering.tokens)


@router.post("/tokens")
def make_token(
    request: Request,
    caller: Owner,
    label: _Word = "",
    domain: _Word = "",
    days: _Word = "",
    actions: _Words = None,
) -> Response:
    """Makes a token, and shows it this once."""
    platform = platform_of(request)
    limits = [Action(name) for name in actions or () if name in {a.value for a in Action}]
    try:
        lasts = _days(days)
        _, secret = platform.identity.token_verbs.create(
            caller,
            label=label.strip() or "made in the portal",
            domain=domain or None,
            days=lasts,
            actions=limits or None,
        )
    except WeftError as e:
        return _again(
            request,
            caller,
            "administration_tokens.html",
            "Tokens",
            administering.tokens,
            e,
            {"label": label, "days": days},
        )
    page = {**administering.tokens(platform, caller), "token": secret}
    return _once(_shown(request, caller, "administration_tokens.html", page, title="Tokens", status=201))


@router.post("/tokens/{token_id}/revoke")
def revoke(request: Request, caller: Owner, token_id: _Name) -> Response:
    """Ends a token at once."""
    platform_of(request).identity.token_verbs.revoke(caller, token_id)
    return RedirectResponse("/administration/tokens", 303)


@router.get("/users")
async def users(
    request: Request, caller: Operator, q: _Asked = "", cursor: _Cursor = None, teams: _Cursor = None
) -> Response:
    """A page of who can sign in, and one of the teams that there are."""

    def found(platform: Any, who: Caller) -> dict[str, Any]:
        return administering.users(platform, who, q.strip(), cursor, teams)

    return await _page(request, caller, "administration_users.html", "Users and teams", found)


@router.post("/users")
def add_user(request: Request, caller: Changer, name: _Word = "", roles: _Words = None) -> Response:
    """Makes a local user, and shows the password this once."""

    def add(platform: Any) -> str:
        made: str = platform.identity.user_verbs.add(name.strip(), None, roles or (), actor=caller.name)
        return made

    return _with_password(request, caller, name.strip(), add)


@router.post("/users/{name}/password")
def reset_password(
    request: Request, caller: Changer, name: _Name, end_tokens: Annotated[bool, Form()] = False
) -> Response:
    """Gives a local user another password, and shows it this once.

    Args:
        end_tokens: the user's personal tokens end in the same moment; else the page says how many hold on.
    """
    counts: dict[str, int] = {}

    def reset(platform: Any) -> str:
        verbs = platform.identity.user_verbs
        made, done = verbs.set_password(name, None, actor=caller.name, end_tokens=end_tokens)
        counts.update(ended=done.ended, holding=done.holding)
        return str(made)

    return _with_password(request, caller, name, reset, counts)


@router.post("/users/{name}/roles")
def set_roles(request: Request, caller: Changer, name: _Name, roles: _Words = None) -> Response:
    """Gives a local user these roles in the mesh and no others."""
    platform_of(request).identity.user_verbs.set_roles(name, roles or (), actor=caller.name)
    return _to_users(request)


@router.post("/users/{name}/disable")
def disable(request: Request, caller: Changer, name: _Name, undo: Annotated[bool, Form()] = False) -> Response:
    """Shuts a user out at once, or lets them in again."""
    platform_of(request).identity.user_verbs.disable(name, actor=caller.name, undo=undo)
    return _to_users(request)


@router.get("/connections")
async def connections(request: Request, caller: Operator) -> Response:
    """The systems that this server reads from."""
    return await _page(request, caller, "administration_connections.html", "Connections", administering.connections)


@router.post("/connections/{name}/test")
def test_connection(request: Request, caller: Changer, name: _Name) -> Response:
    """Tries a connection, and shows what came of it."""
    platform = platform_of(request)
    tested = platform.connections.tested(caller, name)
    page = {**administering.connections(platform, caller), "tested": tested}
    return _shown(request, caller, "administration_connections.html", page, title="Connections")


@router.get("/notices")
async def notices(
    request: Request,
    caller: Annotated[Caller, Depends(Visiting(Action.SUBSCRIBE))],
    everybody: Annotated[bool, Query()] = False,
) -> Response:
    """Who is told of what, and whether it came."""

    def found(platform: Any, who: Caller) -> dict[str, Any]:
        return administering.notices(platform, who, everybody=everybody)

    return await _page(request, caller, "administration_notices.html", "Notices", found)


@router.post("/notices")
def subscribe(
    request: Request,
    caller: Subscriber,
    subject: _Word = "",
    target: Annotated[str, Form(max_length=2000, pattern=_PRINTED)] = "",
    channel: _Word = "",
    kinds: _Words = None,
    digest: _Word = "",
) -> Response:
    """Subscribes, and shows the secret of a webhook this once."""
    platform = platform_of(request)
    try:
        made = platform.notices.subscribe(
            caller,
            subject.strip(),
            target.strip(),
            channel=channel or None,
            kinds=kinds or (),
            digest=digest.strip() or None,
        )
    except WeftError as e:
        typed = {"subject": subject, "target": target, "channel": channel, "digest": digest, "kinds": kinds or []}
        return _again(request, caller, "administration_notices.html", "Notices", administering.notices, e, typed)
    if "secret" not in made:
        return RedirectResponse("/administration/notices", 303)
    page = {**administering.notices(platform, caller), "secret": made["secret"]}
    return _once(_shown(request, caller, "administration_notices.html", page, title="Notices", status=201))


@router.post("/notices/{subscription_id}/end")
def unsubscribe(request: Request, caller: Subscriber, subscription_id: _Name) -> Response:
    """Ends a subscription."""
    platform_of(request).notices.unsubscribe(caller, subscription_id)
    return RedirectResponse("/administration/notices", 303)


@router.post("/mutes/{domain}")
def mute(
    request: Request,
    caller: Annotated[Caller, Depends(PermittedForm(Action.MANAGE_DOMAIN, domain="domain"))],
    domain: _Name,
    subject: _Word = "",
    off: Annotated[bool, Form()] = False,
) -> Response:
    """Spares the owners of a domain notices of something, or tells them again."""
    try:
        platform_of(request).notices.mute(caller, domain, subject.strip(), off=off)
    except WeftError as e:
        typed = {"domain": domain, "spared": subject}
        return _again(request, caller, "administration_notices.html", "Notices", administering.notices, e, typed)
    return RedirectResponse("/administration/notices", 303)


@router.post("/deliveries/{delivery_id}/resend")
def resend(request: Request, caller: Subscriber, delivery_id: _Name) -> Response:
    """Tries a message again that had been given up."""
    platform_of(request).notices.resend(caller, delivery_id)
    return RedirectResponse("/administration/notices", 303)


@router.get("/health")
async def health(request: Request, caller: Operator) -> Response:
    """How the server stands."""
    return await _page(request, caller, "administration_health.html", "Health", administering.health)


async def _page(
    request: Request, caller: Caller, template: str, title: str, find: Callable[[Any, Caller], dict[str, Any]]
) -> Response:
    return await quickly(
        request, lambda: _shown(request, caller, template, find(platform_of(request), caller), title=title)
    )


def _shown(
    request: Request,
    caller: Caller,
    template: str,
    page: dict[str, Any],
    *,
    title: str,
    status: int = 200,
    **parts: Any,
) -> Response:
    """A page of the administration, with what was typed and what was wrong with it where there is something."""
    typed = defaultdict(str, parts.pop("typed", {}))
    beside = {"diagnostics": [], "tabs": administering.pages(caller), **parts}
    return show(request, caller, template, page, title=title, status=status, typed=typed, **beside)


def _again(
    request: Request,
    caller: Caller,
    template: str,
    title: str,
    find: Callable[[Any, Caller], dict[str, Any]],
    failed: WeftError,
    typed: dict[str, Any],
) -> Response:
    """The form once more, with what was typed and what is wrong with it.

    Raises:
        WeftError: the caller may not do it at all, or a program has asked.
    """
    refused = isinstance(failed, AccessDenied) and any(d.code == "WFT-ACC-010" for d in failed.diagnostics)
    if refused or wants_json(request):
        raise failed
    told = [{"why": None, "fix": None, **d.as_json()} for d in failed.diagnostics]
    try:
        page = find(platform_of(request), caller)
    except AccessDenied:  # a token that may do it and has no page of it
        raise failed from None
    return _shown(
        request,
        caller,
        template,
        page,
        title=title,
        status=status_of(failed),
        diagnostics=told,
        typed=typed,
    )


def _to_users(request: Request) -> Response:
    """The page of users from which a form was sent."""
    here = "/administration/users"
    came = urlsplit(request.headers.get("referer", ""))
    return RedirectResponse(f"{here}?{came.query}" if came.path == here and came.query else here, 303)


def _days(text: str) -> int | None:
    """How many days a token holds; None: as many as the settings say.

    Raises:
        UsageError: WFT-SRV-110, it is no such number.
    """
    if not text.strip():
        return None
    if text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_DAYS:
        return int(text)
    what = "“Days that it holds” is not such a number"
    raise UsageError(error("WFT-SRV-110", what, fix=f"write a whole number from 1 to {_MOST_DAYS}, or nothing"))


def _size(text: str) -> int | None:
    """Bytes of a size; None where nothing is typed.

    Raises:
        UsageError: WFT-SRV-110, it is none.
    """
    if not text.strip():
        return None
    try:
        return size_bytes(text)
    except ValueError:
        what = "“May keep” is not such a size"
        raise UsageError(error("WFT-SRV-110", what, fix="write it like 500GB or 2TB, or nothing")) from None


def _number(text: str, field: str) -> int | None:
    """A whole number; None where nothing is typed.

    Raises:
        UsageError: WFT-SRV-110, it is none.
    """
    if not text.strip():
        return None
    if text.isascii() and text.isdigit():
        return int(text)
    raise UsageError(error("WFT-SRV-110", f"“{field}” is not such a number", fix="write a whole number, or nothing"))


def _with_password(
    request: Request, caller: Caller, name: str, change: Callable[[Any], str], tokens: Mapping[str, int] | None = None
) -> Response:
    """The page of users with a new password on it, which is shown this once, and what came of the user's tokens."""
    platform = platform_of(request)
    try:
        password = change(platform)
    except WeftError as e:
        typed = {"name": name}
        return _again(request, caller, "administration_users.html", "Users and teams", administering.users, e, typed)
    page = {**administering.users(platform, caller), "made": {"name": name, "password": password, "tokens": tokens}}
    return _once(_shown(request, caller, "administration_users.html", page, title="Users and teams", status=201))


def _once(answer: Response) -> Response:
    """An answer with a secret on it, which nobody keeps."""
    answer.headers["Cache-Control"] = "no-store"
    if "etag" in answer.headers:
        del answer.headers["ETag"]
    return answer
