"""What a query gives: a SELECT with its FROM, joins and clauses, a set operation, VALUES, a recursive CTE."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace
from sqlglot import exp

from weft.model.lineage import EVERY, Transformation
from weft.sql.anonymising import of_enough_rows
from weft.sql.expressions import aggregated, decided, value, window_keys
from weft.sql.flows import NOTHING, Flow, Origin, Output, Relation, deciding, merged, unresolved
from weft.sql.pivots import pivoted
from weft.sql.projections import projected
from weft.sql.scopes import Scope, Unreadable, distinct_names, renamed
from weft.sql.tables import from_clause

_ROUNDS = 100


def query(node: exp.Expr, around: Scope) -> Relation:
    """The columns and rows of a query within a scope.

    Raises:
        Unreadable: it has a part that nobody here knows.
    """
    scope = around.inside()
    _ctes(node, scope)
    if isinstance(node, exp.Select):
        return _select(node, scope)
    if isinstance(node, exp.SetOperation):
        given = _set_operation(node, query(node.this, scope), query(node.expression, scope))
    elif isinstance(node, exp.Subquery | exp.Paren):
        given = query(node.this, scope)
        for pivot in node.args.get("pivots") or ():
            given = pivoted(distinct_names(given), pivot, "", scope)
    elif isinstance(node, exp.Values):
        given = _values(node, scope)
    elif isinstance(node, exp.Pivot):
        inner = scope.inside()
        source = from_clause(node.this, inner)
        given = pivoted(Relation(tuple(v.output for v in source), inner.rows), node, node.this.alias_or_name, scope)
    elif isinstance(node, exp.Table):
        inner = scope.inside()
        given = Relation(tuple(v.output for v in from_clause(node, inner)), inner.rows)
    else:
        raise Unreadable(type(node).__name__)
    return _ordered(node, given, scope)


def _ctes(node: exp.Expr, scope: Scope) -> None:
    with_ = node.args.get("with_")
    if with_ is None:
        return
    for cte in with_.expressions:
        name = cte.alias.lower()
        names = [c.name for c in cte.args["alias"].args.get("columns") or ()]
        body = cte.this
        if with_.args.get("recursive") and isinstance(body, exp.SetOperation) and _names(body, name):
            scope.ctes[name] = _recursive(body, name, names, scope)
        else:
            scope.ctes[name] = distinct_names(renamed(query(body, scope), names))


def _names(body: exp.Expr, name: str) -> bool:
    return any(table.name.lower() == name for table in body.find_all(exp.Table))


def _recursive(body: exp.SetOperation, name: str, names: Sequence[str], scope: Scope) -> Relation:
    """A recursive CTE: read again, with what it gave before, until nothing is added."""
    inner = scope.inside()
    inner.ctes[name] = Relation((Output(EVERY, Flow(), many=True),))
    given = distinct_names(renamed(query(body.this, inner), names))
    for _ in range(_ROUNDS):
        inner.ctes[name] = given
        again = distinct_names(renamed(query(body, inner), names))
        if again == given:
            return given
        given = again
    raise Unreadable(name)


def _select(select: exp.Select, scope: Scope) -> Relation:
    scope.visible = from_clause(select, scope)
    scope.enough = of_enough_rows(select.args.get("having"))
    for window in select.args.get("windows") or ():
        scope.windows[window.name.lower()] = window_keys(window, scope)
    outputs: list[Output] = []
    keys: list[Flow] = []
    group = select.args.get("group")
    by_all = isinstance(group, exp.Group) and group.args.get("all")
    for expression in select.expressions:
        columns = projected(expression, scope)
        outputs += columns
        if by_all and not aggregated(expression):
            keys += [o.flow for o in columns]
    args = select.args
    rows = scope.rows
    for clause in ("where", "having", "qualify"):
        rows |= decided(scope, Transformation.FILTER, args.get(clause))
    rows |= _grouped(group, outputs, keys, scope)
    distinct = args.get("distinct")
    if isinstance(distinct, exp.Distinct):
        on = distinct.args.get("on")
        flows = [o.flow for o in outputs]
        if isinstance(on, exp.Expr):
            flows = [_key(one, outputs, scope) for one in (on.expressions if isinstance(on, exp.Tuple) else [on])]
        rows |= deciding(merged(flows), Transformation.GROUP_BY)
    rows |= _sorted(args.get("order"), outputs, scope)
    rows |= decided(scope, Transformation.FILTER, args.get("limit"), args.get("offset"))
    return Relation(tuple(outputs), rows)


def _grouped(group: object, outputs: Sequence[Output], keys: Sequence[Flow], scope: Scope) -> frozenset[Origin]:
    if not isinstance(group, exp.Group):
        return NOTHING
    flows = list(keys)
    for held in group.args.values():
        for one in held if isinstance(held, list) else ():
            flows += _group_keys(one, outputs, scope)
    return deciding(merged(flows), Transformation.GROUP_BY)


def _group_keys(node: exp.Expr, outputs: Sequence[Output], scope: Scope) -> list[Flow]:
    """The keys in GROUP BY, ROLLUP, CUBE and GROUPING SETS: a column comes before an alias."""
    if isinstance(node, exp.Rollup | exp.Cube | exp.GroupingSets | exp.Tuple | exp.Paren):
        inside = node.expressions or ([node.this] if isinstance(node, exp.Paren) else [])
        return [flow for one in inside for flow in _group_keys(one, outputs, scope)]
    return [_numbered(node, outputs) or value(node, scope)]


def _sorted(order: object, outputs: Sequence[Output], scope: Scope) -> frozenset[Origin]:
    if not isinstance(order, exp.Order):
        return NOTHING
    flows: list[Flow] = []
    for one in order.expressions:
        key = one.this if isinstance(one, exp.Ordered) else one
        if isinstance(key, exp.Var) and key.name.upper() == "ALL":
            flows += [o.flow for o in outputs]
        else:
            flows.append(_key(key, outputs, scope))
    return deciding(merged(flows), Transformation.SORT)


def _key(node: exp.Expr, outputs: Sequence[Output], scope: Scope) -> Flow:
    """A key of ORDER BY or DISTINCT ON: a number or an alias alone is an output column."""
    numbered = _numbered(node, outputs)
    if numbered is not None:
        return numbered
    if isinstance(node, exp.Column) and not node.table:
        alias = scope.aliases.get(node.name.lower())
        if alias is not None:
            scope.reading.seen.add(id(node))
            return alias
    return value(node, scope)


def _numbered(node: exp.Expr, outputs: Sequence[Output]) -> Flow | None:
    if not isinstance(node, exp.Literal) or node.is_string:
        return None
    if any(o.many for o in outputs):
        return unresolved(merged(o.flow for o in outputs))
    at = int(node.name) - 1 if node.name.isdigit() else -1
    return outputs[at].flow if 0 <= at < len(outputs) else None


def _ordered(node: exp.Expr, given: Relation, scope: Scope) -> Relation:
    """ORDER BY and LIMIT of a set operation or of a query in brackets: they name its columns."""
    inner = scope.inside()
    inner.visible = inner.add("", given)
    rows = given.rows | _sorted(node.args.get("order"), given.outputs, inner)
    rows |= decided(inner, Transformation.FILTER, node.args.get("limit"), node.args.get("offset"))
    return Relation(given.outputs, rows)


def _set_operation(node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
    rows = left.rows | right.rows
    if isinstance(node, exp.Except | exp.Intersect):
        # the right side's values are compared and never flow
        return Relation(left.outputs, rows | deciding(merged([left.all, right.all]), Transformation.FILTER))
    if any(o.many for o in (*left.outputs, *right.outputs)):
        every = unresolved(merged([left.all, right.all]))
        outputs = [*(Output(o.name, every) for o in left.outputs if not o.many), Output(EVERY, every, many=True)]
    elif node.args.get("by_name"):
        outputs = [replace(o, flow=_both(o.flow, right.find(o.name))) for o in left.outputs]
        outputs += [o for o in right.outputs if left.find(o.name) is None]
    else:
        if len(left.outputs) != len(right.outputs):
            raise Unreadable("sides of a different width")
        pairs = zip(left.outputs, right.outputs, strict=True)
        outputs = [replace(one, flow=merged([one.flow, other.flow])) for one, other in pairs]
    if node.args.get("distinct"):
        rows |= deciding(merged(o.flow for o in outputs), Transformation.GROUP_BY)
    return Relation(tuple(outputs), rows)


def _both(flow: Flow, other: Output | None) -> Flow:
    return flow if other is None else merged([flow, other.flow])


def _values(values: exp.Values, scope: Scope) -> Relation:
    rows = [list(row.expressions) if isinstance(row, exp.Tuple) else [row] for row in values.expressions]
    width = max((len(row) for row in rows), default=0)
    flows = [merged(value(row[i], scope) for row in rows if i < len(row)) for i in range(width)]
    return Relation(tuple(Output(f"col{i}", flow) for i, flow in enumerate(flows)))
