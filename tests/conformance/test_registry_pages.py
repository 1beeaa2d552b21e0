"""What is read of a registry piece by piece is what is read of it whole."""

from __future__ import annotations

import datetime as dt

from msgspec.structs import replace

from tests.conformance.test_registry import NEXT, START, A, B, at, opened, publication, publish, registry
from weft.model.address import ProductAddress, parse_address
from weft.model.records import DomainRecord, PortOutcome, ProductRecord, Run, RunState
from weft.registry.environment import EnvironmentRegistry
from weft.registry.memory import MemoryRegistry

__all__ = ["opened", "registry"]

MINOR = ProductAddress("sales", "orders_minor")
OTHER = ProductAddress("stock", "orders")


def filled(registry) -> None:
    """Three products of two domains; one has a name that begins like another's."""
    publish(registry, publication(A, "1"), publication(B, "1"), publication(NEXT, "1"))
    for product in (MINOR, OTHER):
        port = parse_address(f"{product}.orders@1")
        record = ProductRecord(product, "Other", "active", None, (), "mesh", (str(A),), {})
        domain = DomainRecord(product.domain, product.domain.title(), "aggregate", None, "Team", None, {})
        publish(registry, publication(port, "1"), product=record, domain=domain)


def run(number: int, minutes: int, *ports) -> Run:
    outcomes = tuple(PortOutcome(p, "published") for p in ports)
    return Run(f"r{number}", "apply", "ann", RunState.SUCCEEDED, at(minutes), at(minutes), (), outcomes)


def test_one_product_one_domain_and_the_ports_of_one_product_are_found_by_their_names(registry):
    filled(registry)

    assert registry.product(MINOR) == registry.products()[MINOR]
    assert registry.product(ProductAddress("sales", "nothing")) is None
    assert registry.domain("stock") == registry.domains()["stock"]
    assert registry.domain("orders") is None
    for product in registry.products():
        assert list(registry.ports_of(product)) == [s for a, s in registry.ports().items() if a.of_product == product]
    assert [str(s.address) for s in registry.ports_of(A.of_product)] == [str(A), str(NEXT), str(B)]


def test_products_come_page_by_page_in_the_order_of_their_addresses(registry):
    filled(registry)

    pages, after = [], ""
    while found := registry.products_after(after, 2):
        pages.append([str(p.address) for p in found])
        after = pages[-1][-1]

    assert pages == [["sales.orders", "sales.orders_minor"], ["stock.orders"]]


def test_the_log_tells_what_moved_since_a_number(registry):
    filled(registry)
    registry.set_default(NEXT, actor="ann", at=START)

    assert registry.moved(0) == {"sales.orders", str(A), str(MINOR), str(OTHER), str(NEXT)}
    assert registry.moved(2) == {str(A), str(OTHER), str(NEXT)}
    assert registry.moved(registry.last_event()) == frozenset()


def test_a_history_goes_on_where_the_page_before_ended(registry):
    for number in range(5):
        publish(registry, publication(A, str(number), number))

    assert [p.revision for p in registry.history(A)] == [5, 4, 3, 2, 1]
    assert [p.revision for p in registry.history(A, limit=2)] == [5, 4]
    assert [p.revision for p in registry.history(A, before=4, limit=2)] == [3, 2]
    assert [p.revision for p in registry.history(A, before=2)] == [1]


def test_runs_go_on_behind_a_run_even_where_several_began_at_once(registry):
    for one in (run(1, 0, A), run(2, 1, B), run(3, 1, A), run(4, 1, A), run(5, 2, A)):
        registry.start_run(one)

    def ids(**how) -> list[str]:
        return [r.run_id for r in registry.runs(**how)]

    assert ids() == ["r5", "r4", "r3", "r2", "r1"]
    assert ids(before=(at(1), "r4"), limit=2) == ["r3", "r2"]
    assert ids(address=A, before=(at(1), "r4")) == ["r3", "r1"]
    assert ids(before=(at(1).astimezone(dt.timezone(dt.timedelta(hours=5))), "r3")) == ["r2", "r1"]
    assert ids(before=(at(0), "r1")) == []


def test_an_environment_shows_its_own_pieces_and_productions_behind_them(registry):
    filled(registry)
    own = MemoryRegistry()
    shown = EnvironmentRegistry(own, registry)
    publish(own, publication(A, "9"), product=replace(registry.product(A.of_product), title="Mine"))

    assert shown.product(A.of_product).title == "Mine"
    assert shown.product(OTHER) == registry.product(OTHER)
    assert [p.title for p in shown.products_after("sales.orderr", 2)] == ["Mine", "Other"]
    assert list(shown.ports_of(A.of_product)) == [s for a, s in shown.ports().items() if a.of_product == A.of_product]
    assert {s.snapshot_id for s in shown.ports_of(A.of_product)} == {"9", "1"}
    assert shown.moved(0) is None
