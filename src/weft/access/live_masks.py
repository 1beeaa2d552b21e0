"""Masks in PostgreSQL's words: the same values as `masks` gives in DuckDB's, made before a row leaves the server.

Where PostgreSQL raises on a value and DuckDB does not, nothing is shown of that value. What cannot be said exactly is
an error: nothing is fetched as it is to be masked here.
"""

from __future__ import annotations

import datetime as dt
import re

from weft.access.masks import NULL, SHOWN, Mask, fitted
from weft.sql.patterns import Unsayable
from weft.sql.postgres_conditions import Typed
from weft.sql.quoting import literal

_LEAST_LONG = SHOWN + 5
_STARS = "'****'"
_LEAST = {"SMALLINT": -(2**15), "INTEGER": -(2**31), "BIGINT": -(2**63)}
_DECIMAL = re.compile(r"DECIMAL\((\d+), ?(\d+)\)")
_EXACT_DIGITS = 15
_FIRST_YEAR = "'4712-01-01 BC'"
"""Before it no month and no year begins that PostgreSQL can hold."""


def masked(mask: Mask, column: Typed, salt: str | None) -> str:
    """What is shown of a column under a mask, as an expression of the column's own type on the server.

    Raises:
        Unsayable: PostgreSQL has no words for it.
    """
    found = fitted(mask, column.type)
    if found is None or found == NULL or (found.kind == "hash" and not salt):
        return "NULL"
    value = f'({column.value} COLLATE "C")' if column.kind == "VARCHAR" else column.value
    match found.kind:
        case "month" | "year":
            return _first_day(found.kind, value, column)
        case "bucket":
            return _bucket(value, column, found.count)
        case "first" | "last":
            side = "left" if found.kind == "first" else "right"
            part = f"{side}({value}, {found.count})"
            shown = f"{part} || {_STARS}" if side == "left" else f"{_STARS} || {part}"
            return f"CASE WHEN length({value}) >= {_LEAST_LONG} THEN {shown} WHEN {value} IS NOT NULL THEN {_STARS} END"
        case "domain":
            behind = f"reverse(split_part(reverse({value}), '@', 1))"
            return (
                f"CASE WHEN position('@' in {value}) > 0 THEN '****@' || {behind}"
                f" WHEN {value} IS NOT NULL THEN {_STARS} END"
            )
        case "generalise":
            whens = " ".join(f"WHEN {_text(v)} THEN {_text(group)}" for v, group in found.groups)
            otherwise = _text(found.value) if found.value is not None else "NULL"
            return f"CASE {value} {whens} ELSE {otherwise} END" if whens else otherwise
        case "hash":
            return _hash(value, column, str(salt))
        case "fixed":
            return _fixed(found.value or "", column)
    raise Unsayable(f"the mask `{found}` of {column.type}")


def _first_day(kind: str, value: str, column: Typed) -> str:
    if column.kind == "DATE":
        first = f"{value} - (extract({'day' if kind == 'month' else 'doy'} FROM {value})::integer - 1)"
        return f"CASE WHEN {value} >= DATE {_FIRST_YEAR} THEN {first} END"
    if column.kind in ("TIMESTAMP", "TIMESTAMPTZ"):
        first = f"date_trunc('{kind}', {value})"
        return f"CASE WHEN {value} >= {column.kind} {_FIRST_YEAR} THEN {first} END"
    raise Unsayable(f"the mask `{kind}` of {column.type}")


def _bucket(value: str, column: Typed, width: int) -> str:
    base = column.type.partition("(")[0]
    if base in _LEAST:
        number = f"{value}::numeric"
        lower = f"({number} - mod(mod({number}, {width}) + {width}, {width}))"
        return f"CASE WHEN {lower} >= {_LEAST[base]} THEN {lower}::{base} END"
    if base == "DOUBLE":
        lower = f"floor({value} / {width}::double precision) * {width}::double precision"
        near = f"({value} = 0 OR abs({value}) BETWEEN 1e-290 AND 1e307)"
        endless = f"{value} IN ('NaN', 'Infinity', '-Infinity')"
        return f"CASE WHEN {near} THEN {lower} WHEN {endless} THEN {value} END"
    size = _DECIMAL.fullmatch(column.type)
    if size is not None and int(size[1]) <= _EXACT_DIGITS:
        lower = f"(floor({value}::double precision / {width}) * {width}::double precision)"
        most = 10 ** (int(size[1]) - int(size[2]))
        return f"CASE WHEN abs({lower}) < {most} THEN {lower}::numeric({size[1]},{size[2]}) END"
    raise Unsayable(f"the mask `bucket` of {column.type}")


def _hash(value: str, column: Typed, salt: str) -> str:
    text = f"upper(encode({value}, 'hex'))" if column.kind == "BLOB" else f"{value}::text"
    digest = f"encode(sha256(convert_to({_text(salt + ':')} || {text}, 'UTF8')), 'hex')"
    match column.type:
        case "VARCHAR":
            return digest
        case "BLOB":
            return f"decode({digest}, 'hex')"
        case "UUID":
            return f"left({digest}, 32)::uuid"
        case "BIGINT":
            return f"('x' || left({digest}, 15))::bit(60)::bigint"
    raise Unsayable(f"the mask `hash` of {column.type}")


def _fixed(text: str, column: Typed) -> str:
    """The value where it is written as both read it alike."""
    base = column.type.partition("(")[0]
    if base == "VARCHAR":
        return _text(text)
    if base in _LEAST and re.fullmatch(r"-?\d{1,19}", text) and _LEAST[base] <= int(text) < -_LEAST[base]:
        return f"({text})::{base}"
    if base == "BOOLEAN" and text.lower() in ("true", "false"):
        return text.lower()
    if base == "DATE" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            dt.date.fromisoformat(text)
        except ValueError:
            return "NULL"
        return f"DATE {literal(text)}"
    raise Unsayable(f"the mask `fixed` of {column.type} with this value")


def _text(text: str) -> str:
    if "\0" in text:
        raise Unsayable("a text with a zero byte")
    return f"{literal(text)}::text"
