"""Column lineage of one query: what each output column is made from, by one walk over sqlglot's tree of it.

Direct edges carry values; indirect ones decide which rows and groups there are, and end at each output column
(Source: OpenLineage, column lineage facet). What cannot be resolved gives an edge that says so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlglot import exp
from sqlglot.errors import SqlglotError

from weft.model.lineage import EVERY, ColumnEdge, EdgeKind, Transformation, hiding_of
from weft.sql.flows import Flow, Output, Relation, unresolved
from weft.sql.parsed import parsed
from weft.sql.queries import query
from weft.sql.scopes import Reading, Scope, Unreadable
from weft.sql.stars import selected


def column_lineage(
    sql: str, schemas: Mapping[str, Sequence[str]], outputs: Sequence[str] | None = None, *, dialect: str = "duckdb"
) -> tuple[ColumnEdge, ...]:
    """The edges from the columns of the tables that a query names into its output columns.

    Args:
        sql: one SELECT.
        schemas: column names of every table that it names.
        dialect: in whose words it is, as sqlglot names it.
        outputs: names of its columns in their order, where DuckDB has said them.
    """
    tables = {table.lower(): _table(table, columns) for table, columns in schemas.items()}
    try:
        found = _read(parsed(sql, dialect), tables)
        columns = called(found, outputs) if outputs is not None else _uncalled(found)
    except (SqlglotError, Unreadable, RecursionError):
        every = unresolved(Flow(frozenset().union(*(t.all.direct for t in tables.values()))))
        return _edges(Relation(tuple(Output(name, every) for name in outputs or (EVERY,))))
    return _edges(Relation(tuple(columns), found.rows))


def outputs_of(sql: str, schemas: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The names of a query's columns in their order; `*` stands for several of which the number is not known.

    Raises:
        Unreadable: the query has a part that nobody here knows.
    """
    found = read(parsed(sql), schemas)
    return tuple(EVERY if o.many else o.name for o in found.outputs)


def _table(table: str, columns: Sequence[str]) -> Relation:
    return Relation(
        tuple(Output(c, Flow(frozenset([(table, c, Transformation.IDENTITY, 0)]))) for c in columns),
    )


def read(tree: exp.Expr, schemas: Mapping[str, Sequence[str]]) -> Relation:
    """What a query gives, by its tree and the column names of every table that it names.

    Raises:
        Unreadable: the query has a part that nobody here knows.
    """
    return _read(tree, {table.lower(): _table(table, columns) for table, columns in schemas.items()})


def _read(tree: exp.Expr, tables: Mapping[str, Relation]) -> Relation:
    named = list(tree.find_all(exp.Column, exp.Table, exp.Columns, exp.Explode))
    reading = Reading(tables, query, selected, any(isinstance(node, exp.Columns | exp.Explode) for node in named))
    found = query(tree, Scope(reading))
    if any(id(node) not in reading.seen for node in named if isinstance(node, exp.Column | exp.Table)):
        raise Unreadable("a part of the query was not looked at")
    return found


def called(found: Relation, names: Sequence[str]) -> list[Output]:
    """The columns under the names that DuckDB gives them.

    Raises:
        Unreadable: they are not the columns that it has.
    """
    open_ended = [i for i, o in enumerate(found.outputs) if o.many]
    given = list(found.outputs)
    if len(open_ended) == 1:
        at, missing = open_ended[0], len(names) - len(given) + 1
        given[at : at + 1] = [given[at]] * missing
    if len(given) != len(names):
        raise Unreadable("columns of another number")
    for output, name in zip(given, names, strict=True):
        if not (output.many or output.guessed or _same(output.name, name)):
            raise Unreadable(f"{output.name} is called {name}")
    return [Output(name, output.flow, node=output.node) for output, name in zip(given, names, strict=True)]


def _uncalled(found: Relation) -> list[Output]:
    """The columns where DuckDB was not asked: what may be several is every column, too."""
    every = [Output(EVERY, o.flow) for o in found.outputs if o.many and o.name != EVERY]
    return [*found.outputs, *every]


def _same(ours: str, theirs: str) -> bool:
    """Whether both may be names of one column; of expressions without alias we only know that they are none."""
    one, other = ours.lower(), theirs.lower()
    return one == other or re.fullmatch(re.escape(one) + r"[_:]\d+", other) is not None or not one.isidentifier()


def _edges(found: Relation) -> tuple[ColumnEdge, ...]:
    edges: dict[ColumnEdge, None] = {}
    for output in found.outputs:
        for table, column, how, hidden in sorted(output.flow.direct):
            edges[ColumnEdge(table, column, output.name, EdgeKind.DIRECT, how, *hiding_of(hidden))] = None
        for table, column, how, hidden in sorted(output.flow.indirect | found.rows):
            edges[ColumnEdge(table, column, output.name, EdgeKind.INDIRECT, how, hiding_of(hidden)[0])] = None
    return tuple(edges)
