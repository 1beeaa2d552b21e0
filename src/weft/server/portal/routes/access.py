"""Access: asking for it, deciding on it, and who has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Form, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.portal import asking
from weft.errors import WeftError
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.problems import status_of
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Asker = Annotated[Caller, Depends(Visiting(Action.ASK_ACCESS))]
Sender = Annotated[Caller, Depends(PermittedForm(Action.ASK_ACCESS))]
_PRINTED = r"^[^\x00-\x1f\x7f]*$"
_TEXT = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$"
_Id = Annotated[str, Path(max_length=60, pattern=_PRINTED)]
_Ports = Annotated[list[Annotated[str, Form(max_length=300, pattern=_PRINTED)]], Form(max_length=100)]
_Names = Annotated[list[Annotated[str, Form(max_length=200, pattern=_PRINTED)]], Form(max_length=1000)]
_Words = Annotated[str, Form(max_length=2000, pattern=_TEXT)]
_Day = Annotated[str, Form(max_length=40, pattern=_PRINTED)]
_Name = Annotated[str, Form(max_length=200, pattern=_PRINTED)]
_Cursor = Annotated[str | None, Query(max_length=1000)]
_Address = Annotated[str, Query(max_length=300, pattern=_PRINTED)]
_Then = Annotated[Literal["/access", "/access/readers", "/access/review"], Form()]


@router.get("/access")
async def own(request: Request, caller: Asker) -> Response:
    """What the caller has asked for and may read."""
    return await quickly(
        request, lambda: show(request, caller, "access.html", asking.own(platform_of(request), caller), title="Access")
    )


@router.get("/access/inbox")
async def inbox(
    request: Request, caller: Asker, limit: Annotated[int, Query(ge=1, le=200)] = 50, cursor: _Cursor = None
) -> Response:
    """What the caller may decide now."""

    def found() -> Response:
        page = asking.inbox(platform_of(request), caller, limit, cursor)
        return show(request, caller, "access_inbox.html", page, title="To decide")

    return await quickly(request, found)


@router.get("/access/readers")
async def readers(
    request: Request,
    caller: Asker,
    port: _Address = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: _Cursor = None,
) -> Response:
    """Who may read the ports on which the caller decides."""

    def found() -> Response:
        page = asking.readers(platform_of(request), caller, port.strip() or None, limit, cursor)
        return show(request, caller, "access_readers.html", page, title="Who reads")

    return await quickly(request, found)


@router.get("/access/review")
async def review(request: Request, caller: Asker) -> Response:
    """Grants that somebody has to look at again."""

    def found() -> Response:
        page = asking.review(platform_of(request), caller)
        return show(request, caller, "access_review.html", page, title="Review")

    return await quickly(request, found)


@router.get("/access/request")
async def form(
    request: Request,
    caller: Asker,
    port: Annotated[list[_Address] | None, Query(max_length=100)] = None,
    reader: Annotated[str, Query(max_length=200, pattern=_PRINTED)] = "",
) -> Response:
    """The form that asks for ports."""
    return await quickly(request, lambda: _form(request, caller, port or [], {"reader": reader}))


@router.post("/access/request")
def ask(
    request: Request,
    caller: Sender,
    port: _Ports = [],  # noqa: B006 - never changed
    purpose: _Words = "",
    reader: _Name = "",
    other: _Name = "",
    until: _Day = "",
    column: _Names = [],  # noqa: B006 - never changed
    role: _Names = [],  # noqa: B006 - never changed
) -> Response:
    """Asks; shows the form again where that cannot be."""
    try:
        made = platform_of(request).access.ask(
            caller,
            port,
            purpose,
            until=until or None,
            columns=column or None,
            roles=role,
            reader=other.strip() or reader or None,
        )
    except WeftError as e:
        written = {
            "purpose": purpose, "reader": reader, "other": other, "until": until, "columns": column, "roles": role,
        }  # fmt: skip
        return _form(request, caller, port, written, wrong=e)
    done = "granted" if all(one["state"] == "approved" for one in made["ports"]) else "asked"
    return _to(f"/access/requests/{quote(made['request_id'])}?done={done}")


@router.get("/access/requests/{request_id}")
async def one(request: Request, caller: Asker, request_id: _Id) -> Response:
    """A request with its history, and what it would show."""
    return await quickly(request, lambda: _one(request, caller, request_id))


@router.post("/access/requests/{request_id}/approve")
def approve(
    request: Request,
    caller: Sender,
    request_id: _Id,
    port: _Ports = [],  # noqa: B006 - never changed
    until: _Day = "",
    reason: _Words = "",
) -> Response:
    """Approves a request, for some of its ports or for all."""
    access = platform_of(request).access
    return _decided(
        request,
        caller,
        request_id,
        "approved",
        lambda: access.approve(caller, request_id, port, until=until or None, reason=reason.strip()),
        {"until": until, "reason": reason},
    )


@router.post("/access/requests/{request_id}/decline")
def decline(
    request: Request,
    caller: Sender,
    request_id: _Id,
    port: _Ports = [],  # noqa: B006 - never changed
    until: _Day = "",
    reason: _Words = "",
) -> Response:
    """Declines a request with a reason, for some of its ports or for all."""
    access = platform_of(request).access
    return _decided(
        request,
        caller,
        request_id,
        "declined",
        lambda: access.decline(caller, request_id, port, reason=reason),
        {"until": until, "reason": reason},
    )


@router.post("/access/requests/{request_id}/withdraw")
def withdraw(request: Request, caller: Sender, request_id: _Id) -> Response:
    """Takes a request back."""
    platform_of(request).access.withdraw(caller, request_id)
    return _to(f"/access/requests/{quote(request_id)}?done=withdrawn")


@router.post("/access/grants/{grant_id}/revoke")
def revoke(
    request: Request,
    caller: Sender,
    grant_id: _Id,
    then: _Then = "/access",
    reason: _Words = "",
) -> Response:
    """Ends a grant at once."""
    platform_of(request).access.revoke(caller, grant_id, reason=reason)
    return _to(f"{then}?done=revoked")


@router.post("/access/grants/{grant_id}/keep")
def keep(request: Request, caller: Sender, grant_id: _Id) -> Response:
    """Notes that a grant is still needed."""
    platform_of(request).access.keep(caller, grant_id)
    return _to("/access/review?done=kept")


def _form(
    request: Request, caller: Caller, ports: list[str], written: dict[str, Any], wrong: WeftError | None = None
) -> Response:
    blank = {"purpose": "", "reader": "", "other": "", "until": "", "columns": [], "roles": []}
    page = asking.form(
        platform_of(request), caller, ports, {**blank, **written}, wrong.diagnostics if wrong is not None else ()
    )
    status = status_of(wrong) if wrong is not None else 200
    return show(request, caller, "access_request.html", page, title="Ask for access", status=status)


def _one(
    request: Request,
    caller: Caller,
    request_id: str,
    written: dict[str, str] | None = None,
    wrong: WeftError | None = None,
) -> Response:
    found = asking.request(platform_of(request), caller, request_id)
    page = {
        **found,
        "written": written or {"until": "", "reason": ""},
        "diagnostics": [{"why": None, "fix": None, **d.as_json()} for d in wrong.diagnostics] if wrong else [],
    }
    status = status_of(wrong) if wrong is not None else 200
    return show(request, caller, "access_one.html", page, title=f"Request of {found['reader']}", status=status)


def _decided(
    request: Request,
    caller: Caller,
    request_id: str,
    done: str,
    decide: Callable[[], object],
    written: dict[str, str],
) -> Response:
    try:
        decide()
    except WeftError as e:
        return _one(request, caller, request_id, written, e)
    return _to(f"/access/requests/{quote(request_id)}?done={done}")


def _to(page: str) -> Response:
    return RedirectResponse(page, 303)
