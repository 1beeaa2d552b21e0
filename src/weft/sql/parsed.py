"""sqlglot's tree of a text, parsed once for all who read it one after another."""

from __future__ import annotations

from functools import lru_cache

from sqlglot import exp, parse_one


@lru_cache(maxsize=64)
def parsed(sql: str, dialect: str = "duckdb") -> exp.Expr:
    """The tree of a text; it is shared, and nobody changes it.

    Lineage and column digests read the models of a product one after the other: parsing is a third of what both cost.

    Raises:
        SqlglotError: sqlglot cannot read it.
    """
    return parse_one(sql, read=dialect)
