"""The lineage explorer: each of its states is an address."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.portal import lineage, lineage_page, openlineage
from weft.api.portal.lenses import LENSES
from weft.api.portal.lineage import Asked
from weft.server.portal.rendering import environment, html, platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
_Node = Annotated[str, Query(max_length=500, pattern=_PRINTABLE)]
_Names = Annotated[list[str] | None, Query(max_length=200)]


def _asked(
    node: _Node = "",
    to: _Node = "",
    view: Annotated[str, Query(pattern="^(around|path|impact)$")] = "around",
    direction: Annotated[str, Query(pattern="^(up|down|both)$")] = "both",
    depth: Annotated[int, Query(ge=1, le=20)] = 1,
    lens: Annotated[str, Query(pattern=f"^({'|'.join(LENSES)})?$")] = "",
    edges: Annotated[str, Query(pattern="^(all|direct)$")] = "all",
    open: _Names = None,
    grow: _Names = None,
) -> Asked:
    """The state that an address says."""
    return Asked(node.strip(), to.strip(), view, direction, depth, lens, edges, tuple(open or ()), tuple(grow or ()))


State = Annotated[Asked, Depends(_asked)]


@router.get("/lineage")
async def explorer(request: Request, caller: Visitor, asked: State) -> Response:
    """What a node is made from and what is made from it, as a picture and as a table."""

    def found() -> Response:
        platform = platform_of(request)
        if not asked.node:
            page = lineage.beginning(platform, caller)
            return show(request, caller, "lineage_begin.html", page, title="Lineage", lenses=LENSES)
        page = lineage_page.page(platform, caller, asked)
        return show(request, caller, "lineage.html", page, title=f"Lineage of {page['node']}", lenses=LENSES)

    return await quickly(request, found)


@router.get("/lineage/openlineage")
async def as_openlineage(request: Request, caller: Visitor, asked: State) -> Response:
    """What a state shows, as events of OpenLineage, to be kept as a file."""

    def found() -> Response:
        platform = platform_of(request)
        explored = lineage.explored(platform, caller, asked)
        events = openlineage.events(explored, platform.rooms.settings.mesh.name, platform.rooms.now())
        headers = {
            "Content-Disposition": 'attachment; filename="lineage.openlineage.json"',
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(json.dumps(events, indent=2), media_type="application/json", headers=headers)

    return await quickly(request, found)


@router.get("/lineage/names")
async def names(request: Request, caller: Visitor, node: _Node = "", to: _Node = "") -> Response:
    """What the fields of the explorer can hold, as options."""

    def found() -> Response:
        lines = lineage.names(platform_of(request), caller, to or node)
        return html(environment().get_template("_lineage_names.html").render(found=lines))

    return await quickly(request, found)
