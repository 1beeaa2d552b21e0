"""Column lineage of one query: what each output column is made from, by one walk over its scopes.

Direct edges carry values; indirect ones decide which rows and groups there are, and end at each output column
(Source: OpenLineage, column lineage facet). What cannot be resolved gives an edge that says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope

from weft.model.lineage import ColumnEdge, EdgeKind, Transformation

EVERY = "*"
"""Stands for every column, where a query cannot be taken apart."""

_Origin = tuple[str, str, Transformation]
_RANK = {
    Transformation.IDENTITY: 0,
    Transformation.TRANSFORMATION: 1,
    Transformation.AGGREGATION: 2,
    Transformation.UNRESOLVED: 3,
}


@dataclass(slots=True)
class _Columns:
    """What a scope gives: origins of each output column, and what decides which rows it has."""

    direct: dict[str, set[_Origin]] = field(default_factory=dict)
    own_indirect: dict[str, set[_Origin]] = field(default_factory=dict)
    indirect: set[_Origin] = field(default_factory=set)


def column_lineage(sql: str, schemas: Mapping[str, Sequence[str]]) -> tuple[ColumnEdge, ...]:
    """The edges from the columns of the tables that a query names into its output columns.

    Args:
        sql: one SELECT in DuckDB's dialect.
        schemas: column names of every table that it names.
    """
    try:
        tree = parse_one(sql, read="duckdb")
        known: dict[str, object] = {t: dict.fromkeys(columns, "UNKNOWN") for t, columns in schemas.items()}
        tree = qualify(
            tree,
            schema=known,
            dialect="duckdb",
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
        root = build_scope(tree)
        if root is None:
            return _unresolved(schemas)
        found = _Walk(schemas).columns(root)
    except (SqlglotError, RecursionError):
        return _unresolved(schemas)
    edges: dict[ColumnEdge, None] = {}
    for target, origins in found.direct.items():
        for table, column, how in sorted(origins):
            edges[ColumnEdge(table, column, target, EdgeKind.DIRECT, how)] = None
        for table, column, how in sorted(found.indirect | found.own_indirect.get(target, set())):
            edges[ColumnEdge(table, column, target, EdgeKind.INDIRECT, how)] = None
    return tuple(edges)


def _unresolved(schemas: Mapping[str, Sequence[str]]) -> tuple[ColumnEdge, ...]:
    return tuple(
        ColumnEdge(table, column, EVERY, EdgeKind.DIRECT, Transformation.UNRESOLVED)
        for table, columns in schemas.items()
        for column in columns
    )


class _Walk:
    """Resolves scopes, each once."""

    def __init__(self, schemas: Mapping[str, Sequence[str]]) -> None:
        self._schemas = {t.lower(): {c.lower(): c for c in columns} for t, columns in schemas.items()}
        self._tables = {t.lower(): t for t in schemas}
        self._done: dict[int, _Columns] = {}

    def columns(self, scope: Scope) -> _Columns:
        """What a scope's query gives."""
        key = id(scope.expression)
        if key in self._done:
            return self._done[key]
        self._done[key] = found = _Columns()  # there already while a recursive CTE asks for itself
        expression = _node(scope)
        if isinstance(expression, exp.SetOperation) and scope.set_operation_scopes:
            self._union(scope, expression, found)
        elif isinstance(expression, exp.Select):
            self._select(scope, expression, found)
        else:
            self._other(scope, found)
        return found

    def _union(self, scope: Scope, expression: exp.Expression, found: _Columns) -> None:
        left, *others = (self.columns(s) for s in scope.set_operation_scopes)
        found.direct.update({name: set(origins) for name, origins in left.direct.items()})
        found.own_indirect.update({name: set(o) for name, o in left.own_indirect.items()})
        found.indirect |= left.indirect
        names = list(left.direct)
        for other in others:
            for i, (name, origins) in enumerate(other.direct.items()):
                target = names[i] if i < len(names) else name
                found.direct.setdefault(target, set()).update(origins)
                found.own_indirect.setdefault(target, set()).update(other.own_indirect.get(name, set()))
            found.indirect |= other.indirect
        self._deciding(scope, expression, found)

    def _other(self, scope: Scope, found: _Columns) -> None:
        """UNNEST, VALUES and the like: every column of theirs is made from whatever they name."""
        origins = {o for o, _ in self._references(scope, _node(scope))}
        made = {(t, c, _worse(how, Transformation.TRANSFORMATION)) for t, c, how in origins}
        for name in scope.expression.alias_column_names or [EVERY]:
            found.direct[name] = set(made)

    def _select(self, scope: Scope, select: exp.Select, found: _Columns) -> None:
        for source in scope.selected_sources.values():
            inner = source[1]
            if isinstance(inner, Scope):
                found.indirect |= self.columns(inner).indirect
        for projection in select.expressions:
            name = projection.alias_or_name or EVERY
            value = projection.unalias()
            direct = found.direct.setdefault(name, set())
            indirect = found.own_indirect.setdefault(name, set())
            how = _made(value)
            for (table, column, before), role in self._references(scope, value):
                if role is None:
                    direct.add((table, column, _worse(before, how)))
                else:
                    indirect.add((table, column, role))
        self._deciding(scope, select, found)

    def _deciding(self, scope: Scope, query: exp.Expression, found: _Columns) -> None:
        """Conditions, keys and orders of a query: they decide which rows there are."""
        parts: list[tuple[exp.Expression | None, Transformation]] = [
            (query.args.get("where"), Transformation.FILTER),
            (query.args.get("having"), Transformation.FILTER),
            (query.args.get("qualify"), Transformation.FILTER),
            (query.args.get("group"), Transformation.GROUP_BY),
            (query.args.get("order"), Transformation.SORT),
            (query.args.get("distinct"), Transformation.GROUP_BY),
        ]
        for join in query.args.get("joins") or ():
            parts.append((join.args.get("on"), Transformation.JOIN))
            for column in join.args.get("using") or ():
                for name, (_, source) in scope.selected_sources.items():
                    found.indirect |= {
                        (t, c, Transformation.JOIN) for t, c, _ in self._origin(name, column.name, source, strict=False)
                    }
        for part, role in parts:
            if isinstance(part, exp.Expression):
                found.indirect |= {(t, c, role) for t, c in self._decided_by(scope, part, found)}

    def _decided_by(self, scope: Scope, part: exp.Expression, found: _Columns) -> Iterator[tuple[str, str]]:
        """Columns that a clause names; a name without table is an output column's."""
        for (table, column, how), _ in self._references(scope, part):
            if table == EVERY and how is Transformation.UNRESOLVED and column in found.direct:
                yield from ((t, c) for t, c, _ in found.direct[column])
            else:
                yield table, column

    def _references(
        self, scope: Scope, node: exp.Expression, role: Transformation | None = None
    ) -> Iterator[tuple[_Origin, Transformation | None]]:
        """Origins of every column below a node; the second part is None where its value flows."""
        if isinstance(node, exp.Column):
            for origin in self._column(scope, node):
                yield origin, role
            return
        if isinstance(node, exp.Query) and not isinstance(node, exp.Subquery):
            inner = self._inner(scope, node)
            if inner is not None:
                yield from self._nested(inner, role)
                return
        for key, child in _children(node):
            yield from self._references(scope, child, role or _role(node, key))

    def _nested(self, inner: Scope, role: Transformation | None) -> Iterator[tuple[_Origin, Transformation | None]]:
        """A subquery in an expression: its columns flow, what filters it decides."""
        found = self.columns(inner)
        for name, origins in found.direct.items():
            for origin in origins:
                yield origin, role
            for t, c, how in found.own_indirect.get(name, ()):
                yield (t, c, Transformation.TRANSFORMATION), role or how
        for t, c, how in found.indirect:
            yield (t, c, Transformation.TRANSFORMATION), role or how

    def _inner(self, scope: Scope, query: exp.Expression) -> Scope | None:
        for inner in (*scope.subquery_scopes, *scope.derived_table_scopes, *scope.cte_scopes, *scope.udtf_scopes):
            if inner.expression is query:
                return inner
        return None

    def _column(self, scope: Scope, column: exp.Column) -> set[_Origin]:
        at: Scope | None = scope
        while at is not None:  # a correlated subquery names tables of the queries around it
            if column.table in at.sources:
                return self._origin(column.table, column.name, at.sources[column.table])
            at = at.parent
        return {(column.table or EVERY, column.name, Transformation.UNRESOLVED)}

    def _origin(self, name: str, column: str, source: object, *, strict: bool = True) -> set[_Origin]:
        if isinstance(source, exp.Table):
            table = source.name.lower()
            known = self._schemas.get(table, {})
            if column.lower() in known:
                return {(self._tables[table], known[column.lower()], Transformation.IDENTITY)}
            return {(source.name, column, Transformation.UNRESOLVED)} if strict else set()
        if isinstance(source, Scope):
            given = self.columns(source)
            by_name = {n.lower(): n for n in given.direct}
            found = by_name.get(column.lower())
            if found is not None:
                return set(given.direct[found])
            if EVERY in given.direct:
                return set(given.direct[EVERY])
            if isinstance(source.expression, exp.UDTF):
                return {o for origins in given.direct.values() for o in origins}
        return {(name, column, Transformation.UNRESOLVED)} if strict else set()


