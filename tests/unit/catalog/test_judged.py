"""The judged set of searches, over a company's catalog of a tenth of its size."""

from __future__ import annotations

import pytest

from benchmarks.search.company import Judged, glossary, judged, publish, subjects
from benchmarks.searching import gain, reciprocal_rank, unpinned
from weft.api.platform import open_platform
from weft.catalog.index import opened
from weft.catalog.search import found_in
from weft.catalog.terms import synonyms_of


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, list[str]]:
    """What each search finds first."""
    root = tmp_path_factory.mktemp("company")
    (root / "weft.toml").write_text('[mesh]\nname = "company"\n')
    platform = open_platform(root)
    publish(platform.rooms.production, 5_000)
    synonyms = synonyms_of(glossary())
    with opened(root / "index.db", platform.rooms.production) as connection:
        answers = {
            one.words: [
                unpinned(h.address) for h in found_in(connection, one.words, limit=10, synonyms=synonyms).results
            ]
            for one in judged()
        }
    platform.close()
    return answers


def test_what_is_meant_comes_first_and_what_is_good_comes_early(found):
    every = judged()
    ranks = [reciprocal_rank(one, found[one.words]) for one in every]
    gains = [gain(one, found[one.words]) for one in every]

    assert len(every) >= 150
    assert sum(ranks) / len(ranks) >= 0.93
    assert sum(gains) / len(gains) >= 0.83


def test_what_is_meant_by_its_very_name_is_always_first(found):
    named = [one for one in judged() if one.kind in ("its name", "its title")]

    assert [one.words for one in named if reciprocal_rank(one, found[one.words]) < 1] == []


def test_every_address_that_is_judged_is_one_of_the_company():
    ports = {subject.port.unpinned: subject for subject in subjects()}
    known = {*ports, *(p.rpartition(".")[0] for p in ports), *(p.partition(".")[0] for p in ports)}
    known |= {f"{port}.{name}" for port, subject in ports.items() for name, _ in subject.columns}

    assert {address for one in judged() for address in one.grades} - known == set()


def test_gain_is_one_in_the_best_order_and_less_in_any_other():
    one = Judged("", "x", {"a": 3, "b": 2, "c": 1})

    assert gain(one, ["a", "b", "c", "d"]) == 1
    assert 0 < gain(one, ["d", "b", "a"]) < 1
    assert gain(one, []) == 0
    assert (reciprocal_rank(one, ["b", "a"]), reciprocal_rank(one, ["b"])) == (0.5, 0)
