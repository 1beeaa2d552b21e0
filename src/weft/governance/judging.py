"""Policies held against a book: what violates them, and which of them cannot be asked."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from msgspec import Struct

from weft.governance.book import Book, Found, Limits, Refused
from weft.governance.policies import Applied, Policy, PolicySet, Scope, When

_RETIRED = "retired"


class Objection(Struct, frozen=True, order=True):
    """A subject that violates a policy, in the form that the policy has there."""

    policy: str
    subject: str
    detail: str | None
    applied: Applied


class Unasked(Struct, frozen=True):
    """A policy that could not be asked, everywhere or within some products: itself a finding.

    Attributes:
        within: products for which it failed; empty: everywhere.
        sound: whether it can be asked at all, and fails on what it is asked of.
    """

    policy: Policy
    why: str
    within: tuple[str, ...] = ()
    sound: bool = True


class Judgement(Struct, frozen=True):
    """What came of asking.

    Attributes:
        asked: how many policies were asked.
    """

    objections: tuple[Objection, ...]
    unasked: tuple[Unasked, ...] = ()
    asked: int = 0


def parameters_of(policy: Policy, now: datetime) -> dict[str, Any]:
    """What `:name` means in a check."""
    return {**policy.parameters, **_moment(now)}


def refusal(policy: Policy, now: datetime) -> str | None:
    """Why a policy cannot be asked of a mesh in which nothing is, which is its own fault; None where it can."""
    return _refusal(policy, parameters_of(policy, now))


def _refusal(policy: Policy, parameters: Mapping[str, Any]) -> str | None:
    empty = Book.in_memory()
    try:
        empty.ask(policy.check, parameters, limits=Limits(0.1))
    except Refused as e:
        return e.why
    finally:
        empty.close()
    return None


def _moment(now: datetime) -> dict[str, str]:
    return {"now": now.isoformat(), "today": now.date().isoformat()}


def judge(
    book: Book,
    policies: PolicySet,
    now: datetime,
    *,
    when: When | None = None,
    within: Iterable[str] | None = None,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
) -> Judgement:
    """Asks all policies, over the whole mesh or within some domains and products."""
    judge = _Judge(book, policies, now, limits)
    places = None if within is None else sorted(set(within))
    asked = 0
    for applied in policies.applied(when):
        asked += not applied.within and applied.policy.broken is None
        judge.ask(applied, places)
    return Judgement(tuple(sorted(judge.objections, key=_order)), tuple(judge.unasked), asked)


def in_scope(book: Book, policy: Policy, subject: str) -> bool:
    """Whether an address lies in the scope of a policy."""
    return _InScope(book, policy.scope).has(subject)


def products_in(book: Book, scope: Scope) -> frozenset[str]:
    """The products of a book that a scope takes in: what asking `in_scope` of each would find, at once."""
    found = {
        product
        for product, domain, status in book.ours("SELECT product, domain, status FROM products")
        if (status in scope.status if scope.status else status != _RETIRED)
        and (not scope.domains or any(fnmatchcase(domain, glob) for glob in scope.domains))
        and (not scope.products or any(fnmatchcase(product, glob) for glob in scope.products))
    }
    if scope.tags:
        marks = ", ".join("?" * len(scope.tags))
        tagged = {subject for (subject,) in book.ours(f"SELECT subject FROM tags WHERE tag IN ({marks})", scope.tags)}
        found = {product for product in found if product in tagged or product.partition(".")[0] in tagged}
    if scope.classification:
        marks = ", ".join("?" * len(scope.classification))
        sql = f"SELECT DISTINCT product FROM columns WHERE level IN ({marks})"
        found &= {product for (product,) in book.ours(sql, scope.classification)}
    return frozenset(found)


def _order(objection: Objection) -> tuple[str, str]:
    return objection.policy, objection.subject


class _Judge:
    """Asks one policy after another, and remembers what scopes mean."""

    def __init__(self, book: Book, policies: PolicySet, now: datetime, limits: Limits) -> None:
        self._book = book
        self._policies = policies
        self._moment = _moment(now)
        self._limits = limits
        self._scopes: dict[Scope, _InScope] = {}
        self._unsound: set[tuple[str, str]] = set()
        self.objections: list[Objection] = []
        self.unasked: list[Unasked] = []

    def ask(self, applied: Applied, places: list[str] | None) -> None:
        policy = applied.policy
        own = applied.within or policy.place.of
        if places is None:
            wanted: Sequence[str | None] = [own or None]
        elif not own:
            wanted = places
        else:
            wanted = sorted(p for p in {_narrower(place, own) for place in places} if p is not None)
        if policy.broken is not None and wanted and not applied.within:
            self.unasked.append(Unasked(policy, policy.broken, sound=False))
        if policy.broken is not None:
            return
        for within in wanted:
            if (policy.id, policy.place.of) in self._unsound:
                return
            self._ask_within(applied, within)

    def _ask_within(self, applied: Applied, within: str | None) -> None:
        policy = applied.policy
        parameters = {**policy.parameters, **self._moment}
        try:
            found = self._book.ask(policy.check, parameters, within, self._limits)
        except Refused as e:
            if _refusal(policy, parameters) is not None:
                self._unsound.add((policy.id, policy.place.of))
                self.unasked.append(Unasked(policy, e.why, sound=False))
                return
            found, failed = self._one_by_one(policy, parameters, within)
            if failed is None:
                self.unasked.append(Unasked(policy, e.why))
                return
            self.unasked.append(Unasked(policy, failed[1], tuple(failed[0])) if failed[0] else Unasked(policy, e.why))
        if not found:
            return
        elsewhere = self._policies.narrower(applied)
        in_scope = self._scopes.get(policy.scope)
        if in_scope is None:
            whole = within is None
            in_scope = self._scopes[policy.scope] = _InScope(self._book, policy.scope, whole=whole)
        self.objections += [
            Objection(policy.id, one.subject, one.detail, applied)
            for one in found
            if in_scope.has(one.subject) and not any(_lies_in(one.subject, place) for place in elsewhere)
        ]

    def _one_by_one(
        self, policy: Policy, parameters: Mapping[str, Any], within: str | None
    ) -> tuple[list[Found], tuple[list[str], str] | None]:
        """What is found product by product, and for which it fails; None where it fails for all of them.

        All products together have the time that the policy has once: those that are left fail, too.
        """
        found: list[Found] = []
        failed: list[str] = []
        why, answered, until = "", 0, time.monotonic() + self._limits.seconds
        for product in self._products(within):
            if time.monotonic() >= until:
                if not answered:
                    return [], None
                why = f"it was ended after {self._limits.seconds:g} s for one product after another"
                failed.append(product)
                continue
            try:
                found += self._book.ask(policy.check, parameters, product, Limits(0.1, self._limits.rows))
                answered += 1
            except Refused as e:
                failed.append(product)
                why = e.why
        return found, (failed, why) if answered else None

    def _products(self, within: str | None) -> Iterator[str]:
        if within is not None and "." in within:
            yield within
            return
        for (product,) in self._book.ours("SELECT product FROM products ORDER BY product"):
            if within is None or product.startswith(f"{within}."):
                yield product


class _InScope:
    """Which addresses a scope takes in. What is no product's (a domain, a term) is in it unless it names products."""

    def __init__(self, book: Book, scope: Scope, *, whole: bool = False) -> None:
        """`whole`: many products will be asked for; those that are in it are read at once."""
        self._book = book
        self._scope = scope
        self._known: dict[str, bool] = dict.fromkeys(products_in(book, scope), True) if whole else {}

    def has(self, subject: str) -> bool:
        """Whether an address lies in the scope."""
        product = ".".join(subject.split(".", 2)[:2])
        known = self._known.get(product)
        if known is None:
            known = self._known[product] = self._product(product)
        return known

    def _product(self, address: str) -> bool:
        scope, domain = self._scope, address.split(".")[0]
        if scope.domains and not any(fnmatchcase(domain, glob) for glob in scope.domains):
            return False
        if "." not in address:
            return not (scope.products or scope.tags or scope.status or scope.classification)
        if scope.products and not any(fnmatchcase(address, glob) for glob in scope.products):
            return False
        rows = self._book.ours("SELECT status FROM products WHERE product = ?", (address,))
        status = rows[0][0] if rows else None
        if status is not None and (status not in scope.status if scope.status else status == _RETIRED):
            return False
        if scope.tags and not self._tagged(address, domain):
            return False
        return not scope.classification or self._classified(address)

    def _tagged(self, address: str, domain: str) -> bool:
        marks = ", ".join("?" * len(self._scope.tags))
        sql = f"SELECT 1 FROM tags WHERE subject IN (?, ?) AND tag IN ({marks}) LIMIT 1"
        return bool(self._book.ours(sql, (address, domain, *self._scope.tags)))

    def _classified(self, address: str) -> bool:
        marks = ", ".join("?" * len(self._scope.classification))
        sql = f"SELECT 1 FROM columns WHERE product = ? AND level IN ({marks}) LIMIT 1"
        return bool(self._book.ours(sql, (address, *self._scope.classification)))


def _lies_in(subject: str, place: str) -> bool:
    return subject == place or subject.startswith(f"{place}.")


def _narrower(one: str, other: str) -> str | None:
    """Where two places meet; None where they do not."""
    if not other or one == other or one.startswith(f"{other}."):
        return one
    return other if other.startswith(f"{one}.") else None
