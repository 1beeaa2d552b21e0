"""Figures of a port's columns: those that were published with its rows, and those that are counted for a reader now.

Least and greatest values are values of rows: they are shown of columns that the reader sees as they are, and only to
whoever sees all rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import msgspec

from weft.access.reading.asking import Question
from weft.access.reading.wire import Form
from weft.api.wires.data import whole
from weft.model.publication import ColumnStatistics, Manifest
from weft.sql.quoting import dotted, ident

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform
    from weft.model.publication import PortState

Document = dict[str, Any]
_NUMBERS = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
    *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("FLOAT", "DOUBLE", "DECIMAL"),
)
_TIMES = ("DATE", "TIMESTAMP")
_BINS = 16
_FEW = 12
"""Distinct values of which each is counted."""
MOST_ROWS = 1_000_000
"""Rows of a port that are counted."""


def profile(manifest: Manifest, standing: Document, rules: Sequence[Mapping[str, Any]]) -> Document:
    """What the statistics of a data version's files say of its columns, as far as the reader may know.

    Args:
        standing: how the reader stands to the port.
        rules: of the contract, with what came of them: a column that was checked to be unique has no value twice.
    """
    told = standing["allowed"] and not standing["filtered"]
    files, rows = manifest.files, manifest.rows
    unique = {
        rule["column"][0] if isinstance(rule["column"], list) and len(rule["column"]) == 1 else rule["column"]
        for rule in rules
        if rule["rule"] in ("unique", "primary_key") and rule["result"] == "passed" and isinstance(rule["column"], str)
    }
    total = sum(s.size_bytes or 0 for f in files for s in f.statistics.values())
    columns = []
    for column in manifest.columns:
        seen = standing["columns"].get(column.name, {"shown": "hidden", "mask": None, "why": []})
        found = [f.statistics.get(column.field_id) for f in files]
        line: Document = {"name": column.name, "type": column.type, **seen}
        line |= dict.fromkeys(("nulls", "minimum", "maximum", "size_bytes", "size_share", "distinct"))
        line["exact"] = True
        columns.append(line)
        if not told or seen["shown"] == "hidden":
            continue
        if found and all(s is not None and s.nulls is not None for s in found):
            line["nulls"] = sum(s.nulls or 0 for s in found if s is not None)
        line["size_bytes"] = sum(s.size_bytes or 0 for s in found if s is not None) or None
        line["size_share"] = line["size_bytes"] / total if line["size_bytes"] and total else None
        if seen["shown"] == "clear":
            line |= _bounds(column.type, [s for s in found if s is not None], len(found))
            if column.name in unique and line["nulls"] is not None:
                line["distinct"] = rows - line["nulls"]
    return {"rows": rows, "size_bytes": manifest.size_bytes, "files": len(files), "told": told, "columns": columns}


def _bounds(type_name: str, found: Sequence[ColumnStatistics], files: int) -> Document:
    """The least and the greatest value of some files; nothing where one of them does not say."""
    known = [s for s in found if s.minimum is not None and s.maximum is not None]
    empty = [s for s in found if s.minimum is None and s.nulls is not None and s.maximum is None]
    if not known or len(known) + len(empty) < files:
        return {}
    order = _number if type_name.startswith(_NUMBERS) else str
    try:
        least, greatest = (
            min((str(s.minimum) for s in known), key=order),
            max((str(s.maximum) for s in known), key=order),
        )
    except InvalidOperation:
        return {}
    if type_name == "BOOLEAN":
        words = {"0": "false", "1": "true"}
        least, greatest = words.get(least, least), words.get(greatest, greatest)
    return {"minimum": least, "maximum": greatest, "exact": all(s.exact for s in known)}


def _number(text: str) -> Any:
    return Decimal(text)


def counted(platform: Platform, caller: Caller, state: PortState, standing: Document) -> Document:
    """Distinct values and distributions of the columns that the caller sees as they are, by two queries of theirs.

    Raises:
        WeftError: what queries raise.
    """
    types = {c.name: c.type for c in state.columns}
    clear = [n for n, one in standing["columns"].items() if one["shown"] == "clear" and _counts(types.get(n, ""))]
    table = dotted((state.address.domain, state.address.product, f"{state.address.port}@{state.address.major}"))
    source = f"(SELECT {', '.join(map(ident, clear))} FROM {table} LIMIT {MOST_ROWS}) AS counted"
    if not clear:
        return {"rows": 0, "cut": False, "columns": {}}
    parts = ["count(*) AS n"]
    for place, name in enumerate(clear):
        parts += [f"approx_count_distinct({ident(name)}) AS d{place}", f"count({ident(name)}) AS c{place}"]
        if (line := _line_of(name, types[name])) is not None:
            parts += [f"min({line}) AS l{place}", f"max({line}) AS g{place}"]
            parts += [f"min({ident(name)})::VARCHAR AS a{place}", f"max({ident(name)})::VARCHAR AS z{place}"]
    first = _asked(platform, caller, f"SELECT {', '.join(parts)} FROM {source}")
    columns: dict[str, Document] = {}
    pictures = []
    for place, name in enumerate(clear):
        distinct = min(first[f"d{place}"], first[f"c{place}"])
        nulls = first["n"] - first[f"c{place}"]
        columns[name] = {"distinct": distinct, "exact": False, "nulls": nulls, "bars": [], "kind": None}
        least, greatest = _on_line(first.get(f"l{place}")), _on_line(first.get(f"g{place}"))
        if distinct and distinct <= _FEW:
            pictures.append((place, name, "values", f"histogram({ident(name)}::VARCHAR)"))
        elif least is not None and greatest is not None and greatest > least:
            line, width = _line_of(name, types[name]), (greatest - least) / _BINS
            bin_ = f"least(floor(({line} - {least!r}) / {width!r}), {_BINS - 1})::INTEGER"
            pictures.append((place, name, "bins", f"histogram({bin_})"))
            columns[name] |= {"least": first[f"a{place}"], "greatest": first[f"z{place}"]}
    if pictures:
        shown = ", ".join(
            # of null and a number `least` takes the number
            f"map_entries({sql} FILTER (WHERE {ident(name)} IS NOT NULL)) AS h{place}"
            for place, name, _, sql in pictures
        )
        second = _asked(platform, caller, f"SELECT {shown} FROM {source}")
        for place, name, kind, _ in pictures:
            entries = {str(one["key"]): one["value"] for one in second[f"h{place}"] or () if one["key"] is not None}
            columns[name] |= {"kind": kind, "bars": _bars(kind, entries)}
            if kind == "values":
                columns[name] |= {"distinct": len(entries), "exact": True}
    return {"rows": first["n"], "cut": first["n"] >= MOST_ROWS, "columns": columns}


def _bars(kind: str, entries: Mapping[str, int]) -> list[Document]:
    if kind == "bins":
        return [{"label": None, "count": entries.get(str(n), 0)} for n in range(_BINS)]
    ordered = sorted(entries.items(), key=lambda one: (-one[1], one[0]))
    return [{"label": label, "count": count} for label, count in ordered]


def _on_line(value: Any) -> float | None:
    """A value where it has a place on a line: infinity and what is no number have none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _counts(type_name: str) -> bool:
    """Whether values of a type are counted: those that are one value each."""
    return type_name.startswith((*_NUMBERS, *_TIMES, "VARCHAR", "BOOLEAN", "UUID")) and "[" not in type_name


def _line_of(name: str, type_name: str) -> str | None:
    """SQL that puts a column's values on a line; None of what has no place there."""
    if type_name.startswith(_NUMBERS):
        return f"{ident(name)}::DOUBLE"
    return f"epoch({ident(name)}::TIMESTAMP)" if type_name.startswith(_TIMES) else None


def _asked(platform: Platform, caller: Caller, sql: str) -> Document:
    """The one row of a query of the caller's."""
    body, _ = whole(platform.querying.ask(caller, Question(sql, Form.NDJSON)))
    found: Document = msgspec.json.decode(body)
    return found
