"""`weft audit reads`: who has read data, which columns, for what."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import size_text, table


@click.command(
    "reads",
    help="Show who has read a domain's or a port's data, newest first: which columns, under which masks, for what.",
    epilog=examples(
        "weft audit reads fleet", "weft audit reads fleet.aircraft.planes@1 --by ana", "weft audit reads --own"
    ),
)
@click.argument("where", required=False, metavar="[DOMAIN | ADDRESS]")
@click.option("--by", "principal", metavar="PRINCIPAL", help="Of one reader alone.")
@click.option("--own", is_flag=True, help="What you have read yourself.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
@format_option()
def reads(where: str | None, principal: str | None, own: bool, limit: int, form: str) -> int:
    from weft.api.verbs import open_verbs

    if own and (where or principal):
        raise click.UsageError("--own shows what you have read: leave the address and --by away")
    with closing(open_verbs()) as verbs:
        audit = verbs.audit
        found = audit.own(limit=limit) if own else audit.reads(where=where, principal=principal, limit=limit)
    if form == "json":
        print_json(found)
        return 0
    if not found["items"]:
        print_text("nobody has read it yet" if not own else "you have read nothing yet")
        return 0
    print_text(table(["at", "reader", "wire", "port", "masked", "rows", "size", "purpose"], _rows(found["items"])))
    return 0


def _rows(items: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [
            one["at"][:19].replace("T", " "),
            one["principal"],
            one["wire"],
            port["port"],
            ", ".join(port["masked"]) or "-",
            f"{one['rows']:,}" if one["rows"] is not None else "no end",
            size_text(one["bytes"]) if one["bytes"] is not None else "-",
            one["purpose"] or "-",
        ]
        for one in items
        for port in one["ports"]
    ]
