"""Readings: texts read as types, null where they are no value of it, on servers that have no `TRY_CAST`.

A server stops at the first text that it cannot read. So a text is cast only where an expression says that it can be: a
day of the calendar, a number that the type holds. Years have four digits there.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from weft.sql.patterns import Unsayable

_BITS = {"TINYINT": 8, "SMALLINT": 16, "INT": 32, "BIGINT": 64, "INT128": 128}
_INTEGERS = {name: (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for name, bits in _BITS.items()} | {
    name: (0, 2**bits - 1)
    for name, bits in {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64, "UINT128": 128}.items()
}
"""Bounds, by the names that sqlglot has for DuckDB's integers."""
_LARGEST = {"REAL": "3.4028235e38", "DOUBLE": "1.7976931348623157e308"}
_LOCAL = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS")
_MOST_DIGITS_BEHIND = 30
"""Of MySQL's decimals."""


def _calendar(dash: str) -> str:
    """Every day of the calendar, and no other."""
    long = f"(0?[13578]|1[02]){dash}(0?[1-9]|[12][0-9]|3[01])"
    short = f"(0?[469]|11){dash}(0?[1-9]|[12][0-9]|30)"
    leap = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)"
    return f"[0-9]{{4}}{dash}({long}|{short}|0?2{dash}(0?[1-9]|1[0-9]|2[0-8]))|{leap}{dash}0?2{dash}29"


_DAY = f"(?!0000)({_calendar('-')}|{_calendar('/')})"
_CLOCK = "([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]+)?)?"
_OFFSET = "[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?"
_NAMED = " [A-Za-z]+(/[A-Za-z_+-]+)+"
_ZONE = f"(Z| UTC| GMT|{_OFFSET})"
_UUID = "([0-9a-fA-F]{4}-?){7}[0-9a-fA-F]{4}"


def read_as(text: str, wanted: exp.DataType, dialect: str) -> str:
    """SQL of a server that reads a text as one of DuckDB's types.

    Args:
        text: SQL of the server.

    Raises:
        Unsayable: the server has no such values, or cannot tell them.
    """
    kind = wanted.sql(dialect="duckdb").partition("(")[0]
    if kind == "TEXT":
        return text
    if kind == "ENUM":
        labels = ", ".join(label.sql(dialect=dialect) for label in wanted.expressions)
        return f"CASE WHEN {text} IN ({labels}) THEN {text} END"
    if kind in _INTEGERS:
        low, high = _INTEGERS[kind]
        number = f"CAST({text} AS {'DECIMAL' if dialect == 'postgres' else 'DECIMAL(65, 0)'})"
        return f"CASE WHEN {number} BETWEEN {low} AND {high} THEN {number} END"
    if kind == "DECIMAL":
        return _decimal(text, [int(p.this.this) for p in wanted.expressions], dialect)
    told: dict[str, Callable[[str], str]] = _POSTGRES if dialect == "postgres" else _MYSQL
    if kind not in told:
        raise Unsayable(f"values of {kind} in JSON")
    return told[kind](text)


def _decimal(text: str, digits: list[int], dialect: str) -> str:
    precision, scale = (*digits, 0)[:2] if digits else (18, 3)
    if dialect != "postgres" and scale > _MOST_DIGITS_BEHIND:
        raise Unsayable(f"decimals with {scale} digits behind the point")
    held = f"^[+-]?0*[0-9]{{0,{precision - scale}}}([.]|$)"
    return _where(text, held, f"CAST({text} AS DECIMAL({precision}, {scale}))", dialect)


def _where(text: str, pattern: str, value: str, dialect: str) -> str:
    operator = "~" if dialect == "postgres" else "REGEXP"
    return f"CASE WHEN {text} {operator} '{pattern}' THEN {value} END"


def _whole(pattern: str) -> str:
    """The expression for a whole text, which has no line feed behind it."""
    return f"^({pattern})$"


def _cast_in_postgres(pattern: str, name: str) -> Callable[[str], str]:
    # digits of a second beyond the sixth are cut off, as DuckDB does it; PostgreSQL would round
    def read(text: str) -> str:
        cut = f"regexp_replace({text}, '([.][0-9]{{6}})[0-9]+', '\\1')"
        return _where(text, _whole(pattern), f"CAST({cut} AS {name})", "postgres")

    return read


