"""DuckDB's exceptions as weft's: told in words, with the place in the SQL, and never with a value of a row."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath

import duckdb
from msgspec.structs import replace

from weft.engines.base import SourceFile
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
_CSV_COLUMN = re.compile(r'\nError when converting column "([^"]+)"\.')
_OF_SOURCE = re.compile(
    r"[A-Z][A-Za-z ]* Error: (CSV Error|The CSV Parser|Error when sniffing|Invalid unicode"
    r"|(Malformed JSON|JSON transform error) in file)"
)
_DAMAGED = re.compile(
    r"(?:[A-Z][A-Za-z ]* Error: )?(?:File '(.*)' too small to be a Parquet file"
    r"|No magic bytes found at end of file '(.*)'|Footer length error in file '(.*)'|Failed to read file \"(.*)\": "
    r"|TProtocolException"
    r"|Prefetch registered for bytes outside file: (.*), attempted range)"
)
_FILE = re.compile(r' in file "([^"\n]+)"')
_PLACE_IN_FILE = re.compile(r" on line (\d+)")
_JSON_LINE = re.compile(r"JSON transform error in file .*, in line (\d+): ")

# All that an error of a row may tell: the column and the type of a cast, and one of these reasons.
_CAST_COLUMN = re.compile(r".*when casting from source column ([^'\"\n]+?)\s*(?:\n\nLINE|\Z)", re.DOTALL)
_CAST_TYPE = re.compile(
    r".* (?:to|type) ((?:U?INT(?:8|16|32|64|128)|U?(?:TINY|SMALL|BIG|HUGE)INT|U?INTEGER|FLOAT|DOUBLE|BOOL|BOOLEAN|UUID"
    r"|INTERVAL|DATE|TIME|TIMESTAMP|DECIMAL\(\d+,\d+\))(?:\[\d*\])*)(?=,| when casting|\s*(?:\n|\Z))",
    re.DOTALL,
)
_REASONS = {
    "Division by zero": "a number is divided by zero",
    "More than one row returned by a subquery": "a subquery that stands for one value gives several rows",
    "Map keys must be unique": "a map has one key twice",
    "Overflow in": "a number is out of range",
}


@contextmanager
def told(files: Sequence[SourceFile] = ()) -> Iterator[None]:
    """Raises what DuckDB says as an error of weft; one of a source names the file and the input port."""
    try:
        yield
    except duckdb.InterruptException as e:
        raise KeyboardInterrupt from e
    except duckdb.Error as e:
        raise as_ours(e, files) from None  # the original may hold values of rows
    except RuntimeError as e:
        if str(e) == "Query interrupted":  # a signal came while the engine was at work
            raise KeyboardInterrupt from e
        raise


def as_ours(e: duckdb.Error, files: Sequence[SourceFile] = ()) -> WeftError:
    """The error of weft that says what a DuckDB exception says; `files` are those of sources."""
    text = str(e)
    of_source = _OF_SOURCE.match(text)
    if of_source:
        return SourceError(_in_file(_json(text) if of_source[2] else _csv(text), text, files))
    if damaged := _DAMAGED.match(text):
        name = next((f" `{PurePath(path).name}`" for path in damaged.groups() if path), "")
        what = f"the source{name} is no Parquet file, or a damaged one"
        return SourceError(_in_file(error("WFT-SRC-003", what, fix="write the file again"), text, files))
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
        return _io(text, files)
    if isinstance(e, duckdb.ParserException):
        return UserCodeError(_of_sql("WFT-SQL-001", text, "the SQL does not parse"))
    if isinstance(e, duckdb.CatalogException):
        return UserCodeError(_of_sql("WFT-SQL-003", text, _first(text)))
    if isinstance(e, duckdb.BinderException):
        return UserCodeError(_of_sql("WFT-SQL-010", text, _first(text)))
    if isinstance(e, duckdb.InternalException | duckdb.FatalException):
        return PlatformError(error("WFT-ENG-004", f"the engine failed: {_first(text)}"))
    if isinstance(e, duckdb.PermissionException):
        return UserCodeError(_of_sql("WFT-ENG-001", text, f"the query failed: {_first(text)}"))
    return UserCodeError(error("WFT-ENG-001", f"a row made the query fail: {_reason(e, text)}", _place(text)))


def _in_file(diagnostic: Diagnostic, text: str, files: Sequence[SourceFile]) -> Diagnostic:
    """A diagnostic of a source with its input port and its file, which DuckDB's text tells by the path."""
    named = [f for f in files if f.path in text]
    if not named:
        found = _FILE.search(text)
        return replace(diagnostic, where=Where(PurePath(found[1]).name)) if found else diagnostic
    file = max(named, key=lambda f: len(f.path))
    line = _PLACE_IN_FILE.search(diagnostic.what)
    where = Where(file.shown, int(line[1]) if line else None)
    return replace(diagnostic, what=f"{file.port}: {diagnostic.what}", where=where)


