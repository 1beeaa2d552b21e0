"""`weft policy scan`: every policy held against the mesh, and what comes of it written down."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_line, print_text
from weft.cli.text import counted, seconds_text, table


@click.command(
    "scan",
    help="Ask every policy of what is published, everywhere or in some domains and products.\n\n"
    "What is new opens, what is not found any more closes, and what is due by now is overdue. In a repository whose "
    "registry is a server's, the server scans: the whole mesh for who leads governance, a domain for its owners.",
    epilog=examples(
        "weft policy scan",
        "weft policy scan fleet.aircraft",
        "weft policy scan --samples",
        "weft policy scan --format json",
    ),
)
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@click.option(
    "--samples",
    is_flag=True,
    help="Look for data about people in samples of the published rows first. No value is shown, stored or logged.",
)
@format_option()
def scan(select: tuple[str, ...], samples: bool, form: str) -> int:
    from weft.api.governance.policies import policies_at_hand

    with policies_at_hand() as policies:
        found = policies.scanned(
            select,
            samples=samples,
            waiting=lambda seconds: print_line(f"the server scans: {seconds_text(seconds)} so far"),
        )
    if form == "json":
        print_json(found)
        return 0
    rows = [
        [
            one["what"],
            one["violation"]["severity"],
            one["violation"]["policy"],
            one["violation"]["subject"],
            one["text"],
        ]
        for one in found["changes"]
    ]
    if rows:
        print_text(table(["", "severity", "policy", "subject", ""], rows))
    if found.get("left_out"):
        print_text(f"and {counted(found['left_out'], 'other')}: `weft violations` shows them")
    for one in found["refused"]:
        print_text(f"`{one['policy']}` cannot be asked: {one['why']}")
    changed = ", ".join(f"{number} {what}" for what, number in found["changed"].items()) or "nothing changed"
    print_text(f"{counted(found['policies'], 'policy', 'policies')} asked: {changed}, {found['standing']} as they were")
    return 0
