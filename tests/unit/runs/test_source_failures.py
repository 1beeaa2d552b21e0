"""What is wrong in a source is told with its input port, its file and its line, before or while it is read."""

from __future__ import annotations

import zipfile

import pytest

import weft
from tests.meshes import TestMesh, contract, descriptor, source
from weft.errors import Diagnostic, SourceError, Where

TYPED = [{"name": "a", "logicalType": "string"}, {"name": "b", "logicalType": "string"}]


def two_sources(root, **files: str) -> TestMesh:
    """A product whose one port reads two sources."""
    mesh = TestMesh(root)
    mesh.write("weft.toml", '[mesh]\nname = "t"\ndomains = ["domains/*"]\n')
    mesh.write("domains/shop/domain.yaml", "name: shop\ntitle: Shop\nkind: source-aligned\nowner: {team: Shop}\n")
    inputs = [source(name, file=file) for name, file in files.items()]
    mesh.write("domains/shop/sales/product.odps.yaml", descriptor("shop", "sales", inputs, ["all"]))
    mesh.write(
        "domains/shop/sales/models/all.sql",
        "\nunion all\n".join(f"select a, b from {name}" for name in files) + "\n",
    )
    mesh.write("domains/shop/sales/contracts/all.odcs.yaml", contract("shop.sales.all", TYPED))
    return mesh


def failure(mesh: TestMesh) -> Diagnostic:
    with weft.open(mesh.root) as opened:
        result = opened.apply()
    assert result.exit_code == 2
    (failed,) = result.failed
    (one,) = failed.diagnostics
    return one


def test_a_broken_row_names_the_file_and_the_port_that_has_it(tmp_path) -> None:
    mesh = two_sources(tmp_path, good="data/good.csv", bad="data/bad.csv")
    mesh.write("data/good.csv", "a,b\n1,2\n")
    mesh.write("data/bad.csv", "a,b\n1,2\n3\n")

    found = failure(mesh)

    assert (found.code, found.where) == ("WFT-SRC-003", Where("data/bad.csv", 3))
    assert found.what == (
        "input port `bad` of `shop.sales`: a row on line 3 has another number of columns than the header"
    )


@pytest.mark.parametrize(
    ("rows", "line", "what"),
    [
        ("a,b\r\n1,2\r\n3,4\n", None, "a row cannot be read: not all lines end alike"),
        ("a,b\n1,2\n" + "3,4\n" * 20_000 + "5,6\r\n", None, "a row cannot be read: not all lines end alike"),
        ('a,b\n1,2\n3,"x"y\n', 3, "a value in quotes on line 3 does not end, or goes on behind its quote"),
        ('a,b\n1,2\n3,"x\n', 3, "a value in quotes on line 3 does not end, or goes on behind its quote"),
    ],
)
def test_a_file_that_is_not_written_as_csv_is_says_what_is_wrong_with_it(tmp_path, rows, line, what) -> None:
    mesh = two_sources(tmp_path, good="data/good.csv", bad="data/bad.csv")
    mesh.write("data/good.csv", "a,b\n1,2\n")
    mesh.path("data/bad.csv").write_bytes(rows.encode())

    found = failure(mesh)

    assert (found.code, found.where) == ("WFT-SRC-003", Where("data/bad.csv", line))
    assert found.what == f"input port `bad` of `shop.sales`: {what}"


def test_a_broken_row_in_an_archive_names_the_archive(tmp_path) -> None:
    mesh = two_sources(tmp_path, packed="data/packed.zip", good="data/good.csv")
    mesh.write("data/good.csv", "a,b\n1,2\n")
    with zipfile.ZipFile(mesh.path("data/packed.zip"), "w") as archive:
        archive.writestr("inner.csv", "a,b\n1,2,3\n")

    found = failure(mesh)

    assert found.where == Where("data/packed.zip", 2)
    assert found.what.startswith("input port `packed` of `shop.sales`: ")


def test_a_value_of_another_type_in_ndjson_names_the_file(tmp_path) -> None:
    mesh = two_sources(tmp_path, lines="data/lines.ndjson")
    mesh.write("data/lines.ndjson", '{"a": "1", "b": "2"}\n{"a": "1", "b": \n')

    found = failure(mesh)

    assert (found.code, found.where and found.where.file) == ("WFT-SRC-003", "data/lines.ndjson")


def test_a_preview_names_the_file_too(tmp_path) -> None:
    mesh = two_sources(tmp_path, bad="data/bad.csv")
    mesh.write("data/bad.csv", "a,b\n1,2\n3\n")

    with weft.open(mesh.root) as opened, pytest.raises(SourceError) as raised:
        opened.preview("shop.sales.all")

    assert [d.where for d in raised.value.diagnostics] == [Where("data/bad.csv", 3)]
