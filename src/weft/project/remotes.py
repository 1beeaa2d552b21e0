"""`weft.source` with a connection: a table, a query or files of a store, and how they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.config import duration
from weft.errors import Diagnostic, Where, did_you_mean, error
from weft.model.remote import Remote

OF_CONNECTIONS = ("connection", "table", "query")
OF_REMOTES = (
    *OF_CONNECTIONS,
    "mode",
    "cursor",
    "overlap",
    "key",
    "deletes",
    "keep",
    "partition_by",
    "parallel",
    "watermark",
    "refresh",
    "unmapped",
)
"""Every field of `weft.source` that goes with a connection."""

_OF_FILES = ("connection", "keep", "refresh")
_FORMATS = ("file", "format", "nulls", "delimiter", "header", "encoding")
_MOST_AT_ONCE = 16


class _Fields:
    """The fields of one `weft.source`, read one by one; what is wrong is collected."""

    def __init__(self, name: str, source: Mapping[str, Any], where: Where, problems: list[Diagnostic]) -> None:
        self._name = name
        self._source = source
        self._where = where
        self.problems = problems
        self.wrong = False

    def refuse(self, what: str, fix: str | None = None) -> None:
        self.wrong = True
        self.problems.append(error("WFT-SRC-023", f"input port `{self._name}`: {what}", self._where, fix=fix))

    def has(self, key: str) -> bool:
        return self._source.get(key) is not None

    def text(self, key: str) -> str | None:
        value = self._source.get(key)
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.refuse(f"`{key}` must be text")
        return None

    def choice(self, key: str, words: tuple[str, ...]) -> str:
        value = self._source.get(key, words[0])
        if value in words:
            return str(value)
        fix = did_you_mean(str(value), words, otherwise=f"one of {', '.join(words)}")
        self.refuse(f"`{key}: {value}` means nothing", fix)
        return words[0]

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._source.get(key)
        value = [value] if isinstance(value, str) else value or []
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        self.refuse(f"`{key}` must be a column or a list of columns")
        return ()

    def seconds(self, key: str, otherwise: float, words: Mapping[str, float | None]) -> float | None:
        value = self._source.get(key)
        if value is None:
            return otherwise
        if isinstance(value, str) and value in words:
            return words[value]
        try:
            return duration(str(value)).total_seconds()
        except ValueError:
            also = "".join(f", or `{word}`" for word in words)
            self.refuse(f"`{key}: {value}` is no duration", f"write 30m, 24h or 7d{also}")
            return otherwise

    def overlap(self) -> float:
        value = self._source.get("overlap")
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return float(value)
        return self.seconds("overlap", 0, {}) or 0

    def whole(self, key: str) -> int:
        value = self._source.get(key, 1)
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST_AT_ONCE:
            return value
        self.refuse(f"`{key}` must be a whole number from 1 to {_MOST_AT_ONCE}")
        return 1

    def deletes(self) -> tuple[str | None, bool]:
        value = self._source.get("deletes")
        if value is None:
            return None, False
        if value == "keys":
            return None, True
        if isinstance(value, Mapping) and list(value) == ["column"] and isinstance(value["column"], str):
            return value["column"], False
        self.refuse("`deletes` is neither `keys` nor `{column: NAME}`")
        return None, False


def remote_of(name: str, source: Mapping[str, Any], where: Where, problems: list[Diagnostic]) -> Remote | None:
    """What `weft.source` of an input port says of a connection; None when something is wrong.

    Args:
        name: of the input port.
        problems: gets what is wrong, as WFT-SRC-023.
    """
    fields = _Fields(name, source, where, problems)
    stored = "file" in source
    allowed = (*_OF_FILES, *_FORMATS) if stored else OF_REMOTES
    for field in source:
        if field not in allowed:
            known = field in OF_REMOTES or field in _FORMATS
            which = "files" if stored else "a table or a query"
            what = f"`{field}` does not go with {which}" if known else f"unknown field `{field}` in `weft.source`"
            fields.refuse(what, did_you_mean(field, allowed))
    if not fields.has("connection"):
        fields.refuse("`weft.source` names no `connection`", "write its name in weft.toml: `connection: NAME`")
    if not stored and fields.has("table") == fields.has("query"):
        fields.refuse("`weft.source` names both a `table` and a `query`, or neither", "name one of them")
    incremental = fields.choice("mode", ("full", "incremental")) == "incremental"
    cursor, key = fields.text("cursor"), fields.texts("key")
    deleted, compare_keys = fields.deletes()
    if incremental and cursor is None:
        fields.refuse("`mode: incremental` needs a `cursor`", "name the column that moves forward with each change")
    if not incremental:
        for one in ("cursor", "overlap"):
            if fields.has(one):
                fields.refuse(f"`{one}` is for `mode: incremental`")
        if compare_keys:
            fields.refuse("`deletes: keys` is for `mode: incremental`", "a full read has no deleted rows")
    if incremental and not key and (deleted or compare_keys):
        fields.refuse("`deletes` needs a `key`", "name the columns by which a row is the same row later on")
    parallel, partition_by = fields.whole("parallel"), fields.text("partition_by")
    if parallel > 1 and partition_by is None:
        fields.refuse("`parallel` needs `partition_by`", "name an integer column, best the primary key")
    if fields.has("watermark") and incremental:
        fields.refuse("`watermark` is for `mode: full`", "the cursor is the watermark")
    made = Remote(
        connection=fields.text("connection") or "",
        table=fields.text("table"),
        query=fields.text("query"),
        incremental=incremental,
        cursor=cursor,
        overlap=fields.overlap(),
        key=key,
        deleted=deleted,
        compare_keys=compare_keys,
        keep_s=fields.seconds("keep", 7 * 86_400, {}) or 0,
        partition_by=partition_by,
        parallel=parallel,
        watermark=fields.text("watermark"),
        refresh_s=fields.seconds("refresh", 0, {"always": 0, "never": None}),
        nulled=fields.choice("unmapped", ("error", "null")) == "null",
    )
    return None if fields.wrong else made
