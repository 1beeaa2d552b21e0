"""A reader's own tables: listed, uploaded, made by a query, dropped."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Request
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from weft.access.permissions import Action, Caller
from weft.access.reading.asking import Question
from weft.access.reading.wire import Form
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.routes.publications import _CHUNK, _FILE
from weft.server.routes.query import WantedRows

router = APIRouter(prefix="/api/v1/workspace", tags=["reading"], responses=refusals(404, 409, 413, 415, 429))
Reader = Annotated[Caller, Depends(Permitted(Action.QUERY))]
Name = Annotated[str, Path(max_length=63, description="the table's name", examples=["my_planes"])]


class OwnColumn(BaseModel):
    """A column of a table."""

    name: str
    type: str


class OwnSource(BaseModel):
    """A port that a table was made from, at a data version."""

    port: str
    snapshot: str


class OwnTable(BaseModel):
    """A table of the caller's workspace; a query reads it by its address."""

    name: str
    address: str
    origin: Literal["upload", "query"]
    level: str | None
    columns: list[OwnColumn]
    sources: list[OwnSource]
    rows: int
    size_bytes: int
    made_at: str
    ends_at: str


class OwnTables(BaseModel):
    """The caller's workspace."""

    tables: list[OwnTable]


@router.get("", response_model=OwnTables)
def tables(request: Request, caller: Reader) -> dict[str, Any]:
    """The caller's own tables, which nobody else sees."""
    return {"tables": request.app.state.platform.workspaces.listed(caller)}


@router.put("/{name}", response_model=OwnTable, openapi_extra=_FILE)
async def upload(
    request: Request,
    caller: Reader,
    name: Name,
    form: Annotated[Literal["csv", "parquet"], Query(description="what the file is")] = "csv",
) -> dict[str, Any]:
    """Keeps a file as a table of the caller, in the place of one of that name."""
    workspaces = request.app.state.platform.workspaces
    received = await run_in_threadpool(workspaces.receive, caller, name, form)
    try:
        held = bytearray()
        async for chunk in request.stream():
            held += chunk
            if len(held) >= _CHUNK:
                await run_in_threadpool(received.write, bytes(held))
                held.clear()
        await run_in_threadpool(received.write, bytes(held))
        asking = request.app.state.platform.querying.asking
        found: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(asking, received.done)
        return found
    finally:
        await run_in_threadpool(received.close)


@router.post("/{name}", response_model=OwnTable)
async def make(request: Request, caller: Reader, name: Name, wanted: WantedRows) -> dict[str, Any]:
    """Keeps the rows of a query as a table of the caller; it is read as long as what it was made from may be."""
    question = Question(wanted.sql, Form.PARQUET, wanted.limit, wanted.at, purpose=wanted.purpose)
    platform = request.app.state.platform
    made = partial(platform.workspaces.make, caller, name, question)
    found: dict[str, Any] = await asyncio.get_running_loop().run_in_executor(platform.querying.asking, made)
    return found


@router.delete("/{name}", status_code=204)
def drop(request: Request, caller: Reader, name: Name) -> None:
    """Removes a table of the caller."""
    request.app.state.platform.workspaces.drop(caller, name)
