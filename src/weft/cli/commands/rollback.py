"""`weft rollback`: earlier rows again."""

from __future__ import annotations

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text


@click.command(
    "rollback",
    help="Make an earlier snapshot the current one, or release a rollback.\n\n"
    "The port is then pinned: apply leaves it alone until its files change or the rollback is released.",
    epilog=examples(
        "weft history fleet.aircraft.planes",
        "weft rollback fleet.aircraft.planes 8812736455 --reason 'seats were wrong'",
        "weft rollback fleet.aircraft.planes --release",
    ),
)
@click.argument("address")
@click.argument("snapshot", required=False)
@click.option("--reason", metavar="TEXT", help="Why; everybody sees it.")
@click.option("--release", is_flag=True, help="Free the port again.")
@format_option()
def command(address: str, snapshot: str | None, reason: str | None, release: bool, form: str) -> int:
    from weft import api

    if release and (snapshot or reason):
        raise click.UsageError("--release stands alone: it takes no snapshot and no reason")
    if not release and (not snapshot or not reason or not reason.strip()):
        raise click.UsageError("a rollback needs SNAPSHOT and --reason TEXT; `weft history ADDRESS` lists snapshots")
    with api.open() as mesh:
        if release:
            mesh.release(address)
            document: dict[str, object] = {"address": address, "released": True}
            text = f"{address} is free; the next apply builds it again if its files or sources differ"
        else:
            assert snapshot is not None
            assert reason is not None
            done = mesh.rollback(address, snapshot, reason=reason)
            document = dict(done.as_json())
            text = f"{document['address']}: snapshot {document['from']} → {document['to']}; pinned until it is released"
            stale = document.get("stale")
            if isinstance(stale, list) and stale:
                text += f"\nnow older than what they were made from: {', '.join(stale)}"
    if form == "json":
        print_json(document)
    else:
        print_text(text)
    return 0
