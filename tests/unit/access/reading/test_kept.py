"""Answers that are kept: the same bytes again for the same reader under the same decision, and for nobody else."""

from __future__ import annotations

import itertools

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.access.reading.worlds import CUSTOMERS, World
from weft.access.decision import Decision
from weft.access.layers import Layer
from weft.access.opened import Opened
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import placed
from weft.access.reading.asking import Ceiling, Question, Readers
from weft.access.reading.kept import Gathering, ResultCache, hangs_on_the_moment
from weft.access.reading.pool import Pool, Rules
from weft.access.reading.wire import Cut, Ended, Form, Limits
from weft.access.rights import Right
from weft.errors import AccessDenied, UserCodeError, error
from weft.sql.allowlist import tree_digest

ADA, BEN = (Principal(name, PrincipalKind.USER) for name in ("ada", "ben"))
EVERY = f"select id, name, email, score from {CUSTOMERS} order by id limit 5"


class View:
    """A door of a world through which more or less is seen, and which counts what is written down."""

    def __init__(self, world: World, item: str = "", snapshot: str = "7", version: str = "1", note: str = "") -> None:
        self.world, self.snapshot, self.version, self.note = world, snapshot, version, note
        self.items = {**world.items, **({CUSTOMERS: item} if item else {})}
        self.condition: str | None = None
        self.beside: tuple[str, ...] = ()
        self.begun: list[str] = []
        self.ended: list[tuple[str, int]] = []
        self.allowed = True

    def opened(self, principal, names, at=None, purpose=None) -> Opened:
        """What is seen now."""
        if not self.allowed:
            raise AccessDenied(error("WFT-ACC-002", f"`{principal.name}` may not read"))
        made = self.world.opened(principal, names, at, purpose)
        layers = (Layer(Right(""), {}, self.condition),)
        ports = {
            address: replace(
                one,
                publication=replace(one.publication, snapshot_id=self.snapshot),
                relation=self.items[address.unpinned],
                decision=Decision(True, (), "", version=self.version, layers=layers),
            )
            for address, one in made.ports.items()
        }
        relations = {name: self.items[".".join(name).partition("@")[0]] for name in made.relations}
        return Opened(ports, relations, [self.note] if self.note else [], [], purpose, self.beside)

    def witnessed(self, principal, opened, sql):
        """Counts it."""
        self.begun.append(principal.name)
        return lambda how, rows, size_bytes: self.ended.append((how, rows))

    def still(self, principal, opened) -> bool:
        """Whether it may still be read."""
        return self.allowed


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"), "A", 500)


@pytest.fixture(scope="module")
def pool(tmp_path_factory):
    made = Pool(Limits(600 * 10**6, str(tmp_path_factory.mktemp("readers")), 10**8), Rules(fast=1))
    yield made
    made.close()


@pytest.fixture
def readers(pool):
    return Readers(pool, Ceiling(None, None, 60), ResultCache(64 * 2**20))


def got(readers, view, sql=EVERY, who=ADA, form=Form.NDJSON, limit=None, encoding="") -> bytes:
    return b"".join(readers.ask(view, who, Question(sql, form, limit, None, encoding), placed))


@pytest.mark.parametrize("form", list(Form))
def test_who_asks_the_same_again_gets_the_same_bytes_without_a_process(readers, world, form):
    view = View(world)
    first = got(readers, view, form=form)

    with readers.pool.lease("somebody else"):  # the only process there is
        again = readers.ask(view, ADA, Question(EVERY, form), placed)
        assert (b"".join(again), again.ended.rows, len(again.columns)) == (first, 5, 4)

    assert (readers.cache.hits, view.begun, view.ended) == (1, ["ada", "ada"], [("done", 5), ("done", 5)])


def test_what_may_not_be_read_any_more_is_refused_at_once_and_found_again_with_the_same_right(readers, world):
    view = View(world)
    first = got(readers, view)
    view.allowed = False

    with pytest.raises(AccessDenied, match="WFT-ACC-002"):
        got(readers, view)
    assert view.begun == ["ada"]

    view.allowed = True
    assert (got(readers, view), readers.cache.hits) == (first, 1)


