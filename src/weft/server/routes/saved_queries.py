"""Queries under a name: listed, saved, dropped, and their rows, decided for whoever asks."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.access.reading.asking import Question
from weft.access.versions import moment
from weft.api.access.saved_queries import Asked, SavedQueries
from weft.server.answers import answer, refusals, shown
from weft.server.negotiating import chosen
from weft.server.permitted import Permitted
from weft.server.routes.query import ROWS, Rows, begun

router = APIRouter(prefix="/api/v1/queries", tags=["reading"])
Finder = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Reader = Annotated[Caller, Depends(Permitted(Action.QUERY))]
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Owner = Annotated[
    str, Path(max_length=255, pattern=_PRINTABLE, description="who has saved it", examples=["ana@example.com"])
]
Name = Annotated[str, Path(max_length=63, pattern=_PRINTABLE, description="its name", examples=["late-flights"])]


class NamedPort(BaseModel):
    """A port that a query reads, as the text names it and with the major that it means."""

    named: str = Field(examples=["fleet.aircraft.planes"])
    port: str = Field(examples=["fleet.aircraft.planes@1"])


class SavedQuery(BaseModel):
    """A query under a name. Whoever may not read its ports is told neither its text nor its purpose."""

    owner: str
    name: str
    title: str
    url: str = Field(description="where it is; its rows are at `/rows` below", examples=["/api/v1/queries/ana/late"])
    sql: str | None
    purpose: str | None
    ports: list[NamedPort]
    runs: bool = Field(description="whether the caller may read all of its ports")
    made_at: str
    changed_at: str


class SavedQueryPage(BaseModel):
    """A page of saved queries, by owner and name."""

    items: list[SavedQuery]
    next: str | None


class WantedQuery(BaseModel):
    """A query that is to be kept."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(max_length=200_000, examples=["select * from fleet.aircraft.planes"])
    title: str = Field("", max_length=200, pattern=_PRINTABLE, description="What it shows, in a few words.")
    purpose: str | None = Field(None, max_length=500, pattern=_PRINTABLE, description="What the rows are for.")


def _saved(request: Request) -> SavedQueries:
    found: SavedQueries = request.app.state.platform.saved_queries
    return found


@router.get("", response_model=SavedQueryPage, responses=shown())
def saved_queries(
    request: Request,
    caller: Finder,
    owner: Annotated[str | None, Query(max_length=255, pattern=_PRINTABLE, description="of this one alone")] = None,
    limit: Annotated[int, Query(ge=1, le=200, description="how many at most")] = 50,
    cursor: Annotated[
        str | None, Query(max_length=1000, description="`next` of the page before", examples=[None])
    ] = None,
) -> Any:
    """Saved queries, by owner and name."""
    return answer(request, _saved(request).listed(caller, owner, limit, cursor))


@router.get("/{owner}/{name}", response_model=SavedQuery, responses=shown(404))
def saved_query(request: Request, caller: Finder, owner: Owner, name: Name) -> Any:
    """A saved query."""
    return answer(request, _saved(request).one(caller, owner, name))


@router.put("/{owner}/{name}", response_model=SavedQuery, responses=refusals(404, 413, 415, 429))
async def save_query(request: Request, caller: Reader, owner: Owner, name: Name, wanted: WantedQuery) -> dict[str, Any]:
    """Keeps a query of the caller, in the place of one of its name. Addresses without a major keep the one of today."""
    saved = partial(_saved(request).save, caller, owner, name, wanted.sql, title=wanted.title, purpose=wanted.purpose)
    asking = request.app.state.platform.querying.asking
    found: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(asking, saved)
    return found


@router.delete("/{owner}/{name}", status_code=204, responses=refusals(404))
def drop_query(request: Request, caller: Reader, owner: Owner, name: Name) -> None:
    """Forgets a query of the caller."""
    _saved(request).drop(caller, owner, name)


@router.get(
    "/{owner}/{name}/rows", response_class=StreamingResponse, responses={**refusals(404, 406, 409, 429), **ROWS}
)
async def saved_rows(
    request: Request,
    caller: Reader,
    owner: Owner,
    name: Name,
    limit: Annotated[int | None, Query(ge=0, le=2**53, description="how many rows at most")] = None,
    at: Annotated[
        list[str] | None,
        Query(max_length=100, description="a snapshot or a time for all ports, or ADDRESS=SNAPSHOT for each"),
    ] = None,
    purpose: Annotated[
        str | None, Query(max_length=500, description="what the rows are for; without it that of the query")
    ] = None,
    accept: Annotated[str, Header()] = "*/*",
    accept_encoding: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """The rows that the caller may see of a saved query: decided for the caller, whoever has saved it."""
    how = chosen(accept, accept_encoding)
    platform = request.app.state.platform
    asked = Asked(limit, moment(at or ()), purpose)
    form = Question("", how.form, encoding=how.packed)
    streamed = await begun(request, partial(_saved(request).stream, caller, owner, name, asked, form))
    return Rows(streamed, how, platform.querying.taking)
