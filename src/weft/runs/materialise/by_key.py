"""`merge` and `append`: rows take the place of those with the same key, or are added when they are new."""

from __future__ import annotations

from weft.model.materialization import MISSING
from weft.model.publication import Manifest
from weft.runs.materialise.tables import (
    CHANGES,
    TOUCHED,
    Making,
    require_keys,
    require_times,
    take_changes,
    without_keys,
)
from weft.runs.materialise.times import since
from weft.sql.quoting import ident, literal


def merge(making: Making) -> Manifest:
    """The table where each key that the model gives has the model's row. Keys that it does not give stay.

    With `delete`, keys whose row is marked, or that are missing, go.
    """
    kept = making.kept
    take_changes(making, since(making))
    require_keys(making, kept.key)
    keys = ", ".join(ident(k) for k in kept.key)
    alive = f"{ident(kept.flag)} IS NOT TRUE" if kept.flag is not None else "true"
    wanted = f"SELECT {making.columns} FROM {ident(CHANGES)} WHERE {alive}"
    if making.former is None:
        return Manifest(making.target.columns, making.write(wanted))
    session = making.session
    table = f"SELECT {making.columns} FROM {making.table}"
    session.table("weft new", f"{wanted} EXCEPT {table}")
    touched = [f"SELECT {keys} FROM {ident('weft new')}"]
    if kept.flag is not None:
        marked = f"SELECT {keys} FROM {ident(CHANGES)} WHERE {ident(kept.flag)} IS TRUE"
        touched.append(f"SELECT {keys} FROM {making.table} SEMI JOIN ({marked}) USING ({keys})")
    if kept.delete == MISSING:
        touched.append(f"SELECT {keys} FROM {making.table} ANTI JOIN {ident(CHANGES)} USING ({keys})")
    session.table(TOUCHED, " UNION ".join(touched))
    if not session.rows(f"SELECT 1 FROM {ident(TOUCHED)} LIMIT 1"):
        return Manifest(making.target.columns, making.former.files)
    return without_keys(making, f"SELECT * FROM {ident('weft new')}")


def append(making: Making) -> Manifest:
    """The table and behind it the rows that are new: whose key it does not have, or that are younger than all of it."""
    kept = making.kept
    younger = None if kept.key else _younger(making)
    take_changes(making, since(making) if kept.key else younger)
    if kept.key:
        require_keys(making, kept.key)
    else:
        require_times(making)
    fresh = f"SELECT {making.columns} FROM {ident(CHANGES)}"
    if making.former is None:
        return Manifest(making.target.columns, making.write(fresh))
    if kept.key:
        keys = ", ".join(ident(k) for k in kept.key)
        fresh += f" ANTI JOIN {making.table} AS former USING ({keys})"
        return Manifest(making.target.columns, (*making.former.files, *making.write(fresh)))
    if making.aside and younger is not None:  # what is younger is given again
        fresh += f" UNION ALL SELECT {making.columns} FROM {making.relation(making.aside)} WHERE NOT {younger}"
    return Manifest(making.target.columns, (*making.good, *making.write(fresh)))


def _younger(making: Making) -> str | None:
    """The condition on rows that are younger than every good row of the table; infinite times are the youngest."""
    column = str(making.kept.time_column)
    ((latest,),) = making.session.rows(
        f"SELECT CAST(max({ident(column)}) AS VARCHAR) FROM {making.relation(making.good)}"
    )
    if latest is None:
        return None
    return f"({ident(column)} > CAST({literal(latest)} AS {making.type_of(column)}) OR {ident(column)} IS NULL)"
