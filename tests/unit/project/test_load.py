"""A repository becomes a mesh: what its files declare, and with which content."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import weft
from tests.meshes import TestMesh, two_products
from weft.config import load_settings
from weft.engines.duckdb.engine import DuckDBEngine
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.mesh import Mesh, Source, Status
from weft.project.cache import Cache
from weft.project.load import load_mesh

ORDERS = "domains/sales/orders"


@pytest.fixture
def repository(tmp_path: Path) -> TestMesh:
    return two_products(tmp_path / "mesh")


def load(repository: TestMesh) -> Mesh:
    with DuckDBEngine(threads=1).session() as session:
        settings = load_settings(repository.root, environ={})
        return load_mesh(settings, session.parse, Cache(settings.cache))


def test_domains_products_and_ports_are_named_by_their_folders_and_files(repository: TestMesh) -> None:
    mesh = load(repository)

    assert mesh.diagnostics == ()
    assert mesh.name == "two"
    assert set(mesh.domains) == {"report", "sales"}
    assert set(mesh.products) == {ProductAddress("report", "daily"), ProductAddress("sales", "orders")}
    assert {str(p.address) for p in mesh.ports()} == {
        "sales.orders.orders@1",
        "sales.orders.totals@1",
        "report.daily.big@1",
        "report.daily.small@1",
    }


def test_input_ports_know_the_file_or_port_that_they_are_bound_to(repository: TestMesh) -> None:
    mesh = load(repository)

    (raw,) = mesh.products[ProductAddress("sales", "orders")].inputs
    orders, totals = mesh.products[ProductAddress("report", "daily")].inputs
    assert isinstance(raw.binding, Source)
    assert raw.binding.file == "data/orders.csv"
    assert (orders.binding, totals.binding) == (
        Address("sales", "orders", "orders", 1),
        Address("sales", "orders", "totals", 1),
    )


def test_every_file_is_listed_with_the_digest_of_its_content(repository: TestMesh) -> None:
    mesh = load(repository)

    expected = {
        str(p.relative_to(repository.root)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in [repository.path("weft.toml"), *repository.path("domains").rglob("*")]
        if p.is_file()
    }
    assert dict(mesh.files) == expected


def test_a_second_load_parses_nothing_and_finds_the_same(repository: TestMesh) -> None:
    first = load(repository)
    settings = load_settings(repository.root, environ={})

    def never(sql: str) -> str:
        raise AssertionError(f"parsed again: {sql}")

    assert load_mesh(settings, never, Cache(settings.cache)) == first


def test_what_was_wrong_is_told_from_the_cache_too(repository: TestMesh) -> None:
    repository.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"status"', '"statsu": "x", "status"')
    repository.edit(f"{ORDERS}/models/totals.sql", "from orders", "from read_csv('x')")

    first = load(repository).diagnostics

    assert {d.code for d in first} >= {"WFT-PRJ-006", "WFT-SQL-006"}
    assert load(repository).diagnostics == first


def test_the_lower_of_two_statuses_holds(repository: TestMesh) -> None:
    for product, port, lower in [
        ("active", "deprecated", Status.DEPRECATED),
        ("draft", "active", Status.DRAFT),
        ("retired", "active", Status.RETIRED),
        ("proposed", "draft", Status.PROPOSED),
    ]:
        for file, status in ((f"{ORDERS}/product.odps.yaml", product), (f"{ORDERS}/contracts/orders.odcs.yaml", port)):
            document = json.loads(repository.path(file).read_text())
            repository.write(file, json.dumps(document | {"status": status}))

        found = load(repository).port(parse_address("sales.orders.orders@1"))

        assert found is not None
        assert found.status is lower


def test_domains_may_lie_in_several_folders(repository: TestMesh) -> None:
    repository.path("teams").mkdir()
    repository.path("domains/report").rename(repository.path("teams/report"))
    repository.edit("weft.toml", '"two"', '"two"\ndomains = ["domains/*", "teams/*"]')

    mesh = load(repository)

    assert (set(mesh.domains), mesh.diagnostics) == ({"report", "sales"}, ())


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "", "a/../../b"])
def test_a_pattern_that_leads_out_of_the_mesh_is_told(repository: TestMesh, pattern: str) -> None:
    repository.edit("weft.toml", '"two"', f'"two"\ndomains = ["domains/*", "{pattern}"]')

    mesh = load(repository)

    assert [(d.code, d.where and d.where.file) for d in mesh.diagnostics] == [("WFT-CFG-004", "weft.toml")]
    assert set(mesh.domains) == {"report", "sales"}


def test_majors_of_a_port_lie_side_by_side_and_the_newest_has_the_plain_name(repository: TestMesh) -> None:
    for kind, ending in (("contracts", "odcs.yaml"), ("models", "sql")):
        old = repository.path(f"{ORDERS}/{kind}/totals.{ending}").read_text()
        repository.write(f"{ORDERS}/{kind}/totals@1.{ending}", old)
    repository.edit(f"{ORDERS}/contracts/totals.odcs.yaml", '"1.0.0"', '"2.0.0"')
    product = json.loads(repository.path(f"{ORDERS}/product.odps.yaml").read_text())
    product["outputPorts"].append(product["outputPorts"][1] | {"version": "2.0.0"})
    repository.write(f"{ORDERS}/product.odps.yaml", json.dumps(product))

    mesh = load(repository)

    assert mesh.diagnostics == ()
    totals = {p.address.major: p for p in mesh.ports() if p.address.port == "totals"}
    assert {major: p.model.name for major, p in totals.items()} == {1: "totals@1", 2: "totals"}
    with weft.open(repository.root) as opened:
        assert [d for d in opened.check().diagnostics if d.severity == "error"] == []
