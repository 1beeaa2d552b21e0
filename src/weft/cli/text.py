"""How figures, times and tables are written for people."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime


def number(value: int) -> str:
    """A count with separators.

    >>> number(336776)
    '336,776'
    """
    return f"{value:,}"


def counted(value: int, one: str, many: str | None = None) -> str:
    """A count with its noun.

    >>> counted(1, "row"), counted(2000, "row"), counted(2, "entry", "entries")
    ('1 row', '2,000 rows', '2 entries')
    """
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def seconds_text(seconds: float) -> str:
    """A duration.

    >>> seconds_text(0.04), seconds_text(2.345), seconds_text(75)
    ('0.04 s', '2.3 s', '1 min 15 s')
    """
    if seconds >= 60:
        return f"{int(seconds) // 60} min {int(seconds) % 60} s"
    return f"{seconds:.2f} s" if seconds < 0.1 else f"{seconds:.1f} s"


def size_text(size_bytes: int) -> str:
    """A size.

    >>> size_text(900), size_text(5_250_000)
    ('900 B', '5.2 MB')
    """
    value, unit = float(size_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{int(value)} B" if unit == "B" else f"{value:.1f} {unit}"


def ago(then: datetime, now: datetime) -> str:
    """How long ago something was; the date when that is long.

    >>> from datetime import UTC
    >>> ago(datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 1, 15, tzinfo=UTC))
    '3 hours ago'
    """
    seconds = (now - then).total_seconds()
    if seconds < 60:
        return "just now"
    for size, limit, unit in ((60, 3600, "minute"), (3600, 86400, "hour"), (86400, 30 * 86400, "day")):
        if seconds < limit:
            return f"{counted(int(seconds // size), unit)} ago"
    return f"{then:%Y-%m-%d}"


def when(text: str | None, now: datetime) -> str:
    """An ISO time of a document as how long ago it was."""
    return ago(datetime.fromisoformat(text), now) if text else "never"


def utc_minute(text: str) -> str:
    """An ISO time of a document to the minute, in UTC.

    >>> utc_minute("2026-03-01T07:00:30+01:00")
    '2026-03-01 06:00'
    """
    return f"{datetime.fromisoformat(text).astimezone(UTC):%Y-%m-%d %H:%M}"


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def cut(text: str, columns: int) -> str:
    """A text of at most so many columns; what is cut off is marked.

    >>> cut("operations.on_time.flights", 12)
    'operations.…'
    """
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept + character) > columns - 1:
            break
        kept += character
    return f"{kept}…"


def table(
    header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = (), columns: int | None = None
) -> str:
    """An aligned table without lines. `right` are the columns of numbers; `columns` is the width to fit into.

    >>> print(table(["port", "rows"], [["planes", "3,322"], ["airports", "1,458"]], right=[1]))
    port       rows
    planes    3,322
    airports  1,458
    """
    widths = [max([width(h), *(width(r[i]) for r in rows)]) for i, h in enumerate(header)]
    if columns is not None:
        widths = _narrowed(widths, columns, right)
    lines = []
    for row in (header, *rows):
        cells = [cut(cell, w) for cell, w in zip(row, widths, strict=True)]
        padded = [
            " " * (w - width(c)) + c if i in right else c + " " * (w - width(c))
            for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _narrowed(widths: list[int], columns: int, right: Sequence[int]) -> list[int]:
    """Widths that fit: the widest text column gives way first, none below 8; numbers are never cut."""
    widths = list(widths)
    spare = sum(widths) + 2 * (len(widths) - 1) - columns
    while spare > 0:
        candidates = [i for i in range(len(widths)) if i not in right and widths[i] > 8]
        if not candidates:
            break
        widest = max(candidates, key=lambda i: widths[i])
        widths[widest] -= 1
        spare -= 1
    return widths


def indented(text: str, by: str = "  ") -> str:
    """Every line of a text moved right."""
    return "\n".join(by + line if line else line for line in text.splitlines())
