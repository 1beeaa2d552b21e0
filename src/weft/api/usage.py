"""What products cost and who uses them: folds of the meters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from weft.access.permissions import Action, Caller, domains_of, require
from weft.errors import UsageError, did_you_mean, error
from weft.registry.database import Database
from weft.registry.meters import GROUPS, KINDS, MeterStore

_DAYS = timedelta(days=30)


class Usage:
    """The verbs on meters."""

    def __init__(
        self, database: Database, now: Callable[[], datetime], held: Callable[[], object] = lambda: None
    ) -> None:
        """Takes what hands on measurements that this process still holds."""
        self.store = MeterStore(database)
        self._held = held
        self._now = now

    def of(
        self,
        caller: Caller,
        *,
        domain: str | None = None,
        product: str | None = None,
        first: str | None = None,
        last: str | None = None,
        by: Sequence[str] = ("day", "product"),
    ) -> dict[str, Any]:
        """Usage of a domain or product, or of all that the caller may see; of thirty days if no days are named.

        Raises:
            AccessDenied: WFT-ACC-010, it is a domain of others.
            UsageError: WFT-OBS-011 a day is none, WFT-OBS-001 a group is none.
        """
        if product is not None:
            domain = product.partition(".")[0]
        require(caller, Action.READ_USAGE, domain)
        domains = domains_of(caller, Action.READ_USAGE) if domain is None else frozenset({domain})
        require_groups(by)
        until = day_of(last) if last is not None else self._now().date()
        since = day_of(first) if first is not None else until - _DAYS
        if since > until:
            raise UsageError(error("WFT-OBS-011", f"{since} is after {until}", fix="give the earlier day first"))
        self._held()
        rows = self.store.usage(since, until, by=by, domains=domains, product=product)
        return {"first": since.isoformat(), "last": until.isoformat(), "usage": rows, "meanings": dict(KINDS)}


def require_groups(by: Sequence[str]) -> None:
    """Refuses what usage is not told apart by.

    Raises:
        UsageError: WFT-OBS-001.
    """
    for group in by:
        if group not in GROUPS:
            fix = did_you_mean(group, GROUPS, otherwise=f"one of {', '.join(GROUPS)}")
            raise UsageError(error("WFT-OBS-001", f"usage is not told apart by `{group}`", fix=fix))


def day_of(text: str) -> date:
    """The day that a text names.

    Raises:
        UsageError: WFT-OBS-011, it names none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(error("WFT-OBS-011", f"`{text}` is no day", fix="write it like 2026-11-21")) from None
