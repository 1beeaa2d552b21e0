"""Runs of domains elsewhere: opened, fed with files, handed in, ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from weft.access.permissions import Action, Caller
from weft.api.documents import decoded
from weft.api.publishing.addressing import announced
from weft.api.publishing.handing_in import HandingIn
from weft.api.publishing.runs import Publishing
from weft.errors import UsageError, error
from weft.model.handover import (
    AskedTable,
    Awaiting,
    ChecksAsked,
    Committed,
    Handover,
    Numbering,
    RollbackAsked,
    RunOpened,
    Upload,
    UploadAddress,
)
from weft.model.records import Run
from weft.registry.handovers import HandedIn, HandoverState
from weft.registry.meters import MetersTold
from weft.server.answers import refusals
from weft.server.own_threads import limiter_of
from weft.server.permitted import Permitted
from weft.server.routes.registry import as_json
from weft.server.wire import one, sent, told

router = APIRouter(prefix="/api/v1", tags=["publishing"], responses=refusals(404, 409, 413, 415, 429))
Publisher = Annotated[Caller, Depends(Permitted(Action.PUBLISH))]
_WAIT_S = 20.0
"""How long a publication is waited for before a client is told to ask again."""

_WAITED_AT_ONCE = 32
_limiters: RunVar[CapacityLimiter] = RunVar("publications")

_MOST_BYTES = 64 * 2**20
"""The largest document; files are uploaded by themselves."""

_CHUNK = 1 << 20
_COMMITTED: dict[int | str, dict[str, Any]] = {
    **told(one(Committed)),
    202: {
        "description": "it is being checked, or waits for somebody to agree: ask again at `Location`",
        "content": {"application/json": {"schema": one(Awaiting)}},
    },
}
_FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def _handing_in(request: Request) -> HandingIn:
    found: HandingIn = request.app.state.platform.handing_in
    return found


def _publishing(request: Request) -> Publishing:
    found: Publishing = request.app.state.platform.publishing
    return found


async def body(request: Request) -> bytes:
    """The body of a request, no larger than a document may be.

    Raises:
        UsageError: WFT-SRV-045.
    """
    read = bytearray()
    async for chunk in request.stream():
        read += chunk
        if len(read) > _MOST_BYTES:
            raise UsageError(error("WFT-SRV-045", f"a document has at most {_MOST_BYTES:,} bytes"))
    return bytes(read)


Content = Annotated[bytes, Depends(body)]


@router.post("/runs", status_code=201, openapi_extra=sent(one(Run)), responses=told(one(RunOpened), 201))
def open_run(request: Request, caller: Publisher, content: Content) -> Response:
    """Opens a run; gives the prefix under which it may put files. A run that is open already is opened again."""
    answer = as_json(_publishing(request).open(caller, decoded(content, Run)))
    answer.status_code = 201
    return answer


@router.put("/runs/{run_id}", status_code=204, openapi_extra=sent(one(Run)))
def finish_run(request: Request, caller: Publisher, run_id: str, content: Content) -> None:
    """Ends a run, with what came of its ports."""
    run = decoded(content, Run)
    if run.run_id != run_id:
        raise UsageError(error("WFT-SRV-003", "the path and the body name different runs"))
    _publishing(request).finish(caller, run)


@router.post("/runs/{run_id}/tables", openapi_extra=sent(one(AskedTable)), responses=told(one(Numbering)))
def number(request: Request, caller: Publisher, run_id: str, content: Content) -> Response:
    """Field ids for the columns of a table that a run is about to write."""
    return as_json(_publishing(request).number(caller, run_id, decoded(content, AskedTable)))


@router.put("/runs/{run_id}/checks", status_code=204, openapi_extra=sent(one(ChecksAsked)))
def record_checks(request: Request, caller: Publisher, run_id: str, content: Content) -> None:
    """Keeps the check results of a port that was not published."""
    _publishing(request).record_checks(caller, run_id, decoded(content, ChecksAsked))


@router.post("/runs/{run_id}/meters", status_code=204, openapi_extra=sent(one(MetersTold)))
def meter(request: Request, caller: Publisher, run_id: str, content: Content) -> None:
    """Keeps what a run has cost the machine that it builds on: processor time, and bytes of its sources."""
    asked = decoded(content, MetersTold)
    _publishing(request).meter(caller, run_id, asked.meters)


@router.put("/runs/{run_id}/files/{name}", openapi_extra=_FILE, responses=told(one(Upload)))
async def upload(
    request: Request,
    caller: Publisher,
    run_id: str,
    name: str,
    x_content_sha256: Annotated[str, Header()],
) -> Response:
    """Uploads a file of a run. The bytes go to the disk as they come; the disk is never waited for here."""
    told = request.headers.get("content-length", "")  # no parameter: it belongs to HTTP, and the web server reads it
    length = int(told) if told.isdecimal() else None
    incoming = await run_in_threadpool(_publishing(request).upload, caller, run_id, name, x_content_sha256, length)
    try:
        held = bytearray()
        async for chunk in request.stream():
            held += chunk
            if len(held) >= _CHUNK:
                await run_in_threadpool(incoming.write, bytes(held))
                held.clear()
        await run_in_threadpool(incoming.write, bytes(held))
        return as_json(await run_in_threadpool(incoming.done))
    finally:
        await run_in_threadpool(incoming.close)


@router.post("/runs/{run_id}/uploads", openapi_extra=sent(one(Upload)), responses=told(one(UploadAddress)))
def announce(request: Request, caller: Publisher, run_id: str, content: Content) -> Response:
    """The address to which one file of a run is put, where the warehouse lies in an object store."""
    return as_json(announced(_publishing(request), caller, run_id, decoded(content, Upload)))


@router.post("/publications", openapi_extra=sent(one(Handover)), responses=_COMMITTED)
async def publish(request: Request, caller: Publisher, content: Content) -> Response:
    """Hands in a publication. What is stated is checked, then committed whole, or refused; twice is once."""
    return await _waited(lambda wait_s: _handing_in(request).hand_in(caller, content, wait_s))


@router.get("/publications/{run_id}/{product}", responses=_COMMITTED)
async def publication(request: Request, caller: Publisher, run_id: str, product: str) -> Response:
    """How a publication stands; one that is being checked is waited for a while."""
    return await _waited(lambda wait_s: _handing_in(request).handed_in(caller, run_id, product, wait_s))


@router.post("/registry/ports/{address}/rollback", openapi_extra=sent(one(RollbackAsked)), responses=_COMMITTED)
async def roll_back(request: Request, caller: Publisher, address: str, content: Content) -> Response:
    """Shows earlier rows of a port again, where they keep today's contract."""
    asked = decoded(content, RollbackAsked)
    return await _waited(lambda wait_s: _handing_in(request).roll_back(caller, address, asked, wait_s))


async def _waited(ask: Callable[[float], HandedIn]) -> Response:
    """What is answered of a publication, in threads of their own: readers, and whoever asks whether the server lives,
    wait for none of these. When all of them wait, the next one is told to ask again."""
    waits = limiter_of(_limiters, _WAITED_AT_ONCE)
    if waits.available_tokens < 1:
        return await run_in_threadpool(lambda: _answer(ask(0.0)))
    return await to_thread.run_sync(lambda: _answer(ask(_WAIT_S)), limiter=waits)


def _answer(found: HandedIn) -> Response:
    place = f"/api/v1/publications/{found.run_id}/{found.product}"
    if found.state is HandoverState.WAITING:
        return Response(b"{}", 202, {"Location": place, "Retry-After": "1"}, "application/json")
    if found.state is HandoverState.HELD:  # for days, maybe
        return Response(found.answer, 202, {"Location": place, "Retry-After": "60"}, "application/json")
    return Response(found.answer, 200, {"Location": place}, "application/json")
