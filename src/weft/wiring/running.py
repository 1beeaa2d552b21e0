"""What a run of a mesh works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from weft.model.address import ProductAddress
from weft.model.mesh import Source
from weft.plan.column_changes import ColumnDigests
from weft.runs.context import Context, unjudged
from weft.runs.progress import Silent

if TYPE_CHECKING:
    from weft.connectors.files import BoundSource
    from weft.model.lineage import ColumnEdge
    from weft.plan.repository import Repository
    from weft.registry.meters import Meter
    from weft.runs.progress import Progress
    from weft.wiring import Rooms


def context_of(rooms: Rooms, repository: Repository | None, progress: Progress | None) -> Context:
    """What a run works with: see `Rooms.context`."""

    def source(product: ProductAddress, name: str) -> BoundSource:
        mesh = repository.mesh if repository is not None else rooms.declared()
        entry = mesh.products[product].input(name)
        assert entry is not None and isinstance(entry.binding, Source), "the plan names sources only"
        if entry.binding.remote is not None:
            return rooms.remotes.bind(product, name, entry.binding)
        return rooms.connector.bind(entry.binding)

    return Context(
        settings=rooms.settings,
        registry=rooms.registry,
        storage=rooms.storage,
        engine=rooms.engine,
        door=rooms.door,
        source=source,
        lineage=lambda *asked: _column_lineage(rooms, *asked),
        column_digests=ColumnDigests(rooms.cache).of,
        progress=progress or Silent(),
        actor=rooms.actor,
        now=rooms.now,
        others=rooms.others,
        meter=lambda meters: _keep(rooms, meters),
        # a server that has the registry judges what is handed in itself
        gate=unjudged if rooms.on_a_server else rooms.governance.gate.require,
    )


def _keep(rooms: Rooms, meters: Sequence[Meter]) -> None:
    """Keeps what a run measured beside what is published; what is built in an environment says so."""
    from msgspec.structs import replace

    from weft.registry.meters import MeterStore
    from weft.registry.sql import SqlRegistry

    if isinstance(rooms.production, SqlRegistry):
        if rooms.environment is not None:
            meters = [replace(one, purpose=f"{one.purpose} in {rooms.environment}") for one in meters]
        MeterStore(rooms.production.database).add(meters)
    elif rooms.on_a_server and rooms.environment is None:
        rooms.remote.meter(meters)


def _column_lineage(
    rooms: Rooms, digest: str, sql: str, columns: Mapping[str, tuple[str, ...]], outputs: tuple[str, ...]
) -> tuple[ColumnEdge, ...]:
    from weft.runs.lineage import cached_lineage

    return cached_lineage(rooms.cache, digest, sql, columns, outputs)
