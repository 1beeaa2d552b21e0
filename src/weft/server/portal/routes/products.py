"""Data products and their ports."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.portal import ports as port_pages
from weft.api.portal import products as product_pages
from weft.api.portal.connecting import Way
from weft.model.address import ProductAddress, parse_address
from weft.server.cookies import origin_of
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
Name = Annotated[str, Path(max_length=200)]
Cursor = Annotated[str | None, Query(max_length=1000)]
_Word = Annotated[str | None, Query(max_length=300)]
_ProductTab = Annotated[str, Query(pattern=f"^({'|'.join(product_pages.TABS)})$")]
_PortTab = Annotated[str, Query(pattern=f"^({'|'.join(port_pages.TABS)})$")]


def way_of(request: Request, caller: Caller) -> Way:
    """How clients reach this server, as far as it knows."""
    url = origin_of(request)
    settings = platform_of(request).rooms.settings.server
    secure = "grpc+tls" if url.startswith("https") else "grpc"
    host = url.partition("://")[2].rpartition(":")[0] or url.partition("://")[2]
    flight = settings.flight_url or (f"{secure}://{host}:{settings.flight_port}" if settings.flight_port else None)
    return Way(url, flight, caller.name)


@router.get("/products/{domain}/{product}")
async def product(
    request: Request,
    caller: Visitor,
    domain: Name,
    product: Name,
    tab: _ProductTab = "overview",
    port: _Word = None,
    cursor: Cursor = None,
) -> Response:
    """A data product: its line in view, and one tab of it."""
    asked = product_pages.Asked(tab, way_of(request, caller), port, cursor)

    def found() -> Response:
        page = product_pages.product(platform_of(request), caller, ProductAddress(domain, product), asked)
        return show(request, caller, "product.html", page, title=page["title"])

    return await quickly(request, found)


@router.get("/ports/{domain}/{product}/{port}")
async def port(
    request: Request,
    caller: Visitor,
    domain: Name,
    product: Name,
    port: Name,
    tab: _PortTab = "schema",
    cursor: Cursor = None,
    purpose: Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")] = None,
    counted: bool = False,
    old: Annotated[str | None, Query(max_length=100)] = None,
    new: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """A port: its line in view, and one tab of it."""
    address = parse_address(f"{domain}.{product}.{port}")
    asked = product_pages.Asked(tab, way_of(request, caller), None, cursor)
    detail = port_pages.Detail(purpose or None, counted, old or None, new or None)
    platform = platform_of(request)

    def found() -> Response:
        page = port_pages.port(platform, caller, address, asked, detail)
        return show(request, caller, "port.html", page, title=page["title"])

    if tab in port_pages.READING:
        return await asyncio.get_running_loop().run_in_executor(platform.querying.asking, found)
    return await quickly(request, found)
