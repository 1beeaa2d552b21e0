"""How texts are cut into terms."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.catalog.words import distance, name_terms, parts, query_terms, squashed, tolerance


@pytest.mark.parametrize(
    "written", ["dep_delay", "depDelay", "DepDelay", "dep-delay", "dep.delay", "DEP_DELAY", "Dep Delays"]
)
def test_every_way_to_write_a_name_is_the_same_name(written: str) -> None:
    assert squashed(written) == "depdelay"


def test_accents_and_digits_do_not_hide_a_word() -> None:
    assert parts("Zürich2013") == ["zurich", "2013"]


def test_a_name_is_found_by_its_parts_and_as_one_word() -> None:
    assert name_terms("tail_num") == ["tail", "num", "tailnum"]


def test_a_stop_word_alone_is_a_word() -> None:
    assert query_terms("on") == [("on", 1.0)]


def test_short_words_and_numbers_are_never_corrected() -> None:
    assert [tolerance(t) for t in ("jfk", "2013", "wind", "precipitation")] == [0, 0, 1, 2]


@given(st.text(max_size=8), st.text(max_size=8))
def test_distance_is_symmetric_and_zero_only_for_the_same_word(a: str, b: str) -> None:
    assert distance(a, b, 8) == distance(b, a, 8)
    assert (distance(a, b, 8) == 0) == (a == b)


@given(st.text(max_size=40))
def test_cutting_a_cut_text_changes_nothing_but_plurals(text: str) -> None:
    assert all(p == p.lower() and p for p in parts(text))
