"""`weft violations show`: one violation with its history."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import utc_minute


@click.command(
    "show",
    help="Show a violation: what is asked and why, how to mend it, who answers for it, and what happened to it.",
    epilog=examples("weft violations show v-0fb9b7a55a3e3a33"),
)
@click.argument("violation", metavar="ID")
@format_option()
def show(violation: str, form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        one = verbs.governance.violation(violation)
    if form == "json":
        print_json(one)
    else:
        print_text(_page(one))
    return 0


def _page(one: dict[str, Any]) -> str:
    lines = [
        f"{one['subject']}: {one['detail'] or one['title']}  ({one['violation_id']}, {one['state']})",
        f"policy: {one['policy']} [{one['severity']}]  {one['asks'] or one['title']}",
    ]
    lines += [f"why: {one['why']}"] if one["why"] else []
    lines += [f"fix: {one['remediation']}"] if one["remediation"] else []
    lines.append(f"owner: {one['owner'] or 'nobody'}; seen first {one['first_seen'][:10]}, due {one['due'][:10]}")
    if one["waiver"] is not None:
        waiver = one["waiver"]
        reason = waiver["reason"] if waiver["reason"] is not None else "the reason was erased"
        lines.append(f"waived: {waiver['waiver_id']} by {waiver['given_by']} until {waiver['until']}: {reason}")
    lines.append("")
    lines += [f"  {utc_minute(e['at'])}  {e['kind']:<10}  {e['actor']}: {e['text']}" for e in one["history"]]
    return "\n".join(lines)
