"""`weft run`: one run with its checks."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "run",
    help="Show one run with its checks.\n\nThe beginning of a RUN_ID is enough where only one run has it.",
    epilog=examples("weft runs", "weft run 20261121-0904"),
)
@click.argument("run_id")
@format_option()
def command(run_id: str, form: str) -> int:
    from datetime import UTC, datetime

    from weft import api
    from weft.cli.render.runs import run_text

    with api.open() as mesh:
        page = mesh.run(run_id)
    if form == "json":
        print_json(page.as_json())
    else:
        print_text(run_text(page, datetime.now(UTC)))
    return 0
