"""`weft contract bump`: the version that the changes require, written."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "bump",
    help="Write the version that the changes of a contract require into its file, and at its port in the product's "
    "descriptor; comments and order stay.\n\n"
    "It is compared with the published contract of the same id, or with what `--against` names.",
    epilog=examples(
        "weft contract bump domains/fleet/aircraft/contracts/planes.odcs.yaml",
        "weft contract bump new.odcs.yaml --against old.odcs.yaml",
    ),
)
@click.argument("file", type=click.Path())
@click.option("--against", metavar="OLD", help="A contract file, or the address of a published port.")
@click.option("--dry-run", is_flag=True, help="Say the version, and write nothing.")
@format_option()
def bump(file: str, against: str | None, dry_run: bool, form: str) -> int:
    from weft import api

    done = api.contract_bump(file, against, write=not dry_run)
    if form == "json":
        print_json(done.as_json())
        return 0
    verdict = done.comparison.verdict
    if done.before == done.after:
        print_text(f"{done.path}: version {done.after} is right ({verdict} since {done.published})")
    else:
        wrote = "would be" if dry_run else "is now"
        print_text(f"{done.path}: version {wrote} {done.after}, was {done.before} ({verdict} since {done.published})")
    return 0
