"""The parts of DuckDB's parse tree of which most SELECTs are made, as types: msgspec decodes a text into them.

A text that has another part, another field, or a part where a scalar belongs does not fit, and msgspec says so. What
`sql.tree` lists is more than this; a test holds that nothing stands here and not there. Fields stand in DuckDB's order,
in which `sql.plain` looks at them.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct


class _Part(Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Whatever has fields; none of them is left out, and no other is there."""


class Expression(_Part, frozen=True, tag_field="class"):
    """Something that has a value."""

    type: str
    alias: str
    query_location: int
    query_location_length: int


class FromItem(_Part, frozen=True, tag_field="type"):
    """Something that FROM reads. A sample is not plain."""

    alias: str
    sample: None
    query_location: int
    query_location_length: int


class QueryNode(_Part, frozen=True, tag_field="type"):
    """A query, below whatever names it or combines it."""

    modifiers: list[Modifier]
    cte_map: CteMap


class Statement(_Part, frozen=True):
    """A query as a whole; parameters are not plain."""

    node: Query
    named_param_map: tuple[()]


class Path(_Part, frozen=True):
    """A name with what stands before it."""

    path: list[str]


class Cte(_Part, frozen=True):
    """What a name in WITH means."""

    aliases: list[str]
    materialized: str
    key_targets: tuple[()]
    payload_aggregates: tuple[()]
    query_node: Query


class CteEntry(_Part, frozen=True):
    """A name in WITH."""

    key: str
    value: Cte


class CteMap(_Part, frozen=True):
    """WITH."""

    map: list[CteEntry]


class Order(_Part, frozen=True):
    """A key of ORDER BY."""

    type: Literal["ASCENDING", "DESCENDING", "ORDER_DEFAULT"]
    null_order: str
    expression: AnyExpression


class OrderModifier(_Part, frozen=True, tag_field="type", tag="ORDER_MODIFIER"):
    """ORDER BY."""

    orders: list[Order]


class LimitModifier(_Part, frozen=True, tag_field="type", tag="LIMIT_MODIFIER"):
    """LIMIT and OFFSET."""

    limit: AnyExpression | None
    offset: AnyExpression | None
    limit_type: str


class DistinctModifier(_Part, frozen=True, tag_field="type", tag="DISTINCT_MODIFIER"):
    """DISTINCT."""

    distinct_on_targets: list[AnyExpression]


class Argument(_Part, frozen=True):
    """An argument of a function, with its name or an empty one."""

    name: str
    expression: AnyExpression


class Check(_Part, frozen=True):
    """WHEN and THEN."""

    when_expr: AnyExpression
    then_expr: AnyExpression


class Written(_Part, frozen=True):
    """A constant as it is written."""

    kind: str
    text: str


class NamedColumn(_Part, frozen=True):
    """A column that a star leaves out or calls otherwise."""

    catalog: str
    schema: str
    table: str
    column: str


class Replaced(_Part, frozen=True):
    """A column for which a star gives another value."""

    key: str
    value: AnyExpression


class Renamed(_Part, frozen=True):
    """A column that a star calls otherwise."""

    key: NamedColumn
    value: str


class Between(Expression, frozen=True, tag="BETWEEN"):
    """`x BETWEEN a AND b`."""

    input: AnyExpression
    lower: AnyExpression
    upper: AnyExpression


class Case(Expression, frozen=True, tag="CASE"):
    """CASE."""

    case_checks: list[Check]
    else_expr: AnyExpression | None


class Cast(Expression, frozen=True, tag="CAST"):
    """`CAST(x AS type)`."""

    child: AnyExpression
    try_cast: bool
    type_expr: AnyExpression


class Collate(Expression, frozen=True, tag="COLLATE"):
    """`x COLLATE c`."""

    child: AnyExpression
    collation: str


class ColumnRef(Expression, frozen=True, tag="COLUMN_REF"):
    """A column that is named."""

    column_names: list[str]


class Comparison(Expression, frozen=True, tag="COMPARISON"):
    """`a < b` and its like."""

    left: AnyExpression
    right: AnyExpression


class Conjunction(Expression, frozen=True, tag="CONJUNCTION"):
    """AND, OR."""

    children: list[AnyExpression]


class Constant(Expression, frozen=True, tag="CONSTANT"):
    """A constant."""

    literal: Written


