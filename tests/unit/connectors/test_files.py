"""Files as sources: found, described by a version that moves with them, and read by DuckDB as they say."""

from __future__ import annotations

import gzip
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.meshes import contract as contract_text
from weft.config import Settings, SourceSettings
from weft.connectors.files import BoundSource, FileConnector
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import Diagnostic, SourceError
from weft.model.column import Column
from weft.model.mesh import Source
from weft.model.odcs import Contract, contract
from weft.project.cache import Cache
from weft.project.documents import parse

CSV = "id,name\n1,Ada\n2,Grace\n"
ROWS = [("1", "Ada"), ("2", "Grace")]
PACKAGE = "weft_test_package"


class Folder:
    """A mesh's folder with sources, and a connector that reads them."""

    def __init__(self, root: Path, allow: tuple[str, ...] = ()) -> None:
        self.root = root
        self.allow = allow

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def zip(self, name: str, members: Mapping[str, str]) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w") as archive:
            for member, content in members.items():
                archive.writestr(member, content)

    def connector(self) -> FileConnector:
        settings = Settings(self.root, sources=SourceSettings(allow=self.allow))
        return FileConnector(settings, Cache(self.root / ".weft/cache"))

    def bind(self, file: str, **how: Any) -> BoundSource:
        return self.connector().bind(Source(file, **how))

    def rows(self, file: str, **how: Any) -> list[tuple[Any, ...]]:
        bound = self.bind(file, **how)
        with DuckDBEngine(threads=1).session() as session:
            found = session.rows(f"select * from {bound.relation()} order by all")
            assert session.columns(f"select * from {bound.relation()}") == bound.columns
        return found

    def refused(self, file: str, **how: Any) -> Diagnostic:
        """The one diagnostic with which a source is refused, while it is bound or read."""
        with pytest.raises(SourceError) as raised:
            self.rows(file, **how)
        (one,) = raised.value.diagnostics
        return one


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    (tmp_path / "mesh").mkdir()
    yield Folder(tmp_path / "mesh")


def promised(**columns: str) -> Contract:
    """A source's contract with these columns of logical types."""
    text = contract_text("raw", [{"name": n, "logicalType": t} for n, t in columns.items()])
    document = parse(text.encode(), "raw.odcs.yaml", "contract").document
    assert document is not None
    return contract(document)


# what is read


def test_a_csv_file_is_read_as_text_under_the_names_of_its_header(folder: Folder) -> None:
    folder.write("data/people.csv", CSV)

    assert folder.rows("data/people.csv") == ROWS
    assert folder.bind("data/people.csv").columns == (Column("id", "VARCHAR"), Column("name", "VARCHAR"))


def test_a_contract_gives_a_csv_file_its_types_order_and_columns(folder: Folder) -> None:
    folder.write("people.csv", "id,left out,name\n1,x,Ada\n2,y,Grace\n")
    declared = promised(name="string", id="integer")

    assert folder.rows("people.csv", contract=declared) == [("Ada", 1), ("Grace", 2)]
    assert [c.name for c in folder.bind("people.csv", contract=declared).columns] == ["name", "id"]


def test_a_zipped_csv_file_is_read_and_unpacked_once(folder: Folder) -> None:
    folder.zip("people.zip", {"inner/people.csv": CSV, "inner/": "", "__MACOSX/x": "junk"})

    assert folder.rows("people.zip") == ROWS
    unpacked = [p for p in (folder.root / ".weft/cache/sources").rglob("*") if p.is_file()]
    assert [p.name for p in unpacked] == ["people.csv"]
    before = unpacked[0].stat().st_mtime_ns

    assert folder.rows("people.zip") == ROWS
    assert unpacked[0].stat().st_mtime_ns == before


def test_a_gzipped_csv_file_is_read(folder: Folder) -> None:
    folder.write("people.csv.gz", gzip.compress(CSV.encode()))

    assert folder.rows("people.csv.gz") == ROWS


