"""The page of a domain, product or port: everything that the catalog knows of it, as one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.catalog.documents import contract_of, registered_contract, sibling_majors
from weft.catalog.finding import unknown
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.document import custom_properties
from weft.model.odcs import Contract, Property
from weft.model.publication import PortState
from weft.model.records import DomainRecord, ProductRecord, Run, domain_members
from weft.model.schedule import schedules
from weft.observability.freshness import freshness
from weft.observability.quality import Quality, checked_run, quality
from weft.registry.base import RegistryReader
from weft.registry.lifecycle import registered_end
from weft.registry.readers import readers_of


class Page(Struct, frozen=True):
    """One page. `body` holds the fields that depend on the kind, ready for JSON."""

    address: str
    kind: str
    title: str
    body: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The page in the shape that `weft show --format json` prints."""
        return {"address": self.address, "kind": self.kind, "title": self.title, **self.body}


def page(reader: RegistryReader, text: str, now: datetime) -> Page:
    """The page at an address: a domain, `domain.product`, or a port with or without major.

    Raises:
        UsageError: WFT-CAT-001, nothing in the catalog has that address.
    """
    names = text.strip().partition("@")[0].split(".")
    if len(names) == 1:
        domain = reader.domain(names[0])
        if domain is not None:
            return _domain_page(reader, domain, now)
    if len(names) == 2:
        product = reader.product(ProductAddress(names[0], names[1]))
        if product is not None:
            return _product_page(reader, product, now)
    if len(names) == 3:
        state = reader.port(parse_address(text))
        if state is not None:
            return _port_page(reader, state, now)
    raise unknown(reader, text)


def domain_summary(domain: DomainRecord) -> Page:
    """The page of a domain without its products."""
    return Page(
        domain.name,
        "domain",
        domain.title,
        {
            "domain_kind": domain.kind,
            "description": domain.description,
            "owner": _owner(domain),
            "members": [{"user": user, "roles": list(roles)} for user, roles in domain_members(domain)],
            "cost_center": domain.document.get("costCenter"),
            "tags": [str(t) for t in domain.document.get("tags") or ()],
        },
    )


def _domain_page(reader: RegistryReader, domain: DomainRecord, now: datetime) -> Page:
    products = [p for a, p in sorted(reader.products().items()) if a.domain == domain.name]
    summary = domain_summary(domain)
    listed = [
        {
            "address": str(p.address),
            "title": p.title,
            "status": p.status,
            "purpose": p.purpose,
            "ports": [_port_line(reader, s, now) for s in _ports_of(reader, p.address)],
        }
        for p in products
    ]
    return Page(summary.address, "domain", summary.title, {**summary.body, "products": listed})


def _product_page(reader: RegistryReader, product: ProductRecord, now: datetime) -> Page:
    document = product.document
    described = document.get("description")
    described = described if isinstance(described, Mapping) else {}
    states = _ports_of(reader, product.address)
    consumers = {str(c) for s in states for c in readers_of(reader, s.address)}
    return Page(
        str(product.address),
        "product",
        product.title,
        {
            "status": product.status,
            "owner": _owner(reader.domain(product.address.domain)),
            "domain": product.address.domain,
            "version": _text(document.get("version")),
            "description": {
                "purpose": product.purpose,
                "limitations": described.get("limitations"),
                "usage": described.get("usage"),
            },
            "tags": list(product.tags),
            "ports": [_port_line(reader, s, now) for s in states],
            "reads": list(product.reads),
            "deprecated_reads": _deprecated(reader, product.reads, now),
            "sources": _sources(document),
            "consumers": sorted(consumers),
            "last_run": _last_run(reader, states[0].address if states else None),
        },
    )


def _port_page(reader: RegistryReader, state: PortState, now: datetime) -> Page:
    contract = contract_of(registered_contract(reader, state))
    found = quality(reader, state.address, checked_run(reader, state))
    majors = sibling_majors(reader, state)
    publication = reader.publication(state.address)
    return Page(
        str(state.address),
        "port",
        contract.name or state.address.port,
        {
            "status": "retired" if state.retired else state.status,
            "end_of_life": _end(reader, state, now),
            "owner": _owner(reader.domain(state.address.domain)),
            "domain": state.address.domain,
            "product": str(state.address.of_product),
            "version": state.version,
            "majors": [
                {
                    "address": str(s.address),
                    "major": s.address.major,
                    "version": s.version,
                    "status": "retired" if s.retired else s.status,
                    "end_of_life": _end(reader, s, now),
                    "default": s.default,
                }
                for s in majors
            ],
            "default": state.default,
            "pinned": state.pinned,
            "quarantine": state.quarantine.as_json() if state.quarantine is not None else None,
            "override": _override(state, now),
            "description": _description(contract),
            "tags": [*contract.tags],
            "rows": state.rows,
            "size_bytes": publication.manifest.size_bytes if publication and state.live is None else None,
            "lives_in": str(state.live) if state.live is not None else None,
            "snapshot_id": state.snapshot_id,
            "published_at": state.published_at.isoformat(),
            "published_by": state.published_by,
            "columns": _columns(state, contract),
            "contract": _contract(contract, found),
            "quality": found.as_json(),
            "freshness": freshness(contract, state.published_at, found.served, now).as_json(),
            "last_run": _last_run(reader, state.address),
            "upstream": [name for name in state.upstream if not name.startswith("source:")],
            "sources": [name.removeprefix("source:") for name in state.upstream if name.startswith("source:")],
            "downstream": sorted(str(c) for c in readers_of(reader, state.address)),
        },
    )


