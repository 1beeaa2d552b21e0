"""Known debt: what violated a policy when it was adopted. It may only shrink; each step is an event.

Plans and reasons stand in a table that can be erased; events hold a reference and a salted hash.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.model.relief import Debt
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements, put
from weft.registry.grants import put_text
from weft.registry.sql_tables import SqlTables

_PUT_DEBT = put("known_debts", "policy subject domain baseline_id until accepted_at gone_at", "policy subject")
_PUT_COUNT = put("debt_counts", "policy domain at number", "policy domain at")

Pair = tuple[str, str]
"""A policy and a domain: each has a ratchet of its own."""


class Accepted(Struct, frozen=True):
    """A baseline before it is kept.

    Attributes:
        domain: of which; empty: of the whole mesh.
        reason: why debt is accepted that is new; None where none is.
    """

    domain: str
    owner: str
    plan: str
    until: datetime
    reason: str | None = None


class Line(Struct, frozen=True):
    """The known debt of a policy in a domain, over time."""

    policy: str
    domain: str
    points: tuple[tuple[datetime, int], ...]


class BaselineStore:
    """Known debt in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, after: Pair, limit: int) -> list[Debt]:
        """Debt that is not mended, by policy and subject, behind a place."""
        with self._database.reading() as statements:
            return debt_page(statements, after, limit)

    def lines(self, domain: str | None = None) -> list[Line]:
        """How much debt there was of each policy and domain, since it was accepted first."""
        where, values = (" WHERE domain = ?", (domain,)) if domain is not None else ("", ())
        with self._database.reading() as statements:
            rows = statements.rows(
                f"SELECT policy, domain, at, number FROM debt_counts{where} ORDER BY policy, domain, at", values
            )
        found: dict[Pair, list[tuple[datetime, int]]] = {}
        for policy, of, at, number in rows:
            found.setdefault((policy, of), []).append((datetime.fromisoformat(at), int(number)))
        return [Line(policy, of, tuple(points)) for (policy, of), points in found.items()]


def debt_page(statements: Statements, after: Pair, limit: int) -> list[Debt]:
    """Debt that is not mended, by policy and subject, behind a place."""
    rows = statements.rows(
        "SELECT policy, subject, domain, until FROM known_debts WHERE gone_at IS NULL "
        "AND (policy > ? OR (policy = ? AND subject > ?)) ORDER BY policy, subject LIMIT ?",
        (after[0], *after, limit),
    )
    return [Debt(policy, subject, domain, datetime.fromisoformat(until)) for policy, subject, domain, until in rows]


def ratchets(statements: Statements) -> frozenset[Pair]:
    """The policies and domains for which debt was counted already, be it none."""
    rows = statements.rows("SELECT DISTINCT policy, domain FROM debt_counts")
    return frozenset((policy, domain) for policy, domain in rows)


def debts(statements: Statements, domains: Sequence[str] | None = None) -> list[Debt]:
    """Debt that is not mended: all of it, or that of some domains and of what is no product's."""
    sql, values = "SELECT policy, subject, domain, until FROM known_debts WHERE gone_at IS NULL", list[str]()
    if domains is not None:
        marks = ", ".join("?" * len(domains)) or "NULL"
        sql += f" AND (domain IN ({marks}) OR subject NOT LIKE ?)"
        values = [*domains, "%.%"]
    rows = statements.rows(sql, values)
    return [Debt(policy, subject, domain, datetime.fromisoformat(until)) for policy, subject, domain, until in rows]


def accept(
    statements: Statements,
    wanted: Accepted,
    taken: Sequence[tuple[str, str, str]],
    pairs: Iterable[Pair],
    *,
    actor: str,
    at: datetime,
) -> str:
    """Keeps what violates now as known debt; gives the id of the baseline.

    Args:
        taken: policy, subject and domain of each violation that is accepted.
        pairs: policies and domains of which it is counted, those without debt among them.
    """
    baseline_id, now = f"b-{secrets.token_hex(6)}", codec.time_text(at)
    plan, plan_hash = put_text(statements, wanted.plan)
    reason = put_text(statements, wanted.reason) if wanted.reason is not None else None
    until = codec.time_text(wanted.until)
    statements.run(
        "INSERT INTO baselines VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (baseline_id, wanted.domain, wanted.owner, plan, until, actor, now, reason[0] if reason else None),
    )
    statements.many(
        _PUT_DEBT, ((policy, subject, domain, baseline_id, until, now, None) for policy, subject, domain in taken)
    )
    counts = _count(statements, {*pairs, *((policy, domain) for policy, _, domain in taken)}, at)
    body: dict[str, Any] = {
        "baseline": baseline_id,
        "domain": wanted.domain or None,
        "owner": wanted.owner,
        "until": until,
        "plan": {"text": plan, "hash": plan_hash},
        "debt": _told({pair: number for pair, number in counts.items() if number}),
    }
    if reason is not None:
        body["reason"] = {"text": reason[0], "hash": reason[1]}
    kind = "baseline.accepted" if reason is None else "baseline.reset"
    publishing.append(SqlTables(statements), at, kind, actor, f"baseline:{baseline_id}", body)
    return baseline_id


def shrink(statements: Statements, mended: Iterable[tuple[str, str]], at: datetime) -> None:
    """Takes what was mended out of the known debt: when it comes back it is new."""
    now = codec.time_text(at)
    pairs: Counter[Pair] = Counter()
    for policy, subject in mended:
        row = statements.row(
            "SELECT domain FROM known_debts WHERE policy = ? AND subject = ? AND gone_at IS NULL", (policy, subject)
        )
        if row is not None:
            statements.run(
                "UPDATE known_debts SET gone_at = ? WHERE policy = ? AND subject = ?", (now, policy, subject)
            )
            pairs[policy, str(row[0])] += 1
    if pairs:
        body = {"debt": _told(_count(statements, pairs, at)), "mended": sum(pairs.values())}
        publishing.append(SqlTables(statements), at, "baseline.shrunk", "weft", "baseline:", body)


def _count(statements: Statements, pairs: Iterable[Pair], at: datetime) -> dict[Pair, int]:
    found = {}
    for policy, domain in sorted(pairs):
        row = statements.row(
            "SELECT count(*) FROM known_debts WHERE policy = ? AND domain = ? AND gone_at IS NULL", (policy, domain)
        )
        assert row is not None, "an aggregate has a row"
        found[policy, domain] = int(row[0])
        statements.run(_PUT_COUNT, (policy, domain, codec.time_text(at), int(row[0])))
    return found


def _told(counts: Mapping[Pair, int]) -> list[dict[str, Any]]:
    return [{"policy": policy, "domain": domain, "number": number} for (policy, domain), number in counts.items()]
