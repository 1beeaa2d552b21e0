"""Policies as the files and the server have them, held against the products of a repository."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.errors import Diagnostic, UsageError, error
from weft.model.address import ProductAddress
from weft.project import documents
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.governance.book import Book
    from weft.governance.glossary import Glossary
    from weft.governance.policies import PolicySet
    from weft.model.lineage import LineageEdge
    from weft.model.mesh import Mesh, Product
    from weft.plan.repository import Repository
    from weft.registry.database import Database


def has_policies(rooms: Rooms, mesh: Mesh) -> bool:
    """Whether any policy holds for the mesh; a server may have some."""
    return bool(
        rooms.on_a_server
        or mesh.policies
        or any(domain.policies for domain in mesh.domains.values())
        or any(product.policies for product in mesh.products.values())
    )


def policies_in_force(rooms: Rooms, mesh: Mesh) -> PolicySet:
    """The policies that hold for the products of a repository, with what is wrong with their files.

    Where a server has the registry, its policies hold for all, whatever the folder of this repository has of its own.
    """
    from weft.plan.verdicts import declared_policies
    from weft.project.policies import unpacked

    return declared_policies(mesh, unpacked(rooms.remote.policies()) if rooms.on_a_server else mesh.policies)


def policies_known(rooms: Rooms) -> PolicySet:
    """The policies of a mesh for a process that serves it: the platform's by its files, the others as registered."""
    from weft.governance.policy_files import policies_of
    from weft.project.policies import carried_policies, fresh, inside
    from weft.project.product_files import products_in

    settings, problems = rooms.settings, list[Diagnostic]()
    read = fresh(settings.root)
    registry = rooms.production
    domains = {name: carried_policies(record.document) for name, record in registry.domains().items()}
    products = {str(a): carried_policies(record.document) for a, record in registry.products().items()}
    here = products_in(settings)  # what lies here is newer than what was published of it
    products |= {address: inside(folder, read, problems) for address, folder in here.items()}
    folders = {address.partition(".")[0]: folder.parent for address, folder in here.items()}
    domains |= {name: inside(folder, read, problems) for name, folder in folders.items()}
    found = policies_of(rooms.governance.folder.documents(), domains, products)
    return replace(found, problems=(*rooms.governance.folder.problems(), *problems, *found.problems))


class PoliciesKnown:
    """The same, read again when a file of theirs or the registry has moved. Used from several threads."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._guard = threading.Lock()
        self._found: tuple[object, PolicySet] | None = None

    def __call__(self) -> PolicySet:
        """The policies as they are now."""
        state = (self._rooms.production.last_event(), self._files())
        with self._guard:
            if self._found is not None and self._found[0] == state:
                return self._found[1]
        found = policies_known(self._rooms)
        with self._guard:
            self._found = state, found
        return found

    def _files(self) -> tuple[tuple[str, int, int], ...]:
        """The files of policies in the folder, as they can be seen from outside."""
        settings = self._rooms.settings
        domains = settings.mesh.domains
        places = ("governance", *domains, *(f"{domain}/*" for domain in domains))
        return documents.seen(path for place in places for path in settings.root.glob(f"{place}/policies/*.y*ml"))


def database_of(rooms: Rooms) -> Database:
    """The database that keeps what violates policies.

    Raises:
        UsageError: WFT-SRV-001, it is that of a server, which looks at policies itself.
    """
    from weft.registry.sql import SqlRegistry

    if isinstance(rooms.production, SqlRegistry):
        return rooms.production.database
    what = "this mesh has its registry on a server, which asks policies itself"
    raise UsageError(error("WFT-SRV-001", what, fix="`weft violations` shows what its scans have found"))


def verdicts(rooms: Rooms, loaded: Repository, products: Collection[ProductAddress]) -> list[Diagnostic]:
    """What policies say of some products as their files want them, and what is wrong with the policies."""
    if not has_policies(rooms, loaded.mesh):
        return []
    if not products:
        return list(policies_in_force(rooms, loaded.mesh).problems) if not rooms.on_a_server else []
    from weft.plan.verdicts import judged, place_of, told
    from weft.wiring.classifying import inherited_labels
    from weft.wiring.excusing import excuses

    policies = policies_in_force(rooms, loaded.mesh)
    judgement = judged(
        loaded.mesh,
        [p for p in products if p in loaded.mesh.products],
        loaded.registered,
        policies,
        lambda product: _edges(rooms, product),
        rooms.now(),
        lambda: inherited_labels(loaded, rooms.cache, rooms.registry),
        _all_terms(rooms, loaded.mesh),
    )
    if not rooms.on_a_server:  # what is wrong with files that lie here has been told
        judgement = replace(judgement, unasked=tuple(u for u in judgement.unasked if u.policy.broken is None))
    return [*policies.problems, *told(judgement, lambda subject: place_of(loaded.mesh, subject), excuses(rooms))]


def desired_book(rooms: Rooms, mesh: Mesh) -> Book:
    """A book of the whole mesh: what the files declare, beside what else is registered."""
    from weft.governance.inheriting import put_inherited
    from weft.plan.planner import Registered
    from weft.plan.verdicts import desired_book as made
    from weft.wiring.classifying import inherited_labels
    from weft.wiring.governing import bring_to_life_here

    registry = rooms.registry
    registered = Registered(registry.ports(), registry.products(), rooms.now().date())
    book = made(mesh, registered, lambda product: _edges(rooms, product), _all_terms(rooms, mesh))
    put_inherited(book, inherited_labels(rooms.repository(ask=False), rooms.cache, registry))
    bring_to_life_here(rooms, book)
    return book


def _edges(rooms: Rooms, product: Product) -> Sequence[LineageEdge]:
    """Lineage into a product as it is registered."""
    from weft.runs.mesh_book import lineage_into

    return lineage_into(rooms.registry, [str(port.address) for port in product.outputs])


def _all_terms(rooms: Rooms, mesh: Mesh) -> Glossary | None:
    """The glossary; None where a server has terms that are not known here."""
    from weft.api.governance.glossary import glossary_for

    glossary, whole = glossary_for(rooms, mesh)
    return glossary if whole else None
