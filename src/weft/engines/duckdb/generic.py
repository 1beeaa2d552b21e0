"""DuckDB's exceptions in a reader's query, told by nothing but the reader's own text.

DuckDB's messages may hold values, names of columns that the reader must not know, paths and the text of a filter: a
view is expanded before it is bound. Nothing of a message is handed on. A word is shown only as it stands in the
reader's text, at a place that DuckDB names and whose line is one of that text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import duckdb

from weft.errors import Conflict, Diagnostic, PlatformError, UserCodeError, WeftError, Where, did_you_mean, error

BEFORE = "DESCRIBE\n"
"""What stands before a text that is bound to be told where it is wrong: its lines are one further down."""

_LINE = re.compile(r"\n\nLINE (\d+): (.*)\n( *)\^")
_WORD = re.compile(r'"(?:[^"]|"")*"|[\w$]+', re.UNICODE)
_MOST_SHOWN = 80

_BINDING: tuple[tuple[str, str], ...] = (
    ("not found in FROM clause", "there is no column {}"),
    ("does not have a column named", "there is no column {}"),
    ("Ambiguous reference", "{} could be a column of several tables"),
    ("must appear in the GROUP BY clause", "{} is neither grouped nor aggregated"),
    ("No function matches", "no form of {} takes values of these types"),
    ("Could not choose a best candidate", "more than one form of {} takes values of these types"),
    ("aggregate function calls cannot be nested", "an aggregate stands in another one"),
    ("WHERE clause cannot contain aggregates", "WHERE cannot hold an aggregate"),
    ("WHERE clause cannot contain window functions", "WHERE cannot hold a window function"),
    ("Cannot compare values of type", "values of these types cannot be compared"),
    ("Referenced table", "there is no table {} in FROM"),
    ("Duplicate alias", "the alias {} is given twice"),
    (
        "Set operations can only apply to expressions with the same number",
        "the parts have different numbers of columns",
    ),
)
"""What DuckDB's message begins with or holds, and what is said in its place; `{}` is a word of the reader's text."""


@contextmanager
def told_generically(sql: str, known: Sequence[str] = ()) -> Iterator[None]:
    """Raises what DuckDB and Arrow say as errors that show nothing of what is hidden.

    Args:
        sql: the reader's text.
        known: names of columns that may be proposed.

    Raises:
        UserCodeError, Conflict, PlatformError: what is wrong, in words of ours.
        KeyboardInterrupt: it was interrupted.
    """
    try:
        yield
    except duckdb.InterruptException as e:
        raise KeyboardInterrupt from e
    except duckdb.Error as e:
        raise generic(e, sql, known) from None
    except MemoryError:
        raise UserCodeError(_memory()) from None
    except OSError as e:
        # what Arrow's reader raises for an error of DuckDB that comes while rows are taken
        if "INTERRUPT" in str(e):
            raise KeyboardInterrupt from e
        raise _streamed(str(e), sql, known) from None
    except RuntimeError as e:
        if "interrupt" in str(e).lower():
            raise KeyboardInterrupt from e
        raise PlatformError(error("WFT-ENG-004", "the engine failed at this query")) from None


def generic(e: duckdb.Error, sql: str, known: Sequence[str]) -> WeftError:
    """The error that is told for an exception of DuckDB."""
    text = str(e)
    if isinstance(e, duckdb.OutOfMemoryException):
        return UserCodeError(_memory())
    if isinstance(e, duckdb.ParserException):
        return UserCodeError(error("WFT-SQL-001", "the SQL does not parse", _place(text, sql)))
    if isinstance(e, duckdb.BinderException | duckdb.CatalogException):
        return UserCodeError(_bound(text, sql, known))
    if isinstance(e, duckdb.IOException | duckdb.HTTPException):
        return Conflict(_file())
    if isinstance(e, duckdb.InternalException | duckdb.FatalException):
        return PlatformError(error("WFT-ENG-004", "the engine failed at this query"))
    if isinstance(e, duckdb.PermissionException | duckdb.NotSupportedError):
        return UserCodeError(error("WFT-SQL-010", "the query asks for what is not possible here", _place(text, sql)))
    return UserCodeError(_of_a_row())


_STREAMED: tuple[tuple[str, str], ...] = (
    ("Out of Memory", "memory"),
    ("IO Error", "file"),
    ("HTTP Error", "file"),
    ("Binder Error", "binder"),
    ("INTERNAL Error", "engine"),
    ("FATAL Error", "engine"),
)


def _streamed(text: str, sql: str, known: Sequence[str]) -> WeftError:
    """The error for a text of Arrow's that holds one of DuckDB's, whose class is in its first words only."""
    kind = next((kind for beginning, kind in _STREAMED if text.lstrip().startswith(beginning)), "row")
    if kind == "memory" or "bad_alloc" in text or "malloc" in text:
        return UserCodeError(_memory())
    if kind == "file":
        return Conflict(_file())
    if kind == "binder":
        return UserCodeError(_bound(text, sql, known))
    if kind == "engine":
        return PlatformError(error("WFT-ENG-004", "the engine failed at this query"))
    return UserCodeError(_of_a_row())


def unopened(e: WeftError) -> WeftError:
    """The error that is told where the relations of a session cannot be shown."""
    if e.diagnostics[0].code in ("WFT-ENG-002", "WFT-STO-001"):
        return UserCodeError(_memory())
    # a file that is not there is none of those that may be opened
    if e.diagnostics[0].code.startswith(("WFT-STO-", "WFT-SRC-", "WFT-ENG-001")):
        return Conflict(_file())
    return PlatformError(error("WFT-ENG-004", "the data that the query reads cannot be opened"))


def _memory() -> Diagnostic:
    return error(
        "WFT-ENG-002",
        "the query needs more memory than a reader has",
        fix="read fewer columns or rows, or aggregate before joining",
    )


def _file() -> Diagnostic:
    why = "what was there when the query began may have expired since"
    fix = "ask again; where that does not help, the owner of the data publishes it again"
    return error("WFT-STO-004", "a data file of what is asked for is not there", why=why, fix=fix)


def _of_a_row() -> Diagnostic:
    return error(
        "WFT-ACC-043",
        "a value made the query fail",
        why="a conversion, a calculation or a function does not take one of the values; which one is not told",
        fix="use `try_cast`, `nullif` or a condition for values that do not fit",
    )


def _bound(text: str, sql: str, known: Sequence[str]) -> Diagnostic:
    """What the binder found, with a word of the reader's text where the message is about one."""
    message = text.split("\n\nLINE ", 1)[0]
    where, word = _place(text, sql), _word(text, sql)
    for part, told in _BINDING:
        if part in message:
            if "{}" not in told:
                return error("WFT-SQL-010", told, where)
            shown = f"`{word}`" if word else "of that name" if "no column" in told or "no table" in told else "a part"
            fix = None
            if word and "column" in told and "no" in told.split():
                bare = word.rpartition(".")[2].strip('"')
                fix = did_you_mean(bare.lower(), known, otherwise=None)
            return error("WFT-SQL-010", told.format(shown), where, fix=fix)
    return error("WFT-SQL-010", "a name, a type or a number of columns does not fit", where)


