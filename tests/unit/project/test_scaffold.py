"""New meshes, domains and products are whole and valid, and overwrite nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

import weft
from weft.api import init, new_domain, new_product
from weft.errors import UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A new mesh with a domain `fleet`."""
    init(tmp_path, "ours")
    new_domain(tmp_path, "fleet")
    return tmp_path


def refused(raised: pytest.ExceptionInfo[UsageError]) -> tuple[str, str | None]:
    (diagnostic,) = raised.value.diagnostics
    return diagnostic.code, diagnostic.fix


def problems(root: Path) -> list[str]:
    with weft.open(root) as mesh:
        return [str(d) for d in mesh.check().diagnostics]


def test_a_new_mesh_has_its_settings_and_a_workflow_and_keeps_state_out_of_git(tmp_path: Path) -> None:
    written = init(tmp_path / "new" / "folder", "ours")

    assert sorted(str(p.relative_to(tmp_path / "new/folder")) for p in written) == [
        ".github/workflows/weft.yml",
        ".gitignore",
        "weft.toml",
    ]
    assert ".weft/" in (tmp_path / "new/folder/.gitignore").read_text()
    with weft.open(tmp_path / "new" / "folder") as mesh:
        assert mesh.settings.mesh.name == "ours"


@pytest.mark.parametrize(("ci", "files"), [("gitlab", [".gitlab-ci.yml"]), ("none", [])])
def test_a_new_mesh_has_the_workflow_of_the_service_that_is_named_and_no_other(
    tmp_path: Path, ci: str, files: list[str]
) -> None:
    written = init(tmp_path, "ours", ci)

    assert sorted(str(p.relative_to(tmp_path)) for p in written) == [".gitignore", *files, "weft.toml"]


@pytest.mark.parametrize("name", ['the "best" mesh', "back\\slash", "Mëšh"])
def test_a_name_with_quotes_or_accents_is_read_again_as_it_was_given(tmp_path: Path, name: str) -> None:
    init(tmp_path, name)

    with weft.open(tmp_path) as mesh:
        assert mesh.settings.mesh.name == name


def test_a_mesh_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "weft.toml").write_text("[mesh]\nname = 'mine'\n")

    with pytest.raises(UsageError) as raised:
        init(tmp_path, "ours")

    assert refused(raised)[0] == "WFT-PRJ-024"
    assert (tmp_path / "weft.toml").read_text() == "[mesh]\nname = 'mine'\n"
    assert not (tmp_path / ".gitignore").exists()


def test_other_files_that_are_there_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")

    written = init(tmp_path, "ours")

    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert tmp_path / ".gitignore" not in written


def test_a_new_domain_is_valid_and_owned_by_whoever_makes_it(tmp_path: Path) -> None:
    import getpass

    init(tmp_path, "ours")

    (path,) = new_domain(tmp_path, "flight_operations")

    assert path == tmp_path / "domains/flight_operations/domain.yaml"
    text = path.read_text()
    assert "title: Flight Operations\n" in text
    assert f"- user: {getpass.getuser()}\n" in text
    assert problems(tmp_path) == []


@pytest.mark.parametrize(
    ("name", "code", "fix"),
    [
        ("Flight Operations", "WFT-PRJ-008", "use `flight_operations`"),
        ("1st", "WFT-PRJ-008", "use `x_1st`"),
        ("", "WFT-PRJ-008", "use `x`"),
        ("a" * 64, "WFT-PRJ-008", f"use `{'a' * 63}`"),
        ("../elsewhere", "WFT-PRJ-008", "use `elsewhere`"),
        ("main", "WFT-PRJ-009", "use `main_`"),
        ("pg_catalog", "WFT-PRJ-009", "use `x_pg_catalog`"),
    ],
)
def test_a_name_that_cannot_be_part_of_an_address_is_refused_with_one_that_can(
    tmp_path: Path, name: str, code: str, fix: str
) -> None:
    init(tmp_path, "ours")

    with pytest.raises(UsageError) as raised:
        new_domain(tmp_path, name)

    assert refused(raised) == (code, fix)
    assert not (tmp_path / "domains").exists()
    proposed = fix.removeprefix("use `").removesuffix("`")
    new_domain(tmp_path, proposed)
    assert problems(tmp_path) == []


def test_a_domain_that_is_there_is_not_overwritten(root: Path) -> None:
    path = root / "domains/fleet/domain.yaml"
    before = path.read_text()

    with pytest.raises(UsageError) as raised:
        new_domain(root, "fleet")

    assert refused(raised)[0] == "WFT-PRJ-024"
    assert path.read_text() == before


def test_a_new_product_without_source_is_a_valid_descriptor(root: Path) -> None:
    (path,) = new_product(root, "fleet.aircraft_register")

    assert path == root / "domains/fleet/aircraft_register/product.odps.yaml"
    assert "name: Aircraft Register\n" in path.read_text()
    assert problems(root) == []


