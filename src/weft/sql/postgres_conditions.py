"""Conditions on one row, of DuckDB's parse tree, said in PostgreSQL's words: only what both understand alike.

Row filters of policies have to be said exactly: a row more would be shown to somebody who may not see it. So types
decide: a text is compared with a text and a number with a number, nothing is cast but a literal that is written as both
read it, and nothing is said that may raise on some row. What is not listed has no words, which is an error.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.sql.patterns import Unsayable
from weft.sql.quoting import literal

WHOLE = frozenset({"SMALLINT", "INTEGER", "BIGINT"})
_RANGES = {"SMALLINT": 2**15, "INTEGER": 2**31, "BIGINT": 2**63}
_SIGNS = {
    "COMPARE_EQUAL": "=",
    "COMPARE_NOTEQUAL": "<>",
    "COMPARE_LESSTHAN": "<",
    "COMPARE_GREATERTHAN": ">",
    "COMPARE_LESSTHANOREQUALTO": "<=",
    "COMPARE_GREATERTHANOREQUALTO": ">=",
    "COMPARE_DISTINCT_FROM": "IS DISTINCT FROM",
    "COMPARE_NOT_DISTINCT_FROM": "IS NOT DISTINCT FROM",
}
_TURNED = {"<": ">", ">": "<", "<=": ">=", ">=": "<="}
_AS_BYTES = frozenset({"=", "<>", "IS DISTINCT FROM", "IS NOT DISTINCT FROM"})
_NUMBER = re.compile(r"-?(\d{1,15})(?:\.(\d{1,9}))?")
_DIGITS = 15
"""Digits that a double holds whatever they are."""
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?)?")
_INSTANT = re.compile(_TIME.pattern + r"(?:Z|[+-]\d{2}:\d{2})?")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_DEEPEST = 60


class Typed(Struct, frozen=True):
    """A column of a table, as conditions are said about it.

    Attributes:
        type: DuckDB's, of the values that readers see.
        raw: the column itself, in the server's words.
        value: what readers see of it: null where no type here holds it.
        holds: a condition that the value is not such a one; None where there is none such.
        loose: whether texts may be equal whose bytes are not.
    """

    type: str
    raw: str
    value: str
    holds: str | None = None
    loose: bool = False

    @property
    def kind(self) -> str:
        """The type without its numbers; one for all whole numbers."""
        base = self.type.partition("(")[0]
        return "INTEGER" if base in WHOLE else base


def said(node: Any, columns: Mapping[str, Typed]) -> str:
    """A condition in PostgreSQL's words, which is true for the same rows, and never raises.

    Args:
        node: an expression of DuckDB's parse tree.
        columns: by name in lower case.

    Raises:
        Unsayable: there are no words for a part of it.
    """
    return _Saying(columns).truth(node, positive=True, depth=0)


class _Saying:
    def __init__(self, columns: Mapping[str, Typed]) -> None:
        self._columns = columns

    def truth(self, node: Any, *, positive: bool, depth: int) -> str:
        """A condition; where it is not `positive`, null and false are told apart."""
        if not isinstance(node, Mapping) or depth > _DEEPEST:
            raise Unsayable("a condition of this depth")
        kind = node.get("class")
        if kind == "CONJUNCTION":
            word = " AND " if node["type"] == "CONJUNCTION_AND" else " OR "
            parts = [self.truth(n, positive=positive, depth=depth + 1) for n in node["children"]]
            return f"({word.join(parts)})"
        if kind == "OPERATOR":
            return self._operator(node, positive=positive, depth=depth)
        if kind == "COMPARISON":
            return self._compared(node["type"], node["left"], node["right"], positive=positive)
        if kind == "BETWEEN":
            low = self._compared("COMPARE_GREATERTHANOREQUALTO", node["input"], node["lower"], positive=positive)
            high = self._compared("COMPARE_LESSTHANOREQUALTO", node["input"], node["upper"], positive=positive)
            return f"({low} AND {high})"
        if kind == "CASE" and not node.get("base_expr"):
            whens = [
                f"WHEN {self.truth(one['when_expr'], positive=False, depth=depth + 1)}"
                f" THEN {self.truth(one['then_expr'], positive=False, depth=depth + 1)}"
                for one in node["case_checks"]
            ]
            otherwise = self.truth(node["else_expr"], positive=False, depth=depth + 1)
            return f"(CASE {' '.join(whens)} ELSE {otherwise} END)"
        if kind == "FUNCTION":
            return self._function(node)
        if kind == "CONSTANT":
            return self._constant(node)
        if kind == "COLUMN_REF":
            column = self._column(node)
            if column.kind != "BOOLEAN":
                raise Unsayable("a column that is no condition")
            return column.value
        raise Unsayable("this form of condition")

    def _operator(self, node: Mapping[str, Any], *, positive: bool, depth: int) -> str:
        kind, children = node["type"], node["children"]
        if kind == "OPERATOR_NOT" and len(children) == 1:
            return f"(NOT {self.truth(children[0], positive=False, depth=depth + 1)})"
        if kind in ("OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL") and len(children) == 1:
            word = "IS NULL" if kind == "OPERATOR_IS_NULL" else "IS NOT NULL"
            if _is(children[0], "COLUMN_REF"):
                return f"({self._column(children[0]).value} {word})"
            raise Unsayable("a question for null of what is no column")
        if kind in ("COMPARE_IN", "COMPARE_NOT_IN") and len(children) > 1:
            word = "IN" if kind == "COMPARE_IN" else "NOT IN"
            return self._among(children[0], children[1:], word, positive=positive and word == "IN")
        raise Unsayable("an operator that is not of conditions")

    def _among(self, needle: Any, values: Sequence[Any], word: str, *, positive: bool) -> str:
        column = self._column(needle)
        if all(map(_null, values)):  # there need not be any `=` for its type
            return "NULL::boolean"
        listed = ", ".join("NULL" if _null(v) else _written(v, column) for v in values)
        return self._of(column, f"{word} ({listed})", positive=positive, as_bytes=True)

    def _compared(self, kind: str, left: Any, right: Any, *, positive: bool) -> str:
        sign = _SIGNS.get(kind)
        if sign is None:
            raise Unsayable("this comparison")
        if not _is(left, "COLUMN_REF") and _is(right, "COLUMN_REF"):
            left, right, sign = right, left, _TURNED.get(sign, sign)
        if not _is(left, "COLUMN_REF"):
            return self._of_literals(sign, left, right)
        column = self._column(left)
        if _is(right, "COLUMN_REF"):
            other = self._column(right)
            if column.kind != other.kind or column.kind not in ("VARCHAR", "INTEGER", "BOOLEAN", "DATE", "TIMESTAMP"):
                raise Unsayable("a comparison of columns of two types")
            collated = ' COLLATE "C"' if column.kind == "VARCHAR" else ""
            return f"({column.value}{collated} {sign} {other.value}{collated})"
        if _null(right):
            if "DISTINCT" not in sign:
                return "NULL::boolean"
            return f"({column.value} IS {'NULL' if 'NOT' in sign else 'NOT NULL'})"
        plain = positive and "DISTINCT" not in sign
        return self._of(column, f"{sign} {_written(right, column)}", positive=plain, as_bytes=sign in _AS_BYTES)

    def _of(self, column: Typed, rest: str, *, positive: bool, as_bytes: bool) -> str:
        """A comparison of a column; where null is as good as false in such a way that an index of it serves."""
        if column.kind == "VARCHAR":
            collated = "" if as_bytes and not column.loose else ' COLLATE "C"'
            return f"({column.value}{collated} {rest})"
        if column.kind == "UUID" and not as_bytes:
            raise Unsayable("an order of UUIDs")
        if column.holds is not None and positive:
            return f"({column.raw} {rest} AND {column.holds})"
        return f"({column.value} {rest})"

    def _of_literals(self, sign: str, left: Any, right: Any) -> str:
        if sign not in _AS_BYTES and sign not in _TURNED:
            raise Unsayable("this comparison")
        return f"({_text_of(left)} {sign} {_text_of(right)})"

    def _function(self, node: Mapping[str, Any]) -> str:
        name = _plain_name(node)
        given = [one["expression"] for one in node.get("arguments", ())]
        if name in ("contains", "list_contains", "list_has", "array_contains", "array_has") and len(given) == 2:
            items = _list_of(given[0])
            if items is None:
                raise Unsayable(f"`{name}` of what is no list of texts")
            if _is(given[1], "COLUMN_REF"):
                column = self._column(given[1])
                if column.kind != "VARCHAR":
                    raise Unsayable("a list of texts in which a column of another type is looked for")
                if not items:
                    return f"({column.value} IS NULL AND NULL::boolean)"
                listed = ", ".join(items)
                return self._of(column, f"IN ({listed})", positive=False, as_bytes=True)
            return f"({_text_of(given[1])} IN ({', '.join(items)}))" if items else "false"
        if name in ("~~", "!~~", "starts_with", "prefix") and len(given) == 2 and _is(given[0], "COLUMN_REF"):
            column = self._column(given[0])
            if column.kind == "VARCHAR" and _is(given[1], "CONSTANT"):
                pattern, value = _text_of(given[1], plain=True), f'{column.value} COLLATE "C"'
                if name in ("starts_with", "prefix"):
                    return f"starts_with({value}, {pattern})"
                return f"({value} {'LIKE' if name == '~~' else 'NOT LIKE'} {pattern} ESCAPE '')"
        raise Unsayable(f"the function `{name[:60]}`" if name else "this function")

    def _constant(self, node: Mapping[str, Any]) -> str:
        found = node["literal"]
        if found["kind"] == "BOOLEAN":
            return "true" if str(found["text"]).lower() == "true" else "false"
        if found["kind"] == "NULL_LITERAL":
            return "NULL::boolean"
        raise Unsayable("a literal that is no condition")

    def _column(self, node: Any) -> Typed:
        names = node.get("column_names") if _is(node, "COLUMN_REF") else None
        if not names or len(names) != 1:
            raise Unsayable("what is no column of the port")
        found = self._columns.get(str(names[0]).lower())
        if found is None:
            raise Unsayable("what is no column of the port")
        if found.kind == "JSON":  # some is none here, and is null
            raise Unsayable("a condition about JSON")
        return found


def _plain_name(node: Mapping[str, Any]) -> str:
    """The name of a function that is called with arguments and nothing else; empty for another one."""
    path = (node.get("qualified_name") or {}).get("path") or []
    beside = node.get("filter") or node.get("distinct") or (node.get("order_bys") or {}).get("orders")
    return str(path[0]) if len(path) == 1 and not beside else ""


def _written(node: Any, column: Typed) -> str:
    """A literal as a column's type reads it."""
    if _is(node, "CAST"):
        if node.get("try_cast") or _type_of(node) != column.type.partition("(")[0]:
            raise Unsayable("a cast to another type than the column's")
        node = node["child"]
        if not _is(node, "CONSTANT"):
            raise Unsayable("a cast of what is no literal")
        if not _kept(node["literal"], column):
            raise Unsayable("a cast that does not keep the number")
    if not _is(node, "CONSTANT"):
        raise Unsayable("a comparison with what is no literal")
    kind, text = node["literal"]["kind"], str(node["literal"]["text"])
    writing = _WRITINGS.get(column.kind)
    found = writing(kind, text, column) if writing is not None else None
    if found is None:
        raise Unsayable(f"a comparison of {column.type} with such a literal")
    return found


