"""Break-glass: an owner publishes against failed checks, with a reason and an end."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from msgspec.structs import replace

from weft.access.principals import Principal, require_owner
from weft.errors import UsageError, error
from weft.model.address import Address
from weft.model.checks import CheckResult, Outcome, Rule
from weft.model.publication import Override, PortState

SHORTEST_REASON = 10
"""Characters of a reason: a word is none."""

_OF_THE_TABLE = frozenset({Rule.COLUMN_EXISTS, Rule.EXTRA_COLUMN, Rule.TYPE})
"""Rules that hold whatever anybody decides: rows must fit the table."""


def requested(
    reason: str,
    until: str,
    select: Sequence[str],
    principal: Principal,
    now: dt.datetime,
    longest_days: int,
) -> Override:
    """The decision that a call asks for; which checks it is about shows only when they have failed.

    Raises:
        AccessDenied: WFT-ACC-002, the principal does not own the ports.
        UsageError: WFT-RUN-007, it has no proper reason or end, or does not name its ports.
    """
    require_owner(principal, "publish against failed checks", "only the owner of a port may")
    if not select:
        raise _refused("an override needs ports by name", "name each: `weft apply domain.product.port --override …`")
    unnamed = [s for s in select if s.count(".") != 2 or s.startswith(("+", "tag:")) or s.endswith("+")]
    if unnamed:
        listed = ", ".join(f"`{s}`" for s in unnamed)
        raise _refused(f"an override needs ports by name, and {listed} is none", "write domain.product.port")
    reason = " ".join(reason.split())
    if len(reason) < SHORTEST_REASON:
        fix = f"say in at least {SHORTEST_REASON} characters why the rows may be read as they are"
        raise _refused(f"`{reason}` is no reason for an override", fix)
    try:
        day = dt.date.fromisoformat(until)
    except ValueError:
        raise _refused(f"`{until}` is no day", "write the last day like 2026-12-01") from None
    today = now.astimezone(dt.UTC).date()
    if day <= today:
        raise _refused(f"the override would have ended on {day}", "name a day in the future")
    if (day - today).days > longest_days:
        fix = f"name a day until {today + dt.timedelta(days=longest_days)}; `mesh.override_days` sets the limit"
        raise _refused(f"an override until {day} is too long", fix)
    return Override(principal.name, reason, day, {})


def decisions(
    built: Collection[Address], asked: Override | None, ports: Mapping[Address, PortState], today: dt.date
) -> dict[Address, Override]:
    """Which decision holds for each port: the one that is asked for, else the one that still stands."""
    found: dict[Address, Override] = {}
    for address in built:
        state = ports.get(address)
        standing = state.override if state is not None else None
        if asked is not None:
            found[address] = asked
        elif standing is not None and not standing.ended(today):
            found[address] = standing
    return found


def overridden(checks: Sequence[CheckResult], decision: Override | None) -> Override | None:
    """The decision with the checks that it overrides; None when nothing failed or it does not cover what did.

    A decision that stands covers the checks that had failed when it was made; a new one covers all. What could not be
    evaluated is not covered, and neither is a column that is missing, too many or of another type.
    """
    blocking = [c for c in checks if c.blocks]
    if decision is None or not blocking:
        return None
    for check in blocking:
        if check.result is not Outcome.FAILED or check.rule in _OF_THE_TABLE:
            return None
        if decision.checks and check.id not in decision.checks:
            return None
    return replace(decision, checks={c.id: c.failed_rows for c in blocking})


def _refused(what: str, fix: str) -> UsageError:
    return UsageError(
        error("WFT-RUN-007", what, why="an override is for named ports, with a reason and an end", fix=fix)
    )
