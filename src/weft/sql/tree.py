"""The shape of DuckDB's parse tree (`json_serialize_sql`, DuckDB 2): every kind of node that a SELECT may have.

A kind that is not listed, or a listed one with a field that is not, is refused: a new version of DuckDB cannot add
a way around the walker.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

_PLACE = ("query_location", "query_location_length")
_EXPRESSION = ("class", "type", "alias", *_PLACE)
_TABLE = ("type", "alias", "sample", *_PLACE)
_QUERY = ("type", "modifiers", "cte_map")


def _fields(base: tuple[str, ...], names: str) -> frozenset[str]:
    return frozenset((*base, *names.split()))


EXPRESSIONS: dict[str, frozenset[str]] = {
    "BETWEEN": _fields(_EXPRESSION, "input lower upper"),
    "CASE": _fields(_EXPRESSION, "case_checks else_expr"),
    "CAST": _fields(_EXPRESSION, "child try_cast type_expr"),
    "COLLATE": _fields(_EXPRESSION, "child collation"),
    "COLUMN_REF": _fields(_EXPRESSION, "column_names"),
    "COMPARISON": _fields(_EXPRESSION, "left right"),
    "CONJUNCTION": _fields(_EXPRESSION, "children"),
    "CONSTANT": _fields(_EXPRESSION, "literal value"),
    "FUNCTION": _fields(
        _EXPRESSION,
        "function_name schema catalog qualified_name arguments filter order_bys distinct is_operator export_state",
    ),
    "LAMBDA": _fields(_EXPRESSION, "lhs expr syntax_type"),
    "OPERATOR": _fields(_EXPRESSION, "children"),
    "POSITIONAL_REFERENCE": _fields(_EXPRESSION, "index"),
    "STAR": _fields(
        _EXPRESSION, "relation_name exclude_list replace_list columns expr qualified_exclude_list rename_list"
    ),
    "SUBQUERY": _fields(_EXPRESSION, "subquery_type subquery child comparison_type"),
    "TYPE": _fields(_EXPRESSION, "catalog schema type_name children qualified_name"),
    "WINDOW": _fields(
        _EXPRESSION,
        "function_name schema catalog qualified_name arguments partitions orders start end start_expr end_expr"
        " offset_expr default_expr ignore_nulls has_ignore_nulls filter_expr exclude_clause distinct arg_orders",
    ),
}
"""Fields of an expression, by its class."""

TABLES: dict[str, frozenset[str]] = {
    "BASE_TABLE": _fields(_TABLE, "schema_name table_name catalog_name qualified_name column_name_alias at_clause"),
    "EMPTY": _fields(_TABLE, ""),
    "EXPRESSION_LIST": _fields(_TABLE, "expected_names expected_types values"),
    "JOIN": _fields(
        _TABLE,
        "left right condition join_type ref_type using_columns delim_flipped duplicate_eliminated_columns is_implicit"
        " ranking_expression nearest_count nearest_order_type nearest_approx",
    ),
    "PIVOT": _fields(_TABLE, "source aggregates unpivot_names pivots groups column_name_alias include_nulls"),
    "SUBQUERY": _fields(_TABLE, "subquery column_name_alias"),
    "TABLE_FUNCTION": _fields(_TABLE, "function column_name_alias with_ordinality"),
}
"""Fields of an item of FROM, by its type."""

QUERIES: dict[str, frozenset[str]] = {
    "RECURSIVE_CTE_NODE": _fields(_QUERY, "cte_name union_all left right aliases key_targets"),
    "SELECT_NODE": _fields(
        _QUERY,
        "select_list from_table where_clause group_expressions group_sets aggregate_handling having sample qualify",
    ),
    "SET_OPERATION_NODE": _fields(_QUERY, "setop_type left right setop_all children"),
}
"""Fields of a query, by its type."""

PARTS: dict[str, frozenset[str]] = {
    "DISTINCT_MODIFIER": frozenset({"type", "distinct_on_targets"}),
    "LIMIT_MODIFIER": frozenset({"type", "limit", "offset", "limit_type"}),
    "ORDER_MODIFIER": frozenset({"type", "orders"}),
    "ASCENDING": frozenset({"type", "null_order", "expression"}),
    "DESCENDING": frozenset({"type", "null_order", "expression"}),
    "ORDER_DEFAULT": frozenset({"type", "null_order", "expression"}),
}
"""Fields of modifiers and sort keys, by their type."""

UNTYPED: frozenset[frozenset[str]] = frozenset(
    frozenset(names.split())
    for names in (
        "aliases materialized key_targets payload_aggregates query_node",
        "catalog schema table column",
        "id type_info",
        "key value",
        "kind text",
        "map",
        "name expression",
        "node named_param_map",
        "path",
        "pivot_expressions unpivot_names entries pivot_enum",
        "sample_size is_percentage method seed repeatable sample_rate",
        "type is_null value",
        "values star_expr alias",
        "when_expr then_expr",
    )
)
"""Fields of the parts that have no type of their own."""

REFUSED: dict[str, str] = {
    "COPY_QUERY_NODE": "COPY inside WITH",
    "DEFAULT": "DEFAULT",
    "DELETE_QUERY_NODE": "DELETE inside WITH",
    "INSERT_QUERY_NODE": "INSERT inside WITH",
    "PARAMETER": "a parameter",
    "SHOW_REF": "SHOW, DESCRIBE or SUMMARIZE",
    "UPDATE_QUERY_NODE": "UPDATE inside WITH",
}
"""What people call the kinds that they are most likely to try."""


def objects_of(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object of a tree, in no order."""
    left = [node]
    while left:
        one = left.pop()
        if isinstance(one, Mapping):
            yield one
            left += one.values()
        elif isinstance(one, list):
            left += one
