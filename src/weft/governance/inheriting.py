"""What columns inherit, in a book of the mesh: `columns.inherited_level`, and the rows of `tags` that are inherited.

A book knows lineage without private models. Of a column that no edge leads to nothing is known: its level stays null.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping

from weft.governance.book import Book
from weft.governance.labels import Label
from weft.governance.propagation import Declared, Propagation
from weft.model.classification import Classification
from weft.model.lineage import EVERY, EdgeKind, LineageEdge, Transformation, table_of

_GIVING = "kind = 'direct' AND anonymised IS NULL"
_MANY = 200
"""Changed products from which on everything is computed anew: that is quicker then."""


def put_inherited(book: Book, labels: Mapping[str, Label]) -> None:
    """Writes what columns inherit; of those that the book does not have nothing is written.

    Here and below, a tag that a column has itself is not inherited once more.
    """
    for node, label in labels.items():
        _write(book, node, _unsaid(book, node, label))


def inherit(book: Book, changed: Collection[str]) -> None:
    """Computes what columns inherit, as far as it may have moved with some products.

    Args:
        changed: products whose rows were put anew or forgotten; all of them for a book that is new.
    """
    if len(changed) > _MANY:
        inherit_all(book)
    else:
        _inherit(book, changed)


def inherit_all(book: Book) -> None:
    """Computes what every column of a book inherits."""
    edges = [
        LineageEdge(source, target, EdgeKind.DIRECT, Transformation.TRANSFORMATION)
        for source, target in book.ours(f"SELECT DISTINCT source, target FROM column_lineage WHERE {_GIVING}")
    ]
    own: dict[str, tuple[int, set[str]]] = {}
    tops: dict[str, str] = {}
    top = ""
    for node, depth, level in book.ours('SELECT "column", depth, level FROM columns ORDER BY "column"'):
        top = node if not depth else top  # fields follow their column
        tops[node] = top
        own[top] = (max(level or 0, own[top][0] if top in own else 0), set())
    for node, tag in book.ours("SELECT subject, tag FROM tags WHERE inherited = 0"):
        if node in tops:
            own[tops[node]][1].add(tag)
    mesh = Propagation(edges, {n: Declared(Classification(level), tuple(tags)) for n, (level, tags) in own.items()})
    book.ours("UPDATE columns SET inherited_level = NULL")
    book.ours("DELETE FROM tags WHERE inherited = 1")
    rows: list[tuple[str, str, str, str, int]] = []
    for (node,) in book.ours("SELECT DISTINCT target FROM column_lineage"):
        label = mesh.inherited(node)
        book.ours('UPDATE columns SET inherited_level = ? WHERE "column" = ?', (int(label.level), node))
        if node in tops:
            domain, product = node.split(".", 2)[:2]
            rows += [
                (node, f"{domain}.{product}", domain, tag, 1) for tag in label.tags if tag not in own[tops[node]][1]
            ]
    book.put_rows("tags", rows)


def _inherit(book: Book, changed: Collection[str]) -> None:
    waiting: deque[str] = deque()
    for product in sorted(changed):
        waiting += _column(book, "SELECT DISTINCT target FROM column_lineage WHERE product = ?", product)
        waiting += _column(book, "SELECT DISTINCT target FROM column_lineage WHERE source_product = ?", product)
    queued = set(waiting)
    waiting = deque(dict.fromkeys(waiting))
    while waiting:
        node = waiting.popleft()
        queued.discard(node)
        label = _unsaid(book, node, _joined(_effective(book, source) for source in _column(book, _SOURCES, node)))
        if _written(book, node) == label:
            continue
        _write(book, node, label)
        for target in _column(book, _TARGETS, node) + _column(book, _TARGETS, f"{table_of(node)}.{EVERY}"):
            if target not in queued:
                queued.add(target)
                waiting.append(target)


_SOURCES = f"SELECT DISTINCT source FROM column_lineage WHERE target = ? AND {_GIVING} AND source <> target"
_TARGETS = f"SELECT DISTINCT target FROM column_lineage WHERE source = ? AND {_GIVING}"


def _column(book: Book, sql: str, key: str) -> list[str]:
    return [value for (value,) in book.ours(sql, (key,))]


def _effective(book: Book, node: str) -> Label:
    """The level and tags of a column with its fields: what is declared and what it inherits."""
    if node.endswith(f".{EVERY}"):
        table = table_of(node)
        return _joined(_effective(book, n) for n in _column(book, 'SELECT "column" FROM columns WHERE port = ?', table))
    inside = {"node": node, "begin": f"{node}.", "end": f"{node}/"}  # `/` is the sign after the dot
    ((level,),) = book.ours(
        'SELECT max(max(level, coalesce(inherited_level, 0))) FROM columns WHERE "column" = :node '
        'OR ("column" > :begin AND "column" < :end)',
        inside,
    )
    tags = book.ours("SELECT tag FROM tags WHERE subject = :node OR (subject > :begin AND subject < :end)", inside)
    return Label(Classification(level or 0), tuple(sorted({tag for (tag,) in tags})))


def _unsaid(book: Book, node: str, label: Label) -> Label:
    """The label without the tags that the column, or a field of it, has itself."""
    if not label.tags:
        return label
    own = book.ours(
        "SELECT tag FROM tags WHERE inherited = 0 AND (subject = :node OR (subject > :begin AND subject < :end))",
        {"node": node, "begin": f"{node}.", "end": f"{node}/"},
    )
    return Label(label.level, tuple(tag for tag in label.tags if (tag,) not in own))


def _written(book: Book, node: str) -> Label | None:
    """What the book has as inherited; None where nothing was written."""
    found = book.ours('SELECT inherited_level FROM columns WHERE "column" = ?', (node,))
    if not found or found[0][0] is None:
        return None
    tags = book.ours("SELECT tag FROM tags WHERE subject = ? AND inherited = 1", (node,))
    return Label(Classification(found[0][0]), tuple(sorted(tag for (tag,) in tags)))


def _write(book: Book, node: str, label: Label) -> None:
    book.ours('UPDATE columns SET inherited_level = ? WHERE "column" = ?', (int(label.level), node))
    book.ours("DELETE FROM tags WHERE subject = ? AND inherited = 1", (node,))
    for tag in label.tags:
        book.ours(
            "INSERT INTO tags (subject, product, domain, tag, inherited) "
            'SELECT "column", product, domain, ?, 1 FROM columns WHERE "column" = ?',
            (tag, node),
        )


def _joined(labels: Iterable[Label]) -> Label:
    level, tags = Classification.PUBLIC, set[str]()
    for label in labels:
        level = max(level, label.level)
        tags |= set(label.tags)
    return Label(level, tuple(sorted(tags)))
