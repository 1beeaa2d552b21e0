"""`scd2`: every version of a row, with the time in which it held (slowly changing dimension, type 2)."""

from __future__ import annotations

from weft.model.materialization import MISSING, VALID_FROM, VALID_TO
from weft.model.publication import Manifest
from weft.runs.materialise.tables import CHANGES, TOUCHED, Making, require_keys, take_changes, without_keys
from weft.runs.materialise.times import literal_of, since
from weft.sql.quoting import ident

_SEEN = "weft seen"
_BORN, _GONE, _FIRST = "weft born", "weft gone", "weft first"
"""Columns and tables of the computation alone."""


def history(making: Making) -> Manifest:
    """The table with the versions that the model's rows add, end or come between.

    A version begins at the row's time, without `time_column` at the instant of the run, and ends where the next one of
    its key begins, or where the key is gone. Of rows of a key that follow one another and say the same, one stands.
    """
    kept, session = making.kept, making.session
    take_changes(making, since(making))
    keys = ", ".join(ident(k) for k in kept.key)
    values = [c.name for c in making.target.columns if c.name not in (VALID_FROM, VALID_TO)]
    names = ", ".join(ident(v) for v in values)
    told = [v for v in values if kept.time_column is None or v.lower() != kept.time_column.lower()]
    _see(making, values, told)
    if making.former is None:
        return Manifest(
            making.target.columns, making.write(_versions(making, f"SELECT *, 0 FROM {ident(_SEEN)}", told))
        )
    session.table(TOUCHED, _touched(making, keys, told))
    if not session.rows(f"SELECT 1 FROM {ident(TOUCHED)} LIMIT 1"):
        return Manifest(making.target.columns, making.former.files)
    semi = f"SEMI JOIN {ident(TOUCHED)} USING ({keys})"
    if making.window is not None and kept.time_column is not None:
        # the table does not tell what changed nothing so far: said twice, or gone before it was there
        later = f"{ident(kept.time_column)} >= {literal_of(making.window.end, making.type_of(kept.time_column))}"
        also = f"SELECT * FROM (\n{making.sql}\n) WHERE {later}"
        session.table(CHANGES, f"SELECT * FROM {ident(CHANGES)} UNION ALL SELECT * FROM ({also}) {semi}")
        _see(making, values, told)
    before = f"SELECT * FROM {making.table} {semi}"
    session.table("weft before", before)
    former = ident("weft before")
    # a version that ends where none begins was ended by its key's going
    ends = (
        f"SELECT {names}, {VALID_TO}, true FROM {former} AS ended WHERE {VALID_TO} IS NOT NULL AND NOT EXISTS "
        f"(SELECT 1 FROM {former} AS other WHERE {_same(kept.key)} AND other.{VALID_FROM} = ended.{VALID_TO})"
    )
    events = (
        f"SELECT *, 0 FROM {ident(_SEEN)} {semi} "
        f"UNION ALL SELECT {names}, {VALID_FROM}, false, 1 FROM {former} UNION ALL SELECT *, 2 FROM ({ends})"
    )
    return without_keys(making, _versions(making, events, told))


def _see(making: Making, values: list[str], told: list[str]) -> None:
    """Keeps what the model's rows say of each key, and when, as the table `_SEEN` of the session.

    Raises:
        ContractBroken: WFT-RUN-008, rows share a key and a time, or lack one.
    """
    kept = making.kept
    keys = ", ".join(ident(k) for k in kept.key)
    born = ident(kept.time_column) if kept.time_column is not None else _instant(making)
    require_keys(making, (*kept.key, kept.time_column) if kept.time_column is not None else kept.key)
    names = ", ".join(ident(v) for v in values)
    gone = f"{ident(kept.flag)} IS TRUE" if kept.flag is not None else "false"
    seen = f"SELECT {names}, {born} AS {ident(_BORN)}, {gone} AS {ident(_GONE)} FROM {ident(CHANGES)}"
    if kept.delete == MISSING and making.former is not None:
        seen += f" UNION ALL {_missing(making, names, keys)}"
        if kept.time_column is not None:
            seen += f" UNION ALL {_returned(making, values, told)}"
    making.session.table(_SEEN, seen)


def _versions(making: Making, events: str, told: list[str]) -> str:
    """The versions that events make: values, time, whether the key is gone then, and whose word counts first."""
    keys = ", ".join(ident(k) for k in making.kept.key)
    born, gone = ident(_BORN), ident(_GONE)
    values = [c.name for c in making.target.columns if c.name not in (VALID_FROM, VALID_TO)]
    listed = ", ".join([*(ident(v) for v in values), born, gone, ident(_FIRST)])
    same = _packed(told)
    type_ = making.type_of(VALID_FROM)
    return (
        f"WITH given({listed}) AS ({events}), "
        f"one AS (SELECT * FROM given QUALIFY row_number() OVER "
        f"(PARTITION BY {keys}, {born} ORDER BY {ident(_FIRST)}) = 1), "
        f"moved AS (SELECT * FROM one WINDOW back AS (PARTITION BY {keys} ORDER BY {born}) "
        f"QUALIFY row_number() OVER back = 1 OR {gone} IS DISTINCT FROM lag({gone}) OVER back "
        f"OR (NOT {gone} AND {same} IS DISTINCT FROM lag({same}) OVER back)), "
        f"ended AS (SELECT *, lead({born}) OVER (PARTITION BY {keys} ORDER BY {born}) AS ending FROM moved) "
        f"SELECT {', '.join(ident(v) for v in values)}, CAST({born} AS {type_}) AS {VALID_FROM}, "
        f"CAST(ending AS {type_}) AS {VALID_TO} FROM ended WHERE NOT {gone}"
    )


