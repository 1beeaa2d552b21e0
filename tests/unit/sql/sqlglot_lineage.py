"""What sqlglot's own `lineage()` says a column is made from."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage


def sources(column: str, sql: str, columns: Mapping[str, Mapping[str, str]]) -> frozenset[tuple[str, str]] | None:
    """The columns of tables at the ends of sqlglot's walk; None where it gives no answer."""
    try:
        node = lineage(f'"{column}"', sql, schema={t: dict(c) for t, c in columns.items()}, dialect="duckdb")
    except (SqlglotError, ValueError, KeyError, AttributeError, RecursionError):
        return None
    return frozenset(found for one in node.walk() for found in _leaf(one))


def _leaf(node: Node) -> list[tuple[str, str]]:
    if node.downstream or not isinstance(node.expression, exp.Table):
        return []
    return [(node.expression.name, node.name.rpartition(".")[2].strip('"'))]
