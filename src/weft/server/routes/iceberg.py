"""The mesh as an Iceberg REST catalog, for reading (Source: Apache Iceberg, REST catalog API)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import APIRouter, Depends, Form, Header, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from weft.access.permissions import Action, Caller
from weft.access.vended_keys import REGION
from weft.api.wires.data_pages import no_cursor
from weft.api.wires.iceberg import Loaded, Namespace
from weft.errors import AccessDenied, UsageError, error
from weft.server.answers import refusals
from weft.server.cookies import origin_of
from weft.server.foreign_problems import CATALOG
from weft.server.permitted import PermittedBearer, PermittedUnknown, bearer_of

T = TypeVar("T")
_SEPARATOR = "\x1f"
_GRANTS = ("client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange")
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_LASTS_S = 3600
"""How long a client may use a token before it asks for it again; it is asked about in each request anyway."""

ENDPOINTS = (
    "GET /v1/{prefix}/namespaces",
    "GET /v1/{prefix}/namespaces/{namespace}",
    "HEAD /v1/{prefix}/namespaces/{namespace}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "HEAD /v1/{prefix}/namespaces/{namespace}/tables/{table}",
    "GET /v1/{prefix}/namespaces/{namespace}/tables/{table}/credentials",
    "POST /v1/{prefix}/namespaces/{namespace}/tables/{table}/metrics",
)
"""What works here, as clients are told; whatever is not in it they do not ask for."""

router = APIRouter(prefix=CATALOG, tags=["iceberg"], responses=refusals(404, 429))
Reader = Annotated[Caller, Depends(PermittedBearer(Action.QUERY))]
Anybody = Annotated[Caller, Depends(PermittedUnknown(Action.SIGN_IN))]
InPath = Annotated[
    str,
    Path(
        max_length=300,
        alias="namespace",
        description="a domain, or domain and product with the sign 1F between (`%1F`)",
        examples=["operations%1Fon_time"],
    ),
]
TableName = Annotated[
    str, Path(max_length=200, alias="table", description="a port, or `port@major`", examples=["flights"])
]
PageToken = Annotated[
    str | None, Query(alias="pageToken", max_length=300, description="`next-page-token` of the page before")
]
PageSize = Annotated[int | None, Query(alias="pageSize", ge=1, le=10_000, description="how many at most")]
Purpose = Annotated[str | None, Header(alias="Weft-Purpose", max_length=500, description="what the rows are for")]


class Config(BaseModel):
    """What a client has to know first."""

    defaults: dict[str, str]
    overrides: dict[str, str]
    endpoints: list[str]


class TokenAnswer(BaseModel):
    """A token for a client."""

    access_token: str
    token_type: str = "bearer"
    expires_in: int
    issued_token_type: str = _ACCESS_TOKEN


class Namespaces(BaseModel):
    """Namespaces, and how the list goes on."""

    namespaces: list[list[str]]
    next_page_token: str | None = Field(None, serialization_alias="next-page-token")


class OneNamespace(BaseModel):
    """A namespace."""

    namespace: list[str]
    properties: dict[str, str]


class TableIdentifier(BaseModel):
    """A table by its name."""

    namespace: list[str]
    name: str


class Tables(BaseModel):
    """Tables, and how the list goes on."""

    identifiers: list[TableIdentifier]
    next_page_token: str | None = Field(None, serialization_alias="next-page-token")


class StorageCredential(BaseModel):
    """Keys for the files below a location."""

    prefix: str
    config: dict[str, str]


class Credentials(BaseModel):
    """Keys for the files of a table."""

    storage_credentials: list[StorageCredential] = Field(serialization_alias="storage-credentials")


class LoadedTable(BaseModel):
    """A table: Iceberg's metadata of it, and how its files are reached."""

    metadata_location: str | None = Field(None, serialization_alias="metadata-location")
    metadata: dict[str, Any]
    config: dict[str, str]
    storage_credentials: list[StorageCredential] = Field(serialization_alias="storage-credentials")
    read_restrictions: dict[str, Any] | None = Field(None, serialization_alias="read-restrictions")


