"""DuckDB's exceptions as weft's: told in words, with the place in the SQL, and never with a value of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from weft.errors import (
    Diagnostic,
    PlatformError,
    SourceError,
    UserCodeError,
    WeftError,
    Where,
    error,
)

_LINE = re.compile(r"LINE (\d+):(.*)\n(\s*)\^")
_CANDIDATE = re.compile(r"Candidate bindings: (.+)|Did you mean (.+?)\?")
_CSV_LINE = re.compile(r"(?:CSV Error on Line:|Line:|line)\s*(\d+)", re.IGNORECASE)
_CSV_COLUMN = re.compile(r'converting column "([^"]+)"')


@contextmanager
def told() -> Iterator[None]:
    """Raises what DuckDB says as an error of weft."""
    try:
        yield
    except duckdb.InterruptException as e:
        raise KeyboardInterrupt from e
    except duckdb.Error as e:
        raise as_ours(e) from None  # the original may hold values of rows
    except RuntimeError as e:
        if str(e) == "Query interrupted":  # a signal came while the engine was at work
            raise KeyboardInterrupt from e
        raise


def as_ours(e: duckdb.Error) -> WeftError:
    """The error of weft that says what a DuckDB exception says."""
    text = str(e)
    if "CSV Error" in text or "Invalid unicode" in text or "Malformed JSON" in text:
        return SourceError(_csv(text))
    if isinstance(e, duckdb.OutOfMemoryException):
        if "No space left" in text or "max_temp_directory_size" in text:
            return PlatformError(error("WFT-STO-001", "no space left for intermediate results", fix="make room"))
        return PlatformError(
            error(
                "WFT-ENG-002",
                "out of memory",
                why="the query needs more than `engine.memory_limit` even after spilling",
                fix="raise `engine.memory_limit` in weft.toml",
            )
        )
    if isinstance(e, duckdb.IOException):
        return _io(text)
    if isinstance(e, duckdb.ParserException):
        return UserCodeError(_of_sql("WFT-SQL-001", text, "the SQL does not parse"))
    if isinstance(e, duckdb.CatalogException):
        return UserCodeError(_of_sql("WFT-SQL-003", text, _first(text)))
    if isinstance(e, duckdb.BinderException):
        return UserCodeError(_of_sql("WFT-SQL-010", text, _first(text)))
    if isinstance(e, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException):
        return UserCodeError(_of_sql("WFT-ENG-001", text, f"a row made the query fail: {_first(text)}"))
    if isinstance(e, duckdb.InternalException | duckdb.FatalException):
        return PlatformError(error("WFT-ENG-004", f"the engine failed: {_first(text)}"))
    return UserCodeError(_of_sql("WFT-ENG-001", text, f"the query failed: {_first(text)}"))


def _io(text: str) -> WeftError:
    if "No space left" in text:
        return PlatformError(error("WFT-STO-001", "no space left for the warehouse", fix="make room, then apply again"))
    if "Permission denied" in text or "Read-only file system" in text:
        return PlatformError(
            error(
                "WFT-STO-002",
                "the warehouse cannot be written",
                why=_first(text),
                fix="change its permissions, or name another folder as `storage.warehouse`",
            )
        )
    if "No files found" in text or "Cannot open file" in text or "No such file" in text:
        return PlatformError(
            error("WFT-STO-004", "a data file is missing", why=_first(text), fix="restore the warehouse, or rebuild")
        )
    return PlatformError(error("WFT-ENG-004", f"the engine could not read or write: {_first(text)}"))


def _csv(text: str) -> Diagnostic:
    """A reader's error: the line and the column, never the line's text."""
    line = _CSV_LINE.search(text)
    at = f" on line {line[1]}" if line else ""
    if "Invalid unicode" in text:
        return error(
            "WFT-SRC-002",
            f"the source is not in the encoding that it is read in{at}",
            fix="set `encoding` in `weft.source`, for example `latin-1`, or save the file as UTF-8",
        )
    column = _CSV_COLUMN.search(text)
    where = f", column `{column[1]}`" if column else ""
    if "Expected Number of Columns" in text or "too many columns" in text.lower() or "missing" in text.lower():
        what = f"a row{at} has another number of columns than the header"
    else:
        what = f"a value{at}{where} is not of the declared type" if column or line else "a row cannot be read"
    return error(
        "WFT-SRC-003",
        what,
        fix="mend the row in the source, or declare the column as text and clean it in a model",
    )


def _of_sql(code: str, text: str, what: str) -> Diagnostic:
    place = _LINE.search(text)
    where = None
    if place:
        prefix = len(f"LINE {place[1]}: ")
        where = Where("", int(place[1]), max(1, len(place[3]) - prefix + 1))
    found = _CANDIDATE.search(text)
    fix = None
    if found:
        names = re.findall(r'"([^"]+)"', found[1] or found[2] or "") or [(found[1] or found[2] or "").strip()]
        fix = f"did you mean `{names[0]}`?" if names and names[0] else None
    return error(code, what, where, fix=fix)


def _first(text: str) -> str:
    """The first line of a message without the kind of the error and without what may be a value."""
    line = text.split("\n", 1)[0].partition("Candidate bindings")[0]
    line = re.sub(r"^[A-Z][A-Za-z ]+ Error: ", "", line)
    line = re.sub(r"(?i)^(could not convert (?:string|date field value|.*?value)) '.*' (to .*)$", r"\1 \2", line)
    if not re.search(r"(?i)(table with name|column|function)", line):
        line = re.sub(r"'[^']*'|\"[^\"]*\"", "…", line)
    return line.strip().rstrip(".")