class Function(Expression, frozen=True, tag="FUNCTION"):
    """A call, also of an operator."""

    function_name: str
    schema: str
    filter: AnyExpression | None
    order_bys: OrderModifier
    distinct: bool
    is_operator: bool
    export_state: bool
    catalog: str
    arguments: list[Argument]
    qualified_name: Path


class Lambda(Expression, frozen=True, tag="LAMBDA"):
    """`lambda x: …`."""

    lhs: AnyExpression
    expr: AnyExpression
    syntax_type: str


class Operator(Expression, frozen=True, tag="OPERATOR"):
    """IN, NOT, IS NULL, COALESCE and their like."""

    children: list[AnyExpression]


class Star(Expression, frozen=True, tag="STAR"):
    """`*`, `t.*`, `COLUMNS(…)`."""

    relation_name: str
    exclude_list: list[str]
    replace_list: list[Replaced]
    columns: bool
    expr: AnyExpression | None
    qualified_exclude_list: list[NamedColumn]
    rename_list: list[Renamed]


class Subquery(Expression, frozen=True, tag="SUBQUERY"):
    """A query as a value."""

    subquery_type: str
    subquery: Statement
    child: AnyExpression | None
    comparison_type: str


class Type(Expression, frozen=True, tag="TYPE"):
    """A type, with what it is made of."""

    catalog: str
    schema: str
    type_name: str
    children: list[AnyExpression]
    qualified_name: Path


class Window(Expression, frozen=True, tag="WINDOW"):
    """A call with OVER."""

    function_name: str
    schema: str
    catalog: str
    partitions: list[AnyExpression]
    orders: list[Order]
    start: str
    end: str
    start_expr: AnyExpression | None
    end_expr: AnyExpression | None
    offset_expr: AnyExpression | None
    default_expr: AnyExpression | None
    ignore_nulls: bool
    filter_expr: AnyExpression | None
    exclude_clause: str
    distinct: bool
    arg_orders: list[Order]
    has_ignore_nulls: bool
    arguments: list[Argument]
    qualified_name: Path


class BaseTable(FromItem, frozen=True, tag="BASE_TABLE"):
    """A table that is named."""

    schema_name: str
    table_name: str
    column_name_alias: list[str]
    catalog_name: str
    at_clause: None
    qualified_name: Path


class Empty(FromItem, frozen=True, tag="EMPTY"):
    """No FROM."""


class ExpressionList(FromItem, frozen=True, tag="EXPRESSION_LIST"):
    """VALUES."""

    expected_names: list[str]
    expected_types: tuple[()]
    values: list[list[AnyExpression]]


class Join(FromItem, frozen=True, tag="JOIN"):
    """A join."""

    left: AnyFromItem
    right: AnyFromItem
    condition: AnyExpression | None
    join_type: str
    ref_type: str
    using_columns: list[str]
    delim_flipped: bool
    duplicate_eliminated_columns: tuple[()]
    is_implicit: bool
    ranking_expression: None
    nearest_count: int
    nearest_order_type: str
    nearest_approx: bool


class SubqueryItem(FromItem, frozen=True, tag="SUBQUERY"):
    """A query in FROM."""

    subquery: Statement
    column_name_alias: list[str]


class Select(QueryNode, frozen=True, tag="SELECT_NODE"):
    """One SELECT."""

    select_list: list[AnyExpression]
    from_table: AnyFromItem
    where_clause: AnyExpression | None
    group_expressions: list[AnyExpression]
    group_sets: list[list[int]]
    aggregate_handling: str
    having: AnyExpression | None
    sample: None
    qualify: AnyExpression | None


class SetOperation(QueryNode, frozen=True, tag="SET_OPERATION_NODE"):
    """UNION, INTERSECT, EXCEPT."""

    setop_type: str
    left: Query | None
    right: Query | None
    setop_all: bool
    children: list[Query]


class Parsed(_Part, frozen=True):
    """What `json_serialize_sql` gives for exactly one statement that it could read."""

    error: Literal[False]
    statements: tuple[Statement]


AnyExpression = (
    Between
    | Case
    | Cast
    | Collate
    | ColumnRef
    | Comparison
    | Conjunction
    | Constant
    | Function
    | Lambda
    | Operator
    | Star
    | Subquery
    | Type
    | Window
)
AnyFromItem = BaseTable | Empty | ExpressionList | Join | SubqueryItem
Query = Select | SetOperation
Modifier = OrderModifier | LimitModifier | DistinctModifier

decoded = msgspec.json.Decoder(Parsed).decode
"""A parse tree; `msgspec.DecodeError` says that it is not one of these, or no JSON."""
