"""Places for values in a query, `?`, `$1` or `$name`: found, and filled with literals.

A filled text is walked and run like one that somebody has typed: values get no way of their own past the door.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from weft.errors import UsageError, error
from weft.sql.quoting import literal

_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?\*/)"
    r"|(?P<escaped>\b[eE]'(?:[^'\\]|\\.|'')*')"
    r"|(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?\$(?P=tag)\$)"
    r"|(?P<place>\?|\$\w+)|(?P<word>\w+)|(?P<rest>.)",
    re.DOTALL,
)
_MOST = 1000

Value = None | bool | int | float | str | bytes | Decimal | dt.date | dt.datetime | dt.time | dt.timedelta
Place = tuple[int, int, str]
"""Where a place begins and ends in the text, and the name of its value."""


def places(sql: str) -> tuple[Place, ...]:
    """The places of a text, in their order. Those of `?` are named by their number, from 1.

    >>> places("select $b, '?' where x = ?")[0][2]
    Traceback (most recent call last):
    weft.errors.UsageError: error WFT-SRV-080: a query has places `?` or places with names, not both
    >>> [name for _, _, name in places("select ?, '?' -- ?")]
    ['1']

    Raises:
        UsageError: WFT-SRV-080, both kinds of places, too many, or beside what two readers may read in two ways.
    """
    found: list[Place] = []
    asked = named = False
    doubtful = False
    for token in _TOKEN.finditer(sql):
        kind, text = token.lastgroup, token.group()
        if kind == "place":
            asked, named = asked or text == "?", named or text != "?"
            found.append((*token.span(), str(len(found) + 1) if text == "?" else text[1:]))
            doubtful |= text == "?" and sql[token.end() : token.end() + 1].isalnum()
        elif kind == "comment":
            doubtful |= text.startswith("/*") and "/*" in text[2:]
        elif kind == "escaped":
            doubtful |= "\\" in text
        elif kind == "rest":
            doubtful |= text in "'\""
    if not found:
        return ()
    if asked and named:
        raise UsageError(error("WFT-SRV-080", "a query has places `?` or places with names, not both"))
    if doubtful or len(found) > _MOST:
        raise UsageError(
            error(
                "WFT-SRV-080",
                f"values are not put into this text: it has more than {_MOST} places, or can be read in two ways",
                why="comments in comments, backslashes in texts and numbers right behind `?` are such parts",
                fix="write the query without them",
            )
        )  # fmt: skip
    return tuple(found)


def names_of(found: Sequence[Place]) -> tuple[str, ...]:
    """The names of values, each once, in the order in which a client gives them."""
    names = tuple(dict.fromkeys(name for _, _, name in found))
    return tuple(sorted(names, key=int)) if all(name.isdigit() for name in names) else names


def filled(sql: str, found: Sequence[Place], values: Mapping[str, str]) -> str:
    """The text with literals in its places."""
    parts, at = [], 0
    for begin, end, name in found:
        parts += [sql[at:begin], " ", values[name], " "]
        at = end
    return "".join((*parts, sql[at:]))


def as_literal(value: Value) -> str:
    """A value as SQL.

    >>> as_literal("it's"), as_literal(-3), as_literal(None)
    ("'it''s'", '(-3)', 'NULL')

    Raises:
        UsageError: WFT-SRV-080, a value of a type that no literal has.
    """
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return str(value) if value >= 0 else f"({value})"
        case float():
            return _of_float(value)
        case Decimal() if value.is_finite():
            return _of_decimal(value)
        case str() if "\0" not in value:
            return literal(value)
        case bytes():
            return f"CAST('{''.join(f'{chr(92)}x{byte:02X}' for byte in value)}' AS BLOB)"
        case dt.datetime():
            kind = "TIMESTAMP" if value.tzinfo is None else "TIMESTAMPTZ"
            return f"CAST('{value.isoformat(sep=' ')}' AS {kind})"
        case dt.date():
            return f"CAST('{value.isoformat()}' AS DATE)"
        case dt.time() if value.tzinfo is None:
            return f"CAST('{value.isoformat()}' AS TIME)"
        case dt.timedelta():
            microseconds = value // dt.timedelta(microseconds=1)
            return f"to_microseconds({microseconds})"
    raise UsageError(
        error(
            "WFT-SRV-080",
            f"a value of the type `{type(value).__name__}` cannot be put into a query",
            fix="give numbers, texts, booleans, dates, times or bytes",
        )
    )


def _of_float(value: float) -> str:
    text = "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf") if math.isinf(value) else repr(value)
    return f"CAST('{text}' AS DOUBLE)"


def _of_decimal(value: Decimal) -> str:
    _, digits, exponent = value.as_tuple()
    scale = max(-int(exponent), 0)
    width = max(len(digits) + max(int(exponent), 0), scale, 1)
    if width > 38:
        raise UsageError(error("WFT-SRV-080", "a decimal value has more than 38 digits", fix="give it as a text"))
    return f"CAST('{value:f}' AS DECIMAL({width}, {scale}))"