def _kept(found: Mapping[str, Any], column: Typed) -> bool:
    """Whether a cast to a column's type leaves a literal what it is; one to a whole number or a decimal rounds."""
    most = _RANGES.get(column.type, 10**_DIGITS)  # `DECIMAL` alone has 15 digits before its point
    if found["kind"] == "STRING" or column.kind not in ("INTEGER", "DECIMAL"):
        return True
    return re.fullmatch(r"-?\d{1,19}", str(found["text"])) is not None and -most <= int(found["text"]) < most


def _as_text(kind: str, text: str, column: Typed) -> str | None:
    return literal(text) if kind == "STRING" and "\0" not in text else None


def _as_whole(kind: str, text: str, column: Typed) -> str | None:
    if kind == "STRING":
        base = column.type.partition("(")[0]
        fits = re.fullmatch(r"-?\d{1,19}", text) and -_RANGES[base] <= int(text) < _RANGES[base]
        return f"({text})" if fits else None
    return f"({text})" if kind in ("INTEGER", "NUMERIC") and _NUMBER.fullmatch(text) else _long(kind, text)


def _long(kind: str, text: str) -> str | None:
    return f"({text}::numeric)" if kind == "INTEGER" and re.fullmatch(r"-?\d{1,37}", text) else None


def _as_decimal(kind: str, text: str, column: Typed) -> str | None:
    return f"({text}::numeric)" if kind in ("INTEGER", "NUMERIC") and _NUMBER.fullmatch(text) else None


