"""`weft contract import` and `export`, from the command line and from Python."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.feather
import pytest
from click.testing import CliRunner

import weft
from weft.cli.group import weft as command
from weft.contracts.exchange.kinds import DIALECTS, EXPORTS, IMPORTS, KINDS, module_of
from weft.errors import ProjectError, UsageError

DDL = """
CREATE TABLE orders (
    id BIGINT, line SMALLINT, kind VARCHAR NOT NULL CHECK (kind IN ('new', 'paid')), price DECIMAL(12, 2),
    home STRUCT(city VARCHAR), PRIMARY KEY (id, line)
);
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schema.sql").write_text(DDL)
    return tmp_path


@pytest.fixture
def contract(folder: Path) -> str:
    made = weft.contract_import("sql", "schema.sql")
    (folder / "orders.odcs.yaml").write_text(made.text)
    return "orders.odcs.yaml"


def test_every_kind_has_a_module_that_does_what_the_registry_says() -> None:
    for kind in KINDS.values():
        module = module_of(kind)
        assert hasattr(module, "exported") is kind.writes, kind.name
        assert (hasattr(module, "drafted") if kind.rows else hasattr(module, "imported")) is kind.reads, kind.name


def test_an_imported_contract_is_one_that_weft_has_nothing_against(folder: Path, contract: str) -> None:
    assert weft.contract_lint([contract]) == ()
    assert json.loads(json.dumps(weft.contract_import("sql", "schema.sql").document))["schema"][0]["name"] == "orders"


@pytest.mark.parametrize("kind", EXPORTS)
def test_every_kind_is_exported_to_standard_output_or_a_file(folder: Path, contract: str, kind: str) -> None:
    printed = CliRunner().invoke(command, ["contract", "export", kind, contract])
    written = CliRunner().invoke(command, ["contract", "export", kind, contract, "--out", "deep/out.txt"])

    assert (printed.exit_code, written.exit_code) == (0, 0)
    assert (folder / "deep/out.txt").read_text() == weft.contract_export(kind, contract).text
    assert printed.stdout.rstrip("\n") == weft.contract_export(kind, contract).text.rstrip("\n")
    assert written.stdout == ""
    assert "wrote deep/out.txt" in written.stderr


@pytest.mark.parametrize("kind", sorted(set(IMPORTS) & set(EXPORTS) - {"dbt"}))
def test_what_was_exported_is_imported_again(folder: Path, contract: str, kind: str) -> None:
    name = "orders.arrow" if kind == "arrow" else "orders.txt"
    assert CliRunner().invoke(command, ["contract", "export", kind, contract, "--out", name]).exit_code == 0

    done = CliRunner().invoke(command, ["contract", "import", kind, name, "--name", "again", "--format", "json"])

    document = json.loads(done.stdout)["document"]
    assert document["name"] == "again"
    assert [p["name"] for p in document["schema"][0]["properties"]] == ["id", "line", "kind", "price", "home"]
    assert document["schema"][0]["properties"][3]["physicalType"] == "DECIMAL(12,2)"


def test_notes_go_to_standard_error_one_line_each(folder: Path, contract: str) -> None:
    done = CliRunner().invoke(command, ["contract", "export", "spark", contract])

    assert json.loads(done.stdout)["type"] == "struct"
    assert done.stderr.splitlines() == [
        "note: `orders`: a StructType cannot say the primary key (id, line)",
        "note: `kind`: a StructType cannot say values",
    ]


def test_a_schema_of_python_and_a_feather_file_say_the_same(folder: Path) -> None:
    schema = pa.schema(
        [pa.field("a", pa.int16(), nullable=False), pa.field("b", pa.list_(pa.timestamp("us", tz="UTC")))]
    )
    pyarrow.feather.write_feather(schema.empty_table(), "things.feather")

    ours = weft.contract_import("arrow", schema, name="things").document
    file = weft.contract_import("arrow", "things.feather").document

    assert ours["schema"] == file["schema"]
    assert weft.contract_export("arrow", _saved(folder, ours)).value.remove_metadata() == schema


def _saved(folder: Path, document: dict[str, object]) -> Path:
    path = folder / "saved.odcs.yaml"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("kind", ["parquet", "csv", "json"])
def test_samples_of_rows_are_drafted_and_what_is_only_proposed_is_told(folder: Path, kind: str) -> None:
    duckdb.sql(f"COPY (SELECT range AS id, 'a' || range % 2 AS grade FROM range(50)) TO 'rows.{kind}'")

    made = weft.contract_import(kind, f"rows.{kind}")

    id_, grade = made.document["schema"][0]["properties"]
    assert (made.document["name"], id_["physicalType"], id_["primaryKey"]) == ("rows", "BIGINT", True)
    assert grade["quality"][0]["arguments"] == {"validValues": ["a0", "a1"]}
    assert made.notes[1] == "`grade`: proposed from the rows that are there: required, quality"


