"""Contracts and data of another tool's test suite come to the outcome that it states."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

import weft
from tests.unit.contracts.support import NOW, Database
from weft.contracts.verification import verify
from weft.model.checks import Outcome
from weft.model.document import Document
from weft.model.odcs import Contract, contract
from weft.model.types import duck_type

SHARED = Path(os.environ.get("WEFT_SHARED") or Path(__file__).resolve().parents[3] / "shared")
FOLDER = SHARED / "conformance" / "odcs"
CASES: list[dict[str, Any]] = (
    json.loads((FOLDER / "index.json").read_text())["cases"] if (FOLDER / "index.json").exists() else []
)


class _Texts(yaml.SafeLoader):
    """YAML in which dates stay text."""


_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _relation(path: Path, described: Contract) -> str:
    """A FROM item for a file; what a JSON file leaves open is read as the contract says."""
    if path.suffix == ".parquet":
        return f"read_parquet('{path}')"
    if path.suffix == ".csv":
        return f"read_csv('{path}', all_varchar = true)"
    types = ", ".join(f"'{p.name}': '{duck_type(p)}'" for p in described.table.properties)
    return f"read_json('{path}', columns = {{{types}}})"


@pytest.mark.shared
@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_a_foreign_contract_and_its_data_come_to_the_stated_outcome(case: dict[str, Any]) -> None:
    described = contract(Document(case["contract"], yaml.load((FOLDER / case["contract"]).read_text(), _Texts)))
    data = FOLDER / case["data"][0]

    results = verify(
        described,
        _relation(data, described),
        Database(),
        others={},
        now=NOW,
        admit=lambda _: (),
        text=data.suffix == ".csv",
    )

    blocked = [(r.id, r.result, r.reason or r.actual) for r in results if r.blocks]
    assert bool(blocked) == (case["expected"] == "failed"), blocked
    if case["id"] == "diagnostics-datacontract":
        failed = {r.id: r.failed_rows for r in results if r.result is Outcome.FAILED}
        # both bounds of `amount` are one rule of ours: -5 and 200 break it
        assert failed == {"email.length": 1, "email.pattern": 1, "amount.range": 2, "order_id.unique": 2}


@pytest.mark.shared
@pytest.mark.parametrize("case", CASES, ids=[c["id"] for c in CASES])
def test_verifying_the_files_of_a_foreign_contract_comes_to_the_same_outcome(case: dict[str, Any]) -> None:
    found = weft.verify(str(FOLDER / case["contract"]), data=[str(FOLDER / case["data"][0])])

    assert found.diagnostics == ()
    assert found.exit_code == (1 if case["expected"] == "failed" else 0), [c for c in found.checks if c.blocks]
