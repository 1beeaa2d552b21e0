"""Where search looks in its index, and that it does not look where nothing can stand."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.unit.catalog.registered import Registered, flights
from weft.catalog.candidates import terms_of
from weft.catalog.index import opened
from weft.catalog.looks import _OF_COLUMNS, LOOKED_AT, Look, Within, found_by, looks
from weft.catalog.search import search


@contextmanager
def index_of(mesh: Registered) -> Iterator[sqlite3.Connection]:
    with opened(None, mesh) as connection:
        yield connection


def asked(connection: sqlite3.Connection, words: str) -> set[str]:
    """The expressions of all looks for some words."""
    return {look.expression for look in looks(connection, terms_of(connection, words), Within())}


def bookings(*columns: str, tags: tuple[str, ...] = ()) -> Registered:
    mesh = Registered()
    mesh.add_domain("sales", "Sales", "Sales", "What is sold")
    mesh.add_product("sales.bookings", "Bookings", "b")
    mesh.add_port("sales.bookings.made@1", "Made", "Made", dict.fromkeys(columns, "See there"), tags=tags)
    return mesh


def test_columns_have_words_in_no_other_fields_than_those_that_are_looked_through() -> None:
    with index_of(flights()) as connection:
        rows = connection.execute("SELECT * FROM column_word")
        fields = [name for name, *_ in rows.description]
        filled = {field for row in rows for field, text in zip(fields, row, strict=True) if text}

    assert filled - {"scope"} <= set(_OF_COLUMNS)


def test_a_beginning_is_asked_for_by_the_words_that_names_join_and_not_once_more_by_the_names() -> None:
    with index_of(bookings("customer_id", "customer_code", "customer_since")) as connection:
        short = " ".join(asked(connection, "cust"))
        longer = " ".join(asked(connection, "customerc"))

    assert '"customer"' in short
    assert "customerid" not in short
    assert '"customercode"' in longer


def test_a_word_that_stands_by_itself_is_a_beginning_although_names_join_it_as_well() -> None:
    mesh = bookings("tail_num", "tail_wind", tags=("tailnum",))
    with index_of(mesh) as connection:
        before = " ".join(asked(connection, "tai"))
        while_tagged = " ".join(asked(connection, "tail"))
        found = [h.address for h in search(mesh, None, "tailn", Within(kind="column")).results]

    assert '"tai"*' in before
    assert '"tailnum"' in while_tagged
    assert "tailwind" not in while_tagged
    assert found == ["sales.bookings.made@1.tail_num"]


def test_a_word_that_stands_by_itself_no_more_is_found_by_what_names_join(tmp_path: Path) -> None:
    mesh, index = bookings("tail_num", tags=("tailnum",)), tmp_path / "index.db"
    with opened(index, mesh) as connection:
        before = connection.execute("SELECT docs, alone FROM term WHERE term = 'tailnum'").fetchone()
    mesh.add_port("sales.bookings.made@1", "Made", "Made", {"tail_num": "See there"})
    with opened(index, mesh) as connection:
        after = connection.execute("SELECT docs, alone FROM term WHERE term = 'tailnum'").fetchone()

    # the port has it as a tag and as a column, its column as a name
    assert (before, after) == ((2, 1), (2, 0))
    (found,) = search(mesh, index, "tailn", Within(kind="column")).results
    assert found.address == "sales.bookings.made@1.tail_num"


def test_words_that_stand_nowhere_are_not_looked_for() -> None:
    with index_of(flights()) as connection:
        assert asked(connection, "zzyzx") == set()
        assert not any("zzyzx" in expression for expression in asked(connection, "planes zzyzx"))


def test_what_many_read_is_found_the_same_from_few_answers_and_from_many(tmp_path: Path) -> None:
    mesh = bookings("x1")
    for number in range(30):
        mesh.add_product(f"sales.p{number}", "P", "p")
        mesh.add_port(f"sales.p{number}.gates@1", "Gates", "Gates", {"gate_no": "Number"})
    for number in range(3):
        mesh.add_product(f"sales.reader{number}", "R", "r", reads=("sales.p7.gates@1", "sales.p20.gates@1"))

    with index_of(mesh) as connection:
        few, many = (
            found_by(connection, Look(0.0, '{name} : ("gate")', "word", most, "name", LOOKED_AT, busy=True), {})
            for most in (40, 10)
        )
        names = [connection.execute("SELECT address FROM entry WHERE id = ?", [number]).fetchone()[0] for number in few]

    assert few == many
    assert names == ["sales.p20.gates@1", "sales.p7.gates@1"]


def test_after_a_large_change_the_index_is_in_one_piece(tmp_path: Path) -> None:
    mesh, index = bookings("x1"), tmp_path / "index.db"
    for number in range(3):
        mesh.add_product(f"sales.p{number}", "P", "p")
        search(mesh, index, "p")
    with opened(index, mesh) as connection:
        before = connection.execute("SELECT count(DISTINCT segid) FROM word_idx").fetchone()
    for number in range(3, 210):
        mesh.add_product(f"sales.p{number}", "P", "p")
    with opened(index, mesh) as connection:
        after = connection.execute("SELECT count(DISTINCT segid) FROM word_idx").fetchone()

    assert before > (1,)
    assert after == (1,)
