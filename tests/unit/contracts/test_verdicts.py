"""Every line of the table of verdicts holds."""

import pytest

from weft.contracts.compatibility import changes, for_producers
from weft.contracts.verdicts import GROUPS, Example, contracts
from weft.model.document import Document
from weft.model.odcs import contract

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


def test_no_example_stands_twice() -> None:
    assert len({(e.what, e.of) for e in EXAMPLES}) == len(EXAMPLES) > 70
