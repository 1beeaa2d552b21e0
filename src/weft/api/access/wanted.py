"""What of a request can be meant: its ports' columns and roles, its end, and how long a grant may hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from weft.access.approving import roles_of
from weft.access.policies import Terms
from weft.access.rights import Label
from weft.errors import UsageError, did_you_mean, error
from weft.model.classification import Classification, parse_classification
from weft.model.publication import PortState
from weft.registry.access_requests import Given
from weft.registry.granting import classification_of
from weft.registry.grants import Grant

UNUSED = timedelta(days=90)
"""After which time without a read a grant is listed for review."""


def review_reason(grant: Grant, now: datetime) -> str | None:
    """Why somebody has to look at a grant again; None: nobody has to."""
    if grant.review_at is not None and grant.review_at <= now:
        return f"its review was due on {grant.review_at:%Y-%m-%d}"
    if grant.kind == "product":
        return None  # it reads as long as it declares the input port
    since = max(grant.since, grant.reviewed_at or grant.since)
    if grant.used_at is None and now - since > UNUSED:
        return f"it was never used since {grant.since:%Y-%m-%d}"
    if grant.used_at is not None and now - max(since, grant.used_at) > UNUSED:
        return f"it was last used on {grant.used_at:%Y-%m-%d}"
    return None


def given_for(terms: Terms, ends_at: datetime | None, now: datetime) -> Given:
    """How a port is granted by the terms of the mesh."""
    if terms.longest is not None and ends_at is None:
        ends_at = now + terms.longest
    review = now + terms.review_every
    return Given(ends_at, review if ends_at is None or review < ends_at else None)


def end_of(until: str | None, now: datetime) -> datetime | None:
    """The moment after the last day (UTC).

    Raises:
        UsageError: WFT-ACC-039, it is no day to come.
    """
    if until is None:
        return None
    try:
        day = date.fromisoformat(until)
    except ValueError:
        raise unusable(f"`{until[:40]}` is no day", "write it like 2026-12-31") from None
    found = datetime.combine(day, time(), UTC) + timedelta(days=1)
    if found <= now:
        raise unusable(f"{until} is over", "name a day to come")
    return found


def require_length(terms: Terms, ends_at: datetime | None, now: datetime) -> None:
    """Refuses an end that is later than a grant may hold.

    Raises:
        UsageError: WFT-ACC-039.
    """
    if terms.longest is not None and ends_at is not None and ends_at > now + terms.longest + timedelta(days=1):
        most = f"{terms.longest.days} days"
        raise unusable(f"a grant holds {most} at most", f"ask for until {now + terms.longest:%Y-%m-%d}, and then again")


def require_parts(state: PortState, columns: Sequence[str] | None, roles: Sequence[str]) -> None:
    """Refuses columns and roles that a port does not have.

    Raises:
        UsageError: WFT-ACC-039.
    """
    if state.retired:
        raise unusable(f"`{state.address}` is retired: nobody reads it any more", "`weft search` finds others")
    known = [c.name for c in state.columns]
    for column in columns or ():
        if column not in known:
            fix = did_you_mean(column, known, otherwise=f"`weft show {state.address}` lists its columns")
            raise unusable(f"`{state.address}` has no column `{column[:80]}`", fix)
    if columns is not None and not columns:
        raise unusable("no column is named", "leave `--columns` away for all")
    there = roles_of(state.contract)
    for role in roles:
        if role not in there:
            fix = did_you_mean(role, there, otherwise=f"its contract has {', '.join(there) or 'no roles'}")
            raise unusable(f"the contract of `{state.address}` has no role `{role[:80]}`", fix)


def level_of(
    state: PortState, columns: Sequence[str] | None, inherited: Mapping[str, Label] | None = None
) -> Classification:
    """The highest level of what is asked for, be it declared or inherited."""
    wanted = [label.level for name, label in (inherited or {}).items() if columns is None or name in columns]
    return max([_declared(state, columns), *wanted])


def _declared(state: PortState, columns: Sequence[str] | None) -> Classification:
    if columns is None:
        return classification_of(state.contract)
    contract = dict(state.contract)
    tables = [t for t in contract.get("schema") or () if isinstance(t, Mapping)]
    chosen: list[dict[str, Any]] = []
    for table in tables:
        properties = [p for p in table.get("properties") or () if isinstance(p, Mapping)]
        chosen.append({**table, "properties": [p for p in properties if p.get("name") in columns]})
    named = {p.get("name") for t in chosen for p in t["properties"]}
    if named != set(columns):  # nothing is said of one of them
        return parse_classification("unknown")
    return classification_of({"schema": chosen})


def unusable(what: str, fix: str | None) -> UsageError:
    """That something cannot be asked for like this."""
    return UsageError(error("WFT-ACC-039", what, fix=fix))


def absent(what: str, name: str) -> UsageError:
    """That there is none of that name, or none that the caller may know of."""
    return UsageError(error("WFT-ACC-034", f"there is no {what} `{name[:80]}`", fix="`weft access list` shows them"))
