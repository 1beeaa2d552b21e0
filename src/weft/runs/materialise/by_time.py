"""`incremental`: a stretch of time is computed again, batch by batch; files of other times stay as they are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from weft.model.publication import DataFile, Manifest
from weft.model.spans import Span, batches
from weft.runs.materialise.tables import Making
from weft.runs.materialise.times import bounds_of, floored, literal_of, newest, reach, text_of
from weft.sql.quoting import ident
from weft.storage.base import Target


def incremental(making: Making) -> Manifest:
    """The table with the rows of the window, or of all that is new, computed again.

    What the model gives without a time belongs to no window: it is computed again whenever the window is open.
    """
    stretch = _stretch(making)
    if stretch is None:
        return Manifest(making.target.columns, making.former.files if making.former else ())
    start, end = stretch
    column = str(making.kept.time_column)
    former = making.former.files if making.former else ()
    kept = [f for f in former if _outside(making, f, column, start, end)]
    changed = [f for f in former if f not in kept]
    files = list(kept)
    cut = _batches(making, start, end)
    for first, last in cut:
        condition = _within(making, first, last)
        sql = f"SELECT {making.columns} FROM (\n{making.sql}\n) WHERE {condition}"

        def written(target: Target, sql: str = sql) -> Sequence[DataFile]:
            return making.write(sql, target)

        files += making.batch(f"{text_of(first)}/{text_of(last)}", written) if len(cut) > 1 else making.write(sql)
    if changed:
        files += making.write(
            f"SELECT {making.columns} FROM {making.relation(changed)} WHERE ({_within(making, start, end)}) IS NOT TRUE"
        )
    return Manifest(making.target.columns, tuple(files))


def _stretch(making: Making) -> tuple[dt.datetime | None, dt.datetime | None] | None:
    """From when until when rows are computed again; None for an open end, and for nothing at all to do."""
    kept = making.kept
    if making.window is not None:
        start, end = making.window.start, making.window.end
        if making.type_of(str(kept.time_column)) == "DATE":
            start, end = Span(1, "d").floor(start), _ceiled(end)
        return start, end
    latest = newest(making)
    if latest is None:
        return None, None
    return floored(reach(latest, kept.lookback), kept.batch_size), None


def _ceiled(at: dt.datetime) -> dt.datetime:
    day = Span(1, "d")
    floor = day.floor(at)
    return at if floor == at else day.after(floor)


def _batches(
    making: Making, start: dt.datetime | None, end: dt.datetime | None
) -> list[tuple[dt.datetime | None, dt.datetime | None]]:
    """The stretch cut by the batch size; the first and the last are open where it is."""
    size = making.kept.batch_size
    if size is None:
        return [(start, end)]
    condition = _within(making, start, end)
    low, high = bounds_of(making, f"(\n{making.sql}\n) WHERE {condition}")
    if low is None or high is None:
        return [(start, end)]
    cut = list(batches(start or size.floor(low), end or size.after(size.floor(high)), size))
    inner = [(a, b) for a, b in cut if b > low and a <= high]
    found: list[tuple[dt.datetime | None, dt.datetime | None]] = list(inner)
    found[0] = (start, found[0][1])
    found[-1] = (found[-1][0], end)
    return found


def _within(making: Making, start: dt.datetime | None, end: dt.datetime | None) -> str:
    """Whether a row belongs to a stretch. Rows without a time belong to the one that has no end."""
    column = str(making.kept.time_column)
    type_ = making.type_of(column)
    limits = [f"{ident(column)} >= {literal_of(start, type_)}"] if start is not None else []
    limits += [f"{ident(column)} < {literal_of(end, type_)}"] if end is not None else []
    if not limits:
        return "true"
    return " AND ".join(limits) if end is not None else f"{' AND '.join(limits)} OR {ident(column)} IS NULL"


def _outside(making: Making, file: DataFile, column: str, start: dt.datetime | None, end: dt.datetime | None) -> bool:
    """Whether no row of a file belongs to the stretch, as far as its statistics say."""
    field_id = next(c.field_id for c in making.target.columns if c.name.lower() == column.lower())
    known = file.statistics.get(field_id)
    if known is None or known.nulls is None or (known.nulls > 0 and end is None):
        return False
    if known.nulls == file.rows:
        return True
    low, high = bounds_from(known.minimum), bounds_from(known.maximum)
    if not known.exact or low is None or high is None:
        return False
    return (start is not None and high < start) or (end is not None and low >= end)


def bounds_from(text: str | None) -> dt.datetime | None:
    """A bound of a file's statistics as a time in UTC; None where it is none that Python can say."""
    if text is None:
        return None
    try:
        at = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)
