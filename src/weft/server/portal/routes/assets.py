"""Scripts and styles."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.server.permitted import Permitted
from weft.server.portal.assets import FOLDER, manifest

router = APIRouter(tags=["portal"], include_in_schema=False)
Anybody = Annotated[Caller, Depends(Permitted(Action.SIGN_IN))]
_MEDIA = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}


@router.get("/assets/{name}")
def asset(request: Request, caller: Anybody, name: Annotated[str, Path(max_length=100)]) -> Response:
    """A file that was bundled; its address changes with its content."""
    if name not in manifest().values():
        raise HTTPException(404)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "Vary": "Accept-Encoding",
        "X-Content-Type-Options": "nosniff",
        **({"Content-Encoding": "gzip"} if packed else {}),
    }
    content = (FOLDER / (f"{name}.gz" if packed else name)).read_bytes()
    return Response(content, media_type=_MEDIA[name.rpartition(".")[2]], headers=headers)
