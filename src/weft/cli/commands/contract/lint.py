"""`weft contract lint`: contracts checked by themselves."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_diagnostics, print_json, print_line


@click.command(
    "lint",
    help="Check contracts by themselves, without data: schema, names, types, rules that cannot be understood or kept, "
    "and SQL. Ends with 2 when one has an error.",
    epilog=examples("weft contract lint planes.odcs.yaml", "weft contract lint domains/*/*/contracts/*.odcs.yaml"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@format_option()
def lint(files: tuple[str, ...], form: str) -> int:
    from weft import api
    from weft.errors import has_errors

    found = api.contract_lint(files)
    if form == "json":
        print_json({"diagnostics": [d.as_json() for d in found]})
    else:
        print_diagnostics(found)
        count = "1 contract" if len(files) == 1 else f"{len(files)} contracts"
        print_line(f"{count}: {len(found) or 'no'} problem{'' if len(found) == 1 else 's'}")
    return 2 if has_errors(found) else 0
