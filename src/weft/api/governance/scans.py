"""Scans of the living mesh: the whole of it now and then, and after a publication what it touches."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from weft.api.governance.scanning import ScanReport, scan_policies
from weft.errors import PlatformError
from weft.governance.policies import PolicySet, When
from weft.governance.policy_files import policies_of
from weft.model.address import ProductAddress
from weft.project.policies import carried_policies
from weft.registry.sql import SqlRegistry
from weft.sections.forms import duration
from weft.wiring.governing import living_book

if TYPE_CHECKING:
    from weft.governance.book import Book
    from weft.registry.leadership import Leadership
    from weft.wiring import Rooms

_TOUCHED = """
SELECT product FROM lineage WHERE reads_product IN (SELECT value FROM json_each(?1))
UNION SELECT reads_product FROM lineage WHERE product IN (SELECT value FROM json_each(?1))
UNION SELECT product FROM column_lineage WHERE source_product IN (SELECT value FROM json_each(?1))
"""


def scan(
    rooms: Rooms, policies: PolicySet, within: Sequence[str] | None = None, *, samples: bool = False
) -> ScanReport:
    """Holds what is registered, or some domains and products of it, against policies, and keeps what violates them.

    Args:
        samples: whether data about people are looked for first, in samples of the rows of these products.

    Raises:
        PlatformError: WFT-REG-002 the registry cannot be reached, WFT-GOV-009 the book of the mesh cannot be used.
    """
    if samples:
        look_at_samples(rooms, within or ())
    registry = rooms.production
    assert isinstance(registry, SqlRegistry), "a scan runs where the registry is"
    with living_book(rooms) as book:
        return scan_policies(registry.database, book, policies, rooms.now(), within, grace=_grace(rooms))


def look_at_samples(rooms: Rooms, select: Sequence[str] = ()) -> None:
    """Puts into the book what samples of published rows show; of snapshots that are known no row is read."""
    from weft.api.governance.detecting import found_in

    found = found_in(rooms, select)
    with rooms.governance.book.current() as book, book.writing():
        for port in found.ports:
            book.ours("DELETE FROM samples_findings WHERE port = ?", (str(port.address),))
            book.put_rows("samples_findings", port.rows())


def scan_after(rooms: Rooms, products: Collection[ProductAddress]) -> ScanReport | None:
    """What a publication changes: its products are held against policies, and those beside them.

    None where no policy is looked at by scans, or the registry is away: what is published stands, and the next scan of
    the whole mesh finds what this one would have.
    """
    registry = rooms.production
    if not products or not isinstance(registry, SqlRegistry):
        return None
    own = [str(product) for product in products]
    if not any(When.SCAN in policy.when for policy in _policies_of(rooms, own).policies.values()):
        return None
    with suppress(PlatformError), living_book(rooms, lambda book: _touched(book, own)) as book:
        within = _touched(book, own)
        policies = _policies_of(rooms, within)
        return scan_policies(registry.database, book, policies, rooms.now(), within, grace=_grace(rooms))
    return None


def _grace(rooms: Rooms) -> dt.timedelta:
    return duration(rooms.settings.governance.escalate_after)


def _touched(book: Book, products: Collection[str]) -> list[str]:
    """Products with those that they read and that read them."""
    found = book.ours(_TOUCHED, (json.dumps(sorted(products)),))
    return sorted({*products, *(product for (product,) in found)})


def _policies_of(rooms: Rooms, products: Sequence[str]) -> PolicySet:
    """The policies that hold for some products, as they are registered."""
    reader = rooms.production
    domains = {name: reader.domain(name) for name in {product.partition(".")[0] for product in products}}
    found = {p: reader.product(ProductAddress(*p.split(".", 1))) for p in products}
    return policies_of(
        rooms.governance.folder.documents(),
        {name: carried_policies(domain.document) for name, domain in domains.items() if domain is not None},
        {name: carried_policies(product.document) for name, product in found.items() if product is not None},
    )


class ScanLoop:
    """Scans the whole mesh now and then, in one worker of all.

    Attributes:
        name: what messages call it.
        pause_s: how long it waits when there was nothing to do.
    """

    name = "policies"
    pause_s = 60.0

    def __init__(self, rooms: Rooms, leader: Leadership) -> None:
        self._rooms = rooms
        self._leader = leader

    def step(self) -> bool:
        """Whether a scan was due."""
        from weft.api.governance.governing import policies_known

        settings = self._rooms.settings.governance
        every, now = duration(settings.scan_every), self._rooms.now()
        if not every or not self._leader.leads():
            return False
        last = self._rooms.governance.book.remembered(_LAST)
        if last is not None and now - dt.datetime.fromisoformat(last) < every:
            return False
        policies = policies_known(self._rooms)
        if policies.policies:
            scan(self._rooms, policies, samples=settings.samples)
        self._rooms.governance.book.remember(_LAST, now.isoformat())
        return True

    def close(self) -> None:
        """Nothing is held: the scheduler resigns."""


_LAST = "scanned_at"
