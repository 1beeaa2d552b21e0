"""Rows: one SELECT over ports, as a stream in the form that is accepted."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from weft.access.permissions import Action, Caller
from weft.access.reading.asking import Question, Streamed
from weft.access.reading.wire import Told
from weft.api.access.querying import Querying
from weft.server.answers import refusals
from weft.server.negotiating import MEDIA, Chosen, chosen
from weft.server.permitted import Permitted

router = APIRouter(prefix="/api/v1", tags=["reading"], responses=refusals(404, 406, 409, 413, 415, 429))
Reader = Annotated[Caller, Depends(Permitted(Action.QUERY))]

_LOOK_S = 0.25
"""How often it is looked whether somebody still waits for a first row."""


class WantedRows(BaseModel):
    """A question: one SELECT in DuckDB's dialect, whose tables are addresses of ports."""

    model_config = ConfigDict(extra="forbid")

    sql: str = Field(max_length=200_000, pattern=r"^[^\x00]*$", examples=["select * from fleet.aircraft.planes"])
    limit: int | None = Field(None, ge=0, le=2**53, description="How many rows at most.")
    at: str | dict[str, str] | None = Field(
        None, description="A snapshot or a time for all ports, or a snapshot by address; without it what is there now."
    )
    purpose: str | None = Field(None, max_length=500, pattern=r"^[^\x00]*$", description="What the rows are for.")


ROWS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The rows. `Weft-Snapshots`, `Weft-Masked` and `Weft-Filtered` say what they rest on, "
        "`Weft-Truncated` whether rows are missing where that is known when the answer begins; Arrow, Parquet and "
        "JSON say it at their end too. An answer that fails in the middle is broken off.",
        "content": {media: {} for media in MEDIA},
    }
}
"""What a route that gives rows answers, for its OpenAPI entry."""


@router.post("/query", response_class=StreamingResponse, responses=ROWS)
async def query(
    request: Request,
    caller: Reader,
    wanted: WantedRows,
    accept: Annotated[str, Header()] = "*/*",
    accept_encoding: Annotated[str, Header()] = "",
) -> StreamingResponse:
    """The rows that the caller may see of a query over ports."""
    how = chosen(accept, accept_encoding)
    querying: Querying = request.app.state.platform.querying
    question = Question(wanted.sql, how.form, wanted.limit, wanted.at, how.packed, wanted.purpose)
    streamed = await begun(request, partial(querying.ask, caller, question))
    return Rows(streamed, how, querying.taking)


async def begun(request: Request, begin: Callable[[Callable[[], bool]], Streamed]) -> Streamed:
    """Begins a query in a thread of its own; stops it where whoever asks goes away before there is a first row.

    Args:
        begin: begins it, given what says whether they are gone.
    """
    gone = threading.Event()
    threads = request.app.state.platform.querying.asking
    here = contextvars.copy_context()  # the span of the request is the one above the query's
    asking = asyncio.get_running_loop().run_in_executor(threads, here.run, begin, gone.is_set)
    while not (await asyncio.wait({asking}, timeout=_LOOK_S))[0]:
        if await request.is_disconnected():
            gone.set()
            break
    return await asking


class Rows(StreamingResponse):
    """Sends an answer as fast as it is taken; ends the query when nobody takes it any more."""

    def __init__(self, streamed: Streamed, how: Chosen, threads: Executor) -> None:
        super().__init__(self._parts(), headers=_headers(streamed, how), media_type=how.media_type)
        self._streamed, self._threads = streamed, threads
        self._iterator = streamed.answer.parts()
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streamed.stop()
            self._threads.submit(self._close)

    async def _parts(self) -> AsyncIterator[memoryview]:
        loop = asyncio.get_running_loop()
        while (part := await loop.run_in_executor(self._threads, self._next)) is not None:
            yield part
            del part

    def _next(self) -> memoryview | None:
        with self._lock:
            part = next(self._iterator, None)
            return memoryview(part) if part is not None else None

    def _close(self) -> None:
        with self._lock:
            self._streamed.close()


def _headers(streamed: Streamed, how: Chosen) -> dict[str, str]:
    ended = streamed.ended
    found = {
        **named_headers(streamed.told),
        "Weft-Truncated": "unknown" if ended is None else "true" if ended.cut else "false",
        "Content-Encoding": how.encoding,
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding, Authorization, Cookie",
    }
    return {name: text for name, text in found.items() if text}


def named_headers(told: Told) -> dict[str, str]:
    """What an answer rests on, as headers."""
    found = {
        "Weft-Snapshots": ", ".join(f"{address}={snapshot}" for address, snapshot in told.snapshots.items()),
        "Weft-Filtered": ", ".join(told.filtered),
        "Weft-Masked": ", ".join(
            f"{address}.{_plain(name)}={mask}" for address, masks in told.masked.items() for name, mask in masks.items()
        ),
    }
    return {name: text for name, text in found.items() if text}


def _plain(name: str) -> str:
    """A column's name as a header can hold it."""
    return name.encode("ascii", "backslashreplace").decode()
