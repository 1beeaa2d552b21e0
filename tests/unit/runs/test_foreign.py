"""A table into which another engine has written: read right where it is foreign, never merged where it is ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table as TheirTable

import weft
from tests.foreign import IDENTIFIER, deleting, equals, newest_file, positions
from tests.meshes import TestMesh, source_rows
from tests.unit.runs.published import PORT, published
from weft.errors import Conflict, PlatformError
from weft.model.address import parse_address
from weft.runs.following import require_ours
from weft.storage.catalog import SqliteCatalog
from weft.storage.iceberg import IcebergStorage

ADDRESS = parse_address(PORT)
NAME = "sales.orders.orders"
CONTRACT = "domains/sales/orders/contracts/orders.odcs.yaml"


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    return published(tmp_path / "mesh")


def catalog(mesh: TestMesh) -> Path:
    return mesh.path(".weft/catalog.db")


def theirs(mesh: TestMesh) -> TheirTable:
    opened = SqlCatalog("weft", uri=f"sqlite:///{catalog(mesh)}")
    return opened.load_table(("sales", "orders", "orders@1"))


def folder(mesh: TestMesh) -> Path:
    return mesh.path(".weft/warehouse/sales/orders/orders@1")


def test_rows_that_another_engine_has_deleted_by_place_are_not_read(mesh: TestMesh) -> None:
    deleting(catalog(mesh), positions(newest_file(catalog(mesh)), 0, 3, 7))

    assert sorted(theirs(mesh).scan().to_arrow().column("id").to_pylist()) == [
        i for i in range(20) if i not in (0, 3, 7)
    ]
    found = weft.verify(str(mesh.path(CONTRACT)), str(folder(mesh)))
    assert (found.rows, found.diagnostics) == (17, ())


def test_deletes_by_value_are_refused_as_nothing_here_can_read_them(mesh: TestMesh) -> None:
    deleting(catalog(mesh), equals("id", 1, 3))

    found = weft.verify(str(mesh.path(CONTRACT)), str(folder(mesh)))

    assert found.exit_code != 0
    assert [d.code for d in found.diagnostics] == ["WFT-SRC-010"]
    assert "equality" in str(found.diagnostics[0])


def test_what_another_writer_has_committed_is_set_aside_and_told_and_the_port_shows_its_own(mesh: TestMesh) -> None:
    stranger = deleting(catalog(mesh), positions(newest_file(catalog(mesh)), 1))
    assert len(mesh.rows(NAME)) == 20  # the registry says what is read
    source_rows(mesh, 2, rows=20)

    with weft.open(mesh.root) as opened:
        done = opened.apply()

    (told,) = [d for d in done.warnings if d.code == "WFT-STO-013"]
    assert f"foreign-{stranger}" in str(told) and PORT in told.what
    table = theirs(mesh)
    assert set(table.refs()) == {"main", f"foreign-{stranger}"}
    assert sorted(table.scan().to_arrow().column("id").to_pylist()) == list(range(20))
    assert len(table.scan(snapshot_id=stranger).to_arrow()) == 19
    assert {r[1] for r in mesh.rows(NAME)} == {2}
    source_rows(mesh, 3, rows=20)
    with weft.open(mesh.root) as opened:
        assert [d for d in opened.apply().warnings if d.code == "WFT-STO-013"] == []
    assert len(theirs(mesh).scan(snapshot_id=stranger).to_arrow()) == 19


def test_rows_that_another_engine_appends_are_set_aside_too(mesh: TestMesh) -> None:
    table = theirs(mesh)
    table.append(table.scan().to_arrow().slice(0, 5))
    source_rows(mesh, 2, rows=20)

    done = mesh.weft("apply")

    assert done.returncode == 0
    assert "WFT-STO-013" in done.stderr and "foreign-" in done.stderr
    assert len(theirs(mesh).scan().to_arrow()) == 20


def test_a_merge_refuses_a_table_that_another_writer_has_changed(mesh: TestMesh) -> None:
    with weft.open(mesh.root) as opened:
        require_ours(ADDRESS, opened._rooms.context())
    deleting(catalog(mesh), positions(newest_file(catalog(mesh)), 1))

    with weft.open(mesh.root) as opened, pytest.raises(Conflict) as refused:
        require_ours(ADDRESS, opened._rooms.context())

    assert "WFT-STO-013" in str(refused.value) and f"--full-refresh {PORT}" in str(refused.value)


def test_a_snapshot_with_delete_files_is_never_gone_on_from(mesh: TestMesh) -> None:
    stranger = deleting(catalog(mesh), positions(newest_file(catalog(mesh)), 1))
    storage = IcebergStorage(mesh.path(".weft/warehouse"), catalog(mesh))
    with weft.open(mesh.root) as opened:
        state = opened._rooms.registry.publication(ADDRESS)
    assert state is not None
    target = storage.prepare(ADDRESS, state.manifest.columns, state.manifest.columns, "r9")

    with pytest.raises(PlatformError) as refused:
        storage.commit(target, run_id="r9", base=str(stranger), files=state.manifest.files)

    assert "WFT-STO-013" in str(refused.value) and "delete files" in str(refused.value)


def test_a_table_of_a_newer_version_is_not_written(mesh: TestMesh) -> None:
    opened = SqliteCatalog(catalog(mesh), mesh.path(".weft/warehouse"))
    before = opened.load(IDENTIFIER)
    assert before is not None
    opened.commit(IDENTIFIER, before, {**before.metadata, "format-version": 3})
    source_rows(mesh, 2, rows=20)

    done = mesh.weft("apply")

    assert done.returncode != 0
    assert "WFT-STO-013" in done.stdout and "version 3" in done.stdout
    assert {r[1] for r in mesh.rows(NAME)} == {1}
