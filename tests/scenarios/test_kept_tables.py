"""Models that keep tables, from files to published rows: what goes on, what is computed anew, what is refused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.meshes import TestMesh, contract, descriptor, source
from weft.api.notices import keyboard
from weft.api.platform import open_platform
from weft.errors import GateRefused, UsageError, WeftError
from weft.plan.keeping import window
from weft.runs.results import ApplyResult

PRODUCT = "domains/shop/sales"
PORT = "shop.sales.events@1"


def integer(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "id": name, "logicalType": "integer", **fields}


DAY = {"name": "day", "id": "day", "logicalType": "date"}
INSTANT = {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}


class Shop:
    """One product with a port `events` over `data/events.csv` (id, day, n), opened anew for each verb."""

    def __init__(self, root: Path) -> None:
        self.mesh = TestMesh(root)
        self.now = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
        self.mesh.write("weft.toml", '[mesh]\nname = "shop"\n')
        domain = {"name": "shop", "kind": "source-aligned", "owner": {"team": "Shop"}}
        self.mesh.write("domains/shop/domain.yaml", json.dumps(domain))
        self.describe([integer("id", primaryKey=True, required=True), DAY, integer("n")])
        self.rows([])

    def describe(self, properties: list[dict[str, Any]], **fields: Any) -> None:
        self.mesh.write(
            f"{PRODUCT}/product.odps.yaml",
            descriptor("shop", "sales", [source("raw", file="data/events.csv")], ["events"]),
        )
        text = contract("shop.sales.events", properties, **{"status": "draft", **fields})
        self.mesh.write(f"{PRODUCT}/contracts/events.odcs.yaml", text)

    def model(self, sql: str, name: str = "events", **settings: Any) -> None:
        comment = f"/* weft\n{json.dumps(settings)}\n*/\n" if settings else ""
        self.mesh.write(f"{PRODUCT}/models/{name}.sql", f"{comment}{sql}\n")

    def rows(self, rows: list[tuple[Any, ...]]) -> None:
        lines = ["id,day,n", *(",".join(str(v) for v in row) for row in rows)]
        self.mesh.write("data/events.csv", "\n".join(lines) + "\n")

    def open(self) -> weft.Mesh:
        return weft.open(self.mesh.root, now=lambda: self.now)

    def apply(self, **asked: Any) -> ApplyResult:
        self.now += dt.timedelta(hours=1)
        with self.open() as mesh:
            done = mesh.apply(**asked)
        for failed in done.failed:
            raise failed.error
        return done

    def table(self, sql: str = "select * from shop.sales.events order by all") -> list[tuple[Any, ...]]:
        with self.open() as mesh:
            return [tuple(row.values()) for row in mesh.query(sql).arrow().to_pylist()]

    def reason(self, **asked: Any) -> str:
        with self.open() as mesh:
            (change,) = mesh.plan(**asked).changes
        return change.reason

    def files(self) -> set[str]:
        with self.open() as mesh:
            found = mesh._rooms.registry.publication(weft.model.address.parse_address(PORT))
        assert found is not None
        return {f.path for f in found.manifest.files}

    def written(self) -> float:
        """Rows that builds are measured to have written, all together."""
        platform = open_platform(self.mesh.root, lambda: self.now)
        try:
            found = platform.usage.of(keyboard("root"), by=("kind",))["usage"]
        finally:
            platform.close()
        return next(float(one["amount"]) for one in found if one["kind"] == "rows_written")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    yield Shop(tmp_path)


COLUMNS = "select id::integer as id, day::date as day, n::integer as n from raw"
BY_DAY = {"materialized": "incremental", "time_column": "day", "batch_size": "1d"}


def day(number: int) -> dt.date:
    return dt.date(2024, 1, 1) + dt.timedelta(days=number)


def test_an_incremental_port_computes_what_is_new_and_says_so(shop: Shop) -> None:
    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 0) for i in range(5)])
    shop.apply()
    before = shop.files()

    shop.rows([(i, day(i), 1) for i in range(7)])

    assert shop.reason() == "source `raw` changed; it goes on from the rows that it has"
    shop.apply()
    assert shop.table() == [(i, day(i), 0 if i < 4 else 1) for i in range(7)]
    assert len(before & shop.files()) == 4
    assert shop.reason() == "nothing to do"


def test_a_stretch_of_time_is_computed_again_when_it_is_asked_for(shop: Shop) -> None:
    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 0) for i in range(9)])
    shop.apply()
    shop.rows([(i, day(i), 1) for i in range(9)])
    asked = window(dt.datetime(2024, 1, 3, tzinfo=dt.UTC), dt.datetime(2024, 1, 5, tzinfo=dt.UTC))

    assert shop.reason(window=asked) == "its rows from 2024-01-03 to before 2024-01-05 are computed again"
    shop.apply(window=asked)

    assert [row[0] for row in shop.table() if row[2] == 1] == [2, 3]


def test_a_window_over_ports_that_are_built_whole_is_wrong_use(shop: Shop) -> None:
    shop.model(COLUMNS)

    with pytest.raises(UsageError, match="none of the selected ports is built by time"):
        shop.reason(window=window(None, dt.datetime(2024, 1, 5, tzinfo=dt.UTC)))


def test_changed_sql_computes_an_incremental_port_anew_and_goes_on_with_a_merged_one(shop: Shop) -> None:
    changed = COLUMNS.replace("n::integer as n", "n::integer + 100 as n")
    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 0) for i in range(3)])
    shop.apply()
    shop.model(changed, **BY_DAY)
    assert shop.reason() == "its SQL changed; all its rows are computed anew"
    shop.apply()
    assert {row[2] for row in shop.table()} == {100}

    shop.model(changed, materialized="merge", key="id")
    shop.apply(full_refresh=True)
    shop.rows([(2, day(2), 5)])
    shop.model(COLUMNS, materialized="merge", key="id")
    assert shop.reason().endswith("it goes on from the rows that it has")
    shop.apply()

    assert shop.table() == [(0, day(0), 100), (1, day(1), 100), (2, day(2), 5)]


def test_lookback_and_batches_may_change_without_a_rebuild(shop: Shop) -> None:
    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 0) for i in range(3)])
    shop.apply()

    shop.model(COLUMNS, **{**BY_DAY, "lookback": "3d", "batch_size": "1w"})

    assert shop.reason() == "nothing to do"


def test_another_way_of_keeping_rows_needs_a_full_refresh_to_lose_them(shop: Shop) -> None:
    shop.model(COLUMNS, materialized="merge", key="id")
    shop.rows([(1, day(1), 1)])
    shop.apply()
    shop.rows([(2, day(2), 1)])
    shop.apply()
    shop.model(COLUMNS, materialized="merge", key="id", delete="missing")

    with pytest.raises(GateRefused, match="WFT-PLN-018") as told:
        shop.apply()
    assert told.value.diagnostics[0].where is not None
    assert len(shop.table()) == 2

    shop.apply(full_refresh=True)
    assert len(shop.table()) == 1


def test_history_of_a_port_is_kept_with_the_time_in_which_each_version_held(shop: Shop) -> None:
    shop.describe(
        [
            integer("id", required=True),
            DAY,
            integer("n"),
            {"name": "valid_from", "id": "valid_from", **INSTANT},
            {"name": "valid_to", "id": "valid_to", **INSTANT},
        ]
    )
    shop.model(COLUMNS, materialized="scd2", key="id", delete="missing")
    shop.rows([(1, day(1), 1), (2, day(1), 1)])
    shop.apply()
    shop.rows([(1, day(1), 2)])
    shop.apply()

    found = shop.table("select id, n, valid_from, valid_to from shop.sales.events order by all")

    first, second = (dt.datetime(2024, 6, 1, hour, tzinfo=dt.UTC) for hour in (13, 14))
    assert found == [(1, 1, first, second), (1, 2, second, None), (2, 1, first, second)]


def test_a_private_model_keeps_rows_that_its_source_has_lost(shop: Shop) -> None:
    shop.model(COLUMNS, name="seen", materialized="append", key="id")
    shop.model("select max(id)::integer as id, max(day) as day, count(*)::integer as n from seen")
    shop.rows([(1, day(1), 1), (2, day(1), 1)])
    shop.apply()
    shop.rows([(3, day(1), 1)])
    shop.apply()

    assert shop.table() == [(3, day(1), 3)]

    shop.model("select min(id)::integer as id, max(day) as day, count(*)::integer as n from seen")
    shop.apply()
    assert shop.table() == [(1, day(1), 3)]


def test_what_a_private_model_keeps_moves_with_its_product_or_not_at_all(shop: Shop) -> None:
    positive = integer("n", logicalTypeOptions={"maximum": 2})
    shop.describe([integer("id", primaryKey=True, required=True), DAY, positive])
    shop.model(COLUMNS, name="seen", materialized="append", key="id")
    shop.model("select max(id)::integer as id, max(day) as day, count(*)::integer as n from seen")
    shop.rows([(1, day(1), 1), (2, day(1), 1)])
    shop.apply()
    shop.rows([(3, day(1), 1)])
    with pytest.raises(WeftError, match="WFT-CHK-001"):
        shop.apply()

    shop.rows([(2, day(1), 1)])
    shop.apply(full_refresh=False)

    assert shop.table() == [(2, day(1), 2)]


def test_rows_that_a_kept_table_may_not_hold_go_to_quarantine_and_come_back_mended(shop: Shop) -> None:
    small = integer("n", logicalTypeOptions={"maximum": 9})
    allowed = [{"property": "weft.quarantine", "value": {"rules": ["*"], "maxShare": "50%"}}]
    shop.describe([integer("id", primaryKey=True, required=True), DAY, small], customProperties=allowed)
    shop.model(COLUMNS, materialized="merge", key="id")
    shop.rows([(1, day(1), 1), (2, day(1), 99), (3, day(1), 1)])
    shop.apply()
    assert [row[0] for row in shop.table()] == [1, 3]

    shop.rows([(2, day(1), 2), (4, day(1), 4)])
    shop.apply()

    assert [row[0] for row in shop.table()] == [1, 2, 3, 4]


def test_settings_that_name_no_column_are_told_at_the_model(shop: Shop) -> None:
    shop.model(COLUMNS, materialized="merge", key="idd")

    with shop.open() as mesh:
        (told,) = [d for d in mesh.check().diagnostics if d.code == "WFT-PLN-015"]

    assert told.what == "model `events`: its `key` is `idd`, which is no column of the SELECT"
    assert told.fix == "did you mean `id`?"
    assert told.where is not None
    assert told.where.file == f"{PRODUCT}/models/events.sql"


def test_a_backfill_that_is_stopped_goes_on_behind_its_last_batch(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from weft.engines.duckdb.session import DuckDBSession

    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 0) for i in range(6)])
    written: list[str] = []
    copy_out = DuckDBSession.copy_out

    def third_fails(self: DuckDBSession, sql: str, **fields: Any) -> Any:
        written.append(sql)
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        return copy_out(self, sql, **fields)

    monkeypatch.setattr(DuckDBSession, "copy_out", third_fails)
    with pytest.raises(WeftError):
        shop.apply()

    shop.apply()

    assert len(shop.table()) == 6
    assert len(written) == 4 + 3


@pytest.mark.parametrize("settings", [{}, {"materialized": "incremental", "time_column": "day"}], ids=["full", "time"])
def test_a_table_that_is_kept_no_more_needs_a_full_refresh_to_lose_its_rows(
    shop: Shop, settings: dict[str, Any]
) -> None:
    shop.model(COLUMNS, materialized="merge", key="id")
    shop.rows([(1, day(1), 10)])
    shop.apply()
    shop.rows([(2, day(2), 20)])
    shop.apply()
    kept = shop.table()
    assert [row[0] for row in kept] == [1, 2]

    shop.model(COLUMNS, **settings)

    with pytest.raises(GateRefused, match="WFT-PLN-018"):
        shop.apply()
    assert shop.table() == kept
    shop.apply(full_refresh=True)
    assert [row[0] for row in shop.table()] == [2]


def test_what_is_written_of_a_table_that_goes_on_is_measured_without_what_stays(shop: Shop) -> None:
    shop.model(COLUMNS, **BY_DAY)
    shop.rows([(i, day(i), 0) for i in range(5)])
    shop.apply()
    first = shop.written()
    shop.rows([(i, day(i), 1) for i in range(7)])
    shop.apply()

    assert first == 5
    assert shop.written() - first == 3, "the last day again, and two new ones"


def test_what_is_written_of_a_private_table_that_goes_on_is_measured_without_what_stays(shop: Shop) -> None:
    shop.model(COLUMNS, name="base", **BY_DAY)
    shop.model("select count(*)::integer as id, max(day) as day, max(n) as n from base")
    shop.rows([(i, day(i), 0) for i in range(5)])
    shop.apply()
    first = shop.written()
    shop.rows([(i, day(i), 1) for i in range(7)])
    shop.apply()

    assert first == 5 + 1
    assert shop.written() - first == 3 + 1
