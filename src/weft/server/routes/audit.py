"""Who has read what, and whether the record of it still stands."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.access.audit import bounds
from weft.registry.chains import anchors_of
from weft.server.answers import answer, refusals, shown
from weft.server.permitted import Permitted
from weft.server.shapes import Diagnostic

NDJSON = "application/x-ndjson"
_LINES: dict[int | str, dict[str, Any]] = {
    200: {"description": "JSON lines: a head, records, anchors", "content": {NDJSON: {"schema": {"type": "string"}}}}
}
router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
_Name = Annotated[str | None, Query(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
_Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before", examples=[None])]


class ReadPort(BaseModel):
    """What of a port was read."""

    port: str = Field(examples=["fleet.aircraft.planes@1"])
    snapshot_id: str
    clear: list[str] = Field(description="columns that were shown as they are")
    masked: dict[str, str] = Field(description="columns that were not, with the mask")
    filtered: bool = Field(description="whether rows were left out")
    grants: list[str] = Field(description="the grants that it rests on")


class Read(BaseModel):
    """One read; `ended` is null while it runs, and where its process died."""

    read_id: str
    at: str
    principal: str
    wire: str = Field(examples=["http"])
    purpose: str | None
    query: str | None = Field(description="the text; null where its hash alone is kept, and once it is erased")
    query_sha256: str | None
    request_id: str | None
    ports: list[ReadPort]
    ended: str | None = Field(description="done, cut, revoked, failed or left")
    rows: int | None
    bytes: int | None
    seconds: float | None


class Reads(BaseModel):
    """A page of reads, newest first."""

    items: list[Read]
    next: str | None


class Chains(BaseModel):
    """How long the chains are that were walked; null where one is broken, and what is wrong with it."""

    events: int | None
    reads: int | None
    anchors: list[str] = Field(
        description="number and hash of the newest records: kept elsewhere, they hold the chains"
    )
    diagnostics: list[Diagnostic]


@router.get("/reads", response_model=Reads, responses=shown(404))
def reads(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.READ_AUDIT))],
    where: Annotated[
        str | None, Query(max_length=255, description="a domain, or a port", examples=["fleet.aircraft.planes@1"])
    ] = None,
    principal: _Name = None,
    limit: _Limit = 50,
    cursor: _Cursor = None,
) -> Response:
    """Who has read data of a domain or a port; without either, of all domains in which the caller may see it."""
    audit = request.app.state.platform.audit
    found = audit.reads(caller, where=where, principal=principal, limit=limit, cursor=cursor)
    return answer(request, found)


@router.get("/reads/own", response_model=Reads, responses=shown())
def own_reads(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.READ_METADATA))],
    limit: _Limit = 50,
    cursor: _Cursor = None,
) -> Response:
    """What the caller has read."""
    return answer(request, request.app.state.platform.audit.own(caller, limit, cursor))


@router.get("/chains", response_model=Chains, responses=refusals())
def chains(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.READ_EVENTS))],
    anchor: Annotated[
        list[Annotated[str, Query(max_length=100)]] | None,
        Query(max_length=20, description="anchors that were kept: `CHAIN:NUMBER:HASH`", examples=[None]),
    ] = None,
) -> dict[str, Any]:
    """Walks the hash chains of the log and of reading, from end to end, and holds them to anchors."""
    found: dict[str, Any] = request.app.state.platform.audit.verify(anchors_of(anchor) if anchor else ())
    return found


@router.get("/export", response_class=StreamingResponse, responses={**refusals(), **_LINES})
def export(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.READ_EVENTS))],
    since: Annotated[
        str | None,
        Query(alias="from", max_length=40, description="a day (UTC) or a moment", examples=["2026-11-21"]),
    ] = None,
    until: Annotated[
        str | None,
        Query(alias="to", max_length=40, description="a day, meant to its end, or a moment", examples=["2026-11-21"]),
    ] = None,
) -> StreamingResponse:
    """The hash chains as JSON lines, of the whole mesh, with anchors at the end; a chain that is not for the caller has
    its anchor alone."""
    audit = request.app.state.platform.audit
    found = audit.export(caller, *bounds(since, until))
    return StreamingResponse(found, media_type=NDJSON, headers={"Cache-Control": "no-store"})
