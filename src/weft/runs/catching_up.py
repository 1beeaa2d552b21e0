"""The branches of tables follow the registry: at once, and where that fails when an apply next looks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from weft.errors import Diagnostic, WeftError, warning
from weft.model.address import Address
from weft.model.publication import is_kept_table
from weft.model.records import Publish
from weft.registry.base import RegistryReader
from weft.runs import due, following
from weft.runs.context import Context

Shown = tuple[Address, str]
"""A table, and the snapshot that the registry says it shows."""


def follow(shown: Sequence[Shown], builds: Sequence[str], run_id: str, context: Context) -> tuple[Diagnostic, ...]:
    """What is left to do behind a publication, which stands whatever comes of this.

    Args:
        builds: whose batches nobody needs any more.

    Returns:
        Warnings: WFT-STO-041, the disk did not let it; WFT-STO-013, another writer had moved `main`.
    """
    try:
        told = [d for table, snapshot_id in shown for d in _follow(table, snapshot_id, run_id, context)]
        if builds:
            context.registry.drop_batches(builds)
    except (WeftError, OSError) as e:
        due.soon(context.settings)
        return (
            warning(
                "WFT-STO-041",
                f"`{shown[0][0].of_product}` is published, and `main` of its tables could not follow",
                why=str(e.diagnostics[0].what if isinstance(e, WeftError) else e),
                fix="nothing is lost: the next apply lets it follow; weft itself reads what is published",
            ),
        )
    return tuple(told)


def handed_in(publish: Publish, run_id: str, context: Context) -> None:
    """Lets the tables of a publication that was handed in and stands follow; whoever waits need not wait for it."""
    registry = context.registry
    states = [state for p in publish.publications if (state := registry.port(p.address)) is not None]
    shown = [(state.address, state.snapshot_id) for state in states if state.live is None]
    kept = registry.kept_tables(publish.product.address)
    shown += [(t.table, t.snapshot_id) for t in kept if t.run_id == run_id]
    for told in follow(shown, (), run_id, context) if shown else ():
        context.progress.note(told.what)


def catch_up(context: Context) -> None:
    """Lets every table's branch show what the registry says."""
    for table, snapshot_id in _own(context):
        for told in _follow(table, snapshot_id, None, context):
            context.progress.note(told.what)


def after(run_id: str, addresses: Sequence[Address], context: Context) -> None:
    """Lets the tables of a run that died follow, and takes its branches away."""
    own = dict(_own(context))
    tables = [t.table for product in {a.of_product for a in addresses} for t in context.registry.kept_tables(product)]
    for table in (*addresses, *tables):
        if table not in own:
            context.storage.drop_branch(table, f"run-{run_id}")
            continue
        for told in _follow(table, own[table], run_id, context):
            context.progress.note(told.what)


def _follow(table: Address, snapshot_id: str, run_id: str | None, context: Context) -> tuple[Diagnostic, ...]:
    """Moves one table's branch; what another writer has put on the table of a port is told."""
    if not is_kept_table(table):
        return following.follow(table, snapshot_id, run_id, context)
    context.storage.follow(table, snapshot_id, run_id)
    return ()


def _own(context: Context) -> Iterator[Shown]:
    """The tables of this registry; an environment shows production's where it has built nothing itself."""
    production = context.others().get("")
    theirs = dict(_listed(production)) if production is not None else {}
    return (shown for shown in _listed(context.registry) if theirs.get(shown[0]) != shown[1])


def _listed(registry: RegistryReader) -> Iterator[Shown]:
    yield from ((a, state.snapshot_id) for a, state in registry.ports().items() if state.live is None)
    yield from ((t.table, t.snapshot_id) for t in registry.kept_tables())
