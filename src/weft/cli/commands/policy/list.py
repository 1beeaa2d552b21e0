"""`weft policy list`: every policy that holds somewhere."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import table


@click.command(
    "list",
    help="List the policies of the mesh, of its domains and of its products.",
    epilog=examples("weft policy list", "weft policy list --kind privacy", "weft policy list --format json"),
)
@click.option(
    "--kind",
    type=click.Choice(("security", "privacy", "quality", "interoperability", "documentation")),
    help="Those of one kind.",
)
@click.option("--regulation", metavar="ID", help="Those that serve a regulation, for example gdpr.")
@format_option()
def list_(kind: str | None, regulation: str | None, form: str) -> int:
    from weft.api.governance.policies import policies_at_hand

    with policies_at_hand() as policies:
        found = policies.listed(kind, regulation)
    if form == "json":
        print_json({"policies": found})
    elif not found:
        print_text("there is no policy; `weft init --governance standard` writes a set to begin with")
    else:
        rows = [
            [p["id"], p["severity"], p["kind"], p["place"], "/".join(p["when"]), str(len(p["tests"])), p["title"]]
            for p in found
        ]
        print_text(table(["policy", "severity", "kind", "layer", "when", "tests", "title"], rows))
    return 0
