"""How a model's rows are kept from one build to the next, as its settings say."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from weft.model.spans import Span, span


class Materialization(StrEnum):
    """How a model's rows are kept.

    `full`: all rows are computed at every build. The others keep a table: `incremental` computes a stretch of time
    again, `merge` puts rows in the place of those with the same key, `append` adds what is new, `scd2` keeps every
    version of a row with the time in which it held.
    """

    FULL = "full"
    INCREMENTAL = "incremental"
    MERGE = "merge"
    SCD2 = "scd2"
    APPEND = "append"


MISSING = "missing"
"""As `delete`: keys that the model gives no more."""

VALID_FROM, VALID_TO = "valid_from", "valid_to"
"""The columns that `scd2` adds: since when a version holds, and until when; null while it holds."""


class Keeping(Struct, frozen=True):
    """What a model's settings say of its table.

    Attributes:
        time_column: the column of the model's rows that says when they happened or changed.
        lookback: how far before the newest row of the table late rows are looked for.
        batch_size: how much time one query computes.
        key: the columns that tell rows apart.
        delete: `missing`, or a column of the model that is true for a row that is gone.
    """

    kind: Materialization = Materialization.FULL
    time_column: str | None = None
    lookback: Span | None = None
    batch_size: Span | None = None
    key: tuple[str, ...] = ()
    delete: str | None = None

    @property
    def whole(self) -> bool:
        """Whether all rows are computed at every build, so that nothing is kept."""
        return self.kind is Materialization.FULL

    @property
    def flag(self) -> str | None:
        """The column that is true for a row that is gone; it is not part of the table."""
        return None if self.delete == MISSING else self.delete

    @property
    def by_time(self) -> bool:
        """Whether a stretch of time can be computed by itself."""
        if self.time_column is None or self.delete == MISSING:
            return False
        return self.kind is not Materialization.APPEND or bool(self.key)

    @property
    def windowed(self) -> bool:
        """Whether a build that goes on reads only what lies after the newest row, less the lookback."""
        if self.kind is Materialization.SCD2:
            return self.by_time and self.lookback is not None
        return self.time_column is not None and self.delete != MISSING

    @property
    def shape(self) -> dict[str, Any]:
        """What decides which rows the table has: another shape is another table. Batches and lookback are not in it."""
        return {
            "kind": self.kind.value,
            "time_column": self.time_column,
            "key": list(self.key),
            "delete": self.delete,
        }


def keeping(settings: Mapping[str, Any]) -> Keeping:
    """What the settings say; they have no problems."""
    given = {name: settings[name] for name in ("lookback", "batch_size") if settings.get(name) is not None}
    key = settings.get("key") or ()
    return Keeping(
        Materialization(settings.get("materialized", "full")),
        settings.get("time_column"),
        key=(key,) if isinstance(key, str) else tuple(key),
        delete=settings.get("delete"),
        **{name: span(text) for name, text in given.items()},
    )


_ALLOWED = {
    Materialization.FULL: frozenset[str](),
    Materialization.INCREMENTAL: frozenset({"time_column", "lookback", "batch_size"}),
    Materialization.MERGE: frozenset({"key", "delete", "time_column", "lookback"}),
    Materialization.SCD2: frozenset({"key", "delete", "time_column", "lookback"}),
    Materialization.APPEND: frozenset({"key", "time_column", "lookback"}),
}


def wrong_settings(settings: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What is wrong with settings of this room: the setting that it stands at, what, and what to write."""
    kind = settings.get("materialized", "full")
    if kind not in set(Materialization):
        known = ", ".join(Materialization)
        return [("materialized", f"`materialized: {kind}` is no way to keep rows", f"write one of {known}")]
    kind = Materialization(kind)
    wrong = [w for name in settings if (w := _misshapen(name, settings[name])) is not None]
    wrong += [
        (name, f"`{name}` means nothing for `materialized: {kind}`", _told(kind))
        for name in ("time_column", "lookback", "batch_size", "key", "delete")
        if settings.get(name) is not None and name not in _ALLOWED[kind]
    ]
    if wrong:
        return wrong
    has_time, has_key = settings.get("time_column") is not None, bool(settings.get("key"))
    lacking = {
        Materialization.FULL: None,
        Materialization.INCREMENTAL: None if has_time else "`time_column`",
        Materialization.MERGE: None if has_key else "`key`",
        Materialization.SCD2: None if has_key else "`key`",
        Materialization.APPEND: None if has_time or has_key else "`key` or `time_column`",
    }[kind]
    if lacking is not None:
        return [("materialized", f"`materialized: {kind}` needs {lacking}", _told(kind))]
    if settings.get("lookback") is not None and not has_time:
        return [("lookback", "`lookback` needs a `time_column`", "name the column that says when a row changed")]
    if settings.get("delete") == MISSING and settings.get("lookback") is not None:
        why = "`delete: missing` looks at every key, `lookback` at the newest rows alone"
        return [("delete", why, "leave one of the two away")]
    if kind is Materialization.APPEND and settings.get("lookback") is not None and not has_key:
        return [
            ("lookback", "`lookback` would add rows twice without a `key`", "name the columns that tell rows apart")
        ]
    return []


def _misshapen(name: str, value: Any) -> tuple[str, str, str] | None:
    if value is None:
        return None
    if name in ("lookback", "batch_size"):
        try:
            if span(value).count == 0 and name == "batch_size":
                raise ValueError("must be longer than nothing")
        except ValueError as e:
            return name, f"`{name}` {e}", "write it like 30m, 12h, 1d, 2w, 1mo or 1y"
    if name in ("time_column", "delete") and not isinstance(value, str):
        return name, f"`{name}` must be the name of a column", f"write `{name}: COLUMN`"
    if name == "key":
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
            return name, "`key` must be a column or a list of columns", "write `key: id` or `key: [id, day]`"
        if len({n.lower() for n in names}) < len(names):
            return name, "`key` names a column twice", "name each once"
    return None


def _told(kind: Materialization) -> str:
    allowed = sorted(_ALLOWED[kind])
    return f"beside it may stand: {', '.join(allowed)}" if allowed else "leave it away"
