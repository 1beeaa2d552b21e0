"""Rows of ports that live in databases, brought to where an engine reads them: for a query, or into a folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

from msgspec.structs import replace

from weft.access.opened import Opened, Readable
from weft.access.principals import Principal, PrincipalKind
from weft.errors import SourceError, error
from weft.model.address import Address

if TYPE_CHECKING:
    from pathlib import Path

    from weft.access.live import LiveTables
    from weft.sql.narrowing import Narrow


class Fetching:
    """Asks databases for what was opened, as the decisions about it show it."""

    def __init__(self, live: Callable[[], LiveTables] | None, gone: Callable[[], bool] | None = None) -> None:
        """Args:
        live: asks the databases; None: they are not read here.
        gone: whether nobody waits any more.
        """
        self._live = live
        self._gone = gone

    @contextmanager
    def fetched(
        self,
        principal: Principal,
        opened: Opened,
        narrow: Narrow | None = None,
        *,
        rows: int | None = None,
        described: bool = False,
        seconds: float | None = None,
    ) -> Iterator[Opened]:
        """What was opened, with what it shows of tables in databases fetched into files, which go when it is left.

        Args:
            narrow: what the query can use of a table; None: all of it.
            rows: how many rows of the answer are asked for.
            described: whether its columns are wanted and no row.
            seconds: how long it may take.

        Raises:
            AccessDenied: WFT-ACC-055, what hides rows or values cannot be said there.
            SourceError: WFT-SRC-055 or WFT-SRC-056, a table cannot be read.
            UserCodeError: WFT-ENG-001, -003 or -005.
        """
        if not opened.lives:
            yield opened
            return
        from weft.access.live_saying import Wanted  # most meshes have no such port
        from weft.access.reading.process import unwanted
        from weft.connectors.postgres_live import Unwanted
        from weft.sql.narrowing import EVERYTHING

        tables = self._tables([a for a, one in opened.ports.items() if one.live is not None])
        owner = principal.kind is PrincipalKind.OWNER
        wanted = Wanted(narrow or EVERYTHING, rows, described, owner, principal.domain)
        gone = self._gone or (lambda: False)
        with ExitStack() as held:
            try:
                ports_ = held.enter_context(tables.fetched(opened.ports, wanted, seconds, gone))
            except Unwanted:
                raise unwanted() from None
            stands_for = {one.relation: ports_[address].relation for address, one in opened.ports.items()}
            relations = {name: stands_for.get(item, item) for name, item in opened.relations.items()}
            yield replace(opened, ports=ports_, relations=relations)

    def for_query(
        self, principal: Principal, opened: Opened, tree: str, rows: int | None
    ) -> AbstractContextManager[Opened]:
        """What was opened for a text, of which DuckDB's parse tree is known: no more than it can use is fetched.

        Args:
            rows: how many rows of the answer are asked for.
        """
        if not opened.lives:
            return nullcontext(opened)
        from weft.sql.narrowing import narrowed

        return self.fetched(principal, opened, narrowed(tree), rows=rows)

    @contextmanager
    def at_hand(self, principal: Principal, one: Readable, rows: int | None = None) -> Iterator[Readable]:
        """A port that was opened, with its rows where an engine can read them. Raises as `fetched`.

        Args:
            rows: how many of a table in a database are enough, whichever; None: all.
        """
        address = one.publication.address
        with self.fetched(principal, Opened({address: one}, {}, [], []), _some(rows)) as ready:
            yield ready.ports[address]

    def brought(
        self, principal: Principal, one: Readable, folder: Path, rows: int | None = None, run_id: str | None = None
    ) -> Readable:
        """The same, with what was fetched in a folder that goes when whoever has it removes it.

        Args:
            run_id: the run that builds a product from it.
        """
        if one.live is None:
            return one
        from weft.access.live_saying import Wanted
        from weft.sql.narrowing import EVERYTHING

        address = one.publication.address
        told = principal.kind is PrincipalKind.OWNER
        product = principal.name if principal.kind is PrincipalKind.PRODUCT else None
        wanted = Wanted(_some(rows) or EVERYTHING, None, False, told, principal.domain, product, run_id)
        return self._tables([address]).brought({address: one}, wanted, folder)[address]

    def _tables(self, ports: Sequence[Address]) -> LiveTables:
        """What asks the databases in which ports live.

        Raises:
            SourceError: WFT-SRC-056, nobody does here.
        """
        if self._live is None:
            named = ", ".join(f"`{port}`" for port in ports)
            raise SourceError(error("WFT-SRC-056", f"{named} lives in a database, which is not read here"))
        return self._live()


def _some(rows: int | None) -> Narrow | None:
    from weft.sql.narrowing import Narrow

    return Narrow(once=True, rows=rows) if rows is not None else None
