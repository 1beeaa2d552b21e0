"""A contract as people read it: what it promises, its source, its versions, and what moved between two of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from weft.catalog.documents import contract_of
from weft.contracts.comparing.compatibility import changes
from weft.errors import UsageError, error
from weft.model.address import Address, parse_address
from weft.project.documents import dump

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform

Document = dict[str, Any]
_PAGES = 10
"""Pages of the history in which versions are looked for; older ones can be named all the same."""


def shown(platform: Platform, caller: Caller, page: Document, old: str | None, new: str | None) -> Document:
    """What the contract tab of a port has.

    Args:
        page: of the port.
        old: versions that are compared; `new` alone is compared with the one before it.

    Raises:
        UsageError: WFT-CAT-001, there is no such version.
    """
    address = parse_address(page["address"])
    document = platform.catalog.contract(caller, address, None)
    versions = list(_versions(platform, caller, page))
    compared = None
    if old is not None and new is not None:
        before, after = (_of_version(platform, caller, address, version) for version in (old, new))
        compared = {"old": old, "new": new, **changes(contract_of(before), contract_of(after)).as_json()}
    return {
        "document": _readable(document),
        "source": _source(json.dumps(document)),
        "versions": versions,
        "compared": compared,
        "download": f"/api/v1/contracts/{address.domain}/{address.product}/{address.port}@{address.major}",
    }


@lru_cache(128)
def _source(document: str) -> str:
    """A document as YAML. Writing it costs more than all else of the page, and it seldom changes."""
    return dump(json.loads(document))


def _versions(platform: Platform, caller: Caller, page: Document) -> Iterator[Document]:
    """The versions of all majors that were published, newest first, each with its newest publication."""
    for major in page["majors"]:
        seen, cursor = set[str](), None
        for _ in range(_PAGES):
            found = platform.catalog.history(caller, parse_address(major["address"]), 100, cursor)
            for one in found["items"]:
                if one["version"] not in seen:
                    seen.add(one["version"])
                    yield {
                        "address": major["address"],
                        "version": one["version"],
                        "published_at": one["published_at"],
                        "published_by": one["published_by"],
                        "current": one["version"] == major["version"],
                        "status": major["status"],
                    }
            cursor = found["next"]
            if cursor is None:
                break


def _of_version(platform: Platform, caller: Caller, address: Address, version: str) -> Mapping[str, Any]:
    major = version.partition(".")[0]
    if not (major.isascii() and major.isdecimal() and len(major) < 10):
        raise UsageError(
            error("WFT-CAT-001", f"`{version[:80]}` is no version of a contract", fix="write it like `1.2.0`")
        )
    pinned = Address(address.domain, address.product, address.port, int(major))
    return platform.catalog.contract(caller, pinned, version)


def _readable(document: Mapping[str, Any]) -> Document:
    """What of a contract people look for first; all of it stands in its source."""
    described = document.get("description")
    team = document.get("team")
    return {
        "id": _text(document.get("id")),
        "name": _text(document.get("name")),
        "version": _text(document.get("version")),
        "status": _text(document.get("status")),
        "api_version": _text(document.get("apiVersion")),
        "description": {k: _text(v) for k, v in described.items() if isinstance(v, str)}
        if isinstance(described, Mapping)
        else {},
        "promises": _rows(document.get("slaProperties"), ("property", "value", "unit", "element", "description")),
        "roles": _rows(document.get("roles"), ("role", "access", "description", "firstLevelApprovers")),
        "support": _rows(document.get("support"), ("channel", "tool", "url", "description")),
        "servers": _rows(document.get("servers"), ("server", "type", "environment", "description")),
        "team": _rows(team.get("members") if isinstance(team, Mapping) else team, ("username", "name", "role")),
        "price": {k: _text(v) for k, v in document["price"].items()}
        if isinstance(document.get("price"), Mapping)
        else {},
    }


def _rows(value: Any, names: tuple[str, ...]) -> list[dict[str, str | None]]:
    listed = value if isinstance(value, list) else []
    return [{name: _text(one.get(name)) for name in names} for one in listed if isinstance(one, Mapping)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
