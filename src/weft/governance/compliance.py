"""Compliance: which share of what policies ask is kept, now and at any past time, folded from the event log alone.

A pair is a policy and a product in its scope. It is kept when nothing of the product violates the policy; `waived` and
`baseline` (known debt) pairs have no open violation either and are shown apart; a pair is `violated` while a violation
is open or overdue, and `unknown` while the policy cannot be asked. The score is the share of pairs that are neither
violated nor unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from weft.governance.compliance_ledger import Happened, Ledger, Line


class Point(Struct, frozen=True):
    """A score at a time."""

    at: datetime
    score: float | None
    pairs: int


class Report(Struct, frozen=True):
    """Compliance at a time.

    Attributes:
        anchor: the last event that it was made from, as `events:NUMBER:HASH`: with the same one it is made again.
        sections: lines of domains, products, policies and regulations, the lowest score first.
        trend: the score of all, from the beginning of the stretch to its end.
        trends: the same of each domain, product, policy and regulation, by section and name; of products the points
            alone where the score moves, with the one before.
        final: whether whoever asks for the same time again gets the same; not of now, nor of a day that goes on.
    """

    mesh: str
    at: datetime
    since: datetime
    regulation: str | None
    anchor: str
    total: Line
    sections: Mapping[str, tuple[Line, ...]]
    trend: tuple[Point, ...]
    trends: Mapping[str, Mapping[str, tuple[Point, ...]]]
    final: bool = True


class _ProductTrends:
    """Scores of products over time: where one moves, and just before that; of many thousand most never move."""

    def __init__(self, regulation: str | None, domains: frozenset[str] | None) -> None:
        self._regulation = regulation
        self._domains = domains
        self._points: dict[str, list[Point]] = {}
        self._before: datetime | None = None
        self._since: datetime | None = None

    def take(self, ledger: Ledger, moment: datetime) -> None:
        """Adds how products stand at a moment."""
        self._since = self._since or moment
        for name in ledger.moved():
            line = ledger.product(name, self._regulation, self._domains)
            now = _point(moment, line)
            points = self._points.get(name)
            if points is None:
                if line is not None:
                    new = [] if moment == self._since else [Point(self._since, None, 0)]
                    self._points[name] = [*new, now]
            elif (points[-1].score, points[-1].pairs) != (now.score, now.pairs):
                if self._before is not None and points[-1].at != self._before:
                    points.append(replace(points[-1], at=self._before))
                points.append(now)
        self._before = moment

    def of(self, names: Iterable[str]) -> dict[str, tuple[Point, ...]]:
        """The trend of each product that is there at the end."""
        found = {}
        for name in names:
            points, end = self._points[name], self._before
            if end is not None and points[-1].at != end:
                points = [*points, replace(points[-1], at=end)]
            found[name] = tuple(points)
        return found


def report(
    events: Iterable[Happened],
    mesh: str,
    at: datetime,
    *,
    anchor: str = "",
    regulation: str | None = None,
    domains: frozenset[str] | None = None,
    days: int = 90,
    points: int = 30,
    products: bool = True,
) -> Report | None:
    """Compliance at a time, with the trend of the days before it; None where no scan had written down by then.

    Args:
        events: of the log in its order; those behind `at` do not count.
        anchor: of the last event that was there at that time.
        regulation: policies that name it alone.
        domains: products of these alone.
        points: of the trend, at most.
        products: whether each product has a line and a trend.
    """
    ledger, of_products = Ledger(), _ProductTrends(regulation, domains)
    since = at - timedelta(days=days)
    moments = [since + (at - since) * n / (points - 1) for n in range(points - 1)] + [at]
    begun: datetime | None = None
    taken: list[tuple[datetime, dict[str, dict[str, Line]]]] = []
    seen: tuple[int, dict[str, dict[str, Line]]] | None = None
    for event in _until(events, at):
        while moments and (event is None or event.at > moments[0]):
            moment = moments.pop(0)
            if begun is not None:
                if seen is None or seen[0] != ledger.last or not moments:
                    ends = products and (not taken or not moments)  # between them the trend needs none of each product
                    seen = (ledger.last, ledger.lines(regulation, domains, products=ends))
                taken.append((moment, seen[1]))
                if products:
                    of_products.take(ledger, moment)
        if event is not None:
            ledger.take(event)
            begun = begun or (event.at if ledger.policies else None)
    if not taken:
        return None
    first, last = taken[0][1], taken[-1][1]
    sections = {
        section: tuple(sorted((_since(line, first[section]) for line in lines.values()), key=_order))
        for section, lines in last.items()
        if section
    }
    trends = {
        section: {
            name: tuple(_point(moment, lines[section].get(name)) for moment, lines in taken) for name in last[section]
        }
        for section in ("domain", "policy", "regulation")
    }
    trends["product"] = of_products.of(last["product"]) if products else {}
    total = _since(last[""][""], first[""])
    trend = tuple(_point(moment, lines[""][""]) for moment, lines in taken)
    return Report(mesh, at, taken[0][0], regulation, anchor, total, sections, trend, trends)


def _until(events: Iterable[Happened], at: datetime) -> Iterator[Happened | None]:
    """The events up to a time, and None behind them. Clocks differ: one that is late does not hide what follows it."""
    for event in events:
        if event.at <= at:
            yield event
    yield None


def _since(line: Line, before: Mapping[str, Line]) -> Line:
    earlier = before.get(line.name)
    return replace(line, before=earlier.score if earlier is not None else None)


def _order(line: Line) -> tuple[float, str]:
    return (2.0 if line.score is None else line.score, line.name)


def _point(moment: datetime, line: Line | None) -> Point:
    return Point(moment, line.score if line is not None else None, line.pairs if line is not None else 0)
