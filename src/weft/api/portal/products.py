"""The page of a data product: one line that is always in view, and a tab for each question about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.access.permissions import Action, may
from weft.api.portal.connecting import Way, first_rows, snippets
from weft.api.portal.standing import action, sees_all, standing
from weft.catalog.documents import contract_of, registered_contract
from weft.errors import WeftError
from weft.model.address import ProductAddress, parse_address
from weft.model.classification import Classification

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform

Document = dict[str, Any]
TABS = {
    "overview": "Overview",
    "quality": "Quality",
    "lineage": "Lineage",
    "runs": "Runs",
    "consumers": "Consumers",
    "usage": "Usage",
    "compliance": "Compliance",
    "changes": "Changes",
    "questions": "Questions",
    "connect": "Connect",
}
"""The tabs of a product, as they stand in its address and as people call them."""

_SEEN = 50
"""Ports of which the line in view is made; a product with more has its others in the list."""
_NEWEST = 20


class Asked(Struct, frozen=True):
    """Which part of a page is asked for.

    Attributes:
        way: how clients reach the server.
        port: the one that the tab is about, where it is about one.
    """

    tab: str
    way: Way
    port: str | None = None
    cursor: str | None = None


def product(platform: Platform, caller: Caller, address: ProductAddress, asked: Asked) -> Document:
    """A product with what one tab shows of it.

    Raises:
        UsageError: WFT-CAT-001 there is none at that address, WFT-SRV-006 the cursor belongs to another list.
    """
    found = platform.catalog.product(caller, address)
    here = f"/products/{address.domain}/{address.product}"
    stands = [standing(platform, caller, parse_address(port["address"])) for port in found["ports"][:_SEEN]]
    by_port = {one["address"]: one for one in stands}
    for port in found["ports"]:
        port["standing"] = by_port.get(port["address"])
        port["classification"] = level_of(platform, port["address"])
    head = {
        "freshness": worst(port["freshness"] for port in found["ports"] if port["status"] != "retired"),
        "checks": counted(port["checks"] for port in found["ports"] if port["status"] != "retired"),
        "classification": highest(port["classification"] for port in found["ports"]),
        "access": action(stands, here),
        "rating": platform.feedback.stars(address),
    }
    awaited = platform.approvals.awaited(caller, str(address))
    page = {**found, "approvals": awaited, "here": here, "tab": asked.tab, "tabs": TABS, "head": head}
    return page | _TABS[asked.tab](platform, caller, address, page, asked)


def level_of(platform: Platform, port: str) -> str:
    """The highest level of a port's columns."""
    state = platform.rooms.production.port(parse_address(port))
    document = registered_contract(platform.rooms.production, state) if state is not None else {}
    contract = contract_of(document)
    levels = [p.classification for p in contract.table.properties] if contract.objects else []
    return str(max(levels, default=Classification.INTERNAL))


def highest(levels: Iterable[str]) -> str | None:
    """The highest of some levels; None of none."""
    order = [str(level) for level in Classification]
    return max(levels, key=order.index, default=None)


def worst(states: Iterable[str]) -> str:
    """How fresh the least fresh one is; what promises nothing says nothing."""
    found = set(states)
    return next((state for state in ("late", "fresh") if state in found), "not_promised")


