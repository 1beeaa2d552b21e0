"""Data versions end when nobody was promised them any more: marked, out of the metadata, and last their files."""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as TheirTable

from tests.meshes import TestMesh, source_rows, two_products
from tests.unit.runs.published import PORT
from weft.model.address import parse_address
from weft.model.checks import CheckCounts
from weft.model.publication import Digests, Expired, Manifest, Override, PortState, Publication
from weft.runs.expiry import expired

ADDRESS = parse_address(PORT)
NOW = dt.datetime(2026, 6, 1, tzinfo=dt.UTC)
MONTH = dt.timedelta(days=30)
NAME = "sales.orders.orders"
CONTRACT = "domains/sales/orders/contracts/orders.odcs.yaml"


def published(revision: int, days_ago: float, snapshot: str | None = None, **fields: Any) -> Publication:
    return Publication(
        ADDRESS, snapshot or str(revision), "run", "1.0.0", "active", {}, Digests("", "", ""), Manifest((), ()),
        CheckCounts(), NOW - dt.timedelta(days=days_ago), "me", revision=revision, **fields,
    )  # fmt: skip


def gone(*newest_first: Publication, at_least: int = 1, pinned: str | None = None) -> tuple[str, ...]:
    current = newest_first[0]
    state = PortState(
        ADDRESS, current.revision, current.snapshot_id, "run", "1.0.0", "active", current.digests, {}, {}, 0,
        CheckCounts(), current.published_at, "me", True, pinned=pinned, override=current.override,
    )  # fmt: skip
    return expired(newest_first, state, NOW, MONTH, at_least)


def test_what_could_be_read_within_the_time_is_kept_however_old_it_is() -> None:
    assert gone(published(3, 1), published(2, 29), published(1, 500)) == ()
    assert gone(published(3, 1), published(2, 31), published(1, 500)) == ("1",)
    assert gone(published(3, 31), published(2, 40), published(1, 500)) == ("1", "2")


def test_the_newest_are_kept_however_old_they_are() -> None:
    versions = [published(n, 1000 - n) for n in range(9, 0, -1)]

    assert gone(*versions, at_least=5) == ("1", "2", "3", "4")


def test_two_publications_of_one_snapshot_count_once_and_a_rollback_gives_it_time_again() -> None:
    assert gone(published(4, 40), published(3, 50), published(2, 60, "1"), published(1, 70), at_least=2) == ("1",)
    assert gone(published(3, 1), published(2, 29, "1"), published(1, 500, "1")) == ()


def test_while_a_rollback_pins_the_port_nothing_goes() -> None:
    versions = (published(3, 40, "1"), published(2, 50), published(1, 60))

    assert gone(*versions) == ("2",)
    assert gone(*versions, pinned="the new one was wrong") == ()


def test_the_last_good_version_stays_while_the_current_one_breaks_rules() -> None:
    broken = Override("me", "later", dt.date(2026, 7, 1), {"rule": 1})
    versions = [published(3, 40, override=broken), published(2, 50), published(1, 60)]

    assert gone(*versions) == ("1",)


def test_what_has_expired_does_not_expire_again() -> None:
    assert gone(published(2, 40), published(1, 60, expired=Expired(NOW, "old"))) == ()


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    return two_products(tmp_path / "mesh")


def applied(mesh: TestMesh, batch: int, today: str, **environment: str) -> str:
    source_rows(mesh, batch, rows=20)
    done = mesh.weft("apply", today=today, WEFT_STORAGE__KEEP_AT_LEAST="1", **environment)
    assert done.returncode == 0, done.stderr
    return done.stderr


def history(mesh: TestMesh) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = mesh.json("history", PORT)["snapshots"]
    return found[::-1]


def data_files(mesh: TestMesh) -> int:
    return len(list(mesh.path(".weft/warehouse/sales/orders/orders@1/data").rglob("*.parquet")))


