"""Publishing against failed checks through a server: a decision that stands, or one of an owner who hands it in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from msgspec.structs import replace

from weft.errors import AccessDenied, ContractBroken, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.publication import Override
from weft.runs.overriding import SHORTEST_REASON, overridden


def decision(
    address: Address,
    results: Sequence[CheckResult],
    wrong: ContractBroken,
    asked: Override | None,
    standing: Override | None,
    *,
    actor: str,
    decides: bool,
    today: dt.date,
    longest_days: int,
) -> Override:
    """The decision under which rows are published that break their contract, as the server finds it.

    Args:
        wrong: what is wrong with them.
        asked: the decision that the runner hands in; whose it is and what it covers is not for the runner to say.
        standing: the one that is registered.
        decides: whether `actor` may decide.

    Raises:
        ContractBroken: `wrong`, nobody has decided, or not about this.
        AccessDenied: WFT-SRV-047, `actor` is no owner.
    """
    if asked is None:
        raise wrong
    stands = overridden(results, standing) if standing is not None and not standing.ended(today) else None
    if stands is not None:
        return stands
    if not decides:
        raise AccessDenied(
            error(
                "WFT-SRV-047",
                f"`{actor}` may not publish `{address}` against failed checks",
                why="that is for the owners of its domain and product",
                fix="mend the rows, or let an owner apply",
            )
        )
    reason = " ".join(asked.reason.split())
    sound = len(reason) >= SHORTEST_REASON and 0 < (asked.until - today).days <= longest_days
    found = overridden(results, replace(asked, by=actor, reason=reason, checks={})) if sound else None
    if found is None:
        raise wrong
    return found
