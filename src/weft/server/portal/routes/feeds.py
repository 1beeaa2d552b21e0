"""Feeds: the catalog as linked data, maps of its pages, what changes. With what the caller may know of."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response, StreamingResponse

from weft.access.permissions import Action, Caller
from weft.api.feeds import Feeds
from weft.server import cookies
from weft.server.answers import refusals
from weft.server.permitted import Permitted
from weft.server.portal.rendering import platform_of, show
from weft.server.portal.visiting import Visiting

router = APIRouter(prefix="/feeds", tags=["feeds"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
_Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before")]
_XML, _JSON_LD, _ATOM = "application/xml", "application/ld+json", "application/atom+xml"
_HEADERS = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie", "X-Content-Type-Options": "nosniff"}


def _gives(media: str, what: str) -> dict[int | str, dict[str, object]]:
    text = {"schema": {"type": "object" if media == _JSON_LD else "string"}}
    return {200: {"description": what, "content": {media: text}}, **refusals()}


@router.get("", include_in_schema=False)
def feeds(request: Request, caller: Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]) -> Response:
    """Which feeds there are."""
    base = cookies.origin_of(request)
    page = {
        "feeds": [
            {
                "path": "/feeds/catalog.jsonld",
                "title": "The catalog as linked data",
                "media": _JSON_LD,
                "what": "Products, ports and their services in DCAT-AP and DPROD, for data portals and other catalogs.",
            },
            {
                "path": "/feeds/changes.atom",
                "title": "What changes",
                "media": _ATOM,
                "what": "What was published and retired last, for readers of news; with ?domain= of one domain.",
            },
            {
                "path": "/feeds/sitemap.xml",
                "title": "A map of all pages",
                "media": _XML,
                "what": "Pages of domains, products and ports, for the search engine of the company.",
            },
        ],
        "base": base,
    }
    return show(request, caller, "feeds.html", page, title="Feeds")


@router.get(
    "/catalog.jsonld", response_class=Response, responses=_gives(_JSON_LD, "A graph of DCAT and DPROD, as JSON-LD")
)
def catalog(
    request: Request,
    caller: Reader,
    limit: Annotated[
        int | None, Query(ge=1, le=1000, description="only so many products; without it all, as they are read")
    ] = None,
    cursor: _Cursor = None,
) -> Response:
    """The catalog as linked data: whole, or page by page with `Link: <…>; rel="next"`."""
    found = _feeds(request, caller)
    if limit is None and cursor is None:
        return StreamingResponse(found.catalog(), media_type=_JSON_LD, headers=_HEADERS)
    size = limit or 100
    body, following = found.page(size, cursor)
    headers = dict(_HEADERS)
    if following is not None:
        after = f"{cookies.origin_of(request)}/feeds/catalog.jsonld?{urlencode({'limit': size, 'cursor': following})}"
        headers["Link"] = f'<{after}>; rel="next"'
    return Response(body, media_type=_JSON_LD, headers=headers)


@router.get("/sitemap.xml", response_class=Response, responses=_gives(_XML, "A list of maps (sitemaps.org)"))
def sitemaps(request: Request, caller: Reader) -> Response:
    """The list of maps of pages."""
    return StreamingResponse(_feeds(request, caller).sitemaps(), media_type=_XML, headers=_HEADERS)


@router.get("/sitemap/{kind}", response_class=Response, responses=_gives(_XML, "A map of pages (sitemaps.org)"))
def sitemap(
    request: Request, caller: Reader, kind: Literal["domain", "product", "port"], cursor: _Cursor = None
) -> Response:
    """A map of the pages of domains, products or ports."""
    return Response(_feeds(request, caller).sitemap(kind, cursor), media_type=_XML, headers=_HEADERS)


@router.get("/changes.atom", response_class=Response, responses=_gives(_ATOM, "A feed (RFC 4287)"))
def changes(
    request: Request,
    caller: Reader,
    domain: Annotated[
        str | None, Query(max_length=63, pattern="^[a-z0-9_]*$", description="only what is of this domain")
    ] = None,
) -> Response:
    """What was published and retired last, the newest first."""
    return Response(_feeds(request, caller).changes(domain or None), media_type=_ATOM, headers=_HEADERS)


def _feeds(request: Request, caller: Caller) -> Feeds:
    return Feeds(platform_of(request), caller, cookies.origin_of(request))
