"""`weft verify`: a contract against data."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli.options import examples, format_option
from weft.cli.output import json_text, print_diagnostics, print_line, print_text, writing

if TYPE_CHECKING:
    from weft.runs.results import Verification


@click.command(
    "verify",
    help="Check data against a contract.\n\n"
    "TARGET is the address of a port, whose published rows are checked, or a contract file. The data is what `--data` "
    "names, else what a server of the contract does. A database is read where it is: nothing is copied. Ends with 1 "
    "when a rule that blocks is broken, with 2 when the data cannot be read.",
    epilog=examples(
        "weft verify fleet.aircraft.planes",
        "weft verify planes.odcs.yaml --data planes.parquet",
        "weft verify shop.odcs.yaml --data orders=orders.csv --data lines=lines.csv",
        "weft verify shop.odcs.yaml --data postgresql://reader:env:SHOP_PASSWORD@db.example.com/shop",
        "weft verify shop.odcs.yaml --server production",
        "weft verify fleet.aircraft.planes --format junit > report.xml",
        "weft verify fleet.aircraft.planes --format html --out report.html",
    ),
)
@click.argument("target")
@click.option(
    "--data",
    multiple=True,
    metavar="[TABLE=]PATH|URL",
    help="The data to check: a file, a glob, a folder that holds a file for each table, or the URL of a database. "
    "Files may be given several times, also for one table.",
)
@click.option("--server", metavar="NAME", help="The server of the contract, or its environment, that has the data.")
@click.option(
    "--limit-samples",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    metavar="N",
    help="How many failing rows of each rule are shown.",
)
@click.option("--strict", is_flag=True, help="A rule that is not evaluated counts as broken.")
@format_option("text", "json", "junit", "html")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the answer to a file.",
)
def command(
    target: str,
    data: tuple[str, ...],
    server: str | None,
    limit_samples: int,
    strict: bool,
    form: str,
    out: Path | None,
) -> int:
    from weft import api

    if api.is_file(target):  # needs no mesh
        found = api.verify(target, data, server=server, sample_limit=limit_samples)
    else:
        with api.open() as mesh:
            found = mesh.verify(target, data=data, server=server, sample_limit=limit_samples)
    if strict:
        found = found.strict()
    print_diagnostics(found.diagnostics)
    answer = _rendered(found, form)
    if out is None:
        print_text(answer)
    else:
        with writing(out):
            out.write_text(f"{answer}\n", encoding="utf-8")
        print_line(f"{found.result}: written to {out}")
    return found.exit_code


def _rendered(found: Verification, form: str) -> str:
    if form == "json":
        return json_text(found.as_json())
    if form == "junit":
        from weft.cli.render.checks import junit

        return junit(found.contract, found.checks, found.diagnostics)
    told = (found.contract, found.version, found.result, found.rows, found.checks)
    if form == "html":
        from weft.cli.render.report import report

        return report(*told, found.diagnostics, dt.datetime.now(dt.UTC))
    from weft.cli.render.checks import verification_text

    return verification_text(*told)
