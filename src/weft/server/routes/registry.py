"""The registry as its clients read it: `registry = "https://…"` in a domain's own repository."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from weft.access.permissions import Action, Caller
from weft.api.reading import Reading, encoded
from weft.model.address import ProductAddress
from weft.model.document import Carried
from weft.model.handover import ChecksAsked
from weft.model.lineage import LineageEdge
from weft.model.publication import KeptTable, PortState, Publication
from weft.model.records import DomainRecord, Event, ProductRecord, Run
from weft.server.answers import refusals
from weft.server.moments import Moment
from weft.server.permitted import Permitted
from weft.server.wire import Schema, many, maybe, told

router = APIRouter(prefix="/api/v1/registry", tags=["registry"], responses=refusals(404, 409, 413, 415, 429))
Reader = Annotated[Caller, Depends(Permitted(Action.READ_METADATA))]
Publisher = Annotated[Caller, Depends(Permitted(Action.PUBLISH))]
Limit = Annotated[int, Query(ge=0, le=10_000)]
_JSON = "application/json"
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_ADDRESSES: Schema = many(ProductAddress)
_EDGES: Schema = {
    "type": "array",
    "items": {"anyOf": [many(LineageEdge), {"type": "boolean"}]},
    "minItems": 2,
    "maxItems": 2,
    "description": "edges, and whether the limit cut them",
}


def _known(shape: Schema) -> dict[int | str, dict[str, Any]]:
    return {**told(shape), 304: {"description": "as it was when it was asked for the last time"}}


class LineageAsked(BaseModel):
    """Where lineage begins, which way it goes and how far."""

    model_config = ConfigDict(extra="forbid", strict=True)

    nodes: list[str]
    up: bool = True
    depth: int = Field(1, ge=0, le=2**31, description="1000 at most is answered")
    limit: int = Field(10_000, ge=0, le=2**31, description="10000 at most is answered")


def _reading(request: Request) -> Reading:
    found: Reading = request.app.state.platform.reading
    return found


def _unchanged(request: Request, caller: Caller) -> tuple[str, Response | None]:
    """The tag of what is registered now, and the answer where the client has that already."""
    tag = _reading(request).tag(caller)
    same = request.headers.get("if-none-match") == tag
    return tag, Response(status_code=304, headers={"ETag": tag}) if same else None


def _tagged(content: bytes, tag: str) -> Response:
    return Response(content, media_type=_JSON, headers={"ETag": tag, "Cache-Control": "private, no-cache"})


@router.get("/ports", responses=_known(many(PortState)))
def ports(request: Request, caller: Reader) -> Response:
    """Every port that was ever published."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).ports(caller), tag)


@router.get("/products", responses=_known(many(ProductRecord)))
def products(request: Request, caller: Reader, after: str | None = None, limit: Limit = 1000) -> Response:
    """Every registered product; or, with `after`, the next ones behind an address."""
    tag, unchanged = _unchanged(request, caller)
    if after is None:
        return unchanged or _tagged(_reading(request).products(caller), tag)
    return unchanged or _tagged(_reading(request).products_after(caller, after, limit), tag)


@router.get("/products/{address}", responses=_known(maybe(ProductRecord)))
def product(request: Request, caller: Reader, address: str) -> Response:
    """One product. Null where there is none."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).product(caller, address), tag)


@router.get("/products/{address}/ports", responses=_known(many(PortState)))
def ports_of(request: Request, caller: Reader, address: str) -> Response:
    """The ports of one product."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).ports_of(caller, address), tag)


@router.get("/domains/{name}", responses=_known(maybe(DomainRecord)))
def domain(request: Request, caller: Reader, name: str) -> Response:
    """One domain. Null where there is none."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).domain(name), tag)


@router.get("/domains", responses=_known(many(DomainRecord)))
def domains(request: Request, caller: Reader) -> Response:
    """Every registered domain."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).domains(), tag)


@router.get("/policies", responses={**told(many(Carried))})
def policies(request: Request, caller: Reader) -> Response:
    """The policies of the platform, as their files have them: what a plan elsewhere is held against."""
    return Response(_reading(request).policies(), media_type=_JSON)


