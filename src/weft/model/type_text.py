"""The text of a type, read and written: DuckDB's names, and the names that other systems have for the same."""

from __future__ import annotations

import difflib
import re
from functools import lru_cache

from msgspec import Struct

_TOKEN = re.compile(r"""\s*(?:"((?:[^"]|"")*)"|'((?:[^']|'')*)'|([A-Za-z_][\w$]*)|([0-9]{1,9})|([(),<>\[\]:]))""")
_DEEPEST = 100
_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_ZONED = {"TIMESTAMP": "TIMESTAMPTZ", "TIME": "TIMETZ"}

_NAMES: dict[str, str] = {
    "TINYINT": "INT1 BYTEINT",
    "SMALLINT": "INT2 SHORT INT16",
    "INTEGER": "INT INT4 INT32 SIGNED MEDIUMINT",
    "BIGINT": "INT8 LONG INT64",
    "HUGEINT": "INT128",
    "UTINYINT": "UINT8",
    "USMALLINT": "UINT16",
    "UINTEGER": "UINT32",
    "UBIGINT": "UINT64",
    "UHUGEINT": "UINT128",
    "FLOAT": "FLOAT4 REAL FLOAT32",
    "DOUBLE": "FLOAT8 FLOAT64 BINARY_DOUBLE",
    "DECIMAL": "NUMERIC DEC BIGNUMERIC BIGDECIMAL",
    "BOOLEAN": "BOOL LOGICAL",
    "VARCHAR": "CHAR BPCHAR TEXT STRING NVARCHAR NCHAR CHARACTER VARCHAR2 NVARCHAR2 CLOB NCLOB NTEXT TINYTEXT LONGTEXT",
    "BLOB": "BYTEA BINARY VARBINARY BYTES LONGBLOB",
    "TIMESTAMP": "DATETIME DATETIME2 SMALLDATETIME TIMESTAMP_NTZ TIMESTAMPNTZ TIMESTAMP_US",
    "TIMESTAMPTZ": "TIMESTAMP_TZ TIMESTAMP_LTZ TIMESTAMPLTZ DATETIMEOFFSET",
    "TIMETZ": "TIME_TZ",
    "UUID": "GUID UNIQUEIDENTIFIER",
    "JSON": "JSONB",
    "STRUCT": "ROW RECORD OBJECT",
    "LIST": "ARRAY",
}
_CANONICAL = {alias: name for name, aliases in _NAMES.items() for alias in aliases.split()}
KNOWN = frozenset(
    {*_NAMES, "DATE", "TIME", "INTERVAL", "MAP", "ENUM", "UNION", "BIT", "NUMBER"}
    | {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ_NS", "TIME_NS", "BIGNUM", "VARIANT", "GEOMETRY"}
)
"""Canonical names; a text that leads to another one is not understood."""

_RESERVED_WORDS = """
all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by case cast check collate
collation column columns concurrently constraint create cross default deferrable desc describe distinct do else end
except false fetch for foreign freeze from full generated glob group having ilike in initially inner intersect into is
isnull join lambda lateral leading left like limit map natural not notnull null offset on only or order outer overlaps
pivot pivot_longer pivot_wider placing positional primary qualify references returning right select semi show similar
some struct summarize symmetric table tablesample then to trailing true try_cast tuple union unique unpack unpivot using
variadic verbose when where window with
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())


class TypeText(Struct, frozen=True):
    """A type as a tree: `STRUCT(a INTEGER[])` is STRUCT with one field of LIST of INTEGER.

    Attributes:
        name: canonical name; `LIST` and `ARRAY` for `T[]` and `T[3]`, upper case as given when unknown.
        parameters: precision and scale of DECIMAL, size of ARRAY; empty when the text names none.
        parts: fields of STRUCT and UNION by name, the element of LIST and ARRAY, key and value of MAP.
        labels: values of ENUM.
    """

    name: str
    parameters: tuple[int, ...] = ()
    parts: tuple[tuple[str, TypeText], ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def known(self) -> bool:
        """Whether every name in it is understood."""
        return self.name in KNOWN | {"ARRAY"} and all(part.known for _, part in self.parts)

    @property
    def element(self) -> TypeText | None:
        """What a list or array holds."""
        return self.parts[0][1] if self.name in ("LIST", "ARRAY") and self.parts else None

    def part(self, name: str) -> TypeText | None:
        """The field of a name."""
        return next((part for label, part in self.parts if label == name), None)

    def __str__(self) -> str:
        if self.name in ("LIST", "ARRAY") and self.parts:
            size = str(self.parameters[0]) if self.name == "ARRAY" and self.parameters else ""
            return f"{self.parts[0][1]}[{size}]"
        if self.name in ("STRUCT", "UNION") and self.parts:
            return f"{self.name}({', '.join(f'{_quoted(label)} {part}' for label, part in self.parts)})"
        if self.name == "MAP" and self.parts:
            return f"MAP({', '.join(str(part) for _, part in self.parts)})"
        if self.name == "ENUM" and self.labels:
            labels = ", ".join("'" + label.replace("'", "''") + "'" for label in self.labels)
            return f"ENUM({labels})"
        if self.name == "DECIMAL":
            precision, scale = (*self.parameters, 0)[:2] if self.parameters else (18, 3)
            return f"DECIMAL({precision},{scale})"
        return self.name


@lru_cache(maxsize=4096)  # a mesh has few types in many columns
def parse_type(text: str) -> TypeText | None:
    """The tree of a type's text, or None when it has no shape of a type.

    >>> str(parse_type("struct<a: int, b: array<string>>"))
    'STRUCT(a INTEGER, b VARCHAR[])'
    >>> str(parse_type("timestamp(6) with time zone")), str(parse_type("number(10)"))
    ('TIMESTAMPTZ', 'DECIMAL(10,0)')
    """
    tokens = _tokens(text)
    if not tokens or _depth(tokens) > _DEEPEST:
        return None
    reader = _Reader(tokens)
    try:
        tree = reader.type()
    except _Malformed:
        return None
    return tree if reader.done else None


def type_meant(text: str) -> str | None:
    """The type that a text of an unknown one is a slip of; None where it is known, or may be a type of another system.

    >>> type_meant("BIGINTT"), type_meant("varchr(20)"), type_meant("BIGINT"), type_meant("SERIAL")
    ('BIGINT', 'VARCHAR', None, None)
    """
    tree = parse_type(text)
    if tree is None or tree.known or not tree.name.isalpha():
        return None
    near = difflib.get_close_matches(tree.name, [*KNOWN, *_CANONICAL], n=1, cutoff=0.85)
    return near[0] if near else None


class _Malformed(Exception):
    """The text has no shape of a type."""


class _Token(Struct, frozen=True):
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return []
        kinds = ("quoted", "label", "word", "number", "mark")
        kind, found = next((k, g) for k, g in zip(kinds, match.groups(), strict=True) if g is not None)
        if kind == "quoted":
            found = found.replace('""', '"')
        elif kind == "label":
            found = found.replace("''", "'")
        tokens.append(_Token(kind, found))
        position = match.end()
    return tokens


def _depth(tokens: list[_Token]) -> int:
    """How many brackets stand in one another; lists of lists count each, for each is a part of the next."""
    depth = deepest = lists = 0
    for token in tokens:
        if token.kind == "mark" and token.text in "(<":
            depth += 1
        elif token.kind == "mark" and token.text in ")>":
            depth -= 1
        lists += token.kind == "mark" and token.text == "["
        deepest = max(deepest, depth)
    return deepest + lists


class _Reader:
    """A recursive descent over the tokens."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def done(self) -> bool:
        return self._at == len(self._tokens)

    def _peek(self, *texts: str) -> bool:
        return not self.done and self._tokens[self._at].kind == "mark" and self._tokens[self._at].text in texts

    def _take(self, *texts: str) -> bool:
        if self._peek(*texts):
            self._at += 1
            return True
        return False

    def _expect(self, *texts: str) -> None:
        if not self._take(*texts):
            raise _Malformed

    def _next(self, *kinds: str) -> str:
        if self.done or self._tokens[self._at].kind not in kinds:
            raise _Malformed
        self._at += 1
        return self._tokens[self._at - 1].text

    def _words(self, *texts: str) -> bool:
        """Takes the given words when they come next."""
        found = self._tokens[self._at : self._at + len(texts)]
        if [t.text.upper() for t in found if t.kind == "word"] != list(texts):
            return False
        self._at += len(texts)
        return True

    def type(self) -> TypeText:
        tree = self._base()
        while self._take("["):
            size = int(self._next("number")) if not self._peek("]") else None
            self._expect("]")
            tree = TypeText("LIST" if size is None else "ARRAY", () if size is None else (size,), (("", tree),))
        return tree

    def _base(self) -> TypeText:
        word = self._next("word", "quoted").upper()
        name = _CANONICAL.get(word, word)
        if word == "DOUBLE":
            self._words("PRECISION")
        elif word in ("CHARACTER", "CHAR", "NATIONAL"):
            self._words("CHARACTER")
            self._words("VARYING")
            name = "VARCHAR"
        if name == "STRUCT" and self._peek("(", "<"):
            return TypeText(name, parts=self._fields())
        if name in ("LIST", "MAP", "UNION") and self._peek("(", "<"):
            return TypeText(name, parts=self._fields() if name == "UNION" else self._arguments())
        if name == "ENUM" and self._take("("):
            labels = [self._next("label")]
            while self._take(","):
                labels.append(self._next("label"))
            self._expect(")")
            return TypeText(name, labels=tuple(labels))
        parameters = self._parameters()
        if self._words("WITH", "TIME", "ZONE") or self._words("WITH", "LOCAL", "TIME", "ZONE"):
            name = _ZONED.get(name, name)
        else:
            self._words("WITHOUT", "TIME", "ZONE")
        if name == "FLOAT" and len(parameters) == 1 and parameters[0] > 24:
            name = "DOUBLE"  # SQL: FLOAT(25) and wider have double precision
        if name == "NUMBER" and parameters:
            name = "DECIMAL"
        return TypeText(name, parameters if name == "DECIMAL" else ())

    def _parameters(self) -> tuple[int, ...]:
        if not self._take("("):
            return ()
        found = [self._parameter()]
        while self._take(","):
            found.append(self._parameter())
        self._expect(")")
        return tuple(found)

    def _parameter(self) -> int:
        # VARCHAR(max), VARCHAR2(10 CHAR)
        if self._words("MAX"):
            return 0
        number = int(self._next("number"))
        if not self._words("CHAR"):
            self._words("BYTE")
        return number

    def _fields(self) -> tuple[tuple[str, TypeText], ...]:
        self._expect("(", "<")
        fields = [self._field()]
        while self._take(","):
            fields.append(self._field())
        self._expect(")", ">")
        return tuple(fields)

    def _field(self) -> tuple[str, TypeText]:
        name = self._next("word", "quoted")
        self._take(":")
        return name, self.type()

    def _arguments(self) -> tuple[tuple[str, TypeText], ...]:
        self._expect("(", "<")
        found = [self.type()]
        while self._take(","):
            found.append(self.type())
        self._expect(")", ">")
        labels = ("key", "value") if len(found) == 2 else ("",) * len(found)
        return tuple(zip(labels, found, strict=True))


def _quoted(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) and name not in _RESERVED:
        return name
    return '"' + name.replace('"', '""') + '"'