def test_a_json_file_is_a_list_of_objects(folder: Folder) -> None:
    folder.write("people.json", json.dumps([{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]))

    assert folder.rows("people.json") == ROWS
    assert folder.rows("people.json", contract=promised(id="integer", name="string")) == [(1, "Ada"), (2, "Grace")]


def test_an_ndjson_file_has_an_object_in_each_line(folder: Folder) -> None:
    lines = '{"id": 1, "name": "Ada"}\n{"id": 2, "name": "Grace"}\n'
    folder.write("people.ndjson", lines)
    folder.write("people.jsonl", lines)
    folder.write("people.txt", lines)
    folder.write("people.ndjson.gz", gzip.compress(lines.encode()))

    assert folder.rows("people.ndjson") == ROWS
    assert folder.rows("people.jsonl") == ROWS
    assert folder.rows("people.txt", format="ndjson") == ROWS
    assert folder.rows("people.ndjson.gz") == ROWS


def test_a_parquet_file_brings_its_own_types(folder: Folder) -> None:
    duckdb.sql(
        "COPY (SELECT 1::integer AS id, 2::bigint AS b, 1.5::decimal(10,2) AS d, date '2026-01-01' AS day, true AS yes,"
        " timestamp '2026-01-01 10:00' AS at, timestamptz '2026-01-01 10:00+00' AS zoned,"
        " 'x' AS name, 0.5::double AS f)"
        f" TO '{folder.root / 'all.parquet'}' (FORMAT parquet)"
    )

    (row,) = folder.rows("all.parquet")

    assert (row[0], row[7]) == (1, "x")
    assert {c.name: c.type for c in folder.bind("all.parquet").columns} == {
        "id": "INTEGER",
        "b": "BIGINT",
        "d": "DECIMAL(10,2)",
        "day": "DATE",
        "yes": "BOOLEAN",
        "at": "TIMESTAMP",
        "zoned": "TIMESTAMPTZ",
        "name": "VARCHAR",
        "f": "DOUBLE",
    }


def test_a_glob_reads_all_files_that_it_matches(folder: Folder) -> None:
    folder.write("data/2025.csv", "id,name\n1,Ada\n")
    folder.write("data/2026.csv", "id,name\n2,Grace\n")
    folder.write("data/deep/2027.csv", "id,name\n3,Edsger\n")
    folder.write("data/2026.txt", "no csv")

    assert folder.rows("data/*.csv") == ROWS
    assert len(folder.rows("data/**/*.csv")) == 3


def test_a_file_of_an_installed_package_is_read_without_importing_it(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / PACKAGE
    (package / "data").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "data" / "people.csv").write_text(CSV)
    monkeypatch.syspath_prepend(tmp_path / "site")

    assert folder.rows(f"package:{PACKAGE}/data/people.csv") == ROWS
    missing = folder.refused(f"package:{PACKAGE}/data/peple.csv")
    assert (missing.code, missing.fix) == ("WFT-SRC-001", "did you mean `people.csv`?")


@pytest.mark.parametrize(
    "file", ["package:no_such_package/x.csv", "package:no.such.package/x.csv", "package:no-such/x.csv"]
)
def test_a_package_that_is_not_installed_is_named_with_its_pip_install(folder: Folder, file: str) -> None:
    found = folder.refused(file)

    assert found.code == "WFT-SRC-006"
    assert (found.fix or "").startswith("pip install no")


def test_a_package_gives_no_file_outside_itself(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site" / PACKAGE).mkdir(parents=True)
    (tmp_path / "site" / PACKAGE / "__init__.py").write_text("")
    (tmp_path / "secret.csv").write_text(CSV)
    monkeypatch.syspath_prepend(tmp_path / "site")

    assert folder.refused(f"package:{PACKAGE}/../../secret.csv").code == "WFT-SRC-005"
    assert folder.refused(f"package:{PACKAGE}/{tmp_path}/secret.csv").code == "WFT-SRC-005"


# how it is read


def test_another_encoding_is_read_where_it_is_said_and_told_where_it_is_not(folder: Folder) -> None:
    folder.write("people.csv", "id,näme\n1,Renée\n".encode("latin-1"))

    assert folder.rows("people.csv", encoding="latin-1") == [("1", "Renée")]
    assert folder.bind("people.csv", encoding="latin-1").columns[1].name == "näme"
    found = folder.refused("people.csv")
    assert found.code == "WFT-SRC-002"
    assert "encoding" in (found.fix or "")


def test_another_encoding_below_the_header_is_told_too(folder: Folder) -> None:
    folder.write("people.csv", b"id,name\n1,Ada\n2,Ren\xe9e\n")

    assert folder.refused("people.csv").code == "WFT-SRC-002"
    assert folder.rows("people.csv", encoding="latin-1")[1] == ("2", "Renée")


@pytest.mark.parametrize("name", ["utf-8", "UTF8", "utf_8", "utf-8-sig", "latin-1", "Latin1", "ISO-8859-1", "utf-16"])
def test_an_encoding_may_be_called_by_each_of_its_names(folder: Folder, name: str) -> None:
    folder.write("people.csv", "id,name\n1,Renée\n".encode(name))

    assert folder.rows("people.csv", encoding=name) == [("1", "Renée")]


def test_an_encoding_that_is_not_read_is_refused_before_anything_is_built(folder: Folder) -> None:
    folder.write("people.csv", CSV)

    with pytest.raises(SourceError) as raised:
        folder.bind("people.csv", encoding="cp1252")

    assert [d.code for d in raised.value.diagnostics] == ["WFT-SRC-002"]


def test_an_encoding_that_does_not_exist_is_named(folder: Folder) -> None:
    folder.write("people.csv", CSV)

    found = folder.refused("people.csv", encoding="latin-99")

    assert (found.code, found.what) == ("WFT-SRC-002", "`latin-99` is no encoding")


def test_a_byte_order_mark_is_no_part_of_the_first_name(folder: Folder) -> None:
    folder.write("people.csv", b"\xef\xbb\xbf" + CSV.encode())

    assert folder.rows("people.csv") == ROWS
    assert folder.rows("people.csv", contract=promised(id="integer")) == [(1,), (2,)]


def test_nulls_are_the_empty_text_and_the_words_that_are_listed(folder: Folder) -> None:
    folder.write("people.csv", "id,name\n1,\n2,NA\n3,-\n")

    assert folder.rows("people.csv") == [("1", None), ("2", "NA"), ("3", "-")]
    assert folder.rows("people.csv", nulls=("NA", "-")) == [("1", None), ("2", None), ("3", None)]
    typed = folder.rows("people.csv", nulls=("NA", "-"), contract=promised(id="integer", name="integer"))
    assert typed == [(1, None), (2, None), (3, None)]


@pytest.mark.parametrize("delimiter", [";", "\t", "|", "'"])
def test_another_delimiter_is_read_where_it_is_said(folder: Folder, delimiter: str) -> None:
    folder.write("people.csv", CSV.replace(",", delimiter))

    assert folder.rows("people.csv", delimiter=delimiter) == ROWS


def test_quoted_values_hold_delimiters_quotes_and_line_breaks(folder: Folder) -> None:
    folder.write("people.csv", 'id,"full, name"\n1,"Ada, Countess ""of"" Lovelace"\n2,"Grace\nHopper"\n')

    assert folder.rows("people.csv") == [("1", 'Ada, Countess "of" Lovelace'), ("2", "Grace\nHopper")]
    assert folder.bind("people.csv").columns[1].name == "full, name"


def test_windows_line_ends_are_line_ends(folder: Folder) -> None:
    folder.write("people.csv", CSV.replace("\n", "\r\n"))

    assert folder.rows("people.csv") == ROWS


def test_a_file_without_header_takes_its_names_from_the_contract_or_counts_them(folder: Folder) -> None:
    folder.write("people.csv", "1,Ada\n2,Grace\n")

    assert folder.rows("people.csv", header=False) == ROWS
    assert [c.name for c in folder.bind("people.csv", header=False).columns] == ["column0", "column1"]
    declared = promised(id="integer", name="string")
    assert folder.rows("people.csv", header=False, contract=declared) == [(1, "Ada"), (2, "Grace")]


def test_a_header_without_rows_gives_no_rows(folder: Folder) -> None:
    folder.write("people.csv", "id,name\n")
    folder.write("people.json", "[]")

    assert folder.rows("people.csv") == []
    assert folder.rows("people.json", contract=promised(id="integer")) == []


def test_names_with_spaces_around_them_are_read_in_full(folder: Folder) -> None:
    folder.write("people.csv", "id, name\n1,Ada\n")

    assert folder.rows("people.csv") == [("1", "Ada")]
    assert folder.rows("people.csv", contract=promised(name="string")) == [("Ada",)]


# what is wrong with it


def test_a_missing_file_is_told_with_the_nearest_name(folder: Folder) -> None:
    folder.write("data/people.csv", CSV)

    found = folder.refused("data/peple.csv")

    assert (found.code, found.fix) == ("WFT-SRC-001", "did you mean `people.csv`?")
    assert folder.refused("data/*.json").code == "WFT-SRC-001"
    assert folder.refused("data").code == "WFT-SRC-001"
    assert folder.refused("elsewhere/people.csv").code == "WFT-SRC-001"


def test_a_row_with_too_many_or_too_few_values_is_told_by_its_line_and_not_shown(folder: Folder) -> None:
    folder.write("many.csv", CSV + "3,secret,4\n")
    folder.write("few.csv", CSV + "secret\n")
    folder.write("open.csv", CSV + '3,"secret\n')

    for name in ("many.csv", "few.csv"):
        found = folder.refused(name)
        assert found.code == "WFT-SRC-003"
        assert "line 4" in found.what
        assert "secret" not in str(found)
    assert folder.refused("open.csv").code == "WFT-SRC-003"


def test_a_value_of_another_type_is_told_by_line_and_column_and_not_shown(folder: Folder) -> None:
    folder.write("people.csv", CSV + "secret,Edsger\n")

    found = folder.refused("people.csv", contract=promised(id="integer", name="string"))

    assert found.code == "WFT-SRC-003"
    assert "line 4, column `id`" in found.what
    assert "secret" not in str(found)


def test_every_missing_column_is_told_at_once_with_the_nearest_name(folder: Folder) -> None:
    folder.write("people.csv", CSV)

    with pytest.raises(SourceError) as raised:
        folder.bind("people.csv", contract=promised(id="integer", nme="string", born="date"))

    first, second = raised.value.diagnostics
    assert {first.code, second.code} == {"WFT-SRC-004"}
    assert first.fix == "did you mean `name`?"
    assert "`born`" in second.what
    assert first.where is not None
    assert first.where.file == "raw.odcs.yaml"


def test_a_column_that_a_later_file_of_a_glob_lacks_is_told_with_that_file(folder: Folder) -> None:
    folder.write("data/1.csv", CSV)
    folder.write("data/2.csv", "id\n3\n")

    found = folder.refused("data/*.csv", contract=promised(id="integer", name="string"))

    assert found.code == "WFT-SRC-004"
    assert "`2.csv`" in found.what


def test_files_of_a_glob_with_columns_in_another_order_are_not_mixed_up(folder: Folder) -> None:
    folder.write("data/1.csv", "id,name\n1,Ada\n")
    folder.write("data/2.csv", "name,more,id\nGrace,x,2\n")

    assert folder.rows("data/*.csv") == ROWS
    assert folder.rows("data/*.csv", contract=promised(id="integer", name="string")) == [(1, "Ada"), (2, "Grace")]


def test_a_column_that_a_later_file_of_a_glob_lacks_is_told_without_a_contract_too(folder: Folder) -> None:
    folder.write("data/1.csv", "id,name\n1,Ada\n")
    folder.write("data/2.csv", "id,nme\n2,Grace\n")

    found = folder.refused("data/*.csv")

    assert (found.code, found.fix) == ("WFT-SRC-004", "did you mean `nme`?")
    assert "`2.csv`" in found.what


def test_a_contract_gives_a_parquet_file_its_types_order_and_columns(folder: Folder) -> None:
    file = folder.root / "people.parquet"
    duckdb.sql(f"COPY (SELECT 1::BIGINT AS id, 'x' AS more, 'Ada' AS name) TO '{file}' (FORMAT parquet)")

    assert folder.rows("people.parquet", contract=promised(name="string", id="integer")) == [("Ada", 1)]
    found = folder.refused("people.parquet", contract=promised(nme="string"))
    assert (found.code, found.fix) == ("WFT-SRC-004", "did you mean `name`?")


def test_parquet_files_of_a_glob_are_read_by_name(folder: Folder) -> None:
    (folder.root / "data").mkdir()
    duckdb.sql(f"COPY (SELECT 1 AS id, 'Ada' AS name) TO '{folder.root}/data/1.parquet' (FORMAT parquet)")
    duckdb.sql(f"COPY (SELECT 'Grace' AS name, 2 AS id) TO '{folder.root}/data/2.parquet' (FORMAT parquet)")

    assert folder.rows("data/*.parquet") == [(1, "Ada"), (2, "Grace")]

    duckdb.sql(f"COPY (SELECT 3 AS id) TO '{folder.root}/data/3.parquet' (FORMAT parquet)")

    assert folder.refused("data/*.parquet").code == "WFT-SRC-004"


def test_an_empty_file_has_no_header(folder: Folder) -> None:
    folder.write("people.csv", "")

    found = folder.refused("people.csv")

    assert found.code == "WFT-SRC-003"
    assert "has no header" in found.what


@pytest.mark.parametrize("file", ["people.xlsx", "people", "people.gz"])
def test_a_format_that_the_name_does_not_tell_is_asked_for(folder: Folder, file: str) -> None:
    folder.write(file, gzip.compress(CSV.encode()) if file.endswith(".gz") else CSV)

    found = folder.refused(file)

    assert (found.code, found.fix) == ("WFT-SRC-007", "add `format:`")
    assert folder.rows(file, format="csv") == ROWS


def test_a_format_that_does_not_exist_is_told_with_those_that_do(folder: Folder) -> None:
    folder.write("people.csv", CSV)

    found = folder.refused("people.csv", format="xml")

    assert found.code == "WFT-SRC-007"
    assert "parquet" in (found.fix or "")


def test_an_archive_holds_one_file(folder: Folder) -> None:
    folder.zip("two.zip", {"a.csv": CSV, "b.csv": CSV})
    folder.zip("none.zip", {})
    folder.write("broken.zip", b"PK but no archive")

    assert folder.refused("two.zip").what == "`two.zip` holds 2 files"
    assert folder.refused("none.zip").what == "`none.zip` holds 0 files"
    broken = folder.refused("broken.zip")
    assert (broken.code, broken.what) == ("WFT-SRC-008", "`broken.zip` is no zip archive")


@pytest.mark.parametrize(
    "content",
    [
        CSV.encode(),
        b"",
        b"\x1f\x8b",
        b"\x1f\x8bno gzip at all",
        gzip.compress(CSV.encode(), mtime=0)[:-12],
        gzip.compress((CSV * 50_000).encode(), mtime=0)[:1000],
    ],
    ids=["not packed", "empty", "a beginning", "another packing", "cut off at its end", "cut off in the middle"],
)
def test_a_damaged_gzip_file_is_an_unusable_archive(folder: Folder, content: bytes) -> None:
    folder.write("people.csv.gz", content)

    assert folder.refused("people.csv.gz").code == "WFT-SRC-008"


def test_a_damaged_zip_file_is_an_unusable_archive(folder: Folder, tmp_path: Path) -> None:
    folder.zip("people.zip", {"people.csv": CSV})
    content = bytearray((folder.root / "people.zip").read_bytes())
    content[content.index(b"Grace")] = ord("X")  # its checksum does not hold any more
    folder.write("people.zip", bytes(content))

    assert folder.refused("people.zip").code == "WFT-SRC-008"


@pytest.mark.parametrize("content", [b"", b"PAR1 and nothing of it is true PAR1", b"id,name\n1,Ada\n"])
def test_a_parquet_file_that_is_none_is_told_so(folder: Folder, content: bytes) -> None:
    folder.write("people.parquet", content)

    assert folder.refused("people.parquet").code == "WFT-SRC-003"
    assert folder.refused("people.parquet", contract=promised(id="integer")).code == "WFT-SRC-003"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.json", "{"),
        ("people.json", ""),
        ("people.ndjson", "no json\n"),
        ("people.ndjson", '{"id": 1}\nno json\n'),
    ],
)
def test_json_that_is_none_is_told_so(folder: Folder, name: str, content: str) -> None:
    folder.write(name, content)

    assert folder.refused(name).code == "WFT-SRC-003"


def test_a_json_value_of_another_type_is_told_and_not_shown(folder: Folder) -> None:
    folder.write("people.json", '[{"id": "secret"}]')

    found = folder.refused("people.json", contract=promised(id="integer"))

    assert found.code == "WFT-SRC-003"
    assert "secret" not in str(found)


# where it may lie


def test_a_path_outside_the_mesh_is_refused_until_its_folder_is_allowed(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "people.csv").write_text(CSV)
    (folder.root / "link.csv").symlink_to(tmp_path / "outside" / "people.csv")
    paths = [str(tmp_path / "outside/people.csv"), "../outside/people.csv", "link.csv", "../outside/*.csv"]

    for path in paths:
        found = folder.refused(path)
        assert found.code == "WFT-SRC-005", path
        assert "[sources] allow" in (found.fix or "")

    allowed = Folder(folder.root, allow=("../outside",))
    for path in paths:
        assert allowed.rows(path) == ROWS


def test_a_folder_whose_name_begins_like_an_allowed_one_is_not_allowed(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "outside2").mkdir()
    (tmp_path / "outside2" / "people.csv").write_text(CSV)

    found = Folder(folder.root, allow=("../outside",)).refused("../outside2/people.csv")

    assert found.code == "WFT-SRC-005"


def test_a_path_that_a_person_types_may_lie_anywhere(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(CSV)

    bound = folder.connector().bind(Source(str(tmp_path / "people.csv")), trusted=True)

    assert [c.name for c in bound.columns] == ["id", "name"]


# its version


def test_the_version_moves_with_the_content_and_not_with_times_or_places(folder: Folder) -> None:
    path = folder.write("people.csv", CSV)
    before = folder.bind("people.csv").version

    os.utime(path, (1, 1))
    assert folder.bind("people.csv").version == before
    path.write_text(CSV)
    assert folder.bind("people.csv").version == before
    folder.write("copy/others.csv", CSV)
    assert folder.bind("copy/others.csv").version == before

    folder.write("people.csv", CSV.replace("Ada", "Eva"))
    assert folder.bind("people.csv").version != before


def test_the_version_moves_with_how_the_content_is_read(folder: Folder) -> None:
    folder.write("people.csv", CSV)
    ways: list[dict[str, Any]] = [
        {},
        {"nulls": ("NA",)},
        {"header": False},
        {"delimiter": ";"},
        {"encoding": "latin-1"},
        {"contract": promised(id="integer", name="string")},
        {"contract": promised(id="string", name="string")},
        {"contract": promised(id="string")},
    ]

    versions = [folder.bind("people.csv", **way).version for way in ways]

    assert len(set(versions)) == len(ways)


def test_the_version_moves_with_the_files_of_a_glob(folder: Folder) -> None:
    folder.write("data/1.csv", "id,name\n1,Ada\n")
    before = folder.bind("data/*.csv").version

    folder.write("data/2.csv", "id,name\n2,Grace\n")

    assert folder.bind("data/*.csv").version != before


def test_rows_follow_a_file_that_is_written_again(folder: Folder) -> None:
    folder.zip("people.zip", {"people.csv": CSV})
    assert folder.rows("people.zip") == ROWS

    folder.zip("people.zip", {"people.csv": "id,name,born\n3,Edsger,1930\n"})

    assert folder.rows("people.zip") == [("3", "Edsger", "1930")]
