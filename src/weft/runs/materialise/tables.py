"""A kept table while a build goes on from it: its former files, and the files that take the place of some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from weft.engines.base import Session
from weft.errors import ContractBroken, error
from weft.model.materialization import Keeping
from weft.model.mesh import Model
from weft.model.publication import DataFile, Manifest
from weft.plan.keeping import Window
from weft.sql.quoting import ident
from weft.storage import reading
from weft.storage.base import Target

CHANGES = "weft changes"
TOUCHED = "weft touched"
"""Tables of the session that a build makes for itself: no model can be called so."""
_FILE = "weft file"


class Making(Struct, frozen=True):
    """What one build of a kept table works with.

    Attributes:
        sql: the SELECT of the model's rows.
        former: the files that the table has; None when it is computed anew.
        window: the time that somebody asks for; None: what is new.
        now: the instant of the run, in UTC.
        batch: gives the files of a stretch of time from an earlier run that was interrupted, or writes them.
        aside: those of the former files whose rows are in quarantine.
    """

    session: Session
    model: Model
    sql: str
    target: Target
    root: str
    former: Manifest | None
    window: Window | None
    now: datetime
    batch: Callable[[str, Callable[[Target], Sequence[DataFile]]], Sequence[DataFile]]
    aside: tuple[DataFile, ...] = ()

    @property
    def kept(self) -> Keeping:
        """How the model keeps its rows."""
        return self.model.kept

    @property
    def columns(self) -> str:
        """The table's columns, in their order, as SQL."""
        return ", ".join(ident(c.name) for c in self.target.columns)

    def relation(self, files: Sequence[DataFile]) -> str:
        """Former files as a FROM item, in the columns that the table has now."""
        return reading.relation(Manifest(self.target.columns, tuple(files)), self.root)

    @property
    def table(self) -> str:
        """All former rows as a FROM item."""
        return self.relation(self.former.files if self.former else ())

    @property
    def good(self) -> tuple[DataFile, ...]:
        """The former files whose rows are not in quarantine."""
        return tuple(f for f in self.former.files if f not in self.aside) if self.former else ()

    def write(self, sql: str, target: Target | None = None) -> tuple[DataFile, ...]:
        """Writes the rows of a SELECT, whose columns are those of the table."""
        to = target or self.target
        return self.session.copy_out(
            sql, folder=to.folder, root=self.root, field_ids=to.field_ids, columns=to.columns, layout=to.layout
        )

    def type_of(self, column: str) -> str:
        """The type of a column of the table."""
        return next(c.type for c in self.target.columns if c.name.lower() == column.lower())


def without_keys(making: Making, replacement: str) -> Manifest:
    """The table where the keys in `TOUCHED` have the rows of `replacement`, a SELECT.

    The keys are those of the model's settings. Files without any of them stay as they are.
    """
    former = making.former.files if making.former else ()
    match = _same_key(making.kept, "kept_row", "touched_key")
    hit: set[str] = set()
    if former:
        named = reading.relation(Manifest(making.target.columns, former), making.root, file_column=_FILE)
        found = making.session.rows(
            f"SELECT DISTINCT kept_row.{ident(_FILE)} FROM {named} AS kept_row "
            f"SEMI JOIN {ident(TOUCHED)} AS touched_key ON {match}"
        )
        hit = {name for (name,) in found}
    kept = [f for f in former if reading.full_path(f.path, making.root) not in hit]
    changed = [f for f in former if reading.full_path(f.path, making.root) in hit]
    sql = f"SELECT {making.columns} FROM ({replacement})"
    if changed:
        left = f"SELECT {making.columns} FROM {making.relation(changed)} AS kept_row"
        sql = f"{left} ANTI JOIN {ident(TOUCHED)} AS touched_key ON {match} UNION ALL {sql}"
    return Manifest(making.target.columns, (*kept, *making.write(sql)))


def _same_key(kept: Keeping, one: str, other: str) -> str:
    return " AND ".join(f"{one}.{ident(k)} = {other}.{ident(k)}" for k in kept.key)


def take_changes(making: Making, condition: str | None) -> None:
    """Runs the model's SELECT, cut by a condition, and keeps its rows as the table `CHANGES` of the session."""
    where = f" WHERE {condition}" if condition else ""
    making.session.table(CHANGES, f"SELECT * FROM (\n{making.sql}\n){where}")


def require_keys(making: Making, key: Sequence[str]) -> None:
    """Refuses rows that a key does not tell apart.

    Raises:
        ContractBroken: WFT-RUN-008, a key is null or has several rows.
    """
    named = ", ".join(ident(k) for k in key)
    nulls = " OR ".join(f"{ident(k)} IS NULL" for k in key)
    ((without, twice),) = making.session.rows(
        f"SELECT coalesce(sum(n) FILTER (lacking), 0), coalesce(sum(n) FILTER (n > 1 AND NOT lacking), 0) "
        f"FROM (SELECT count(*) AS n, bool_or({nulls}) AS lacking FROM {ident(CHANGES)} GROUP BY {named})"
    )
    shown = ", ".join(f"`{k}`" for k in key)
    _refuse(making, [(without, f"have no {shown}"), (twice, f"share {shown} with another row")])


def require_times(making: Making) -> None:
    """Refuses rows of which it cannot be said whether they are new.

    Raises:
        ContractBroken: WFT-RUN-008, a row has no time.
    """
    column = str(making.kept.time_column)
    ((without,),) = making.session.rows(f"SELECT count(*) FROM {ident(CHANGES)} WHERE {ident(column)} IS NULL")
    _refuse(making, [(without, f"have no `{column}`")])


def _refuse(making: Making, told: Sequence[tuple[int, str]]) -> None:
    problems = [
        error(
            "WFT-RUN-008",
            f"model `{making.model.name}`: {int(rows):,} of its rows {what}",
            making.model.where(),
            why=f"`materialized: {making.kept.kind}` tells rows apart by it",
            fix="leave such rows out in the SELECT, or name other columns in the settings",
        )
        for rows, what in told
        if rows
    ]
    if problems:
        raise ContractBroken(*problems)
