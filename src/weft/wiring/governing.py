"""What governs a mesh: its policies and terms, and the book of all that is registered and happens in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from weft.project.policies import PolicyFolder
from weft.registry.sql import SqlRegistry

if TYPE_CHECKING:
    from weft.governance.book import Book
    from weft.runs.glossary_source import GlossarySource
    from weft.runs.mesh_book import MeshBook
    from weft.runs.policy_gate import PolicyGate
    from weft.wiring import Rooms


class GovernanceRooms:
    """Policies, terms and the book of one mesh, each made when it is first asked for."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def close(self) -> None:
        """Gives the book's connection back."""
        book = self.__dict__.pop("book", None)
        if book is not None:
            book.close()

    @cached_property
    def folder(self) -> PolicyFolder:
        """The policies of the platform, as they stand in this repository's folder."""
        return PolicyFolder(self._rooms.settings.root)

    @cached_property
    def terms(self) -> GlossarySource:
        """What columns mean, as it holds where the registry is."""
        from weft.runs.glossary_source import GlossarySource

        settings = self._rooms.settings
        return GlossarySource(settings.root, settings.mesh.domains, self._rooms.production)

    @cached_property
    def book(self) -> MeshBook:
        """The relations of what is registered, for policies."""
        from weft.runs.mesh_book import NAME, MeshBook

        return MeshBook(self._rooms.settings.state / NAME, self._rooms.production, self.terms.current)

    @cached_property
    def gate(self) -> PolicyGate:
        """What policies say at publication."""
        from weft.runs.policy_gate import PolicyGate
        from weft.wiring.excusing import approvals, excuses

        rooms = self._rooms
        return PolicyGate(
            lambda: self.book,
            self.folder.documents,
            lambda: rooms.production,
            rooms.now,
            excuses(rooms),
            lambda: approvals(rooms),
        )


@contextmanager
def living_book(rooms: Rooms, products: Callable[[Book], Collection[str]] | None = None) -> Iterator[Book]:
    """The relations of what is registered, and of what runs, is granted and is read now.

    Args:
        products: those of which that is wanted, as the book tells; None: of all.
    """
    with rooms.governance.book.current() as book:
        bring_to_life_here(rooms, book, products(book) if products is not None else None)
        yield book


def bring_to_life_here(rooms: Rooms, book: Book, products: Collection[str] | None = None) -> None:
    """Puts into a book what happens in the mesh, where its registry is here; a server knows it otherwise."""
    from weft.observability.living import bring_to_life

    registry = rooms.production
    if isinstance(registry, SqlRegistry):
        bring_to_life(book, registry.database, rooms.grounds.policies.of, rooms.now(), products)
