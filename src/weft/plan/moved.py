"""What moved between a plan and its being carried out."""

from __future__ import annotations

from weft.errors import Conflict, Diagnostic, error
from weft.plan.values import Plan


def moved(subject: str, expected: str, found: str) -> Diagnostic:
    """The diagnostic of something that is not as the plan had read it."""
    return error(
        "WFT-RUN-001",
        f"{subject} moved since the plan was made",
        why=f"the plan had read {expected}, now it is {found}",
        fix="plan again",
    )


def require_same(plan: Plan, current: Plan) -> None:
    """Refuses a plan whose requirements do not hold any more.

    Raises:
        Conflict: WFT-RUN-001, naming everything that moved.
    """
    if plan.mesh != current.mesh:
        raise Conflict(moved("the mesh", f"`{plan.mesh}`", f"`{current.mesh}`"))
    problems = [
        moved(
            f"{key.partition(':')[0]} `{key.partition(':')[2]}`",
            _short(plan.requires.get(key)),
            _short(current.requires.get(key)),
        )
        for key in sorted({*plan.requires, *current.requires})
        if plan.requires.get(key) != current.requires.get(key)
    ]
    if problems:
        raise Conflict(*problems)


def _short(version: str | None) -> str:
    return "nothing" if version is None else f"version {version[:12]}"
