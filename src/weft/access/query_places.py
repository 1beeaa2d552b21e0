"""Where in a query's text something is wrong: the query is the file that diagnostics name."""

from __future__ import annotations

from msgspec.structs import replace

from weft.errors import Diagnostic, Where
from weft.sql.allowlist import Walk
from weft.sql.problem import Problem

_FILE = "query"


def placed(found: Walk, sql: str) -> tuple[Diagnostic, ...]:
    """What is wrong with a query's text, with its places."""
    return tuple(_placed(problem, sql) for problem in found.problems)


def in_query(diagnostic: Diagnostic) -> Diagnostic:
    """A diagnostic of the engine, with the query as its file."""
    where = diagnostic.where
    return replace(diagnostic, where=Where(_FILE, where.line, where.column) if where else None)


def _placed(problem: Problem, sql: str) -> Diagnostic:
    """A problem of a query's text with line and column instead of an offset."""
    where = None
    if problem.offset is not None:
        before = sql[: problem.offset]
        where = Where(_FILE, before.count("\n") + 1, problem.offset - (before.rfind("\n") + 1) + 1)
    return Diagnostic(problem.code, problem.severity, problem.what, where, problem.why, problem.fix)
