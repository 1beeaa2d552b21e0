"""A kept table without a registry: a source table in DuckDB, a model over it, and builds one after the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from weft.engines.duckdb.engine import DuckDBEngine
from weft.model.address import Address
from weft.model.column import Column
from weft.model.mesh import Model
from weft.model.publication import Manifest
from weft.plan.keeping import Window
from weft.runs.materialise.kinds import made
from weft.runs.materialise.tables import Making
from weft.sql.kept_tables import table_sql
from weft.sql.quoting import ident, literal
from weft.storage import reading
from weft.storage.iceberg import IcebergStorage

NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


class Kept:
    """One table, its model `select * from source` unless another SELECT is given, and the files that it has."""

    def __init__(self, folder: Path, columns: str, settings: dict[str, Any], sql: str = "select * from source") -> None:
        self._storage = IcebergStorage(folder / "warehouse", folder / "catalog.db")
        self._held = DuckDBEngine(threads=1).session(str(folder))
        self.session = self._held.__enter__()
        self.session.table("source", f"select {', '.join(_empty(c) for c in columns.split(', '))} where false")
        self.model = Model("t", "models/t.sql", sql, 1, settings, (), "", "")
        self.manifest: Manifest | None = None
        self.runs = 0

    def close(self) -> None:
        self._held.__exit__(None, None, None)

    def source(self, rows: Sequence[Sequence[Any]]) -> None:
        """Fills the source anew."""
        columns = self.session.columns("select * from source")
        values = ", ".join(
            f"({', '.join(f'CAST({_literal(v)} AS {c.type})' for v, c in zip(row, columns, strict=True))})"
            for row in rows
        )
        names = ", ".join(ident(c.name) for c in columns)
        if rows:
            self.session.table("source", f"select * from (values {values}) as s({names})")
        else:
            self.session.table("source", "select * from source where false")

    def build(
        self, *, window: Window | None = None, now: dt.datetime = NOW, anew: bool = False
    ) -> list[tuple[Any, ...]]:
        """The table after one more build, sorted."""
        self.runs += 1
        root = self._storage.root
        columns = self.session.columns(table_sql(self.model.sql, self.model.kept))
        known = self.manifest.columns if self.manifest else ()
        fields = [Column(c.name, c.type, key=c.name) for c in columns]
        target = self._storage.prepare(Address("d", "p", "t", 1), fields, known, str(self.runs))
        former = None if anew else self.manifest
        self.manifest = made(
            Making(
                self.session,
                self.model,
                self.model.sql,
                target,
                root,
                former,
                window,
                now,
                lambda batch, write: write(replace(target)),
            )
        )
        return self.rows()

    def rows(self) -> list[tuple[Any, ...]]:
        assert self.manifest is not None
        return self._sorted(f"select * from {reading.relation(self.manifest, self._storage.root)}")

    def wanted(self) -> list[tuple[Any, ...]]:
        """All rows of the model, sorted."""
        return self._sorted(self.model.sql)

    @property
    def files(self) -> set[str]:
        assert self.manifest is not None
        return {f.path for f in self.manifest.files}

    def _sorted(self, sql: str) -> list[tuple[Any, ...]]:
        return sorted(self.session.rows(sql), key=repr)


def _empty(column: str) -> str:
    name, _, type_ = column.partition(" ")
    return f"CAST(NULL AS {type_}) AS {ident(name)}"


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    return literal(str(value))
