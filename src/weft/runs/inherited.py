"""What columns of published ports inherit along lineage, for decisions: known by heart until something has moved."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from weft.access.rights import Label
from weft.model.address import Address
from weft.model.classification import Classification
from weft.registry.base import RegistryReader
from weft.registry.groups import named_in
from weft.runs.mesh_book import MeshBook

_COLUMNS = 'SELECT "column", name, inherited_level FROM columns WHERE port = ? AND depth = 0 AND inherited_level > 0'
_TAGS = "SELECT subject, tag FROM tags WHERE inherited = 1 AND subject > ? AND subject < ?"
_MOST = 50_000
"""Ports that are known by heart."""


class Inherited:
    """Asks the book of the mesh, which follows the registry: nobody is shown more than the newest lineage allows.

    An event that is about no domain and no product changes nothing of it.
    """

    def __init__(self, reader: RegistryReader, book: Callable[[], MeshBook]) -> None:
        self._reader = reader
        self._book = book
        self._lock = threading.Lock()
        self._seen: int | None = None
        self._known: dict[Address, Mapping[str, Label]] = {}

    def __call__(self, port: Address) -> Mapping[str, Label]:
        """What the columns of a port inherit; those that inherit nothing are not there.

        Raises:
            PlatformError: WFT-GOV-009 nobody can tell, WFT-REG-002.
        """
        newest = self._reader.last_event()
        with self._lock:
            if newest != self._seen:
                self._follow(newest)
            found = self._known.get(port)
        if found is None:
            found = self._read(port)
            with self._lock:
                if self._seen == newest and len(self._known) < _MOST:
                    self._known[port] = found
        return found

    def _follow(self, newest: int) -> None:
        """Forgets what is known where something of a domain or a product has moved, or nobody can tell."""
        moved = self._reader.moved(self._seen) if self._seen is not None and self._seen < newest else None
        if moved is None or named_in(moved):
            self._known.clear()
        self._seen = newest

    def _read(self, port: Address) -> Mapping[str, Label]:
        with self._book().current() as book:
            columns = {node: (name, level) for node, name, level in book.ours(_COLUMNS, (str(port),))}
            tags: dict[str, list[str]] = {}
            for node, tag in book.ours(_TAGS, (f"{port}.", f"{port}/")):  # `/` is the sign after the dot
                tags.setdefault(node, []).append(tag)
        found = {name: (level, tags.pop(node, [])) for node, (name, level) in columns.items()}
        found |= {node.removeprefix(f"{port}."): (0, own) for node, own in tags.items()}
        return {name: Label(Classification(level), tuple(sorted(own))) for name, (level, own) in found.items()}
