"""`weft quarantine`: the rows that were left out of a port."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.options import examples
from weft.cli.rows import format_and_limit, rows_options, write_result


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
@rows_options
@click.option("--at", metavar="SNAPSHOT|TIME", help="The rows that were left out of an earlier snapshot.")
def command(
    address: str, principal: str | None, form: str | None, out: Path | None, limit: int | None, at: str | None
) -> int:
    form, limit = format_and_limit(form, limit, out)
    from weft import api

    with api.open() as mesh:
        write_result(mesh.quarantine(address, principal=principal, limit=limit, at=at), form, out)
    return 0
