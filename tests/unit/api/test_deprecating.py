"""Home tells of deprecations that touch one: what one's products read, and who still reads what one ends."""

from __future__ import annotations

import pytest

from tests.unit.catalog.registered import THEN, flights
from tests.unit.server.company import NOW, company, member
from weft.access.permissions import Caller, Role
from weft.api.platform import Platform
from weft.api.portal import finding
from weft.model.records import Publish

OLD = "punctuality.performance.carrier_daily@1"
OF_FLEET = Caller("finn", "user", domains={"fleet": frozenset({Role.DOMAIN_OWNER})})
OF_PUNCTUALITY = Caller("pia", "user", domains={"punctuality": frozenset({Role.PRODUCT_OWNER})})
OF_NONE = Caller("nina", "user")


@pytest.fixture
def platform(tmp_path):
    """A mesh in which a product of `fleet` reads a deprecated port that ends 20 days later."""
    with company(tmp_path) as made:
        ends = [{"property": "weft.endOfLife", "value": "2026-01-30"}]
        _publish(made, "fleet.reports", "Reports", reads=(OLD,))
        _described(made, "punctuality.performance", ends)
        yield made


def _publish(platform: Platform, address: str, title: str, reads: tuple[str, ...]) -> None:
    mesh = flights()
    mesh.add_domain("fleet", "Fleet", "Fleet engineering", "Aircraft", members=[member("finn", "owner")])
    mesh.add_product(address, title, "What is read", reads=reads)
    mesh.add_port(f"{address}.daily@1", "Daily", "A day", {"day": "The day"})
    (product,) = [p for a, p in mesh.product_records.items() if str(a) == address]
    (state,) = [s for a, s in mesh.states.items() if str(a.of_product) == address]
    platform.rooms.production.publish(
        Publish(
            domain=mesh.domain_records["fleet"],
            product=product,
            publications=mesh.publications[state.address],
            requires={str(state.address): 0},
            checks={},
            edges=[],
            run_id="run-reports",
            actor="finn",
            at=THEN,
            defaults=[state.address],
        )
    )


def _described(platform: Platform, address: str, custom: list[dict[str, str]]) -> None:
    """The descriptor of a product with other custom properties, published without other rows."""
    registry = platform.rooms.production
    (found,) = [p for a, p in registry.products().items() if str(a) == address]
    from msgspec.structs import replace

    record = replace(found, document={**found.document, "customProperties": custom})
    states = registry.ports_of(record.address)
    registry.publish(
        Publish(
            domain=registry.domain(record.address.domain),
            product=record,
            publications=[],
            requires={str(s.address): s.revision for s in states},
            checks={},
            edges=[],
            run_id="run-described",
            actor="pia",
            at=THEN,
        )
    )


def deprecations(platform: Platform, caller: Caller) -> list[tuple[str, str, str | None]]:
    work = finding.home(platform, caller)["work"]
    return [(one["title"], one["path"], one["due"]) for one in work if one["kind"] == "deprecation"]


def test_whose_product_reads_a_deprecated_port_is_told_how_many_days_are_left_and_what_takes_its_place(platform):
    (found,) = deprecations(platform, OF_FLEET)

    assert found == (
        f"fleet.reports reads {OLD}, which is deprecated; punctuality.performance.carrier_daily@2 takes its place, "
        "20 days left",
        "/ports/punctuality/performance/carrier_daily@1",
        "2026-01-30",
    )
    assert NOW.date().isoformat() == "2026-01-10"


def test_whoever_ends_a_port_is_told_who_still_reads_it(platform):
    (found,) = deprecations(platform, OF_PUNCTUALITY)

    assert found[0] == f"1 product still reads {OLD}, which is deprecated, 20 days left"


def test_nobody_else_is_told(platform):
    assert deprecations(platform, OF_NONE) == []
