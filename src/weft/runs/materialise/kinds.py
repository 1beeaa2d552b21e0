"""What each way of keeping rows does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from weft.model.materialization import Materialization
from weft.model.publication import Manifest
from weft.runs.materialise.by_key import append, merge
from weft.runs.materialise.by_time import incremental
from weft.runs.materialise.history import history
from weft.runs.materialise.tables import Making

_KINDS: Mapping[Materialization, Callable[[Making], Manifest]] = {
    Materialization.INCREMENTAL: incremental,
    Materialization.MERGE: merge,
    Materialization.APPEND: append,
    Materialization.SCD2: history,
}


def made(making: Making) -> Manifest:
    """The files of a kept table after a build: those that stay, and those that were written.

    Raises:
        UserCodeError: the model's SQL failed on some row.
        ContractBroken: WFT-RUN-008, its key does not tell rows apart.
    """
    return _KINDS[making.kept.kind](making)
