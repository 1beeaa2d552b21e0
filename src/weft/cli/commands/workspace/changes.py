"""`weft workspace upload`, `make` and `drop`: tables come and go."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from weft.cli.commands.token.server import server_option, signed_in
from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_line


@click.command(
    "upload",
    help="Keep a CSV or Parquet file as a table, in the place of one of that name.",
    epilog=examples("weft workspace upload targets targets.csv", "weft workspace upload targets targets.parquet"),
)
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@server_option
@format_option()
def upload(name: str, file: Path, url: str | None, form: str) -> int:
    _shown(signed_in(url).workspace_upload(name, file), form)
    return 0


@click.command(
    "make",
    help="Keep the rows of a query as a table, in the place of one of that name; - reads it from standard input.",
    epilog=examples(
        "weft workspace make late 'select * from operations.on_time.flights where arr_delay > 60'",
        "weft workspace make late - < late.sql",
    ),
)
@click.argument("name")
@click.argument("sql")
@server_option
@format_option()
def make(name: str, sql: str, url: str | None, form: str) -> int:
    text = sys.stdin.read() if sql == "-" else sql
    _shown(signed_in(url).workspace_make(name, text), form)
    return 0


@click.command("drop", help="Remove one of your tables.", epilog=examples("weft workspace drop late"))
@click.argument("name")
@server_option
def drop(name: str, url: str | None) -> int:
    signed_in(url).workspace_drop(name)
    print_line(f"my.workspace.{name} is gone")
    return 0


def _shown(made: dict[str, Any], form: str) -> None:
    if form == "json":
        print_json(made)
    else:
        print_line(f"{made['address']}: {made['rows']:,} rows, kept until {made['ends_at'][:10]}")
