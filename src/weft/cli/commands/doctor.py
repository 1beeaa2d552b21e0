"""`weft doctor`: what is missing or wrong here."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_diagnostics, print_json, print_text


@click.command(
    "doctor",
    help="Say what is missing or wrong on this machine and in this mesh.\n\nEnds with 1 when something is.",
    epilog=examples("weft doctor"),
)
@format_option()
def command(form: str) -> int:
    from weft import api
    from weft.errors import has_errors

    with api.open() as mesh:
        found = mesh.doctor()
    if form == "json":
        print_json({"diagnostics": [d.as_json() for d in found]})
    else:
        print_diagnostics(found, answer=True)
        if not found:
            print_text("nothing is missing or wrong")
    return 1 if has_errors(found) else 0
