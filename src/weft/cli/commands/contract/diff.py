"""`weft contract diff`: two contracts compared."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text

_VERDICTS = ("none", "patch", "compatible", "breaking")


@click.command(
    "diff",
    help="Compare two contracts: every difference, what it means for the readers of the data, and the version that "
    "it requires.\n\n"
    "OLD and NEW are contract files, or addresses of ports, whose published contracts are meant. `breaking` withdraws "
    "or weakens a promise, `compatible` adds or strengthens one, `patch` changes texts.",
    epilog=examples(
        "weft contract diff old.odcs.yaml new.odcs.yaml",
        "weft contract diff fleet.aircraft.planes domains/fleet/aircraft/contracts/planes.odcs.yaml --fail-on breaking",
    ),
)
@click.argument("old")
@click.argument("new")
@click.option(
    "--view",
    type=click.Choice(["consumer", "producer"]),
    default="consumer",
    show_default=True,
    help="Whose eyes: of those who read the data, or of those who have to keep the promises.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["compatible", "breaking"]),
    help="End with 1 when the verdict is at least this.",
)
@format_option()
def diff(old: str, new: str, view: str, fail_on: str | None, form: str) -> int:
    from weft import api
    from weft.cli.render.contracts import diff_text

    found = api.contract_diff(old, new, view=view)
    if form == "json":
        print_json(found.as_json())
    else:
        print_text(diff_text(found, view))
    return 1 if fail_on and _VERDICTS.index(found.verdict) >= _VERDICTS.index(fail_on) else 0
