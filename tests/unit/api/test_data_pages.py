"""Pages of the data API over two worlds, and answers that are kept: never of another decision."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.access.reading.attacks import texts
from tests.unit.access.reading.worlds import CUSTOMERS, HIDDEN_NAMES, READER, World, shown_sentinels
from weft.access.decision import Decision
from weft.access.opened import Opened
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import placed
from weft.access.reading.asking import Readers
from weft.access.reading.kept import ResultCache
from weft.access.reading.wire import Form
from weft.access.signing import Signer
from weft.api.wires.data import Pages, whose_view
from weft.api.wires.data_pages import Place, Seen, Wanted, cursor_of, planned, require_held, unread
from weft.errors import UsageError, WeftError

SEEN = Seen(
    ("shop", "crm", "customers@1"),
    {
        "id": "INTEGER", "name": "VARCHAR", "email": "VARCHAR", "iban": "VARCHAR", "birth": "DATE", "score": "DOUBLE",
        "note": "VARCHAR", "divisor": "INTEGER", "big": "INTEGER",
    },
    ("id",),
    frozenset({"id"}),
)  # fmt: skip


class WorldDoor:
    """A door of a world, as the data API asks it."""

    def __init__(self, world: World, readers: Readers, decision: str = "7") -> None:
        self.world, self.readers, self.decision = world, readers, decision
        self.read: list[str] = []

    def found(self, address: str, at: Any, purpose: Any) -> Opened:
        opened = self.world.opened(READER, [f"{CUSTOMERS}@1"], at, purpose)
        return replace(
            opened,
            ports={
                a: replace(one, decision=Decision(True, tuple(SEEN.columns), "", version=self.decision))
                for a, one in opened.ports.items()
            },
        )

    def stream(self, principal: Principal, question: Any) -> Any:
        self.read.append(question.sql)
        return self.readers.ask(self.world, principal, question, placed)  # type: ignore[arg-type]

    def witnessed(self, principal: Principal, opened: Opened, sql: str) -> Any:
        return self.world.witnessed(principal, opened, sql)


def pages(most_bytes: int = 0) -> Pages:
    return Pages(Signer(lambda: [b"a key of a test"]), ResultCache(most_bytes), lambda: 1_000.0, lambda readable: SEEN)


def answered(door: WorldDoor, wanted: Wanted) -> str:
    """All pages of a list, or what it is refused with; cursors and tags are signed with a world's own relation."""
    told = []
    try:
        for _ in range(4):
            page = pages().page(door, READER, f"{CUSTOMERS}@1", wanted)
            body = msgspec.json.decode(page.body or b"")
            told.append([body["rows"], body["next"] is None, body["masked"], body["filtered"]])
            if page.next is None:
                break
            wanted = replace(wanted, cursor=page.next)
    except WeftError as e:
        told.append([d.as_json() for d in e.diagnostics])
    return msgspec.json.encode(told).decode()


ORDERS = ("", "id", "-id", "name", "-birth,name", "score", "note", "-email", "iban,-divisor")
FILTERS = (
    "", "id >= 0", "id < 0", "note like 'RAW%'", "not note like 'RAW%'", "name > 'name 4'", "birth < '1960-01-01'",
    "iban is null", "big between 1 and 2147483647", "divisor = 0", "score > 100 or score is null", "email like '%@%'",
    *(f"{name} is not null" for name in (*HIDDEN_NAMES, "region", "owner")),
)  # fmt: skip


@pytest.mark.parametrize("order", ORDERS)
def test_pages_of_two_worlds_are_the_same(order, worlds, readers):
    bad = []
    for where in FILTERS:
        first, second = (
            answered(WorldDoor(world, readers), Wanted(where=where, order=order, limit=70)) for world in worlds
        )
        shown = [w for t, world in ((first, worlds[0]), (second, worlds[1])) for w in shown_sentinels(t, world)]
        if first != second or [w for w in shown if w.lower() not in where.lower()]:
            bad.append((where, first[:300], second[:300], shown))

    assert bad == []


def test_no_attack_of_sql_comes_through_as_a_filter_a_column_or_an_order(worlds, readers):
    attacks = [sql for _, sql in texts(worlds[0].customers, str(worlds[0].folder / "secret.txt"))]
    conditions = [sql.partition(" where ")[2] for sql in attacks if " where " in sql]
    door = WorldDoor(worlds[0], readers)
    through = []
    for text in [*attacks, *conditions]:
        for wanted in (Wanted(where=text or "x"), Wanted(select=text or "x"), Wanted(order=text or "x")):
            try:
                made = planned(wanted, SEEN)
            except UsageError:
                continue
            through.append((text, made.sql(None)))

    assert len(attacks) >= 150
    for _, sql in through:  # what is a filter by chance is one over columns that are seen
        first, second = (answered(WorldDoor(world, readers), Wanted()) for world in worlds)
        assert first == second, sql
    assert len(through) <= len(conditions), through
    assert door.read == []


def test_the_order_of_pages_of_what_is_not_unique_is_total(worlds, readers):
    found = msgspec.json.decode(answered(WorldDoor(worlds[0], readers), Wanted(order="divisor", limit=150)))

    rows = [row for page in found for row in page[0]]
    assert len(rows) == len({row["id"] for row in rows}) == 500
    assert [row["divisor"] for row in rows] == sorted(row["divisor"] for row in rows)


