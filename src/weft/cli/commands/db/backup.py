"""`weft db backup` and `weft db restore`: all that a registry holds, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text
from weft.cli.text import counted

if TYPE_CHECKING:
    from weft.registry.backup import Backup


@click.command(
    "backup",
    help="Write all that the registry holds into FILE, as of one moment, while others go on.\n\n"
    "The file can be restored into a file or into PostgreSQL, wherever it came from. "
    "Data files are not in it: they lie in the warehouse.",
    epilog=examples("weft db backup registry.backup"),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@format_option()
def backup(file: Path, form: str) -> int:
    from weft.api import registries

    if not file.absolute().parent.is_dir():
        raise click.BadParameter(f"there is no folder `{file.parent}`", param_hint="'FILE'")
    return _told(registries.backup(file), f"backed up to {file}", form)


@click.command(
    "restore",
    help="Put what the backup FILE holds into the registry: all of it, or nothing.",
    epilog=examples("weft db restore registry.backup", "weft db restore registry.backup --replace"),
)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--replace", is_flag=True, help="Replace what the registry holds; else it has to be empty.")
@format_option()
def restore(file: Path, replace: bool, form: str) -> int:
    from weft.api import registries

    return _told(registries.restore(file, replace=replace), f"restored from {file}", form)


def _told(done: Backup, what: str, form: str) -> int:
    told: dict[str, Any] = {
        "made_at": done.made_at.isoformat(),
        "version": done.version,
        "events": done.events,
        "rows": done.rows,
    }
    if form == "json":
        print_json(told)
    else:
        events, rows = counted(done.events, "event"), counted(done.rows, "row")
        print_text(f"{what}: {events}, their chain of hashes is whole, and {rows} in all")
    return 0