@router.get("/ports/{address}", responses=_known(maybe(PortState)))
def port(request: Request, caller: Reader, address: str) -> Response:
    """One port; without major its default major. Null where there is none."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).port(caller, address), tag)


@router.get("/ports/{address}/publication", responses=_known(maybe(Publication)))
def publication(
    request: Request, caller: Reader, address: str, snapshot: str | None = None, at: Moment | None = None
) -> Response:
    """The current publication of a port, that of a snapshot, or that of a time."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).publication(caller, address, snapshot, at), tag)


@router.get("/ports/{address}/history", responses=_known(many(Publication)))
def history(
    request: Request,
    caller: Reader,
    address: str,
    before: Annotated[int | None, Query(ge=0, le=2**53)] = None,
    limit: Limit | None = None,
) -> Response:
    """Publications of a port, newest first."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).history(caller, address, before, limit), tag)


@router.get("/ports/{address}/consumers", responses=_known(_ADDRESSES))
def consumers(request: Request, caller: Reader, address: str) -> Response:
    """Products that read a port."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).consumers(caller, address), tag)


@router.get("/kept-tables", responses=_known(many(KeptTable)))
def kept_tables(request: Request, caller: Reader, product: str | None = None) -> Response:
    """What private models keep, of products that the caller may publish."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).kept_tables(caller, product), tag)


@router.get("/nodes", responses=_known(_TEXTS))
def nodes(request: Request, caller: Reader, table: str) -> Response:
    """Lineage nodes of a table's columns."""
    tag, unchanged = _unchanged(request, caller)
    return unchanged or _tagged(_reading(request).nodes(caller, table), tag)


@router.post("/lineage", responses=told(_EDGES))
def lineage(request: Request, caller: Reader, asked: LineageAsked) -> Response:
    """Edges within `depth` hops of nodes, and whether the limit cut them. Changes nothing."""
    content = _reading(request).lineage(caller, asked.nodes, up=asked.up, depth=asked.depth, limit=asked.limit)
    return Response(content, media_type=_JSON)


@router.get("/runs", responses=told(many(Run)))
def runs(
    request: Request,
    caller: Reader,
    port: str | None = None,
    limit: Limit = 20,
    before: Moment | None = None,
    before_id: str = "",
) -> Response:
    """The newest runs, of one port or of all; with `before`, those that began before a run."""
    found = _reading(request).runs(caller, port, limit, (before, before_id) if before is not None else None)
    return Response(found, media_type=_JSON)


@router.get("/runs/{run_id}", responses=told(maybe(Run)))
def run(request: Request, caller: Reader, run_id: str) -> Response:
    """One run. Null where there is none."""
    return Response(_reading(request).run(caller, run_id), media_type=_JSON)


@router.get("/runs/{run_id}/checks", responses=told(many(ChecksAsked)))
def checks(request: Request, caller: Reader, run_id: str, port: str | None = None) -> Response:
    """Check results of a run; of rows that fail them what the caller may read, which is written down."""
    return Response(_reading(request).checks(caller, run_id, port), media_type=_JSON)


@router.get("/events", responses=told(many(Event)))
def events(
    request: Request,
    caller: Annotated[Caller, Depends(Permitted(Action.READ_EVENTS))],
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=0, le=10_000)] = 1000,
) -> Response:
    """The event log after a sequence number."""
    return Response(_reading(request).events(caller, after, limit), media_type=_JSON)


@router.get("/last-event")
def last_event(request: Request, caller: Reader) -> int:
    """The newest sequence number: it moves with everything that happens."""
    return _reading(request).last_event()


@router.post("/ports/{address}/retire", status_code=204)
def retire(request: Request, caller: Publisher, address: str, run_id: Annotated[str, Body(embed=True)]) -> None:
    """Ends reading of a port whose product is gone."""
    _reading(request).retire(caller, address, run_id)


@router.post("/ports/{address}/release", status_code=204)
def release(request: Request, caller: Publisher, address: str) -> None:
    """Takes the pin of a rollback away."""
    _reading(request).release(caller, address)


@router.post("/ports/{address}/default", status_code=204)
def set_default(request: Request, caller: Publisher, address: str) -> None:
    """Makes a major the one that the address without major means."""
    _reading(request).set_default(caller, address)


def as_json(value: Any) -> Response:
    """A value of the model as an answer."""
    return Response(encoded(value), media_type=_JSON)
