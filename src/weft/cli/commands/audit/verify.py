"""`weft audit verify`: walks the hash chains of the log and of reading."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text

if TYPE_CHECKING:
    from weft.registry.chains import Anchor


@click.command(
    "verify",
    help="Verify that nothing in the log, or in the record of who read what, was changed or taken out.\n\n"
    "That the end of a chain was cut off shows only against an anchor that was kept elsewhere: `--anchor` takes one "
    "that an earlier run has printed, or a file with some, such as an export.",
    epilog=examples(
        "weft audit verify",
        "weft audit verify --anchor kept-elsewhere.jsonl",
        "weft audit verify --export audit.jsonl --format json",
    ),
)
@click.option("--anchor", "given", multiple=True, metavar="ANCHOR | FILE", help="Hold the chains to what was kept.")
@click.option(
    "--export",
    "exported",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Check an export in place of the mesh.",
)
@format_option()
def verify(given: tuple[str, ...], exported: Path | None, form: str) -> int:
    found = _of_file(exported, _anchors(given)) if exported is not None else _of_mesh(_anchors(given))
    if form == "json":
        print_json(found)
        return 1 if found["diagnostics"] else 0
    for name, what in (("events", "events of the log"), ("reads", "records of reading")):
        if found[name] is not None:
            print_text(f"{found[name]:,} {what} stand as they were written")
    for anchor in found["anchors"]:
        print_text(f"anchor {anchor}")
    for anchor in found.get("outside", ()):
        print_text(f"anchor {anchor} lies outside of the file")
    for one in found["diagnostics"]:
        print_text(f"{one['code']}: {one['what']}\n  why: {one['why']}\n  fix: {one['fix']}")
    return 1 if found["diagnostics"] else 0


def _of_mesh(anchors: list[Anchor]) -> dict[str, Any]:
    from weft.api.verbs import open_verbs

    with closing(open_verbs()) as verbs:
        return verbs.audit.verify(anchors)


def _of_file(path: Path, anchors: list[Anchor]) -> dict[str, Any]:
    from weft.registry.chain_export import verified

    with path.open(encoding="utf-8", errors="replace") as lines:
        return verified(lines, anchors)


def _anchors(given: tuple[str, ...]) -> list[Anchor]:
    """The anchors that are written out, and those of the files that are named."""
    from weft.registry.chains import anchors_of

    found: list[Anchor] = []
    for one in given:
        if Path(one).is_file():
            with Path(one).open(encoding="utf-8", errors="replace") as lines:
                found += anchors_of(lines)
        else:
            found += anchors_of([one])
    return found