class Report(BaseModel):
    """What a client has measured while it read."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)

    report_type: str = Field(alias="report-type", max_length=100)


@router.get("/config")
def config(request: Request, caller: Reader, warehouse: Annotated[str | None, Query(max_length=500)] = None) -> Config:
    """What works here. There is one warehouse, however it is named."""
    return Config(defaults={}, overrides={}, endpoints=list(ENDPOINTS))


@router.post("/oauth/tokens")
def token(
    request: Request,
    response: Response,
    caller: Anybody,
    grant_type: Annotated[str, Form(max_length=100)] = "",
    client_id: Annotated[str, Form(max_length=200)] = "",
    client_secret: Annotated[str, Form(max_length=8_000)] = "",
    subject_token: Annotated[str, Form(max_length=8_000)] = "",
) -> TokenAnswer:
    """A token for client credentials: the secret is a token of weft, and goes on to be asked about in each request."""
    if not client_secret:
        client_id, client_secret = _basic(request.headers.get("authorization", ""), client_id)
    if grant_type not in _GRANTS:
        fix = "send `grant_type=client_credentials`"
        raise UsageError(error("WFT-SRV-094", f"`grant_type` is `{grant_type[:40]}`", fix=fix))
    secret = subject_token if grant_type != _GRANTS[0] else client_secret
    if not secret:
        fix = "give a token of weft as `client_secret`"
        raise UsageError(error("WFT-SRV-094", "the request has no secret", fix=fix))
    platform = request.app.state.platform
    found: Caller | None = platform.identity.of_bearer(secret)
    if found is None or client_id not in ("", found.name, found.name.partition(":")[2]):
        raise AccessDenied(
            error("WFT-SRV-095", "nobody is known by these credentials", fix="`weft token create` makes a token")
        )
    response.headers["Cache-Control"] = "no-store"
    left = int((found.until - platform.rooms.now()).total_seconds()) if found.until is not None else _LASTS_S
    return TokenAnswer(access_token=secret, expires_in=max(1, min(left, _LASTS_S)))


@router.get("/namespaces", response_model_exclude_none=True)
async def namespaces(
    request: Request,
    caller: Reader,
    parent: Annotated[str | None, Query(max_length=300, description="the namespace above")] = None,
    page_token: PageToken = None,
    page_size: PageSize = None,
) -> Namespaces:
    """The namespaces right below another one, or domains, in which the caller may read a table."""
    above = _parts(parent) if parent else ()
    found = await _asked(request, partial(request.app.state.platform.iceberg.namespaces, caller, above))
    names, following = _page([_SEPARATOR.join(one) for one in found], page_token, page_size)
    return Namespaces(namespaces=[list(_parts(name)) for name in names], next_page_token=following)


@router.get("/namespaces/{namespace}")
async def namespace(request: Request, caller: Reader, named: InPath) -> OneNamespace:
    """A namespace in which the caller may read a table."""
    await _asked(request, partial(request.app.state.platform.iceberg.namespace, caller, _parts(named)))
    return OneNamespace(namespace=list(_parts(named)), properties={})


@router.head("/namespaces/{namespace}", status_code=204)
async def namespace_exists(request: Request, caller: Reader, named: InPath) -> None:
    """Whether there is a namespace in which the caller may read a table."""
    await _asked(request, partial(request.app.state.platform.iceberg.namespace, caller, _parts(named)))


@router.get("/namespaces/{namespace}/tables", response_model_exclude_none=True)
async def tables(
    request: Request, caller: Reader, named: InPath, page_token: PageToken = None, page_size: PageSize = None
) -> Tables:
    """The tables of a product of which the caller may read something, be it by SQL."""
    found = await _asked(request, partial(request.app.state.platform.iceberg.tables, caller, _parts(named)))
    names, following = _page(found, page_token, page_size)
    within = list(_parts(named))
    return Tables(
        identifiers=[TableIdentifier(namespace=within, name=name) for name in names], next_page_token=following
    )


@router.get(
    "/namespaces/{namespace}/tables/{table}",
    response_model=LoadedTable,
    responses={304: {"description": "What the caller has is still so"}},
)
async def load(
    request: Request,
    caller: Reader,
    named: InPath,
    table: TableName,
    purpose: Purpose = None,
    restrictions: Annotated[
        str | None,
        Header(
            alias="Weft-Read-Restrictions",
            max_length=100,
            description="`announce`: a table of which columns are masked comes without files, with `read-restrictions`",
        ),
    ] = None,
    if_none_match: Annotated[str, Header(max_length=8_000)] = "",
) -> Response:
    """A table with its current snapshot, and keys for its files, for whoever sees all of it."""
    has = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",") if tag.strip()]
    found = await _loaded(request, caller, named, table, purpose, has, restrictions == "announce")
    headers = {"ETag": found.tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    if found.metadata is None:
        return Response(status_code=304, headers=headers)
    keys = _keys(request, found, named, table)
    body: dict[str, Any] = {
        "metadata": found.metadata,
        "config": keys,
        "storage-credentials": [{"prefix": f"{found.below}/", "config": keys}] if keys else [],
    }
    if found.metadata_location is not None:
        body["metadata-location"] = found.metadata_location
    if found.restrictions is not None:
        body["read-restrictions"] = found.restrictions
    return Response(msgspec.json.encode(body), media_type="application/json", headers=headers)


@router.head("/namespaces/{namespace}/tables/{table}", status_code=204)
async def table_exists(
    request: Request, caller: Reader, named: InPath, table: TableName, purpose: Purpose = None
) -> None:
    """Whether there is a table of which the caller may read something."""
    asked = partial(request.app.state.platform.iceberg.exists, caller, _parts(named), table, purpose)
    await _asked(request, asked)


@router.get("/namespaces/{namespace}/tables/{table}/credentials")
async def credentials(
    request: Request,
    response: Response,
    caller: Reader,
    named: InPath,
    table: TableName,
    purpose: Purpose = None,
    snapshot: Annotated[
        str | None, Query(max_length=19, pattern="^[0-9]+$", description="the data version that is being read")
    ] = None,
) -> Credentials:
    """New keys for the files of a table, for whoever sees all of it: of the current data version, or of one."""
    found = await _loaded(request, caller, named, table, purpose, [], False, snapshot)
    response.headers["Cache-Control"] = "no-store"
    made = StorageCredential(prefix=f"{found.below}/", config=_keys(request, found, named, table))
    return Credentials(storage_credentials=[made])


@router.post("/namespaces/{namespace}/tables/{table}/metrics", status_code=204)
async def metrics(request: Request, caller: Reader, named: InPath, table: TableName, report: Report) -> None:
    """Takes what a client has measured, and keeps nothing of it: who reads what is written down as it is read."""
    await _asked(request, partial(request.app.state.platform.iceberg.exists, caller, _parts(named), table))


async def _asked(request: Request, work: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(request.app.state.platform.querying.asking, work)


async def _loaded(
    request: Request,
    caller: Caller,
    named: str,
    table: str,
    purpose: str | None,
    has: list[str],
    restricted: bool,
    at: str | None = None,
) -> Loaded:
    catalog = request.app.state.platform.iceberg
    asked = partial(
        catalog.load,
        caller,
        bearer_of(request),
        _parts(named),
        table,
        purpose=purpose,
        has=has,
        restricted=restricted,
        at=at,
    )
    return await _asked(request, asked)


def _parts(text: str) -> Namespace:
    return tuple(text.split(_SEPARATOR))


def _page(names: list[str], token: str | None, size: int | None) -> tuple[list[str], str | None]:
    """A part of a list in order, and how it goes on: behind the last name of the part."""
    left = [name for name in names if name > _behind(token)] if token else names
    shown = left[:size] if size is not None else left
    following = base64.urlsafe_b64encode(shown[-1].encode()).decode() if len(shown) < len(left) else None
    return shown, following


def _behind(token: str) -> str:
    """The name behind which a page begins.

    Raises:
        UsageError: WFT-SRV-063, no page has given this token.
    """
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise no_cursor() from None


def _keys(request: Request, found: Loaded, named: str, table: str) -> dict[str, str]:
    """How a client reaches the files: in the words of Iceberg's S3 clients."""
    keys = found.keys
    if keys is None or keys.session_token is None:
        return {}
    within = f"{named.replace(_SEPARATOR, '%1F')}/tables/{table}"
    snapshot = found.metadata["current-snapshot-id"]
    own = {"s3.endpoint": origin_of(request), "s3.path-style-access": "true", "s3.region": REGION}
    store = found.store if found.store is not None else own
    return {
        **store,
        "client.region": store["s3.region"],
        "s3.access-key-id": keys.access_key.value,
        "s3.secret-access-key": keys.secret_key.value,
        "s3.session-token": keys.session_token.value,
        "s3.session-token-expires-at-ms": str(found.keys_end_ms),
        "client.refresh-credentials-enabled": "true",
        "client.refresh-credentials-endpoint": f"v1/namespaces/{within}/credentials?snapshot={snapshot}",
    }


def _basic(authorization: str, client_id: str) -> tuple[str, str]:
    """Client credentials as a header has them (RFC 6749, section 2.3.1)."""
    kind, _, rest = authorization.partition(" ")
    if kind.lower() != "basic":
        return client_id, ""
    try:
        name, _, secret = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeError):
        return client_id, ""
    return client_id or name, secret
