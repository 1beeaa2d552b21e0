"""`weft policy explain`: what holds for an address, from where, and how it stands."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "explain",
    help="Show which policies hold for an address, who has written or tightened them, and which it violates.",
    epilog=examples("weft policy explain fleet.aircraft", "weft policy explain fleet.aircraft.planes@1 --format json"),
)
@click.argument("address", metavar="ADDRESS")
@format_option()
def explain(address: str, form: str) -> int:
    from weft.api.governance.policies import policies_at_hand

    with policies_at_hand() as policies:
        found = policies.explained(address)
    if form == "json":
        print_json(found)
    else:
        print_text("\n".join(line for policy in found["policies"] for line in _lines(policy)) or "no policy holds here")
    return 0


def _lines(policy: dict[str, Any]) -> list[str]:
    violated = len(policy["violations"])
    state = f"{violated} violation{'' if violated == 1 else 's'}" if violated else "holds"
    if policy["refused"]:
        state = f"cannot be asked: {policy['refused']}"
    elif not policy["in_scope"]:
        state = "not in its scope"
    lines = [f"{policy['id']}  [{policy['severity']}]  {state}", f"  asks   {policy['asks']}"]
    if policy["why"]:
        lines.append(f"  why    {policy['why']}")
    lines.append(f"  from   {policy['place']}, {policy['file']}:{policy['line']}")
    lines += [f"  tightened by {by['place']}, {by['file']}: {by['what']}" for by in policy["tightened_by"]]
    lines += [f"  ! {one['subject']}{': ' + one['detail'] if one['detail'] else ''}" for one in policy["violations"]]
    if policy["violations"] and policy["remediation"]:
        lines.append(f"  fix    {policy['remediation']}")
    return [*lines, ""]
