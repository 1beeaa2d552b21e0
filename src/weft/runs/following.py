"""`main` of a table follows the registry; what another writer has put there meanwhile is set aside, and told."""

from __future__ import annotations

from weft.errors import Conflict, Diagnostic, error, warning
from weft.model.address import Address
from weft.runs.context import Context


def follow(address: Address, snapshot_id: str, run_id: str | None, context: Context) -> tuple[Diagnostic, ...]:
    """Lets `main` show what the registry says.

    Returns:
        WFT-STO-013 as a warning when it showed what was never published: that stays on a branch of its own.
    """
    branch = context.storage.follow(address, snapshot_id, run_id, lambda shown: _is_ours(address, shown, context))
    if branch is None:
        return ()
    return (
        warning(
            "WFT-STO-013",
            f"another writer had committed to the table of `{address}`; its rows are not published",
            why="what a port shows is made by its model and checked against its contract; "
            f"the other writer's snapshot stays on the branch `{branch}` of the table",
            fix="bring its rows in through a source, or drop the branch",
        ),
    )


def require_ours(address: Address, context: Context) -> None:
    """Refuses to go on from a table that another writer has changed: a merge would seem to hold its rows.

    Raises:
        Conflict: WFT-STO-013.
    """
    shown = context.storage.main(address)
    if shown is None or _is_ours(address, shown, context):
        return
    raise Conflict(
        error(
            "WFT-STO-013",
            f"another writer has committed to the table of `{address}`: `main` shows snapshot {shown}",
            why="weft would go on from the rows that it has published itself, without those of the other writer",
            fix=f"build it anew with `weft apply --full-refresh {address}`, which sets the other snapshot aside on a "
            "branch; bring its rows in through a source",
        )
    )


def _is_ours(address: Address, snapshot_id: str, context: Context) -> bool:
    return context.registry.publication(address, snapshot_id) is not None
