"""The book of what is registered: it follows the registry's log, and policies are held against it."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

from weft.errors import PlatformError, error
from weft.governance.book import Book
from weft.governance.glossary import Glossary
from weft.governance.inheriting import inherit
from weft.governance.relations import SCHEMA
from weft.governance.rows import Rows, domain_rows, product_rows
from weft.governance.term_rows import concept_rows, term_rows
from weft.model.collapsing import collapsed
from weft.model.lineage import LineageEdge
from weft.model.publication import PortState
from weft.plan.verdicts import port_facts
from weft.registry import groups
from weft.registry.base import RegistryReader
from weft.registry.groups import Group, Groups, Mark
from weft.runs.glossary_source import digest_of

NAME = "governance.db"
"""The file in the mesh's state: it is made anew from the registry whenever in doubt."""

_MOST_EDGES = 1_000_000
"""Edges into one column."""

_OWN = (
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}._followed (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}._groups (name TEXT PRIMARY KEY, digest TEXT NOT NULL) WITHOUT ROWID",
)


class MeshBook:
    """A book in a file beside the registry. Threads take turns; other processes may use the same file."""

    def __init__(self, path: Path, reader: RegistryReader, glossary: Callable[[], Glossary] = Glossary) -> None:
        self._path = path
        self._reader = reader
        self.glossary = glossary
        self._lock = threading.RLock()
        self._book: Book | None = None

    @contextmanager
    def current(self) -> Iterator[Book]:
        """The book, up to the registry's newest event, for one thread at a time.

        Raises:
            PlatformError: WFT-GOV-009, its file cannot be read or written.
        """
        with self._lock:
            try:
                book = self._opened()
                self._follow(book)
            except (sqlite3.Error, OSError) as e:
                self._close()
                raise _unusable(self._path, e) from e
            yield book

    def remembered(self, key: str) -> str | None:
        """What was remembered beside the book; None in one that was made anew."""
        with self.current() as book:
            found = book.ours(f"SELECT value FROM {SCHEMA}._followed WHERE key = ?", (key,))
        return found[0][0] if found else None

    def remember(self, key: str, value: str) -> None:
        """Keeps something beside the book as long as that lasts."""
        with self.current() as book:
            book.ours(f"INSERT OR REPLACE INTO {SCHEMA}._followed VALUES (?, ?)", (key, value))

    def close(self) -> None:
        """Gives the connection back."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        book, self._book = self._book, None
        if book is not None:
            book.close()

    def _opened(self) -> Book:
        if self._book is None:
            self._book = Book.at(self._path)
            for statement in _OWN:
                self._book.ours(statement)
        return self._book

    def _follow(self, book: Book) -> None:
        newest = self._reader.last_event()
        glossary = self.glossary()
        terms, known = digest_of(glossary), _mark(book)
        if known is not None and known.event == newest and _terms(book) == terms:
            return
        with book.writing():
            moved = groups.moved_since(self._reader, _mark(book))  # another process may have been at it meanwhile
            if _terms(book) != terms:  # every column may be bound to what another term says now
                book.put_all("terms", term_rows(glossary))
                book.ours(f"UPDATE {SCHEMA}._groups SET digest = ''")
                moved = None
            update = _Update(book, self._reader, glossary)
            with book.filling() if not update.names() else nullcontext():
                groups.bring_up(update, Groups(self._reader), moved)
            inherit(book, update.changed)
            mark = groups.mark_of(self._reader, newest)
            for key, value in (("event", str(mark.event)), ("hash", mark.hash), ("terms", terms)):
                book.ours(f"INSERT OR REPLACE INTO {SCHEMA}._followed VALUES (?, ?)", (key, value))


def lineage_into(reader: RegistryReader, ports: Sequence[str]) -> list[LineageEdge]:
    """Which columns the columns of some ports are made from, without private models between."""
    nodes = [node for port in ports for node in reader.nodes_of(port)]
    return collapsed(dict.fromkeys(_all_edges(reader, nodes)))


def _all_edges(reader: RegistryReader, nodes: Sequence[str]) -> Iterator[LineageEdge]:
    """The edges into nodes, asked for in parts where they are more than one answer has: none may be missing.

    Raises:
        PlatformError: WFT-GOV-085, one column alone has more.
    """
    if not nodes:
        return
    edges, cut = reader.lineage(nodes, up=True, depth=1)
    if not cut:
        yield from edges
        return
    if len(nodes) == 1:
        edges, cut = reader.lineage(nodes, up=True, depth=1, limit=_MOST_EDGES)
        if cut:
            what = f"`{nodes[0]}` is made from more columns than can be followed"
            raise PlatformError(error("WFT-GOV-085", what, fix="declare its lineage, or make it from fewer"))
        yield from edges
        return
    half = len(nodes) // 2
    yield from _all_edges(reader, nodes[:half])
    yield from _all_edges(reader, nodes[half:])


class _Update:
    """Takes groups of the registry into a book."""

    def __init__(self, book: Book, reader: RegistryReader, glossary: Glossary) -> None:
        self._book = book
        self._reader = reader
        self._glossary = glossary
        self.changed: set[str] = set()

    def _moved(self, name: str) -> None:
        if "." in name:
            self.changed.add(name)

    def names(self) -> Collection[str]:
        return {name for (name,) in self._book.ours(f"SELECT name FROM {SCHEMA}._groups")}

    def put(self, group: Group) -> bool:
        known = self._book.ours(f"SELECT digest FROM {SCHEMA}._groups WHERE name = ?", (group.name,))
        if known and known[0][0] == group.digest:
            return False
        self._book.put(group.name, self._rows(group))
        self._moved(group.name)
        self._book.ours(f"INSERT OR REPLACE INTO {SCHEMA}._groups VALUES (?, ?)", (group.name, group.digest))
        return True

    def remove(self, name: str) -> None:
        self._book.forget(name)
        self._moved(name)
        self._book.ours(f"DELETE FROM {SCHEMA}._groups WHERE name = ?", (name,))

    def _rows(self, group: Group) -> Rows:
        if group.product is None:
            assert group.domain is not None, "a group is a domain or a product"
            return domain_rows(group.domain)
        edges = lineage_into(self._reader, [str(s.address) for s in group.ports if not s.retired])
        ports = [port_facts(s, self._first_published(s)) for s in group.ports]
        return {**product_rows(group.domain, group.product, ports, edges), **concept_rows(ports, self._glossary)}

    def _first_published(self, state: PortState) -> datetime | None:
        found = self._reader.history(state.address, before=2, limit=1)
        return found[0].published_at if found else None


def _mark(book: Book) -> Mark | None:
    found = dict(book.ours(f"SELECT key, value FROM {SCHEMA}._followed"))
    return Mark(int(found["event"]), found["hash"]) if "event" in found else None


def _terms(book: Book) -> str | None:
    """The digest of the glossary with which columns were compared."""
    found = book.ours(f"SELECT value FROM {SCHEMA}._followed WHERE key = 'terms'")
    return str(found[0][0]) if found else None


def _unusable(path: Path, e: Exception) -> PlatformError:
    return PlatformError(
        error(
            "WFT-GOV-009",
            f"the book of the mesh, {path.name}, cannot be used, so nobody knows what policies say",
            why=str(e),
            fix=f"free the disk, or delete {path}: it is made anew from the registry",
        )
    )