def _node(scope: Scope) -> exp.Expression:
    expression = scope.expression
    assert isinstance(expression, exp.Expression), "a scope stands for a query"
    return expression


def _children(node: exp.Expression) -> Iterator[tuple[str, exp.Expression]]:
    for key, value in node.args.items():
        for child in value if isinstance(value, list) else (value,):
            if isinstance(child, exp.Expression):
                yield key, child


def _role(node: exp.Expression, key: str) -> Transformation | None:
    """What a child of a node decides, if it does not flow into the value."""
    if isinstance(node, exp.If | exp.Case) and key == "this":
        return Transformation.CONDITIONAL
    if isinstance(node, exp.Filter) and key == "expression":
        return Transformation.FILTER
    if isinstance(node, exp.Window) and key in ("partition_by", "order"):
        return Transformation.WINDOW
    if (isinstance(node, exp.WithinGroup) and key == "expression") or (
        isinstance(node, exp.Order) and key == "expressions"
    ):
        return Transformation.SORT
    return None


def _made(value: exp.Expression) -> Transformation:
    """How a projection makes its value."""
    if isinstance(value, exp.Column):
        return Transformation.IDENTITY
    if value.find(exp.AggFunc) is not None:
        return Transformation.AGGREGATION
    return Transformation.TRANSFORMATION


def _worse(one: Transformation, other: Transformation) -> Transformation:
    """Of two steps the one that changes more."""
    return max(one, other, key=lambda how: _RANK.get(how, 1))