def _caret(text: str, sql: str) -> tuple[int, int] | None:
    """Line and column (from 0) of the reader's text that the caret stands under; None where it is another text.

    DuckDB shows a part of a long line, and places in other texts alike.
    """
    found = _LINE.search(text)
    if found is None:
        return None
    lines, number = sql.split("\n"), int(found[1]) - 1 - BEFORE.count("\n")
    if not 0 <= number < len(lines):
        return None
    shown, at = found[2], len(found[3]) - len(f"LINE {found[1]}: ")
    if shown.startswith("..."):
        shown, at = shown[3:], at - 3
    if shown.endswith("...") and not lines[number].endswith("..."):
        shown = shown[:-3]
    begins = lines[number].find(shown)
    if begins < 0 or lines[number].find(shown, begins + 1) >= 0 or not 0 <= at <= len(shown):
        return None
    return number, begins + at


def _place(text: str, sql: str) -> Where | None:
    caret = _caret(text, sql)
    return Where("query", caret[0] + 1, caret[1] + 1) if caret else None


def _word(text: str, sql: str) -> str | None:
    """The name in the reader's text at the caret."""
    caret = _caret(text, sql)
    if caret is None:
        return None
    line = sql.split("\n")[caret[0]]
    found = re.match(rf"(?:{_WORD.pattern})(?:\.(?:{_WORD.pattern}))*", line[caret[1] :])
    return found[0][:_MOST_SHOWN] if found else None
