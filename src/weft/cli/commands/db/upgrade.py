"""`weft db upgrade`: brings the registry's tables to this version of weft."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "upgrade",
    help="Bring the registry's tables to this version of weft.\n\n"
    "A registry in PostgreSQL is changed by this alone; one in a file is also upgraded when it is opened. "
    "Two upgrades at once wait for each other.",
    epilog=examples("weft db upgrade", "weft db upgrade --sql > upgrade.sql"),
)
@click.option("--to", type=int, metavar="N", help="A version of the tables before the newest one.")
@click.option("--sql", "as_sql", is_flag=True, help="Print the script that would do it, and change nothing.")
@format_option()
def upgrade(to: int | None, as_sql: bool, form: str) -> int:
    from weft.api import registries

    done = registries.upgrade(to=to, as_sql=as_sql)
    if form == "json":
        print_json({"from": done.before, "to": done.after, **({"sql": done.sql} if as_sql else {})})
    elif as_sql:
        print_text(done.sql.rstrip("\n") or f"-- the registry has version {done.after} of its tables already")
    elif done.before == done.after:
        print_text(f"the registry has version {done.after} of its tables already")
    else:
        print_text(f"upgraded the registry's tables from version {done.before} to version {done.after}")
    return 0