def counted(checks: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts of checks as one."""
    sums = dict.fromkeys(("passed", "warned", "failed", "error", "not_evaluated"), 0)
    for one in checks:
        for outcome, number in one.items():
            sums[outcome] += number
    return sums


def runs_of(platform: Platform, caller: Caller, ports: Iterable[str], limit: int = _NEWEST) -> list[Document]:
    """The newest runs of some ports, each once."""
    found: dict[str, Document] = {}
    own = set(ports)
    for port in sorted(own):
        for run in platform.records.runs(caller, port, limit, None)["items"]:
            run["ports"].sort(key=lambda one: one["address"] not in own)
            found.setdefault(run["run_id"], run)
    return sorted(found.values(), key=lambda run: (run["started_at"], run["run_id"]), reverse=True)[:limit]


def published(platform: Platform, caller: Caller, port: str, cursor: str | None = None) -> Document:
    """A page of a port's publications, each with the version of the one before it."""
    found = platform.catalog.history(caller, parse_address(port), _NEWEST, cursor)
    items = [{**one, "port": port} for one in found["items"]]
    for newer, older in pairwise(items):
        newer["before"] = older["version"]
    return {"items": items, "next": found["next"]}


def grants_of(platform: Platform, caller: Caller, ports: Iterable[str]) -> list[Document]:
    """Who holds grants on ports, as far as the caller may know: those of their own domain, and their own."""
    return [one for port in ports for one in platform.access.granted(caller, port) if one["holds"]]


def usage_of(platform: Platform, caller: Caller, address: ProductAddress) -> Document:
    """What a product cost and who read it in thirty days; nothing for whoever may not see that."""
    if not may(caller, Action.READ_USAGE, address.domain):
        return {"shown": False}
    by_day = platform.usage.of(caller, product=str(address), by=("day",))
    by_consumer = platform.usage.of(caller, product=str(address), by=("consumer", "purpose"))
    return {"shown": True, **by_day, "consumers": by_consumer["usage"]}


def violations_of(platform: Platform, caller: Caller, address: ProductAddress, cursor: str | None) -> Document:
    """What violates policies in a product, what is due first first."""
    found = platform.governance.violations(caller, product=str(address), limit=50, cursor=cursor)
    return {"violations": found["items"], "next": found["next"]}


def _overview(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    document = platform.catalog.require(caller, address).document
    team = document.get("team")
    members = team.get("members") if isinstance(team, Mapping) else None
    return {
        "support": _entries(document.get("support"), ("channel", "tool", "url", "description")),
        "team": _entries(members, ("username", "name", "role")),
        "graph": neighbours(page),
    }


def _quality(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    pages = [platform.catalog.port(caller, parse_address(port["address"])) for port in page["ports"][:_SEEN]]
    return {
        "quality": [
            {
                "address": one["address"],
                "title": one["title"],
                **one["quality"],
                "freshness": one["freshness"],
                "failing": [r for r in one["contract"]["rules"] if r["result"] in ("failed", "error")],
            }
            for one in pages
        ]
    }


def _runs(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    return {"runs": runs_of(platform, caller, (port["address"] for port in page["ports"]))}


def _lineage(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    return {
        "graph": neighbours(page),
        "edges": {p["address"]: hop(platform, caller, p["address"]) for p in page["ports"]},
    }


def _consumers(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    return {"grants": grants_of(platform, caller, (port["address"] for port in page["ports"]))}


def _usage(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    return {"usage": usage_of(platform, caller, address)}


def _compliance(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    return violations_of(platform, caller, address, asked.cursor)


def _changes(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    found = [one for port in page["ports"] for one in published(platform, caller, port["address"])["items"]]
    found.sort(key=lambda one: (one["published_at"], one["port"]), reverse=True)
    return {"changes": found[: 2 * _NEWEST]}


def _questions(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    return {
        "questions": platform.feedback.questions(caller, address, limit=_NEWEST, cursor=asked.cursor),
        "ratings": platform.feedback.ratings(caller, address, limit=_NEWEST),
    }


def _connect(platform: Platform, caller: Caller, address: ProductAddress, page: Document, asked: Asked) -> Document:
    names = [port["address"] for port in page["ports"] if port["status"] != "retired"]
    chosen = asked.port if asked.port in names else next(iter(names), None)
    if chosen is None:
        return {"chosen": None, "choices": names, "snippets": []}
    port = parse_address(chosen)
    stands = next(one["standing"] for one in page["ports"] if one["address"] == chosen)
    files = platform.catalog.state(caller, port).live is None and (stands is None or sees_all(stands))
    found = snippets(asked.way, port, files=files)
    return {"chosen": chosen, "choices": names, "snippets": found, "query": first_rows(port)}


def neighbours(page: Document) -> Document:
    """What a product or port is made from and who reads it, one hop each way."""
    sources = [s["name"] if isinstance(s, dict) else s for s in page["sources"]]
    up = page["reads"] if "reads" in page else page["upstream"]
    down = page["consumers"] if "consumers" in page else page["downstream"]
    return {"up": up, "sources": sources, "down": down}


def hop(platform: Platform, caller: Caller, port: str) -> Document:
    """The edges of a port's lineage, one hop each way; none where it has no lineage."""
    try:
        found = platform.catalog.lineage(caller, port, up=True, down=True, depth=1)
    except WeftError:
        return {"up": [], "down": []}
    return {
        "up": [e for e in found["edges"] if e["to"] == port],
        "down": [e for e in found["edges"] if e["from"] == port],
    }


def _entries(value: Any, names: Iterable[str]) -> list[dict[str, str]]:
    """The entries of a list of a document, with the texts of some fields."""
    listed = value if isinstance(value, list) else []
    names = tuple(names)
    return [
        {name: str(one[name]) if one.get(name) is not None else "" for name in names}
        for one in listed
        if isinstance(one, Mapping)
    ]


_TABS: Mapping[str, Callable[[Platform, Caller, ProductAddress, Document, Asked], Document]] = {
    "overview": _overview,
    "quality": _quality,
    "lineage": _lineage,
    "runs": _runs,
    "consumers": _consumers,
    "usage": _usage,
    "compliance": _compliance,
    "changes": _changes,
    "questions": _questions,
    "connect": _connect,
}
