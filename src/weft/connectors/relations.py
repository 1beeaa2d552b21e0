"""Files as what DuckDB reads in a FROM: with the columns of a source, or as they are."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from weft.connectors.archives import ENCODINGS
from weft.model.column import Column
from weft.model.mesh import Source
from weft.sql.quoting import ident, literal

_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}


class ForeignFile(Struct, frozen=True):
    """Files as they are.

    Attributes:
        relation: a FROM item. CSV gives texts, JSON what its values are by themselves, Parquet its own types.
        inferred: one in which a CSV's types are guessed from all its values.
        format: csv, json, ndjson or parquet.
        name: what a person knows them by.
    """

    relation: str
    inferred: str
    format: str
    name: str


def format_of(name: str) -> str | None:
    """The format that a file's name tells, or None.

    >>> format_of("a.csv.gz"), format_of("a.ndjson"), format_of("a")
    ('csv', 'ndjson', None)
    """
    endings = [s.lower() for s in Path(name).suffixes if s.lower() not in {".zip", ".gz"}]
    return _FORMATS.get(endings[-1]) if endings else None


def file_list(files: Sequence[Path | str]) -> str:
    """Files as the list that DuckDB's readers take."""
    return "[" + ", ".join(literal(str(f)) for f in files) + "]"


def as_they_are(source: Source, kind: str, files: Sequence[str]) -> ForeignFile:
    """Files of a format, with nothing promised about their columns.

    Args:
        files: paths or URLs that the session can open.
    """
    listed = file_list(files)
    if kind == "parquet":
        relation = f"read_parquet({listed}, union_by_name = true)"
        return ForeignFile(relation, relation, kind, source.file)
    if kind == "csv":
        delimiter = f", delim = {literal(source.delimiter)}" if source.delimiter else ""
        encoding = f", encoding = {literal(source.encoding)}" if source.encoding else ""
        # a header is the first line, whatever stands below it
        options = f"header = true, skip = 0, strict_mode = true, union_by_name = true{delimiter}{encoding}"
        texts = f"read_csv({listed}, all_varchar = true, {options})"
        return ForeignFile(texts, f"read_csv({listed}, sample_size = -1, {options})", kind, source.file)
    form = "newline_delimited" if kind == "ndjson" else "auto"
    options = "sample_size = -1, convert_strings_to_integers = false, union_by_name = true"
    relation = f"read_json({listed}, format = '{form}', {options})"
    return ForeignFile(relation, relation, kind, source.file)


def parquet_relation(files: Sequence[Path], columns: Sequence[Column]) -> str:
    """Parquet files with the types of the columns."""
    casts = ", ".join(f"CAST({ident(c.name)} AS {c.type}) AS {ident(c.name)}" for c in columns)
    return f"(SELECT {casts} FROM read_parquet({file_list(files)}))"


def json_relation(kind: str, files: Sequence[Path], columns: Sequence[Column]) -> str:
    """JSON or NDJSON files with the columns' types; a field without a column is not read."""
    types = ", ".join(f"{literal(c.name)}: {literal(c.type)}" for c in columns)
    form = "newline_delimited" if kind == "ndjson" else "auto"
    return f"read_json({file_list(files)}, format = '{form}', columns = {{{types}}})"


def csv_relation(source: Source, files: Sequence[Path], header: list[str], columns: tuple[Column, ...]) -> str:
    """DuckDB's reader with everything said: nothing is guessed from the rows."""
    types = {c.name: c.type for c in columns}
    listed = ", ".join(f"{literal(name)}: {literal(types.get(name, 'VARCHAR'))}" for name in header)
    options = [
        f"columns = {{{listed}}}",
        "auto_detect = false",
        f"header = {str(source.header).lower()}",
        f"delim = {literal(source.delimiter or ',')}",
        "quote = '\"'",
        "escape = '\"'",
        "strict_mode = true",
        f"nullstr = [{', '.join(literal(n) for n in ('', *source.nulls))}]",
    ]
    if source.encoding:
        options.append(f"encoding = {literal(ENCODINGS[codecs.lookup(source.encoding).name])}")
    reader = f"read_csv({file_list(files)}, {', '.join(options)})"
    if [c.name for c in columns] == header:
        return reader
    return f"(SELECT {', '.join(ident(c.name) for c in columns)} FROM {reader})"
