"""`weft contract import` and `weft contract export`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_line, print_text

_DIALECTS = "duckdb, postgres, mysql, spark, snowflake or bigquery"

_OUT = click.option(
    "--out", metavar="FILE", type=click.Path(dir_okay=False), help="Write to this file instead of standard output."
)


@click.command(
    "import",
    help="Make a contract of what another tool says of a table, or of rows.\n\n"
    "KIND is sql (CREATE TABLE), jsonschema, avro, arrow (an IPC or Feather file), dbt (manifest.json), duckdb "
    "(FILE:TABLE of a database file), postgres or mysql (URL:TABLE of a server, MariaDB too), or a sample: parquet, "
    "csv, json. Standard output has the ODCS document; what a contract cannot say is told on standard error, one line "
    "each.",
    epilog=examples(
        "weft contract import sql schema.sql --dialect postgres --out orders.odcs.yaml",
        "weft contract import dbt target/manifest.json --model orders",
        "weft contract import duckdb shop.duckdb:orders",
        "weft contract import postgres postgresql://reader:env:SHOP_PASSWORD@db.example.com/shop:orders",
    ),
)
@click.argument("kind")
@click.argument("source")
@click.option("--dialect", help=f"The system of SQL: {_DIALECTS}.  [default: duckdb]")
@click.option("--model", metavar="NAME", help="The model of a dbt manifest.")
@click.option("--name", metavar="NAME", help="The contract's name; by default that of the table or file.")
@_OUT
@format_option()
def import_(
    kind: str, source: str, dialect: str | None, model: str | None, name: str | None, out: str | None, form: str
) -> int:
    from weft import api

    made = api.contract_import(kind, source, dialect=dialect, model=model, name=name)
    return _answer(
        made.text, made.notes, lambda file: api.write_text(file, made.text), {"document": made.document}, out, form
    )


@click.command(
    "export",
    help="Write a contract as what other tools read.\n\n"
    "KIND is sql (CREATE TABLE), jsonschema, avro, dbt (models YAML), pydantic (Python source), spark (StructType "
    "JSON), arrow, markdown or html. FILE is a contract file, or the address of a port, whose published contract is "
    "meant. What the kind cannot say is told on standard error, one line each.",
    epilog=examples(
        "weft contract export sql orders.odcs.yaml --dialect snowflake",
        "weft contract export pydantic orders.odcs.yaml --out orders.py",
        "weft contract export html fleet.aircraft.planes --out planes.html",
    ),
)
@click.argument("kind")
@click.argument("file")
@click.option(
    "--dialect", help=f"The system of sql, and of the types and checks of dbt: {_DIALECTS}.  [default: duckdb]"
)
@_OUT
@format_option()
def export(kind: str, file: str, dialect: str | None, out: str | None, form: str) -> int:
    from weft import api

    written = api.contract_export(kind, file, dialect=dialect)
    return _answer(
        written.text, written.notes, lambda file: api.write_export(file, written), {"text": written.text}, out, form
    )


def _answer(
    text: str,
    notes: tuple[str, ...],
    write: Callable[[str], None],
    document: dict[str, Any],
    out: str | None,
    form: str,
) -> int:
    """Tells the notes, then writes the text where it is wanted.

    Args:
        write: writes it to a file of a name.
        document: what `--format json` prints, without the notes and the path.
    """
    for note in notes:
        print_line(f"note: {note}")
    if out is not None:
        write(out)
        print_line(f"wrote {out}")
    if form == "json":
        print_json({**document, "notes": list(notes), "path": out})
    elif out is None:
        print_text(text.rstrip("\n"))
    return 0
