"""Policies that fail: on what they are asked of, or by themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from weft.governance.book import Book, Limits
from weft.governance.judging import judge
from weft.governance.policies import Kind, Layer, Place, Policy, PolicySet, Severity
from weft.governance.relations import BY_NAME

NOW = datetime(2026, 7, 1, tzinfo=UTC)
READS_JSON = "select product as subject from products where json_extract(title, '$.x') = 1"


@pytest.fixture
def book() -> Iterator[Book]:
    found = Book.in_memory()
    for number in range(8):
        name = f"a.p{number}"
        found.put(name, {"products": [_product(name, "no json")]})
    found.put("b.sound", {"products": [_product("b.sound", '{"x": 1}')]})
    yield found
    found.close()


def _product(name: str, title: str) -> tuple[object, ...]:
    cells = {"product": name, "domain": name.split(".")[0], "title": title, "status": "active"}
    return tuple(cells.get(column) for column in BY_NAME["products"].names)


def _policies(check: str) -> PolicySet:
    place = Place(Layer.PLATFORM, "", "governance/policies/a.yaml")
    return PolicySet({"a": Policy("a", "A", Kind.QUALITY, Severity.BLOCK, "It is so.", check, place)})


def test_many_products_on_which_a_check_fails_hide_none_behind_them(book: Book) -> None:
    found = judge(book, _policies(READS_JSON), NOW)

    assert [o.subject for o in found.objections] == ["b.sound"]
    assert found.unasked[0].within == tuple(f"a.p{n}" for n in range(8))
    assert found.unasked[0].sound


@pytest.mark.parametrize(
    "check",
    [
        "select product as subject frm products",
        "with recursive n(i) as (select 1 union all select i + 1 from n) select i as subject from n where i < 0",
    ],
)
def test_a_check_that_fails_on_an_empty_mesh_is_not_sound(book: Book, check: str) -> None:
    found = judge(book, _policies(check), NOW, within=["b.sound"], limits=Limits(0.3))

    assert not found.objections
    assert [(u.policy.id, u.within, u.sound) for u in found.unasked] == [("a", (), False)]


def test_a_check_that_fails_on_one_product_alone_is_sound(book: Book) -> None:
    (unasked,) = judge(book, _policies(READS_JSON), NOW, within=["a.p1"]).unasked

    assert unasked.sound


def test_a_check_that_runs_for_ever_is_waited_for_once_and_not_for_each_product(book: Book) -> None:
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select i as subject from n where i < 0"
    begun = time.monotonic()

    found = judge(book, _policies(endless), NOW, within=[f"a.p{n}" for n in range(8)], limits=Limits(0.5))

    assert time.monotonic() - begun < 2
    assert len(found.unasked) == 1
