"""Why the files of a port are not handed out: whoever has a file sees all that is in it."""

from __future__ import annotations

from weft.errors import AccessDenied, error
from weft.model.address import Address

_BY_SQL = "read it by SQL, which shows what was granted: `weft query`, POST /api/v1/query or Arrow Flight SQL"


def holds_hidden(address: Address, reader: str) -> AccessDenied:
    """WFT-ACC-037: some of what the files hold is hidden from the reader."""
    return AccessDenied(
        error(
            "WFT-ACC-037",
            f"the files of `{address}` are not handed out to `{reader}`",
            why="some of the rows, columns or values that they hold are hidden from this reader",
            fix=_BY_SQL,
        )
    )


def has_none(address: Address, also: str | None = None) -> AccessDenied:
    """WFT-ACC-037: the port lives in a database.

    Args:
        also: who else reads it here.
    """
    return AccessDenied(
        error(
            "WFT-ACC-037",
            f"`{address}` lives in a database, so that it has no files",
            why="its rows are those of the table at the moment at which somebody reads it",
            fix="; ".join(said for said in (_BY_SQL, also) if said is not None),
        )
    )
