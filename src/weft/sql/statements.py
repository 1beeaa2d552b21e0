"""Statements as text: which kind one is, where a second one begins, and offsets of bytes as offsets of characters."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any

from weft.errors import Severity
from weft.sql.problem import Problem

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)"
    r"|(?P<word>\w+)|(?P<end>;)|(?P<space>\s+)|(?P<other>.)",
    re.DOTALL,
)
_TOP = re.compile(r"\b(?i:top)\s+\Z")
_NUMBER = re.compile(r"[0-9]+")


class ByteOffsets:
    """Turns offsets of bytes, which DuckDB counts, into offsets of characters."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._starts: list[int] | None = None

    def __call__(self, offset: int) -> int:
        """The character that the byte belongs to."""
        if self._sql.isascii():
            return min(offset, len(self._sql))
        if self._starts is None:
            self._starts, total = [], 0
            for character in self._sql:
                self._starts.append(total)
                total += len(character.encode("utf-8", "surrogatepass"))
        return max(bisect_right(self._starts, offset) - 1, 0)


def _how_to_parse(sql: str, message: str, offset: int | None) -> str | None:
    """How to mend a text that does not parse, where that is plain from the place."""
    if offset is None or ' near "' not in message:
        return None
    if 'near "@"' in message:
        return 'write the port and its major in quotes: domain.product."port@1"'
    if sql[max(offset - 1, 0) : offset + 2].lstrip().startswith(("{{", "{%")):
        return "write names as they are, such as `from orders`: there are no templates"
    if _TOP.search(sql, 0, offset) and (number := _NUMBER.match(sql, offset)):
        return f"write `limit {number[0]}` at the end, in the place of `top {number[0]}`"
    token = _TOKEN.match(sql, offset)
    behind = _TOKEN.finditer(sql, token.end()) if token is not None else iter(())
    if all(t["comment"] or t["space"] or t["end"] for t in behind):
        return "nothing follows there: write what is missing, or close the parenthesis that is open"
    return None


def refused_statement(sql: str, error: Mapping[str, Any]) -> Problem:
    """Why a text is not one SELECT, from the error that stands in place of its parse tree."""
    if error.get("error_type") != "not implemented":
        position = error.get("position")
        offset = ByteOffsets(sql)(int(position)) if position is not None and str(position).isdigit() else None
        message = str(error.get("error_message", "it does not parse")).splitlines()[0]
        return Problem(
            "WFT-SQL-001",
            Severity.ERROR,
            f"SQL does not parse: {message}",
            offset,
            fix=_how_to_parse(sql, message, offset),
        )
    begins = list(_statements(sql))
    if len(begins) > 1:
        return Problem(
            "WFT-SQL-002",
            Severity.ERROR,
            f"there are {len(begins)} statements",
            begins[1][1],
            why="a model or a query is exactly one SELECT",
            fix="keep one; parts of it can be named with WITH, or be models of their own",
        )
    pivot = _pivot(sql)
    if pivot is not None:
        return Problem(
            "WFT-SQL-004",
            Severity.ERROR,
            "PIVOT as a statement is not allowed",
            pivot,
            why="its columns would depend on the rows",
            fix="list the values: `from t pivot (sum(x) for y in ('a', 'b'))`",
        )
    word, offset = begins[0] if begins else ("", 0)
    if word in ("WITH", "SELECT", "FROM", "("):
        what = (
            "what follows WITH is not a SELECT" if word == "WITH" else "a part of the SELECT is a statement of its own"
        )
        return Problem("WFT-SQL-004", Severity.ERROR, what, offset, why="SQL here is exactly one SELECT")
    return Problem(
        "WFT-SQL-004",
        Severity.ERROR,
        f"{word or 'this statement'} is not allowed",
        offset,
        why="a model or a query is exactly one SELECT; weft creates tables, binds files and sets settings itself",
        fix="write a SELECT; settings of a model stand in its `/* weft … */` comment",
    )


def _pivot(sql: str) -> int | None:
    """Where PIVOT stands as a statement or in the place of one: it begins the text or a pair of brackets, or is behind
    WITH. Behind a table, and before brackets, it is a part of FROM."""
    tokens = [t for t in _TOKEN.finditer(sql) if t.lastgroup not in ("comment", "space")]
    before, after = ["(", *(t.group() for t in tokens)], [*(t.group() for t in tokens[1:]), ""]
    for token, left, right in zip(tokens, before, after, strict=False):
        named = token.group().upper() in ("PIVOT", "PIVOT_WIDER")
        if named and (left == "(" or (left == ")" and right != "(")) and right not in (",", ")"):
            return token.start()
    return None


def _statements(sql: str) -> Iterator[tuple[str, int]]:
    """The first word of each statement and where it stands."""
    fresh = True
    for token in _TOKEN.finditer(sql):
        kind = token.lastgroup if token.lastgroup != "tag" else "text"
        if kind == "end":
            fresh = True
        elif fresh and kind not in ("comment", "space"):
            yield (token.group().upper(), token.start())
            fresh = False
