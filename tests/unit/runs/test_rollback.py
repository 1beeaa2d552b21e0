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


def change(mesh, **fields) -> None:
    """Changes fields of the contract of `orders`, and its version at the port."""
    path = mesh.settings.root / ORDERS / "contracts/orders.odcs.yaml"
    contract = json.loads(path.read_text()) | fields
    path.write_text(json.dumps(contract, indent=2))
    product = json.loads((mesh.settings.root / ORDERS / "product.odps.yaml").read_text())
    product["outputPorts"][0]["version"] = contract["version"]
    (mesh.settings.root / ORDERS / "product.odps.yaml").write_text(json.dumps(product, indent=2))


def test_what_is_said_of_a_pinned_port_reaches_its_readers_and_its_rows_stay(mesh):
    mesh.rollback(PORT, snapshots(mesh)[1], reason="bad batch")
    change(mesh, status="deprecated", slaProperties=[{"property": "endOfLife", "value": "2999-12-31"}])

    [planned] = [c for c in mesh.plan(["sales.orders.orders"]).changes if str(c.address) == PORT]
    applied = mesh.apply(["sales"])

    assert planned.reason == "its status is `deprecated`, was `active`; its rows stay pinned by a rollback: bad batch"
    assert [(str(p.address), p.built) for p in applied.published if str(p.address) == PORT] == [(PORT, False)]
    assert batch(mesh) == {1}
    assert mesh.history(PORT).as_json()["snapshots"][0]["reason"] == "bad batch"
    warned = mesh.query("select 1 from sales.orders.orders limit 1").diagnostics
    assert "2999-12-31" in warned[0].what
    assert mesh.apply(["sales"]).published == ()

    mesh.release(PORT)
    mesh.apply(["sales"])
    assert batch(mesh) == {2}


def test_rules_of_a_pinned_port_are_held_against_the_rows_that_it_shows(mesh):
    mesh.rollback(PORT, snapshots(mesh)[1], reason="bad batch")
    rules = json.loads((mesh.settings.root / ORDERS / "contracts/orders.odcs.yaml").read_text())["schema"]
    rules[0]["properties"][1]["logicalTypeOptions"] = {"maximum": 1}
    change(mesh, schema=rules, version="1.1.0")
    assert mesh.apply(["sales.orders.orders"]).exit_code == 0
    assert (mesh.show(PORT).body["version"], batch(mesh)) == ("1.1.0", {1})

    rules[0]["properties"][1]["logicalTypeOptions"] = {"maximum": 0}
    change(mesh, schema=rules, version="1.2.0")
    assert mesh.apply(["sales.orders.orders"]).exit_code == 1
    assert (mesh.show(PORT).body["version"], batch(mesh)) == ("1.1.0", {1})


def test_a_rollback_by_itself_leaves_nothing_to_say(mesh):
    change(mesh, description={"purpose": "orders"})
    mesh.apply(["sales"])

    mesh.rollback(PORT, snapshots(mesh)[-1], reason="bad batch")

    assert mesh.apply(["sales"]).published == ()


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
