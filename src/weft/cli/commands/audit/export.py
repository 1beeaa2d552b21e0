"""`weft audit export`: the hash chains as a file that can be kept elsewhere."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import click

from weft.cli.options import examples
from weft.cli.output import print_line, writing


@click.command(
    "export",
    help="Write the event log and the record of who read what as JSON lines, with anchors at the end.\n\n"
    "What was typed is not in it, so that it can be erased. `weft audit verify --export FILE` checks a file without "
    "the mesh.",
    epilog=examples("weft audit export --out audit.jsonl", "weft audit export --from 2026-11-01 --to 2026-11-30"),
)
@click.option("--from", "first", metavar="TIME", help="From this day (UTC) or moment on.")
@click.option("--to", "last", metavar="TIME", help="To this day, which is meant to its end, or before this moment.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to this file.")
def export(first: str | None, last: str | None, out: Path | None) -> int:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        pieces = verbs.audit.export(first, last)
        if out is None:
            for piece in pieces:
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            return 0
        temporary = out.with_name(f".{out.name}.part")
        try:
            with writing(out), temporary.open("wb") as file:
                for piece in pieces:
                    file.write(piece)
            temporary.replace(out)  # what is there under its name is whole
        finally:
            temporary.unlink(missing_ok=True)
    print_line(f"written to {out}")
    return 0
