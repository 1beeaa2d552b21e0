"""Rows that failed the checks of a run: shown as the decision about their port says, and written into the audit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from weft.api.records import inside
from weft.errors import PlatformError, WeftError
from weft.model.address import Address
from weft.registry.audit import ReadPort

if TYPE_CHECKING:
    from weft.access.decision import Decision
    from weft.access.door import Door
    from weft.access.permissions import Caller
    from weft.access.principals import Principal
    from weft.access.witness import Witness
    from weft.model.checks import CheckResult
    from weft.registry.base import RegistryReader

_NOBODY = "Nobody was given leave to see rows of this port."
_SOME = "You may read some rows of this port only, and these may be others."
_UNWRITTEN = "That you see these rows cannot be written down now, so they are not shown."


class Cell(Struct, frozen=True):
    """A value of a failing row. A masked one has no value, since samples lie there as they were found."""

    column: str
    value: Any
    masked: bool


class FailingRowsOfPort(Struct, frozen=True):
    """What somebody sees of the rows of a port that failed.

    Attributes:
        rows: by the id of the check that they fail.
        hidden: what keeps the rows from them; None where nothing does.
    """

    rows: Mapping[str, Sequence[Sequence[Cell]]] = {}
    hidden: str | None = None


class FailingRows:
    """Samples of failed checks, for those who belong to the domain of a port and may read it.

    Args:
        principal: whoever asks, as a reader of rows.
        witness: writes down who reads; None: nobody does, so nobody reads.
    """

    def __init__(
        self, reader: RegistryReader, door: Door, principal: Callable[[Caller], Principal], witness: Witness | None
    ) -> None:
        self._reader = reader
        self._door = door
        self._principal = principal
        self._witness = witness

    def of_run(self, caller: Caller, run_id: str, port: Address | None = None) -> dict[Address, FailingRowsOfPort]:
        """What somebody sees of the rows that failed in a run, by port; what is shown is written down before.

        Args:
            port: of this one alone; None: of all.
        """
        checks = {
            address: failed
            for address, results in self._reader.checks(run_id, port).items()
            if inside(caller, address) and (failed := [one for one in results if one.samples])
        }
        if not checks:
            return {}
        run = self._reader.run(run_id)
        snapshots = {one.address: one.snapshot_id or "" for one in run.ports} if run is not None else {}
        who = self._principal(caller)
        return {
            address: self._shown(who, address, snapshots.get(address, ""), found) for address, found in checks.items()
        }

    def _shown(
        self, who: Principal, port: Address, snapshot_id: str, checks: Sequence[CheckResult]
    ) -> FailingRowsOfPort:
        try:
            _, decision = self._door.decision(who, port)
        except WeftError:
            return FailingRowsOfPort(hidden=_NOBODY)
        if not decision.allowed:
            return FailingRowsOfPort(hidden=f"You may not read the rows of this port: {decision.reason}")
        if decision.row_filter is not None:
            return FailingRowsOfPort(hidden=_SOME)
        rows = {one.id: [_cells(row, decision) for row in one.samples] for one in checks}
        try:
            self._written_down(who, port, snapshot_id, decision, rows)
        except PlatformError:
            return FailingRowsOfPort(hidden=_UNWRITTEN)
        return FailingRowsOfPort(rows)

    def _written_down(
        self,
        who: Principal,
        port: Address,
        snapshot_id: str,
        decision: Decision,
        rows: Mapping[str, Sequence[Sequence[Cell]]],
    ) -> None:
        every = [row for found in rows.values() for row in found if row]
        if not every:
            return
        if self._witness is None:
            from weft.errors import error

            raise PlatformError(error("WFT-REG-002", "there is no audit to write into"))
        names = dict.fromkeys(cell.column for row in every for cell in row)
        seen = ReadPort(
            str(port),
            snapshot_id,
            tuple(name for name in names if name not in decision.masks),
            {name: str(decision.masks[name]) for name in names if name in decision.masks},
            False,
            decision.grants,
        )
        size = len(msgspec.json.encode([[cell.value for cell in row] for row in every], enc_hook=str))
        self._witness.saw(who, (seen,), len(every), size)


def _cells(row: Mapping[str, Any], decision: Decision) -> list[Cell]:
    """What of a row somebody sees."""
    return [
        Cell(name, None if name in decision.masks else value, name in decision.masks)
        for name, value in row.items()
        if name in decision.columns
    ]