def test_a_new_product_from_a_file_has_ports_contracts_and_a_model_and_can_be_applied(root: Path) -> None:
    (root / "data").mkdir()
    (root / "data" / "Planes 2013.csv").write_text(
        "tailnum,Seats,order,built\nN1,4,7,1999-01-01\nN2,NA,8,2001-02-03\n", encoding="utf-8"
    )

    written = new_product(root, "fleet.aircraft", source="data/Planes 2013.csv")

    assert sorted(str(p.relative_to(root / "domains/fleet/aircraft")) for p in written) == [
        "contracts/planes_2013.odcs.yaml",
        "contracts/sources/planes_2013_source.odcs.yaml",
        "models/planes_2013.sql",
        "product.odps.yaml",
    ]
    assert problems(root) == []
    with weft.open(root) as mesh:
        result = mesh.apply()
        assert [str(p.address) for p in result.published] == ["fleet.aircraft.planes_2013@1"]
        read = mesh.read("fleet.aircraft.planes_2013")
        assert read.table.column_names == ["tailnum", "Seats", "order", "built"]
        assert sorted(r[:3] for r in read.rows()) == [("N1", 4, 7), ("N2", None, 8)]


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ("id;name\n1;Ada\n2;Grace\n", [(1, "Ada"), (2, "Grace")]),
        ("id\tname\n1\tNA\n2\tGrace\n", [(1, None), (2, "Grace")]),
        ("id,name\n1,Ada\nNULL,Grace\n", [(1, "Ada"), (None, "Grace")]),
        ("1,Ada\n2,Grace\n", [(1, "Ada"), (2, "Grace")]),
        ("id\n1\n2\n", [(1,), (2,)]),
    ],
)
def test_a_new_product_reads_a_file_as_it_is_written(root: Path, content: str, rows: list[tuple[object, ...]]) -> None:
    (root / "people.csv").write_text(content)

    new_product(root, "fleet.people", source="people.csv")

    assert problems(root) == []
    with weft.open(root) as mesh:
        assert [d for f in mesh.apply().failed for d in f.diagnostics] == []
        assert sorted(mesh.read("fleet.people.people").rows(), key=str) == sorted(rows, key=str)


@pytest.mark.parametrize("name", ["people.json", "people.ndjson", "people.parquet", "people.zip", "people.csv.gz"])
def test_a_new_product_can_be_made_from_each_format(root: Path, name: str) -> None:
    import gzip
    import zipfile

    import duckdb

    path = root / name
    lines = '{"id": 1, "name": "Ada"}\n{"id": 2, "name": "Grace"}\n'
    if name == "people.parquet":
        duckdb.sql(f"COPY (SELECT 1 AS id, 'Ada' AS name UNION ALL SELECT 2, 'Grace') TO '{path}' (FORMAT parquet)")
    elif name == "people.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("people.csv", "id,name\n1,Ada\n2,Grace\n")
    elif name == "people.csv.gz":
        path.write_bytes(gzip.compress(b"id,name\n1,Ada\n2,Grace\n"))
    else:
        path.write_text(lines if name == "people.ndjson" else "[" + lines.strip().replace("\n", ",") + "]")

    new_product(root, "fleet.people", source=name)

    assert problems(root) == []
    with weft.open(root) as mesh:
        assert mesh.apply().exit_code == 0
        assert sorted(mesh.read("fleet.people.people").rows()) == [(1, "Ada"), (2, "Grace")]


@pytest.mark.parametrize(
    ("address", "code", "fix"),
    [
        ("aircraft", "WFT-PLN-001", "for example `weft new product fleet.aircraft`"),
        ("fleet.aircraft.planes", "WFT-PLN-001", "for example `weft new product fleet.aircraft`"),
        ("fleet.Air-craft", "WFT-PRJ-008", "use `air_craft`"),
        ("fleet.temp", "WFT-PRJ-009", "use `temp_`"),
        ("flet.aircraft", "WFT-PRJ-001", "did you mean `fleet`?"),
        ("weather.stations", "WFT-PRJ-001", "`weft new domain weather` makes it"),
    ],
)
def test_an_address_that_no_product_can_have_is_refused(root: Path, address: str, code: str, fix: str) -> None:
    with pytest.raises(UsageError) as raised:
        new_product(root, address)

    assert refused(raised) == (code, fix)
    assert [p.name for p in (root / "domains/fleet").iterdir()] == ["domain.yaml"]


def test_a_product_that_is_there_is_not_overwritten(root: Path) -> None:
    (path,) = new_product(root, "fleet.aircraft")
    before = path.read_text()

    with pytest.raises(UsageError) as raised:
        new_product(root, "fleet.aircraft")

    assert refused(raised)[0] == "WFT-PRJ-024"
    assert path.read_text() == before


def test_a_source_that_is_missing_leaves_no_folder_behind(root: Path) -> None:
    from weft.errors import SourceError

    with pytest.raises(SourceError) as raised:
        new_product(root, "fleet.aircraft", source="data/nothing.csv")

    assert [d.code for d in raised.value.diagnostics] == ["WFT-SRC-001"]
    assert not (root / "domains/fleet/aircraft").exists()