def test_a_table_of_a_database_file_is_imported(folder: Path) -> None:
    with duckdb.connect("shop.duckdb") as connection:
        connection.execute(DDL)

    done = CliRunner().invoke(command, ["contract", "import", "duckdb", "shop.duckdb:orders", "--out", "o.odcs.yaml"])

    assert done.exit_code == 0, done.output
    assert weft.contract_lint(["o.odcs.yaml"]) == ()
    ours = weft.contract_import("duckdb", "shop.duckdb:orders").document
    assert ours["schema"] == weft.contract_import("sql", "schema.sql").document["schema"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["import", "sqll", "schema.sql"], "WFT-IMP-001"),
        (["import", "pydantic", "schema.sql"], "WFT-IMP-001"),
        (["export", "parquet", "orders.odcs.yaml"], "WFT-IMP-001"),
        (["import", "avro", "schema.sql", "--dialect", "mysql"], "WFT-IMP-002"),
        (["import", "sql", "schema.sql", "--dialect", "oracle"], "WFT-IMP-002"),
        (["export", "avro", "orders.odcs.yaml", "--dialect", "mysql"], "WFT-IMP-002"),
        (["import", "duckdb", "shop.duckdb"], "WFT-IMP-002"),
        (["import", "avro", "schema.sql"], "WFT-IMP-003"),
        (["import", "sql", "missing.sql"], "WFT-PRJ-001"),
        (["import", "duckdb", "missing.duckdb:t"], "WFT-PRJ-001"),
        (["import", "csv", "missing.csv"], "WFT-SRC-001"),
        (["export", "sql", "missing.odcs.yaml"], "WFT-PRJ-001"),
        (["export", "sql", "schema.sql"], "WFT-CFG-001"),
    ],
)
def test_a_wrong_call_ends_with_2_and_says_why(folder: Path, contract: str, arguments: list[str], code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "weft.cli.main", "contract", *arguments], capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert f"error {code}" in done.stderr
    assert done.stdout == ""


def test_bytes_that_are_no_text_are_refused(folder: Path) -> None:
    (folder / "latin.sql").write_bytes("CREATE TABLE t (ä INT)".encode("latin-1"))

    with pytest.raises(ProjectError) as refused:
        weft.contract_import("sql", "latin.sql")

    assert refused.value.diagnostics[0].code == "WFT-PRJ-021"


def test_a_contract_without_tables_cannot_be_exported(folder: Path) -> None:
    document = {k: v for k, v in weft.contract_import("sql", "schema.sql").document.items() if k != "schema"}

    with pytest.raises(UsageError) as refused:
        weft.contract_export("sql", _saved(folder, document))

    assert refused.value.diagnostics[0].code == "WFT-IMP-006"


def test_several_tables_are_no_arrow_file_and_nothing_is_written(folder: Path) -> None:
    (folder / "two.sql").write_text(DDL + "CREATE TABLE other (a INTEGER);")
    (folder / "two.odcs.yaml").write_text(weft.contract_import("sql", "two.sql").text)

    done = CliRunner().invoke(command, ["contract", "export", "arrow", "two.odcs.yaml", "--out", "two.arrow"])

    assert done.exit_code != 0
    assert isinstance(done.exception, UsageError)
    assert done.exception.diagnostics[0].code == "WFT-IMP-006"
    assert not (folder / "two.arrow").exists()


@pytest.mark.parametrize(
    ("kind", "dialect"), [("sql", d) for d in DIALECTS] + [(k, None) for k in ("avro", "spark", "pydantic", "dbt")]
)
def test_the_format_of_a_text_is_told_where_it_cannot_be_said(folder: Path, kind: str, dialect: str | None) -> None:
    column = {"name": "mail", "logicalType": "string", "logicalTypeOptions": {"format": "email"}}
    document = weft.contract_import("sql", "schema.sql").document
    document["schema"][0]["properties"] = [column]

    notes = weft.contract_export(kind, _saved(folder, document), dialect=dialect).notes

    assert [n for n in notes if n.startswith("`mail`") and n.endswith("cannot say format")] != []


def test_only_what_a_kind_needs_is_imported(folder: Path, contract: str) -> None:
    heavy = ("sqlglot", "pyarrow", "fastavro", "duckdb", "pydantic")
    script = (
        "import sys, weft\n"
        f"weft.contract_export(sys.argv[1], {contract!r})\n"
        f"print(*[m for m in {heavy!r} if m in sys.modules])"
    )

    def loaded(kind: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", script, kind], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert loaded("markdown") == ""
    assert loaded("pydantic") == ""
    assert loaded("sql") == ""
    assert loaded("avro") == "fastavro"
