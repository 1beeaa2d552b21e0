"""`weft query`: published data by SQL."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from weft.cli.options import environment_option, examples, mesh_at, server_option
from weft.cli.output import print_line, print_text
from weft.cli.rows import format_and_limit, rows_options, write_result


@click.command(
    "query",
    help="Read published data with SQL.\n\n"
    'Tables are addresses of ports: domain.product.port, or domain.product."port@1" for a pinned major. '
    "SQL is one SELECT in DuckDB's dialect; - reads it from standard input.",
    epilog=examples(
        "weft query 'select count(*) from fleet.aircraft.planes'",
        "weft query - < question.sql",
        "weft query 'from fleet.aircraft.planes' --out planes.parquet",
        "weft query 'from fleet.aircraft.planes' --at 2026-01-31T12:00:00Z --limit 5",
        "weft query 'from fleet.aircraft.planes where seats > 300' --save large --title 'Large aircraft'",
        "weft query --saved ana/large --format csv",
        "weft query 'from fleet.aircraft.planes' --server https://mesh.example.com",
    ),
)
@click.argument("sql", required=False)
@rows_options
@click.option(
    "--at",
    multiple=True,
    metavar="SNAPSHOT|TIME|ADDRESS=SNAPSHOT",
    help="Read what could be read then. A time holds for all ports, a bare snapshot when one port is read.",
)
@click.option("--purpose", metavar="TEXT", help="What it is for: then only grants for it count.")
@click.option("--save", metavar="NAME", help="Keep the query under this name, for whoever may read its ports; not run.")
@click.option("--title", metavar="TEXT", help="With --save: what it shows, in a few words.")
@click.option("--saved", metavar="[OWNER/]NAME", help="Run a saved query, by your own rights.")
@environment_option("Read what an environment shows, for its owner alone.")
@server_option
def command(
    sql: str | None,
    principal: str | None,
    form: str | None,
    out: Path | None,
    limit: int | None,
    at: tuple[str, ...],
    purpose: str | None,
    save: str | None,
    title: str | None,
    saved: str | None,
    environment: str | None,
    server: str | None,
) -> int:
    if (sql is None) == (saved is None):
        raise click.UsageError("name either the SQL or, with --saved, a saved query")
    if environment is not None and (save or saved):
        raise click.UsageError("saved queries are of production: leave --env away")
    if title is not None and save is None:
        raise click.UsageError("--title is that of a query to --save")
    if saved is not None:
        if save is not None:
            raise click.UsageError("--save keeps SQL: name it instead of --saved")
        form, limit = format_and_limit(form, limit, out)
        return _run_saved(server, saved, principal, form, out, limit, at, purpose)
    text = sys.stdin.read() if sql == "-" else str(sql)
    if save is not None:
        if principal or form or out or at or limit is not None:
            raise click.UsageError("--save keeps the query and does not run it: give --title and --purpose alone")
        return _save(server, save, text, title or "", purpose)
    form, limit = format_and_limit(form, limit, out)
    from weft import api
    from weft.access.versions import moment

    with api.open(mesh_at(server), environment=environment) as mesh:
        found = mesh.query(text, principal=principal, limit=limit, at=moment(at), purpose=purpose)
        write_result(found, form, out)
    return 0


def _save(server: str | None, name: str, sql: str, title: str, purpose: str | None) -> int:
    from weft.api.access.saved_elsewhere import saved_at_hand

    with saved_at_hand(server) as (queries, caller):
        kept = queries.save(caller, caller.name, name, sql, title=title, purpose=purpose)
    for one in kept["ports"]:
        if one["named"] != one["port"]:
            print_line(f"`{one['named']}` is `{one['port']}` from now on")
    print_text(f"saved as {kept['owner']}/{kept['name']}, at {kept['url']}")
    return 0


def _run_saved(
    server: str | None,
    address: str,
    principal: str | None,
    form: str,
    out: Path | None,
    limit: int | None,
    at: tuple[str, ...],
    purpose: str | None,
) -> int:
    from weft.access.versions import moment
    from weft.api.access.saved_elsewhere import saved_at_hand
    from weft.api.access.saved_queries import Asked, parted

    with saved_at_hand(server) as (queries, caller):
        owner, name = parted(address, caller.name)
        write_result(queries.rows(owner, name, Asked(limit, moment(at), purpose), principal), form, out)
    return 0
