"""What of a table a query can use: columns, conditions that its rows have to meet, and how many rows at most.

Pure, over DuckDB's parse tree. Says more rather than too little: a column counts as used where a name of the text may
mean it, and a condition is told only where every row of the answer has to meet it. The query runs on what is left all
the same, so that nothing changes but how much is brought to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from weft.sql.tree import objects_of

_WHOLE_ROWS = frozenset({"COLUMNS", "SHOWREF", "SHOW_REF", "PIVOT", "TABLE_FUNCTION", "POSITIONAL_REFERENCE"})
_ORDERS = {"ORDER_DEFAULT": False, "ASCENDING": False, "DESCENDING": True}
_NULLS = {"ORDER_DEFAULT": False, "NULLS LAST": False, "NULLS FIRST": True}
"""Whether null comes first; last unless something is said, whether a column falls or not."""
_JOINED_BY_NAME = frozenset({"NATURAL", "POSITIONAL", "ASOF"})


class Narrow(Struct, frozen=True):
    """What a query can use.

    Attributes:
        columns: names in lower case; None: any column.
        conditions: of the only table that it reads, each an expression of the tree as JSON.
        once: whether it gives each row of the table that meets all of them once.
        order: names of columns by which its rows stand, each with whether they fall and whether null comes first.
        rows: how many of these rows, the first ones of that order, are enough; None: all.
    """

    columns: tuple[str, ...] | None = None
    conditions: tuple[str, ...] = ()
    once: bool = False
    order: tuple[tuple[str, bool, bool], ...] = ()
    rows: int | None = None


EVERYTHING = Narrow()


def narrowed(tree_json: str) -> Narrow:
    """What a query can use of the tables that it reads."""
    try:
        node = msgspec.json.decode(tree_json)["statements"][0]["node"]
        columns = _columns(node)
        conditions, once, order, rows = _of_one_table(node)
    except (msgspec.DecodeError, KeyError, IndexError, TypeError, RecursionError, ValueError):
        return EVERYTHING
    return Narrow(columns, conditions, once, order, rows)


def _columns(node: Any) -> tuple[str, ...] | None:
    if not isinstance(node["type"], str):
        raise TypeError("a tree of another kind")
    names: set[str] = set()
    alone: set[str] = set()
    tables: set[str] = set()
    for one in objects_of(node):
        kinds = (one.get("class"), one.get("type"))
        if _WHOLE_ROWS.intersection(k for k in kinds if isinstance(k, str)):
            return None
        if one.get("class") == "STAR" or one.get("ref_type") in _JOINED_BY_NAME or one.get("using_columns"):
            return None
        if one.get("column_name_alias"):  # columns have other names in the text
            return None
        if one.get("type") == "BASE_TABLE":
            tables |= {str(one.get("alias") or "").lower(), str(one.get("table_name") or "").lower()}
        if one.get("class") == "COLUMN_REF":
            parts = [str(part).lower() for part in one["column_names"]]
            names.update(parts)
            alone.update(parts if len(parts) == 1 else ())
    return None if alone & tables else tuple(sorted(names))  # a row as a whole is named like its table


_Order = tuple[tuple[str, bool, bool], ...]


def _of_one_table(node: Mapping[str, Any]) -> tuple[tuple[str, ...], bool, _Order, int | None]:
    if node.get("type") != "SELECT_NODE" or node["cte_map"]["map"] or node.get("sample"):
        return (), False, (), None
    table = node["from_table"]
    if table.get("type") != "BASE_TABLE" or table.get("sample") or table.get("column_name_alias"):
        return (), False, (), None
    if any(one.get("class") == "SUBQUERY" for one in objects_of(node)):
        return (), False, (), None  # it may read the table once more, and other rows of it
    where = node.get("where_clause")
    own = {str(table.get("alias") or table["table_name"]).lower()}
    conditions = [_unqualified(one, own) for one in _conjuncts(where)] if where is not None else []
    told = tuple(msgspec.json.encode(one).decode() for one in conditions)
    return (told, *_rows(node))


def _conjuncts(node: Mapping[str, Any]) -> Iterator[Any]:
    if node.get("class") == "CONJUNCTION" and node.get("type") == "CONJUNCTION_AND":
        for one in node["children"]:
            yield from _conjuncts(one)
    else:
        yield node


def _unqualified(node: Any, tables: set[str]) -> Any:
    """The expression with the names of columns alone, where the only table stands before them."""
    if isinstance(node, list):
        return [_unqualified(one, tables) for one in node]
    if not isinstance(node, Mapping):
        return node
    if node.get("class") == "COLUMN_REF":
        names = node["column_names"]
        if len(names) == 2 and str(names[0]).lower() in tables:
            return {**node, "column_names": names[1:], "qualified": True}
        return node
    return {key: _unqualified(value, tables) for key, value in node.items()}


def _rows(node: Mapping[str, Any]) -> tuple[bool, _Order, int | None]:
    """Whether a query gives each row that it reads once, in what order, and how many of them are enough."""
    never: tuple[bool, _Order, int | None] = (False, (), None)
    if node.get("group_expressions") or node.get("having") or node.get("qualify"):
        return never
    if not all(_is_of_one_row(item) for item in node["select_list"]):
        return never
    if node.get("aggregate_handling") not in (None, "STANDARD_HANDLING"):
        return never
    names = {str(item["alias"]).lower() for item in node["select_list"] if item.get("alias")}
    asked, order = None, []
    for modifier in node.get("modifiers") or ():
        if modifier.get("type") == "ORDER_MODIFIER" and asked is None:
            for one in modifier["orders"]:
                column = one["expression"]
                of_table = column.get("class") == "COLUMN_REF" and len(column["column_names"]) == 1
                known = one["type"] in _ORDERS and one["null_order"] in _NULLS
                if not of_table or not known or column["column_names"][0].lower() in names:
                    return never
                order.append((column["column_names"][0].lower(), _ORDERS[one["type"]], _NULLS[one["null_order"]]))
        elif modifier.get("type") == "LIMIT_MODIFIER" and modifier.get("limit_type") == "ROW_COUNT":
            asked = _number(modifier["limit"]) + (_number(modifier["offset"]) if modifier.get("offset") else 0)
        else:
            return never
    return True, tuple(order), asked


def _is_of_one_row(item: Mapping[str, Any]) -> bool:
    """Whether an item of a SELECT gives a value for each row: a column, a literal, the cast of one, or all columns.

    What takes the place or the name of one of all columns may be of many rows, and is what its order then means.
    """
    if item.get("class") == "STAR":
        return not (item["columns"] or item["replace_list"] or item["rename_list"])
    while item.get("class") == "CAST":
        item = item["child"]
    return item.get("class") in ("COLUMN_REF", "CONSTANT")


def _number(node: Any) -> int:
    return int(node["literal"]["text"])
