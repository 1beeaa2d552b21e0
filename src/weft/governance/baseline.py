"""Which violations become known debt when a policy is adopted: each policy has a ratchet in each domain."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from weft.governance.violations import PREFIX
from weft.model.violations import Violation

_BARS = "▁▂▃▄▅▆▇█"


def choose(
    violations: Sequence[Violation], ratchets: Collection[tuple[str, str]], *, reset: bool = False
) -> tuple[list[Violation], list[Violation]]:
    """Which violations are accepted as known debt, and which are new.

    What violates a policy on the day on which it is adopted in a domain is taken; from then on nothing is added, unless
    governance says so. A policy that cannot be asked is never known debt.

    Args:
        ratchets: policies and domains for which debt was counted already, be it none; an empty domain: of the whole
            mesh, with the domains that it did not have yet.
        reset: whether all is accepted, whatever was accepted before.
    """
    known = frozenset(ratchets)
    taken: list[Violation] = []
    left: list[Violation] = []
    for violation in violations:
        adopted = not reset and not known.isdisjoint({(violation.policy, violation.domain), (violation.policy, "")})
        (left if adopted or violation.subject.startswith(PREFIX) else taken).append(violation)
    return taken, left


def sparkline(numbers: Sequence[int], width: int = 24) -> str:
    """A line of counts as text; of many the last ones.

    >>> sparkline([8, 8, 4, 1, 0])
    '██▄▁ '
    """
    shown = numbers[-width:]
    most = max(shown, default=0)
    if not most:
        return " " * len(shown)
    return "".join(_BARS[-(-n * len(_BARS) // most) - 1] if n else " " for n in shown)
