"""What there is: domains, products, ports and their contracts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.api.catalog import Filters
from weft.catalog.looks import Within
from weft.catalog.search import KNOWN
from weft.errors import UsageError, error
from weft.model.address import Address, ProductAddress, parse_address
from weft.server import port_shapes, shapes
from weft.server.answers import answer, shown
from weft.server.permitted import Permitted
from weft.server.quickly import answered

if TYPE_CHECKING:
    from weft.api.catalog import Catalog

router = APIRouter(prefix="/api/v1", tags=["catalog"])
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=1000, description="`next` of the page before", examples=[None])]
Domain = Annotated[str | None, Query(max_length=63, description="only of this domain", examples=["fleet"])]
Status = Annotated[str | None, Query(max_length=63, description="only of this status", examples=["active"])]
Tag = Annotated[str | None, Query(max_length=200, description="only with this tag", examples=["aircraft"])]
Owner = Annotated[str | None, Query(max_length=200, description="only of this team", examples=["Fleet"])]
DomainName = Annotated[str, Path(examples=["fleet"])]
ProductName = Annotated[str, Path(examples=["aircraft"])]


def _one_of(facet: str) -> str:
    return f"^({'|'.join(KNOWN[facet])})$"


PortName = Annotated[str, Path(description="the port, with `@` and its major or without", examples=["planes@1"])]


@router.get("/domains", response_model=shapes.Domains, responses=shown())
async def domains(
    request: Request, caller: Reader, limit: Limit = 50, cursor: Cursor = None, tag: Tag = None, owner: Owner = None
) -> Response:
    """Domains, in the order of their names."""
    filters = Filters(tag=tag, owner=owner)
    return await answered(request, lambda: _catalog(request).listed(caller, "domain", filters, limit, cursor))


@router.get("/domains/{domain}", response_model=shapes.Domain, responses=shown(404))
async def domain(request: Request, caller: Reader, domain: DomainName) -> Response:
    """A domain: its owner and its members."""
    return await answered(request, lambda: _catalog(request).domain(domain))


@router.get("/products", response_model=shapes.Products, responses=shown())
async def products(
    request: Request,
    caller: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
    domain: Domain = None,
    status: Status = None,
    tag: Tag = None,
    owner: Owner = None,
) -> Response:
    """Products, in the order of their addresses."""
    filters = Filters(domain=domain, status=status, tag=tag, owner=owner)
    return await answered(request, lambda: _catalog(request).listed(caller, "product", filters, limit, cursor))


@router.get("/products/{domain}/{product}", response_model=shapes.Product, responses=shown(404))
async def product(request: Request, caller: Reader, domain: DomainName, product: ProductName) -> Response:
    """A product with its ports."""
    return await answered(request, lambda: _catalog(request).product(caller, ProductAddress(domain, product)))


@router.get("/ports", response_model=shapes.Ports, responses=shown())
async def ports(
    request: Request,
    caller: Reader,
    limit: Limit = 50,
    cursor: Cursor = None,
    domain: Domain = None,
    product: Annotated[
        str | None, Query(max_length=127, description="only of this product", examples=["fleet.aircraft"])
    ] = None,
    status: Status = None,
    tag: Tag = None,
    owner: Owner = None,
) -> Response:
    """Ports, in the order of their addresses; each major is one."""
    filters = Filters(domain=domain, product=product, status=status, tag=tag, owner=owner)
    return await answered(request, lambda: _catalog(request).listed(caller, "port", filters, limit, cursor))


@router.get("/ports/{domain}/{product}/{port}", response_model=port_shapes.Port, responses=shown(404))
async def port(request: Request, caller: Reader, domain: DomainName, product: ProductName, port: PortName) -> Response:
    """A port; without major its default one."""
    return await answered(request, lambda: _catalog(request).port(caller, parse_address(f"{domain}.{product}.{port}")))


@router.get("/ports/{domain}/{product}/{port}/history", response_model=port_shapes.History, responses=shown(404))
def history(
    request: Request,
    caller: Reader,
    domain: DomainName,
    product: ProductName,
    port: PortName,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    """The publications of a port, newest first."""
    address = parse_address(f"{domain}.{product}.{port}")
    return answer(request, _catalog(request).history(caller, address, limit, cursor))


@router.get(
    "/contracts/{domain}/{product}/{port}",
    responses={200: {"description": "The document (ODCS)", "content": {"application/json": {}}}, **shown(404)},
)
def contract(
    request: Request,
    caller: Reader,
    domain: DomainName,
    product: ProductName,
    port: Annotated[str, Path(description="the port, with `@` and a version or a major, or without")],
) -> Response:
    """The contract of a port as it was published (ODCS): the current one, or that of a version."""
    name, at, version = port.partition("@")
    address = parse_address(f"{domain}.{product}.{name}")
    if not at or (version.isdecimal() and len(version) < 10):
        address = parse_address(f"{domain}.{product}.{port}")
        return answer(request, _catalog(request).contract(caller, address, None))
    major = version.partition(".")[0]
    if not (major.isascii() and major.isdecimal() and len(major) < 10):
        raise UsageError(error("WFT-CAT-001", f"`{version}` is no version of a contract", fix="write it like `1.2.0`"))
    pinned = Address(address.domain, address.product, address.port, int(major))
    return answer(request, _catalog(request).contract(caller, pinned, version))


@router.get("/search", response_model=port_shapes.Found, responses=shown(404))
async def search(
    request: Request,
    caller: Reader,
    q: Annotated[str, Query(max_length=200, description="words; none list everything", examples=["tail number"])] = "",
    kind: Annotated[str | None, Query(pattern=_one_of("kind"), examples=["port"])] = None,
    domain: Domain = None,
    status: Annotated[str | None, Query(pattern=_one_of("status"), examples=["active"])] = None,
    classification: Annotated[str | None, Query(pattern=_one_of("classification"), examples=["internal"])] = None,
    owner: Owner = None,
    tag: Tag = None,
    freshness: Annotated[str | None, Query(pattern=_one_of("freshness"), examples=["fresh"])] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 20,
) -> Response:
    """What the words mean, best first, and why."""
    if kind == "term":
        return await answered(request, lambda: request.app.state.platform.glossaries.found(q, domain, limit))
    within = Within(kind, domain, status, classification, owner, tag, freshness)
    return await answered(request, lambda: _catalog(request).search(caller, q, within, limit))


@router.get("/lineage", response_model=port_shapes.Lineage, responses=shown(404))
def lineage(
    request: Request,
    caller: Reader,
    node: Annotated[
        str,
        Query(max_length=500, description="a port or source, or a column of one", examples=["fleet.aircraft.planes@1"]),
    ],
    direction: Annotated[str, Query(pattern="^(up|down|both)$", examples=["up"])] = "both",
    depth: Annotated[int, Query(ge=1, le=20, description="hops between ports or sources")] = 5,
) -> Response:
    """What a port or column is made from, and what is made from it."""
    up, down = direction in ("up", "both"), direction in ("down", "both")
    return answer(request, _catalog(request).lineage(caller, node, up=up, down=down, depth=depth))


def _catalog(request: Request) -> Catalog:
    found: Catalog = request.app.state.platform.catalog
    return found
