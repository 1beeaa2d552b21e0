"""The columns of a source: those of its contract, else those that its files tell by their headers alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from weft.connectors.archives import opened, usable
from weft.errors import SourceError, did_you_mean, error
from weft.model.column import Column
from weft.model.mesh import Source
from weft.model.odcs import Contract
from weft.model.types import duck_type, normalise


def declared(contract: Contract) -> tuple[Column, ...]:
    """The columns that a contract names."""
    return tuple(Column(p.name, duck_type(p) or "VARCHAR") for p in contract.table.properties)


def named_columns(source: Source, paths: list[Path], headers: list[list[str]]) -> tuple[Column, ...]:
    """The columns of the contract, else every column of the first file as text; each file must have them all."""
    wanted = [p.name for p in source.contract.table.properties] if source.contract else headers[0]
    for path, header in zip(paths, headers, strict=True):
        missing = [name for name in wanted if name not in header]
        if missing:
            raise SourceError(
                *(
                    error(
                        "WFT-SRC-004",
                        f"the source `{path.name}` lacks the column `{name}`",
                        source.contract.where() if source.contract else None,
                        why=f"its header has: {', '.join(header)}",
                        fix=did_you_mean(name, header, otherwise="mend the file, or the source's contract"),
                    )
                    for name in missing
                )
            )
    return declared(source.contract) if source.contract else tuple(Column(name, "VARCHAR") for name in wanted)


def distinct(path: Path, names: list[str]) -> list[str]:
    """Names of columns, which a table has once each, whatever their case."""
    lowered = [name.lower() for name in names]
    wrong = next((n for n in names if not n or lowered.count(n.lower()) > 1), None)
    if wrong is not None:
        what = f"two columns are named `{wrong}`" if wrong else "a column has no name"
        fix = "give each column a name of its own in the file"
        raise SourceError(error("WFT-SRC-003", f"the source `{path.name}`: {what}", fix=fix))
    return names


def csv_header(source: Source, path: Path) -> list[str]:
    """The names in a CSV file's first line."""
    try:
        with usable(path), opened(path, source.encoding or "utf-8") as file:
            line = next(csv.reader(file, delimiter=source.delimiter or ","), None)
    except UnicodeDecodeError as e:
        raise SourceError(
            error(
                "WFT-SRC-002",
                f"the source `{path.name}` is not {source.encoding or 'UTF-8'}",
                fix="set `encoding` in `weft.source`, for example `latin-1`",
            )
        ) from e
    if not line:
        problem = "is empty" if line is None else "begins with an empty line"
        raise SourceError(
            error("WFT-SRC-003", f"the source `{path.name}` {problem}: it has no header", fix="write the file again")
        )
    if not source.header:
        names = [p.name for p in source.contract.table.properties] if source.contract else []
        return names or [f"column{i}" for i in range(len(line))]
    return [name.strip() for name in line]


def parquet_columns(source: Source, paths: list[Path]) -> tuple[Column, ...]:
    """The columns of the contract, else those that the first file declares."""
    schemas = parquet_schemas(paths)
    named_columns(source, paths, [s.names for s in schemas])
    if source.contract is not None:
        return declared(source.contract)
    return tuple(Column(f.name, normalise(_arrow_name(f.type))) for f in schemas[0])


def parquet_schemas(paths: list[Path]) -> list[Any]:
    """The Arrow schemas of Parquet files; of their rows nothing is read."""
    from pyarrow import ArrowException, parquet

    schemas = []
    for path in paths:
        try:
            schemas.append(parquet.read_schema(path))
        except (ArrowException, OSError) as e:
            what = f"the source `{path.name}` is no Parquet file, or a damaged one"
            raise SourceError(error("WFT-SRC-003", what, fix="write the file again")) from e
    return schemas


def check_whole(paths: Sequence[Path]) -> None:
    """Refuses JSON files that hold nothing, or whose array has no end, which DuckDB reads without a word.

    Raises:
        SourceError: WFT-SRC-003.
    """
    for path in paths:
        if path.stat().st_size == 0:
            what = f"the source `{path.name}` is empty: no JSON, not even an array of no records"
            raise SourceError(error("WFT-SRC-003", what, fix="write the file again"))
        if _cut_off(path):
            what = f"the source `{path.name}` is no JSON: its array has no end"
            raise SourceError(error("WFT-SRC-003", what, fix="write the file again"))


def _cut_off(path: Path) -> bool:
    """Whether a JSON file begins an array and does not end it, which DuckDB reads without a word."""
    with path.open("rb") as file:
        first = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        file.seek(max(0, path.stat().st_size - 1024))
        return first == b"[" and not file.read().rstrip().endswith(b"]")


def first_object(source: Source, kind: str, path: Path) -> list[str]:
    """The fields of the first object of a JSON file."""
    try:
        with usable(path), opened(path, source.encoding or "utf-8") as file:
            found = json.loads(file.readline() if kind == "ndjson" else file.read())
    except UnicodeDecodeError as e:
        raise SourceError(error("WFT-SRC-002", f"the source `{path.name}` is not UTF-8", fix="set `encoding`")) from e
    except json.JSONDecodeError as e:
        what = f"the source `{path.name}` is no JSON, line {e.lineno}"
        raise SourceError(error("WFT-SRC-003", what, fix="mend the file")) from e
    first = found[0] if isinstance(found, list) and found else found
    return list(first) if isinstance(first, dict) else []


def _arrow_name(kind: object) -> str:
    """DuckDB's name of an Arrow type."""
    text = str(kind)
    plain = {
        "string": "VARCHAR",
        "large_string": "VARCHAR",
        "double": "DOUBLE",
        "float": "FLOAT",
        "bool": "BOOLEAN",
        "int64": "BIGINT",
        "int32": "INTEGER",
        "int16": "SMALLINT",
        "int8": "TINYINT",
        "date32[day]": "DATE",
        "binary": "BLOB",
    }
    if text in plain:
        return plain[text]
    if text.startswith("timestamp"):
        return "TIMESTAMPTZ" if "tz=" in text else "TIMESTAMP"
    if text.startswith("decimal128"):
        return "DECIMAL" + text.removeprefix("decimal128")
    raise SourceError(
        error(
            "WFT-SRC-007",
            f"a Parquet column has type {text}, whose name in SQL is not known without a contract",
            fix="declare its columns in a source contract under contracts/sources/",
        )
    )
