"""A scan: all policies asked of a book of the mesh, and what comes of it written down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.api.governance.compliance import write_down
from weft.governance.approvals import without_approvals
from weft.governance.judging import Judgement, judge
from weft.governance.policies import PolicySet, When
from weft.governance.violations import GRACE, Change, Changes, asked_of, fold
from weft.model.violations import Violation, domain_of, product_of
from weft.registry.database import Database
from weft.registry.violations import ViolationStore

if TYPE_CHECKING:
    from weft.governance.book import Book
    from weft.model.relief import Relief


class ScanReport(Struct, frozen=True):
    """What a scan has asked and changed.

    Attributes:
        asked: how many policies were asked.
        standing: how many violations it has seen that were known before, and are as they were.
        refused: policies that could not be asked, and why.
    """

    at: datetime
    asked: int
    changes: tuple[Change, ...] = ()
    standing: int = 0
    refused: tuple[tuple[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The report as a document."""
        return {
            "at": self.at.isoformat(),
            "policies": self.asked,
            "changed": dict(sorted(Counter(c.what.value for c in self.changes).items())),
            "standing": self.standing,
            "refused": [{"policy": policy, "why": why} for policy, why in self.refused],
            "changes": [
                {"what": c.what.value, "text": c.text, "violation": c.violation.as_json()} for c in self.changes
            ],
        }


def scan_policies(
    database: Database,
    book: Book,
    policies: PolicySet,
    now: datetime,
    within: Iterable[str] | None = None,
    *,
    grace: timedelta = GRACE,
) -> ScanReport:
    """Asks all policies that are looked at by scans, and writes what opens, changes, comes due and closes.

    The policies are asked before the transaction begins: a publication never waits for a check.

    Args:
        database: of the registry.
        within: domains and products; None: the whole mesh.
        grace: how long something is overdue until those above its owners are told.

    Raises:
        PlatformError: WFT-REG-002, the registry cannot be reached.
    """
    policies = without_approvals(policies)
    places = tuple(sorted(set(within))) if within is not None else None
    if places is None and policies.whole:  # of a broken file nobody knows whether its policy ended
        write_down(database, book, policies, now)
    judgement = judge(book, policies, now, when=When.SCAN, within=places)
    asked = asked_of(
        policies, places, (p for (p,) in book.ours("SELECT product FROM products WHERE status = 'retired'"))
    )
    owner_of = owners(book, whole=places is None)

    def folded(known: list[Violation], relief: Relief) -> Changes:
        return fold(known, judgement, now, asked, owner_of=owner_of, relief=relief, grace=grace)

    made = ViolationStore(database).scanned(places, folded, now)
    return ScanReport(now, judgement.asked, made.changes, len(made.seen), _refused(judgement))


def owners(book: Book, *, whole: bool = False) -> Callable[[str], str]:
    """Who answers for an address by a book: the product's owner if it names one, else the team of the domain.

    Each product is looked up once, when something of it violates a policy: a scan of one product reads no other. Where
    the whole mesh is scanned, all are read at once.
    """
    named = "SELECT min(person) FROM owners WHERE subject = ? AND role IN ('owner', 'product_owner')"
    if whole:
        every = f"{named.replace('SELECT', 'SELECT subject,').replace('subject = ? AND ', '')} GROUP BY subject"
        people = dict(book.ours(every))
        teams = dict(book.ours("SELECT domain, owner_team FROM domains"))

        def owner_in_all(subject: str) -> str:
            domain = domain_of(subject)
            product = product_of(subject)
            return (product and people.get(product)) or teams.get(domain) or people.get(domain) or ""

        return owner_in_all

    @cache
    def of_place(place: str, domain: str) -> str:
        found = [*book.ours(named, (place,))] if place != domain else []
        found += [
            *book.ours("SELECT owner_team FROM domains WHERE domain = ?", (domain,)),
            *book.ours(named, (domain,)),
        ]
        return next((str(name) for (name,) in found if name), "")

    def owner_of(subject: str) -> str:
        domain = domain_of(subject)
        return of_place(product_of(subject) or domain, domain) if domain else ""

    return owner_of


def _refused(judgement: Judgement) -> tuple[tuple[str, str], ...]:
    return tuple((one.policy.id, one.why) for one in judgement.unasked)
