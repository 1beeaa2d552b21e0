"""The SQL workbench: a page that asks the query route; without a script, a form with the first rows."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.portal import workbench
from weft.errors import WeftError
from weft.server.answers import answer
from weft.server.permitted import Permitted, PermittedForm
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.problems import status_of
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.QUERY))]
Asker = Annotated[Caller, Depends(Permitted(Action.QUERY))]
Reader = Annotated[Caller, Depends(PermittedForm(Action.QUERY))]
_TITLE = "Workbench"
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_Words = Annotated[str, Query(max_length=300, pattern=_PRINTABLE)]


@router.get("/workbench")
async def open_workbench(
    request: Request,
    caller: Visitor,
    saved: _Words = "",
    sql: Annotated[str, Query(max_length=20_000, pattern=r"^[^\x00]*$")] = "",
) -> Response:
    """A workbench with the text or the saved query that its address names."""

    def found() -> Response:
        page = workbench.page(platform_of(request), caller, saved, sql)
        title = f"{page['query']['title'] or page['query']['name']}" if page["query"] else _TITLE
        return show(request, caller, "workbench.html", page, title=title, styles_of_scripts=True)

    return await quickly(request, found)


@router.post("/workbench")
async def ask(
    request: Request,
    caller: Reader,
    sql: Annotated[str, Form(max_length=200_000, pattern=r"^[^\x00]*$")] = "",
    purpose: Annotated[str, Form(max_length=500, pattern=_PRINTABLE)] = "",
) -> Response:
    """The first rows of a text, or what is wrong with it, beside the text."""
    platform = platform_of(request)

    def found() -> tuple[dict[str, Any], int]:
        page = {**workbench.page(platform, caller, "", sql), "purpose": purpose}
        try:
            return {**page, "rows": workbench.first_rows(platform, caller, sql, purpose)}, 200
        except WeftError as e:
            told = [{"why": None, "fix": None, **d.as_json()} for d in e.diagnostics]
            return {**page, "diagnostics": told}, status_of(e)

    page, status = await asyncio.get_running_loop().run_in_executor(platform.querying.asking, found)
    return show(request, caller, "workbench.html", page, title=_TITLE, status=status, styles_of_scripts=True)


@router.get("/workbench/tables")
async def tables(request: Request, caller: Asker, q: _Words = "") -> Response:
    """Ports that some words find, and whether the caller may read them."""
    return await quickly(request, lambda: answer(request, workbench.tables(platform_of(request), caller, q)))


@router.get("/workbench/table")
async def table(request: Request, caller: Asker, address: _Words) -> Response:
    """A port with its columns, as the caller sees them."""
    return await quickly(request, lambda: answer(request, workbench.table(platform_of(request), caller, address)))


@router.get("/workbench/names")
async def names(request: Request, caller: Asker, begun: _Words = "") -> Response:
    """What an address that somebody writes can go on with."""
    return await quickly(request, lambda: answer(request, workbench.names(platform_of(request), caller, begun)))
