"""What columns inherit, in a book of the mesh: after each change the same as computed anew."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weft.governance.book import Book
from weft.governance.inheriting import inherit, inherit_all, put_inherited
from weft.governance.labels import Label
from weft.governance.rows import PortFacts, product_rows
from weft.model.address import Address, ProductAddress
from weft.model.classification import Classification
from weft.model.lineage import Anonymisation, EdgeKind, LineageEdge, Transformation
from weft.model.records import ProductRecord

Held = dict[str, tuple[int | None, tuple[str, ...]]]


def record(address: ProductAddress) -> ProductRecord:
    return ProductRecord(address, address.product, "active", None, (), "mesh", (), {})


def put(book: Book, product: str, properties: list[dict[str, object]], edges: list[LineageEdge]) -> None:
    address = ProductAddress(*product.split("."))
    data = {"id": product, "version": "1.0.0", "schema": [{"name": "t", "properties": properties}]}
    port = PortFacts(Address(address.domain, address.product, "t", 1), "active", "1.0.0", data)
    book.put(product, product_rows(None, record(address), [port], edges))


def edge(source: str, target: str, how: Anonymisation = Anonymisation.NONE) -> LineageEdge:
    return LineageEdge(source, target, EdgeKind.DIRECT, Transformation.IDENTITY, False, how)


def held(book: Book) -> Held:
    tags: dict[str, list[str]] = {}
    for node, tag in book.ours("SELECT subject, tag FROM tags WHERE inherited = 1 ORDER BY tag"):
        tags.setdefault(node, []).append(tag)
    columns = book.ours('SELECT "column", inherited_level FROM columns')
    return {node: (level, tuple(tags.get(node, ()))) for node, level in columns}


EMAIL = {"name": "x", "classification": "confidential", "tags": ["pii.email"]}


def test_a_book_knows_what_columns_inherit_and_of_which_nothing_is_known() -> None:
    book = Book.in_memory()
    put(book, "a.one", [EMAIL, {"name": "y"}], [])
    put(book, "a.two", [{"name": "x"}, {"name": "y"}], [edge("a.one.t@1.x", "a.two.t@1.x")])

    inherit(book, ["a.one", "a.two"])

    assert held(book) == {
        "a.one.t@1.x": (None, ()),
        "a.one.t@1.y": (None, ()),
        "a.two.t@1.x": (2, ("pii.email",)),
        "a.two.t@1.y": (None, ()),
    }


def test_a_tag_that_a_column_has_itself_is_not_inherited_once_more() -> None:
    book = Book.in_memory()
    put(book, "a.one", [{**EMAIL, "tags": ["pii.email", "key"]}], [])
    put(book, "a.two", [{"name": "x", "tags": ["key"]}], [edge("a.one.t@1.x", "a.two.t@1.x")])

    inherit(book, ["a.one", "a.two"])
    assert held(book)["a.two.t@1.x"] == (2, ("pii.email",))
    inherit_all(book)
    assert held(book)["a.two.t@1.x"] == (2, ("pii.email",))
    put_inherited(book, {"a.two.t@1.x": Label(Classification.RESTRICTED, ("key", "new"))})

    assert held(book)["a.two.t@1.x"] == (3, ("new",))
    assert book.ours("SELECT tag, inherited FROM tags WHERE subject = 'a.two.t@1.x' ORDER BY tag") == [
        ("key", 0),
        ("new", 1),
    ]


def test_a_product_that_changes_or_goes_moves_those_behind_it() -> None:
    book = Book.in_memory()
    put(book, "a.one", [{"name": "x"}], [])
    put(book, "a.two", [{"name": "x"}], [edge("a.one.t@1.x", "a.two.t@1.x")])
    put(book, "a.six", [{"name": "x"}], [edge("a.two.t@1.x", "a.six.t@1.x")])
    inherit(book, ["a.one", "a.two", "a.six"])
    assert held(book)["a.six.t@1.x"] == (1, ())

    put(book, "a.one", [EMAIL], [])
    inherit(book, ["a.one"])
    assert held(book)["a.six.t@1.x"] == (2, ("pii.email",))

    put(book, "a.two", [{"name": "x"}], [edge("a.one.t@1.x", "a.two.t@1.x", Anonymisation.SALTED_HASH)])
    inherit(book, ["a.two"])
    assert held(book)["a.two.t@1.x"] == (0, ())
    assert held(book)["a.six.t@1.x"] == (1, ())

    put(book, "a.two", [{"name": "x"}], [edge("a.one.t@1.x", "a.two.t@1.x")])
    book.forget("a.one")
    inherit(book, ["a.one", "a.two"])
    assert held(book)["a.six.t@1.x"] == (1, ())


def test_a_nested_field_gives_its_level_to_what_is_made_from_its_column() -> None:
    book = Book.in_memory()
    put(book, "a.one", [{"name": "x", "classification": "public", "properties": [EMAIL]}, {"name": "xy"}], [])
    put(book, "a.two", [{"name": "x"}], [edge("a.one.t@1.x", "a.two.t@1.x")])

    inherit(book, ["a.one", "a.two"])
    by_steps = held(book)
    inherit_all(book)

    assert by_steps["a.two.t@1.x"] == (2, ("pii.email",))
    assert held(book) == by_steps


def test_a_declared_anonymisation_stands_in_the_book_and_ends_the_way() -> None:
    said = {"method": "tokens", "reason": "the vault", "approvedBy": "ada"}
    custom = {"customProperties": [{"property": "weft.anonymised", "value": said}]}
    book = Book.in_memory()
    put(book, "a.one", [EMAIL], [])
    put(book, "a.two", [{"name": "x", **custom}], [edge("a.one.t@1.x", "a.two.t@1.x")])

    inherit(book, ["a.one", "a.two"])

    assert held(book)["a.two.t@1.x"] == (0, ())
    assert book.ours("SELECT anonymised FROM column_lineage") == [("tokens, as its contract declares: the vault",)]


PRODUCTS = [f"a.p{number}" for number in range(5)]
columns = st.fixed_dictionaries(
    {
        name: st.tuples(
            st.sampled_from([None, "public", "internal", "confidential", "restricted"]),
            st.lists(st.sampled_from(["t", "u"]), max_size=2, unique=True),
        )
        for name in "xy"
    }
)
sources = st.lists(
    st.tuples(st.sampled_from("xy"), st.integers(0, 4), st.sampled_from("xy"), st.sampled_from(Anonymisation)),
    max_size=4,
)


@given(st.lists(st.tuples(st.integers(0, 4), columns, sources), min_size=1, max_size=10))
def test_step_by_step_a_book_has_what_it_has_computed_anew(
    changes: list[tuple[int, dict[str, tuple[str | None, list[str]]], list[tuple[str, int, str, Anonymisation]]]],
) -> None:
    book = Book.in_memory()
    for number, declared, read in changes:
        properties = [
            {"name": name, "tags": tags, **({"classification": level} if level else {})}
            for name, (level, tags) in declared.items()
        ]
        edges = [
            edge(f"{PRODUCTS[source]}.t@1.{column}", f"{PRODUCTS[number]}.t@1.{target}", how)
            for target, source, column, how in read
            if source < number  # a product reads earlier ones
        ]
        put(book, PRODUCTS[number], properties, list(dict.fromkeys(edges)))

        inherit(book, [PRODUCTS[number]])

        by_steps = held(book)
        inherit_all(book)
        assert held(book) == by_steps
