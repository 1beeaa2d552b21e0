"""`weft plan`: what apply would do."""

from __future__ import annotations

import json
from pathlib import Path

import click

from weft.cli.options import (
    SELECT_HELP,
    environment_option,
    examples,
    format_option,
    select_argument,
    window_of,
    window_options,
)
from weft.cli.output import print_json, print_line, print_text, writing


@click.command(
    "plan",
    help="Show what apply would do.\n\nEnds with 1 when the plan has an objection of severity error.\n\n" + SELECT_HELP,
    epilog=examples(
        "weft plan",
        "weft plan operations+",
        "weft plan --format markdown > review.md",
        "weft plan --out tonight.json && weft apply --plan tonight.json",
    ),
)
@select_argument
@format_option("text", "json", "markdown")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the plan to FILE, for `weft apply --plan FILE`.",
)
@click.option("--full-refresh", is_flag=True, help="Build everything that is selected, changed or not.")
@window_options
@environment_option("Plan for an environment instead of production.")
def command(
    select: tuple[str, ...],
    form: str,
    out: Path | None,
    full_refresh: bool,
    start: str | None,
    end: str | None,
    environment: str | None,
) -> int:
    from weft import api
    from weft.errors import has_errors
    from weft.plan import explain

    if full_refresh and (start or end):
        raise click.UsageError("a full refresh computes all times: give it without --start and --end")
    with api.open(environment=environment) as mesh:
        plan = mesh.plan(select, full_refresh=full_refresh, window=window_of(start, end))
    if out is not None:
        with writing(out):
            out.write_text(json.dumps(plan.as_json(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        print_line(f"plan written to {out}")
    if form == "json":
        print_json(plan.as_json())
    elif form == "markdown":
        print_text(explain.markdown(plan))
    else:
        print_text(explain.text(plan))
    return 1 if has_errors(plan.objections) else 0