def test_a_right_that_is_taken_away_while_a_kept_answer_is_sent_ends_it(readers, world, monkeypatch):
    monkeypatch.setattr("weft.access.reading.kept._STILL_S", 0.0)
    view = View(world)
    got(readers, view)
    again = readers.ask(view, ADA, Question(EVERY, Form.NDJSON), placed)
    view.allowed = False

    with pytest.raises(AccessDenied, match="WFT-ACC-040"):
        b"".join(again)
    assert view.ended == [("done", 5), ("revoked", 0)]


def test_a_kept_answer_that_nobody_takes_is_written_down_as_left(readers, world):
    view = View(world)
    got(readers, view)

    stopped = readers.ask(view, ADA, Question(EVERY, Form.NDJSON), placed)
    stopped.stop()
    with pytest.raises(UserCodeError, match="WFT-ENG-003"):
        b"".join(stopped)
    readers.ask(view, ADA, Question(EVERY, Form.NDJSON), placed).close()

    assert view.ended == [("done", 5), ("left", 0), ("left", 0)]


@pytest.mark.parametrize(
    "sql",
    [
        f"select now() as t from {CUSTOMERS} limit 1",
        f"select random() as r from {CUSTOMERS} limit 1",
        f"select current_date as d, id from {CUSTOMERS} limit 1",
        f"select uuid() as u from {CUSTOMERS} limit 1",
        f"select age(birth::TIMESTAMP) as a from {CUSTOMERS} limit 1",
        "select current_timestamp as t",
        f"with x as (select today() as d) select d from x, {CUSTOMERS} limit 1",
    ],
)
def test_what_is_another_thing_each_time_is_never_kept(readers, world, sql):
    view = View(world)
    for _ in range(2):
        got(readers, view, sql)

    assert (readers.cache.hits, readers.cache.size_bytes) == (0, 0)


def test_tables_of_ones_own_and_filters_by_the_clock_are_never_kept(readers, world):
    own, clock = View(world), View(world)
    own.beside = (world.orders,)
    clock.condition = "birth < current_date"
    for view in (own, clock, own, clock):
        got(readers, view)

    assert (readers.cache.hits, readers.cache.size_bytes) == (0, 0)
    assert hangs_on_the_moment("valid > NOW()") and not hangs_on_the_moment("region = 'eu' AND owner = 'ada'")


def test_what_failed_or_was_cut_by_a_bound_of_the_server_or_was_left_is_not_kept(pool, readers, world):
    view = View(world)
    bounded = Readers(pool, Ceiling(3, None, 60), ResultCache(64 * 2**20))
    got(bounded, view, form=Form.JSON)
    assert bounded.cache.size_bytes == 0

    with pytest.raises(UserCodeError):
        got(readers, view, f"select name::INTEGER as n from {CUSTOMERS}")
    left = readers.ask(view, ADA, Question(EVERY), placed)
    left.close()
    assert readers.cache.size_bytes == 0

    got(readers, view, limit=2)  # the reader has asked for so many themselves
    got(readers, view, limit=2)
    assert (readers.cache.hits, view.ended[-1]) == (1, ("cut", 2))


def test_an_answer_that_is_larger_than_its_part_is_dropped_while_it_streams():
    kept = []
    gathering = Gathering(10, lambda answer, size: kept.append((answer.parts, size)))
    for part in (b"12345", b"67890"):
        gathering.part(bytearray(part))
    gathering.end((), Ended(rows=1))
    assert kept == [((b"12345", b"67890"), 10)]

    larger = Gathering(9, lambda answer, size: kept.append((answer.parts, size)))
    for part in (b"12345", b"67890", b"1"):
        larger.part(bytearray(part))
    larger.end((), Ended(rows=1))
    assert (larger._parts, len(kept)) == (None, 1)

    for cut in (Cut.ROWS, Cut.BYTES, Cut.TIME):
        Gathering(9, lambda answer, size: kept.append(answer)).end((), Ended(cut=cut))
    assert len(kept) == 1


