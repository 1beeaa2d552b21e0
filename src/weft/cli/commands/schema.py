"""`weft schema`: JSON schemas for editors."""

from __future__ import annotations

import click

from weft.cli.options import examples
from weft.cli.output import print_json, print_text


@click.command(
    "schema",
    help="Print the JSON schema of a kind of file, for editors.\n\nWithout KIND the kinds are listed.",
    epilog=examples("weft schema", "weft schema domain > domain.schema.json", "weft schema model"),
)
@click.argument("kind", required=False)
def command(kind: str | None) -> int:
    from weft.errors import UsageError, did_you_mean, error
    from weft.project.schema import KINDS, json_schema

    if kind is None:
        print_text("\n".join(KINDS))
        return 0
    if kind not in KINDS:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"there is no schema `{kind}`",
                fix=did_you_mean(kind, KINDS, otherwise=f"kinds are: {', '.join(KINDS)}"),
            )
        )
    print_json(json_schema(kind))
    return 0
