"""A model's table as one SELECT: what it would hold if all its rows were computed at once."""

from __future__ import annotations

from weft.model.materialization import VALID_FROM, VALID_TO, Keeping, Materialization
from weft.sql.quoting import ident


def table_sql(sql: str, kept: Keeping) -> str:
    """The SELECT that has the columns of the model's table, for the binder and for lineage; no build runs it.

    >>> table_sql("select id from t", Keeping())
    'select id from t'
    """
    left_out = f" EXCLUDE ({ident(kept.flag)})" if kept.flag is not None else ""
    if kept.kind is Materialization.SCD2:
        since = ident(kept.time_column) if kept.time_column else "now()"
        keys = ", ".join(ident(k) for k in kept.key)
        until = f"lead({since}) OVER (PARTITION BY {keys} ORDER BY {since})"
        return f"SELECT *{left_out}, {since} AS {VALID_FROM}, {until} AS {VALID_TO} FROM (\n{sql}\n)"
    return f"SELECT *{left_out} FROM (\n{sql}\n)" if left_out else sql
