"""Reading for products elsewhere: the files of exactly the snapshot that was granted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import FileResponse, Response

from weft.access.permissions import Action, Caller
from weft.api.documents import decoded
from weft.api.publishing.scanning import Scanning
from weft.model.handover import Scan, ScanAsked
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.routes.publications import Content
from weft.server.routes.registry import as_json
from weft.server.wire import one, sent, told

router = APIRouter(prefix="/api/v1", tags=["reading"], responses=refusals(404, 409, 413, 415, 429))
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]


def _scanning(request: Request) -> Scanning:
    found: Scanning = request.app.state.platform.scanning
    return found


@router.post("/scans", status_code=201, openapi_extra=sent(one(ScanAsked)), responses=told(one(Scan), 201))
def scan(request: Request, caller: Reader, content: Content) -> Response:
    """The files of a snapshot that a product, or a person of its domain, may read, with a token for them."""
    answer = as_json(_scanning(request).scan(caller, decoded(content, ScanAsked)))
    answer.status_code = 201
    return answer


@router.get(
    "/scans/{scan_id}/files/{number}",
    response_class=FileResponse,
    responses={307: {"description": "it lies in an object store: it is fetched from there, without the token"}},
)
def file(
    request: Request, caller: Reader, scan_id: str, number: int, x_scan_token: Annotated[str, Header()]
) -> Response:
    """A file of a scan, whole or the part that a `Range` names."""
    path = _scanning(request).file(caller, scan_id, x_scan_token, number)
    address = _scanning(request).address(path)
    if address is not None:
        return Response(status_code=307, headers={"Location": address, "Cache-Control": "no-store"})
    return FileResponse(path, media_type="application/vnd.apache.parquet")
