"""Rows that an environment has built already, of the same files on the same inputs: production takes them over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from weft.model.address import Address
from weft.model.mesh import Model, Product
from weft.model.publication import KeptTable, PortState, Publication
from weft.plan.desired import Desired, fingerprint
from weft.plan.keeping import parts_differ
from weft.registry.base import RegistryReader
from weft.runs.context import Context
from weft.storage import reading


class Reused(Struct, frozen=True):
    """What of an environment takes the place of building.

    Attributes:
        tables: what private models keep there, each with the snapshot that production has of it.
    """

    environment: str
    publications: Mapping[Address, Publication]
    tables: tuple[tuple[KeptTable, str | None], ...] = ()

    def relations(self, context: Context) -> dict[Address, str]:
        """The rows as FROM items, for verifying: nobody may read them yet."""
        for address, publication in self.publications.items():
            context.storage.own(address, publication.manifest)
        return {a: reading.relation(p.manifest, context.storage.root) for a, p in self.publications.items()}


def reusable(
    product: Product, build: Sequence[Desired], ports: Mapping[Address, PortState], context: Context
) -> Reused | None:
    """What an environment has of all ports that are to be built; None when none has the same.

    The same is what has an equal fingerprint, with the same snapshots of what it reads. A table that goes on from build
    to build must also go on from the snapshot that production shows.
    """
    if not build:
        return None
    for name, registry in context.others().items():
        if name:  # production takes from environments, they take nothing from it: they show it anyway
            found = _of(name, registry, product, build, ports, context)
            if found is not None:
                return found
    return None


def _of(
    name: str,
    registry: RegistryReader,
    product: Product,
    build: Sequence[Desired],
    ports: Mapping[Address, PortState],
    context: Context,
) -> Reused | None:
    publications: dict[Address, Publication] = {}
    for one in build:
        theirs = registry.publication(one.port.address)
        wanted = fingerprint(_pinned(one.parts, product, one.port.model, ports))
        if theirs is None or theirs.digests.fingerprint != wanted:
            return None
        state = ports.get(one.port.address)
        if not one.port.model.kept.whole and not _goes_on(context, one.port.address, theirs.snapshot_id, state):
            return None
        publications[one.port.address] = theirs
    kept = {t.model: t for t in registry.kept_tables(product.address)}
    mine = {t.model: t for t in context.registry.kept_tables(product.address)} if any(o.kept for o in build) else {}
    tables: dict[str, tuple[KeptTable, str | None]] = {}
    for one in build:
        for model, parts in one.kept.items():
            table, before = kept.get(model), mine.get(model)
            pinned = _pinned(parts, product, _model(product, model), ports)
            if before is not None and not parts_differ(before.parts, pinned):
                continue
            if table is None or parts_differ(table.parts, pinned):
                return None
            if before is not None and not context.storage.descends(table.table, table.snapshot_id, before.snapshot_id):
                return None
            tables[model] = (table, before.snapshot_id if before is not None else None)
    return Reused(name, publications, tuple(tables.values()))


def _goes_on(context: Context, address: Address, snapshot_id: str, state: PortState | None) -> bool:
    return state is None or context.storage.descends(address, snapshot_id, state.snapshot_id)


def _pinned(
    parts: Mapping[str, str], product: Product, model: Model, ports: Mapping[Address, PortState]
) -> dict[str, str]:
    """Parts of a fingerprint with the snapshots that are published now: the plan was made before some of them were."""
    names = {r.name for m in product.needs(model) for r in m.references}
    read = [e.binding for e in product.inputs if e.name in names and isinstance(e.binding, Address)]
    return {**parts, **{f"upstream:{a}": ports[a].snapshot_id for a in read if a in ports}}


def _model(product: Product, name: str) -> Model:
    found = product.model(name)
    assert found is not None, "a kept table belongs to a model of the product"
    return found
