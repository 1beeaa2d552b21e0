"""The official examples of ODCS are read, linted and evaluated: each rule of them comes to an outcome."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.unit.contracts.support import NOW, Database
from weft.api.contracts import contract_lint
from weft.contracts.rules import promises
from weft.contracts.verification import verify
from weft.model.checks import Outcome, Rule
from weft.model.odcs import Contract, contract
from weft.model.types import duck_type, misfit
from weft.project.documents import parse
from weft.sql.quoting import ident

pytestmark = pytest.mark.shared

SHARED = Path(os.environ.get("WEFT_SHARED") or Path(__file__).resolve().parents[3] / "shared")
FOLDER = SHARED / "standards" / "odcs" / "examples"
EXAMPLES = sorted(str(p.relative_to(FOLDER)) for p in FOLDER.rglob("*.odcs.yaml"))

NO_SUCH_TABLE = {"latency", "retention"}
"""Service levels of the full example, whose element is in a table `tab1` that it does not describe."""
BY_DESIGN = {
    Rule.CUSTOM: "not weft's",
    Rule.FREQUENCY: "no history of publications",
    Rule.RELATIONSHIP: "is not at hand",
    Rule.REQUIRED: "does not describe the fields",
    Rule.ITEMS: "fixed by its type",
}
"""What is not evaluated on a table alone, and why."""


def read(example: str) -> Contract:
    """The contract of an example, read as a contract file is."""
    found = parse((FOLDER / example).read_bytes(), example, "contract")
    assert found.document is not None
    return contract(found.document)


def test_the_examples_are_there() -> None:
    versions = {str(read(e).data["apiVersion"])[:4] for e in EXAMPLES}

    assert len(EXAMPLES) >= 15
    assert versions == {"v3.0", "v3.1"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_official_example_has_no_problem_but_an_element_of_a_table_that_it_lacks(example: str) -> None:
    found = [d for d in contract_lint([FOLDER / example]) if d.severity.value != "note"]

    assert [d.what for d in found if "element: tab1.txn_ref_dt" not in d.what] == []


@pytest.mark.parametrize("example", EXAMPLES)
def test_each_rule_of_an_official_example_is_evaluated_on_a_table_of_its_types(example: str) -> None:
    described = read(example)
    for table in described.objects:
        if not table.properties:
            continue  # of a stream, whose columns a registry keeps
        for prop in table.properties:
            wanted = duck_type(prop)
            assert wanted is None or misfit(prop, wanted) is None, (table.name, prop.name)
        database = Database()
        columns = ", ".join(f"{ident(p.name)} {duck_type(p) or 'VARCHAR'}" for p in table.properties)
        database.execute(f"CREATE TABLE t ({columns})")

        found = verify(described, "t", database, others={}, now=NOW, admit=lambda _: (), table=table.name)

        assert {r.id for r in found} == {p.id for p in promises(described, table)} | {"extra_columns"}
        for result in found:
            if result.result is Outcome.NOT_EVALUATED:
                said = "about the service" if result.id.startswith("timeOf") else BY_DESIGN[result.rule]
                assert said in str(result.reason), result.id
            elif result.result is Outcome.ERROR:
                assert result.id in NO_SUCH_TABLE, (result.id, result.reason)
            elif result.result is Outcome.FAILED:
                assert result.rule is Rule.ROW_COUNT, (result.id, result.reason)
