"""Ports whose rows live in a table of a database: nothing is copied, a reader is given what the table holds then."""

from __future__ import annotations

from msgspec import Struct

LIVE = "live: "
"""Begins the version of a table in which a port lives."""

ALWAYS = LIVE + "looked at by each apply"
"""The version of such a table that says nothing of itself: whether its rows have moved nobody knows."""


class LiveTable(Struct, frozen=True):
    """The table or view in which the rows of a port live. Where its server is, and with which secret, stands elsewhere.

    Attributes:
        connection: its name in `[connections.…]`.
        rows: how many it held when its contract was checked.
    """

    connection: str
    schema: str
    table: str
    rows: int

    def __str__(self) -> str:
        return f"{self.connection}.{self.schema}.{self.table}"
