"""Side tables: where the rows of a table's quarantine are written, beside its own files."""

from __future__ import annotations

import itertools

from msgspec.structs import replace

from weft.model.layout import UNORDERED
from weft.model.publication import SIDE_COLUMNS
from weft.storage.base import Target
from weft.storage.schemas import field_ids, fields_of


def side_target(target: Target) -> Target:
    """The target of a table's quarantine: the same folder and columns, and two more, with ids of their own."""
    ids = itertools.count(SIDE_COLUMNS[-1].field_id + 1)
    more = field_ids(fields_of(SIDE_COLUMNS, ids))
    together = f"{target.field_ids[:-1]}, {more[1:]}"  # two DuckDB structs, written as one
    return replace(target, layout=UNORDERED, columns=(*target.columns, *SIDE_COLUMNS), field_ids=together)
