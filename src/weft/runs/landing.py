"""Landing what a plan reads anew, before anything is built from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.connectors.remotes import RemoteConnector
from weft.engines.base import Session
from weft.errors import WeftError, of_the_system
from weft.model.address import Address, ProductAddress
from weft.model.mesh import Mesh, Source
from weft.plan.desired import Desired
from weft.plan.values import Action, Plan, StageKind
from weft.runs.context import Context
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


def land(
    plan: Plan, mesh: Mesh, remotes: RemoteConnector, context: Context
) -> Mapping[tuple[ProductAddress, str], WeftError]:
    """Lands every source that the plan names, each by itself, and returns what kept some from being landed.

    What was published is not touched: a plan that is made afterwards says what the landed rows change.
    """
    failed: dict[tuple[ProductAddress, str], WeftError] = {}
    with context.engine.session() as session:
        for stage in plan.stages:
            if stage.kind is not StageKind.LAND:
                continue
            domain, product_name, name = stage.address.split(".")
            product = ProductAddress(domain, product_name)
            entry = mesh.products[product].input(name)
            assert entry is not None and isinstance(entry.binding, Source), "the plan names input ports of the mesh"
            context.progress.stage(stage.address, "land")
            try:
                remotes.land(product, name, entry.binding, InEngine(session))
            except (WeftError, OSError) as e:
                failed[product, name] = e if isinstance(e, WeftError) else of_the_system(e)
    remotes.failed.update(failed)
    return failed


def failures(
    failed: Mapping[tuple[ProductAddress, str], WeftError],
    before: Plan,
    after: Plan,
    desired: Mapping[Address, Desired],
) -> tuple[Failed, ...]:
    """The ports that would have been built from a source that was not landed.

    One that is built all the same, for another reason, meets the failure when it opens its inputs and tells it there.
    """
    building = {c.address for c in after.changes if c.action in (Action.CREATE, Action.REBUILD)}
    found = []
    for change in before.changes:
        if change.action not in (Action.CREATE, Action.REBUILD) or change.address in building:
            continue
        wanted = desired.get(change.address)
        for entry in wanted.inputs if wanted is not None else ():
            error = failed.get((change.address.of_product, entry.name))
            if error is not None:
                found.append(Failed(change.address, error))
                break
    return tuple(found)