def _io(text: str, files: Sequence[SourceFile]) -> WeftError:
    if "GZIP" in text:  # weft writes none
        diagnostic = error("WFT-SRC-008", "the source cannot be unpacked", fix="pack it again")
        return SourceError(_in_file(diagnostic, text, files))
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
    line = None if "sniffing file" in text else _CSV_LINE.search(text)
    at = f" on line {line[1]}" if line else ""
    if "Invalid unicode" in text:
        return error(
            "WFT-SRC-002",
            f"the source is not in the encoding that it is read in{at}",
            fix="set `encoding` in `weft.source`, for example `latin-1`, or save the file as UTF-8",
        )
    if "invalid state" in text:  # DuckDB takes the end of the first line for that of all, and tells no line
        return error(
            "WFT-SRC-003",
            "a row cannot be read: not all lines end alike",
            why="a line ends with `\\r\\n` or with `\\n`, and all of a file in the same way",
            fix="write the file with one ending of lines, for example by `sed -i 's/\\r$//' FILE`",
        )
    if "unterminated quote" in text:
        return error(
            "WFT-SRC-003",
            f"a value in quotes{at} does not end, or goes on behind its quote",
            fix='close the quote; a quote within a value is written twice: `"6"" nails"`',
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


def _json(text: str) -> Diagnostic:
    """A reader's error; DuckDB counts the line of what is no JSON wrongly, so only other lines are told."""
    if "invalid UTF-8" in text:
        return error("WFT-SRC-002", "the source is not UTF-8, as JSON must be", fix="save the file as UTF-8")
    fix = "mend it in the source, or declare the column as text and clean it in a model"
    line = _JSON_LINE.search(text)
    if "Malformed JSON" in text:
        return error("WFT-SRC-003", "the source is no JSON", fix="mend the file")
    return error("WFT-SRC-003", f"a value{f' on line {line[1]}' if line else ''} is not of the declared type", fix=fix)


def _reason(e: duckdb.Error, text: str) -> str:
    """Why a row made a query fail, made of words that cannot hold a value: DuckDB's text may be one altogether."""
    message = re.sub(r"^[A-Z][A-Za-z ]* Error: ", "", text)
    for beginning, reason in _REASONS.items():
        if message.startswith(beginning):
            return reason
    if isinstance(e, duckdb.ConversionException):
        column, kind = _CAST_COLUMN.match(text), _CAST_TYPE.match(text)
        of = f" of column `{column[1]}`" if column else ""
        return f"a value{of} cannot be converted" + (f" to {kind[1]}" if kind else "")
    if isinstance(e, duckdb.OutOfRangeException):
        return "a value is out of range"
    return "a function was given a value that it does not take"


def _place(text: str) -> Where | None:
    """Line and column of the SQL that the caret stands under."""
    place = _LINE.search(text)
    if place is None:
        return None
    return Where("", int(place[1]), max(1, len(place[3]) - len(f"LINE {place[1]}: ") + 1))


def _of_sql(code: str, text: str, what: str) -> Diagnostic:
    where = _place(text)
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
