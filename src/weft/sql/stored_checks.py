"""Conditions as PostgreSQL keeps them, in the words in which they were written."""

from __future__ import annotations

from sqlglot import exp

_TEXTS = (exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR)
_NUMBERS = exp.DataType.NUMERIC_TYPES


def as_written(condition: exp.Expr) -> exp.Expr:
    """A condition without the types that the server has added to what it keeps.

    It writes moments with a blank between day and time, `-5` as `'-5'::integer`, and `kind IN ('a', 'b')` as
    `kind::text = ANY (ARRAY['a'::character varying, …]::text[])`.
    """
    root = condition
    for node in reversed(list(condition.walk(bfs=True))):
        plain = _plain(node)
        if plain is node:
            continue
        if node is root:
            root = plain
        else:
            node.replace(plain)
    return root


def _plain(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Cast):
        inner, kind = node.this.unnest(), node.to.this
        if isinstance(inner, exp.Literal) and kind in _NUMBERS:
            return exp.Literal.number(inner.this)
        if isinstance(inner, exp.Literal) and kind in exp.DataType.TEMPORAL_TYPES:
            return exp.Literal.string(_moment(str(inner.this)))
        if isinstance(inner, exp.Array) or (isinstance(inner, exp.Literal) and kind in _TEXTS):
            return inner
        if isinstance(inner, exp.Column) and kind in _TEXTS:
            return inner
    if isinstance(node, exp.Paren) and isinstance(node.this, exp.Mod):
        return node.this
    if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Any):
        listed = node.expression.this.unnest()
        if isinstance(listed, exp.Array):
            return exp.In(this=node.this, expressions=listed.expressions)
    return node


def _moment(text: str) -> str:
    """A moment as ISO 8601 has it.

    >>> _moment("2020-01-01 00:00:00+00"), _moment("2020-01-01"), _moment("08:00:00")
    ('2020-01-01T00:00:00Z', '2020-01-01', '08:00:00')
    """
    day, blank, clock = text.partition(" ")
    return f"{day}T{clock.removesuffix('+00')}{'Z' if clock.endswith('+00') else ''}" if blank else text
