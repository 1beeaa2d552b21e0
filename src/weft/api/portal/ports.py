"""The page of a port: its columns as the caller sees them, a sample, figures, the contract, and how it has kept it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from weft.access.permissions import Action, may
from weft.api.portal import contracts, products
from weft.api.portal.connecting import first_rows, snippets
from weft.api.portal.profile import counted, profile
from weft.api.portal.standing import action, sees_all, standing
from weft.api.wires.data_pages import Wanted
from weft.catalog.documents import contract_of, registered_contract
from weft.errors import WeftError
from weft.governance.concepts import bindings
from weft.model.address import Address
from weft.model.odcs import every_property

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform
    from weft.api.portal.products import Asked
    from weft.model.odcs import Contract, Property
    from weft.model.publication import PortState

Document = dict[str, Any]
TABS = {
    "schema": "Schema",
    "sample": "Sample",
    "profile": "Profile",
    "contract": "Contract",
    "quality": "Quality",
    "lineage": "Lineage",
    "runs": "Runs",
    "consumers": "Consumers",
    "changes": "Changes",
    "connect": "Connect",
}
"""The tabs of a port, as they stand in its address and as people call them."""

READING = frozenset({"sample", "profile"})
"""Tabs that may read rows, which takes a process."""

_PLAIN = frozenset({"column_exists", "type", "extra_column"})
"""Rules that nobody reads as long as they are kept."""
_ROWS = 20
_RUNS = 10


class Detail(msgspec.Struct, frozen=True):
    """What a tab of a port is asked for beside its name.

    Attributes:
        purpose: what the rows are for.
        counted: whether distinct values and distributions are to be counted now.
        old: the versions of the contract that are compared; None: none are.
    """

    purpose: str | None = None
    counted: bool = False
    old: str | None = None
    new: str | None = None


def port(platform: Platform, caller: Caller, address: Address, asked: Asked, detail: Detail) -> Document:
    """A port with what one tab shows of it; without major its default one.

    Raises:
        UsageError: WFT-CAT-001 there is none at that address, WFT-SRV-006 the cursor belongs to another list.
    """
    state = platform.catalog.state(caller, address)
    found = platform.catalog.port(caller, state.address)
    pinned = state.address
    here = f"/ports/{pinned.domain}/{pinned.product}/{pinned.port}@{pinned.major}"
    stands = standing(platform, caller, pinned)
    contract = contract_of(registered_contract(platform.rooms.production, state))
    properties = {p.name: p for p in contract.table.properties} if contract.objects else {}
    glossary = platform.rooms.governance.terms.current()
    for column in found["columns"]:
        known = properties.get(column["name"])
        terms = bindings(known, pinned.domain, glossary) if known is not None else ()
        column |= {
            "business_name": known.data.get("businessName") if known is not None else None,
            "tags": [str(tag) for tag in known.data.get("tags") or ()] if known is not None else [],
            "terms": [{"name": b.term.name, "title": b.term.title} for b in terms if b.term is not None],
            "fields": [_field(one) for one in _fields(known)] if known is not None else [],
            **stands["columns"].get(column["name"], {"shown": "hidden", "mask": None, "why": []}),
        }
    levels = [column["classification"] for column in found["columns"] if column["classification"] is not None]
    head = {
        "freshness": found["freshness"]["state"],
        "checks": found["quality"]["checks"],
        "classification": products.highest(levels),
        "access": action([stands], here),
        "rating": platform.feedback.stars(pinned.of_product),
    }
    awaited = platform.approvals.awaited(caller, str(address.of_product))
    page = {
        **found,
        "approvals": awaited,
        "here": here,
        "tab": asked.tab,
        "tabs": TABS,
        "head": head,
        "standing": stands,
    }
    return page | _TABS[asked.tab](platform, caller, state, page, asked, detail)


def _fields(column: Property) -> list[Property]:
    """The fields of a nested column."""
    inner = column.items.fields if column.items is not None else ()
    return [*column.fields, *inner]


def _field(field: Property) -> Document:
    return {
        "name": ".".join(field.path[1:]) or field.name,
        "type": field.physical_type or field.logical_type,
        "description": field.description,
        "classification": str(field.classification),
    }


def _schema(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    return {"graph": products.neighbours(page)}


def _sample(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    """The first rows, as the caller sees them; a read like any other, with its line in the audit."""
    if not page["standing"]["allowed"] or not may(caller, Action.QUERY):
        return {"sample": None, "refused": []}
    wanted = Wanted(limit=_ROWS, purpose=detail.purpose)
    try:
        body = platform.data.page(caller, str(state.address), wanted).body
    except WeftError as e:
        return {"sample": None, "refused": [{"why": None, "fix": None, **d.as_json()} for d in e.diagnostics]}
    found = msgspec.json.decode(body or b"{}")
    shown = [name for name, one in page["standing"]["columns"].items() if one["shown"] != "hidden"]
    return {"sample": {"columns": shown, **found}, "refused": []}


def _profile(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    publication = platform.rooms.production.publication(state.address)
    assert publication is not None, "a port has a publication"
    found = profile(publication.manifest, page["standing"], page["contract"]["rules"])
    if not detail.counted or not page["standing"]["allowed"] or not may(caller, Action.QUERY):
        return {"profile": found, "counted": None, "refused": []}
    try:
        return {"profile": found, "counted": counted(platform, caller, state, page["standing"]), "refused": []}
    except WeftError as e:
        refused = [{"why": None, "fix": None, **d.as_json()} for d in e.diagnostics]
        return {"profile": found, "counted": None, "refused": refused}


def _contract(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    return contracts.shown(platform, caller, page, detail.old, detail.new)


def _quality(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    """Each rule with how it went in the newest runs, and what failed last; never a value of a row."""
    reader = platform.rooms.production
    runs = [point["run_id"] for point in reversed(page["quality"]["trend"][:_RUNS])]
    outcomes: dict[str, list[str | None]] = {}
    failures = []
    for place, run in enumerate(runs):
        for check in reader.checks(run, state.address).get(state.address, ()):
            outcomes.setdefault(check.id, [None] * len(runs))[place] = check.result.value
            if check.result.value in ("failed", "error"):
                failures.append({"run_id": run, **check.as_json(with_samples=False)})
    rules = [{**rule, "trend": outcomes.get(rule["id"], [])} for rule in page["contract"]["rules"]]
    told = _told(contract_of(registered_contract(reader, state)))
    for rule in rules:
        rule["description"] = told.get(rule["id"])
        rule["plain"] = rule["rule"] in _PLAIN and {rule["result"], *rule["trend"]} <= {"passed", None}
    ill = {"failed": 0, "error": 0, "not_evaluated": 1}
    rules.sort(key=lambda rule: (ill.get(rule["result"], 2), "failed" not in rule["trend"]))
    points = {point["run_id"]: point["at"] for point in page["quality"]["trend"]}
    last = failures[-1]["run_id"] if failures else None
    return {
        "rules": rules,
        "failures": [{**one, "at": points[one["run_id"]]} for one in failures if one["run_id"] == last],
    }


def _told(contract: Contract) -> dict[str, str]:
    """What the contract says of its rules in words, by their ids."""
    if not contract.objects:
        return {}
    table = contract.table
    rules = [r for data in (table.data, *(p.data for p in every_property(table.properties))) for r in _rules(data)]
    return {str(r.get("id") or r.get("name")): str(r["description"]) for r in rules if r.get("description")}


def _rules(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = data.get("quality")
    return [rule for rule in listed if isinstance(rule, Mapping)] if isinstance(listed, list) else []


def _lineage(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    return {
        "graph": products.neighbours(page),
        "edges": {page["address"]: products.hop(platform, caller, page["address"])},
    }


def _runs(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    found = platform.records.runs(caller, page["address"], 20, asked.cursor)
    return {"runs": found["items"], "next": found["next"]}


def _consumers(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    return {"consumers": page["downstream"], "grants": products.grants_of(platform, caller, [page["address"]])}


def _changes(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    found = products.published(platform, caller, page["address"], asked.cursor)
    return {"changes": found["items"], "next": found["next"]}


def _connect(
    platform: Platform, caller: Caller, state: PortState, page: Document, asked: Asked, detail: Detail
) -> Document:
    chosen = page["address"]
    found = snippets(asked.way, state.address, files=page["lives_in"] is None and sees_all(page["standing"]))
    return {"chosen": chosen, "choices": [chosen], "snippets": found, "query": first_rows(state.address)}


_TABS: Mapping[str, Callable[[Platform, Caller, PortState, Document, Asked, Detail], Document]] = {
    "schema": _schema,
    "sample": _sample,
    "profile": _profile,
    "contract": _contract,
    "quality": _quality,
    "lineage": _lineage,
    "runs": _runs,
    "consumers": _consumers,
    "changes": _changes,
    "connect": _connect,
}
