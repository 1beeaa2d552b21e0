"""`weft audit verify`: walks the hash chains of the log and of reading."""

from __future__ import annotations

from contextlib import closing

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "verify",
    help="Verify that nothing in the log, or in the record of who read what, was changed or taken out.",
    epilog=examples("weft audit verify", "weft audit verify --format json"),
)
@format_option()
def verify(form: str) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        found = verbs.audit.verify()
    if form == "json":
        print_json(found)
        return 1 if found["diagnostics"] else 0
    for name, what in (("events", "events of the log"), ("reads", "records of reading")):
        if found[name] is not None:
            print_text(f"{found[name]:,} {what} stand as they were written")
    for one in found["diagnostics"]:
        print_text(f"{one['code']}: {one['what']}\n  why: {one['why']}\n  fix: {one['fix']}")
    return 1 if found["diagnostics"] else 0
