"""What a run works with: the rooms it uses, who runs it, and when."""

from __future__ import annotations

import datetime as dt
import secrets
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.access.door import Door
from weft.config import Settings
from weft.engines.base import Engine
from weft.model.address import ProductAddress
from weft.model.lineage import ColumnEdge
from weft.model.records import Publish
from weft.registry.base import Registry, RegistryReader
from weft.registry.meters import Meter
from weft.runs.progress import Progress
from weft.storage.base import Storage

if TYPE_CHECKING:
    from weft.connectors.files import BoundSource
    from weft.plan.desired import Desired


def unjudged(publish: Publish) -> None:
    """Lets everything pass: a server judges, or there is no policy."""


def _unmeasured(meters: Sequence[Meter]) -> None:
    """Keeps nothing: the registry is no database of ours."""


class Context(Struct, frozen=True):
    """All that a run needs from outside. Handed down, never looked up.

    Attributes:
        source: the bound source of a product's input port.
        others: the registries of environments and of production, but for this one: they share the warehouse.
        lineage: column edges of one model, by the model's digest, SQL, the columns of what it reads and its own.
        column_digests: what decides each column of a port, and its rows.
        now: the clock, in UTC.
        meter: keeps what was measured.
        gate: lets a publication pass or raises GateRefused, as policies say.
    """

    settings: Settings
    registry: Registry
    storage: Storage
    engine: Engine
    door: Door
    source: Callable[[ProductAddress, str], BoundSource]
    lineage: Callable[[str, str, dict[str, tuple[str, ...]], tuple[str, ...]], tuple[ColumnEdge, ...]]
    column_digests: Callable[[Desired], Mapping[str, str]]
    progress: Progress
    actor: str
    now: Callable[[], dt.datetime]
    others: Callable[[], Mapping[str, RegistryReader]] = dict
    meter: Callable[[Sequence[Meter]], None] = _unmeasured
    gate: Callable[[Publish], None] = unjudged

    def temp_folder(self, process: str) -> Path:
        """The folder that the runs of a process spill to, one for all of them: an engine cannot change it later."""
        _, pid, start = process.rsplit(":", 2)
        return self.settings.state / "tmp" / f"{pid}-{start}"

    def drop_temp_folder(self, process: str) -> None:
        """Removes what a process has spilled."""
        shutil.rmtree(self.temp_folder(process), ignore_errors=True)


def new_run_id(now: dt.datetime) -> str:
    """A run id that sorts by time: `20261121T093000-1a2b3c`."""
    return f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
