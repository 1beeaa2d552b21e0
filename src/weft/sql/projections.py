"""The output columns of a SELECT list, in DuckDB's order and under DuckDB's names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec.structs import replace
from sqlglot import exp

from weft.model.lineage import Transformation
from weft.sql.expressions import children, column, position, value
from weft.sql.flows import NOTHING, Origin, Output, deciding, merged
from weft.sql.scopes import Scope
from weft.sql.stars import is_star, selected, spread

_OPERATORS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.IntDiv: "//",
    exp.Mod: "%",
    exp.DPipe: "||",
    exp.EQ: "=",
    exp.NEQ: "!=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.And: "AND",
    exp.Or: "OR",
}


def projected(expression: exp.Expr, scope: Scope) -> Sequence[Output]:
    """The columns that one item of a SELECT list gives; its alias is known to what comes after it.

    What decides how many rows it gives is noted in the scope.
    """
    alias = expression.alias if isinstance(expression, exp.Alias) else ""
    node = expression.this if alias else expression
    while isinstance(node, exp.Paren):
        node = node.this
    place = id(expression)
    # what a star takes from a query below it keeps the place there
    outputs = [o if o.node else replace(o, node=place) for o in _outputs(node, alias, scope)]
    if alias:
        scope.aliases.setdefault(alias.lower(), merged(o.flow for o in outputs))
    return outputs


def _outputs(node: exp.Expr, alias: str, scope: Scope) -> Sequence[Output]:
    if is_star(node):
        return selected(node, scope)
    if not scope.reading.spreads or node.find(exp.Columns, exp.Explode) is None:
        return [_one(node, alias, scope)]
    choices = [c for c in _choices(node) if not c.args.get("unpack")]
    if choices:
        return _for_each(node, choices, alias, scope)
    if isinstance(node, exp.Explode):
        return _unnested(node, alias, scope)
    scope.rows |= _multiplied(node, scope)
    return [Output(alias or duckdb_name(node), value(node, scope), guessed=not alias)]


def _one(node: exp.Expr, alias: str, scope: Scope) -> Output:
    if isinstance(node, exp.Column | exp.PositionalColumn):
        found = column(node, scope) if isinstance(node, exp.Column) else position(node, scope)
        return Output(alias or found.name, found.flow)
    return Output(alias or duckdb_name(node), value(node, scope), guessed=not alias)


def _choices(node: exp.Expr) -> Iterator[exp.Expr]:
    if isinstance(node, exp.Columns):
        yield node
    elif not isinstance(node, exp.Query):
        for child in children(node):
            yield from _choices(child)


def _for_each(node: exp.Expr, choices: Sequence[exp.Expr], alias: str, scope: Scope) -> Sequence[Output]:
    """`max(columns(…))`: the expression once for each column, under its name."""
    columns = [selected(choice, scope) for choice in choices]
    found = []
    for picked in zip(*columns, strict=False):
        scope.picked = {id(choice): one.flow for choice, one in zip(choices, picked, strict=True)}
        first = picked[0]
        name = _numbered(alias, choices[0], first.name) if alias else first.name
        found.append(Output(name, value(node, scope), first.many))
    scope.picked = {}
    return found


def _numbered(alias: str, choice: exp.Expr, name: str) -> str:
    r"""An alias with `\1` for the first group that the pattern of `columns('…')` found in a name."""
    if "\\" not in alias or not isinstance(choice.this, exp.Literal):
        return alias
    try:
        match = re.search(choice.this.this, name)
        return match.expand(alias.replace(r"\0", r"\g<0>")) if match else alias
    except re.error:
        return alias


def _unnested(node: exp.Explode, alias: str, scope: Scope) -> Sequence[Output]:
    options = {one.this.name.lower() for one in node.expressions if isinstance(one, exp.PropertyEQ)}
    for one in node.expressions:
        scope.reading.skip(one)
    flow = value(node.this, scope)
    recursive = bool(options & {"recursive", "max_depth"})
    if flow.fields is None or recursive:  # how long a list is decides how many rows there are
        scope.rows |= deciding(flow if recursive else flow.length, Transformation.FILTER)
    return spread(flow, alias or duckdb_name(node), recursive=recursive)


def _multiplied(node: exp.Expr, scope: Scope) -> frozenset[Origin]:
    """What decides the number of rows in an expression with `unnest(…)` somewhere in it."""
    if isinstance(node, exp.Query):
        return NOTHING
    if isinstance(node, exp.Explode):
        return deciding(value(node.this, scope).length, Transformation.FILTER)
    return NOTHING.union(*(_multiplied(child, scope) for child in children(node)))


def duckdb_name(node: exp.Expr) -> str:
    """What DuckDB calls the column of an expression without alias, for the expressions that are simple to write."""
    if isinstance(node, exp.Count) and isinstance(node.this, exp.Star):
        return "count_star()"
    operator = _OPERATORS.get(type(node))
    if operator is not None:
        return f"({_text(node.args['this'])} {operator} {_text(node.args['expression'])})"
    return _text(node)


def _text(node: exp.Expr) -> str:
    while isinstance(node, exp.Paren):
        node = node.this
    if type(node) in _OPERATORS:
        return duckdb_name(node)
    if isinstance(node, exp.Explode):
        return f"unnest({_text(node.this)})"
    return str(node.sql(dialect="duckdb", normalize_functions="lower"))
