"""What the search index says of each domain, product, port and column: one entry each, made from the registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.catalog.documents import contract_of, registered_contract
from weft.governance.concepts import bindings
from weft.governance.glossary import Glossary
from weft.model.checks import CheckResult
from weft.model.classification import parse_classification
from weft.model.lifecycle import open_to
from weft.model.lineage import column_id
from weft.model.odcs import Contract, Property, every_property
from weft.model.publication import PortState
from weft.model.records import DomainRecord, ProductRecord, domain_members
from weft.observability.freshness import late_from
from weft.observability.quality import checked_run
from weft.registry.base import RegistryReader
from weft.registry.groups import Group


class Entry(Struct, frozen=True):
    """One thing that can be found.

    Attributes:
        standing: 0 usable, 1 deprecated, 2 retired; the higher, the later in a result.
        columns: names of the columns, for ports.
        column_texts: what the contract says of the columns.
        inherited: owners and tags of the domain and product around it: they count, but less than its own.
        draft: whether it is for its own domain alone.
        terms: names of the glossary's terms that a column is bound to.
        status: of its life, `active` …; of a column that of its port, of a domain none.
        level: its classification: of a port the highest of its columns, of a product that of its ports.
        owner: the team that answers for it.
        late_from: when it breaks its promise about age (ISO 8601, UTC); `""`: it has promised to stay as it is, or its
            age says nothing; None: it has promised nothing.
        line: what a list of domains, products or ports says of it beside address, title and domain.
    """

    address: str
    kind: str
    name: str
    title: str
    domain: str
    standing: int = 0
    description: str = ""
    columns: tuple[str, ...] = ()
    column_texts: str = ""
    tags: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    inherited: tuple[str, ...] = ()
    draft: bool = False
    terms: tuple[str, ...] = ()
    status: str = ""
    level: str = ""
    owner: str = ""
    late_from: str | None = None
    line: Mapping[str, Any] | None = None


class Catalogue:
    """What the groups of a registry are found by."""

    def __init__(self, reader: RegistryReader) -> None:
        self._reader = reader

    def entries(self, group: Group) -> Iterator[Entry]:
        """The entries of a domain or a product."""
        if group.product is None:
            if group.domain is not None:
                yield _domain_entry(group.domain)
            return
        product, states, owners = group.product, group.ports, _owners(group.domain)
        standing = _standing(product.status, bool(states) and all(s.retired for s in states))
        team = group.domain.owner_team if group.domain is not None else ""
        ports = [self._port(state, product, team) for state in states]
        promised = [port.late_from for port in ports if port.late_from is not None]
        yield Entry(
            address=str(product.address),
            kind="product",
            name=product.address.product,
            title=product.title,
            domain=product.address.domain,
            standing=standing,
            description=" ".join(filter(None, (product.purpose, *_descriptor_texts(product.document)))),
            tags=product.tags,
            inherited=owners,
            draft=product.status == "draft",
            status="retired" if standing == 2 else product.status,
            level=_highest(port.level for port in ports),
            owner=team,
            late_from=min(filter(None, promised), default="") if promised else None,
            line={
                "status": "retired" if standing == 2 else product.status,
                "purpose": product.purpose,
                "version": _text(product.document.get("version")),
                "owner": group.domain.owner_team if group.domain is not None else None,
                "tags": list(product.tags),
            },
        )
        for state, port in zip(states, ports, strict=True):
            yield from self._port_entries(state, port, product, owners)

    def _port(self, state: PortState, product: ProductRecord, team: str) -> _Port:
        """What the entries of a port and of its product are made from."""
        contract = contract_of(registered_contract(self._reader, state))
        columns = contract.table.properties if contract.objects else ()
        return _Port(
            contract,
            columns,
            "retired" if state.retired else state.status,
            str(max((column.classification for column in columns), default="")),
            team,
            self._late_from(state, contract),
        )

    def _late_from(self, state: PortState, contract: Contract) -> str | None:
        """When a port breaks its promise about age; see `Entry`."""
        counts = state.checks
        looked_at: Sequence[CheckResult] = ()
        if counts.failed or counts.warned or counts.error:  # else no check can have found it late
            looked_at = self._reader.checks(checked_run(self._reader, state), state.address).get(state.address, ())
        at, promise = late_from(contract, state.published_at, looked_at)
        return (at.isoformat() if at is not None else "") if promise else None

    def _port_entries(
        self, state: PortState, port: _Port, product: ProductRecord, owners: tuple[str, ...]
    ) -> Iterator[Entry]:
        contract, columns = port.contract, port.columns
        standing = _standing(state.status, state.retired)
        address = str(state.address)
        domain, draft = state.address.domain, not open_to(state.status, state.address, "")
        table = contract.table.data if contract.objects else {}
        yield Entry(
            address=address,
            kind="port",
            name=state.address.port,
            title=contract.name or state.address.port,
            domain=domain,
            standing=standing,
            description=" ".join(
                str(t) for t in (*contract.description.values(), table.get("description"), product.title) if t
            ),
            columns=tuple(p.name for p in columns),
            column_texts=" ".join(_property_text(p) for p in every_property(columns)),
            tags=contract.tags,
            inherited=(*owners, *product.tags),
            draft=draft,
            status=port.status,
            level=port.level,
            owner=port.owner,
            late_from=port.late_from,
            line={
                "product": str(product.address),
                "status": port.status,
                "version": state.version,
                "default": state.default,
                "rows": state.rows,
                "mark": state.override.mark if state.override is not None else None,
                "published_at": state.published_at.isoformat(),
                "owner": port.owner or None,
                "tags": list(contract.tags),
            },
        )
        for column in columns:
            yield Entry(
                address=f"{address}.{column_id(column.name)}",
                kind="column",
                name=column.name,
                title=str(column.data.get("businessName") or column.name),
                domain=domain,
                standing=standing,
                description=" ".join(_property_text(p) for p in every_property((column,))),
                tags=tuple(str(t) for t in column.data.get("tags") or ()),
                draft=draft,
                terms=tuple(binding.name for binding in bindings(column, domain, _NO_GLOSSARY)),
                status=port.status,
                level=str(column.classification),
                owner=port.owner,
                late_from=port.late_from,
            )


class _Port(Struct, frozen=True):
    contract: Contract
    columns: tuple[Property, ...]
    status: str
    level: str
    owner: str
    late_from: str | None


_NO_GLOSSARY = Glossary({})
"""What columns are bound to stands in their contracts; what the terms mean is asked when somebody searches."""


def _highest(levels: Iterable[str]) -> str:
    return str(max((parse_classification(level) for level in levels if level), default=""))


def _domain_entry(domain: DomainRecord) -> Entry:
    return Entry(
        address=domain.name,
        kind="domain",
        name=domain.name,
        title=domain.title,
        domain=domain.name,
        description=" ".join(filter(None, (domain.description, domain.kind))),
        tags=tuple(str(t) for t in domain.document.get("tags") or ()),
        owners=_owners(domain),
        owner=domain.owner_team or "",
        line={
            "domain_kind": domain.kind,
            "description": domain.description,
            "owner": domain.owner_team,
            "tags": [str(t) for t in domain.document.get("tags") or ()],
        },
    )


def _owners(domain: DomainRecord | None) -> tuple[str, ...]:
    if domain is None:
        return ()
    return (
        domain.owner_team,
        *filter(None, [domain.owner_contact]),
        *(user for user, _ in domain_members(domain)),
    )


def _standing(status: str, retired: bool) -> int:
    if retired or status == "retired":
        return 2
    return 1 if status == "deprecated" else 0


def _property_text(prop: Property) -> str:
    texts = (prop.data.get("businessName"), prop.description)
    nested = prop.name if len(prop.path) > 1 and prop.name != "[]" else None
    return " ".join(str(t) for t in (nested, *texts) if t)


def _descriptor_texts(document: Mapping[str, Any]) -> list[str]:
    described = document.get("description")
    if not isinstance(described, Mapping):
        return []
    return [str(described[k]) for k in ("usage", "limitations") if described.get(k)]


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
