"""The one walker over DuckDB's parse tree: what a SQL text reads, and everything in it that is not allowed.

Pure: the tree comes as JSON text from whoever has a parser (`json_serialize_sql`). Denies by default: kinds of nodes,
their fields, functions, table functions and types must each stand in a positive list. The tree is walked, never bound,
so that walking hostile text opens no file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeAlias

import msgspec
from msgspec import Struct, field

from weft.errors import Severity, did_you_mean
from weft.sql.allowed import INSTEAD, NOT_IN_QUERIES, SAMPLE_INSTEAD, VOLATILE, names
from weft.sql.other_engines import OF_OTHERS
from weft.sql.problem import Problem
from weft.sql.statements import ByteOffsets, refused_statement
from weft.sql.tree import EXPRESSIONS, PARTS, QUERIES, REFUSED, TABLES, UNTYPED

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(@[0-9]+)?")
COLUMNS_THAT_CHANGE = frozenset(name for name in VOLATILE if name.startswith(("current_", "local")))
_CATALOGS = frozenset({"system", "temp", "memory", "main", "pg_catalog", "information_schema"})
BY_NAME = frozenset({"aggregate", "array_aggr", "array_aggregate", "list_aggr", "list_aggregate"})
"""Functions that run an aggregate whose name is given as a text."""
_NOTHING: frozenset[str] = frozenset()
_Scope: TypeAlias = frozenset[tuple[str, ...]]
_NO_SCOPE: _Scope = frozenset()


class Walk(Struct, frozen=True):
    """What the walker found, in order of appearance; offsets are characters of the SQL, from 0.

    Attributes:
        references: every table that is read, with its offset: `name`, or `domain.product.port` in a query.
        volatile: functions whose result depends on when or how they run.
        problems: what is refused, of severity error, and one warning for each entry of `volatile`.
    """

    references: tuple[tuple[str, int], ...] = ()
    volatile: tuple[tuple[str, int], ...] = ()
    problems: tuple[Problem, ...] = ()


def walk(sql: str, tree_json: str, *, qualified: bool, also: frozenset[str] = _NOTHING, others: bool = False) -> Walk:
    """What a SQL text reads and what of it is refused.

    Args:
        sql: the text, for places only.
        tree_json: what `json_serialize_sql` gives for it.
        qualified: False for a model, whose tables have one-part names; True for a user's query, whose tables are
            addresses `domain.product.port` or `domain.product."port@1"`.
        also: functions and types that are allowed besides DuckDB's, where the text is not for DuckDB.
        others: whether it is a query of somebody who does not own the mesh: they must not learn of rows that are
            filtered out, and share memory with more of them.
    """
    try:
        root = _read(tree_json)
        if root.get("error"):
            return Walk(problems=(refused_statement(sql, root),))
        statements = root["statements"]
        if len(statements) != 1:
            return Walk(problems=(_not_one(sql, len(statements)),))
        walker = _Walker(ByteOffsets(sql), qualified, also, others)
        walker.statement(statements[0], _NO_SCOPE)
    except RecursionError:
        return Walk(problems=(_TOO_DEEP,))
    return Walk(tuple(walker.references), tuple(walker.volatile), tuple(walker.problems))


def tree_digest(tree_json: str) -> str:
    """A digest of what a text says: of its tree without the places at which its words stand.

    Within a text of JSON a quote is escaped, so that what is left out can stand in no value.
    """
    return hashlib.sha256(_PLACE.sub("", tree_json).encode()).hexdigest()


_PLACE = re.compile(r'"query_location(?:_length)?":\d+,?')


def _read(tree_json: str) -> Any:
    try:
        return msgspec.json.decode(tree_json)
    except msgspec.DecodeError:
        return json.loads(tree_json)  # it reads numbers that are not of JSON, like NaN


_TOO_DEEP = Problem(
    "WFT-SQL-004",
    Severity.ERROR,
    "the SQL is nested too deeply",
    fix="split it into several parts with WITH, or shorten chains of operators",
)


def _not_one(sql: str, count: int) -> Problem:
    if count == 0:
        return Problem("WFT-SQL-002", Severity.ERROR, "there is no SELECT", fix="write exactly one SELECT")
    return Problem(
        "WFT-SQL-002",
        Severity.ERROR,
        f"there are {count} statements",
        refused_statement(sql, {"error_type": "not implemented"}).offset,
        why="a model or a query is exactly one SELECT",
        fix="keep one; parts of it can be named with WITH, or be models of their own",
    )


class _Walker(Struct):
    at: ByteOffsets
    qualified: bool
    also: frozenset[str] = _NOTHING
    others: bool = False
    references: list[tuple[str, int]] = field(default_factory=list)
    volatile: list[tuple[str, int]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    place: int = 0

    def statement(self, node: Any, scope: _Scope) -> None:
        if not isinstance(node, dict) or frozenset(node) != frozenset({"node", "named_param_map"}):
            self.refuse("WFT-SQL-004", "this kind of statement is not allowed")
            return
        self.query(node["node"], scope)

    def query(self, node: Any, scope: _Scope) -> None:
        """A query and all below it; `scope` holds the names of CTEs that can be seen, in lower case, by their parts."""
        kind = node.get("type") if isinstance(node, dict) else None
        if not self.known(node, kind, QUERIES):
            return
        for entry in node["cte_map"]["map"]:
            cte = entry["value"]
            if frozenset(cte) not in UNTYPED:
                self.unknown("WITH")
            name = folded(entry["key"])
            self.recursive(cte["query_node"], scope, name)
            for key in ("key_targets", "payload_aggregates"):
                self.any(cte[key], scope)
            scope |= {(name,)}
        for key, part in node.items():
            if key in ("modifiers", "select_list", "group_expressions", "children", "key_targets"):
                for item in part:
                    (self.query if key == "children" else self.any)(item, scope)
            elif key in ("left", "right"):
                if part is not None:
                    self.query(part, scope)
            elif key == "sample":
                self.sample(part)
            elif key in ("from_table", "where_clause", "having", "qualify"):
                self.any(part, scope)

    def recursive(self, node: Any, scope: _Scope, name: str) -> None:
        # The anchor of a recursive CTE does not see the CTE: there the name is the table (or outer CTE) of that name.
        if isinstance(node, dict) and node.get("type") == "RECURSIVE_CTE_NODE":
            if not self.known(node, "RECURSIVE_CTE_NODE", QUERIES) or node["cte_map"]["map"] or node["modifiers"]:
                self.unknown("this form of WITH RECURSIVE")
                return
            self.query(node["left"], scope)
            self.query(node["right"], scope | {(name,), ("recurring", name)})
            self.any(node["key_targets"], scope)
        else:
            self.query(node, scope)

    def any(self, node: Any, scope: _Scope) -> None:
        """Whatever stands in the tree below a query."""
        if type(node) is list:
            self.each(node, scope)
            return
        if type(node) is not dict:
            return
        location = node.get("query_location")
        if type(location) is int and location < 1 << 40:
            self.place = location
        if "class" in node:
            self.expression(node, scope)
        elif type(node.get("type")) is str:
            self.table_or_part(node, scope)
        elif tuple(node) in _UNTYPED_AS_SEEN:
            self.each(node.values(), scope)
        elif frozenset(node) == _STATEMENT:
            self.query(node["node"], scope)
        elif frozenset(node) in UNTYPED:
            _UNTYPED_AS_SEEN.add(tuple(node))
            self.each(node.values(), scope)
        else:
            self.unknown("a part of the statement")

    def each(self, parts: Iterable[Any], scope: _Scope) -> None:
        """Every part that may hold others."""
        for part in parts:
            kind = type(part)
            if kind is dict:
                self.any(part, scope)
            elif kind is list:
                for item in part:
                    if type(item) is dict or type(item) is list:
                        self.any(item, scope)

    def expression(self, node: Mapping[str, Any], scope: _Scope) -> None:
        kind = node["class"]
        if type(kind) is not str or (kind, *node) not in _EXPRESSIONS_AS_SEEN:
            if not self.known(node, kind, EXPRESSIONS):
                return
            _EXPRESSIONS_AS_SEEN.add((kind, *node))
        if kind == "FUNCTION":
            self.function(node, callable_names("scalar_functions"), "function", "WFT-SQL-005")
        elif kind == "WINDOW":
            self.function(node, callable_names("window_functions"), "function", "WFT-SQL-005")
        elif kind == "TYPE":
            self.type(node)
        elif kind == "COLUMN_REF" and len(node["column_names"]) == 1:
            name = folded(node["column_names"][0])
            # Without parentheses DuckDB parses these as columns; a column of that name would win, hence only a warning.
            if name in COLUMNS_THAT_CHANGE:
                self.changing(name)
        self.each(node.values(), scope)

    def table_or_part(self, node: Mapping[str, Any], scope: _Scope) -> None:
        kind = node["type"]
        if kind in PARTS:
            if self.known(node, kind, PARTS):
                self.each(node.values(), scope)
            return
        if kind in QUERIES:
            self.query(node, scope)
            return
        if not self.known(node, kind, TABLES):
            return
        self.sample(node["sample"])
        if kind == "BASE_TABLE":
            self.table(node, scope)
            return
        if kind == "TABLE_FUNCTION":
            function = node["function"]
            if not self.known(function, function.get("class"), EXPRESSIONS) or function["class"] != "FUNCTION":
                return
            self.function(function, names("table_functions"), "table function", "WFT-SQL-006")
            self.each(function.values(), scope)
            return
        for key, value in node.items():
            if key != "sample":
                self.any(value, scope)

    def table(self, node: Mapping[str, Any], scope: _Scope) -> None:
        path = node["qualified_name"]["path"]
        if node["at_clause"] is not None:
            self.refuse("WFT-SQL-004", "`AT (…)` is not allowed", fix="`weft query --at` reads former versions")
            return
        spelled = ".".join(path)
        # By its parts: a CTE may be called "a.b", and is not what `a.b` reads.
        if tuple(map(folded, path)) in scope:
            return
        wanted = 3 if self.qualified else 1
        if not all(NAME.fullmatch(part) and ("@" not in part or part is path[-1]) for part in path):
            self.refuse(
                "WFT-SQL-007",
                f"`{spelled}` is not the name of a table",
                why="files, URLs and foreign databases are bound by weft, never named in SQL",
                fix='name a port: `domain.product.port` or `domain.product."port@1"`'
                if self.qualified
                else "declare an input port with `weft.source: {file: …}` in the descriptor and read from it",
            )
        elif len(path) != wanted:
            self.refuse(
                "WFT-SQL-003" if self.qualified else "WFT-SQL-007",
                f"`{spelled}` is not the address of a port"
                if self.qualified
                else f"`{spelled}` names a table by its schema or catalog",
                why="a query reads ports by address, and its own CTEs"
                if self.qualified
                else "a model reads input ports and other models of its product, by one name each",
                fix="write `domain.product.port`; `weft search` finds ports"
                if self.qualified
                else f"declare an input port bound to `{spelled}` and read from the port's name",
            )
        else:
            self.references.append((spelled, self.at(self.place)))

    def function(self, node: Mapping[str, Any], allowed: frozenset[str], what: str, code: str) -> None:
        path = node["qualified_name"]["path"]
        name = folded(path[-1])
        # `column.upper()` is parsed as a function in a schema `column`; a real schema or catalog is refused.
        prefix = [folded(part) for part in path[:-1]]
        if name != folded(node["function_name"]) or (prefix and (prefix[0] in _CATALOGS or what != "function")):
            self.refuse(code, f"{what} `{'.'.join(path)}` is named by schema or catalog", fix=f"write `{path[-1]}(…)`")
        elif name not in allowed and (name not in self.also or what != "function"):
            self.refuse(
                code,
                f"{what} `{path[-1]}` is not allowed",
                why="SQL may use what is listed: nothing that reads files, settings or catalogs, or has no bounds",
                fix=self.instead(name, allowed, what),
            )
        elif self.others and name in NOT_IN_QUERIES:
            self.refuse(
                "WFT-SQL-014",
                f"{what} `{path[-1]}` is not for queries",
                why="its value has no bounds, or depends on rows that the reader does not see",
                fix=NOT_IN_QUERIES[name],
            )
        elif name in BY_NAME and not self.aggregate_by_name(node):
            self.refuse(
                code,
                f"`{path[-1]}` is not allowed with this aggregate",
                why="the aggregate is named by a text of its own, of one that is listed",
                fix="write the name out: `list_aggregate(x, 'sum')`",
            )
        elif name in VOLATILE or (name == "age" and len(node["arguments"]) == 1):
            self.changing(f"{name}()")

    def aggregate_by_name(self, node: Mapping[str, Any]) -> bool:
        """Whether a function that takes the name of an aggregate is given that of a listed one, written out."""
        arguments = node["arguments"]
        given = arguments[1].get("expression") if len(arguments) > 1 else None
        literal = given.get("literal") if isinstance(given, dict) and given.get("class") == "CONSTANT" else None
        text = literal.get("text") if isinstance(literal, dict) and literal.get("kind") == "STRING" else None
        if not isinstance(text, str):
            return False
        name = folded(text)
        return name in names("aggregate_functions") and not (self.others and name in NOT_IN_QUERIES)

    def instead(self, name: str, allowed: frozenset[str], what: str) -> str | None:
        if what == "table function" and (name.startswith(("read_", "parquet_", "sniff_")) or name.endswith("_scan")):
            return "declare an input port with `weft.source: {file: …}` and read from the port's name"
        if name in INSTEAD:
            return INSTEAD[name]
        if name in OF_OTHERS and what == "function":
            return f"write `{OF_OTHERS[name]}`, which is DuckDB's"
        otherwise = f"table functions are {', '.join(sorted(allowed))}" if what == "table function" else None
        return did_you_mean(name, allowed, otherwise=otherwise)

    def type(self, node: Mapping[str, Any]) -> None:
        path = node["qualified_name"]["path"]
        if len(path) != 1 or folded(path[0]) not in names("types") | self.also:
            self.refuse(
                "WFT-SQL-004",
                f"type `{'.'.join(path)}` is not allowed",
                fix=did_you_mean(folded(path[-1]), names("types")),
            )

    def sample(self, node: Any) -> None:
        if node is not None and self.others:
            why = "which rows are drawn depends on rows that the reader does not see"
            self.refuse("WFT-SQL-014", "a sample is not for queries", why=why, fix=SAMPLE_INSTEAD)
            return
        if node is not None and not node.get("repeatable"):
            self.changing("a sample without REPEATABLE")

    def changing(self, name: str) -> None:
        offset = self.at(self.place)
        self.volatile.append((name, offset))
        self.problems.append(
            Problem(
                "WFT-SQL-008",
                Severity.WARNING,
                f"`{name}` gives another result each time it runs",
                offset,
                why="the same inputs then give other rows, and weft cannot see that a rebuild is needed",
                fix="take times from the data; give a sample a seed with REPEATABLE",
            )
        )

    def known(self, node: Any, kind: Any, kinds: Mapping[str, frozenset[str]]) -> bool:
        """Whether a node is of a listed kind and has only listed fields; a problem when not."""
        fields = kinds.get(kind) if type(kind) is str else None
        if fields is not None and fields.issuperset(node):
            return True
        self.unknown(REFUSED.get(str(kind), str(kind or "a part of the statement")))
        return False

    def unknown(self, what: str) -> None:
        self.refuse(
            "WFT-SQL-004",
            f"{what} is not allowed",
            why="SQL here is one SELECT that reads tables and computes",
            fix="write the value into the SQL" if what == REFUSED["PARAMETER"] else None,
        )

    def refuse(self, code: str, what: str, *, why: str | None = None, fix: str | None = None) -> None:
        self.problems.append(Problem(code, Severity.ERROR, what, self.at(self.place), why, fix))


_STATEMENT = frozenset({"node", "named_param_map"})


_UNTYPED_AS_SEEN: set[tuple[str, ...]] = set()
"""Fields of untyped parts in the orders in which they were met: a tuple is asked for faster than a set is made."""

_EXPRESSIONS_AS_SEEN: set[tuple[str, ...]] = set()
"""Classes of expressions, each before its fields in an order in which they were met and found to be known."""


@cache
def callable_names(kind: str) -> frozenset[str]:
    """Functions of a list, and those that give one value for many rows."""
    return names(kind) | names("aggregate_functions")


def folded(name: str) -> str:
    """A name as DuckDB compares it."""
    # DuckDB folds ASCII letters only; str.lower() would merge names that are two to DuckDB.
    return name.lower() if name.isascii() else name.translate(_LOWER)


_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
