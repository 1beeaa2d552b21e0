"""The book: a policy reads the relations of the mesh and can do nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from weft.governance.book import Book, Limits, Refused
from weft.governance.relations import BY_NAME, RELATIONS
from weft.governance.rows import Row


def row(relation: str, **cells: str | int | None) -> Row:
    assert set(cells) <= set(BY_NAME[relation].names)
    return tuple(cells.get(name) for name in BY_NAME[relation].names)


def column(address: str, **cells: str | int | None) -> Row:
    parts = address.split(".")
    return row(
        "columns", column=address, port=".".join(parts[:3]), product=".".join(parts[:2]), domain=parts[0], **cells
    )


@pytest.fixture
def book() -> Iterator[Book]:
    found = Book.in_memory()
    found.put("d.p", {"columns": [column("d.p.o@1.c", level=2), column("d.p.o@1.e", level=0, description="fine")]})
    found.put("d.q", {"columns": [column("d.q.o@1.c", level=1)]})
    yield found
    found.close()


UNDESCRIBED = "select column as subject from columns where description is null"


def test_a_check_finds_subjects_over_the_whole_mesh_and_within_one_product(book: Book) -> None:
    assert [f.subject for f in book.ask(UNDESCRIBED, {})] == ["d.p.o@1.c", "d.q.o@1.c"]
    assert [f.subject for f in book.ask(UNDESCRIBED, {}, "d.q")] == ["d.q.o@1.c"]
    assert [f.subject for f in book.ask(UNDESCRIBED, {}, "d")] == ["d.p.o@1.c", "d.q.o@1.c"]


def test_a_product_whose_name_begins_like_another_one_is_not_taken_for_it(book: Book) -> None:
    book.put("d.pp", {"columns": [column("d.pp.o@1.c")]})

    assert [f.subject for f in book.ask(UNDESCRIBED, {}, "d.p")] == ["d.p.o@1.c"]


def test_relations_may_be_written_with_the_schema_and_parameters_are_bound(book: Book) -> None:
    check = "select column as subject, level_name(level) as detail from mesh.columns where level >= :least"

    (found,) = book.ask(check, {"least": 2})

    assert (found.subject, found.detail) == ("d.p.o@1.c", "confidential")


@pytest.mark.parametrize(
    "check",
    [
        "select * from sqlite_master",
        "select name as subject from pragma_table_info('columns')",
        "select load_extension('x') as subject",
        "select 1) union select name, sql from (select * from sqlite_master",
        "select subject from nothing",
        "delete from columns",
        "attach 'x' as y",
        "pragma user_version = 7",
        "select 'a' as subject; drop table columns",
        "create table mesh.t (a)",
        "select randomblob(100000000) as subject",
        "selec column from columns",
        "select column as subject, detail from columns",
        "select column from columns",
        "select column as subject, 'x' as detail, level from columns",
        "select level as subject from columns",
        "with x as (insert into columns values (1)) select 'a' as subject",
        "select readfile('/etc/passwd') as subject",
        "",
    ],
)
def test_what_reads_writes_or_returns_anything_else_is_refused_and_nothing_moves(book: Book, check: str) -> None:
    before = [book.ours(f"SELECT * FROM {r.name}") for r in RELATIONS]

    with pytest.raises(Refused) as refused:
        book.ask(check, {})

    assert refused.value.why
    assert [book.ours(f"SELECT * FROM {r.name}") for r in RELATIONS] == before


def test_a_check_that_runs_for_ever_is_ended(book: Book) -> None:
    check = "with recursive t(n) as (select 1 union all select n + 1 from t) select 'd.p' as subject from t where n < 0"

    with pytest.raises(Refused, match=r"ended after 0\.2 s"):
        book.ask(check, {}, limits=Limits(seconds=0.2))


def test_a_check_that_returns_too_many_rows_is_refused(book: Book) -> None:
    with pytest.raises(Refused, match="more than 1 rows"):
        book.ask(UNDESCRIBED, {}, limits=Limits(rows=1))


def test_json_in_cells_can_be_taken_apart(book: Book) -> None:
    book.put(
        "d.p", {"properties": [row("properties", subject="d.p", product="d.p", domain="d", name="n", value="[1]")]}
    )

    found = book.ask(
        "select subject, value as detail from properties p, json_each(p.value) j".replace(
            "value as detail", "j.value as detail"
        ),
        {},
    )

    assert [(f.subject, f.detail) for f in found] == [("d.p", "1")]


def test_what_is_supposed_is_gone_afterwards(book: Book) -> None:
    with book.supposing():
        book.put("d.q", {"columns": [column("d.q.o@1.c", description="now it has one")]})
        inside = book.ask(UNDESCRIBED, {}, "d.q")

    assert inside == []
    assert [f.subject for f in book.ask(UNDESCRIBED, {}, "d.q")] == ["d.q.o@1.c"]


def test_a_change_that_fails_changes_nothing(book: Book) -> None:
    with pytest.raises(ZeroDivisionError), book.writing():
        book.forget("d.p")
        raise ZeroDivisionError

    assert [f.subject for f in book.ask(UNDESCRIBED, {})] == ["d.p.o@1.c", "d.q.o@1.c"]


def test_a_product_that_is_forgotten_leaves_no_row_and_its_domain_stays(book: Book) -> None:
    book.put("d", {"tags": [row("tags", subject="d", domain="d", tag="finance", inherited=0)]})

    book.forget("d.p")

    assert [f.subject for f in book.ask(UNDESCRIBED, {})] == ["d.q.o@1.c"]
    assert [f.subject for f in book.ask("select subject from tags", {})] == ["d"]


def test_a_book_tells_which_relations_a_check_reads(book: Book) -> None:
    check = "select p.port as subject from mesh.ports p where not exists (select 1 from grants g where g.port = p.port)"

    assert book.reads(check, {}) == {"ports", "grants"}
    assert book.reads(UNDESCRIBED, {}) == {"columns"}
    assert book.reads(check, {}) == {"ports", "grants"}
