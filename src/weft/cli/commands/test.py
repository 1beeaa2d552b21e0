"""`weft test`: unit tests of models."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.options import examples, format_option
from weft.cli.output import json_text, print_diagnostics, print_line, print_text, writing
from weft.errors import has_errors


@click.command(
    "test",
    help="Run the unit tests of models.\n\n"
    "SELECT is a model (operations.on_time.cleaned) or the beginning of its name; or what `weft plan` takes: +x, x+, "
    "tag:NAME, changed, for the models that these ports need. Several unite; none means everything. Ends with 1 when a "
    "test fails, with 2 when one cannot be run.",
    epilog=examples(
        "weft test",
        "weft test operations.on_time.cleaned",
        "weft test --format junit --out tests.xml",
    ),
)
@click.argument("select", nargs=-1, metavar="[SELECT]...")
@format_option("text", "json", "junit")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE",
    help="Write the answer to a file.",
)
def command(select: tuple[str, ...], form: str, out: Path | None) -> int:
    from weft import api
    from weft.cli.render.unit_tests import junit, report_text

    with api.open() as mesh:
        report = mesh.test(select, note=print_line)
    print_diagnostics(report.diagnostics)
    if form == "json":
        answer = json_text(report.as_json())
    else:
        answer = junit(report) if form == "junit" else report_text(report)
    if out is None:
        print_text(answer)
    else:
        with writing(out):
            out.write_text(f"{answer}\n", encoding="utf-8")
        print_line(f"written to {out}")
    return 2 if has_errors(report.diagnostics) else report.exit_code
