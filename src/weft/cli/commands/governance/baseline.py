"""`weft governance baseline`: known debt, accepted and over time."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted, table


@click.command(
    "baseline",
    help="Show known debt over time, or accept what violates policies now as known debt.\n\n"
    "Known debt blocks nothing until its day; what is new does. It may only shrink: once it was counted for a policy "
    "in a domain, more is accepted only by governance with --reset and a reason. What comes back is new.",
    epilog=examples(
        "weft governance baseline",
        "weft governance baseline --owner data-governance --plan 'ten products a month' --until 2026-12-31",
        "weft governance baseline --domain fleet --owner fleet --plan 'with the new system' --until 2026-09-30",
    ),
)
@click.option("--domain", metavar="NAME", help="Of one domain.")
@click.option("--owner", metavar="TEXT", help="Who has it mended.")
@click.option("--plan", metavar="TEXT", help="How it will be mended.")
@click.option("--until", metavar="DATE", help="The last day on which it blocks nothing.")
@click.option("--reset", metavar="REASON", help="Accept also what came after the former baseline, and why.")
@format_option()
def baseline(
    domain: str | None, owner: str | None, plan: str | None, until: str | None, reset: str | None, form: str
) -> int:
    from weft.api.verbs import open_verbs
    from weft.errors import UsageError, error

    given = (owner, plan, until)
    with closing(open_verbs()) as verbs:
        if all(one is None for one in (*given, reset)):
            found = verbs.governance.debt(domain)
            if form == "json":
                print_json(found)
            else:
                print_text(_lines(found["lines"]))
            return 0
        if owner is None or plan is None or until is None:
            what = "known debt needs an owner, a plan and a day"
            raise UsageError(error("WFT-GOV-059", what, fix="give --owner, --plan and --until"))
        made = verbs.governance.accept(domain=domain, owner=owner, plan=plan, until=until, reset=reset)
    if form == "json":
        print_json(made)
        return 0
    accepted, left = len(made["accepted"]), len(made["left"])
    print_text(f"{made['baseline_id']}: {counted(accepted, 'violation')} accepted as known debt until {until}")
    if left:
        print_text(f"{counted(left, 'violation')} came after the former baseline, and stay open")
    return 0


def _lines(lines: list[dict[str, Any]]) -> str:
    from weft.governance.baseline import sparkline

    rows = []
    for line in lines:
        numbers = [point["number"] for point in line["points"]]
        if any(numbers):
            last = line["points"][-1]["at"][:10]
            rows.append([line["policy"], line["domain"], str(numbers[0]), str(numbers[-1]), sparkline(numbers), last])
    heads = ["policy", "domain", "first", "now", "over time", "since"]
    return table(heads, rows, right=[2, 3]) if rows else "there is no known debt"
