"""The flow of an expression: which columns go into its value, and which decide it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from weft.model.lineage import Anonymisation, Transformation
from weft.sql.anonymising import anonymisation, counts_columns, of_enough_rows, summarises
from weft.sql.flows import CONSTANT, NOTHING, Flow, Origin, Output, anonymous, deciding, made, masked, merged
from weft.sql.masking import masks
from weft.sql.scopes import Scope, Unreadable

_SAYING: tuple[type[exp.Expr], ...] = (exp.Func, exp.IntDiv, exp.Is)
"""The kinds of nodes that may sum up, mask or generalise: most are none of them, and need not be asked which."""

# Aggregate functions of DuckDB that sqlglot does not know to be such.
AGGREGATES = frozenset(
    {
        "arbitrary",
        "arg_max_null",
        "arg_max_nulls_last",
        "arg_min_null",
        "arg_min_nulls_last",
        "bitstring_agg",
        "combine_aggr",
        "count_star",
        "decimal_average",
        "entropy",
        "favg",
        "fsum",
        "histogram",
        "histogram_exact",
        "kahan_sum",
        "kurtosis_pop",
        "lttb",
        "mad",
        "mean",
        "product",
        "reservoir_quantile",
        "sem",
        "sum_no_overflow",
        "sumkahan",
        "variant_group_object",
    }
)


def value(node: exp.Expr, scope: Scope) -> Flow:
    """The flow of an expression's value."""
    rule = _RULES.get(type(node))
    if rule is not None:
        return rule(node, scope)
    if isinstance(node, exp.Query | exp.Values):
        return nested(node, scope)
    flow = merged([value(child, scope) for child in children(node)])
    if not isinstance(node, _SAYING):
        return made(flow, Transformation.TRANSFORMATION)
    flow = made(flow, Transformation.AGGREGATION if aggregates(node) else Transformation.TRANSFORMATION)
    if scope.enough and summarises(node):
        return anonymous(flow, Anonymisation.AGGREGATION)
    flow = anonymous(flow, anonymisation(node))
    return masked(flow) if masks(node) else flow


def column(node: exp.Column, scope: Scope) -> Output:
    """The name and flow of a column that is named."""
    scope.reading.seen.add(id(node))
    return scope.column([part.name for part in node.parts])


def nested(query: exp.Expr, scope: Scope) -> Flow:
    """A query as a value: its columns flow, what decides its rows decides the value."""
    given = scope.reading.query(query, scope)
    every = given.all
    if len(given.outputs) == 1:
        every = Flow(made(every, Transformation.TRANSFORMATION).direct, every.indirect, every.fields, every.element)
    else:
        every = made(every, Transformation.TRANSFORMATION)
    return Flow(every.direct, every.indirect | given.rows, every.fields, every.element)


def aggregates(node: exp.Expr) -> bool:
    """Whether the node is a call of an aggregate function; the row before or after is one row's value as it is."""
    if isinstance(node, exp.Lag | exp.Lead):
        return False
    return isinstance(node, exp.AggFunc) or (isinstance(node, exp.Anonymous) and node.name.lower() in AGGREGATES)


def aggregated(node: exp.Expr) -> bool:
    """Whether an expression contains an aggregate, queries in it apart."""
    if isinstance(node, exp.Query):
        return False
    return aggregates(node) or any(aggregated(child) for child in children(node))


