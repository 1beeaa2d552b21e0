"""What the door has opened: ports at a data version, as relations that show what was decided."""

from __future__ import annotations

from msgspec import Struct

from weft.access.decision import Decision
from weft.errors import Diagnostic
from weft.model.address import Address
from weft.model.column import Column
from weft.model.live import LiveTable
from weft.model.publication import Publication


class LiveRead(Struct, frozen=True):
    """That a port lives in a table of a database, and the columns with which it is published."""

    table: LiveTable
    columns: tuple[Column, ...]


class Readable(Struct, frozen=True):
    """A port at a data version, opened for a principal.

    Attributes:
        relation: a FROM item of DuckDB.
        paths: the files that it reads.
        decision: what the relation shows, and why.
        as_files: whether the files hold what is shown and nothing else: only then they may be handed out. An older data
            version of somebody who sees all may have columns that the port has no more.
        live: the table in which it lives; `relation` shows no row then before it is fetched, see `Fetching`.
    """

    publication: Publication
    relation: str
    paths: tuple[str, ...]
    decision: Decision
    as_files: bool = False
    live: LiveRead | None = None


class Opened(Struct, frozen=True):
    """The ports of a query: by address, as relations by the names of the query, and what is told with the rows.

    Attributes:
        purpose: what they were opened for.
    """

    ports: dict[Address, Readable]
    relations: dict[tuple[str, str, str], str]
    notes: list[str]
    warnings: list[Diagnostic]
    purpose: str | None = None
    beside: tuple[str, ...] = ()

    @property
    def lives(self) -> bool:
        """Whether some port lives in a table of a database."""
        return any(one.live is not None for one in self.ports.values())

    @property
    def paths(self) -> list[str]:
        """The files that it reads; `beside` are those that are of no port."""
        return [*(path for one in self.ports.values() for path in one.paths), *self.beside]
