"""The files of Iceberg tables, as S3 clients read them: with the keys of a table's answer, and for reading alone."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request
from starlette.responses import FileResponse, Response, StreamingResponse

from weft.access.permissions import Action
from weft.access.vended_keys import SignedRequest
from weft.api.platform import Platform
from weft.api.wires.iceberg_files import ByKeys, File
from weft.server.foreign_problems import FILES
from weft.server.permitted import Permitted

router = APIRouter(include_in_schema=False, tags=["iceberg"])
_RANGE = re.compile(r"bytes=(?P<first>[0-9]{0,18})-(?P<last>[0-9]{0,18})")


class PermittedByKeys(Permitted):
    """The guard of files: whoever has signed the request is known by the token that the keys were given for."""

    async def __call__(self, request: Request) -> ByKeys:  # type: ignore[override]
        """What the keys open.

        Raises:
            AccessDenied: WFT-SRV-091 nothing, WFT-SRV-092 they are over, and as a door says.
        """
        platform: Platform = request.app.state.platform
        found = await asyncio.get_running_loop().run_in_executor(
            platform.querying.asking, platform.iceberg.files.opened, _signed(request, platform)
        )
        request.state.caller = found.caller.name
        return found


@router.api_route(f"{FILES}/{{name:path}}", methods=["GET", "HEAD"])
async def file(request: Request, by: Annotated[ByKeys, Depends(PermittedByKeys(Action.QUERY))], name: str) -> Response:
    """A file, whole or the part that a `Range` names."""
    platform: Platform = request.app.state.platform
    asked = partial(platform.iceberg.files.file, by, name)
    found: File = await asyncio.get_running_loop().run_in_executor(platform.querying.asking, asked)
    headers = {"ETag": found.tag, "Cache-Control": "private, no-store", "Accept-Ranges": "bytes"}
    if found.path is not None:
        return FileResponse(found.path, headers=headers, media_type="application/octet-stream")
    wanted = request.headers.get("range", "").strip()
    if found.content is not None:
        return _part(found.content, wanted, headers)
    if request.method == "HEAD":
        return Response(headers={**headers, "Content-Length": str(found.size_bytes)})
    assert found.part is not None, "it lies here or in a store"
    known = wanted if _RANGE.fullmatch(wanted) else ""
    part = await asyncio.get_running_loop().run_in_executor(platform.querying.asking, found.part, known)
    told = {**headers, "Content-Length": str(part.size_bytes), **({"Content-Range": part.span} if part.span else {})}
    return StreamingResponse(part.chunks, part.status, told, "application/octet-stream")


def _part(content: bytes, wanted: str, headers: dict[str, str]) -> Response:
    """A small file that lies in memory, or a part of it (RFC 9110, 14.2); a header that says anything else is none."""
    match = _RANGE.fullmatch(wanted)
    size = len(content)
    if match is None or not (match["first"] or match["last"]):
        return Response(content, headers=headers, media_type="application/octet-stream")
    if match["first"]:
        first = int(match["first"])
        last = min(int(match["last"]), size - 1) if match["last"] else size - 1
    else:
        first, last = max(size - int(match["last"]), 0), size - 1
    if first > last:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    told = {**headers, "Content-Range": f"bytes {first}-{last}/{size}"}
    return Response(content[first : last + 1], 206, told, media_type="application/octet-stream")


def _signed(request: Request, platform: Platform) -> SignedRequest:
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = platform.rooms.settings.server.url
    if url:  # clients were told this address, and sign for it, whatever a proxy makes of it
        headers["host"] = urlsplit(url).netloc
    path = request.scope.get("raw_path", b"").partition(b"?")[0].decode("ascii", "replace")
    return SignedRequest(request.method, path, request.scope["query_string"].decode("ascii", "replace"), headers)
