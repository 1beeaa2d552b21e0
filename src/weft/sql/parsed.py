"""sqlglot's tree of a text, parsed once for all who read it while a product is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlglot import exp

_KEPT: ContextVar[dict[tuple[str, str], exp.Expr] | None] = ContextVar("kept trees", default=None)


@contextmanager
def kept_trees() -> Iterator[None]:
    """Keeps the trees that are parsed inside, until it ends.

    Lineage and column digests read the models of a product one after the other, and parsing is a third of what both
    cost. Where only one of them reads, a tree that is kept costs a tenth more: the garbage collector walks through it.
    """
    token = _KEPT.set({})
    try:
        yield
    finally:
        _KEPT.reset(token)


def parsed(sql: str, dialect: str = "duckdb") -> exp.Expr:
    """The tree of a text; it may be shared, and nobody changes it.

    Raises:
        SqlglotError: sqlglot cannot read it.
    """
    from sqlglot import parse_one

    kept = _KEPT.get()
    if kept is None:
        return parse_one(sql, read=dialect)
    tree = kept.get((sql, dialect))
    if tree is None:
        tree = kept[sql, dialect] = parse_one(sql, read=dialect)
    return tree
