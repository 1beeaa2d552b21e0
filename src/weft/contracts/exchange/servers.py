"""Tables of a database server, by the DDL that would make them there."""

from __future__ import annotations

from weft.contracts.exchange.documents import missing
from weft.contracts.exchange.duckdb import parted
from weft.contracts.exchange.kinds import Read
from weft.contracts.exchange.sql import imported as imported_sql
from weft.errors import did_you_mean


def imported(script: str | None, table: str, name: str, dialect: str, known: tuple[str, ...] = ()) -> Read:
    """The table that the server's own DDL describes; what a contract cannot say of it is told.

    Args:
        script: None when the database has no such table.
        known: the tables that it has.

    Raises:
        SourceError: WFT-IMP-003, the DDL is not understood; WFT-IMP-004, there is no such table.
    """
    if script is None:
        listed = f"there are: {', '.join(sorted(known)[:20])}" if known else "the database has no table"
        raise missing(name, f"has no table `{table}`", did_you_mean(table, known, otherwise=listed))
    return imported_sql(script, name, dialect)


__all__ = ["imported", "parted"]
