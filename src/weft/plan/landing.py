"""What a plan says of sources whose rows apply reads anew before it builds."""

from __future__ import annotations

from collections.abc import Sequence

from weft.model.address import ProductAddress
from weft.model.remote import LANDS, Remote
from weft.plan.desired import Desired
from weft.plan.values import Stage, StageKind


def lands(version: str | None) -> bool:
    """Whether a source of this version is read anew."""
    return version is not None and version.startswith(LANDS)


def reason(name: str, version: str | None) -> str:
    """Why a port is built whose source has moved."""
    return f"source `{name}` is read anew" if lands(version) else f"source `{name}` changed"


def reason_of_live(table: Remote) -> str:
    """Why the contract of a port that lives in a database is checked again."""
    moved = "has moved" if table.watermark is not None else "may have moved"
    return f"{table.subject}, in which it lives, {moved}"


def stages(product: ProductAddress, built: Sequence[Desired]) -> list[Stage]:
    """A stage for each source that is landed before the ports of a product are built."""
    names = {entry.name: None for one in built for entry in one.inputs if lands(one.parts.get(f"source:{entry.name}"))}
    return [Stage(StageKind.LAND, f"{product}.{name}") for name in names]
