"""A plan for people: as text for a terminal, as Markdown for a review."""

from __future__ import annotations

from weft.errors import Diagnostic
from weft.plan.values import Action, Change, Plan

_SIGN = {Action.CREATE: "+", Action.REBUILD: "~", Action.UPDATE: "·", Action.RETIRE: "-", Action.NONE: " "}


def text(plan: Plan) -> str:
    """The plan as lines for a terminal."""
    lines = [_headline(plan)]
    width = max((len(str(c.address)) for c in plan.changes), default=0)
    lines += [f"  {_SIGN[c.action]} {c.action:<8}{c.address!s:<{width}}  {c.reason}{_version(c)}" for c in plan.changes]
    if plan.affected:
        lines += ["", "affected downstream"]
        lines += [f"    {a.column}  by {a.by}  ({a.via})" for a in plan.affected]
    if plan.unaffected:
        lines += ["", "not affected"]
        lines += [f"    {u.reader}  of {u.by}  ({u.why})" for u in plan.unaffected]
    for objection in plan.objections:
        lines += ["", str(objection)]
    if plan.stages:
        lines += ["", f"{len(plan.stages)} stages: " + ", ".join(_counts(plan))]
    return "\n".join(lines)


def markdown(plan: Plan) -> str:
    """The plan as a review comment."""
    lines = [f"### weft plan: {_headline(plan)}", ""]
    moving = [c for c in plan.changes if c.action is not Action.NONE]
    if moving:
        lines += ["| port | action | why | contract |", "|---|---|---|---|"]
        lines += [
            f"| `{c.address}` | {c.action} | {_cell(c.reason)} | {_cell(_version(c).strip(' ()'))} |" for c in moving
        ]
    still = len(plan.changes) - len(moving)
    if still:
        lines += ["", f"Nothing to do for {still} {'port' if still == 1 else 'ports'}."]
    if plan.affected:
        lines += ["", "**Affected downstream**", "", "| column | by | via |", "|---|---|---|"]
        lines += [f"| `{a.column}` | `{a.by}` | {_cell(a.via)} |" for a in plan.affected]
    if plan.unaffected:
        lines += ["", "**Not affected**", "", "| reader | of | why |", "|---|---|---|"]
        lines += [f"| `{u.reader}` | `{u.by}` | {_cell(u.why)} |" for u in plan.unaffected]
    if plan.objections:
        lines += ["", "**Objections**", ""]
        lines += [_objection(o) for o in plan.objections]
    return "\n".join(lines)


def _headline(plan: Plan) -> str:
    if plan.is_empty and not plan.objections:
        return f"nothing to do for {len(plan.changes)} {'port' if len(plan.changes) == 1 else 'ports'} of {plan.mesh}"
    counted = [
        f"{n} to {action}"
        for action in (Action.CREATE, Action.REBUILD, Action.UPDATE, Action.RETIRE)
        if (n := sum(1 for c in plan.changes if c.action is action))
    ]
    words = ", ".join(counted) or "nothing to do"
    refused = " — REFUSED" if plan.refused else ""
    return f"{plan.mesh}: {words}{refused}"


def _version(change: Change) -> str:
    move = change.contract
    if move is None or move.to is None:
        return ""
    if move.from_ is None:
        return f" (contract {move.to})"
    arrow = move.to if move.from_ == move.to else f"{move.from_} → {move.to}"
    return f" (contract {arrow}, {move.verdict})"


def _counts(plan: Plan) -> list[str]:
    kinds: dict[str, int] = {}
    for stage in plan.stages:
        kinds[stage.kind.value] = kinds.get(stage.kind.value, 0) + 1
    return [f"{kind} {n}" for kind, n in kinds.items()]


def _cell(text_: str) -> str:
    return text_.replace("|", "\\|").replace("\n", " ")


def _objection(diagnostic: Diagnostic) -> str:
    parts = [f"- **{diagnostic.severity} {diagnostic.code}** {diagnostic.what}"]
    if diagnostic.where:
        parts.append(f"  at `{diagnostic.where}`")
    if diagnostic.why:
        parts.append(f"  why: {diagnostic.why}")
    if diagnostic.fix:
        parts.append(f"  fix: {diagnostic.fix}")
    return "  \n".join(parts)
