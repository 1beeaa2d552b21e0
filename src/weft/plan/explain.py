"""A plan for people: as text for a terminal, as Markdown for a review."""

from __future__ import annotations

from weft.errors import Diagnostic
from weft.plan.impact_report import markdown_lines, text_lines
from weft.plan.marking import code, prose
from weft.plan.values import Action, Change, Plan

_SIGN = {Action.CREATE: "+", Action.REBUILD: "~", Action.UPDATE: "·", Action.RETIRE: "-", Action.NONE: " "}

COMMENT_LIMIT = 65_536
"""Characters that a comment may have on GitHub."""
_ROWS = (200, 100, 50, 30, 20, 10, 5, 2, 1)
"""Rows of each table of a comment; the first number with which it is short enough."""


def text(plan: Plan) -> str:
    """The plan as lines for a terminal."""
    lines = [_headline(plan)]
    width = max((len(str(c.address)) for c in plan.changes), default=0)
    for change in plan.changes:
        sign, address = _SIGN[change.action], f"{change.address!s:<{width}}"
        lines.append(f"  {sign} {change.action:<8}{address}  {change.reason}{_version(change)}")
        if change.moved is not None:
            lines.append(f"            {change.moved}")
    lines += text_lines(plan)
    if plan.unaffected:
        lines += ["", "not affected"]
        lines += [f"    {u.reader}  of {u.by}  ({u.why})" for u in plan.unaffected]
    for objection in plan.objections:
        lines += ["", str(objection)]
    if plan.stages:
        lines += ["", f"{len(plan.stages)} stages: " + ", ".join(_counts(plan))]
    return "\n".join(lines)


def marker(plan: Plan) -> str:
    """The first line of a comment, which nobody sees: by it a job finds the comment that it wrote before."""
    name = plan.mesh.replace("--", "- -").replace(">", " ").replace("\n", " ")
    return f"<!-- weft plan: {name} -->"


def markdown(plan: Plan) -> str:
    """The plan as a review comment, short enough to be one; what does not fit is counted."""
    for rows in _ROWS:
        shown = "\n".join(_markdown_lines(plan, rows))
        if len(shown) <= COMMENT_LIMIT:
            return shown
    cut = "\n\n… The rest does not fit into a comment: `weft plan --format json` has all."
    whole = shown[: COMMENT_LIMIT - len(cut)].rpartition("\n")[0]
    return whole + cut


def _markdown_lines(plan: Plan, rows: int) -> list[str]:
    lines = [marker(plan), f"### weft plan: {prose(_headline(plan))}", ""]
    moving = [c for c in plan.changes if c.action is not Action.NONE]
    if moving:
        lines += ["| port | action | why | contract |", "|---|---|---|---|"]
        lines += [
            f"| {code(str(c.address))} | {c.action} | {prose(_why(c))} | {prose(_version(c).strip(' ()'))} |"
            for c in moving[:rows]
        ]
    if len(moving) > rows:
        lines += ["", f"… and {len(moving) - rows} more."]
    still = len(plan.changes) - len(moving)
    if still:
        lines += ["", f"Nothing to do for {still} {'port' if still == 1 else 'ports'}."]
    if plan.objections:
        lines += ["", "**Objections**", ""]
        lines += [_objection(o) for o in plan.objections[:rows]]
        if len(plan.objections) > rows:
            lines += ["", f"… and {len(plan.objections) - rows} more."]
    lines += markdown_lines(plan, rows)
    if plan.unaffected:
        lines += ["", "**Not affected**", "", "| reader | of | why |", "|---|---|---|"]
        lines += [f"| {code(u.reader)} | {code(u.by)} | {prose(u.why)} |" for u in plan.unaffected[:rows]]
        if len(plan.unaffected) > rows:
            lines += ["", f"… and {len(plan.unaffected) - rows} more."]
    return lines


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


def _why(change: Change) -> str:
    return change.reason if change.moved is None else f"{change.reason}; {change.moved}"


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


def _objection(diagnostic: Diagnostic) -> str:
    parts = [f"- **{diagnostic.severity} {diagnostic.code}** {prose(diagnostic.what)}"]
    if diagnostic.where:
        parts.append(f"  at {code(str(diagnostic.where))}")
    if diagnostic.why:
        parts.append(f"  why: {prose(diagnostic.why)}")
    if diagnostic.fix:
        parts.append(f"  fix: {prose(diagnostic.fix)}")
    return "  \n".join(parts)
