"""Side tables: where the rows of a table's quarantine are written, beside its own files."""

from __future__ import annotations

import itertools

from msgspec.structs import replace

from weft.model.column import Column
from weft.model.publication import REASON_COLUMN, RULE_COLUMN
from weft.storage.base import Target
from weft.storage.schemas import field_ids, fields_of

_FIRST_ID = 1_000_000_000
"""Field ids of the columns that a side table adds: no table of ours comes near."""


def side_target(target: Target) -> Target:
    """The target of a table's quarantine: the same folder and columns, and two more, with ids of their own."""
    ids = itertools.count(_FIRST_ID + 2)
    added = (
        Column(RULE_COLUMN, "VARCHAR[]", _FIRST_ID, RULE_COLUMN),
        Column(REASON_COLUMN, "VARCHAR[]", _FIRST_ID + 1, REASON_COLUMN),
    )
    more = field_ids(fields_of(added, ids))
    together = f"{target.field_ids[:-1]}, {more[1:]}"  # two DuckDB structs, written as one
    return replace(target, columns=(*target.columns, *added), field_ids=together)
