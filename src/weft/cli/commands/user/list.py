"""`weft user list`: who can sign in."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command("list", help="List all users.", epilog=examples("weft user list"))
@format_option()
def list_(form: str) -> int:
    from weft.api.platform import open_platform

    with closing(open_platform()) as platform:
        found = platform.identity.user_verbs.listed()
    if form == "json":
        shown = [
            {
                "name": user.name,
                "kind": user.kind,
                "roles": list(user.mesh),
                "created_at": user.created_at,
                "signed_in_at": user.signed_in_at,
                "disabled_at": user.disabled_at,
            }
            for user in found
        ]
        print_json({"users": shown})
    elif not found:
        print_text("there is no user; the first start of `weft serve` makes an administrator")
    else:
        rows = [
            [
                user.name,
                user.kind,
                ", ".join(user.mesh),
                f"{user.signed_in_at:%Y-%m-%d %H:%M}" if user.signed_in_at else "never",
                "disabled" if user.disabled_at else "",
            ]
            for user in found
        ]
        print_text(table(["user", "kind", "roles in the mesh", "last sign-in (UTC)", ""], rows))
    return 0
