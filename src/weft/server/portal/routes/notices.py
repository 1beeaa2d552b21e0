"""What somebody is told: a list of their own, and what of it they have read."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.portal import telling
from weft.server.permitted import PermittedForm
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
_MOST = 2**53


@router.get("/notices")
async def notices(
    request: Request,
    caller: Annotated[Caller, Depends(Visiting(Action.SUBSCRIBE))],
    unread: bool = False,
    cursor: Annotated[str | None, Query(max_length=1000)] = None,
) -> Response:
    """The caller's notices, newest first."""

    def found() -> Response:
        page = telling.notices(platform_of(request), caller, cursor, unread=unread)
        return show(request, caller, "notices.html", page, title="Notices")

    return await quickly(request, found)


@router.post("/notices")
def read(
    request: Request,
    caller: Annotated[Caller, Depends(PermittedForm(Action.SUBSCRIBE))],
    number: Annotated[int, Form(ge=0, le=_MOST)],
    older: Annotated[bool, Form()] = False,
    unread: Annotated[bool, Form()] = False,
) -> Response:
    """Notes that the caller has read a notice, or it and all before it."""
    platform_of(request).own_notices.read(caller, number, older=older)
    return RedirectResponse("/notices?unread=true" if unread else "/notices", 303)
