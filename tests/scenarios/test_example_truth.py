"""The example mesh: its contracts say what is true, and its documents are valid."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
import yaml

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "flights"


def run(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(script), *arguments], capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_the_contracts_promise_what_the_csv_files_hold() -> None:
    result = run(EXAMPLE / "truth.py", "--check")

    assert result.returncode == 0, result.stdout + result.stderr
    assert "WRONG" not in result.stdout


@pytest.mark.slow
def test_a_contract_that_promises_less_than_is_true_is_found(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "flights")
    contract = tmp_path / "flights/domains/operations/on_time/contracts/flights.odcs.yaml"
    text = contract.read_text(encoding="utf-8")
    contract.write_text(text.replace("value: 14.99", "value: 20"), encoding="utf-8")

    result = run(tmp_path / "flights/truth.py", "--check")

    assert result.returncode == 1
    assert [line for line in result.stdout.splitlines() if "WRONG" in line and "not in planes" in line]


@pytest.mark.slow
def test_the_same_seed_writes_the_same_crew(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE / "make_crew.py", tmp_path)

    result = run(tmp_path / "make_crew.py")

    assert result.returncode == 0, result.stderr
    written, committed = (f / "data" / "crew_assignments.csv" for f in (tmp_path, EXAMPLE))
    assert hashlib.sha256(written.read_bytes()).digest() == hashlib.sha256(committed.read_bytes()).digest()


def test_every_contract_is_valid_by_the_standard() -> None:
    schema = json.loads((importlib.resources.files("open_data_contract_standard") / "schema.json").read_text("utf-8"))
    validator = jsonschema_rs.validator_for(schema)

    contracts = sorted(EXAMPLE.rglob("*.odcs.yaml"))

    assert len(contracts) == 14
    for file in contracts:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        assert [error.message for error in validator.iter_errors(document)] == [], file


def test_every_column_of_every_port_is_classified_and_described() -> None:
    for file in EXAMPLE.glob("domains/*/*/contracts/*.odcs.yaml"):
        for column in yaml.safe_load(file.read_text(encoding="utf-8"))["schema"][0]["properties"]:
            assert column["classification"] in ("public", "internal", "confidential", "restricted"), (
                file,
                column["name"],
            )
            assert column["id"] and column["description"], (file, column["name"])


def test_the_crew_is_said_to_be_synthetic_wherever_it_is_shown() -> None:
    folder = EXAMPLE / "domains" / "crew"
    domain, product, contract = (
        yaml.safe_load((folder / name).read_text(encoding="utf-8"))
        for name in ("domain.yaml", "roster/product.odps.yaml", "roster/contracts/assignments.odcs.yaml")
    )

    shown = [domain["description"], product["name"], product["description"]["purpose"], contract["name"]]
    shown += [product["outputPorts"][0]["description"], contract["description"]["purpose"]]
    shown += [(ROOT / "examples" / "README.md").read_text(encoding="utf-8")]

    assert all("SYNTHETIC" in text for text in shown)


def test_no_document_names_an_id_twice() -> None:
    ids = [
        yaml.safe_load(file.read_text(encoding="utf-8"))["id"]
        for file in EXAMPLE.rglob("*.yaml")
        if file.name not in ("domain.yaml", "glossary.yaml")
        and file.parent.name not in ("tests", "governance", "policies")  # whose ids are of another kind, or none
    ]

    assert len(ids) == len(set(ids)) == 20
