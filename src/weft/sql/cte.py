"""A part of a query on its own: one of its common table expressions."""

from __future__ import annotations

from weft.errors import UsageError, did_you_mean, error
from weft.sql.quoting import ident


def names(sql: str) -> tuple[str, ...]:
    """The names of the query's outermost CTEs, in their order."""
    import sqlglot

    tree = sqlglot.parse_one(sql, read="duckdb")
    with_ = tree.args.get("with_") or tree.args.get("with")
    return tuple(c.alias for c in with_.expressions) if with_ else ()


def select_cte(sql: str, name: str) -> str:
    """A query that gives the rows of one of the outermost CTEs.

    Raises:
        UsageError: WFT-SQL-003, the query has no CTE of that name.
    """
    import sqlglot
    from sqlglot import exp

    tree = sqlglot.parse_one(sql, read="duckdb")
    with_ = tree.args.get("with_") or tree.args.get("with")
    known = [c.alias for c in with_.expressions] if with_ else []
    if name not in known:
        raise UsageError(
            error(
                "WFT-SQL-003",
                f"the model has no CTE `{name}`",
                why=f"it has: {', '.join(known) or 'none'}",
                fix=did_you_mean(name, known),
            )
        )
    assert with_ is not None, "a query with the CTE has a WITH"
    kept = with_.copy()
    kept.set("expressions", kept.expressions[: known.index(name) + 1])
    body: exp.Expression = kept
    return f"{body.sql(dialect='duckdb')} SELECT * FROM {ident(name)}"
