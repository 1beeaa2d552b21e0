"""A publication that is sent again under the same run is published once, in every registry."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.conformance import test_registry
from tests.conformance.test_registry import A, B, at, edge, publication, publish
from weft.errors import Conflict
from weft.model.checks import CheckCounts

opened, registry, another = test_registry.opened, test_registry.registry, test_registry.another


def test_the_same_content_under_the_same_run_gives_the_same_publications_and_no_event(registry):
    first = publish(registry, publication(A, "1"), publication(B, "1"), run_id="r", requires={str(A): 0})
    before = (registry.last_event(), registry.port(A), registry.lineage([f"{A}.a"], up=True, depth=9))

    again = publish(registry, publication(A, "1"), publication(B, "1"), run_id="r", requires={str(A): 0})

    assert list(again) == list(first)
    assert [p.revision for p in again] == [1, 1]
    assert (registry.last_event(), registry.port(A), registry.lineage([f"{A}.a"], up=True, depth=9)) == before
    assert registry.verify_log() == registry.last_event()


def test_it_is_the_same_for_whoever_sends_it_later_and_after_others_have_published(registry, another):
    (first,) = publish(registry, publication(A, "1"), run_id="r")
    publish(registry, publication(A, "2"), run_id="s")

    (again,) = publish(another, publication(A, "1", minutes=7), run_id="r", at=at(7))

    assert again == first
    assert again.published_at == at(0)
    assert registry.port(A).snapshot_id == "2"


@pytest.mark.parametrize(
    "other",
    [
        {"publications": [publication(A, "2")]},
        {"publications": [replace(publication(A, "1"), checks=CheckCounts(passed=9))]},
        {"publications": [publication(A, "1"), publication(B, "1")]},
        {"edges": [edge("s.o.raw.a", f"{A}.a")]},
        {"requires": {str(B): 0}},
        {"retire": [B]},
        {"actor": "eve"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_content_under_the_same_run_is_refused_and_changes_nothing(registry, other):
    publish(registry, publication(A, "1"), run_id="r")
    before = (registry.last_event(), registry.ports())
    sent = {"publications": [publication(A, "1")], **other}

    with pytest.raises(Conflict) as caught:
        publish(registry, *sent["publications"], run_id="r", **sent)

    assert [d.code for d in caught.value.diagnostics] == ["WFT-REG-014"]
    assert "run r has published something else of `sales.orders`" in caught.value.diagnostics[0].what
    assert (registry.last_event(), registry.ports()) == before


def test_a_publication_that_was_refused_may_be_sent_again(registry):
    publish(registry, publication(A, "1"), run_id="first")
    with pytest.raises(Conflict):
        publish(registry, publication(A, "2"), run_id="r", requires={str(A): 7})

    (done,) = publish(registry, publication(A, "2"), run_id="r", requires={str(A): 1})

    assert done.revision == 2
