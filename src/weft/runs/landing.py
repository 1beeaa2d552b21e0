"""Landing what a plan reads anew, before anything is built from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from weft.connectors.remotes import Landed, RemoteConnector
from weft.engines.base import Session
from weft.errors import WeftError, of_the_system
from weft.model.address import Address, ProductAddress
from weft.model.mesh import Mesh, Source
from weft.model.records import LANDING, PortOutcome, Run, RunState
from weft.plan.desired import Desired
from weft.plan.values import Action, Plan, StageKind
from weft.registry import processes
from weft.runs.context import Context, new_run_id
from weft.runs.results import Failed
from weft.sql.quoting import ident


class InEngine:
    """Implements `connectors.remotes.Rows` by a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def row(self, sql: str) -> tuple[Any, ...]:
        """The row of a query that gives one."""
        return self._session.rows(sql)[0]

    def write(self, sql: str, columns: Sequence[str], file: Path) -> int:
        """Writes the rows of a query as Parquet, and returns how many there are."""
        folder, ids = str(file.parent), ", ".join(f"{ident(c)}: {n}" for n, c in enumerate(columns, 1))
        written = self._session.copy_out(sql, folder=folder, root=folder, field_ids=f"{{{ids}}}", columns=())
        own = [f for f in sorted(file.parent.glob("*.parquet")) if not f.name.startswith(("rows-", "keys-"))]
        for number, one in enumerate(own):  # a file without rows is one too
            one.rename(file.with_stem(file.stem.replace("-0", f"-{number}")))
        return sum(one.rows for one in written)


Input = tuple[ProductAddress, str]
"""An input port, by its product and its name."""


def land(
    plan: Plan, mesh: Mesh, desired: Mapping[Address, Desired], remotes: RemoteConnector, context: Context
) -> Mapping[Input, WeftError]:
    """Lands every source that the plan names, each by itself, and returns what kept some from being landed.

    What was published is not touched: a plan that is made afterwards says what the landed rows change. It is a run of
    its own, whose ports are those that the plan builds from what is landed.
    """
    wanted = _named(plan)
    read = {a: [i for i in wanted if i in _reads(desired.get(a))] for a in _building(plan)}
    read = {address: inputs for address, inputs in read.items() if inputs}
    run = Run(
        new_run_id(context.now()),
        LANDING,
        context.actor,
        RunState.RUNNING,
        context.now(),
        selection=tuple(f"{product}.{name}" for product, name in wanted),
        ports=tuple(PortOutcome(address, "planned") for address in read),
        process=processes.identity(),
    )
    context.registry.start_run(run)
    done: dict[Input, Landed | WeftError] = {}
    state = RunState.INTERRUPTED
    try:
        with context.engine.session() as session:
            for product, name in wanted:
                entry = mesh.products[product].input(name)
                assert entry is not None and isinstance(entry.binding, Source), "the plan names input ports of the mesh"
                context.progress.stage(f"{product}.{name}", "land")
                try:
                    done[product, name] = remotes.land(product, name, entry.binding, InEngine(session))
                except (WeftError, OSError) as e:
                    done[product, name] = e if isinstance(e, WeftError) else of_the_system(e)
        failed = {one: e for one, e in done.items() if isinstance(e, WeftError)}
        state = RunState.FAILED if failed else RunState.SUCCEEDED
    finally:
        ports = tuple(_outcome(address, [done.get(i) for i in inputs]) for address, inputs in read.items())
        context.registry.finish_run(replace(run, state=state, finished_at=context.now(), ports=ports))
    remotes.failed.update(failed)
    return failed


def _named(plan: Plan) -> list[Input]:
    """The input ports that a plan lands."""
    found = []
    for stage in plan.stages:
        if stage.kind is StageKind.LAND:
            domain, product, name = stage.address.split(".")
            found.append((ProductAddress(domain, product), name))
    return found


def _building(plan: Plan) -> list[Address]:
    return [c.address for c in plan.changes if c.action in (Action.CREATE, Action.REBUILD)]


def _reads(wanted: Desired | None) -> set[Input]:
    return {(wanted.product.address, entry.name) for entry in wanted.inputs} if wanted is not None else set()


def _outcome(address: Address, done: Sequence[Landed | WeftError | None]) -> PortOutcome:
    """What has come of the sources that a port is made from; a failed one says nothing of the port's own rows."""
    problems = tuple(d.as_json() for e in done if isinstance(e, WeftError) for d in e.diagnostics)
    if problems:
        return PortOutcome(address, "not landed", diagnostics=problems)
    landed = [one for one in done if isinstance(one, Landed)]
    if len(landed) < len(done):
        return PortOutcome(address, "not reached")
    seconds, rows = sum(one.seconds for one in landed), sum(one.rows for one in landed)
    return PortOutcome(address, "landed" if any(one.moved for one in landed) else "unchanged", None, rows, seconds)


def failures(
    failed: Mapping[Input, WeftError],
    before: Plan,
    after: Plan,
    desired: Mapping[Address, Desired],
) -> tuple[Failed, ...]:
    """The ports that would have been built from a source that was not landed.

    One that is built all the same, for another reason, meets the failure when it opens its inputs and tells it there.
    """
    building = set(_building(after))
    found = []
    for address in _building(before):
        if address in building:
            continue
        wanted = desired.get(address)
        for entry in wanted.inputs if wanted is not None else ():
            error = failed.get((address.of_product, entry.name))
            if error is not None:
                found.append(Failed(address, error))
                break
    return tuple(found)
