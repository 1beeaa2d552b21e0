"""`weft subscribe`: being told of what happens."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "subscribe",
    help=(
        "Have somebody told of what happens to a domain, product or port; `*` is everything.\n\n"
        "Without a target they find it in the portal."
    ),
    epilog=examples(
        "weft subscribe fleet.aircraft",
        "weft subscribe fleet.aircraft ada@example.com",
        "weft subscribe operations https://hooks.example.com/weft --kind published --kind incident_opened",
        "weft subscribe '*' https://hooks.slack.com/services/T0/B0/x --by slack --digest '08:00 Europe/Berlin'",
    ),
)
@click.argument("subject")
@click.argument("target", default="")
@click.option("--by", "channel", metavar="CHANNEL", help="webhook, mail, slack, teams, mattermost or portal.")
@click.option("--kind", "kinds", multiple=True, metavar="KIND", help="A kind of notice; all of them without one.")
@click.option(
    "--digest", metavar="HOUR", help="Once a day at this hour, like '08:00 Europe/Berlin', instead of at once."
)
@click.option("--secret", metavar="NAME", help="Sign webhooks with this entry of [notices.secrets].")
@format_option()
def command(
    subject: str,
    target: str,
    channel: str | None,
    kinds: tuple[str, ...],
    digest: str | None,
    secret: str | None,
    form: str,
) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        made = verbs.notices.subscribe(subject, target, channel=channel, kinds=kinds, digest=digest, secret=secret)
    if form == "json":
        print_json(made)
        return 0
    print_text(f"{made['subscription_id']}: {subject} is told by {made['channel']}")
    if "secret" in made:
        print_text(f"secret, shown only now: {made['secret']}")
    return 0
