"""How values are written on pages: times relative with the exact one beside, numbers with their thousands."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import quote, urlencode

from markupsafe import Markup, escape

from weft.access.permissions import Action, Caller, may

_UNITS = ((365 * 86400, "year"), (30 * 86400, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))


def when(value: str | dt.datetime | None, now: dt.datetime) -> Markup:
    """A time as people say it; the exact one is its title.

    Args:
        value: ISO 8601, with a zone or in UTC.
    """
    if value is None:
        return Markup('<span class="none">never</span>')
    at = dt.datetime.fromisoformat(value) if isinstance(value, str) else value
    at = at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)
    exact = at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(at.isoformat(), exact, ago(at, now))


def ago(at: dt.datetime, now: dt.datetime) -> str:
    """How long ago, or in how long, in the largest unit that fits."""
    seconds = (now - at).total_seconds()
    for size, unit in _UNITS:
        count = int(abs(seconds) // size)
        if count:
            text = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "just now" if seconds >= 0 else "in a moment"


def day(value: str | None, now: dt.datetime) -> Markup:
    """A day with how far away it is."""
    if value is None:
        return Markup('<span class="none">no end</span>')
    at = dt.datetime.fromisoformat(value[:10]).replace(tzinfo=dt.UTC)
    days = (at.date() - now.date()).days
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value[:10], _days(days), value[:10])


def day_of(value: str | None, now: dt.datetime) -> Markup:
    """How far away a day is of which the hour is not known; the day itself is its title."""
    if value is None:
        return Markup('<span class="none">never</span>')
    at = dt.datetime.fromisoformat(value[:10]).replace(tzinfo=dt.UTC)
    days = (at.date() - now.date()).days
    text = _days(days) if abs(days) < 30 else ago(at, now)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(value[:10], value[:10], text)


def _days(days: int) -> str:
    near = {0: "today", 1: "tomorrow", -1: "yesterday"}
    return near.get(days) or (f"in {days} days" if days > 0 else f"{-days} days ago")


def day_before(value: str) -> str:
    """The last day that lies before an end."""
    at = dt.datetime.fromisoformat(value)
    return f"{(at - dt.timedelta(microseconds=1)).date()}"


def day_in(now: dt.datetime, days: int) -> str:
    """The day that lies some days ahead."""
    return f"{(now + dt.timedelta(days=days)).date()}"


def share(value: float | None) -> str:
    """A share as per cent, rounded down so that 100 means all."""
    return "–" if value is None else f"{int(value * 1000 + 1e-9) / 10:g} %"


def number(value: float | None) -> str:
    """A number with thin spaces between its thousands."""
    if value is None:
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}".replace(",", "\u202f")
    return f"{int(value):,}".replace(",", "\u202f")


def size(value: float | None) -> str:
    """Bytes in the unit that people read."""
    if value is None:
        return "–"
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 1000:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def seconds(value: float | None) -> str:
    """A duration."""
    if value is None:
        return "–"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 90:
        return f"{value:.1f} s"
    minutes, rest = divmod(int(value), 60)
    return f"{minutes} min {rest} s" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def lasting(begun: str, ended: str) -> float:
    """How many seconds lie between two times."""
    return (dt.datetime.fromisoformat(ended) - dt.datetime.fromisoformat(begun)).total_seconds()


def count(many: int | None, one: str, more: str | None = None) -> str:
    """A number with its noun."""
    return f"{number(many)} {one if many == 1 else more or f'{one}s'}"


def ticked(text: str | None) -> Markup:
    """A text in which what stands between backticks is set as code; nothing else in it means anything."""
    parts = (text or "").split("`")
    if len(parts) % 2 == 0:  # one without its partner
        parts[-2:] = ["`".join(parts[-2:])]
    made = (Markup("<code>{}</code>").format(part) if place % 2 else escape(part) for place, part in enumerate(parts))
    return Markup("").join(made)


def contact(text: str | None) -> Markup:
    """How a team is reached: a link where it is an address of mail or a page, else what it says, like a channel."""
    if not text:
        return Markup("–")
    if re.fullmatch(r"[^@\s?&]+@[^@\s?&]+\.[^@\s?&]+", text):
        return Markup('<a href="mailto:{0}">{0}</a>').format(text)
    if re.fullmatch(r"https?://\S+", text):
        return Markup('<a href="{0}">{0}</a>').format(text)
    return escape(text)


def path_of(address: str) -> str:
    """The page of a domain, product, port or column."""
    parts = address.split(".")
    at = "/".join(quote(part, safe="@~") for part in parts[:3])
    match len(parts):
        case 1:
            return f"/domains/{at}"
        case 2:
            return f"/products/{at}"
        case 3:
            return f"/ports/{at}"
        case _:
            return f"/ports/{at}#column-{quote('.'.join(parts[3:]), safe='')}"


def page_of(kind: str, address: str) -> str:
    """The page of what was found: a term has its own, whatever else has its name."""
    return f"/glossary/{quote(address, safe='')}" if kind == "term" else path_of(address)


def query_of(path: str, asked: Any, **changed: Any) -> str:
    """An address with other parameters than those of this page; None leaves one away."""
    kept = {k: v for k, v in dict(asked).items() if k not in changed}
    given = {k: v for k, v in changed.items() if v is not None and v != ""}
    text = urlencode({**kept, **given})
    return f"{path}?{text}" if text else path


def may_do(caller: Caller, action: str, domain: str | None = None) -> bool:
    """Whether somebody may do something in a domain, or in any, so that a page offers it."""
    return may(caller, Action(action), domain)


FILTERS = {
    "number": number,
    "size": size,
    "seconds": seconds,
    "path_of": path_of,
    "share": share,
    "ticked": ticked,
    "contact": contact,
}
FUNCTIONS = {
    "page_of": page_of,
    "when": when,
    "day": day,
    "count": count,
    "lasting": lasting,
    "query_of": query_of,
    "day_before": day_before,
    "day_of": day_of,
    "day_in": day_in,
    "may": may_do,
}
