"""What is known of the tables that a query reads while it is digested, and which column a name means."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct, field

_LENGTH = 16


class Digested(Struct, frozen=True):
    """A table or query.

    Attributes:
        columns: names and digests, in order.
        rows: digest of what decides which rows there are, and in which order.
        more: whether it may have columns that are not listed.
    """

    columns: tuple[tuple[str, str], ...]
    rows: str
    more: bool = False

    def find(self, name: str) -> str | None:
        """The digest of a column; one that may be there has the digest of the whole."""
        return self.listed(name) or (hashed("one of", name.lower(), self.whole) if self.more else None)

    def listed(self, name: str) -> str | None:
        """The digest of a column that is known to be there."""
        wanted = name.lower()
        for known, digest in self.columns:
            if known == wanted or known.lower() == wanted:
                return digest
        return None

    @property
    def whole(self) -> str:
        """One digest of everything."""
        return hashed(self.rows, *(part for column in self.columns for part in column))


class Unread(Exception):
    """The query has a part of which nobody here knows what it does."""


class Scope(Struct):
    """The names of one SELECT, and the scope around it."""

    tables: Mapping[str, Digested]
    parent: Scope | None = None
    ctes: dict[str, Digested] = field(default_factory=dict)
    sources: list[tuple[str, Digested]] = field(default_factory=list)
    shared: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    windows: str = ""

    def inside(self) -> Scope:
        """A scope within this one."""
        return Scope(self.tables, self)

    def around(self) -> Iterator[Scope]:
        """This scope and those around it."""
        at: Scope | None = self
        while at is not None:
            yield at
            at = at.parent

    def table(self, name: str) -> Digested:
        """What FROM reads under a name: a CTE, or one of the tables.

        Raises:
            Unread: neither has it.
        """
        for scope in self.around():
            if name.lower() in scope.ctes:
                return scope.ctes[name.lower()]
        found = self.tables.get(name.lower())
        if found is None:
            raise Unread(name)
        return found

    @property
    def everything(self) -> str:
        """One digest of all that a name might mean here."""
        return hashed(*(table.whole for scope in self.around() for _, table in scope.sources))

    def column(self, parts: Sequence[str], *, aliases: bool) -> str:
        """The digest of a dotted name.

        Args:
            aliases: whether it may be one of the SELECT list's, though a column has that name too.
        """
        first = parts[0].lower()
        for scope in self.around():
            if len(parts) > 1:
                for name, table in scope.sources:
                    digest = table.find(parts[1]) if name == first else None
                    if digest is not None:
                        return hashed(digest, *parts[2:]) if parts[2:] else digest
            open_ended = [table for _, table in scope.sources if table.more]
            listed = [d for _, table in scope.sources if (d := table.listed(first)) is not None]
            if open_ended and not listed:  # it may be one of theirs, or one of a query around
                return hashed("open", *parts, self.everything, scope.aliases.get(first, ""))
            found = listed
            if len(found) > 1 and first in scope.shared:
                found = [hashed("shared", *found)]
            alias = scope.aliases.get(first)
            if alias is not None and (aliases or not found):
                found.append(alias)
            if found:
                digest = found[0] if len(found) == 1 else hashed("any", *found)
                return hashed(digest, *parts[1:]) if parts[1:] else digest
            whole = [table.whole for name, table in scope.sources if name == first]
            if whole:
                return hashed("row", *whole, *parts[1:])
        return hashed("unknown", *parts, self.everything)


def hashed(*parts: str) -> str:
    """A short hash of texts in their order."""
    return hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]
