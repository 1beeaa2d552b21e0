"""`weft query`: published data by SQL."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from weft.cli.options import environment_option, examples
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
    ),
)
@click.argument("sql")
@rows_options
@click.option(
    "--at",
    multiple=True,
    metavar="SNAPSHOT|TIME|ADDRESS=SNAPSHOT",
    help="Read what could be read then. A time holds for all ports, a bare snapshot when one port is read.",
)
@click.option("--purpose", metavar="TEXT", help="What it is for: then only grants for it count.")
@environment_option("Read what an environment shows, for its owner alone.")
def command(
    sql: str,
    principal: str | None,
    form: str | None,
    out: Path | None,
    limit: int | None,
    at: tuple[str, ...],
    purpose: str | None,
    environment: str | None,
) -> int:
    form, limit = format_and_limit(form, limit, out)
    text = sys.stdin.read() if sql == "-" else sql
    from weft import api

    with api.open(environment=environment) as mesh:
        found = mesh.query(text, principal=principal, limit=limit, at=moment(at), purpose=purpose)
        write_result(found, form, out)
    return 0


def moment(at: tuple[str, ...]) -> dict[str, str] | str | None:
    """What `--at` says: nothing, one snapshot or time, or a snapshot for each address.

    >>> moment(()), moment(("8812",)), moment(("a.b.c=1", "a.b.d=2"))
    (None, '8812', {'a.b.c': '1', 'a.b.d': '2'})
    """
    if not at:
        return None
    if len(at) == 1 and "=" not in at[0]:
        return at[0]
    bare = [a for a in at if "=" not in a]
    if bare:
        raise click.UsageError(f"--at {bare[0]}: with several, each is ADDRESS=SNAPSHOT")
    return {address: snapshot for address, _, snapshot in (a.partition("=") for a in at)}
