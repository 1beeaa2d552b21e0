"""Compliance: which share of what policies ask is kept, now and at any past time, folded from the event log alone.

A pair is a policy and a product in its scope. It is kept when nothing of the product violates the policy; `waived` and
`baseline` (known debt) pairs have no open violation either and are shown apart; a pair is `violated` while a violation
is open or overdue, and `unknown` while the policy cannot be asked. The score is the share of pairs that are neither
violated nor unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

SCOPE, PRODUCTS, VIOLATION = "compliance.scope", "compliance.products", "violation."
"""Kinds of the events that are folded; of the last one the beginning."""
STATES = ("kept", "waived", "baseline", "violated", "unknown")
"""What a pair may be; of several the last one counts."""
_RANK = {state: rank for rank, state in enumerate(STATES)}
_FALLING = tuple(reversed(range(len(STATES))))
_STATE_OF = {"open": "violated", "overdue": "violated", "waived": "waived", "known": "baseline"}
_CANNOT_BE_ASKED = "policy:"


class Happened(Struct, frozen=True):
    """An event of the log, as far as it matters here."""

    seq: int
    at: datetime
    kind: str
    body: Mapping[str, Any]


class Line(Struct, frozen=True):
    """Pairs of one domain, product, policy or regulation, or of all, by what they are.

    Attributes:
        name: a domain, an address, an id; empty for all.
        before: the score at the beginning of the stretch that is reported; None where there were no pairs.
    """

    name: str
    title: str
    kept: int = 0
    waived: int = 0
    baseline: int = 0
    violated: int = 0
    unknown: int = 0
    before: float | None = None

    @property
    def pairs(self) -> int:
        """How many there are."""
        return self.kept + self.waived + self.baseline + self.violated + self.unknown

    @property
    def score(self) -> float | None:
        """The share without an open violation, from 0 to 1; None where nothing is asked."""
        return (self.pairs - self.violated - self.unknown) / self.pairs if self.pairs else None

    def plus(self, other: Line) -> Line:
        """Both together, under the name of this one."""
        return replace(self, **{state: getattr(self, state) + getattr(other, state) for state in STATES})

    def as_json(self) -> dict[str, Any]:
        """The line as a report prints it."""
        counts = {state: getattr(self, state) for state in STATES}
        shown = {"score": rounded(self.score), "before": rounded(self.before), "pairs": self.pairs}
        return {"name": self.name, "title": self.title, **shown, **counts}


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
        trends: the same of each domain, policy and regulation, by section and name.
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


_Group = tuple[str, str]
"""A section and a name in it."""


class _Scopes:
    """The products that policies are about, as long as neither of them changes."""

    def __init__(self) -> None:
        self._known: dict[str, frozenset[str]] = {}
        self._by_domain: dict[str, Counter[str]] = {}

    def of(self, id_: str, policy: Mapping[str, Any], products: set[str]) -> frozenset[str]:
        """The products of a policy's scope."""
        if id_ not in self._known:
            self._known[id_] = scope_of(policy, products)
        return self._known[id_]

    def by_domain(self, id_: str, policy: Mapping[str, Any], products: set[str]) -> Counter[str]:
        """How many products of its scope each domain has."""
        if id_ not in self._by_domain:
            self._by_domain[id_] = Counter(p.partition(".")[0] for p in self.of(id_, policy, products))
        return self._by_domain[id_]


