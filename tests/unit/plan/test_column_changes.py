"""What of a port moves: through the models of its product, read once and kept in a cache."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from tests.meshes import TestMesh, two_products
from weft.config import load_settings
from weft.model.address import parse_address
from weft.plan.column_changes import ColumnDigests
from weft.plan.desired import Desired
from weft.wiring import Rooms

ORDERS = "domains/sales/orders/models"


class Kept:
    """A cache in memory that counts what it is asked in vain."""

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}
        self.missed = 0

    def get(self, kind: str, key: str) -> bytes | None:
        found = self.blobs.get((kind, key))
        self.missed += found is None
        return found

    def put_many(self, kind: str, entries: dict[str, bytes]) -> None:
        self.blobs |= {(kind, key): blob for key, blob in entries.items()}


def desired(mesh: TestMesh) -> dict[str, Desired]:
    rooms = Rooms(load_settings(mesh.root))
    try:
        return {str(address): wanted for address, wanted in rooms.repository().desired.items()}
    finally:
        rooms.close()


def test_each_model_is_read_once_whatever_ports_need_it_and_from_the_cache_the_next_time(tmp_path: Path) -> None:
    ports = desired(two_products(tmp_path / "mesh"))
    models = {m.file for one in ports.values() for m in one.models}
    cache = Kept()

    digests = ColumnDigests(cache)
    first = {address: digests.of(wanted) for address, wanted in ports.items()}
    again = ColumnDigests(cache)
    second = {address: again.of(wanted) for address, wanted in ports.items()}

    assert cache.missed == len(models) == len(cache.blobs) > len(ports) - 1
    assert first == second
    assert set(first["sales.orders.totals@1"]) == {
        "*",
        *(c.name for c in ports["sales.orders.totals@1"].columns),
    }


def test_a_change_of_one_expression_moves_what_other_ports_of_the_product_make_of_it(tmp_path: Path) -> None:
    mesh = two_products(tmp_path / "mesh")
    cache = Kept()
    before = {address: ColumnDigests(cache).of(wanted) for address, wanted in desired(mesh).items()}
    mesh.edit(f"{ORDERS}/orders.sql", "amount::integer as amount", "amount::integer + 1 as amount")

    after = {address: ColumnDigests(cache).of(wanted) for address, wanted in desired(mesh).items()}

    moved = {a: {c for c in before[a] if before[a][c] != after[a][c]} for a in before}
    assert moved["sales.orders.orders@1"] == {"amount"}
    assert moved["sales.orders.totals@1"] == {"amount"}
    assert moved["report.daily.big@1"] == moved["report.daily.small@1"] == set()  # they read what is published


def test_another_setting_of_a_model_may_mean_other_rows(tmp_path: Path) -> None:
    mesh = two_products(tmp_path / "mesh")
    [wanted] = [w for w in desired(mesh).values() if w.port.address == parse_address("sales.orders.orders@1")]
    set_otherwise = replace(
        wanted,
        models=tuple(replace(m, settings={"materialized": "append"}) for m in wanted.models),
        product=replace(wanted.product),
    )

    one, other = ColumnDigests(Kept()).of(wanted), ColumnDigests(Kept()).of(set_otherwise)

    assert {c for c in one if one[c] != other[c]} == {"*"}
