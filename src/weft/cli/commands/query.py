"""`weft query`: published data by SQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from weft.cli.options import examples
from weft.cli.output import print_diagnostics, print_json, print_line, print_text, width_of, writing

FORMATS = ("table", "json", "csv", "arrow", "parquet")
TABLE_ROWS = 100


@click.command(
    "query",
    help="Read published data with SQL.\n\n"
    'Tables are addresses of ports: domain.product.port, or domain.product."port@1" for a pinned major. '
    "SQL is one SELECT in DuckDB's dialect; - reads it from standard input.",
    epilog=examples(
        "weft query 'select count(*) from fleet.aircraft.planes'",
        "weft query - < question.sql",
        "weft query 'from fleet.aircraft.planes' --out planes.parquet",
        "weft query 'from fleet.aircraft.planes' --at 2026-01-31T12:00:00Z --limit 5",
    ),
)
@click.argument("sql")
@click.option("--as", "principal", metavar="PRINCIPAL", help="Read as this principal.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How rows are written; without it by the ending of --out, else table.",
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write rows to FILE.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"At most N rows; {TABLE_ROWS} for a table, no limit for other formats.",
)
@click.option(
    "--at",
    multiple=True,
    metavar="SNAPSHOT|TIME|ADDRESS=SNAPSHOT",
    help="Read what could be read then. A time holds for all ports, a bare snapshot when one port is read.",
)
def command(
    sql: str, principal: str | None, form: str | None, out: Path | None, limit: int | None, at: tuple[str, ...]
) -> int:
    form = form or by_ending(out)
    if out is None and form in ("arrow", "parquet") and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal: name a file with --out, or pipe it")
    text = sys.stdin.read() if sql == "-" else sql
    from weft import api

    with api.open() as mesh:
        result = mesh.query(
            text,
            principal=principal,
            limit=TABLE_ROWS if limit is None and form == "table" else limit,
            at=moment(at),
        )
        write_result(result, form, out)
    return 0


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

        text = _table(result, None) if form == "table" else json.dumps(result.as_json(), ensure_ascii=False)
        with writing(out), replacing(out) as file:
            file.write(f"{text}\n".encode())
        print_line(f"{len(result):,} rows written to {out}")
    elif form == "json":
        print_json(result.as_json())
    else:
        print_text(_table(result, width_of(sys.stdout)))


def moment(at: tuple[str, ...]) -> dict[str, str] | str | None:
    """What `--at` says: nothing, one snapshot or time, or a snapshot for each address.

    >>> moment(()), moment(("8812",)), moment(("a.b.c=1", "a.b.d=2"))
    (None, '8812', {'a.b.c': '1', 'a.b.d': '2'})
    """
    if not at:
        return None
    if len(at) == 1 and "=" not in at[0]:
        return at[0]
    bare = [a for a in at if "=" not in a]
    if bare:
        raise click.UsageError(f"--at {bare[0]}: with several, each is ADDRESS=SNAPSHOT")
    return {address: snapshot for address, _, snapshot in (a.partition("=") for a in at)}


def by_ending(out: Path | None) -> str:
    """The format that a file's name asks for; a table without one."""
    endings = {".json": "json", ".csv": "csv", ".arrow": "arrow", ".parquet": "parquet"}
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