def _columns(state: PortState, contract: Contract) -> list[dict[str, Any]]:
    properties: dict[str, Property] = {}
    key: tuple[str, ...] = ()
    if contract.objects:
        properties = {p.name: p for p in contract.table.properties}
        key = contract.table.key
    types = {c.name: c.type for c in state.columns}
    return [
        {
            "name": name,
            "type": types.get(name) or (found.physical_type if found else None),
            "logical_type": found.logical_type if found else None,
            "description": found.description if found else None,
            "classification": str(found.classification) if found else None,
            "required": found.required if found else False,
            "unique": found.unique if found else False,
            "key": name in key,
        }
        for name, found in ((n, properties.get(n)) for n in dict.fromkeys([*types, *properties]))
    ]


def _contract(contract: Contract, found: Quality) -> dict[str, Any]:
    return {
        "id": contract.id,
        "name": contract.name,
        "version": contract.version_text,
        "key": list(contract.table.key) if contract.objects else [],
        "sla": [
            {k: level.get(k) for k in ("property", "value", "unit", "element") if level.get(k) is not None}
            for level in contract.slas
        ],
        "schedules": [schedule.as_json() for schedule in schedules(contract)],
        "checks": found.counts.as_json(),
        "rules": [
            {
                "id": check.id,
                "rule": check.rule.value,
                "column": list(check.column) if isinstance(check.column, tuple) else check.column,
                "severity": check.severity.value,
                "expected": check.expected,
                "result": check.result.value,
                "failed_rows": check.failed_rows,
                "total_rows": check.total_rows,
            }
            for check in found.served
        ],
    }


def _description(contract: Contract) -> dict[str, Any]:
    described = dict(contract.description)
    table = contract.table.data.get("description") if contract.objects else None
    return {
        "purpose": described.get("purpose") or table,
        "limitations": described.get("limitations"),
        "usage": described.get("usage"),
    }


def _port_line(reader: RegistryReader, state: PortState, now: datetime) -> dict[str, Any]:
    contract = contract_of(registered_contract(reader, state))
    checks = reader.checks(checked_run(reader, state), state.address).get(state.address, ())
    return {
        "address": str(state.address),
        "title": contract.name or state.address.port,
        "status": "retired" if state.retired else state.status,
        "end_of_life": _end(reader, state, now),
        "version": state.version,
        "default": state.default,
        "rows": state.rows,
        "checks": state.checks.as_json(),
        "quarantine": state.quarantine.as_json() if state.quarantine is not None else None,
        "override": _override(state, now),
        "freshness": freshness(contract, state.published_at, checks, now).state.value,
        "published_at": state.published_at.isoformat(),
    }


def _end(reader: RegistryReader, state: PortState, now: datetime) -> dict[str, Any] | None:
    """Until when a deprecated port is served, and what takes its place."""
    end = registered_end(reader, state)
    return end.as_json(now.date()) if end else None


def _deprecated(reader: RegistryReader, reads: Sequence[str], now: datetime) -> list[dict[str, Any]]:
    """The deprecated ports among those that a product reads."""
    found = []
    for address in reads:
        state = reader.port(parse_address(address))
        end = _end(reader, state, now) if state else None
        if state is not None and end is not None:
            found.append({"address": address, "status": "retired" if state.retired else state.status, **end})
    return found


def _override(state: PortState, now: datetime) -> dict[str, Any] | None:
    """Who published the port against which failed checks, and whether that has ended."""
    if state.override is None:
        return None
    ended = state.override.ended(now.date())
    return {**state.override.as_json(), "ended": ended}


def _ports_of(reader: RegistryReader, product: ProductAddress) -> list[PortState]:
    return sorted(reader.ports_of(product), key=lambda s: (s.retired, s.address))


def _owner(domain: DomainRecord | None) -> dict[str, str | None]:
    return {
        "team": domain.owner_team if domain else None,
        "contact": domain.owner_contact if domain else None,
    }


def _sources(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for entry in document.get("inputPorts") or ():
        source = custom_properties(entry).get("weft.source")
        if source is not None:
            found.append({"name": entry.get("name"), "source": source})
    return found


def _last_run(reader: RegistryReader, address: Address | None) -> dict[str, Any] | None:
    runs = reader.runs(address, 1) if address else ()
    return _run_line(runs[0], address) if runs else None


def _run_line(run: Run, address: Address | None) -> dict[str, Any]:
    outcome = next((p.outcome for p in run.ports if p.address == address), None)
    return {
        "run_id": run.run_id,
        "state": run.state.value,
        "outcome": outcome,
        "actor": run.actor,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
