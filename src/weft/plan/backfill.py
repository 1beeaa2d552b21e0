"""Which ports are built again when somebody asks for a stretch of time, and what is left to build after it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from weft.errors import UsageError, error
from weft.model.address import Address
from weft.plan.desired import Desired
from weft.plan.keeping import TABLE, Window, parts_differ


def backfilled(selected: Sequence[Desired], window: Window) -> dict[Address, str]:
    """The ports whose model, or a private model that they need, is built by time; each with the reason for the plan."""
    return {
        one.port.address: f"its rows {window} are computed again"
        for one in selected
        if any(m.kept.by_time for m in (one.port.model, *(m for m in one.models if m.name in one.kept)))
    }


def require_any(refreshed: Collection[Address]) -> None:
    """Refuses a window that nothing selected is built by.

    Raises:
        UsageError: WFT-PLN-017.
    """
    if not refreshed:
        raise UsageError(
            error(
                "WFT-PLN-017",
                "none of the selected ports is built by time",
                why="`--start` and `--end` compute a stretch of time again, which takes a `time_column`",
                fix="leave them away, or set `materialized: incremental` and `time_column` in the model",
            )
        )


def pending(before: Mapping[str, str], wanted: Mapping[str, str]) -> frozenset[str]:
    """Parts of a fingerprint that had moved when a table was built for a stretch of time alone.

    What they stand for is in the rows of that stretch only: the table is known without them, so that the next plan
    builds what is new for the other rows too.

    Args:
        before: parts that the table had.
        wanted: those of the plan.
    """
    # of its columns and its shape the whole table is what is wanted, or it would have been computed anew
    return frozenset(parts_differ(before, wanted)) - {"contract", TABLE}
