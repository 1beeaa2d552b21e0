"""`weft queries`: queries that are kept under a name."""

from __future__ import annotations

from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_line, print_text
from weft.cli.text import table


@click.command(
    "queries",
    help="List saved queries, show one, or drop one of yours.\n\n"
    "Whoever may read the ports of a query may run it, and sees what is theirs: `weft query --saved OWNER/NAME`.",
    epilog=examples("weft queries", "weft queries --owner ana", "weft queries ana/large", "weft queries large --drop"),
)
@click.argument("query", required=False, metavar="[[OWNER/]NAME]")
@click.option("--owner", metavar="NAME", help="Those of one owner alone.")
@click.option("--drop", is_flag=True, help="Drop the query that is named.")
@format_option()
def command(query: str | None, owner: str | None, drop: bool, form: str) -> int:
    from weft.api.access.saved_elsewhere import saved_at_hand
    from weft.api.access.saved_queries import parted

    if drop and query is None:
        raise click.UsageError("--drop needs the name of a query")
    if owner is not None and query is not None:
        raise click.UsageError("name a query or an owner, not both")
    with saved_at_hand() as (queries, caller):
        if query is not None:
            whose, name = parted(query, caller.name)
            if drop:
                queries.drop(caller, whose, name)
                print_line(f"{whose}/{name} is gone")
                return 0
            one = queries.one(caller, whose, name)
            if form == "json":
                print_json(one)
            else:
                print_text(_page(one))
            return 0
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = queries.listed(caller, owner, 200, cursor)
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
    if form == "json":
        print_json({"items": found})
    elif not found:
        print_text("there is no saved query; `weft query SQL --save NAME` keeps one")
    else:
        rows = [
            [
                f"{one['owner']}/{one['name']}",
                one["title"],
                ", ".join(port["port"] for port in one["ports"]),
                "yes" if one["runs"] else "no: ask for its ports",
            ]
            for one in found
        ]
        print_text(table(["query", "title", "reads", "for you"], rows))
    return 0


def _page(one: dict[str, Any]) -> str:
    lines = [f"{one['owner']}/{one['name']}{': ' + one['title'] if one['title'] else ''}", f"at       {one['url']}"]
    for port in one["ports"]:
        named = f", named `{port['named']}`" if port["named"] != port["port"] else ""
        lines.append(f"reads    {port['port']}{named}")
    if one["purpose"]:
        lines.append(f"purpose  {one['purpose']}")
    if one["sql"] is None:
        lines.append("You may not read all of its ports: `weft access request` asks their owners.")
    else:
        lines += ["", one["sql"]]
    return "\n".join(lines)