def _as_double(kind: str, text: str, column: Typed) -> str | None:
    found = _NUMBER.fullmatch(text) if kind in ("INTEGER", "NUMERIC") else None
    short = found is not None and len(found[1]) + len(found[2] or "") <= _DIGITS
    return f"({text})::double precision" if short else None


def _as_boolean(kind: str, text: str, column: Typed) -> str | None:
    return text.lower() if kind == "BOOLEAN" and text.lower() in ("true", "false") else None


def _in_time(pattern: re.Pattern[str], word: str) -> Callable[[str, str, Typed], str | None]:
    def written(kind: str, text: str, column: Typed) -> str | None:
        if kind != "STRING" or not pattern.fullmatch(text):
            return None
        try:
            dt.datetime.fromisoformat(text)
        except ValueError:
            return None
        return f"{word} {literal(text)}"

    return written


def _as_uuid(kind: str, text: str, column: Typed) -> str | None:
    return f"{literal(text)}::uuid" if kind == "STRING" and _UUID.fullmatch(text) else None


_WRITINGS: Mapping[str, Callable[[str, str, Typed], str | None]] = {
    "VARCHAR": _as_text,
    "INTEGER": _as_whole,
    "DECIMAL": _as_decimal,
    "DOUBLE": _as_double,
    "BOOLEAN": _as_boolean,
    "DATE": _in_time(_DATE, "DATE"),
    "TIMESTAMP": _in_time(_TIME, "TIMESTAMP"),
    "TIMESTAMPTZ": _in_time(_INSTANT, "TIMESTAMPTZ"),
    "UUID": _as_uuid,
}


