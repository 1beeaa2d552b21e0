"""A law of inheriting: following one product after another finds what looking at all of them finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.governance.test_book import column, row
from weft.governance.book import Book
from weft.governance.inheriting import inherit, inherit_all

PORTS = ("a.a.a@1", "b.b.b@1", "c.c.c@1", "d.d.d@1")


def put(
    book: Book, port: str, level: str | None, sources: list[tuple[str, str | None]], tags: tuple[str, ...] = ()
) -> None:
    """A port of one column `x`, made from the columns `x` of others."""
    product, node = ".".join(port.split(".")[:2]), f"{port}.x"
    words = {None: 1, "public": 0, "internal": 1, "confidential": 2, "restricted": 3}
    edges = [
        row(
            "column_lineage",
            target=node,
            target_port=port,
            product=product,
            domain=product.partition(".")[0],
            source=f"{source}.x",
            source_port=source,
            source_product=".".join(source.split(".")[:2]),
            kind="direct",
            transformation="identity",
            masking=0,
            anonymised=anonymised,
        )
        for source, anonymised in sources
    ]
    book.put(
        product,
        {
            "ports": [row("ports", port=port, product=product, domain=product.partition(".")[0])],
            "columns": [column(node, path="x", depth=0, classification=level, level=words[level])],
            "column_lineage": edges,
            "tags": [row("tags", subject=node, product=product, tag=tag, inherited=0) for tag in tags],
        },
    )


def found(book: Book) -> dict[str, tuple[int | None, list[str]]]:
    tags: dict[str, list[str]] = {}
    for subject, tag in book.ours("SELECT subject, tag FROM tags WHERE inherited = 1 ORDER BY tag"):
        tags.setdefault(subject, []).append(tag)
    rows = book.ours("SELECT column, port, inherited_level FROM columns ORDER BY column")
    return {port: (level, tags.get(node, [])) for node, port, level in rows}


_STEPS = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([None, "public", "internal", "confidential", "restricted"]),
        st.sets(st.integers(0, 3), max_size=2),
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


@given(_STEPS)
def test_following_one_product_after_another_finds_what_looking_at_all_of_them_finds(steps) -> None:
    one, all_ = Book.in_memory(), Book.in_memory()
    for at, level, sources, hashed in steps:
        edges = [(PORTS[s], "salted hash" if hashed else None) for s in sorted(sources) if s < at]
        tags = (f"tag{at}",) if level == "restricted" else ()
        for book in (one, all_):
            put(book, PORTS[at], level, edges, tags)
        inherit(one, [".".join(PORTS[at].split(".")[:2])])
    inherit_all(all_)

    assert found(one) == found(all_)
    one.close()
    all_.close()
