"""`weft preview`: a model on a sample, before anything is declared or published."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.rows import write_result


@click.command(
    "preview",
    help="Run a model, or one of its CTEs, on a sample.\n\n"
    "MODEL is domain.product.model, or domain.product.model.cte. Nothing is published.",
    epilog=examples(
        "weft preview operations.on_time.cleaned",
        "weft preview operations.on_time.flights.parts --limit 5 --format csv",
    ),
)
@click.argument("model")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many rows are shown."
)
@format_option("table", "json", "csv")
def command(model: str, limit: int, form: str) -> int:
    from weft import api

    with api.open() as mesh:
        write_result(mesh.preview(model, limit=limit), form, None)
    return 0
