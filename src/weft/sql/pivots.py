"""What PIVOT and UNPIVOT make of a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from sqlglot import exp

from weft.model.lineage import EVERY, Transformation
from weft.sql.expressions import decided, value
from weft.sql.flows import NOTHING, Flow, Output, Relation, deciding, made, merged, unresolved
from weft.sql.projections import duckdb_name
from weft.sql.scopes import Scope
from weft.sql.stars import is_star, selected


def pivoted(relation: Relation, pivot: exp.Expr, name: str, scope: Scope) -> Relation:
    """The table after a PIVOT or UNPIVOT, as a clause of FROM or as a statement.

    Args:
        relation: the table before it.
        pivot: the clause or statement.
        name: what the table is called.
        scope: the scope around it.
    """
    inner = scope.inside()
    inner.visible = inner.add(name, relation)
    if pivot.args.get("unpivot"):
        return _unpivot(relation, pivot, inner)
    return _pivot(relation, pivot, inner)


def _pivot(relation: Relation, pivot: exp.Expr, scope: Scope) -> Relation:
    statement = pivot.this is not None
    fields = pivot.expressions if statement else pivot.args.get("fields") or []
    aggregates = (pivot.args.get("using") or []) if statement else pivot.expressions
    group = pivot.args.get("group")
    keys = decided(scope, Transformation.CONDITIONAL, [f.this if isinstance(f, exp.In) else f for f in fields])
    made_of = [Output(_called(a), value(a, scope)) for a in aggregates] or [Output("count_star()", Flow())]
    grouped = _groups(relation, [*fields, *aggregates], group, scope)
    rows = relation.rows | deciding(merged(o.flow for o in grouped), Transformation.GROUP_BY)
    labels = _labels(fields)
    if labels is None:
        scope.reading.skip(*fields)
        every = unresolved(relation.all)
        return Relation((*grouped, Output(EVERY, every, many=True)), rows)
    suffixed = len(made_of) > 1 or any(isinstance(a, exp.Alias) for a in aggregates)
    outputs = [
        Output(f"{label}_{one.name}" if suffixed else label, Flow(one.flow.direct, one.flow.indirect | keys))
        for label in labels
        for one in made_of
    ]
    return Relation((*grouped, *outputs), rows)


def _groups(relation: Relation, used: Sequence[exp.Expr], group: object, scope: Scope) -> list[Output]:
    """The columns that stay: those of GROUP BY, or all that are used for nothing else."""
    if isinstance(group, exp.Group):
        found = []
        for one in group.expressions:
            flow = value(one, scope)
            known = scope.column([one.name]).name if isinstance(one, exp.Column) else duckdb_name(one)
            found.append(Output(known, flow))
        return found
    names = {column.name.lower() for node in used for column in node.find_all(exp.Column)}
    return [o for o in relation.outputs if o.many or o.name.lower() not in names]


def _called(aggregate: exp.Expr) -> str:
    return aggregate.alias if isinstance(aggregate, exp.Alias) else duckdb_name(aggregate)


def _labels(fields: Sequence[exp.Expr]) -> list[str] | None:
    """Names of the new columns, without the aggregate's; None where the data decide them."""
    values: list[list[str]] = []
    for one in fields:
        if not isinstance(one, exp.In) or not one.expressions:
            return None
        labels = []
        for label in one.expressions:
            if isinstance(label, exp.PivotAlias | exp.Alias):
                labels.append(label.args["alias"].name)
            elif isinstance(label, exp.Literal | exp.Boolean):
                labels.append(label.name if isinstance(label, exp.Literal) else str(label.this).lower())
            else:
                return None
        values.append(labels)
    return ["_".join(labels) for labels in product(*values)] if values else None


def _unpivot(relation: Relation, pivot: exp.Expr, scope: Scope) -> Relation:
    statement = pivot.this is not None
    if statement:
        into = pivot.args.get("into")
        scope.reading.skip(into)
        label = into.this.name if into is not None else "name"
        names = [one.name for one in into.expressions] if into is not None else ["value"]
        groups = pivot.expressions
    else:
        field = pivot.args["fields"][0]
        label, groups = field.this.name, field.expressions
        names = [n.name for one in pivot.expressions for n in (one.expressions or [one])]
        scope.reading.skip(field.this, *pivot.expressions)
    values: list[list[Flow]] = [[] for _ in names]
    used: set[str] = set()
    open_ended = False
    for one in _members(groups):
        outputs = [o for n in one for o in (selected(n, scope) if _several(n) else [_column(n, scope)])]
        used |= {o.name.lower() for o in outputs}
        used |= {column.name.lower() for n in one if not _several(n) for column in n.find_all(exp.Column)}
        open_ended = open_ended or any(o.many for o in outputs)
        for i, output in enumerate(outputs):
            values[i % len(values)].append(made(output.flow, Transformation.TRANSFORMATION))
    flows = [merged(column) for column in values]
    rest = [o for o in relation.outputs if o.name.lower() not in used]
    keys = deciding(merged(flows), Transformation.FILTER)
    if open_ended:
        rest = [Output(EVERY, unresolved(relation.all), many=True)]
    new = [Output(label, Flow(indirect=keys)), *(Output(n, f) for n, f in zip(names, flows, strict=True))]
    return Relation((*rest, *new), relation.rows | (NOTHING if pivot.args.get("include_nulls") else keys))


def _members(groups: Sequence[exp.Expr]) -> Iterator[list[exp.Expr]]:
    """What each new row is made from: a column, or several in brackets."""
    for one in groups:
        node = one.this if isinstance(one, exp.PivotAlias | exp.Alias) else one
        yield list(node.expressions) if isinstance(node, exp.Tuple) else [node.unnest()]


def _several(node: exp.Expr) -> bool:
    return isinstance(node, exp.Columns) or is_star(node)


def _column(node: exp.Expr, scope: Scope) -> Output:
    if isinstance(node, exp.Column):
        flow = value(node, scope)
        return Output(node.name, flow)
    return Output(duckdb_name(node), value(node, scope))
