"""Files that a runner has uploaded, read through: whether they hold what it says of them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path

from weft.engines.base import Session
from weft.engines.duckdb.layouts import partition_sql
from weft.errors import ContractBroken, Diagnostic, ProjectError, SourceError, UserCodeError, error
from weft.model.address import Address
from weft.model.column import Column
from weft.model.handover import Upload
from weft.model.layout import TRANSFORMS, PartitionField, width_of
from weft.model.publication import ColumnStatistics, DataFile, PartitionValue
from weft.sql.quoting import ident, literal
from weft.storage.schemas import iceberg_type, shape

_BOUNDED = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "DATE", "VARCHAR"}
    | {"TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE", "FLOAT", "DOUBLE", "TIME", "UUID"}
)
"""Types whose bounds are compared, beside decimals; bounds of others are left out, since nobody has checked them."""


def require_uploaded(stated: Mapping[str, Upload], known: Mapping[str, Upload], folder: Path) -> dict[str, Path]:
    """Where the new files of a publication lie, by the path that the runner gives them.

    Raises:
        ProjectError: WFT-SRV-031, one was not uploaded in this run, or is not what the runner says it is.
    """
    found: dict[str, Path] = {}
    problems: list[Diagnostic] = []
    for path, upload in stated.items():
        file = folder / upload.name
        before = known.get(upload.name)
        if before is None or "/" in upload.name or not file.is_file():
            problems.append(_refused(upload.name, "it was not uploaded in this run"))
        elif before != upload or file.stat().st_size != upload.size_bytes:
            problems.append(_refused(upload.name, "it has another size or another SHA-256 than the manifest says"))
        else:
            with file.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").hexdigest()
            if digest != upload.sha256:
                problems.append(_refused(upload.name, "it has changed since it was uploaded"))
        found[path] = file
    if problems:
        raise ProjectError(*problems)
    return found


def true_to(session: Session, table: Address, columns: Sequence[Column], file: DataFile, path: Path) -> DataFile:
    """A file as it is: its rows, nulls and bounds were counted, and are what the runner says.

    Raises:
        ContractBroken: WFT-SRV-033, they are not.
    """
    try:
        _require_schema(session, table, columns, path)
        return _counted(session, table, columns, file, path)
    except (UserCodeError, SourceError) as e:
        why = "; ".join(d.what for d in e.diagnostics)
        raise ContractBroken(_lie(table, path, "it cannot be read as Parquet", why)) from e


def _require_schema(session: Session, table: Address, columns: Sequence[Column], path: Path) -> None:
    """Names, field ids and types of the file's own schema."""
    place = literal(str(path))
    ids = {
        str(name): field_id
        for name, field_id in _top_level(
            session.rows(f"SELECT name, field_id, num_children FROM parquet_schema({place})")
        )
    }
    wanted = {c.name: c.field_id for c in columns}
    if ids != wanted:
        odd = sorted(ids.items() ^ wanted.items())[:3]
        raise ContractBroken(_lie(table, path, "its columns or their field ids are not those of the table", f"{odd}"))
    kinds = {c.name: c for c in session.columns(f"SELECT * FROM read_parquet({place})")}
    for column in columns:
        found = kinds[column.name]
        if shape(iceberg_type(found, itertools.count())) != shape(iceberg_type(column, itertools.count())):
            why = f"it is {found.type}, and not {column.type}"
            raise ContractBroken(_lie(table, path, f"column `{column.name}` has another type", why))


def _top_level(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, object]]:
    """The columns among the nodes of a Parquet schema, which stand in depth-first order below one root."""
    found: list[tuple[object, object]] = []
    open_children: list[int] = []
    for name, field_id, children in rows:
        depth = len(open_children)
        if depth == 1:
            found.append((name, field_id))
        if open_children:
            open_children[-1] -= 1
        count = int(str(children)) if children else 0
        if count or not depth:
            open_children.append(count)
        while open_children and not open_children[-1]:
            open_children.pop()
    return found


