"""What tests of notices share: a clock that is moved, a registry with publications, and how a step goes."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.conformance.test_registry import publication
from weft.api.notices import Notices, keyboard
from weft.config import NoticesSettings
from weft.connections import Reference, Secret
from weft.model.address import parse_address
from weft.model.records import DomainRecord, ProductRecord, Publish
from weft.observability.delivering import Delivered, Senders, deliver
from weft.observability.telling import tell
from weft.registry.postgres import PostgresRegistry
from weft.registry.sql import SqlRegistry
from weft.registry.sqlite import SqliteRegistry

START = dt.datetime(2026, 3, 2, 7, tzinfo=dt.UTC)
ORDERS, TOTALS = parse_address("sales.orders.orders@1"), parse_address("finance.totals.totals@1")
SETTINGS = NoticesSettings(
    allow_hosts=("127.0.0.1",), signing_key=Reference("$KEY", Secret("a long random text")), smtp_security="none"
)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> dt.datetime:
        return self.at

    def move(self, **length: float) -> None:
        self.at += dt.timedelta(**length)


def opened(place: str) -> SqlRegistry:
    return PostgresRegistry(place) if "://" in place else SqliteRegistry(Path(place))


def publish(
    registry: SqlRegistry, clock: Clock, address=ORDERS, *, reads: tuple[str, ...] = (), domain_document=None, **fields
) -> None:
    domain = address.domain
    document = domain_document or {"name": domain}
    before = registry.port(address)
    registry.publish(
        Publish(
            DomainRecord(domain, domain.title(), "aggregate", None, "Team", f"{domain}@example.com", document),
            ProductRecord(address.of_product, "Product", "active", None, (), "company", reads, {}),
            [publication(address, str(registry.last_event()), **(fields | {"published_at": clock()}))],
            {str(address): before.revision if before else 0},
            {},
            [],
            f"run-{len(registry.history(address)) + 1}",
            "ann",
            clock(),
        )
    )


def notices(registry: SqlRegistry, clock: Clock, settings: NoticesSettings = SETTINGS) -> Notices:
    return Notices(registry.database, registry, settings, clock)


def go(registry: SqlRegistry, clock: Clock, settings: NoticesSettings = SETTINGS, timeout_s: float = 5) -> Delivered:
    tell(registry.database, clock, mails=bool(settings.smtp_host))
    return deliver(registry.database, Senders(settings, timeout_s=timeout_s), clock, chance=lambda: 0.0)


ANN = keyboard("ann")
