"""`weft contract sync`: a contract drafted or completed from its model and data."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_diagnostics, print_json, print_line, print_text


@click.command(
    "sync",
    help="Draft or complete the contract of a port from its model and data.\n\n"
    "What a person wrote is kept, comments and order included. Types and nullability are filled in; keys, ranges and "
    "enumerations are proposed.",
    epilog=examples("weft contract sync fleet.aircraft.planes"),
)
@click.argument("address")
@format_option()
def sync(address: str, form: str) -> int:
    from weft import api

    with api.open() as mesh:
        done = mesh.sync(address)
    if form == "json":
        wrong = [d.as_json() for d in done.disagreements]
        print_json({"path": str(done.path), "notes": list(done.notes), "diff": done.diff, "disagreements": wrong})
        return 0
    if done.diff:
        print_text(done.diff.rstrip("\n"))
    for note in done.notes:
        print_line(note)
    if done.diff or not done.disagreements:
        print_line(f"wrote {done.path}" if done.diff else f"{done.path} says all there is to say")
    if done.disagreements:
        print_line("what is written there is kept, and the model gives something else:")
        print_diagnostics(done.disagreements, answer=True)
    return 0
