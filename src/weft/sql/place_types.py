"""What the values of a prepared query are compared with, so that a driver learns of which type they are to be.

Pure, over DuckDB's parse tree of the text with its places. Says less rather than something wrong: a name of a column
means one column only where the text has no query in a query.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from weft.sql.tree import objects_of

_COMPARED = ("COMPARISON", "BETWEEN")

_IN = frozenset({"COMPARE_IN", "COMPARE_NOT_IN"})


def compared(tree_json: str) -> tuple[tuple[str, str], ...]:
    """Names of places, each with the column whose values it is compared with; places of which that is not known are not
    there.
    """
    try:
        root = msgspec.json.decode(tree_json)
        node = root["statements"][0]["node"]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError):
        return ()
    if not isinstance(node, Mapping) or _nested(node):
        return ()
    found: dict[str, set[str]] = {}
    for place, column in _pairs(node):
        found.setdefault(place, set()).add(column)
    return tuple((place, columns.pop()) for place, columns in found.items() if len(columns) == 1)


def _nested(node: Mapping[str, Any]) -> bool:
    """Whether a query stands in the query: then a name may mean another thing inside."""
    if node.get("type") != "SELECT_NODE" or node["cte_map"]["map"]:
        return True
    return any(
        one.get("class") == "SUBQUERY" or one.get("type") in ("SUBQUERY", "TABLE_FUNCTION", "EXPRESSION_LIST")
        for one in objects_of(node)
    )


def _pairs(node: Any) -> Iterator[tuple[str, str]]:
    for one in objects_of(node):
        parts: list[Any] = []
        if one.get("class") in _COMPARED:
            parts = [one[key] for key in ("left", "right", "input", "lower", "upper") if key in one]
        elif one.get("type") in _IN:
            parts = list(one["children"])
        columns = {part["column_names"][-1].lower() for part in parts if _is(part, "COLUMN_REF")}
        if len(columns) == 1:
            (column,) = columns
            for part in parts:
                if _is(part, "PARAMETER"):
                    yield str(part["identifier"]), column


def _is(part: Any, kind: str) -> bool:
    return isinstance(part, Mapping) and part.get("class") == kind
