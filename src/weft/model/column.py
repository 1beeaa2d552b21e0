"""Columns of a table as they are: name, physical type, field id."""

from __future__ import annotations

from msgspec import Struct


class Column(Struct, frozen=True):
    """A column of a table or of a query's result.

    Attributes:
        name: as the user named it; quoted where SQL needs it.
        type: DuckDB's name of the type, normalised (`INTEGER`, `DECIMAL(10,2)`, `STRUCT(a INTEGER)`, `VARCHAR[]`).
        field_id: the Iceberg field id; 0 while there is none.
        key: identity that survives a rename: the contract's property `id`, else the name.
        required: whether the contract promises that it is never null.
    """

    name: str
    type: str
    field_id: int = 0
    key: str = ""
    required: bool = False
