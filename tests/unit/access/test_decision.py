import datetime as dt

import pytest

from weft.access.decision import decide, decide_quarantine
from weft.access.principals import Principal, PrincipalKind, local_principal, product_principal
from weft.errors import AccessDenied
from weft.model.address import ProductAddress, parse_address
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.lifecycle import EndOfLife
from weft.model.publication import Digests, PortState

PORT = parse_address("fleet.aircraft.planes@1")


def state(**changes):
    fields = {
        "address": PORT,
        "revision": 1,
        "snapshot_id": "7",
        "run_id": "r",
        "version": "1.0.0",
        "status": "active",
        "digests": Digests("f", "r", "t"),
        "upstream": {},
        "parts": {},
        "rows": 3,
        "checks": CheckCounts(),
        "published_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        "published_by": "ann",
        "default": True,
        "columns": (Column("tailnum", "VARCHAR", 1), Column("year", "INTEGER", 2)),
    }
    return PortState(**(fields | changes))


def test_the_owner_of_a_local_mesh_reads_every_column():
    decision = decide(Principal("ann", PrincipalKind.OWNER), state())

    assert decision.allowed
    assert decision.columns == ("tailnum", "year")


def test_a_product_reads_the_ports_that_it_has_declared_and_nothing_else():
    product = product_principal(ProductAddress("operations", "on_time"))

    assert decide(product, state(), [PORT]).allowed
    denied = decide(product, state(), [])
    assert not denied.allowed
    assert denied.columns == ()
    assert "no grant" in denied.reason


def test_a_draft_is_read_by_products_of_its_own_domain_and_by_the_owner():
    own, other = ProductAddress("fleet", "ageing"), ProductAddress("operations", "on_time")
    draft = state(status="draft")

    denied = decide(product_principal(other), draft, [PORT])

    assert decide(product_principal(own), draft, [PORT]).allowed
    assert decide(Principal("ann", PrincipalKind.OWNER), draft).allowed
    assert (denied.allowed, denied.columns, denied.code) == (False, (), "WFT-ACC-002")
    assert denied.reason == "`fleet.aircraft.planes@1` is a draft, which is for its own domain, fleet"


def test_nobody_reads_a_retired_port():
    assert not decide(Principal("ann", PrincipalKind.OWNER), state(retired=True)).allowed


def test_a_port_is_read_on_its_last_day_and_afterwards_only_by_its_own_product():
    end = EndOfLife(PORT, dt.date(2030, 1, 31), None)
    owner = Principal("ann", PrincipalKind.OWNER)
    own, reader = product_principal(PORT.of_product), product_principal(ProductAddress("operations", "on_time"))

    for who in (owner, own, reader):
        assert decide(who, state(), [PORT], end, dt.date(2030, 1, 31)).allowed
    after = {who.name: decide(who, state(), [PORT], end, dt.date(2030, 2, 1)) for who in (owner, own, reader)}
    assert [d.allowed for d in after.values()] == [False, True, False]
    assert (after["ann"].code, after["ann"].columns) == ("WFT-ACC-007", ())
    assert "2030-01-31, 1 day ago" in after["ann"].reason


def test_a_local_mesh_knows_its_owner_alone():
    assert local_principal("ann", "ann").name == "ann"
    with pytest.raises(AccessDenied) as caught:
        local_principal("ann", "eve")

    assert caught.value.exit_code == 3
    assert caught.value.diagnostics[0].code == "WFT-ACC-005"


def test_only_the_owner_reads_what_is_in_quarantine():
    owner = decide_quarantine(Principal("ann", PrincipalKind.OWNER), state())
    own_product = decide_quarantine(product_principal(PORT.of_product), state())
    retired = decide_quarantine(Principal("ann", PrincipalKind.OWNER), state(retired=True))

    assert (owner.allowed, own_product.allowed, retired.allowed) == (True, False, False)
    assert "owner" in own_product.reason
    assert "retired" in retired.reason
