"""How good detection is on labelled columns, and that the documentation says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.labelled_columns import LOCALES, labelled, otherwise
from tests.measured_detection import Measured, as_table, measured

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "detection.md"
SEED = 1


@pytest.fixture(scope="module")
def found() -> list[Measured]:
    return measured(labelled(SEED))


@pytest.mark.slow
def test_of_what_is_found_97_percent_is_right_and_of_what_is_there_93_percent_is_found(found: list[Measured]) -> None:
    assert {m.kind: m.precision for m in found if m.precision < 0.97} == {}
    assert {m.kind: m.recall for m in found if m.recall < 0.93} == {}
    assert min(m.columns for m in found) >= 12, "too few columns to say so"
    assert len(found) >= 20


@pytest.mark.slow
def test_the_table_in_the_documentation_is_what_is_measured(found: list[Measured]) -> None:
    assert as_table(found) in PAGE.read_text(encoding="utf-8"), "python benchmarks/detection.py --write"


def test_the_look_alikes_are_many_and_in_all_locales() -> None:
    from random import Random

    from faker import Faker

    assert len(LOCALES) == 6
    assert len(otherwise(Faker("en_US"), Random(1))) >= 70
