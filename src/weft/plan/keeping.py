"""Tables that models keep: which columns they have, and whether a build goes on from them or computes them anew."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct

from weft.errors import Diagnostic, UsageError, did_you_mean, error
from weft.model.column import Column
from weft.model.materialization import VALID_FROM, VALID_TO, Keeping, Materialization
from weft.model.mesh import Model

TABLE = "table"
"""The part of a fingerprint that names the shape of a kept table; ports that are built whole have none."""

_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
_FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
_TIMES = frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ"})


class Window(Struct, frozen=True):
    """A stretch of time that is computed again because somebody asks for it (UTC).

    Attributes:
        end: the first instant that does not belong to it.
    """

    start: datetime
    end: datetime

    def __str__(self) -> str:
        since = [f"from {_short(self.start)}"] if self.start > _ALWAYS else []
        until = [f"to before {_short(self.end)}"] if self.end < _FOR_EVER else []
        return " ".join([*since, *until]) or "of all times"

    def as_json(self) -> dict[str, str]:
        """The shape of `plan.window`."""
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}


def window_from_json(data: Mapping[str, str] | None) -> Window | None:
    """The window that `as_json` wrote."""
    if data is None:
        return None
    return Window(datetime.fromisoformat(data["start"]), datetime.fromisoformat(data["end"]))


def window(start: datetime | None, end: datetime | None) -> Window:
    """The stretch between two times, of which one may be open.

    Raises:
        UsageError: WFT-PLN-016, it is empty.
    """
    start, end = start or _ALWAYS, end or _FOR_EVER
    if start >= end:
        what = f"no time lies between {_short(start)} and {_short(end)}"
        raise UsageError(error("WFT-PLN-016", what, why="`--end` is the first instant that is left out"))
    return Window(start, end)


def _short(at: datetime) -> str:
    return at.strftime("%Y-%m-%d") if (at.hour, at.minute, at.second) == (0, 0, 0) else at.isoformat(" ")[:19]


def shape_problems(model: Model, columns: Sequence[Column]) -> list[Diagnostic]:
    """What the settings of a model ask of its SQL and do not find, without a place: the caller knows the file.

    Args:
        columns: what its SELECT gives, before anything is added or left out.
    """
    kept = model.kept
    if kept.whole:
        return []
    types = {c.name.lower(): c.type for c in columns}
    named = [("time_column", kept.time_column), ("delete", kept.flag), *(("key", k) for k in kept.key)]
    problems = [
        error(
            "WFT-PLN-015",
            f"its `{setting}` is `{name}`, which is no column of the SELECT",
            fix=did_you_mean(name, [c.name for c in columns]),
        )
        for setting, name in named
        if name is not None and name.lower() not in types
    ]
    if problems:
        return problems
    if kept.time_column is not None and (type_ := types[kept.time_column.lower()]) not in _TIMES:
        what = f"its `time_column` `{kept.time_column}` is {type_}"
        fix = "cast it in the SELECT to DATE, TIMESTAMP or TIMESTAMPTZ"
        problems.append(error("WFT-PLN-015", what, why="time is cut into batches by it", fix=fix))
    elif (
        kept.batch_size is not None
        and types[str(kept.time_column).lower()] == "DATE"
        and not kept.batch_size.whole_days
    ):
        what = f"its `batch_size` is {kept.batch_size}, and its `time_column` holds dates"
        problems.append(error("WFT-PLN-015", what, fix="write whole days, such as 1d"))
    if kept.flag is not None and types[kept.flag.lower()] != "BOOLEAN":
        what = f"its `delete` column `{kept.flag}` is {types[kept.flag.lower()]}"
        problems.append(error("WFT-PLN-015", what, fix="make it a BOOLEAN, true for a row that is gone"))
    if kept.kind is Materialization.SCD2:
        for added in (VALID_FROM, VALID_TO):
            if added in types:
                what = f"the SELECT has a column `{added}`, which `materialized: scd2` adds"
                problems.append(error("WFT-PLN-015", what, fix="name it otherwise, or leave it away"))
    return problems


def columns_of_model(kept: Keeping, table: Sequence[Column]) -> tuple[Column, ...]:
    """What a model gives, of whose rows a table has the columns `table`."""
    added = (VALID_FROM, VALID_TO) if kept.kind is Materialization.SCD2 else ()
    own = tuple(c for c in table if c.name not in added)
    return (*own, Column(kept.flag, "BOOLEAN")) if kept.flag is not None else own


_REMEMBERS = frozenset((Materialization.SCD2, Materialization.APPEND, Materialization.MERGE))
"""Ways of keeping a table whose rows outlive those of its inputs."""


def parts_differ(before: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    """Names of the parts of a fingerprint that moved."""
    return [name for name in sorted({*before, *wanted}) if before.get(name) != wanted.get(name)]


def computed_anew(kept: Keeping, before: Mapping[str, str] | None, wanted: Mapping[str, str]) -> str | None:
    """Why a kept table is computed anew; None when a build goes on from the rows that it has.

    Args:
        before: parts of the fingerprint that the table was built with; None when there is none.
    """
    if before is None:
        return "there is no table yet"
    moved = parts_differ(before, wanted)
    if TABLE in moved:
        return "its settings changed" if TABLE in before else "it was built whole before"
    if kept.kind is Materialization.INCREMENTAL and "sql" in moved:
        return "its SQL changed"
    if kept.kind is Materialization.INCREMENTAL and "weft" in moved:
        return "this version of weft computes rows differently"
    return None


def would_lose(kept: Keeping, before: Mapping[str, str] | None, wanted: Mapping[str, str]) -> bool:
    """Whether computing the table anew loses rows that its inputs may no longer have: only when it is asked for.

    It does too where the model is to keep nothing any more, or a stretch of time, and kept such rows before.
    """
    if before is None or TABLE not in before or TABLE not in parts_differ(before, wanted):
        return False
    return kept.kind in _REMEMBERS or json.loads(before[TABLE])["kind"] in _REMEMBERS
