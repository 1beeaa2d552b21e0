"""How good detection is: what it finds in labelled columns, by kind."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from tests.labelled_columns import Labelled
from weft.engines.duckdb.engine import DuckDBEngine
from weft.governance.detection.looking import look

TODAY = dt.date.today()
"""Faker's people are born until today."""
BY_NAME_ALONE = frozenset({"birth-date", "person-name"})


class Measured(msgspec.Struct, frozen=True):
    """Of a kind: columns that hold it, those found, those found though they hold something else.

    Attributes:
        untold: of the columns whose names say nothing: how many there are, and how many of them were found.
    """

    kind: str
    columns: int
    found: int
    wrong: int
    untold: tuple[int, int]

    @property
    def precision(self) -> float:
        """Of what was found, the share that is right."""
        return self.found / (self.found + self.wrong) if self.found + self.wrong else 1.0

    @property
    def recall(self) -> float:
        """Of what is there, the share that was found."""
        return self.found / self.columns if self.columns else 1.0


def kinds_of(columns: Iterable[Labelled]) -> Iterator[tuple[Labelled, frozenset[str]]]:
    """Each column with the kinds that are found in it."""
    import pyarrow

    engine = DuckDBEngine()
    try:
        with engine.session() as session:
            for column in columns:
                session.register("labelled", pyarrow.table({column.name: column.values}))
                described = session.columns("SELECT * FROM labelled")
                found = look(session.rows, "labelled", described, today=TODAY, about=column.table)
                assert not found.unread, found.unread
                yield column, frozenset(f.kind for f in found.findings)
    finally:
        engine.close()


def measured(columns: Iterable[Labelled], wrong: list[tuple[Labelled, frozenset[str]]] | None = None) -> list[Measured]:
    """Precision and recall of each kind; what went wrong is added to `wrong`."""
    there: Counter[str] = Counter()
    right: Counter[str] = Counter()
    false: Counter[str] = Counter()
    untold: Counter[Any] = Counter()
    for column, kinds in kinds_of(columns):
        if column.kind is not None:
            there[column.kind] += 1
            right[column.kind] += column.kind in kinds
            if not column.telling:
                untold[column.kind] += 1
                untold[column.kind, True] += column.kind in kinds
        for kind in kinds - {column.kind}:
            false[kind] += 1
        if wrong is not None and kinds != ({column.kind} - {None}):
            wrong.append((column, kinds))
    return [
        Measured(kind, there[kind], right[kind], false[kind], (untold[kind], untold[kind, True]))
        for kind in sorted({*there, *false})
    ]


def as_table(found: Iterable[Measured]) -> str:
    """The table of docs/explanation/detection.md."""
    lines = ["| kind | columns | precision | recall | recall where the name says nothing |", "|---|---|---|---|---|"]
    for one in found:
        said = "by name only" if one.kind in BY_NAME_ALONE else f"{one.untold[1] / max(one.untold[0], 1):.2f}"
        lines.append(f"| `{one.kind}` | {one.columns} | {one.precision:.3f} | {one.recall:.3f} | {said} |")
    return "\n".join(lines)
