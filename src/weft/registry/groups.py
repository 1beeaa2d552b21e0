"""The registry as groups of what changes together, and how something that is derived from them follows it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from msgspec import Struct

from weft.model.address import ProductAddress, is_slug
from weft.model.publication import PortState
from weft.model.records import DomainRecord, ProductRecord
from weft.registry.base import RegistryReader

_AT_ONCE = 100
"""Products that are read at once."""


class Group(Struct, frozen=True):
    """A domain alone, or a product with its ports. Same digest: the same is derived from it."""

    name: str
    digest: str
    domain: DomainRecord | None
    product: ProductRecord | None = None
    ports: Sequence[PortState] = ()


class Groups:
    """The groups of a registry, read one by one: they need not fit into memory."""

    def __init__(self, reader: RegistryReader) -> None:
        self._reader = reader

    def every(self) -> Iterator[Group]:
        """Every domain and product."""
        domains = self._reader.domains()
        for domain in domains.values():
            yield domain_group(domain)
        for product in self._products(""):
            yield self._product_group(product, domains.get(product.address.domain))

    def one(self, name: str) -> Group | None:
        """The domain `fleet` or the product `fleet.aircraft` as it is now; None when there is none."""
        domain_name, _, product_name = name.partition(".")
        domain = self._reader.domain(domain_name)
        if not product_name:
            return domain_group(domain) if domain is not None else None
        product = self._reader.product(ProductAddress(domain_name, product_name))
        return self._product_group(product, domain) if product is not None else None

    def products_of(self, domain: str) -> Iterator[str]:
        """The names of the groups of a domain's products."""
        for product in self._products(f"{domain}."):
            if product.address.domain != domain:
                return
            yield str(product.address)

    def _products(self, after: str) -> Iterator[ProductRecord]:
        while page := self._reader.products_after(after, _AT_ONCE):
            yield from page
            after = str(page[-1].address)

    def _product_group(self, product: ProductRecord, domain: DomainRecord | None) -> Group:
        states = sorted(self._reader.ports_of(product.address), key=lambda s: s.address)
        shown = [[str(s.address), s.revision, s.digests.texts, s.status, s.retired, s.default] for s in states]
        digest = _digest([_product_digest(product), _domain_digest(domain), shown])
        return Group(str(product.address), digest, domain, product, states)


class Follower(Protocol):
    """What is derived from the groups of a registry."""

    def names(self) -> Collection[str]:
        """The groups of which it has something."""
        ...

    def put(self, group: Group) -> bool:
        """Takes a group in the place of what it has of it; whether that was something else."""
        ...

    def remove(self, name: str) -> None:
        """Forgets a group."""
        ...


def bring_up(follower: Follower, groups: Groups, moved: Collection[str] | None) -> None:
    """Brings a follower up to the registry: by what moved since, or (None) from end to end."""
    if moved is None:
        left = set(follower.names())
        for group in groups.every():
            left.discard(group.name)
            follower.put(group)
        for name in left:
            follower.remove(name)
        return

    def renew(name: str) -> bool:
        group = groups.one(name)
        if group is None:
            follower.remove(name)
            return False
        return follower.put(group)

    names = named_in(moved)
    for domain in {name.partition(".")[0] for name in names}:
        if renew(domain):  # a domain that is another one moves all its products
            names.update(groups.products_of(domain))
    for name in sorted(name for name in names if "." in name):
        renew(name)


def named_in(subjects: Collection[str]) -> set[str]:
    """The domains and products that subjects of events are about, or might be."""
    named = {".".join(subject.partition("@")[0].split(".")[:2]) for subject in subjects}
    return {name for name in named if all(map(is_slug, name.split(".")))}


class Mark(Struct, frozen=True):
    """Up to which event something has followed, with its hash: the log may be another one from there on."""

    event: int
    hash: str


def mark_of(reader: RegistryReader, event: int) -> Mark:
    """The mark of an event."""
    if reader.moved(event) is None:  # a log that does not tell all is not asked either: it may not be for everybody
        return Mark(event, "")
    found = reader.events(event - 1, 1) if event else ()
    return Mark(event, found[0].hash if found else "")


def moved_since(reader: RegistryReader, mark: Mark | None) -> frozenset[str] | None:
    """What moved since a mark; None where nobody can tell, so that all has to be read."""
    if mark is None:
        return None
    moved = reader.moved(mark.event)
    # the log of a registry that was put back from a copy may be shorter, or another one from some event on
    return moved if moved is not None and mark == mark_of(reader, mark.event) else None


def domain_group(domain: DomainRecord) -> Group:
    """The group of a domain alone, without its products."""
    return Group(domain.name, _digest(_domain_digest(domain)), domain)


def _domain_digest(domain: DomainRecord | None) -> Any:
    return None if domain is None else [domain.title, domain.owner_team, domain.owner_contact, dict(domain.document)]


def _product_digest(product: ProductRecord) -> Any:
    return [product.title, product.status, list(product.tags), dict(product.document)]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
