"""Where one begins: home, search, and lists of what there is."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.catalog import Filters
from weft.api.portal import finding
from weft.catalog.looks import Within
from weft.catalog.search import EVERYTHING, KINDS
from weft.server.portal.formats import page_of, path_of
from weft.server.portal.rendering import SECTIONS, environment, html, platform_of, show
from weft.server.portal.visiting import Visiting
from weft.server.quickly import quickly

router = APIRouter(tags=["portal"], include_in_schema=False)
Visitor = Annotated[Caller, Depends(Visiting(Action.READ_METADATA))]
_Word = Annotated[str | None, Query(max_length=200)]
_Cursor = Annotated[str | None, Query(max_length=1000)]


@router.get("/")
async def home(request: Request, caller: Visitor) -> Response:
    """What waits for the caller, what is new, and the domains."""
    return await quickly(
        request, lambda: show(request, caller, "home.html", finding.home(platform_of(request), caller), title="Home")
    )


@router.get("/search")
async def search(
    request: Request,
    caller: Visitor,
    q: Annotated[str, Query(max_length=200)] = "",
    kind: Annotated[str | None, Query(pattern=f"^({'|'.join(KINDS)})?$")] = None,
    domain: _Word = None,
    status: _Word = None,
    classification: _Word = None,
    owner: _Word = None,
    tag: _Word = None,
    freshness: _Word = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 25,
) -> Response:
    """What the words mean, best first, and why; htmx gets the results alone."""

    within = Within(
        kind or None,
        domain or None,
        status or None,
        classification or None,
        owner or None,
        tag or None,
        freshness or None,
    )

    def found() -> Response:
        page = finding.search(platform_of(request), caller, q, within, limit)
        whole = request.headers.get("hx-target") != "found"
        return show(request, caller, "search.html" if whole else "_found.html", page, title=q or "Search", limit=limit)

    return await quickly(request, found)


@router.get("/palette")
async def palette(request: Request, caller: Visitor, q: Annotated[str, Query(max_length=200)] = "") -> Response:
    """Where the palette can go: pages of that name first, then what the mesh has."""

    def found() -> Response:
        pages = [s for s in SECTIONS if q.lower() in s.title.lower()]
        lines: list[dict[str, Any]] = [
            {"kind": "page", "title": s.title, "address": "", "path": s.path} for s in pages[: 3 if q else None]
        ]
        hits = finding.search(platform_of(request), caller, q, EVERYTHING, 8) if q else {"results": [], "terms": []}
        for one in hits["results"]:
            title = one["title"] or one["address"]
            lines.append(
                {"kind": one["kind"], "title": title, "address": one["address"], "path": path_of(one["address"])}
            )
        for one in hits["terms"]:
            path = page_of("term", one["name"])
            lines.append({"kind": "term", "title": one["title"], "address": one["name"], "path": path})
        return html(environment().get_template("_palette.html").render(found=lines))

    return await quickly(request, found)


@router.get("/products")
async def products(
    request: Request,
    caller: Visitor,
    domain: _Word = None,
    status: _Word = None,
    tag: _Word = None,
    owner: _Word = None,
    cursor: _Cursor = None,
) -> Response:
    """Products, in the order of their addresses."""
    filters = Filters(domain=domain or None, status=status or None, tag=tag or None, owner=owner or None)

    def found() -> Response:
        page = finding.products(platform_of(request), caller, filters, cursor)
        return show(request, caller, "products.html", page, title="Data products")

    return await quickly(request, found)


@router.get("/domains/{domain}")
async def domain(request: Request, caller: Visitor, domain: str) -> Response:
    """A domain: who answers for it, and its products."""

    def found() -> Response:
        page = finding.domain(platform_of(request), caller, domain)
        return show(request, caller, "domain.html", page, title=page["title"])

    return await quickly(request, found)
