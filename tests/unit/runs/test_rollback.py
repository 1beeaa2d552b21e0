"""Earlier rows are shown again, if they keep today's contract, and the port is pinned to them."""

from __future__ import annotations

import json

import pytest

import weft
from tests.unit.runs.published import ORDERS, PORT, published
from weft.errors import UsageError


@pytest.fixture
def mesh(tmp_path):
    """Two batches, published one after the other."""
    made = published(tmp_path / "mesh", batches=2)
    with weft.open(made.root) as opened:
        yield opened


@pytest.fixture(scope="module")
def unmoved(tmp_path_factory):
    """The same, for tests that move nothing."""
    made = published(tmp_path_factory.mktemp("unmoved") / "mesh", batches=2)
    with weft.open(made.root) as opened:
        yield opened


def snapshots(mesh, port=PORT) -> list[str]:
    """Snapshot ids, newest first."""
    return [s["snapshot_id"] for s in mesh.history(port).as_json()["snapshots"]]


def batch(mesh, port=PORT) -> set[int]:
    return {
        row[0] for row in mesh.query(f'select batch from {port.rpartition(".")[0]}."{port.rpartition(".")[2]}"').rows()
    }


def test_the_earlier_rows_are_read_and_readers_are_named_as_stale(mesh):
    new, old = snapshots(mesh)

    back = mesh.rollback(PORT, old, reason="bad batch")

    assert batch(mesh) == {1}
    assert (str(back.address), back.from_, back.to) == (PORT, new, old)
    assert back.stale == ("report.daily",)
    assert batch(mesh, "report.daily.big@1") == {2}


def test_the_table_elsewhere_shows_the_earlier_rows_too(mesh):
    old = snapshots(mesh)[1]

    mesh.rollback(PORT, old, reason="bad batch")

    context = mesh._rooms.context()
    assert context.storage.main(weft.model.address.parse_address(PORT)) == old


def test_the_pin_holds_until_it_is_released(mesh):
    old = snapshots(mesh)[1]
    mesh.rollback(PORT, old, reason="bad batch")

    assert mesh.apply(["sales"]).published == ()
    assert batch(mesh) == {1}

    mesh.release(PORT)
    mesh.apply(["sales"])
    assert batch(mesh) == {2}


def test_an_address_without_major_is_rolled_back_too(mesh):
    back = mesh.rollback("sales.orders.orders", snapshots(mesh)[1], reason="bad batch")

    assert str(back.address) == PORT


@pytest.mark.parametrize(
    ("port", "snapshot", "code"),
    [
        ("sales.orders.order", "1", "WFT-ACC-001"),
        (PORT, "12345", "WFT-RUN-005"),
    ],
)
def test_what_does_not_exist_is_told(unmoved, port, snapshot, code):
    with pytest.raises(UsageError) as raised:
        unmoved.rollback(port, snapshot, reason="x")

    assert raised.value.diagnostics[0].code == code
    assert batch(unmoved) == {2}


def test_the_snapshot_that_is_shown_already_is_told(unmoved):
    with pytest.raises(UsageError) as raised:
        unmoved.rollback(PORT, snapshots(unmoved)[0], reason="x")

    assert raised.value.diagnostics[0].code == "WFT-RUN-006"


def test_rows_that_break_todays_contract_do_not_come_back(tmp_path):
    made = published(tmp_path / "mesh", batches=2)
    contract = json.loads(made.path(f"{ORDERS}/contracts/orders.odcs.yaml").read_text())
    contract["schema"][0]["properties"][1]["logicalTypeOptions"] = {"minimum": 2}
    contract["version"] = "1.1.0"
    made.write(f"{ORDERS}/contracts/orders.odcs.yaml", json.dumps(contract, indent=2))
    product = json.loads(made.path(f"{ORDERS}/product.odps.yaml").read_text())
    product["outputPorts"][0]["version"] = "1.1.0"
    made.write(f"{ORDERS}/product.odps.yaml", json.dumps(product, indent=2))
    with weft.open(made.root) as mesh:
        assert mesh.apply(["sales"]).exit_code == 0
        old = snapshots(mesh)[-1]

        with pytest.raises(UsageError) as raised:
            mesh.rollback(PORT, old, reason="x")

        assert [d.code for d in raised.value.diagnostics] == ["WFT-RUN-006", "WFT-CHK-001"]
        assert "1.1.0" in (raised.value.diagnostics[0].why or "")
        assert batch(mesh) == {2}
