"""`weft usage`: what products cost."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import size_text, table


@click.command(
    "usage",
    help="Show what products cost: processor time, bytes and rows, day by day.",
    epilog=examples(
        "weft usage", "weft usage --product fleet.aircraft --by day", "weft usage --by consumer --by purpose"
    ),
)
@click.option("--domain", metavar="NAME", help="Of one domain.")
@click.option("--product", metavar="ADDRESS", help="Of one product.")
@click.option("--from", "first", metavar="DAY", help="From this day on; the last thirty days without it.")
@click.option("--to", "last", metavar="DAY", help="Until this day, today without it.")
@click.option(
    "--by",
    multiple=True,
    metavar="GROUP",
    help="Told apart by day, domain, product, consumer or purpose; can be repeated.",
)
@format_option()
def command(
    domain: str | None, product: str | None, first: str | None, last: str | None, by: tuple[str, ...], form: str
) -> int:
    from weft.api.verbs import open_verbs

    groups = by or ("day", "product")
    with closing(open_verbs()) as verbs:
        found = verbs.usage(domain=domain, product=product, first=first, last=last, by=groups)
    if form == "json":
        print_json(found)
        return 0
    if not found["usage"]:
        print_text(f"nothing was measured from {found['first']} to {found['last']}")
        return 0
    columns = list(dict.fromkeys((*groups, "kind")))
    rows = [
        [*(str(one[c]) for c in columns), _amount(str(one["kind"]), float(one["amount"]))] for one in found["usage"]
    ]
    print_text(table([*columns, "amount"], rows, right=[len(columns)]))
    return 0


def _amount(kind: str, amount: float) -> str:
    if "bytes" in kind:
        return size_text(int(amount))
    return f"{amount:,.2f} s" if kind.endswith("seconds") else f"{amount:,.0f}"