def test_texts_that_differ_in_blanks_and_comments_are_one_question_and_others_are_not(readers, world):
    view = View(world)
    first = got(readers, view, f"select id from {CUSTOMERS} where id+1 > 0 order by id limit 2")

    other = f"SELECT id -- the key\n FROM {CUSTOMERS} /* all */ where id  + /* one */ 1 >0 order   by id\tlimit 2;"
    assert got(readers, view, other) == first
    assert readers.cache.hits == 1
    for sql in (
        f"select id from {CUSTOMERS} order by id limit 3",
        f"select id as ID from {CUSTOMERS} order by id limit 2",
        f"select id from {CUSTOMERS} order by id desc limit 2",
        f"select id + 0 as id from {CUSTOMERS} order by id limit 2",
    ):
        got(readers, view, sql)
    assert readers.cache.hits == 1


@given(
    st.text(max_size=30), st.text(max_size=30), st.sampled_from(['"query_location":5', '\\"query_location":12,', ""])
)
def test_values_that_look_like_places_are_told_apart(one, other, planted):
    def digest(value: str) -> str:
        text = value.replace("'", "''").replace("\0", "")
        with duckdb.connect() as parser:
            (tree,) = parser.execute("select json_serialize_sql(?)", [f"select '{text}' as v"]).fetchone()
        return tree_digest(tree)

    first, second = f"{planted}{one}", f"{other}{planted}"
    same = first.replace("\0", "") == second.replace("\0", "")
    assert (digest(first) == digest(second)) == same
    assert (digest('"query_location":5') == digest('"query_location":6')) is False


def _items(world: World) -> list[str]:
    rows = f"read_parquet(['{world.customers}'])"
    return [
        world.items[CUSTOMERS],
        f"(SELECT id, name, '***' AS email, score FROM {rows} WHERE (region = 'eu'))",
        f"(SELECT id, name, sha256('salt of ada' || email) AS email, score FROM {rows} WHERE (region = 'eu'))",
        f"(SELECT id, name, sha256('salt of ben' || email) AS email, score FROM {rows} WHERE (region = 'eu'))",
        f"(SELECT id, name, email, score FROM {rows} WHERE (region = 'us'))",
        f"(SELECT id, 'x' AS name, email, score FROM {rows})",
    ]


STATES = st.tuples(
    st.sampled_from([ADA, BEN]), st.integers(0, 5), st.sampled_from(["7", "8"]), st.sampled_from(["1", "2"]),
    st.sampled_from(["", "a note"]),
)  # fmt: skip
QUERIES = st.sampled_from(
    [
        EVERY,
        f"select count(*) as n from {CUSTOMERS}",
        f"select max(email) as e, min(name) as n from {CUSTOMERS}",
        f"  select count(*)   as n from {CUSTOMERS} -- once more",
    ]
)
ASKED = st.tuples(STATES, QUERIES, st.sampled_from([Form.JSON, Form.NDJSON, Form.CSV]), st.sampled_from([None, 1]))


@settings(max_examples=25, deadline=None)
@given(st.lists(ASKED, min_size=2, max_size=25))
def test_nothing_is_ever_found_that_was_answered_under_another_decision(pool, world, asked):
    kept = Readers(pool, Ceiling(None, None, 60), ResultCache(64 * 2**20))
    bare = Readers(pool, Ceiling(None, None, 60))
    items = _items(world)
    known: set[tuple[object, ...]] = set()
    for (who, item, snapshot, version, note), sql, form, limit in asked:
        view = View(world, items[item], snapshot, version, note)
        before = kept.cache.hits
        question = (" ".join(sql.removesuffix(" -- once more").split()), form, limit)
        means = (who.name, item, snapshot, version, note, *question)

        answer = got(kept, view, sql, who, form, limit)

        assert answer == got(bare, view, sql, who, form, limit)
        assert (kept.cache.hits > before) == (means in known), "found exactly what the same reader was given before"
        assert view.begun == [who.name, who.name], "and it is written down each time"
        known.add(means)


def test_every_part_of_a_decision_alone_is_another_answer(readers, world):
    items = _items(world)
    views = [
        View(world, items[item], snapshot, version, note)
        for item, snapshot, version, note in itertools.product(range(6), "78", "12", ("", "a note"))
    ]
    for view, who in itertools.product(views, (ADA, BEN)):
        got(readers, view, who=who)

    assert readers.cache.hits == 0