class Ledger:
    """What was asked of which products and what violated it, at the last event that was taken."""

    def __init__(self) -> None:
        self.products: set[str] = set()
        self.policies: dict[str, dict[str, Any]] = {}
        self.violations: dict[str, Mapping[str, Any]] = {}
        self.last = 0
        self._scopes = _Scopes()
        self._marks: dict[tuple[str, str], list[int]] = {}
        self._worst: dict[tuple[str, str], str] = {}
        self._wide: set[tuple[str, str]] = set()

    def take(self, event: Happened) -> None:
        """Takes the next event; what is no business of compliance changes nothing."""
        body = event.body
        if event.kind == PRODUCTS:
            self.products = (self.products | set(body.get("added", ()))) - set(body.get("removed", ()))
            self._scopes = _Scopes()
        elif event.kind == SCOPE:
            self._scopes = _Scopes()
            if body.get("ended"):
                self.policies.pop(str(body["policy"]), None)
            else:
                self.policies[str(body["policy"])] = dict(body)
        elif event.kind.startswith(VIOLATION) and "violation" in body:
            state = _STATE_OF.get(str(body.get("state")))
            former = self.violations.pop(str(body["violation"]), None)
            if former is not None:
                self._mark(former, -1)
            if state is not None:
                one = self.violations[str(body["violation"])] = {**body, "state": state}
                self._mark(one, 1)
        self.last = event.seq

    def regulations(self) -> frozenset[str]:
        """The regulations that some policy names."""
        return frozenset(r for policy in self.policies.values() for r in regulations_of(policy))

    def lines(
        self, regulation: str | None = None, domains: frozenset[str] | None = None, *, products: bool = True
    ) -> dict[str, dict[str, Line]]:
        """Lines by section and name; of the policies of one regulation and the products of some domains, or of all.

        Args:
            products: whether each product has a line.
        """
        pairs: Counter[_Group] = Counter()
        states: dict[_Group, Counter[str]] = {("", ""): Counter()}
        groups: dict[str, list[_Group]] = {}
        for id_, policy in self.policies.items():
            named = regulations_of(policy)
            if regulation is not None and regulation not in named:
                continue
            groups[id_] = [("", ""), ("policy", id_), *(("regulation", r) for r in named)]
            states["policy", id_] = Counter()
            by_domain = self._scopes.by_domain(id_, policy, self.products)
            inside = {d: n for d, n in by_domain.items() if domains is None or d in domains}
            for group in groups[id_]:
                pairs[group] += sum(inside.values())
            pairs.update({("domain", d): n for d, n in inside.items()})
            if products:
                scope = self._scopes.of(id_, policy, self.products)
                pairs.update(("product", p) for p in scope if p.partition(".")[0] in inside)
        # most pairs are kept: only those are looked at of which something is known, and counted by domain first
        counted: dict[tuple[str, str, str], int] = {}
        for (id_, product), state in self._pairs(groups, domains):
            place = id_, product.partition(".")[0], state
            counted[place] = counted.get(place, 0) + 1
            if products:
                _counter(states, ("product", product))[state] += 1
        for (id_, domain, state), number in counted.items():
            for group in (*groups[id_], ("domain", domain)):
                _counter(states, group)[state] += number
        found: dict[str, dict[str, Line]] = {"": {}, "domain": {}, "product": {}, "policy": {}, "regulation": {}}
        for group in sorted({*pairs, *states}):
            section, name = group
            title = str(self.policies[name].get("title") or name) if section == "policy" else name
            counts = states.get(group, Counter())
            kept = pairs[group] - counts.total()
            found[section][name] = Line(name, title, kept, *(counts[state] for state in STATES[1:]))
        return found

    def cells(self) -> dict[tuple[str, str], Line]:
        """A line for each domain and policy that has products in its scope."""
        states: dict[tuple[str, str], Counter[str]] = {}
        for (id_, product), state in self._pairs(self.policies, None):
            states.setdefault((product.partition(".")[0], id_), Counter())[state] += 1
        found = {}
        for id_, policy in self.policies.items():
            title = str(policy.get("title") or id_)
            for domain, pairs in self._scopes.by_domain(id_, policy, self.products).items():
                counts = states.get((domain, id_), Counter())
                kept = pairs - counts.total()
                found[domain, id_] = Line(id_, title, kept, *(counts[state] for state in STATES[1:]))
        return found

    def _pairs(self, policies: Iterable[str], domains: frozenset[str] | None) -> Iterable[tuple[tuple[str, str], str]]:
        """What pairs are of which something is known, by policy and product."""
        scopes = {id_: self._scopes.of(id_, self.policies[id_], self.products) for id_ in policies}
        nothing: frozenset[str] = frozenset()
        narrow = (
            (pair, state)
            for pair, state in self._worst.items()
            if pair[1] in scopes.get(pair[0], nothing) and (domains is None or pair[1].partition(".")[0] in domains)
        )
        if not self._wide:
            return narrow
        found = dict(narrow)
        for id_, place in self._wide:  # of a domain, or of all: each product of it
            for product in scopes.get(id_, nothing):
                domain = product.partition(".")[0]
                if place in ("", domain) and (domains is None or domain in domains):
                    found[id_, product] = _worst(found.get((id_, product)), self._worst[id_, place])
        return found.items()

    def _mark(self, one: Mapping[str, Any], step: int) -> None:
        """Counts a violation at its policy and product, domain or "" for all; the worst that is there counts."""
        whole = str(one.get("subject", "")).startswith(_CANNOT_BE_ASKED)
        key = str(one["policy"]), str(one.get("product") or one.get("domain") or "")
        state = "unknown" if whole and one["state"] == "violated" else str(one["state"])
        counts = self._marks.setdefault(key, [0] * len(STATES))
        counts[_RANK[state]] += step
        worst = next((rank for rank in _FALLING if counts[rank]), None)
        if worst is None:
            del self._marks[key], self._worst[key]
            self._wide.discard(key)
        else:
            self._worst[key] = STATES[worst]
            if "." not in key[1]:
                self._wide.add(key)


