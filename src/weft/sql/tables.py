"""What FROM gives: tables, queries and table functions, and how joins put them together."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlglot import exp

from weft.model.lineage import EVERY, Transformation
from weft.sql.expressions import decided, value
from weft.sql.flows import Flow, Output, Relation, deciding, made, merged
from weft.sql.pivots import pivoted
from weft.sql.scopes import Scope, Unreadable, Visible, distinct_names, renamed


def from_clause(node: exp.Expr, scope: Scope) -> list[Visible]:
    """The columns that the FROM of a SELECT shows (or one item of a FROM), made known in the scope."""
    if not isinstance(node, exp.Select):
        return _joined(node, scope)
    from_ = node.args.get("from_")
    visible = _joined(from_.this, scope) if from_ is not None else []
    scope.visible = visible  # what follows in the same FROM may name it
    for join in node.args.get("joins") or ():
        visible = scope.visible = _join(visible, join, scope)
    for lateral in node.args.get("laterals") or ():
        visible = scope.visible = [*visible, *_item(lateral, scope)]
    return visible


def _joined(node: exp.Expr, scope: Scope) -> list[Visible]:
    """An item of FROM with the joins that hang on it."""
    before = scope.visible
    visible = _item(node, scope)
    for join in node.args.get("joins") or ():
        scope.visible = [*before, *visible]
        visible = _join(visible, join, scope)
    scope.visible = before
    return visible


def _item(node: exp.Expr, scope: Scope) -> list[Visible]:
    name, names = _alias(node)
    pivots = node.args.get("pivots") or ()
    if isinstance(node, exp.Subquery) and not isinstance(node.this, exp.Query | exp.Values | exp.Pivot):
        inner = _joined(node.this, scope)  # tables in brackets, with their joins
        if not name and not pivots:
            return inner
        relation = Relation(tuple(v.output for v in inner if not v.folded))
    else:
        relation = _relation(node, name, scope)
    for pivot in pivots:
        relation = pivoted(distinct_names(relation), pivot, name, scope)
        other, other_names = _alias(pivot)
        name, names = other or name, other_names or names
        if other_names and pivot.args.get("unpivot"):
            # DuckDB 2.0 then drops rows by nulls in the wrong column
            relation = Relation(relation.outputs, relation.rows | deciding(relation.all, Transformation.FILTER))
    return scope.add(name, distinct_names(renamed(relation, names)))


def _relation(node: exp.Expr, name: str, scope: Scope) -> Relation:
    if isinstance(node, exp.Table):
        if isinstance(node.this, exp.Identifier):
            scope.reading.seen.add(id(node))
            return scope.table(node.name)
        scope.reading.seen.add(id(node))
        return _function(node.this, name, scope)
    if isinstance(node, exp.Lateral):
        return _relation(node.this, name, scope)
    if isinstance(node, exp.Subquery):
        return scope.reading.query(node.this, scope)  # its pivots and alias belong to FROM
    if isinstance(node, exp.Query | exp.Values | exp.Pivot):
        return scope.reading.query(node, scope)
    if isinstance(node, exp.Func):
        return _function(node, name, scope)
    raise Unreadable(type(node).__name__)


def _function(node: exp.Expr, name: str, scope: Scope) -> Relation:
    """A table function: what it is given goes into all its columns and decides how many rows it has."""
    # the name that sqlglot takes for that of the ordinality is none of what the function is given
    given = [value(one, scope) for arg, held in node.args.items() if arg != "offset" for one in _nodes(held)]
    every = made(merged(given), Transformation.TRANSFORMATION)
    rows = deciding(every, Transformation.FILTER)
    if isinstance(node, exp.GenerateSeries):
        own = "range" if node.args.get("is_end_exclusive") else "generate_series"
        return Relation((Output(name or own, every),), rows)
    if isinstance(node, exp.Unnest | exp.Explode):
        rows = deciding(merged(flow.length for flow in given), Transformation.FILTER)
        ordinal = node.args.get("offset")
        outputs = [Output("unnest" if ordinal else name or "unnest", _element(flow)) for flow in given]
        if ordinal:
            outputs.append(Output("ordinality", Flow(indirect=rows)))
        return Relation(tuple(outputs), rows)
    return Relation((Output(EVERY, every, many=True),), rows)


def _element(flow: Flow) -> Flow:
    every = made(flow, Transformation.TRANSFORMATION)
    if flow.element is None:
        return every
    return Flow(every.direct, every.indirect, flow.element.fields, flow.element.element)


def _nodes(held: object) -> list[exp.Expr]:
    every = held if isinstance(held, list) else [held]
    return [one for one in every if isinstance(one, exp.Expr) and not isinstance(one, exp.TableAlias)]


def _alias(node: exp.Expr) -> tuple[str, list[str]]:
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias):
        names = [c.name for c in alias.args.get("columns") or ()]
        last = node.args.get("offset")  # the last name of `AS t(a, b)` behind WITH ORDINALITY
        return alias.name, [*names, last.name] if isinstance(last, exp.Identifier) else names
    if isinstance(alias, exp.Identifier):
        return alias.name, []
    named = isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier)
    return (node.name if named else ""), []


def _join(left: list[Visible], join: exp.Expr, scope: Scope) -> list[Visible]:
    right = _joined(join.this, scope)
    side, kind = (join.args.get(key) or "" for key in ("side", "kind"))
    shared = [one.name.lower() for one in join.args.get("using") or ()]
    if (join.args.get("method") or "").upper() == "NATURAL":
        shared = _common(left, right)
    keys: list[Flow] = []
    folded = list(left)
    for name in shared:
        pair = [_at(left, name), _at(right, name)]
        flows = [v.output.flow for v in pair if v is not None]
        keys += flows
        for side_of, found in ((left, pair[0]), (right, pair[1])):
            # one of the columns that nobody knows is the key
            keys += [v.output.flow for v in side_of if found is None and v.output.many]
        if len(flows) == 2:
            shown = {"FULL": merged(flows), "RIGHT": flows[1]}.get(side.upper(), flows[0])
            folded = [replace(v, output=replace(v.output, flow=shown)) if v is pair[0] else v for v in folded]
    scope.rows |= deciding(merged(keys), Transformation.JOIN)
    hidden = [replace(v, folded=v.folded or v.output.name.lower() in shared) for v in right]
    scope.visible = [*folded, *hidden]
    scope.rows |= decided(scope, Transformation.JOIN, join.args.get("on"), join.args.get("match_condition"))
    return folded if kind.upper() in ("SEMI", "ANTI") else [*folded, *hidden]


def _common(left: Sequence[Visible], right: Sequence[Visible]) -> list[str]:
    if any(v.output.many for v in (*left, *right)):
        raise Unreadable("a natural join of columns that are not known")
    names = {v.output.name.lower() for v in right if not v.folded}
    return [v.output.name.lower() for v in left if not v.folded and v.output.name.lower() in names]


def _at(columns: Sequence[Visible], name: str) -> Visible | None:
    return next((v for v in columns if v.output.name.lower() == name and not v.folded), None)
