"""What the six systems call the types, and what their DDL can say."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


def _types(text: str) -> dict[str, str]:
    """`DUCK=NAME` pairs, `_` for a space in a name."""
    pairs = (word.partition("=") for word in text.split())
    return {duck: _spaced(name) for duck, _, name in pairs}


def _spaced(name: str) -> str:
    """The name with its spaces; those of timestamps and times have underscores of their own."""
    return name if name.startswith(("TIMESTAMP_", "TIME_")) else name.replace("_", " ")


class Dialect(Struct, frozen=True):
    """What one system's DDL says.

    Attributes:
        types: names of types that it has, by DuckDB's.
        wider: names of the nearest type for those that it does not have; a note tells it.
        sized: how a text of at most n characters is written; None when there is no such type.
        longest: of such a text.
        comments: `inline` (COMMENT 'x'), `options` (OPTIONS(description = 'x')) or `statements` (COMMENT ON).
        checks: whether a CHECK is kept.
        length: function that counts characters.
        match: a regular expression, `{column}` and `{pattern}`.
        key: what stands behind PRIMARY KEY (…).
        uniques: whether there is UNIQUE.
        unindexed: types over which it has no index, so neither PRIMARY KEY nor UNIQUE.
        foreign: whether FOREIGN KEY is written.
        defaults: whether DEFAULT is.
        structs, lists, maps: how nested types are written; None when there are none.
        inner_required: whether a field of a struct may be NOT NULL.
        inner_comments: whether a field of a struct has a comment.
    """

    name: str
    types: Mapping[str, str]
    wider: Mapping[str, str]
    decimal: str = "DECIMAL"
    precision: int = 38
    sized: str | None = "VARCHAR({})"
    longest: int = 10_485_760
    comments: str = "statements"
    checks: bool = True
    length: str = "length"
    match: str | None = None
    key: str = ""
    uniques: bool = True
    unindexed: frozenset[str] = frozenset()
    foreign: bool = True
    structs: str | None = None
    lists: str | None = None
    maps: str | None = None
    json: str = "JSON"
    inner_required: bool = False
    inner_comments: bool = False
    quote: str = '"'
    escapes: bool = False
    """Whether a backslash in a text has to be doubled."""


_DUCK = """
BOOLEAN=BOOLEAN TINYINT=TINYINT SMALLINT=SMALLINT INTEGER=INTEGER BIGINT=BIGINT HUGEINT=HUGEINT UTINYINT=UTINYINT
USMALLINT=USMALLINT UINTEGER=UINTEGER UBIGINT=UBIGINT UHUGEINT=UHUGEINT FLOAT=FLOAT DOUBLE=DOUBLE VARCHAR=VARCHAR
BLOB=BLOB DATE=DATE TIME=TIME TIME_NS=TIME_NS TIMETZ=TIMETZ TIMESTAMP=TIMESTAMP TIMESTAMP_S=TIMESTAMP_S
TIMESTAMP_MS=TIMESTAMP_MS TIMESTAMP_NS=TIMESTAMP_NS TIMESTAMPTZ=TIMESTAMPTZ INTERVAL=INTERVAL UUID=UUID JSON=JSON
BIT=BIT BIGNUM=BIGNUM VARIANT=VARIANT
"""
_POSTGRES = """
BOOLEAN=BOOLEAN SMALLINT=SMALLINT INTEGER=INTEGER BIGINT=BIGINT FLOAT=REAL DOUBLE=DOUBLE_PRECISION VARCHAR=TEXT
BLOB=BYTEA DATE=DATE TIME=TIME TIMETZ=TIMETZ TIMESTAMP=TIMESTAMP TIMESTAMP_S=TIMESTAMP(0) TIMESTAMP_MS=TIMESTAMP(3)
TIMESTAMPTZ=TIMESTAMPTZ INTERVAL=INTERVAL UUID=UUID JSON=JSONB
"""
_POSTGRES_WIDER = """
TINYINT=SMALLINT UTINYINT=SMALLINT USMALLINT=INTEGER UINTEGER=BIGINT UBIGINT=NUMERIC(20,_0) HUGEINT=NUMERIC(39,_0)
UHUGEINT=NUMERIC(39,_0) TIMESTAMP_NS=TIMESTAMP TIME_NS=TIME BIT=BIT_VARYING
"""
_MYSQL = """
BOOLEAN=BOOLEAN TINYINT=TINYINT SMALLINT=SMALLINT INTEGER=INT BIGINT=BIGINT UTINYINT=TINYINT_UNSIGNED
USMALLINT=SMALLINT_UNSIGNED UINTEGER=INT_UNSIGNED UBIGINT=BIGINT_UNSIGNED FLOAT=FLOAT DOUBLE=DOUBLE VARCHAR=TEXT
BLOB=LONGBLOB DATE=DATE TIME=TIME(6) TIMESTAMP=DATETIME(6) TIMESTAMP_S=DATETIME(0) TIMESTAMP_MS=DATETIME(3)
TIMESTAMPTZ=TIMESTAMP(6) JSON=JSON
"""
_MYSQL_WIDER = """
HUGEINT=DECIMAL(39,_0) UHUGEINT=DECIMAL(39,_0) TIMESTAMP_NS=DATETIME(6) TIME_NS=TIME(6) TIMETZ=TIME(6) UUID=CHAR(36)
"""
_SPARK = """
BOOLEAN=BOOLEAN TINYINT=TINYINT SMALLINT=SMALLINT INTEGER=INT BIGINT=BIGINT FLOAT=FLOAT DOUBLE=DOUBLE VARCHAR=STRING
BLOB=BINARY DATE=DATE TIMESTAMP=TIMESTAMP_NTZ TIMESTAMPTZ=TIMESTAMP
"""
_SPARK_WIDER = """
UTINYINT=SMALLINT USMALLINT=INT UINTEGER=BIGINT UBIGINT=DECIMAL(20,_0) HUGEINT=DECIMAL(38,_0) UHUGEINT=DECIMAL(38,_0)
TIMESTAMP_S=TIMESTAMP_NTZ TIMESTAMP_MS=TIMESTAMP_NTZ TIMESTAMP_NS=TIMESTAMP_NTZ
"""
_SNOWFLAKE = """
BOOLEAN=BOOLEAN DOUBLE=DOUBLE VARCHAR=VARCHAR BLOB=BINARY DATE=DATE TIME=TIME TIMESTAMP=TIMESTAMP_NTZ
TIMESTAMP_S=TIMESTAMP_NTZ(0) TIMESTAMP_MS=TIMESTAMP_NTZ(3) TIMESTAMP_NS=TIMESTAMP_NTZ(9) TIMESTAMPTZ=TIMESTAMP_TZ
JSON=VARIANT
"""
_SNOWFLAKE_WIDER = """
TINYINT=NUMBER(3,_0) SMALLINT=NUMBER(5,_0) INTEGER=NUMBER(10,_0) BIGINT=NUMBER(19,_0) UTINYINT=NUMBER(3,_0)
USMALLINT=NUMBER(5,_0) UINTEGER=NUMBER(10,_0) UBIGINT=NUMBER(20,_0) HUGEINT=NUMBER(38,_0) UHUGEINT=NUMBER(38,_0)
FLOAT=DOUBLE TIMETZ=TIME TIME_NS=TIME UUID=VARCHAR(36)
"""
_BIGQUERY = """
BOOLEAN=BOOL BIGINT=INT64 DOUBLE=FLOAT64 VARCHAR=STRING BLOB=BYTES DATE=DATE TIME=TIME TIMESTAMP=DATETIME
TIMESTAMPTZ=TIMESTAMP INTERVAL=INTERVAL JSON=JSON
"""
_BIGQUERY_WIDER = """
TINYINT=INT64 SMALLINT=INT64 INTEGER=INT64 UTINYINT=INT64 USMALLINT=INT64 UINTEGER=INT64 UBIGINT=NUMERIC(20,_0)
HUGEINT=BIGNUMERIC(38,_0) UHUGEINT=BIGNUMERIC(38,_0) FLOAT=FLOAT64 TIMESTAMP_S=DATETIME TIMESTAMP_MS=DATETIME
TIMESTAMP_NS=DATETIME TIME_NS=TIME TIMETZ=TIME UUID=STRING(36)
"""

_ALL = (
    Dialect(
        "duckdb",
        _types(_DUCK),
        {},
        sized=None,
        unindexed=frozenset({"INTERVAL", "VARIANT", "STRUCT", "LIST", "ARRAY", "MAP"}),
        match="regexp_matches({column}, {pattern})",
        structs="STRUCT({})",
        lists="{}[]",
        maps="MAP({}, {})",
    ),
    Dialect(
        "postgres",
        _types(_POSTGRES),
        _types(_POSTGRES_WIDER),
        decimal="NUMERIC",
        precision=1000,
        match="{column} ~ {pattern}",
        lists="{}[]",
        json="JSONB",
    ),
    Dialect(
        "mysql",
        _types(_MYSQL),
        _types(_MYSQL_WIDER),
        longest=16_383,
        precision=65,
        comments="inline",
        length="char_length",
        match="{column} REGEXP {pattern}",
        unindexed=frozenset({"JSON", "VARIANT", "STRUCT", "LIST", "ARRAY", "MAP"}),
        quote="`",
        escapes=True,
    ),
    Dialect(
        "spark",
        _types(_SPARK),
        _types(_SPARK_WIDER),
        longest=2**31 - 1,
        comments="inline",
        checks=False,
        uniques=False,
        foreign=False,
        structs="STRUCT<{}>",
        lists="ARRAY<{}>",
        maps="MAP<{}, {}>",
        json="STRING",
        inner_required=True,
        inner_comments=True,
        quote="`",
        escapes=True,
    ),
    Dialect(
        "snowflake",
        _types(_SNOWFLAKE),
        _types(_SNOWFLAKE_WIDER),
        decimal="NUMBER",
        longest=16_777_216,
        comments="inline",
        checks=False,
        structs="OBJECT({})",
        lists="ARRAY({})",
        maps="MAP({}, {})",
        json="VARIANT",
        inner_required=True,
        escapes=True,
    ),
    Dialect(
        "bigquery",
        _types(_BIGQUERY),
        _types(_BIGQUERY_WIDER),
        decimal="NUMERIC",
        precision=76,
        sized="STRING({})",
        longest=2**31 - 1,
        comments="options",
        checks=False,
        key=" NOT ENFORCED",
        uniques=False,
        structs="STRUCT<{}>",
        lists="ARRAY<{}>",
        inner_required=True,
        inner_comments=True,
        quote="`",
        escapes=True,
    ),
)
DIALECTS: Mapping[str, Dialect] = {d.name: d for d in _ALL}
