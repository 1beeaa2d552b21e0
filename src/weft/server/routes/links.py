"""Links to files of ports: made by whoever may read them, for a while, and fetched without a token."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.routes.data import PLAIN, PortAddress

router = APIRouter(prefix="/api/v1", tags=["reading"], responses=refusals(404, 409, 429))
Reader = Annotated[Caller, Depends(Permitted(Action.QUERY))]
Anybody = Annotated[Caller, Depends(Permitted(Action.FOLLOW_LINK))]
Token = Annotated[str, Path(max_length=100, description="what stands at the end of the link's address")]


class WantedLinks(BaseModel):
    """How long links are to hold, and of what."""

    model_config = ConfigDict(extra="forbid")

    lasts: str = Field("1h", max_length=20, examples=["1h"], description="like 30m, 1h or 2d")
    at: str | None = Field(None, max_length=100, pattern=PLAIN, description="a snapshot or a time")
    purpose: str | None = Field(None, max_length=500, pattern=PLAIN, description="what the files are for")


class Link(BaseModel):
    """A link to one file of Parquet."""

    url: str
    port: str
    snapshot: str
    size_bytes: int
    materialised: bool = Field(description="whether the file was written for this link, with what its maker sees")
    ends_at: str


class MadeLinks(BaseModel):
    """Links to all files of a port at a data version."""

    links: list[Link]


@router.post("/data/{address}/links", status_code=201, response_model=MadeLinks)
async def make_links(request: Request, caller: Reader, address: PortAddress, wanted: WantedLinks) -> dict[str, Any]:
    """Makes links to the files of a port, or to one with what the caller sees of it."""
    platform = request.app.state.platform
    made = partial(platform.links.make, caller, address, wanted.lasts, wanted.at, wanted.purpose)
    return {"links": await asyncio.get_running_loop().run_in_executor(platform.querying.asking, made)}


@router.head("/links/{token}", response_class=FileResponse, responses={307: {"description": "as for GET"}})
def linked_file_described(request: Request, caller: Anybody, token: Token) -> Response:
    """How large the file of a link is: tools ask before they fetch parts of it. Nothing is written down."""
    return _answered(*request.app.state.platform.links.file(token, method="HEAD"))


@router.get(
    "/links/{token}",
    response_class=FileResponse,
    responses={307: {"description": "it lies in an object store: it is fetched from there"}},
)
def linked_file(request: Request, caller: Anybody, token: Token) -> Response:
    """The file of a link, whole or the part that a `Range` names; whoever has the link needs no token."""
    return _answered(*request.app.state.platform.links.file(token))


@router.delete("/links/{token}", status_code=204)
def revoke_link(request: Request, caller: Reader, token: Token) -> None:
    """Ends a link of the caller."""
    request.app.state.platform.links.revoke(caller, token)


def _answered(path: FilePath, address: str | None) -> Response:
    headers = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer"}
    if address is not None:
        return Response(status_code=307, headers={**headers, "Location": address})
    return FileResponse(path, media_type="application/vnd.apache.parquet", headers=headers)
