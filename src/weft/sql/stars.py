"""Which columns `*`, `t.*`, `s.*` of a struct and `columns(…)` stand for."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from msgspec.structs import replace
from sqlglot import exp

from weft.model.lineage import EVERY, Transformation
from weft.sql.expressions import value
from weft.sql.flows import Flow, Output, made, merged, unresolved
from weft.sql.scopes import Scope, Unreadable, Visible


def is_star(node: exp.Expr) -> bool:
    """Whether a projection stands for several columns as they are."""
    if isinstance(node, exp.Column):
        return isinstance(node.this, exp.Star)
    return isinstance(node, exp.Star) or (isinstance(node, exp.Like | exp.SimilarTo | exp.Glob) and is_star(node.this))


def selected(node: exp.Expr, scope: Scope) -> list[Output]:
    """The columns that a star or `columns(…)` stands for, in their order.

    Where that depends on what cannot be told from the text, one that stands for any of them.
    """
    if isinstance(node, exp.Columns):
        return _columns(node.this, scope)
    if isinstance(node, exp.Star):
        return _changed(node, _all(scope), scope)
    if isinstance(node, exp.Column):
        scope.reading.seen.add(id(node))
        return _qualified(node, scope)
    return _matching(selected(node.this, scope), node, scope)  # `* like 'a%'`


def _all(scope: Scope) -> Sequence[Visible]:
    return next((s.visible for s in scope.around() if s.visible), ())


def _qualified(node: exp.Column, scope: Scope) -> list[Output]:
    owner = [part.name for part in node.parts[:-1]]
    relation = scope.source(owner[-1])
    if relation is not None:
        visible = [Visible(owner[-1].lower(), o) for o in relation.outputs]
    else:
        flow = scope.column(owner).flow
        if flow.fields is None:
            scope.reading.skip(node.this)
            return [Output(EVERY, made(flow, Transformation.TRANSFORMATION), many=True)]
        visible = [Visible("", Output(name, flow.field(name))) for name, _ in flow.fields]
    return _changed(node.this, visible, scope)


def _changed(star: exp.Expr, columns: Sequence[Visible], scope: Scope) -> list[Output]:
    """A star's columns after EXCLUDE, REPLACE, RENAME and LIKE."""
    dropped: set[tuple[str, str]] = set()
    for one in star.args.get("except_") or ():
        scope.reading.skip(one)
        table = one.args.get("table")
        dropped.add((table.name.lower() if table else "", one.name.lower()))
    replaced = {}
    for one in star.args.get("replace") or ():
        replaced[one.alias.lower()] = value(one.this, scope)
    named = {}
    for one in star.args.get("rename") or ():
        scope.reading.skip(one)
        named[one.this.name.lower()] = one.alias
    shown = {name for table, name in dropped if table}  # the other table's, which USING had folded in
    found = []
    for column in columns:
        output, name = column.output, column.output.name.lower()
        if ("", name) in dropped or (column.source, name) in dropped or (column.folded and name not in shown):
            continue
        if name in replaced:
            output = replace(output, flow=replaced[name])
        found.append(replace(output, name=named.get(name, output.name)))
    pattern = star.args.get("ilike")
    return _like(found, pattern, re.IGNORECASE) if pattern is not None else found


def _columns(choice: exp.Expr, scope: Scope) -> list[Output]:
    if isinstance(choice, exp.Star | exp.Column):
        return selected(choice, scope)
    every = [v.output for v in _all(scope) if not v.folded]
    if isinstance(choice, exp.Literal) and choice.is_string:
        return _kept(every, lambda name: re.search(choice.this, name) is not None)
    if isinstance(choice, exp.Array) and all(isinstance(n, exp.Literal) for n in choice.expressions):
        by_name = {o.name.lower(): o for o in every if not o.many}
        names = [n.this.lower() for n in choice.expressions]
        return [by_name[n] for n in names] if all(n in by_name for n in names) else _any(every)
    if isinstance(choice, exp.Lambda):
        parameter, test = choice.expressions[0].name.lower(), choice.this
        return _kept(every, lambda name: _holds(test, parameter, name))
    scope.reading.skip(choice)
    return _any(every)


def _matching(outputs: Sequence[Output], test: exp.Expr, scope: Scope) -> list[Output]:
    wanted = not test.args.get("negate")
    if isinstance(test, exp.Like) and isinstance(test.expression, exp.Literal):
        return _like(outputs, test.expression, 0, wanted=wanted)
    scope.reading.skip(test)
    return _any(outputs)


def _like(outputs: Sequence[Output], pattern: exp.Expr, flags: int, *, wanted: bool = True) -> list[Output]:
    return _kept(outputs, lambda name: _is_like(name, pattern.name, flags) is wanted)


def _kept(outputs: Sequence[Output], test: Callable[[str], bool]) -> list[Output]:
    if any(o.many for o in outputs):
        return _any(outputs)
    try:
        return [o for o in outputs if test(o.name)]
    except (re.error, Unreadable):
        return _any(outputs)


def _any(outputs: Sequence[Output]) -> list[Output]:
    return [Output(EVERY, unresolved(merged(o.flow for o in outputs)), many=True)]


def _is_like(text: str, pattern: str, flags: int) -> bool:
    parts = {"%": ".*", "_": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text, flags | re.DOTALL) is not None


def _holds(test: exp.Expr, parameter: str, name: str) -> bool:
    """What a condition on a column's name says of one, for the conditions that people write.

    Raises:
        Unreadable: it says it in another way.
    """

    def text(node: exp.Expr) -> str:
        if isinstance(node, exp.Literal) and node.is_string:
            return str(node.this)
        if isinstance(node, exp.Identifier) and node.name.lower() == parameter:
            return name
        raise Unreadable(node.sql())

    wanted = not test.args.get("negate")
    match test:
        case exp.Paren():
            return _holds(test.this, parameter, name)
        case exp.Not():
            return not _holds(test.this, parameter, name)
        case exp.And():
            return _holds(test.left, parameter, name) and _holds(test.right, parameter, name)
        case exp.Or():
            return _holds(test.left, parameter, name) or _holds(test.right, parameter, name)
        case exp.EQ():
            return text(test.left) == text(test.right)
        case exp.NEQ():
            return text(test.left) != text(test.right)
        case exp.In() if test.expressions:
            return text(test.this) in [text(n) for n in test.expressions]
        case exp.Like():
            return _is_like(text(test.this), text(test.expression), 0) is wanted
        case exp.ILike():
            return _is_like(text(test.this), text(test.expression), re.IGNORECASE) is wanted
        case exp.StartsWith():
            return text(test.this).startswith(text(test.expression))
    raise Unreadable(test.sql())


def spread(flow: Flow, name: str, *, recursive: bool) -> list[Output]:
    """The columns of `unnest(…)` in a SELECT: a struct gives one for each field, a list one of its elements."""
    if flow.fields is not None:
        return [
            one
            for field, _ in flow.fields
            for one in (
                spread(flow.field(field), field, recursive=True) if recursive else [Output(field, flow.field(field))]
            )
        ]
    if flow.element is not None:
        element = Flow(
            made(flow, Transformation.TRANSFORMATION).direct, flow.indirect, flow.element.fields, flow.element.element
        )
        if recursive:
            return spread(element, name, recursive=True)
        return [Output(name, element)]
    return [Output(name, made(flow, Transformation.TRANSFORMATION), many=True)]
