"""Masks as Iceberg's catalogs announce them to readers that apply them (REST catalog, `read-restrictions`).

Only what the standard has an action for that does exactly the same; anything else cannot be said there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from weft.access.decision import Decision
from weft.access.relation import shown_columns
from weft.model.column import Column

_ACTIONS = {"null": "replace-with-null"}
_OF_DAYS = {"year": "truncate-to-year", "month": "truncate-to-month"}


def read_restrictions(
    decision: Decision, port: Sequence[Column], version: Sequence[Column]
) -> dict[str, list[dict[str, Any]]] | None:
    """What a reader would have to do with the columns of a data version; None where that cannot be said.

    It cannot where rows or columns are left out, where several grants show different values, and where a mask is
    another than the standard's actions.
    """
    of = dict(shown_columns(decision, port, version))
    if not decision.allowed or decision.row_filter is not None or len(decision.layers) != 1 or len(of) != len(version):
        return None
    if set(of.values()) != {c.name for c in port}:
        return None
    found = []
    for column in version:
        mask = decision.masks.get(of[column])
        if mask is None:
            continue
        action = (_OF_DAYS if column.type == "DATE" else {}).get(mask.kind) or _ACTIONS.get(mask.kind)
        if action is None:
            return None
        found.append({"field-id": column.field_id, "action": action})
    return {"required-column-projections": found} if found else None
