"""What levels and tags columns should have after lineage, and writing what somebody agrees to into their contracts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.governance.standing import Standing
from weft.model.address import Address
from weft.model.classification import Classification
from weft.model.lineage import table_of
from weft.plan.selection import select
from weft.project.property_edits import PropertyEdit, write_edits
from weft.wiring import Rooms
from weft.wiring.classifying import classified


class Classifying(Struct, frozen=True):
    """How the selected columns stand.

    Attributes:
        written: files that were changed.
        truncated: whether more is registered upstream than was followed.
    """

    standings: tuple[Standing, ...]
    written: tuple[str, ...] = ()
    truncated: bool = False

    @property
    def suggested(self) -> tuple[Standing, ...]:
        """The columns whose contracts should say something else."""
        return tuple(one for one in self.standings if not one.suggestion.empty)

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft classify --format json`."""
        return {
            "columns": [one.as_json() for one in self.standings],
            "written": list(self.written),
            "truncated": self.truncated,
        }


def classify(
    rooms: Rooms,
    selection: Sequence[str] = (),
    *,
    agree: Callable[[Sequence[Standing]], Sequence[Standing]] | None = None,
) -> Classifying:
    """How the columns of the selected ports stand, and of the sources of their products.

    Args:
        agree: is given the columns with a suggestion, and says whose contracts are written; None writes nothing.

    Raises:
        UsageError: WFT-PLN-008, an argument matches nothing.
    """
    loaded = rooms.repository(ask=False)
    found = classified(loaded, rooms.cache, rooms.registry)
    ports = {p.address: p for p in loaded.mesh.ports()}
    reads = {
        product.address: frozenset(e.binding.of_product for e in product.inputs if isinstance(e.binding, Address))
        for product in loaded.mesh.products.values()
    }
    wanted = select(selection, ports, reads, tags=lambda a: ports[a].contract.tags, changed=lambda: ())
    tables, products = {str(a) for a in wanted}, {str(a.of_product) for a in wanted}
    standing = tuple(one for one in found.standings if _meant(table_of(one.column.node), tables, products))
    result = Classifying(standing, truncated=found.truncated)
    if agree is None or not result.suggested:
        return result
    return Classifying(standing, _written(rooms.settings.root, agree(result.suggested)), found.truncated)


def _meant(table: str, tables: set[str], products: set[str]) -> bool:
    return table in tables or ("@" not in table and table.rpartition(".")[0] in products)


def _written(root: Path, agreed: Sequence[Standing]) -> tuple[str, ...]:
    """Writes suggestions into the contracts' files; gives the files."""
    by_file: dict[str, list[PropertyEdit]] = {}
    for one in agreed:
        told, column = one.suggestion, one.column
        level = None if told.level is None or not _raises(told.level, column.level) else str(told.level)
        by_file.setdefault(column.contract.document.file, []).append(
            PropertyEdit(column.prop.pointer, level, tuple(t for t in told.tags if t not in column.tags))
        )
    write_edits(root, by_file)
    return tuple(sorted(by_file))


def _raises(level: Classification, declared: Classification | None) -> bool:
    """Only more is ever written: a level that somebody has set is never lowered."""
    return declared is None or level > declared
