"""Kept tables without a run: in unit tests, which give the rows before, in previews and for drafts of contracts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path

from msgspec.structs import replace

from weft.engines.base import Session
from weft.model.address import Address
from weft.model.column import Column
from weft.model.mesh import Model
from weft.model.publication import DataFile, Manifest
from weft.model.types import normalise
from weft.runs.materialise.kinds import made
from weft.runs.materialise.tables import Making
from weft.sql.kept_tables import table_sql
from weft.sql.quoting import ident
from weft.storage import reading
from weft.storage.base import Target
from weft.storage.schemas import field_ids, fields_of


def after_build(
    session: Session,
    model: Model,
    sql: str,
    columns: Sequence[Column],
    before: str | None,
    now: datetime,
    folder: Path,
) -> None:
    """Makes a table of the model's name with the rows that its table has after one build.

    Args:
        sql: the SELECT of the model's rows.
        columns: those of the table.
        before: a SELECT of the rows that the table has before; None when there is no table yet.
        folder: where files of rows lie as long as the session.

    Raises:
        UserCodeError: the SQL failed on some row.
        ContractBroken: WFT-RUN-008, the key does not tell rows apart.
    """
    numbered = [replace(c, field_id=i) for i, c in enumerate(columns, 1)]
    ids = field_ids(fields_of(numbered, count(len(numbered) + 1)))
    target = Target(Address("test", "test", "test", 1), tuple(numbered), ids, str(folder))
    former = None
    if before is not None:
        written = session.copy_out(before, folder=str(folder), root=str(folder), field_ids=ids, columns=numbered)
        former = Manifest(target.columns, written)

    def batch(_: str, write: Callable[[Target], Sequence[DataFile]]) -> Sequence[DataFile]:
        return write(target)

    manifest = made(Making(session, model, sql, target, str(folder), former, None, now, batch))
    session.table(model.name, f"SELECT * FROM {reading.relation(manifest, str(folder))}")


def first_build(session: Session, model: Model, sql: str, now: datetime, folder: Path) -> None:
    """Makes a table of the model's name with the rows of its first build, of whatever types they are.

    Raises:
        UserCodeError: the SQL failed on some row.
        ContractBroken: WFT-RUN-008, the key does not tell rows apart.
        ProjectError: WFT-STO-005, a column has a type that no table can hold.
    """
    columns = [Column(c.name, normalise(c.type)) for c in session.columns(table_sql(sql, model.kept))]
    after_build(session, model, sql, columns, None, now, folder)


def rows_of(session: Session, name: str, sql: str, columns: Sequence[Column]) -> str:
    """A SELECT of given rows in all columns of a table, in their order; what they do not name is null."""
    session.table(name, sql)
    given = {c.name.lower() for c in session.columns(f"SELECT * FROM {ident(name)}")}
    listed = ", ".join(
        f"CAST({ident(c.name) if c.name.lower() in given else 'NULL'} AS {c.type}) AS {ident(c.name)}" for c in columns
    )
    return f"SELECT {listed} FROM {ident(name)}"
