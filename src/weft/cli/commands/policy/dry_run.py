"""`weft policy dry-run`: what a new policy would object to."""

from __future__ import annotations

from pathlib import Path

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted, table

_SHOWN = 5


@click.command(
    "dry-run",
    help="Show what a policy would object to over the whole mesh, by domain, before it is switched on.",
    epilog=examples("weft policy dry-run drafts/units.yaml", "weft policy dry-run drafts/units.yaml --format json"),
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@format_option()
def dry_run(file: Path, form: str) -> int:
    from weft.api.governance.policies import policies_at_hand

    with policies_at_hand() as policies:
        found = policies.tried(file)
    if form == "json":
        print_json(found)
        return 0
    if found["refused"]:
        print_text(f"{found['policy']} cannot be asked: {found['refused']}")
        return 1
    rows = [
        [
            one["domain"],
            str(one["products"]),
            str(one["products_violating"]),
            str(len(one["violations"])),
            ", ".join(v["subject"] for v in one["violations"][:_SHOWN]) + (" …" * (len(one["violations"]) > _SHOWN)),
        ]
        for one in found["domains"]
    ]
    print_text(f"{found['policy']}: {counted(found['total'], 'violation')} [{found['severity']}]")
    print_text(table(["domain", "products", "of them violating", "violations", "first"], rows))
    return 0
