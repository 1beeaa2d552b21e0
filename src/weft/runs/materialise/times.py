"""Times of a kept table: its newest row, how far back a build looks, and how a time stands in SQL."""

from __future__ import annotations

import datetime as dt

from weft.model.spans import Span
from weft.runs.materialise.tables import Making
from weft.sql.quoting import ident


def newest(making: Making) -> dt.datetime | None:
    """The newest time in the table, in UTC; None when it has no row with one.

    What lies in the future says nothing of what is known by now: of it, the instant of the run counts. Neither do rows
    in quarantine: it may be their time that is wrong.
    """
    good = making.relation(making.good)
    low, high = bounds_of(making, good)
    if low is None or high is None or high <= making.now:
        return high
    column = str(making.kept.time_column)
    until = literal_of(making.now, making.type_of(column))
    return bounds_of(making, f"{good} WHERE {ident(column)} <= {until}")[1] or making.now


def bounds_of(making: Making, source: str) -> tuple[dt.datetime | None, dt.datetime | None]:
    """The earliest and the newest time of a FROM item's rows, in UTC. Infinite times are none."""
    column = ident(str(making.kept.time_column))
    ((low, high),) = making.session.rows(
        f"SELECT min(moment), max(moment) FROM (SELECT CAST({column} AS TIMESTAMP) AS moment FROM {source}) "
        "WHERE isfinite(moment)"
    )
    return _utc(low), _utc(high)


def reach(at: dt.datetime, lookback: Span | None) -> dt.datetime:
    """From when on rows are looked for again."""
    return lookback.before(at) if lookback is not None else at


def floored(at: dt.datetime, size: Span | None) -> dt.datetime:
    """The beginning of the batch that a time lies in."""
    return size.floor(at) if size is not None else at


def since(making: Making) -> str | None:
    """The condition on rows that a build which goes on looks at; None for all of them."""
    kept = making.kept
    column = ident(str(kept.time_column))
    if making.window is not None and kept.time_column is not None:
        type_ = making.type_of(kept.time_column)
        start, end = making.window.start, making.window.end
        return f"{column} >= {literal_of(start, type_)} AND {column} < {literal_of(end, type_)}"
    if not kept.windowed or making.former is None:
        return None
    latest = newest(making)
    if latest is None:
        return None
    start = reach(latest, kept.lookback)
    return f"({column} >= {literal_of(start, making.type_of(str(kept.time_column)))} OR {column} IS NULL)"


def literal_of(at: dt.datetime, type_: str) -> str:
    """A time as a constant of a column's type, so that a scan can leave out what lies elsewhere."""
    if type_ == "DATE":
        return f"DATE '{at:%Y-%m-%d}'" if at.year > 999 else f"DATE '{at.year:04}-{at:%m-%d}'"
    return f"{'TIMESTAMPTZ' if type_ == 'TIMESTAMPTZ' else 'TIMESTAMP'} '{text_of(at, type_)}'"


def text_of(at: dt.datetime | None, type_: str = "TIMESTAMP") -> str:
    """A time as text; nothing for an open end."""
    if at is None:
        return ""
    zone = "+00" if type_ == "TIMESTAMPTZ" else ""
    return at.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ") + zone


def _utc(at: dt.datetime | None) -> dt.datetime | None:
    return at.replace(tzinfo=dt.UTC) if at is not None else None
