"""`weft incidents`: what is wrong, since when and why."""

from __future__ import annotations

from contextlib import closing
from datetime import datetime
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import ago, table


@click.command(
    "incidents",
    help="List what is wrong, show one incident, and note who looks after it.",
    epilog=examples(
        "weft incidents",
        "weft incidents i-0f3a99c2b1d4",
        "weft incidents i-0f3a99c2b1d4 --acknowledge --comment 'the source moved'",
    ),
)
@click.argument("incident", required=False)
@click.option("--domain", metavar="NAME", help="Those of one domain.")
@click.option("--closed", is_flag=True, help="Also those that ended in the last thirty days.")
@click.option("--acknowledge", is_flag=True, help="Say that you look after it.")
@click.option("--comment", metavar="TEXT", help="Add a line to its timeline.")
@click.option("--close", "reason", metavar="REASON", help="End it by hand, where no run will.")
@format_option()
def command(
    incident: str | None,
    domain: str | None,
    closed: bool,
    acknowledge: bool,
    comment: str | None,
    reason: str | None,
    form: str,
) -> int:
    from weft.api.verbs import open_verbs
    from weft.errors import UsageError, error

    if incident is None and (acknowledge or comment is not None or reason is not None):
        raise UsageError(error("WFT-CLI-001", "no incident is named", fix="`weft incidents` lists them"))
    with closing(open_verbs()) as verbs:
        if incident is None:
            found = verbs.incidents.listed(domain=domain, closed=closed)
            if form == "json":
                print_json({"incidents": found})
            else:
                print_text(_lines(found, verbs.now()) if found else "nothing is wrong")
            return 0
        if comment is not None:
            verbs.incidents.comment(incident, comment)
        if acknowledge:
            verbs.incidents.acknowledge(incident)
        if reason is not None:
            verbs.incidents.close(incident, reason)
        one = verbs.incidents.one(incident)
    if form == "json":
        print_json(one)
    else:
        print_text(_page(one))
    return 0


def _lines(found: list[dict[str, Any]], now: datetime) -> str:
    rows = [
        [
            one["incident_id"],
            one["state"],
            one["cause"].replace("_", " "),
            one["subject"],
            one["owner"],
            ago(datetime.fromisoformat(one["opened_at"]), now),
            str(len(one["affected"])),
        ]
        for one in found
    ]
    return table(["incident", "state", "cause", "subject", "owner", "since", "affects"], rows, right=[6])


def _page(one: dict[str, Any]) -> str:
    head = [f"{one['subject']}: {one['cause'].replace('_', ' ')}  ({one['incident_id']}, {one['state']})", one["what"]]
    head.append(f"owner: {one['owner']}")
    if one["root"]:
        head.append(f"comes from: {one['root']}")
    if one["affected"]:
        head.append(f"affects: {', '.join(one['affected'])}")
    lines = [f"  {e['at'][:16].replace('T', ' ')}  {e['kind']:<12}  {e['text']}" for e in one["timeline"]]
    return "\n".join([*head, "", *lines])