def _touched(making: Making, keys: str, told: list[str]) -> str:
    """The keys of events that the table does not tell already."""
    seen, table = "seen_row", "version"
    match = " AND ".join(f"{seen}.{ident(k)} = {table}.{ident(k)}" for k in making.kept.key)
    born = f"{seen}.{ident(_BORN)}"
    holds = f"{table}.{VALID_FROM} <= {born} AND ({table}.{VALID_TO} IS NULL OR {born} < {table}.{VALID_TO})"
    says = f"{_packed(told, seen)} IS NOT DISTINCT FROM {_packed(told, table)}"
    return (
        f"SELECT DISTINCT {keys} FROM {ident(_SEEN)} AS {seen} WHERE CASE WHEN {ident(_GONE)} "
        f"THEN EXISTS (SELECT 1 FROM {making.table} AS {table} WHERE {match} AND {holds}) "
        f"ELSE NOT EXISTS (SELECT 1 FROM {making.table} AS {table} WHERE {match} AND {holds} AND {says}) END"
    )


def _missing(making: Making, names: str, keys: str) -> str:
    """An end, at the instant of the run, for each key that holds and that the model gives no more.

    A version that begins in the future ends as it begins; that of another key has no say in it.
    """
    type_ = making.type_of(VALID_FROM)
    at = _instant(making)
    if making.kept.time_column is not None:
        at = f"greatest({literal_of(making.now, type_)}, CAST({VALID_FROM} + {_step(type_)} AS {type_}))"
    return (
        f"SELECT {names}, {at}, true FROM {making.table} AS former "
        f"ANTI JOIN {ident(CHANGES)} USING ({keys}) WHERE {VALID_TO} IS NULL"
    )


def _returned(making: Making, values: list[str], told: list[str]) -> str:
    """A beginning, at the instant of the run, for each key that was missing and is given again as of before its end.

    Such a version has the row's time in `time_column`, which lies before it. While it holds, what the newest row of its
    key says otherwise as of before it begins another one.
    """
    time, type_ = ident(str(making.kept.time_column)), making.type_of(VALID_FROM)
    keys = ", ".join(ident(k) for k in making.kept.key)
    match = " AND ".join(f"newest.{ident(k)} = newest_version.{ident(k)}" for k in making.kept.key)
    names = ", ".join(f"newest.{ident(v)}" for v in values)
    differs = f"{_packed(told, 'newest')} IS DISTINCT FROM {_packed(told, 'newest_version')}"
    after = f"coalesce(newest_version.{VALID_TO}, CAST(newest_version.{VALID_FROM} + {_step(type_)} AS {type_}))"
    return (
        f"SELECT {names}, greatest({literal_of(making.now, type_)}, {after}), false "
        f"FROM (SELECT * FROM {ident(CHANGES)} "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {time} DESC) = 1) AS newest "
        f"JOIN (SELECT * FROM {making.table} "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY {VALID_FROM} DESC) = 1) AS newest_version ON {match} "
        f"WHERE newest.{time} < newest_version.{VALID_TO} OR (newest_version.{VALID_TO} IS NULL "
        f"AND newest.{time} < newest_version.{VALID_FROM} "
        f"AND newest_version.{time} IS DISTINCT FROM newest_version.{VALID_FROM} AND {differs})"
    )


def _instant(making: Making) -> str:
    """The instant of the run as SQL: after all that the table says, also when the clock went back."""
    type_ = making.type_of(VALID_FROM)
    now = literal_of(making.now, type_)
    if making.former is None:
        return now
    ((latest,),) = making.session.rows(
        f"SELECT CAST(CAST(max(greatest({VALID_FROM}, {VALID_TO})) + {_step(type_)} AS {type_}) AS VARCHAR) "
        f"FROM {making.table}"
    )
    return f"greatest({now}, CAST('{latest}' AS {type_}))" if latest is not None else now


def _step(type_: str) -> str:
    """The least time between two that differ."""
    return "INTERVAL 1 DAY" if type_ == "DATE" else "INTERVAL 1 MICROSECOND"


def _packed(names: list[str], table: str | None = None) -> str:
    """Several values as one that can be compared."""
    place = f"{table}." if table else ""
    return f"row({', '.join(place + ident(n) for n in names)})" if names else "row(true)"


def _same(key: tuple[str, ...]) -> str:
    return " AND ".join(f"other.{ident(k)} = ended.{ident(k)}" for k in key)
