"""What lets violations off, with what becomes of them: waivers given and revoked, known debt accepted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from weft.model.relief import Relief, Waiver
from weft.model.violations import State, Violation
from weft.registry import baselines, waivers
from weft.registry.baselines import Accepted, Pair
from weft.registry.database import Database, Statements
from weft.registry.violations import relief, restated, standing

_MOMENT = timedelta(microseconds=1)
Stands = Callable[[Violation, Relief], Violation]
"""A violation with the state that it has, by what is let off."""


class Kept(Struct, frozen=True):
    """What came of a baseline.

    Attributes:
        accepted: violations that are known debt from now on.
        left: violations that are new, and stay what they are.
    """

    baseline_id: str
    accepted: tuple[Violation, ...]
    left: tuple[Violation, ...]


Choose = Callable[[Sequence[Violation], Collection[Pair]], tuple[list[Violation], list[Violation]]]
"""Which violations become known debt, and which do not, by where debt was counted already."""


class ReliefStore:
    """Changes what is let off, and the violations with it, in one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, waiver: Waiver, stands: Stands) -> list[Violation]:
        """Gives a waiver; gives the violations that stand otherwise now."""
        with self._database.writing() as statements:
            waivers.give(statements, waiver)
            text = f"waived by {waiver.given_by} until {waiver.until}"
            return _restand(statements, waiver, stands, text, waiver.given_by, waiver.given_at)

    def revoke(self, waiver_id: str, stands: Stands, *, actor: str, at: datetime) -> list[Violation] | None:
        """Ends a waiver before its time; None where it does not hold any more."""
        with self._database.writing() as statements:
            waiver = waivers.revoke(statements, waiver_id, actor=actor, at=at)
            if waiver is None:
                return None
            return _restand(statements, waiver, stands, f"{actor} has revoked the waiver {waiver_id}", actor, at)

    def accept(
        self,
        wanted: Accepted,
        pairs: Collection[Pair],
        choose: Choose,
        stands: Stands,
        *,
        actor: str,
        at: datetime,
    ) -> Kept | None:
        """Accepts what violates now as known debt; None where there is nothing to accept.

        Args:
            pairs: policies and domains that are adopted: where nothing violates, nothing is known debt later either.
        """
        with self._database.writing() as statements:
            open_ = [
                v for v in standing(statements, domain=wanted.domain or None) if v.state in (State.OPEN, State.OVERDUE)
            ]
            counted = baselines.ratchets(statements)
            taken, left = choose(open_, counted)
            new = [pair for pair in pairs if pair not in counted]
            if not taken and not new:
                return None
            rows = [(v.policy, v.subject, v.domain) for v in taken]
            baseline_id = baselines.accept(statements, wanted, rows, new, actor=actor, at=at)
            text = f"{actor} has accepted it as known debt until {(wanted.until - _MOMENT).date()}"
            let_off = relief(statements, at)
            known = [stands(v, let_off) for v in taken]
            restated(statements, ((v, text) for v in known), at, actor)
        return Kept(baseline_id, tuple(known), tuple(left))


def _restand(
    statements: Statements, waiver: Waiver, stands: Stands, text: str, actor: str, at: datetime
) -> list[Violation]:
    let_off = relief(statements, at)
    found = [
        (after, text)
        for before in standing(statements, policy=waiver.policy)
        if waiver.covers(before.subject) and (after := stands(before, let_off)) != before
    ]
    restated(statements, found, at, actor)
    return [violation for violation, _ in found]
