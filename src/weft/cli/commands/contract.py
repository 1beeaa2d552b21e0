"""`weft contract`: drafting, comparing, checking and exchanging contracts."""

from __future__ import annotations

import click

from weft.cli.contract_exchange import export, import_
from weft.cli.options import examples, format_option
from weft.cli.output import print_diagnostics, print_json, print_line, print_text

_VERDICTS = ("none", "patch", "compatible", "breaking")


@click.group(
    "contract",
    help="Draft, compare, check, import and export contracts.",
    epilog=examples("weft contract sync fleet.aircraft.planes", "weft contract diff old.odcs.yaml new.odcs.yaml"),
)
def command() -> None:
    pass


@command.command(
    "sync",
    help="Draft or complete the contract of a port from its model and data.\n\n"
    "What a person wrote is kept, comments and order included. Types and nullability are filled in; keys, ranges and "
    "enumerations are proposed.",
    epilog=examples("weft contract sync fleet.aircraft.planes"),
)
@click.argument("address")
@format_option()
def sync(address: str, form: str) -> int:
    from weft import api

    with api.open() as mesh:
        done = mesh.sync(address)
    if form == "json":
        print_json({"path": str(done.path), "notes": list(done.notes), "diff": done.diff})
        return 0
    if done.diff:
        print_text(done.diff.rstrip("\n"))
    for note in done.notes:
        print_line(note)
    print_line(f"wrote {done.path}" if done.diff else f"{done.path} says all there is to say")
    return 0


@command.command(
    "diff",
    help="Compare two contracts: every difference, what it means for the readers of the data, and the version that "
    "it requires.\n\n"
    "OLD and NEW are contract files, or addresses of ports, whose published contracts are meant. `breaking` withdraws "
    "or weakens a promise, `compatible` adds or strengthens one, `patch` changes texts.",
    epilog=examples(
        "weft contract diff old.odcs.yaml new.odcs.yaml",
        "weft contract diff fleet.aircraft.planes domains/fleet/aircraft/contracts/planes.odcs.yaml --fail-on breaking",
    ),
)
@click.argument("old")
@click.argument("new")
@click.option(
    "--view",
    type=click.Choice(["consumer", "producer"]),
    default="consumer",
    show_default=True,
    help="Whose eyes: of those who read the data, or of those who have to keep the promises.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["compatible", "breaking"]),
    help="End with 1 when the verdict is at least this.",
)
@format_option()
def diff(old: str, new: str, view: str, fail_on: str | None, form: str) -> int:
    from weft import api
    from weft.cli.render.contracts import diff_text

    found = api.contract_diff(old, new, view=view)
    if form == "json":
        print_json(found.as_json())
    else:
        print_text(diff_text(found, view))
    return 1 if fail_on and _VERDICTS.index(found.verdict) >= _VERDICTS.index(fail_on) else 0


@command.command(
    "lint",
    help="Check contracts by themselves, without data: schema, names, types, rules that cannot be understood or kept, "
    "and SQL. Ends with 2 when one has an error.",
    epilog=examples("weft contract lint planes.odcs.yaml", "weft contract lint domains/*/*/contracts/*.odcs.yaml"),
)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@format_option()
def lint(files: tuple[str, ...], form: str) -> int:
    from weft import api
    from weft.errors import has_errors

    found = api.contract_lint(files)
    if form == "json":
        print_json({"diagnostics": [d.as_json() for d in found]})
    else:
        print_diagnostics(found)
        count = "1 contract" if len(files) == 1 else f"{len(files)} contracts"
        print_line(f"{count}: {len(found) or 'no'} problem{'' if len(found) == 1 else 's'}")
    return 2 if has_errors(found) else 0


@command.command(
    "bump",
    help="Write the version that the changes of a contract require into its file, and at its port in the product's "
    "descriptor; comments and order stay.\n\n"
    "It is compared with the published contract of the same id, or with what `--against` names.",
    epilog=examples(
        "weft contract bump domains/fleet/aircraft/contracts/planes.odcs.yaml",
        "weft contract bump new.odcs.yaml --against old.odcs.yaml",
    ),
)
@click.argument("file", type=click.Path())
@click.option("--against", metavar="OLD", help="A contract file, or the address of a published port.")
@click.option("--dry-run", is_flag=True, help="Say the version, and write nothing.")
@format_option()
def bump(file: str, against: str | None, dry_run: bool, form: str) -> int:
    from weft import api

    done = api.contract_bump(file, against, write=not dry_run)
    if form == "json":
        print_json(done.as_json())
        return 0
    verdict = done.comparison.verdict
    if done.before == done.after:
        print_text(f"{done.path}: version {done.after} is right ({verdict} since {done.published})")
    else:
        wrote = "would be" if dry_run else "is now"
        print_text(f"{done.path}: version {wrote} {done.after}, was {done.before} ({verdict} since {done.published})")
    return 0


command.add_command(import_)
command.add_command(export)