def _counted(session: Session, table: Address, columns: Sequence[Column], file: DataFile, path: Path) -> DataFile:
    told = {c.field_id: (c, file.statistics[c.field_id]) for c in columns if c.field_id in file.statistics}
    asked: list[str] = ["count(*)"]
    for column, stated in told.values():
        asked.append(f"count(*) - count({ident(column.name)})")
        asked.append(_outside(column, stated) if _has_bounds(column, stated) else "0")
    asked += [_elsewhere(v, columns, table, path) for v in file.partition]
    if not told:  # a count alone is taken from the footer, which the runner has written
        asked += [f"count({ident(columns[0].name)})"]
    (found,) = session.rows(f"SELECT {', '.join(asked)} FROM read_parquet({literal(str(path))})")
    if found[0] != file.rows:
        raise ContractBroken(_lie(table, path, f"it has {found[0]:,} rows, and not {file.rows:,}"))
    checked: dict[int, ColumnStatistics] = {}
    last = 1 + 2 * len(told)
    for value, others in zip(file.partition, found[last:], strict=False):
        if others:
            what = f"{others:,} rows do not belong to the partition `{value.transform}` that is stated"
            raise ContractBroken(_lie(table, path, what))
    for (column, stated), nulls, outside in zip(told.values(), found[1:last:2], found[2:last:2], strict=True):
        if stated.nulls is not None and stated.nulls != nulls:
            raise ContractBroken(
                _lie(table, path, f"column `{column.name}` has {nulls:,} nulls, and not {stated.nulls:,}")
            )
        if outside:
            raise ContractBroken(
                _lie(table, path, f"column `{column.name}` has {outside:,} values beyond the bounds that are stated")
            )
        kept = stated if _has_bounds(column, stated) else ColumnStatistics(size_bytes=stated.size_bytes, exact=False)
        checked[column.field_id] = ColumnStatistics(nulls, kept.minimum, kept.maximum, kept.size_bytes, kept.exact)
    return DataFile(file.path, file.rows, path.stat().st_size, checked, file.partition)


def _has_bounds(column: Column, stated: ColumnStatistics) -> bool:
    known = column.type in _BOUNDED or column.type.startswith("DECIMAL(")
    return known and stated.exact and stated.minimum is not None and stated.maximum is not None


def _outside(column: Column, stated: ColumnStatistics) -> str:
    """Counts the values beyond the stated bounds, as SQL. What is no number has no place between two."""
    assert stated.minimum is not None and stated.maximum is not None, "it has bounds"
    name = ident(column.name)
    low, high = (f"CAST({literal(text)} AS {column.type})" for text in (stated.minimum, stated.maximum))
    number = f" AND NOT isnan({name})" if column.type in ("FLOAT", "DOUBLE") else ""
    return f"count(*) FILTER (({name} < {low} OR {name} > {high}){number})"


def _elsewhere(value: PartitionValue, columns: Sequence[Column], table: Address, path: Path) -> str:
    """Counts the rows that do not belong to the stated partition, as SQL.

    Raises:
        ContractBroken: WFT-SRV-033, it is by a column or a transform that there is not.
    """
    column = next((c for c in columns if c.field_id == value.field_id), None)
    known = {t for t in TRANSFORMS if "[" not in t}
    if column is None or (value.transform not in known and width_of(value.transform) is None):
        raise ContractBroken(_lie(table, path, "its partition is by a column or a transform that there is not"))
    made = partition_sql(PartitionField(column.name, value.transform, value.field_id), column.type)
    stated = literal(value.value) if value.value is not None else "NULL"
    return f"count(*) FILTER (CAST({made} AS VARCHAR) IS DISTINCT FROM {stated})"


def _refused(name: str, why: str) -> Diagnostic:
    return error("WFT-SRV-031", f"the file `{name}` cannot be published", why=why, fix="upload it, then publish again")


def _lie(table: Address, path: Path, what: str, why: str | None = None) -> Diagnostic:
    return error(
        "WFT-SRV-033",
        f"the file `{path.name}` of `{table}` is not what its manifest says: {what}",
        why=why,
        fix="publish what was built",
    )
