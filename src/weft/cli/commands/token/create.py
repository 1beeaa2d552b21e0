"""`weft token create`: a new token."""

from __future__ import annotations

import click

from weft.cli.commands.token.server import server_option, signed_in
from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_line, print_text


@click.command(
    "create",
    help="Make a token and print it, this once.",
    epilog=examples(
        "weft token create --label laptop",
        "weft token create --domain sales --label CI --days 30 --action product.publish",
    ),
)
@click.option("--label", required=True, help="What it is for.")
@click.option("--domain", metavar="NAME", help="A token of this domain, for its CI; you have to manage the domain.")
@click.option("--days", type=int, help="How long it holds; 90 days if nothing else is set on the server.")
@click.option(
    "--action",
    "actions",
    multiple=True,
    metavar="ACTION",
    help="What it may do, like `product.publish`; may be repeated. Without it: all that you, or the domain, may.",
)
@server_option
@format_option()
def create(
    label: str, domain: str | None, days: int | None, actions: tuple[str, ...], url: str | None, form: str
) -> int:
    made = signed_in(url).create_token(label, domain=domain, days=days, actions=actions)
    if form == "json":
        print_json(made)
    else:
        print_line(f"token {made['id']} holds until {made['expires_at'][:10]}; it is not shown again:")
        print_text(made["token"])
    return 0
