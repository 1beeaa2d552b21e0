"""Who may say what an address without a major means."""

from __future__ import annotations

import pytest

import weft
from tests.unit.runs.published import PORT, published
from weft.access.principals import Principal, PrincipalKind, product_principal
from weft.errors import AccessDenied
from weft.model.address import parse_address
from weft.runs.default import move_default


def test_only_an_owner_moves_the_default_major(tmp_path):
    mesh = published(tmp_path / "mesh")
    address = parse_address(PORT)
    with weft.open(mesh.root) as opened:
        context = opened._rooms.context()

        with pytest.raises(AccessDenied) as raised:
            move_default(address, "two", product_principal(address.of_product), context)
        moved = move_default(address, "two", Principal("ann", PrincipalKind.OWNER), context)

    assert [(d.code, d.why) for d in raised.value.diagnostics] == [("WFT-ACC-002", "only the owner of a port may")]
    assert "`sales.orders` may not say what `sales.orders.orders` means" in raised.value.diagnostics[0].what
    assert moved.address == address
