"""Where in a SQL text the expression stands that gives an output column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlglot import Token, TokenType, exp, parse_one, tokenize
from sqlglot.errors import SqlglotError

from weft.sql.lineage import called, read
from weft.sql.scopes import Unreadable

_OPENING = {TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE}
_CLOSING = {TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE}
_AFTER_SELECT = {
    TokenType.FROM,
    TokenType.WHERE,
    TokenType.GROUP_BY,
    TokenType.HAVING,
    TokenType.QUALIFY,
    TokenType.WINDOW,
    TokenType.ORDER_BY,
    TokenType.LIMIT,
    TokenType.OFFSET,
    TokenType.UNION,
    TokenType.EXCEPT,
    TokenType.INTERSECT,
    TokenType.TABLE_SAMPLE,
    TokenType.SEMICOLON,
}


def places(
    sql: str, schemas: Mapping[str, Sequence[str]], outputs: Sequence[str], *, dialect: str = "duckdb"
) -> tuple[int | None, ...]:
    """For each output column the offset of the expression that gives it; None where nobody can say.

    A column that a star gives stands where the query below it makes it: in a CTE, a subquery, or, when it comes from a
    table, at the star. Of a set operation it is the first side, which gives the name.

    Args:
        sql: one SELECT.
        schemas: column names of every table that it names.
        outputs: names of its columns in their order, as DuckDB says them.
        dialect: in whose words it is, as sqlglot names it.
    """
    try:
        tree = parse_one(sql, read=dialect)
        columns = called(read(tree, schemas), outputs)
        items = list(_items(list(tokenize(sql, read=dialect))))
    except (SqlglotError, Unreadable, RecursionError):
        return (None,) * len(outputs)
    wanted = {output.node for output in columns if output.node}
    starts = {id(node): _start(node, items) for node in tree.walk() if id(node) in wanted}
    return tuple(starts.get(output.node) for output in columns)


def _start(node: exp.Expr, items: Sequence[tuple[int, int]]) -> int | None:
    """The beginning of the item of a SELECT list that an expression is: sqlglot knows of its names and values alone."""
    known = [at for part in node.walk() if isinstance(at := part.meta.get("start"), int)]
    if not known:
        return None
    first, last = min(known), max(known)
    around = [(end - start, start) for start, end in items if start <= first and last <= end]
    return min(around)[1] if around else first


def _items(tokens: Sequence[Token]) -> Iterator[tuple[int, int]]:
    """Where each item of each SELECT list begins and ends."""
    for at, token in enumerate(tokens):
        if token.token_type is TokenType.SELECT:
            yield from _items_of_one(tokens, at + 1)


def _items_of_one(tokens: Sequence[Token], at: int) -> Iterator[tuple[int, int]]:
    at = _after_distinct(tokens, at)
    depth, begun = 0, at
    while at < len(tokens):
        kind = tokens[at].token_type
        if depth == 0 and (kind in _CLOSING or _ends(tokens, at)):
            break
        if depth == 0 and kind is TokenType.COMMA:
            yield tokens[begun].start, tokens[at - 1].end
            begun = at + 1
        depth += (kind in _OPENING) - (kind in _CLOSING)
        at += 1
    if begun < at:
        yield tokens[begun].start, tokens[at - 1].end


def _after_distinct(tokens: Sequence[Token], at: int) -> int:
    """The first token after SELECT, SELECT ALL, SELECT DISTINCT or SELECT DISTINCT ON (…)."""
    if at < len(tokens) and tokens[at].token_type is TokenType.ALL:
        return at + 1
    if at >= len(tokens) or tokens[at].token_type is not TokenType.DISTINCT:
        return at
    at += 1
    if at < len(tokens) and tokens[at].token_type is TokenType.ON:
        depth = 0
        at += 1
        while at < len(tokens):
            depth += (tokens[at].token_type in _OPENING) - (tokens[at].token_type in _CLOSING)
            at += 1
            if depth == 0:
                break
    return at


def _ends(tokens: Sequence[Token], at: int) -> bool:
    """Whether the SELECT list ends here: the FROM of `is distinct from` belongs to an expression."""
    kind = tokens[at].token_type
    if kind is TokenType.FROM and at and tokens[at - 1].token_type is TokenType.DISTINCT:
        return False
    return kind in _AFTER_SELECT
