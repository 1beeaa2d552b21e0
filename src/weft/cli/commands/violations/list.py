"""`weft violations`: the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any, TypeVar

import click

from weft.cli.options import format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table

_F = TypeVar("_F", bound=Callable[..., Any])
_STATES = ("open", "overdue", "waived", "known", "resolved")


def listing(command: _F) -> _F:
    """The options of the list."""
    for option in (
        format_option(),
        click.option("--limit", type=click.IntRange(1, 100_000), default=200, show_default=True, help="How many."),
        click.option("--mine", is_flag=True, help="Those of the domains in which you are somebody."),
        click.option(
            "--state",
            "states",
            type=click.Choice(_STATES),
            multiple=True,
            help="Those in a state; can be given several times. Without it all but resolved ones.",
        ),
        click.option("--policy", metavar="ID", help="Those of one policy."),
        click.option("--domain", metavar="NAME", help="Those of one domain."),
    ):
        command = option(command)
    return command


def listed(domain: str | None, policy: str | None, states: Sequence[str], *, mine: bool, limit: int, form: str) -> int:
    """Prints violations, what is due first first."""
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        found = verbs.governance.violations(domain=domain, policy=policy, states=states, mine=mine, limit=limit)
    if form == "json":
        print_json(found)
        return 0
    rows = [
        [
            one["violation_id"],
            one["state"],
            one["severity"],
            one["due"][:10],
            one["policy"],
            one["subject"],
            one["owner"] or "",
        ]
        for one in found["items"]
    ]
    print_text(
        table(["violation", "state", "severity", "due", "policy", "subject", "owner"], rows)
        if rows
        else "nothing violates a policy, as far as scans have looked"
    )
    if found["next"] is not None:
        print_text(f"there are more than these {limit}: `--limit` shows them")
    return 0