def theirs(mesh: TestMesh) -> TheirTable:
    catalog = SqlCatalog("weft", uri=f"sqlite:///{mesh.root}/.weft/catalog.db")
    return catalog.load_table(("sales", "orders", "orders@1"))


def aged(folder: Path) -> None:
    """Makes files an hour old."""
    for file in folder.glob("*"):
        os.utime(file, (time.time() - 3600,) * 2)


def test_versions_expire_in_three_steps_and_every_reader_is_told(mesh: TestMesh) -> None:
    applied(mesh, 1, "2031-01-01")
    applied(mesh, 2, "2031-01-02")
    applied(mesh, 3, "2031-01-03")
    one, two, three = (s["snapshot_id"] for s in history(mesh))

    marking = applied(mesh, 4, "2031-03-01")

    assert "expired" in marking
    marks = [s["expired"] for s in history(mesh)]
    assert [m and m["reason"] for m in marks] == ["kept for 30 days by `storage.keep_snapshots`"] * 2 + [None] * 2
    told = mesh.weft("query", f"select * from {NAME}", "--at", one)
    assert told.returncode == 2
    assert "WFT-STO-012" in told.stderr and "expired on 2031-03-01" in told.stderr and "keep_snapshots" in told.stderr
    by_time = mesh.weft("query", f"select * from {NAME}", "--at", "2031-01-02T18:00:00Z")
    assert "WFT-STO-012" in by_time.stderr
    assert mesh.weft("rollback", PORT, "--to", two, "--reason", "x").returncode != 0
    assert f"{one}, expired 2031-03-01 (kept for 30 days" in mesh.weft("history", PORT).stdout.replace("\n", " ")
    assert data_files(mesh) == 4  # a query that had begun before may still read them
    assert len(theirs(mesh).snapshots()) == 4

    metadata = mesh.path(".weft/warehouse/sales/orders/orders@1/metadata")
    aged(metadata)
    files = len(list(metadata.iterdir()))
    applied(mesh, 5, "2031-03-03")

    table = theirs(mesh)
    left = [s["snapshot_id"] for s in history(mesh)][2:]
    assert [str(s.snapshot_id) for s in table.snapshots()] == left and left[0] == three
    assert [str(e.snapshot_id) for e in table.history()] == left
    assert data_files(mesh) == 3
    assert len(list(metadata.iterdir())) < files + 6
    assert {r["batch"] for r in table.scan(snapshot_id=int(three)).to_arrow().to_pylist()} == {3}
    assert mesh.json("query", f"select distinct batch from {NAME}", "--at", three)["rows"] == [[3]]
    assert mesh.rows(NAME)[0][1] == 5


def test_a_retention_without_a_column_keeps_versions_longer_and_one_with_a_column_does_not(mesh: TestMesh) -> None:
    document = json.loads(mesh.path(CONTRACT).read_text())
    levels = [{"property": "retention", "value": 1, "unit": "y"}]
    mesh.write(CONTRACT, json.dumps({**document, "slaProperties": levels}, indent=2))
    applied(mesh, 1, "2031-01-01")
    applied(mesh, 2, "2031-01-02")
    applied(mesh, 3, "2031-06-01")
    assert [s["expired"] for s in history(mesh)] == [None] * 3

    applied(mesh, 4, "2032-02-01")

    assert [(s["expired"] or {}).get("reason") for s in history(mesh)] == [
        "kept for 366 days by the contract's retention",
        None,
        None,
        None,
    ]
    totals = mesh.json("history", "sales.orders.totals@1")["snapshots"]
    assert [bool(s["expired"]) for s in totals] == [False, False, True, True]


def test_a_number_of_versions_without_meaning_is_refused(mesh: TestMesh) -> None:
    done = mesh.weft("plan", WEFT_STORAGE__KEEP_AT_LEAST="0")

    assert done.returncode == 2
    assert "WFT-CFG-004" in done.stderr and "1 or more" in done.stderr
