"""What an input port says of a source that lies in a database or an object store, and is landed before it is read."""

from __future__ import annotations

from msgspec import Struct

LANDS = "to be landed: "
"""Begins the version of a source whose rows the next apply reads."""


class Remote(Struct, frozen=True):
    """A table, a query or files behind a connection, and how they are read.

    Attributes:
        connection: its name in `[connections.…]`.
        table: `table` or `schema.table`.
        query: a SELECT in the server's own words, instead of a table.
        incremental: only rows from the last `cursor` on are read.
        cursor: the column that moves forward with each change of a row.
        overlap: how far before the last cursor reading begins again: seconds for times and dates, else a number.
        key: columns by which a row is the same row later on.
        deleted: the column that says that a row is deleted, when it is neither null nor false nor 0.
        compare_keys: rows whose key is not in the source any more are deleted.
        keep_s: seconds for which batches are kept that the present state does not need.
        partition_by: an integer column, by whose ranges several connections read at once.
        parallel: how many of them.
        watermark: a column whose greatest value moves with each change of a table that is read in full.
        refresh_s: seconds for which the source is not asked again; 0 asks at each plan, None never does.
        nulled: values that no type here can hold become null; otherwise they end the landing.
    """

    connection: str
    table: str | None = None
    query: str | None = None
    incremental: bool = False
    cursor: str | None = None
    overlap: float = 0
    key: tuple[str, ...] = ()
    deleted: str | None = None
    compare_keys: bool = False
    keep_s: float = 7 * 86_400
    partition_by: str | None = None
    parallel: int = 1
    watermark: str | None = None
    refresh_s: float | None = 0
    nulled: bool = False

    @property
    def subject(self) -> str:
        """What is read, for messages."""
        return f"`{self.connection}.{self.table}`" if self.table else f"the query on `{self.connection}`"
