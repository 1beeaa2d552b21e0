"""Compliance as it stands: what the log says of it is followed, so that a page does not fold the log again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct

from weft.api.governance.compliance import require_known
from weft.governance.compliance_ledger import Happened, Ledger, Line, regulations_of, rounded
from weft.registry.compliance import ComplianceLog
from weft.registry.database import Database

Document = dict[str, Any]
DAYS = 90
"""How far back the trend goes."""
_STEP = timedelta(days=3)
_KEPT = 100
"""How many documents are kept: one for each set of domains that somebody answers for."""
_Cells = Mapping[tuple[str, str], Line]


class _Point(Struct, frozen=True):
    """Scores at a time, as lines of domains, of policies, and of domains and regulations."""

    at: datetime
    domains: Mapping[str, Line]
    policies: Mapping[str, Line]
    regulations: Mapping[tuple[str, str], Line]


class StandingCompliance:
    """Follows the log. Used from several threads; the first look of a process reads all that the log has of it."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._log = ComplianceLog(database)
        self._now = now
        self._lock = threading.Lock()
        self._ledger = Ledger()
        self._last = 0
        self._cells: tuple[int, _Cells] = (-1, {})
        self._points: list[_Point] = []
        self._next: datetime | None = None
        self._made: dict[frozenset[str] | None, tuple[tuple[int, date], Document]] = {}
        self._anchor = ""
        self._reports: dict[tuple[str | None, frozenset[str] | None], tuple[tuple[str, date], Document]] = {}

    def shown(self, domains: frozenset[str] | None = None) -> Document | None:
        """Lines of all, of each domain, policy and regulation, the lowest score first, and cells of domain and policy.

        Args:
            domains: products of these alone; None: of all.

        Returns:
            A document that is not to be changed; None where no scan has written down yet what policies ask.
        """
        now = self._now()
        with self._lock:
            self._follow(now)
            if not self._ledger.policies:
                return None
            mark = (self._ledger.last, now.date())
            if self._made.get(domains, (None, {}))[0] == mark:
                return self._made[domains][1]
            cells, points = self._cells_now(), [*self._points, self._point(now)]
            named = self._named()
        made = _document(cells, points, named, domains, now)
        with self._lock:
            if len(self._made) >= _KEPT:
                self._made.clear()
            self._made[domains] = (mark, made)
        return made

    def report(self, regulation: str | None = None, domains: frozenset[str] | None = None) -> Document | None:
        """What a report of now says of domains, policies and regulations; of products and their trends it has no line.

        Args:
            regulation: policies that name it alone.
            domains: products of these alone; None: of all.

        Returns:
            A document that is not to be changed; None where no scan has written down yet what policies ask.

        Raises:
            UsageError: WFT-GOV-048, no policy names the regulation.
        """
        now = self._now()
        with self._lock:
            self._follow(now)
            if regulation is not None:
                require_known(regulation, sorted(self._ledger.regulations()))
            if not self._ledger.policies:
                return None
            asked, mark = (regulation, domains), (self._anchor, now.date())
            known = self._reports.get(asked)
            if known is not None and known[0] == mark:
                return known[1]
            lines = self._ledger.lines(regulation, domains, products=False)
            trend = [
                _score(p.at, _total(p, domains) if regulation is None else _regulation(p, regulation, domains))
                for p in self._points
            ]
            total = lines[""][""]
            made = {
                "since": trend[0]["at"] if trend else now.isoformat(),
                "anchor": self._anchor,
                "total": _shown(total),
                "domains": [_shown(line) for line in _worst_first(lines["domain"])],
                "policies": [_shown(line) for line in _worst_first(lines["policy"])],
                "regulations": [_shown(line) for line in _worst_first(lines["regulation"])],
                "trend": [*trend, _score(now, total)],
            }
            if len(self._reports) >= _KEPT:
                self._reports.clear()
            self._reports[asked] = (mark, made)
        return made

    def _follow(self, now: datetime) -> None:
        anchor = self._log.end(now)
        end, self._anchor = anchor.seq, str(anchor)
        for record in self._log.records(end, self._last):
            event = Happened(*record)
            self._remember(event.at, now)
            self._ledger.take(event)
            self._last = event.seq
        self._last = max(self._last, end)
        self._points = [p for p in self._points if p.at >= now - timedelta(days=DAYS)]

    def _remember(self, at: datetime, now: datetime) -> None:
        """Keeps how all stood at each step of the trend that lies before an event."""
        if self._next is None:
            self._next = max(at, now - timedelta(days=DAYS))
        while at > self._next:
            if self._ledger.policies:
                self._points.append(self._point(self._next))
            self._next += _STEP

    def _cells_now(self) -> _Cells:
        if self._cells[0] != self._ledger.last:
            self._cells = (self._ledger.last, self._ledger.cells())
        return self._cells[1]

    def _point(self, at: datetime) -> _Point:
        cells = self._cells_now()
        by_domain = _summed((domain, line) for (domain, _), line in cells.items())
        by_policy = _summed((id_, line) for (_, id_), line in cells.items())
        return _Point(at, by_domain, by_policy, _summed_by_regulation(cells, self._named()))

    def _named(self) -> Mapping[str, Sequence[str]]:
        return {id_: regulations_of(policy) for id_, policy in self._ledger.policies.items()}