def _text_of(node: Any, *, plain: bool = False) -> str:
    if not _is(node, "CONSTANT") or node["literal"]["kind"] != "STRING" or "\0" in str(node["literal"]["text"]):
        raise Unsayable("a comparison of what are no columns")
    written = literal(str(node["literal"]["text"]))
    return written if plain else f'{written}::text COLLATE "C"'


def _list_of(node: Any) -> list[str] | None:
    """The texts of a list of texts as literals, also of one that says its type; None for what is none."""
    if _is(node, "CAST") and not node.get("try_cast"):
        kind = node.get("type_expr") or {}
        inner = kind.get("children") or []
        if kind.get("type_name") != "list" or len(inner) != 1 or inner[0].get("type_name") != "VARCHAR":
            return None
        node = node["child"]
    if not _is(node, "FUNCTION") or _plain_name(node) != "list_value":
        return None
    try:
        return [_text_of(one["expression"], plain=True) for one in node["arguments"]]
    except Unsayable:
        return None


def _type_of(cast: Mapping[str, Any]) -> str:
    kind = cast.get("type_expr") or {}
    name = str(kind.get("type_name", "")).upper()
    return _SYNONYMS.get(name, name) if not kind.get("children") else ""


_SYNONYMS = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ", "INT": "INTEGER", "TEXT": "VARCHAR", "STRING": "VARCHAR"}


def _null(node: Any) -> bool:
    return _is(node, "CONSTANT") and node["literal"]["kind"] == "NULL_LITERAL"


def _is(node: Any, kind: str) -> bool:
    return isinstance(node, Mapping) and node.get("class") == kind
