"""`weft apply`: build, verify, publish."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
from weft.cli.output import print_diagnostics, print_json, print_text
from weft.cli.progress import progress

if TYPE_CHECKING:
    from weft.plan.values import Plan


@click.command(
    "apply",
    help="Build, verify and publish what changed.\n\n"
    "Rows are verified against their contract before anyone can see them; a product whose rows break it stays as it "
    "was.\n\n" + SELECT_HELP,
    epilog=examples(
        "weft apply",
        "weft apply operations.on_time",
        "weft apply --plan tonight.json --yes",
        "weft apply --env dev",
        "weft apply operations.on_time --start 2026-11-01 --end 2026-11-08",
    ),
)
@select_argument
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Do what this plan says; refused with exit 4 when something moved since.",
)
@click.option("--yes", is_flag=True, help="Retire ports without being asked.")
@click.option("--full-refresh", is_flag=True, help="Build everything that is selected, changed or not.")
@window_options
@environment_option("Build what differs beside production, in an environment; it is made where it is new.")
@click.option(
    "--override",
    metavar="REASON",
    help="Publish the ports named by SELECT although checks of theirs fail. Everybody who reads them is told.",
)
@click.option("--until", metavar="DATE", help="The last day of the override; it ends by itself.")
@format_option()
def command(
    select: tuple[str, ...],
    plan_file: Path | None,
    yes: bool,
    full_refresh: bool,
    start: str | None,
    end: str | None,
    environment: str | None,
    override: str | None,
    until: str | None,
    form: str,
) -> int:
    from weft import api
    from weft.cli.render.applied import applied_text

    if plan_file is not None and (select or full_refresh or start or end):
        raise click.UsageError("a plan says what is selected: give --plan without SELECT, --full-refresh and --start")
    if full_refresh and (start or end):
        raise click.UsageError("a full refresh computes all times: give it without --start and --end")
    if (override is None) != (until is None):
        raise click.UsageError("an override has a reason and an end: give --override REASON and --until DATE")
    if override is not None and plan_file is not None:
        raise click.UsageError("an override names its ports: give SELECT, not --plan")
    with api.open(environment=environment) as mesh:
        plan = _read(plan_file) if plan_file is not None else None
        asks = form == "text" and sys.stdin.isatty() and sys.stderr.isatty()
        with progress() as shown:
            result = mesh.apply(
                select,
                plan=plan,
                yes=yes,
                full_refresh=full_refresh,
                window=window_of(start, end),
                override=(override, until) if override is not None and until is not None else None,
                progress=shown,
                confirm=_consents if asks else None,
            )
    if form == "json":
        print_json(result.as_json())
    else:
        print_diagnostics(result.warnings)
        print_text(applied_text(result))
    return int(result.exit_code)


def _consents(plan: Plan) -> bool:
    """Asks whether the ports that a plan retires may go."""
    ports = ", ".join(str(a) for a in plan.retires)
    return click.confirm(f"retire {ports}? Nobody can read it any more; its snapshots are kept", err=True, abort=False)


def _read(file: Path) -> Plan:
    from weft.errors import ProjectError, Where, error
    from weft.plan.values import plan_from_json

    try:
        return plan_from_json(json.loads(file.read_text(encoding="utf-8")), str(file))
    except (OSError, ValueError) as e:
        raise ProjectError(
            error(
                "WFT-PLN-006",
                f"the plan file `{file}` cannot be read",
                Where(str(file)),
                why=e.strerror if isinstance(e, OSError) else "it is not JSON",
                fix="write one with `weft plan --out FILE`",
            )
        ) from e
