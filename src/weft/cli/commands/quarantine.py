"""`weft quarantine`: the rows that were left out of a port."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from weft.cli.commands.query import FORMATS, TABLE_ROWS, by_ending, write_result
from weft.cli.options import examples


@click.command(
    "quarantine",
    help="Show the rows that were left out of a port, with the rules that they break.\n\n"
    "A contract may let bad rows go there (weft.quarantine). They stand beside the snapshot that was published without "
    "them, with the ids of the checks in _rule and what these expect in _reason. Only the port's owner may read them.",
    epilog=examples(
        "weft quarantine fleet.aircraft.planes",
        "weft quarantine fleet.aircraft.planes@1 --at 2026-01-31T12:00:00Z --limit 5",
        "weft quarantine fleet.aircraft.planes --out bad.csv",
    ),
)
@click.argument("address")
@click.option("--as", "principal", metavar="PRINCIPAL", help="Read as this principal.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How rows are written; without it by the ending of --out, else table.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write rows to FILE.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"At most N rows; {TABLE_ROWS} for a table, no limit for other formats.",
)
@click.option("--at", metavar="SNAPSHOT|TIME", help="The rows that were left out of an earlier snapshot.")
def command(
    address: str, principal: str | None, form: str | None, out: Path | None, limit: int | None, at: str | None
) -> int:
    form = form or by_ending(out)
    if out is None and form in ("arrow", "parquet") and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal: name a file with --out, or pipe it")
    from weft import api

    with api.open() as mesh:
        limit = TABLE_ROWS if limit is None and form == "table" else limit
        result = mesh.quarantine(address, principal=principal, limit=limit, at=at)
        write_result(result, form, out)
    return 0