def _cast_in_mysql(pattern: str, name: str) -> Callable[[str], str]:
    return lambda text: _where(text, _whole(pattern), f"CAST({text} AS {name})", "mysql")


def _float_in_postgres(largest: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        number = f"CAST({text} AS DECIMAL)"
        # what is nearer to zero than any float is zero, which PostgreSQL refuses to say
        return (
            f"CASE WHEN abs({number}) < 1e-323 THEN 0"
            f" WHEN abs({number}) <= {largest} THEN CAST({text} AS DOUBLE PRECISION) END"
        )

    return read


def _float_in_mysql(largest: str) -> Callable[[str], str]:
    # a number too large becomes the largest one
    return lambda text: f"CASE WHEN ABS(CAST({text} AS DOUBLE)) < {largest} THEN CAST({text} AS DOUBLE) END"


def _instant_in_mysql(text: str) -> str:
    """MySQL has no zones: an instant is its time in UTC. Zones by name stop the query, for they may not be loaded."""
    local = f"CAST(REGEXP_REPLACE({text}, '{_ZONE}$', '') AS DATETIME(6))"
    offset = f"REGEXP_SUBSTR({text}, '{_OFFSET}$')"
    minutes = f"SUBSTRING({offset}, 2, 2) * 60 + IF(LENGTH({offset}) > 3, RIGHT({offset}, 2), 0)"
    sign = f"IF(LEFT({offset}, 1) = '-', -1, 1)"
    shifted = f"IF({offset} = '', {local}, {local} - INTERVAL ({sign} * ({minutes})) MINUTE)"
    stopped = f"(SELECT two.n FROM (SELECT 1 AS n UNION ALL SELECT 2) AS two WHERE {text} IS NOT NULL)"
    return (
        f"CASE WHEN {text} REGEXP '{_whole(f'({_DAY})[ T]{_CLOCK}{_ZONE}')}' THEN {shifted}"
        f" WHEN {text} REGEXP '{_whole(f'({_DAY})[ T]{_CLOCK}{_NAMED}')}' THEN {stopped} END"
    )


def _uuid_in_mysql(text: str) -> str:
    digits = f"LOWER(REPLACE({text}, '-', ''))"
    parts = ", ".join(
        f"SUBSTRING({digits}, {start}, {size})" for start, size in ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    )
    return _where(text, _whole(_UUID), f"CONCAT_WS('-', {parts})", "mysql")


_MIDNIGHT = "([ T]00:00(:00([.]0+)?)?)?"
_MOMENT = f"({_DAY})([ T]{_CLOCK})?"
_POSTGRES: dict[str, Callable[[str], str]] = {
    "BOOLEAN": _cast_in_postgres("true|false", "BOOLEAN"),
    "DATE": _cast_in_postgres(f"({_DAY}){_MIDNIGHT}", "DATE"),
    "TIME": _cast_in_postgres(_CLOCK, "TIME"),
    "TIMESTAMPTZ": _cast_in_postgres(f"({_DAY})[ T]{_CLOCK}({_ZONE}|{_NAMED})", "TIMESTAMPTZ"),
    "UUID": lambda text: f"CAST({_cast_in_postgres(_UUID, 'UUID')(text)} AS TEXT)",
    **{kind: _float_in_postgres(largest) for kind, largest in _LARGEST.items()},
    **{kind: _cast_in_postgres(_MOMENT, "TIMESTAMP") for kind in _LOCAL},
}
_MYSQL: dict[str, Callable[[str], str]] = {
    "BOOLEAN": lambda text: _where(text, _whole("true|false"), f"({text} = 'true')", "mysql"),
    "DATE": _cast_in_mysql(f"({_DAY}){_MIDNIGHT}", "DATE"),
    "TIME": _cast_in_mysql(_CLOCK, "TIME(6)"),
    "TIMESTAMPTZ": _instant_in_mysql,
    "UUID": _uuid_in_mysql,
    **{kind: _float_in_mysql(largest) for kind, largest in _LARGEST.items()},
    **{kind: _cast_in_mysql(_MOMENT, "DATETIME(6)") for kind in _LOCAL},
}