def children(node: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes directly below a node."""
    return node.iter_expressions()


def decided(scope: Scope, role: Transformation, *nodes: object) -> frozenset[Origin]:
    """What the nodes decide, in that role; what is no expression decides nothing."""
    found = NOTHING
    for node in nodes:
        for one in node if isinstance(node, list) else (node,):
            if isinstance(one, exp.Expr):
                found |= deciding(value(one, scope), role)
    return found


def window_keys(window: exp.Expr, scope: Scope) -> frozenset[Origin]:
    """What a window's keys, order and bounds are made from."""
    keys = decided(
        scope,
        Transformation.WINDOW,
        window.args.get("partition_by"),
        window.args.get("order"),
        window.args.get("spec"),
    )
    base = window.args.get("alias")
    return keys | scope.window(base.name) if isinstance(base, exp.Expr) else keys


def _column(node: exp.Expr, scope: Scope) -> Flow:
    if isinstance(node.this, exp.Star):
        return _every(node, scope)
    assert isinstance(node, exp.Column)
    return column(node, scope).flow


def _every(node: exp.Expr, scope: Scope) -> Flow:
    """`*`, `t.*` or `columns(…)` inside an expression: the column picked, or all of them."""
    for at in scope.around():
        if id(node) in at.picked:
            return at.picked[id(node)]
    return merged(o.flow for o in scope.reading.selected(node, scope))


def _count(node: exp.Expr, scope: Scope) -> Flow:
    if isinstance(node.this, exp.Star):
        scope.reading.skip(node)
        return CONSTANT
    flow = made(merged(value(child, scope) for child in children(node)), Transformation.AGGREGATION)
    return masked(anonymous(flow, Anonymisation.COUNT) if counts_columns(node) else flow)


def _same(node: exp.Expr, scope: Scope) -> Flow:
    return value(node.this, scope)


def _case(node: exp.Expr, scope: Scope) -> Flow:
    conditions = decided(scope, Transformation.CONDITIONAL, node.this)
    results = [value(n, scope) for n in (*node.args.get("ifs", ()), node.args.get("default")) if n is not None]
    return _chosen(results, conditions)


def _if(node: exp.Expr, scope: Scope) -> Flow:
    conditions = decided(scope, Transformation.CONDITIONAL, node.this)
    before, scope.enough = scope.enough, scope.enough or of_enough_rows(node.this)
    results = [value(n, scope) for n in (node.args.get("true"),) if n is not None]
    scope.enough = before
    results += [value(n, scope) for n in (node.args.get("false"),) if n is not None]
    return _chosen(results, conditions)


def _chosen(results: list[Flow], conditions: frozenset[Origin]) -> Flow:
    flow = merged(results)
    how = made(flow, Transformation.TRANSFORMATION)
    return Flow(how.direct, how.indirect | conditions, flow.fields, flow.element)


def _exists(node: exp.Expr, scope: Scope) -> Flow:
    """Whether there are rows: their columns do not matter."""
    rows = scope.reading.query(node.this, scope).rows
    return Flow(indirect=deciding(Flow(indirect=rows), Transformation.CONDITIONAL))


def _filter(node: exp.Expr, scope: Scope) -> Flow:
    return _with(_of_some_rows(node.this, scope), decided(scope, Transformation.FILTER, node.expression))


def _window(node: exp.Expr, scope: Scope) -> Flow:
    return _with(_of_some_rows(node.this, scope), window_keys(node, scope))


def _of_some_rows(node: exp.Expr, scope: Scope) -> Flow:
    """The value of an aggregate over other rows than those of its group: how many these are is not known."""
    before, scope.enough = scope.enough, False
    flow = value(node, scope)
    scope.enough = before
    return flow


def _within_group(node: exp.Expr, scope: Scope) -> Flow:
    ordered = merged(value(one.this, scope) for one in node.expression.expressions)
    flow = merged([value(node.this, scope), ordered])
    return made(flow, Transformation.AGGREGATION)


def _order(node: exp.Expr, scope: Scope) -> Flow:
    keys = decided(scope, Transformation.SORT, node.expressions)
    if node.this is None:
        return Flow(indirect=keys)
    return _with(value(node.this, scope), keys)


def _with(flow: Flow, deciding_too: frozenset[Origin]) -> Flow:
    return Flow(flow.direct, flow.indirect | deciding_too, flow.fields, flow.element)


def _lambda(node: exp.Expr, scope: Scope) -> Flow:
    names = frozenset(parameter.name.lower() for parameter in node.expressions)
    return made(value(node.this, scope.inside(parameters=names)), Transformation.TRANSFORMATION)


def _comprehension(node: exp.Expr, scope: Scope) -> Flow:
    given = value(node.args["iterator"], scope)
    names = [node.expression.name.lower()]
    if isinstance(position := node.args.get("position"), exp.Expr):
        names.append(position.name.lower())
    inner = scope.inside(parameters=frozenset(names))
    flow = merged([made(given, Transformation.TRANSFORMATION), value(node.this, inner)])
    conditions = decided(inner, Transformation.FILTER, node.args.get("condition"))
    return _with(made(flow, Transformation.TRANSFORMATION), conditions)


def _struct(node: exp.Expr, scope: Scope) -> Flow:
    fields: list[tuple[str, Flow]] = []
    rest: list[Flow] = []
    for one in node.expressions:
        if isinstance(one, exp.PropertyEQ):
            fields.append((one.this.name, value(one.expression, scope)))
        else:
            rest.append(value(one, scope))
    every = made(merged([*(flow for _, flow in fields), *rest]), Transformation.TRANSFORMATION)
    return Flow(every.direct, every.indirect, None if rest else tuple(fields))


def _map(node: exp.Expr, scope: Scope) -> Flow:
    """`MAP {key: value}`, whose keys are expressions; sqlglot reads `MAP {…}[key]` as the map of a field."""
    inner = node.this
    index = inner.expressions if isinstance(inner, exp.Bracket) else []
    struct = inner.this if isinstance(inner, exp.Bracket) else inner
    if not isinstance(struct, exp.Struct):
        return made(value(inner, scope), Transformation.TRANSFORMATION)
    pairs = [part for one in struct.expressions for part in children(one)]
    return made(merged(value(part, scope) for part in (*pairs, *index)), Transformation.TRANSFORMATION)


def _named(node: exp.Expr, scope: Scope) -> Flow:
    """`name := value`."""
    scope.reading.skip(node.this)
    return value(node.expression, scope)


def _array(node: exp.Expr, scope: Scope) -> Flow:
    element = merged(value(one, scope) for one in node.expressions)
    every = made(element, Transformation.TRANSFORMATION)
    return Flow(every.direct, every.indirect, None, element)


def _dot(node: exp.Expr, scope: Scope) -> Flow:
    """A field of a struct, or a function called as a method: `x.upper()`."""
    owner = node.this
    if isinstance(owner, exp.Identifier):
        known = scope.knows(owner.name)
        calls = isinstance(node.expression, exp.Func)
        # what is called so by nobody is the schema of the function
        flow = CONSTANT if calls and not known else scope.column([owner.name]).flow
    else:
        flow = value(owner, scope)
    if isinstance(node.expression, exp.Identifier):
        return flow.field(node.expression.name)
    return made(merged([flow, value(node.expression, scope)]), Transformation.TRANSFORMATION)


def _bracket(node: exp.Expr, scope: Scope) -> Flow:
    flow = value(node.this, scope)
    keys = [value(one, scope) for one in node.expressions]
    only = node.expressions[0] if len(node.expressions) == 1 else None
    if isinstance(only, exp.Literal) and only.is_string and flow.fields is not None:
        return flow.field(only.this)
    every = made(merged([flow, *keys]), Transformation.TRANSFORMATION)
    if flow.element is not None and not isinstance(only, exp.Slice):
        return Flow(every.direct, every.indirect, flow.element.fields, flow.element.element)
    return every


def _extracted(node: exp.Expr, scope: Scope) -> Flow:
    """`struct_extract(s, 'p')`."""
    flow = value(node.this, scope)
    key = node.args["expression"]
    if isinstance(key, exp.Literal | exp.Identifier):
        return flow.field(key.name)
    return made(merged([flow, value(key, scope)]), Transformation.TRANSFORMATION)


def _position(node: exp.Expr, scope: Scope) -> Flow:
    return position(node, scope).flow


def position(node: exp.Expr, scope: Scope) -> Output:
    """The column of FROM that `#2` stands for."""
    outputs = scope.outputs()
    at = int(node.this.name) - 1
    if not 0 <= at < len(outputs) or any(o.many for o in outputs[: at + 1]):
        raise Unreadable(f"#{at + 1}")
    return outputs[at]


_RULES: dict[type[exp.Expr], Callable[[exp.Expr, Scope], Flow]] = {
    exp.Alias: _same,
    exp.Array: _array,
    exp.Bracket: _bracket,
    exp.Case: _case,
    exp.Column: _column,
    exp.Columns: _every,
    exp.Comprehension: _comprehension,
    exp.Count: _count,
    exp.Dot: _dot,
    exp.Exists: _exists,
    exp.Filter: _filter,
    exp.If: _if,
    exp.Kwarg: _named,
    exp.Lambda: _lambda,
    exp.Literal: lambda node, scope: CONSTANT,
    exp.Order: _order,
    exp.Ordered: _same,
    exp.Paren: _same,
    exp.PositionalColumn: _position,
    exp.PropertyEQ: _named,
    exp.Star: _every,
    exp.Struct: _struct,
    exp.ToMap: _map,
    exp.StructExtract: _extracted,
    exp.Window: _window,
    exp.WithinGroup: _within_group,
}
