"""Files that a runner has uploaded, read through: whether they hold what it says of them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.engines.base import Session
from weft.engines.duckdb.layouts import partition_sql
from weft.engines.parquet_footers import untrue
from weft.errors import ContractBroken, Diagnostic, ProjectError, SourceError, UserCodeError, WeftError, error
from weft.model.address import Address
from weft.model.column import Column
from weft.model.handover import Upload
from weft.model.layout import TRANSFORMS, PartitionField, width_of
from weft.model.publication import ColumnStatistics, DataFile, PartitionValue
from weft.sql.quoting import ident, literal
from weft.storage.base import Target
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


def true_to(session: Session, target: Target, file: DataFile, path: Path) -> DataFile:
    """A file as it is: its rows, nulls and bounds were counted, and are what the runner and its own footer say.

    Args:
        target: the table, with the columns and field ids that its files have.

    Raises:
        ContractBroken: WFT-SRV-033, they are not.
    """
    table, columns = target.table, target.columns
    try:
        _require_schema(session, target, path)
        lie = untrue(path)
        if lie is not None:  # before anything is counted: who counts goes by the footer
            raise ContractBroken(_lie(table, path, lie))
        return _counted(session, table, columns, file, path)
    except (UserCodeError, SourceError, ValueError) as e:
        why = "; ".join(d.what for d in e.diagnostics) if isinstance(e, WeftError) else str(e)
        raise ContractBroken(_lie(table, path, "it cannot be read as Parquet", why)) from e


def _require_schema(session: Session, target: Target, path: Path) -> None:
    """Names, field ids and types of the file's own schema, those of nested fields included."""
    place, table, columns = literal(str(path)), target.table, target.columns
    nodes = top_level(session.rows(f"SELECT name, field_id, num_children, converted_type FROM parquet_schema({place})"))
    found_ids = sorted((node.name, node.field_id) for node in nodes)
    wanted = sorted((c.name, c.field_id) for c in columns)
    if found_ids != wanted:
        odd = sorted(set(found_ids) ^ set(wanted), key=str)[:3] or found_ids[:3]
        raise ContractBroken(_lie(table, path, "its columns or their field ids are not those of the table", f"{odd}"))
    kinds = {c.name: c for c in session.columns(f"SELECT * FROM read_parquet({place})")}
    for column in columns:
        found = kinds[column.name]
        if shape(iceberg_type(found, itertools.count())) != shape(iceberg_type(column, itertools.count())):
            why = f"it is {found.type}, and not {column.type}"
            raise ContractBroken(_lie(table, path, f"column `{column.name}` has another type", why))
    by_name = {node.name: node for node in nodes}
    if "{" + ", ".join(f"{ident(c.name)}: {by_name[c.name].field_ids}" for c in columns) + "}" != target.field_ids:
        nested = ", ".join(f"`{c.name}`" for c in columns if by_name[c.name].children)
        raise ContractBroken(_lie(table, path, f"field ids inside of {nested} are not those of the table"))


class Node(Struct, frozen=True):
    """A node of a Parquet schema."""

    name: str
    field_id: int | None
    kind: str | None
    children: tuple[Node, ...]

    @property
    def field_ids(self) -> str:
        """DuckDB's `FIELD_IDS` literal of it."""
        if not self.children:
            return str(self.field_id)
        within = self.children
        if self.kind in ("LIST", "MAP", "MAP_KEY_VALUE") and len(within) == 1:
            within = within[0].children  # the repeated group between, which has no id
        named = {"LIST": ("element",), "MAP": ("key", "value"), "MAP_KEY_VALUE": ("key", "value")}.get(self.kind or "")
        names = named if named is not None and len(named) == len(within) else [ident(n.name) for n in within]
        inner = ", ".join(f"{name}: {node.field_ids}" for name, node in zip(names, within, strict=True))
        return f"{{__duckdb_field_id: {self.field_id}, {inner}}}"


def top_level(rows: Sequence[tuple[Any, ...]]) -> tuple[Node, ...]:
    """The columns of a Parquet schema, whose nodes are given in depth-first order below one root.

    Args:
        rows: name, field id, number of children and converted type of each node.
    """
    left = iter(rows)

    def node() -> Node:
        name, field_id, children, kind = next(left)
        return Node(str(name), field_id, kind, tuple([node() for _ in range(children or 0)]))

    return node().children


def _counted(session: Session, table: Address, columns: Sequence[Column], file: DataFile, path: Path) -> DataFile:
    told = {c.field_id: (c, file.statistics[c.field_id]) for c in columns if c.field_id in file.statistics}
    asked: list[str] = ["count(*)"]
    for column, stated in told.values():
        asked.append(f"count(*) - count({ident(column.name)})")
        asked.append(_outside(column, stated) if _has_bounds(column, stated) else "0")
    asked += [_elsewhere(v, columns, table, path) for v in file.partition]
    if len({(v.field_id, v.transform) for v in file.partition}) < len(file.partition):
        raise ContractBroken(_lie(table, path, "its partition names the same twice"))
    if not told:  # a count alone is taken from the footer, which the runner has written
        asked += [f"count({ident(columns[0].name)})"]
    (found,) = session.rows(f"SELECT {', '.join(asked)} FROM read_parquet({literal(str(path))})")
    if not found[0]:
        raise ContractBroken(_lie(table, path, "it has no rows"))
    if found[0] != file.rows:
        raise ContractBroken(_lie(table, path, f"it has {found[0]:,} rows, and not {file.rows:,}"))
    checked: dict[int, ColumnStatistics] = {}
    size_bytes = path.stat().st_size
    bounds = _written(session, told.values())
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
        size = stated.size_bytes if stated.size_bytes is not None and 0 <= stated.size_bytes <= size_bytes else None
        low, high = bounds.get(column.field_id, (None, None))
        checked[column.field_id] = ColumnStatistics(nulls, low, high, size, low is not None)
    return DataFile(file.path, file.rows, size_bytes, checked, file.partition)


def _written(session: Session, told: Iterable[tuple[Column, ColumnStatistics]]) -> dict[int, tuple[str, str]]:
    """Bounds by field id, as DuckDB writes them: the same value has other texts, which others cannot read."""
    bounded = [(column, stated) for column, stated in told if _has_bounds(column, stated)]
    texts = [
        f"CAST(CAST({literal(str(text))} AS {column.type}) AS VARCHAR)"
        for column, stated in bounded
        for text in (stated.minimum, stated.maximum)
    ]
    (row,) = session.rows(f"SELECT {', '.join(texts)}") if texts else [()]
    return {c.field_id: (str(row[2 * i]), str(row[2 * i + 1])) for i, (c, _) in enumerate(bounded)}


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
