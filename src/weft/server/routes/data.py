"""The data API: pages of one port, and what describes them."""

from __future__ import annotations

import asyncio
import contextvars
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from starlette.responses import JSONResponse, Response

from weft.access.permissions import Action, Caller
from weft.access.reading.wire import Form
from weft.api.wires.data import Page
from weft.api.wires.data_pages import MOST_ROWS, Wanted
from weft.errors import UsageError, did_you_mean, error
from weft.server.answers import refusals
from weft.server.negotiating import MEDIA, Chosen, chosen
from weft.server.permitted import Permitted
from weft.server.port_openapi import document
from weft.server.routes.query import named_headers
from weft.sql.conditions import LONGEST

router = APIRouter(prefix="/api/v1/data", tags=["reading"], responses=refusals(404, 406, 409, 413, 429))
Reader = Annotated[Caller, Depends(Permitted(Action.QUERY))]
PortAddress = Annotated[
    str, Path(max_length=300, description="the port, with its major or without", examples=["fleet.aircraft.planes@1"])
]
PLAIN = r"^[^\x00]*$"
_PARAMETERS = ("select", "where", "order", "limit", "cursor", "at", "purpose")
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The page. JSON has `rows` and `next`; other forms have `next` in `Weft-Next`. `Link` has the "
        "address of the next page; `Weft-Snapshots`, `Weft-Masked` and `Weft-Filtered` say what it rests on.",
        "content": {media: {} for media in MEDIA},
    },
    304: {"description": "What the caller has is still so"},
}


@router.get("/{address}", response_class=Response, responses=ANSWERS)
async def page(
    request: Request,
    caller: Reader,
    address: PortAddress,
    select: Annotated[str, Query(max_length=20_000, pattern=PLAIN, description="columns, with commas between")] = "",
    where: Annotated[str, Query(max_length=LONGEST, pattern=PLAIN, description="a filter")] = "",
    order: Annotated[
        str,
        Query(max_length=2_000, pattern=PLAIN, description="columns, with commas between; `-` before one that falls"),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="how many rows at most")] = 100,
    cursor: Annotated[str | None, Query(max_length=20_000, description="`next` of the page before")] = None,
    at: Annotated[str | None, Query(max_length=100, pattern=PLAIN, description="a snapshot or a time")] = None,
    purpose: Annotated[str | None, Query(max_length=500, pattern=PLAIN, description="what the rows are for")] = None,
    accept: Annotated[str, Header()] = "*/*",
    if_none_match: Annotated[str, Header(max_length=8_000)] = "",
) -> Response:
    """A page of the rows of a port that the caller may see."""
    _require_known(request)
    how = chosen(accept, "")
    wanted = Wanted(select, where, order, limit, cursor, at, purpose, how.form, how.packed)
    platform = request.app.state.platform
    asked = partial(platform.data.page, caller, address, wanted, _tags(if_none_match))
    here = contextvars.copy_context()
    found: Page = await asyncio.get_running_loop().run_in_executor(platform.querying.asking, here.run, asked)
    headers = _headers(request, found, how)
    if found.body is None:
        return Response(status_code=304, headers=headers)
    return Response(found.body, media_type=how.media_type, headers=headers)


def _require_known(request: Request) -> None:
    """Refuses what a page does not know: a filter that is spelt wrong would be answered with all rows.

    Raises:
        UsageError: WFT-SRV-102.
    """
    unknown = next((name for name in request.query_params if name not in _PARAMETERS), None)
    if unknown is not None:
        fix = did_you_mean(unknown[:80], _PARAMETERS, otherwise="rows are chosen by `where`: `where=COLUMN = VALUE`")
        what = f"`{unknown[:80]}` is no parameter of a page"
        raise UsageError(error("WFT-SRV-102", what, why=f"these are: {', '.join(_PARAMETERS)}", fix=fix))


def _tags(given: str) -> list[str]:
    """The entity tags that a request has (RFC 9110, 13.1.2)."""
    return [tag.strip().removeprefix("W/") for tag in given.split(",") if tag.strip()]


def _headers(request: Request, found: Page, how: Chosen) -> dict[str, str]:
    headers = {
        **named_headers(found.told),
        "ETag": found.tag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept, Authorization, Cookie",
    }
    if found.next is not None:
        following = request.url.include_query_params(cursor=found.next)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
        if how.form is not Form.JSON:
            headers["Weft-Next"] = found.next
    return headers


@router.get("/{address}/openapi.json", response_class=JSONResponse, responses=refusals(404))
async def port_openapi(request: Request, caller: Reader, address: PortAddress) -> Response:
    """The OpenAPI document of one port, made from its contract, with the columns that the caller sees."""
    platform = request.app.state.platform
    described = partial(platform.data.described, caller, address)
    state, seen, _ = await asyncio.get_running_loop().run_in_executor(platform.querying.asking, described)
    headers = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    return JSONResponse(document(state, seen), headers=headers)
