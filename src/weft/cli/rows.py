"""Rows as an answer: how a command is told to write them, and the writing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from weft.cli.options import F
from weft.cli.output import print_diagnostics, print_json, print_line, print_text, width_of, writing

_FORMATS = ("table", "json", "ndjson", "csv", "arrow", "parquet")
_TABLE_ROWS = 100
_OPTIONS = (
    click.option(
        "--as",
        "principal",
        metavar="PRINCIPAL",
        help="Look at your own mesh as ada, team:crm, service:loader, domain.product or a stranger would.",
    ),
    click.option(
        "--format",
        "form",
        type=click.Choice(_FORMATS),
        help="How rows are written; without it by the ending of --out, else table.",
    ),
    click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write rows to FILE."),
    click.option(
        "--limit",
        type=click.IntRange(min=0),
        metavar="N",
        help=f"At most N rows; {_TABLE_ROWS} for a table, no limit for other formats.",
    ),
)


def rows_options(command: F) -> F:
    """`--as`, `--format`, `--out` and `--limit` of a command that reads rows."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def format_and_limit(form: str | None, limit: int | None, out: Path | None) -> tuple[str, int | None]:
    """The format that rows are written in and how many at most, after what the options leave open is settled.

    Raises:
        UsageError: a format of bytes would go to a terminal.
    """
    form = form or _by_ending(out)
    if out is None and form in ("arrow", "parquet") and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal: name a file with --out, or pipe it")
    return form, _TABLE_ROWS if limit is None and form == "table" else limit


def write_result(result: Any, form: str, out: Path | None) -> None:
    """Writes a result to a file or to standard output; what the reader should know goes to standard error."""
    for note in result.notes:
        print_line(note)
    print_diagnostics(result.diagnostics)
    if form in ("csv", "arrow", "parquet"):
        if out is None:
            result.write(sys.stdout.buffer, form)
            return
        with writing(out):
            result.write(out, form)
        print_line(f"{len(result):,} rows written to {out}")
        return
    if out is not None:
        import json

        from weft.access.result import replacing

        with writing(out), replacing(out) as file:
            if form == "ndjson":
                file.writelines(f"{line}\n".encode() for line in _lines(result))
            else:
                text = _table(result, None) if form == "table" else json.dumps(result.as_json(), ensure_ascii=False)
                file.write(f"{text}\n".encode())
        print_line(f"{len(result):,} rows written to {out}")
    elif form == "json":
        print_json(result.as_json())
    elif form == "ndjson":
        for line in _lines(result):
            print_text(line)
    else:
        print_text(_table(result, width_of(sys.stdout)))


def _lines(result: Any) -> Iterator[str]:
    """Each row as an object of JSON."""
    import json

    found = result.as_json()
    names = [column["name"] for column in found["columns"]]
    return (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False) for row in found["rows"])


def _by_ending(out: Path | None) -> str:
    """The format that a file's name asks for; a table without one."""
    endings = {".json": "json", ".ndjson": "ndjson", ".csv": "csv", ".arrow": "arrow", ".parquet": "parquet"}
    return endings.get(out.suffix.lower(), "table") if out else "table"


def _table(result: Any, wide: int | None) -> str:
    from weft.cli.render.rows import rows_table

    encoding = (sys.stdout.encoding or "ascii").lower()
    return rows_table(
        [(c.name if c.masked is None else f"{c.name} ({c.masked})", c.type) for c in result.columns],
        result.text_rows(),
        columns_wide=wide,
        truncated=result.truncated,
        null="∅" if encoding.startswith("utf") else "NULL",
    )
