"""The rules as documents: an ODCS contract (weft, datacontract-cli) and a contract of Soda.

python documents.py FOLDER PARQUET     writes flights.odcs.yaml, flights.soda.yaml and source.soda.yaml into FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from rules import COLUMNS, KEY, ROWS, Column

_SODA_TYPES = {
    ("date", False): "date",
    ("string", False): "varchar",
    ("integer", False): "integer",
    ("timestamp", False): "timestamp",
    ("timestamp", True): "timestamp with time zone",
    ("boolean", False): "boolean",
}


def odcs(parquet: str) -> dict[str, Any]:
    """The contract, with the file as its server."""
    rules = [
        {"type": "library", "metric": "rowCount", "mustBe": ROWS},
        {"type": "library", "metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": list(KEY)}},
    ]
    table = {"name": "flights", "quality": rules, "properties": [_property(column) for column in COLUMNS]}
    server = {"server": "local", "type": "local", "path": parquet, "format": "parquet"}
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "peers", "version": "1.0.0", "status": "active"}
    return {**head, "servers": [server], "schema": [table]}


def _property(column: Column) -> dict[str, Any]:
    options = {
        "minimum": column.low,
        "maximum": column.high,
        "pattern": column.pattern,
        "timezone": column.zone or None,
    }
    quality: list[dict[str, Any]] = []
    if column.nulls:
        few = {"unit": "percent", "mustBeLessOrEqualTo": column.nulls}
        quality.append({"type": "library", "metric": "nullValues", **few})
    if column.one_of:
        known = {"arguments": {"validValues": list(column.one_of)}, "mustBe": 0}
        quality.append({"type": "library", "metric": "invalidValues", **known})
    told = {
        "required": not column.nulls or None,
        "logicalTypeOptions": {k: v for k, v in options.items() if v is not None} or None,
        "quality": quality or None,
    }
    return {"name": column.name, "logicalType": column.kind, **{k: v for k, v in told.items() if v is not None}}


def soda() -> dict[str, Any]:
    """The contract in Soda's words; what is no number has its range as an expression."""
    checks = [
        {"schema": None},
        {"row_count": {"threshold": {"must_be": ROWS}}},
        {"duplicate": {"columns": list(KEY)}},
    ]
    columns = [{"name": c.name, "data_type": _SODA_TYPES[c.kind, c.zone], "checks": _soda_checks(c)} for c in COLUMNS]
    return {"dataset": "flights/main/flights", "columns": columns, "checks": checks}


def _soda_checks(column: Column) -> list[dict[str, Any]]:
    most = {"threshold": {"metric": "percent", "must_be_less_than_or_equal": column.nulls}} if column.nulls else None
    checks: list[dict[str, Any]] = [{"missing": most}]
    valid: dict[str, Any] = {}
    if isinstance(column.low, str):
        outside = f"{column.name} < '{column.low}' OR {column.name} > '{column.high}'"
        checks.append({"failed_rows": {"name": "range", "expression": outside}})
    elif column.low is not None:
        valid |= {"valid_min": column.low, "valid_max": column.high}
    if column.one_of:
        valid["valid_values"] = list(column.one_of)
    if column.pattern:
        valid["valid_format"] = {"name": "form", "regex": column.pattern}
    return [*checks, {"invalid": valid}] if valid else checks


def main() -> None:
    """Writes the documents. YAML holds JSON, so they are written as that."""
    folder, parquet = Path(sys.argv[1]), sys.argv[2]
    source = {"type": "duckdb", "name": "flights", "connection": {"database": str(folder / "flights.duckdb")}}
    for name, document in (("flights.odcs", odcs(parquet)), ("flights.soda", soda()), ("source.soda", source)):
        (folder / f"{name}.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
