"""Every line of the table of verdicts holds."""

import re
from pathlib import Path

import pytest

import weft
from weft.contracts.comparing.compatibility import changes, for_producers
from weft.contracts.comparing.verdict_examples import Example
from weft.contracts.comparing.verdicts import GROUPS, contracts
from weft.model.document import Document
from weft.model.odcs import contract

SOURCES = Path(weft.__file__).parent / "contracts" / "comparing"
EXAMPLES = [e for examples in GROUPS.values() for e in examples]


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.what for e in EXAMPLES])
def test_the_example_has_the_verdicts_of_its_line(example: Example) -> None:
    old, new = (contract(Document("c.odcs.yaml", data)) for data in contracts(example))

    found, producer = changes(old, new), for_producers(old, new)

    assert found.verdict == example.consumer, found.changes
    assert producer.verdict == example.producer, producer.changes


@pytest.mark.parametrize("example", EXAMPLES, ids=[e.what for e in EXAMPLES])
def test_the_required_version_follows_from_the_verdict(example: Example) -> None:
    old, new = (contract(Document("c.odcs.yaml", data)) for data in contracts(example))

    required = {"breaking": "2.0.0", "compatible": "1.3.0", "patch": "1.2.3", "none": "1.2.3"}

    assert str(changes(old, new).required_version) == required[example.consumer]


def test_every_row_of_the_page_is_tested_once_and_no_example_stands_twice() -> None:
    page = (Path(__file__).parents[4] / "docs" / "reference" / "compatibility.md").read_text(encoding="utf-8")
    rows: list[tuple[str, ...]] = []
    group = ""
    for line in page.splitlines():
        if line.startswith("## "):
            group = line.removeprefix("## ")
        elif line.startswith("| ") and not line.startswith("| change |"):
            rows.append((group, *(cell.strip() for cell in line.strip("|").split("|"))))

    tested = [(name, e.what, e.consumer, e.producer) for name, found in GROUPS.items() for e in found]

    assert rows == tested
    assert len({row[:2] for row in rows}) == len(rows) > 140


def test_every_kind_of_change_that_the_code_tells_has_a_row() -> None:
    told = {
        change.kind
        for example in EXAMPLES
        for change in changes(*(contract(Document("c.odcs.yaml", data)) for data in contracts(example))).changes
    }

    source = "".join(
        path.read_text(encoding="utf-8")
        for name in ("compatibility", "column_changes", "relationship_changes", "terms")
        for path in [SOURCES / f"{name}.py"]
    )
    kinds = set(re.findall(r'Change\([^,"]+, "(\w+)"|_change\(\w+, "(\w+)"|rule_changes\(\s*"([\w ]+)"', source))
    assert {name for found in kinds for name in found if name} - told == set()
