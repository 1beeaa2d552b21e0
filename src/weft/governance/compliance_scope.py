"""What policies ask of which products, as the events by which a report can be made for any time later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weft.governance.book import Book
from weft.governance.compliance_ledger import PRODUCTS, SCOPE, Ledger, scope_of
from weft.governance.judging import products_in
from weft.governance.policies import Policy, PolicySet, Scope, When

Told = tuple[str, str, Mapping[str, Any]]
"""Kind, subject and body of an event."""


Scopes = Mapping[str, tuple[Policy, frozenset[str]]]
"""Policies by id, each with the products that it is about."""


def scopes(book: Book, policies: PolicySet) -> tuple[frozenset[str], Scopes]:
    """The products of a book, and the policies that are looked at by scans."""
    products = frozenset(str(p) for (p,) in book.ours("SELECT product FROM products WHERE status <> 'retired'"))
    about: dict[str, tuple[Policy, frozenset[str]]] = {}
    known: dict[Scope, frozenset[str]] = {}
    for policy in policies.policies.values():
        if When.SCAN in policy.when:
            within = known.get(policy.scope)
            if within is None:
                within = known[policy.scope] = products_in(book, policy.scope) & products
            if policy.place.of:
                within = frozenset(p for p in within if policy.place.covers(p))
            about[policy.id] = policy, within
    return products, about


def news(ledger: Ledger, products: frozenset[str], about: Scopes) -> Iterator[Told]:
    """The events that bring a ledger to what is asked now; none where nothing has changed."""
    added, removed = sorted(products - ledger.products), sorted(ledger.products - products)
    if added or removed:
        yield PRODUCTS, "compliance", {"added": added, "removed": removed}
    for id_ in sorted(ledger.policies.keys() - about.keys()):
        yield SCOPE, f"policy:{id_}", {"policy": id_, "ended": True}
    for id_, (policy, within) in sorted(about.items()):
        body = _body(policy, within, products)
        known = ledger.policies.get(id_)
        # new products may be in a scope that is written as all but some: what it means counts, not how it is written
        if known is None or _words(known) != _words(body) or scope_of(known, products) != within:
            yield SCOPE, f"policy:{id_}", body


def _body(policy: Policy, within: frozenset[str], products: frozenset[str]) -> dict[str, Any]:
    outside = products - within
    scope = {"only": sorted(within)} if len(within) < len(outside) else {"except": sorted(outside)}
    return {
        "policy": policy.id,
        "title": policy.title,
        "kind": policy.kind.value,
        "severity": policy.severity.value,
        "regulations": list(policy.regulations),
        **scope,
    }


def _words(body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {k: v for k, v in body.items() if k not in ("only", "except")}
