"""Environments beside production: what is built in one, who sees it, what production takes over, what a drop leaves."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.meshes import TestMesh, source_rows, two_products
from weft.errors import UsageError, WeftError
from weft.runs.results import ApplyResult

ORDERS = "domains/sales/orders/models/orders.sql"
TOTALS = "domains/sales/orders/models/totals.sql"
PORT = "sales.orders.orders"


class Two:
    """The mesh of two products, of which a verb is asked in production or in an environment, at a time of its own."""

    def __init__(self, root: Path) -> None:
        self.files: TestMesh = two_products(root)
        self.now = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)

    def open(self, environment: str | None = None) -> weft.Mesh:
        return weft.open(self.files.root, now=lambda: self.now, environment=environment)

    def apply(self, environment: str | None = None, *select: str, **asked: Any) -> ApplyResult:
        self.now += dt.timedelta(minutes=1)
        with self.open(environment) as mesh:
            done = mesh.apply(select, **asked)
        for failed in done.failed:
            raise failed.error
        return done

    def value(self, sql: str, environment: str | None = None) -> Any:
        with self.open(environment) as mesh:
            return mesh.query(sql).arrow().column(0)[0].as_py()

    def highest(self, environment: str | None = None) -> Any:
        return self.value(f"select max(amount) from {PORT}", environment)

    def changed(self) -> None:
        self.files.edit(ORDERS, "amount::integer as amount", "2 * amount::integer as amount")

    def parquet(self) -> set[Path]:
        return set((self.files.root / ".weft/warehouse").rglob("*.parquet"))


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    mesh = Two(tmp_path)
    mesh.apply()
    yield mesh


def built(done: ApplyResult) -> set[str]:
    return {f"{p.address.product}.{p.address.port}" for p in done.published}


def test_an_environment_shows_production_until_something_is_built_in_it(two: Two) -> None:
    before = two.parquet()

    done = two.apply("dev")

    assert not done.published
    assert two.highest("dev") == two.highest() == 99
    assert two.parquet() == before


def test_what_differs_is_built_beside_production_and_nobody_else_sees_it(two: Two) -> None:
    two.files.edit(TOTALS, "sum(amount)::integer", "(1 + sum(amount))::integer")

    done = two.apply("dev")

    assert built(done) == {"orders.totals", "daily.big", "daily.small"}
    total = "select sum(amount) from sales.orders.totals"
    assert two.value(total, "dev") == two.value(total) + 10
    with two.open() as mesh:
        planned = {c.address.port: c.action.value for c in mesh.plan().changes}
        assert planned == {"orders": "none", "totals": "rebuild", "big": "rebuild", "small": "rebuild"}
        assert (
            mesh._rooms.storage.main(mesh._pinned("sales.orders.totals@1"))
            == mesh.history("sales.orders.totals").as_json()["snapshots"][0]["snapshot_id"]
        )
    assert not two.apply("dev").published


def test_production_takes_over_what_an_environment_has_built_of_the_same(two: Two) -> None:
    two.changed()
    there = two.apply("dev")
    before = two.parquet()

    here = two.apply()

    assert {p.address: p.snapshot_id for p in here.published} == {p.address: p.snapshot_id for p in there.published}
    assert {p.reused for p in here.published} == {"dev"}
    assert all(p.checks.passed > 0 for p in here.published)
    assert two.parquet() == before
    assert two.highest() == 198
    with two.open() as mesh:
        for one in here.published:
            assert mesh._rooms.storage.main(one.address) == one.snapshot_id


def test_what_was_built_of_other_rows_is_built_again(two: Two) -> None:
    two.changed()
    two.apply("dev")
    source_rows(two.files, 7)

    here = two.apply()

    assert {p.reused for p in here.published} == {None}
    assert two.value(f"select max(batch) from {PORT}") == 7
    assert two.value(f"select max(batch) from {PORT}", "dev") == 1


def test_a_full_refresh_computes_although_an_environment_has_the_same(two: Two) -> None:
    two.changed()
    two.apply("dev")

    here = two.apply(full_refresh=True)

    assert {p.reused for p in here.published} == {None}


def test_rows_of_a_kept_table_are_taken_over_only_where_they_go_on_from_productions(two: Two) -> None:
    settings = "/* weft\nmaterialized: append\nkey: id\n*/\n"
    path = two.files.path(ORDERS)
    path.write_text(settings + path.read_text(encoding="utf-8"), encoding="utf-8")
    two.apply()
    two.changed()
    source_rows(two.files, 1, rows=2_010)
    two.apply("dev")

    assert {p.reused for p in two.apply(None, "sales").published} == {"dev"}

    source_rows(two.files, 1, rows=2_020)
    two.apply("dev")
    source_rows(two.files, 1, rows=2_015)
    two.apply()
    source_rows(two.files, 1, rows=2_020)
    here = two.apply()

    assert {p.reused for p in here.published} == {None}
    assert two.value(f"select count(*) from {PORT}") == 2_020


def test_rows_are_compared_key_by_key_and_column_by_column(two: Two) -> None:
    two.files.edit(
        ORDERS,
        "from raw",
        "from (select * replace (case when id::integer < 5 then '1234' else amount end as amount) from raw)\n"
        "where id::integer <> 7\nunion all select 99999, 1, 5, 5",
    )
    two.apply("dev", "sales")

    with two.open() as mesh:
        found = mesh.environments.diff("sales.orders.orders", "dev").as_json()

    assert found["key"] == ["id"]
    assert found["rows"] == {"production": 2000, "environment": 2000, "added": 1, "removed": 1, "changed": 5}
    assert found["columns"]["changed"] == [{"name": "amount", "rows": 5, "share": 5 / 1999}]
    with two.open() as mesh:
        assert mesh.environments.diff("report.daily.big", "dev").same_snapshot


PRODUCT = "domains/sales/orders/product.odps.yaml"
CONTRACT = "domains/sales/orders/contracts/orders.odcs.yaml"


def reversioned(two: Two, version: str) -> dict[str, Any]:
    """Gives the port `orders` another version; its contract, to be changed and written."""
    document = json.loads(two.files.path(PRODUCT).read_text())
    document["outputPorts"][0]["version"] = version
    two.files.write(PRODUCT, json.dumps(document))
    return {**json.loads(two.files.path(CONTRACT).read_text()), "version": version}


def test_a_port_is_compared_with_its_former_major_although_the_type_of_its_key_is_another(two: Two) -> None:
    shutil.rmtree(two.files.path("domains/report"))  # nobody reads major 1
    two.apply(yes=True)
    two.files.edit(ORDERS, "id::integer as id", "case id::integer when 7 then 'seven' else id::varchar end as id")
    two.files.edit(
        ORDERS, "amount::integer as amount", "if(raw.id::integer = 8, 1.5::double, amount::double) as amount"
    )
    contract = reversioned(two, "2.0.0")
    contract["schema"][0]["properties"][0]["logicalType"] = "string"
    contract["schema"][0]["properties"][2] |= {"logicalType": "number", "physicalType": "DOUBLE"}
    two.files.write(CONTRACT, json.dumps(contract))
    two.apply("dev", "sales", yes=True)

    with two.open() as mesh:
        found = mesh.environments.diff(PORT, "dev").as_json()
        with pytest.raises(UsageError, match="published in environment `dev` alone"):
            mesh.environments.diff(f"{PORT}@2", "dev")

    assert (found["address"], found["compared_with"]) == (f"{PORT}@2", f"{PORT}@1")
    assert found["rows"] == {"production": 2000, "environment": 2000, "added": 1, "removed": 1, "changed": 1}
    assert [c["name"] for c in found["columns"]["types"]] == ["id", "amount"]
    assert found["columns"]["changed"] == [{"name": "amount", "rows": 1, "share": 1 / 1999}]


def test_rows_are_compared_whatever_their_columns_are_named(two: Two) -> None:
    contract = reversioned(two, "1.1.0")
    contract["schema"][0]["properties"].append({"name": "present", "logicalType": "integer"})
    two.files.write(CONTRACT, json.dumps(contract))
    two.files.edit(ORDERS, "\nfrom raw", ",\n    null::integer as present\nfrom raw")
    two.apply(None, "sales", yes=True)
    two.changed()
    two.apply("dev", "sales")

    with two.open() as mesh:
        found = mesh.environments.diff(PORT, "dev").as_json()

    assert found["rows"] == {"production": 2000, "environment": 2000, "added": 0, "removed": 0, "changed": 1980}


def test_a_drop_removes_what_only_the_environment_had(two: Two) -> None:
    before = two.parquet()
    two.changed()
    two.apply("dev")
    two.now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)

    with two.open() as mesh:
        assert [e.name for e in mesh.environments.list()] == ["dev"]
        assert mesh.environments.drop(["dev"]) == 4
        assert not mesh.environments.list()

    assert two.parquet() == before
    assert two.highest() == 99
    with pytest.raises(UsageError, match="there is no environment `dev`"):
        two.highest("dev")


def test_a_drop_leaves_what_production_has_taken_over(two: Two) -> None:
    two.changed()
    two.apply("dev")
    two.apply()
    two.now = dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)

    with two.open() as mesh:
        assert mesh.environments.drop(["dev"]) == 0

    assert two.highest() == 198


def test_an_environment_that_nobody_uses_goes_with_the_next_apply(two: Two) -> None:
    two.changed()
    two.apply("dev")
    two.now += dt.timedelta(days=15)
    with pytest.raises(UsageError, match="the time of environment `dev` was over at 2024-06-15"):
        two.highest("dev")

    two.apply(None, "report")

    with two.open() as mesh:
        assert not mesh.environments.list()


def test_an_environment_in_which_nothing_was_ever_built_goes_as_well(two: Two) -> None:
    two.apply("idle")
    with two.open() as mesh:
        (found,) = mesh.environments.list()
    assert (found.used_at, found.made_at, found.ends_at - found.made_at) == (None, two.now, dt.timedelta(days=14))
    two.now += dt.timedelta(days=15)

    two.apply(None, "report")

    with two.open() as mesh:
        assert not mesh.environments.list()


def test_an_environment_whose_first_apply_was_refused_goes_as_well(two: Two) -> None:
    two.files.edit(ORDERS, "amount::integer as amount", "amount::varchar as amount")
    with pytest.raises(WeftError):
        two.apply("refused")
    two.now += dt.timedelta(days=15)

    with pytest.raises(UsageError, match="the time of environment `refused` was over at 2024-06-15"):
        two.highest("refused")


def test_orphans_are_swept_but_not_what_an_environment_shows(two: Two) -> None:
    two.changed()
    two.apply("dev")
    with two.open() as mesh:
        context = mesh._rooms.context()
        from weft.runs import repair

        gone = repair.sweep(context, alive=[], older_than=dt.datetime.now(dt.UTC) + dt.timedelta(days=1))

    assert gone == []
    assert two.highest("dev") == 198


def test_a_rollback_in_an_environment_is_for_it_alone(two: Two) -> None:
    two.changed()
    two.apply()
    two.apply("dev")
    with two.open("dev") as mesh:
        oldest = mesh.history(PORT).as_json()["snapshots"][-1]["snapshot_id"]
    with two.open("dev") as mesh:
        mesh.rollback(f"{PORT}@1", oldest, reason="to look")

    assert two.highest("dev") == 99
    assert two.highest() == 198


@pytest.mark.parametrize("name", ["Dev", "production", "a/b", "../x", ""])
def test_names_that_are_no_names_are_refused(two: Two, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be the name of an environment"):
        two.open(name)


def test_planning_for_a_new_environment_makes_nothing(two: Two) -> None:
    two.changed()

    with two.open("dev") as mesh:
        plan = mesh.plan()

    assert not plan.is_empty
    assert not (two.files.root / ".weft/environments").exists()


def test_the_command_line_has_them_all(two: Two) -> None:
    two.changed()

    applied = two.files.json("apply", "--env", "dev")
    assert {p["address"] for p in applied["published"]} >= {"sales.orders.orders@1"}
    assert two.files.json("query", "--env", "dev", f"select max(amount) from {PORT}")["rows"] == [[198]]
    assert two.files.json("plan", "--env", "dev")["stages"] == []
    shown = two.files.weft("diff-data", PORT, "--env", "dev").stdout
    assert "rows, compared by id: 0 added, 0 removed, 1,980 changed" in shown
    assert two.files.json("env", "list")["environments"][0]["name"] == "dev"
    again = two.files.weft("apply").stdout
    assert "not built again sales.orders.orders@1: its rows come from environment dev" in again
    assert two.files.weft("env", "drop", "dev").stdout.startswith("dropped dev: ")
    assert two.files.weft("query", "--env", "dev", "select 1").returncode == 2
