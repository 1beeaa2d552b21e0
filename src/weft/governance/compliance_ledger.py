"""What was asked of which products and what violated it, followed event by event.

A pair is a policy and a product in its scope. Cells, of a policy and a domain, are counted and kept until something of
them changes; lines of domains, policies and regulations are sums of cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

SCOPE, PRODUCTS, VIOLATION = "compliance.scope", "compliance.products", "violation."
"""Kinds of the events that are folded; of the last one the beginning."""
STATES = ("kept", "waived", "baseline", "violated", "unknown")
"""What a pair may be; of several the last one counts."""
_RANK = {state: rank for rank, state in enumerate(STATES)}
_STATE_OF = {"open": "violated", "overdue": "violated", "waived": "waived", "known": "baseline"}
_CANNOT_BE_ASKED = "policy:"
_Counts = list[int]
"""How many pairs are in each state, by its rank."""


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


class _Scopes:
    """The products that policies are about, as long as the products do not change."""

    def __init__(self, products: frozenset[str] = frozenset()) -> None:
        self._products = products
        self._known: dict[str, frozenset[str]] = {}
        self._same: dict[frozenset[str], frozenset[str]] = {}
        self._by_domain: dict[frozenset[str], Mapping[str, Sequence[str]]] = {}

    def of(self, id_: str, policy: Mapping[str, Any]) -> frozenset[str]:
        """The products of a policy's scope."""
        if id_ not in self._known:
            scope = scope_of(policy, self._products)
            self._known[id_] = self._same.setdefault(scope, scope)  # one object, so that looking it up compares none
        return self._known[id_]

    def by_domain(self, id_: str, policy: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
        """The same, by domain; many policies are about all products."""
        scope = self.of(id_, policy)
        found = self._by_domain.get(scope)
        if found is None:
            groups: dict[str, list[str]] = {}
            for product in scope:
                groups.setdefault(product.partition(".")[0], []).append(product)
            found = self._by_domain[scope] = groups
        return found

    def forget(self, id_: str) -> None:
        """Looks at a policy anew."""
        self._known.pop(id_, None)


class Ledger:
    """What was asked of which products and what violated it, at the last event that was taken."""

    def __init__(self) -> None:
        self.products: set[str] = set()
        self.policies: dict[str, dict[str, Any]] = {}
        self.last = 0
        self._violations: dict[str, tuple[str, str, int]] = {}
        self._scopes = _Scopes()
        self._marks: dict[tuple[str, str], _Counts] = {}
        self._of_cell: dict[tuple[str, str], dict[str, int]] = {}
        self._of_place: dict[str, dict[str, int]] = {}
        self._cells: dict[str, dict[str, _Counts]] = {}
        self._asked: dict[str | None, Counter[str]] = {}
        self._serving: dict[str, Mapping[str, Any]] = {}
        self._moved: set[str] = set()

    def take(self, event: Happened) -> None:
        """Takes the next event; what is no business of compliance changes nothing."""
        body = event.body
        if event.kind == PRODUCTS:
            self._take_products(set(body.get("added", ())), set(body.get("removed", ())))
        elif event.kind == SCOPE:
            id_ = str(body["policy"])
            if body.get("ended"):
                self.policies.pop(id_, None)
            else:
                self.policies[id_] = dict(body)
            self._scopes.forget(id_)
            self._cells.pop(id_, None)
            self._asked.clear()
            self._serving.clear()
            self._moved |= self.products
        elif event.kind.startswith(VIOLATION) and "violation" in body:
            id_, after = str(body["violation"]), _marked(body)
            former = self._violations.pop(id_, None)
            if former is not None:
                self._mark(*former, -1)
            if after is not None:
                self._violations[id_] = after
                self._mark(*after, 1)
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
        counts: dict[str, dict[str, _Counts]] = {"": {}, "domain": {}, "policy": {}, "regulation": {}}
        total = counts[""].setdefault("", _none())
        for id_ in self._chosen(regulation):
            policy, row = self.policies[id_], _none()
            for domain in self._scopes.by_domain(id_, policy):
                if domains is None or domain in domains:
                    cell = self._cell(id_, domain)
                    _add(row, cell)
                    _add(counts["domain"].setdefault(domain, _none()), cell)
            _add(total, row)
            counts["policy"][id_] = row
            for named in regulations_of(policy):
                _add(counts["regulation"].setdefault(named, _none()), row)
        found: dict[str, dict[str, Line]] = {"": {}, "domain": {}, "product": {}, "policy": {}, "regulation": {}}
        for section, of_names in counts.items():
            for name in sorted(of_names):
                title = str(self.policies[name].get("title") or name) if section == "policy" else name
                found[section][name] = Line(name, title, *of_names[name])
        if products:
            names = sorted(self._pairs(regulation))
            found["product"] = {n: line for n in names if (line := self.product(n, regulation, domains)) is not None}
        return found

    def product(self, name: str, regulation: str | None, domains: frozenset[str] | None) -> Line | None:
        """The line of a product; None where nothing is asked of it, or it is none of the domains."""
        pairs, domain = self._pairs(regulation)[name], name.partition(".")[0]
        if not pairs or (domains is not None and domain not in domains):
            return None
        chosen, counts = self._chosen(regulation), _none()
        ranks: Mapping[str, int] = self._of_place.get(name, {})
        for wide in (self._of_place.get(domain), self._of_place.get("")):
            if wide:
                ranks = {id_: max(wide.get(id_, 0), ranks.get(id_, 0)) for id_ in ranks.keys() | wide.keys()}
        for id_, rank in ranks.items():
            policy = chosen.get(id_)
            if policy is not None and name in self._scopes.of(id_, policy):
                counts[rank] += 1
        counts[0] = pairs - sum(counts)
        return Line(name, name, *counts)

    def moved(self) -> set[str]:
        """The products whose lines may be others than when this was asked before."""
        moved, self._moved = self._moved, set()
        return moved

    def cells(self) -> dict[tuple[str, str], Line]:
        """A line for each domain and policy that has products in its scope."""
        return {
            (domain, id_): Line(id_, str(policy.get("title") or id_), *self._cell(id_, domain))
            for id_, policy in self.policies.items()
            for domain in self._scopes.by_domain(id_, policy)
        }

    def _take_products(self, added: set[str], removed: set[str]) -> None:
        self.products = (self.products | added) - removed
        self._scopes = _Scopes(frozenset(self.products))
        self._asked.clear()
        self._moved |= added | removed
        touched = {product.partition(".")[0] for product in added | removed}
        for cells in self._cells.values():
            for domain in touched & cells.keys():
                del cells[domain]

    def _chosen(self, regulation: str | None) -> Mapping[str, Any]:
        """The policies that name a regulation, or all."""
        if regulation is None:
            return self.policies
        found = self._serving.get(regulation)
        if found is None:
            serving = {id_: policy for id_, policy in self.policies.items() if regulation in regulations_of(policy)}
            found = self._serving[regulation] = serving
        return found

    def _pairs(self, regulation: str | None) -> Counter[str]:
        """How many policies are about each product."""
        found = self._asked.get(regulation)
        if found is None:
            found = self._asked[regulation] = Counter()
            for id_ in self._chosen(regulation):
                found.update(self._scopes.of(id_, self.policies[id_]))
        return found

    def _cell(self, id_: str, domain: str) -> _Counts:
        """How the pairs of a policy and the products of a domain stand: most are kept, and are not looked at."""
        cells = self._cells.setdefault(id_, {})
        found = cells.get(domain)
        if found is None:
            policy, own = self.policies[id_], self._of_cell.get((id_, domain), {})
            inside = self._scopes.by_domain(id_, policy).get(domain, ())
            wide = max(own.get(domain, 0), self._of_cell.get((id_, ""), {}).get("", 0))
            counts = _none()
            if wide:  # what violates it in the domain itself, or everywhere, counts for each product
                for product in inside:
                    counts[max(wide, own.get(product, 0))] += 1
            else:
                scope = self._scopes.of(id_, policy)
                for place, rank in own.items():
                    counts[rank] += place in scope
                counts[0] = len(inside) - sum(counts)
            found = cells[domain] = counts
        return found

    def _mark(self, id_: str, place: str, rank: int, step: int) -> None:
        """Counts a violation at its policy and place; the worst that is there counts."""
        key = id_, place
        counts = self._marks.get(key)
        if counts is None:
            counts = self._marks[key] = _none()
        before = _worst(counts)
        counts[rank] += step
        worst = _worst(counts)
        if not worst:
            del self._marks[key]
        if worst != before:
            self._moves(id_, place, worst)

    def _moves(self, id_: str, place: str, worst: int) -> None:
        """Something else is the worst at a place now; nothing is, where it is 0."""
        domain = place.partition(".")[0]
        of_cell = self._of_cell.setdefault((id_, domain), {})
        of_place = self._of_place.setdefault(place, {})
        if worst:
            of_cell[place] = of_place[id_] = worst
        else:
            del of_cell[place], of_place[id_]
        if place:
            self._cells.get(id_, {}).pop(domain, None)
        else:
            self._cells.pop(id_, None)
        if "." in place:
            self._moved.add(place)
        else:
            self._moved |= self.products


def scope_of(policy: Mapping[str, Any], products: Iterable[str]) -> frozenset[str]:
    """The products that an event of a policy's scope means: some by name, or all but some."""
    known = frozenset(products)
    return known & frozenset(policy["only"]) if "only" in policy else known - frozenset(policy.get("except", ()))


def regulations_of(policy: Mapping[str, Any]) -> Sequence[str]:
    """The regulations that a policy names, without their articles."""
    return sorted({str(one).partition(":")[0] for one in policy.get("regulations", ())})


def _marked(body: Mapping[str, Any]) -> tuple[str, str, int] | None:
    """Policy, place and rank of a violation: its product, its domain, or "" for all; None where it is over."""
    state = _STATE_OF.get(str(body.get("state")))
    if state is None:
        return None
    if state == "violated" and str(body.get("subject", "")).startswith(_CANNOT_BE_ASKED):
        state = "unknown"
    return str(body["policy"]), str(body.get("product") or body.get("domain") or ""), _RANK[state]


def _worst(counts: _Counts) -> int:
    return 4 if counts[4] else 3 if counts[3] else 2 if counts[2] else 1 if counts[1] else 0


def _none() -> _Counts:
    return [0] * len(STATES)


def _add(counts: _Counts, others: Sequence[int]) -> None:
    counts[0] += others[0]  # in a row, for there are hundreds of thousands
    counts[1] += others[1]
    counts[2] += others[2]
    counts[3] += others[3]
    counts[4] += others[4]


def rounded(score: float | None) -> float | None:
    """A score as it is printed: rounded down, so that 1 means all."""
    return None if score is None else int(score * 10_000 + 1e-9) / 10_000
