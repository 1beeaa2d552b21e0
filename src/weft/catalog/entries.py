"""What the search index says of each domain, product, port and column: one entry each, made from the registry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.catalog.documents import contract_of, domain_members, registered_contract
from weft.model.address import ProductAddress
from weft.model.lineage import column_id
from weft.model.odcs import Property, every_property
from weft.model.publication import PortState
from weft.model.records import DomainRecord, ProductRecord
from weft.registry.base import RegistryReader


class Entry(Struct, frozen=True):
    """One thing that can be found.

    Attributes:
        standing: 0 usable, 1 deprecated, 2 retired; the higher, the later in a result.
        columns: names of the columns, for ports.
        column_texts: what the contract says of the columns.
        inherited: owners and tags of the domain and product around it: they count, but less than its own.
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


class Group(Struct, frozen=True):
    """Entries that change together: those of a domain or of a product. Same digest: same entries."""

    name: str
    digest: str


class Catalogue:
    """The registry as groups of entries; contracts are read only of the groups that are asked for."""

    def __init__(self, reader: RegistryReader) -> None:
        self._reader = reader
        self._domains = reader.domains()
        self._products = reader.products()
        self._ports: dict[ProductAddress, list[PortState]] = {}
        for state in reader.ports().values():
            self._ports.setdefault(state.address.of_product, []).append(state)

    def groups(self) -> list[Group]:
        """Every domain and product, with a digest of what its entries are made from."""
        found = [Group(name, _digest(_domain_digest(d))) for name, d in self._domains.items()]
        for address, product in self._products.items():
            domain = self._domains.get(address.domain)
            states = [
                [str(s.address), s.revision, s.digests.texts, s.status, s.retired]
                for s in sorted(self._ports.get(address, ()), key=lambda s: s.address)
            ]
            found.append(Group(str(address), _digest([_product_digest(product), _domain_digest(domain), states])))
        return found

    def entries(self, group: str) -> Iterator[Entry]:
        """The entries of a domain (`fleet`) or a product (`fleet.aircraft`)."""
        domain_name, _, product_name = group.partition(".")
        domain = self._domains.get(domain_name)
        if not product_name:
            if domain is not None:
                yield _domain_entry(domain)
            return
        address = ProductAddress(domain_name, product_name)
        product = self._products[address]
        owners = _owners(domain)
        states = self._ports.get(address, [])
        yield Entry(
            address=str(address),
            kind="product",
            name=product_name,
            title=product.title,
            domain=domain_name,
            standing=_standing(product.status, bool(states) and all(s.retired for s in states)),
            description=" ".join(filter(None, (product.purpose, *_descriptor_texts(product.document)))),
            tags=product.tags,
            inherited=owners,
        )
        for state in states:
            yield from self._port_entries(state, product, owners)

    def _port_entries(self, state: PortState, product: ProductRecord, owners: tuple[str, ...]) -> Iterator[Entry]:
        contract = contract_of(registered_contract(self._reader, state))
        columns = contract.table.properties if contract.objects else ()
        standing = _standing(state.status, state.retired)
        address = str(state.address)
        domain = state.address.domain
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
            )


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


def _domain_digest(domain: DomainRecord | None) -> Any:
    return None if domain is None else [domain.title, domain.owner_team, domain.owner_contact, dict(domain.document)]


def _product_digest(product: ProductRecord) -> Any:
    return [product.title, product.status, list(product.tags), dict(product.document)]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