def _counter(states: dict[_Group, Counter[str]], group: _Group) -> Counter[str]:
    found = states.get(group)
    if found is None:
        found = states[group] = Counter()
    return found


def scope_of(policy: Mapping[str, Any], products: Iterable[str]) -> frozenset[str]:
    """The products that an event of a policy's scope means: some by name, or all but some."""
    known = frozenset(products)
    return known & frozenset(policy["only"]) if "only" in policy else known - frozenset(policy.get("except", ()))


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
) -> Report | None:
    """Compliance at a time, with the trend of the days before it; None where no scan had written down by then.

    Args:
        events: of the log in its order; those behind `at` do not count.
        anchor: of the last event that was there at that time.
        regulation: policies that name it alone.
        domains: products of these alone.
        points: of the trend, at most.
    """
    ledger = Ledger()
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
                    ends = not taken or not moments  # between them the trend needs no line of each product
                    seen = (ledger.last, ledger.lines(regulation, domains, products=ends))
                taken.append((moment, seen[1]))
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
    total = _since(last[""][""], first[""])
    trend = tuple(_point(moment, lines[""][""]) for moment, lines in taken)
    return Report(mesh, at, taken[0][0], regulation, anchor, total, sections, trend, trends)


def rounded(score: float | None) -> float | None:
    """A score as it is printed: rounded down, so that 1 means all."""
    return None if score is None else int(score * 10_000 + 1e-9) / 10_000


def _until(events: Iterable[Happened], at: datetime) -> Iterator[Happened | None]:
    """The events up to a time, and None behind them. Clocks differ: one that is late does not hide what follows it."""
    for event in events:
        if event.at <= at:
            yield event
    yield None


def regulations_of(policy: Mapping[str, Any]) -> Sequence[str]:
    """The regulations that a policy names, without their articles."""
    return sorted({str(one).partition(":")[0] for one in policy.get("regulations", ())})


def _worst(*states: str | None) -> str:
    return max((s for s in states if s is not None), key=_RANK.__getitem__, default="kept")


def _since(line: Line, before: Mapping[str, Line]) -> Line:
    earlier = before.get(line.name)
    return replace(line, before=earlier.score if earlier is not None else None)


def _order(line: Line) -> tuple[float, str]:
    return (2.0 if line.score is None else line.score, line.name)


def _point(moment: datetime, line: Line | None) -> Point:
    return Point(moment, line.score if line is not None else None, line.pairs if line is not None else 0)