def test_an_answer_that_is_kept_is_not_read_again_and_only_for_the_same_decision(worlds, readers):
    made = pages(10**7)
    doors = [WorldDoor(worlds[0], readers), WorldDoor(worlds[0], readers, "8"), WorldDoor(worlds[1], readers)]
    wanted = Wanted(where="id < 3", form=Form.JSON)

    first = made.page(doors[0], READER, CUSTOMERS, wanted)
    again = made.page(doors[0], READER, CUSTOMERS, replace(wanted, where=" ID<3 "))
    others = [made.page(door, READER, CUSTOMERS, wanted) for door in doors[1:]]
    elsewhere = made.page(WorldDoor(worlds[0], readers), Principal("eve", PrincipalKind.USER), CUSTOMERS, wanted)

    assert (first, len(doors[0].read)) == (again, 1)
    assert [len(door.read) for door in doors[1:]] == [1, 1]
    assert len({first.tag, elsewhere.tag, *(other.tag for other in others)}) == 4


def test_what_the_caller_has_is_answered_without_reading(worlds, readers):
    made, door = pages(), WorldDoor(worlds[0], readers)

    page = made.page(door, READER, CUSTOMERS, Wanted(limit=1))
    again = made.page(door, READER, CUSTOMERS, Wanted(limit=1), [page.tag])

    assert (again.body, again.tag, len(door.read)) == (None, page.tag, 1)


VIEWS = st.tuples(
    st.sampled_from(["ann", "bob"]),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y"]),
)
ASKED = st.builds(
    Wanted,
    select=st.sampled_from(["", "id", "id,name"]),
    where=st.sampled_from(["", "id = 1", "id=1", "id = 2"]),
    order=st.sampled_from(["", "id", "-id"]),
    limit=st.sampled_from([1, 2]),
    form=st.sampled_from([Form.JSON, Form.CSV]),
)


class Counted:
    """A door whose every read gives another answer: what comes twice was kept."""

    def __init__(self, worlds, view):
        self.name, snapshot, version, relation = view
        (address, one), *_ = worlds[0].opened(READER, [f"{CUSTOMERS}@1"]).ports.items()
        one = replace(
            one,
            relation=relation,
            publication=replace(one.publication, snapshot_id=snapshot),
            decision=Decision(True, (), "", version=version),
        )
        self.made = Opened({address: one}, {}, [], [])

    def found(self, address, at, purpose):
        return self.made


@given(st.lists(st.tuples(VIEWS, ASKED), min_size=2, max_size=30))
def test_an_answer_is_never_shared_between_different_decisions_versions_readers_or_questions(worlds, asked):
    cache = ResultCache(10**6)
    kept: dict[str, tuple[Any, ...]] = {}
    made = Pages(Signer(lambda: [b"key"]), cache, lambda: 0.0, lambda readable: SEEN)
    for view, wanted in asked:
        door, reader = Counted(worlds, view), Principal(view[0], PrincipalKind.USER)
        probe = made.page(door, reader, CUSTOMERS, wanted, ["*"])  # gives the key, and reads nothing
        plan = planned(wanted, SEEN)
        means = (view, plan.sql(None), wanted.form, wanted.select)
        before = kept.setdefault(probe.tag, means)

        assert before[:3] == means[:3]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 5_000)), max_size=60), st.integers(0, 40_000))
def test_what_is_kept_never_has_more_bytes_than_it_may(entries, most):
    cache = ResultCache(most)
    for number, size in entries:
        cache.put(str(number), size, size)
        assert cache.size_bytes <= most
        assert cache.get(str(number)) in (size, None)

    assert cache.size_bytes == sum(entry[1] for entry in cache._held.values())


def test_an_answer_is_kept_for_an_hour():
    now = itertools.count(0, 1801)
    cache = ResultCache(10**6, lambda: next(now))

    cache.put("x", 1, 10)

    assert [cache.get("x"), cache.get("x"), cache.get("x")] == [1, None, None]
    assert cache.size_bytes == 0


def test_a_cursor_holds_for_its_reader_question_and_day_and_no_change_of_it(worlds):
    signer, plan = Signer(lambda: [b"key"]), planned(Wanted(order="-birth"), SEEN)
    one = next(iter(worlds[0].opened(READER, [f"{CUSTOMERS}@1"]).ports.values()))
    whose = whose_view(READER, one)
    cursor = cursor_of(signer, whose, plan.asked, Place("7", 100, ["1960-01-01", "12"]))

    require_held(signer, whose, plan, 100, unread(cursor))
    refused = [
        (signer, whose, plan, 101, cursor),
        (signer, "another view", plan, 100, cursor),
        (Signer(lambda: [b"another key"]), whose, plan, 100, cursor),
        (signer, whose, planned(Wanted(order="birth"), SEEN), 100, cursor),
        *((signer, whose, plan, 100, cursor[:i] + "_" + cursor[i + 1 :]) for i in range(len(cursor) - 2)
          if cursor[i] != "_"),
    ]  # fmt: skip
    for one_signer, view, of, now, text in refused:
        with pytest.raises(UsageError, match="cursor does not hold"):
            require_held(one_signer, view, of, now, unread(text))