def _document(
    cells: _Cells,
    points: Sequence[_Point],
    named: Mapping[str, Sequence[str]],
    domains: frozenset[str] | None,
    now: datetime,
) -> Document:
    cells = {key: line for key, line in cells.items() if domains is None or key[0] in domains}
    by_regulation = _summed((regulation, line) for (_, id_), line in cells.items() for regulation in named[id_])
    by_domain = _summed((domain, line) for (domain, _), line in cells.items())
    by_policy = _summed(((id_, line) for (_, id_), line in cells.items()), titled=True)
    total = _summed(("", line) for line in cells.values()).get("", Line("", ""))
    since = now - timedelta(days=DAYS)
    points = [p for p in points if p.at >= since]
    whole = domains is None  # of some domains it is not remembered how each policy stood
    shown: dict[str, Document] = {}
    for (domain, id_), line in cells.items():
        shown.setdefault(domain, {})[id_] = _shown(line)
    return {
        "total": total.as_json(),
        "trend": [_score(p.at, _total(p, domains)) for p in points],
        "domains": [
            {**_shown(line), "trend": [_score(p.at, p.domains.get(line.name)) for p in points]}
            for line in _worst_first(by_domain)
        ],
        "policies": [
            {**_shown(line), "trend": [_score(p.at, p.policies.get(line.name)) for p in points] if whole else []}
            for line in _worst_first(by_policy)
        ],
        "regulations": [
            {**_shown(line), "trend": [_score(p.at, _regulation(p, line.name, domains)) for p in points]}
            for line in _worst_first(by_regulation)
        ],
        "cells": shown,
    }


def _summed(lines: Iterable[tuple[str, Line]], *, titled: bool = False) -> dict[str, Line]:
    """Lines put together by a name, which is their title as well unless they keep their own."""
    found: dict[str, Line] = {}
    for name, line in lines:
        known = found.get(name)
        found[name] = (known or Line(name, line.title if titled else name)).plus(line)
    return found


def _summed_by_regulation(cells: _Cells, named: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], Line]:
    """Lines of a domain and a regulation; of an empty domain those of all."""
    found: dict[tuple[str, str], Line] = {}
    for (domain, id_), line in cells.items():
        for regulation in named[id_]:
            for key in ((domain, regulation), ("", regulation)):
                known = found.get(key)
                found[key] = (known or Line(regulation, regulation)).plus(line)
    return found


def _regulation(point: _Point, regulation: str, domains: frozenset[str] | None) -> Line | None:
    if domains is None:
        return point.regulations.get(("", regulation))
    lines = [(regulation, line) for d in domains if (line := point.regulations.get((d, regulation))) is not None]
    return _summed(lines).get(regulation)


def _worst_first(lines: Mapping[str, Line]) -> list[Line]:
    return sorted(lines.values(), key=lambda line: (2.0 if line.score is None else line.score, line.name))


def _shown(line: Line) -> Document:
    return {name: value for name, value in line.as_json().items() if name != "before"}


def _total(point: _Point, domains: frozenset[str] | None) -> Line:
    inside = [("", line) for name, line in point.domains.items() if domains is None or name in domains]
    return _summed(inside).get("", Line("", ""))


def _score(at: datetime, line: Line | None) -> Document:
    return {"at": at.isoformat(), "score": rounded(line.score) if line is not None else None}
