"""Check results as text and as JUnit."""

from __future__ import annotations

import re
from collections.abc import Sequence

from weft.cli.text import counted, number, table
from weft.errors import Diagnostic
from weft.model.checks import CheckCounts, CheckResult, Outcome, count

_MARKS = {
    Outcome.PASSED: "ok",
    Outcome.FAILED: "FAILED",
    Outcome.ERROR: "ERROR",
    Outcome.NOT_EVALUATED: "not evaluated",
}


def checks_text(checks: Sequence[CheckResult], *, every: bool = True) -> str:
    """One line for each check, those that need a look first; below each of those what was found and which rows.

    With `every` false the passed ones are only counted.
    """
    lines = []
    notable = [c for c in checks if c.result is not Outcome.PASSED]
    for check in sorted(notable, key=by_urgency):
        lines.append(f"{_mark(check)}  {named(check)}{f'  {failing(check)}' if failing(check) else ''}")
        if check.expected:
            lines.append(f"    expected: {check.expected}")
        if found(check):
            lines.append(f"    found: {found(check)}")
        if check.reason:
            lines.append(f"    {check.reason}")
        if check.where:
            lines.append(f"    --> {check.where}")
        if check.samples:
            lines.append(_samples(check))
    if every:
        passed = [c for c in checks if c.result is Outcome.PASSED]
        lines += [f"ok  {c.id}{f'  {c.expected}' if c.expected else ''}" for c in passed]
    return "\n".join(lines)


def counts_text(counts: CheckCounts) -> str:
    """How many checks ended how.

    >>> counts_text(CheckCounts(passed=12, warned=1))
    '12 passed, 1 warned'
    """
    named = [
        (counts.passed, "passed"),
        (counts.warned, "warned"),
        (counts.failed, "failed"),
        (counts.error, "could not be evaluated"),
        (counts.not_evaluated, "not evaluated by design"),
    ]
    return ", ".join(f"{number(n)} {word}" for n, word in named if n) or "no checks"


def verification_text(
    contract: str, version: str | None, result: str, rows: int | None, checks: Sequence[CheckResult]
) -> str:
    """A whole verification: its checks, then one line that says how it ended."""
    over = f" over {counted(rows, 'row')}" if rows is not None else ""
    named = f"{contract} {version}" if version else contract
    end = f"{result}: {named}, {counts_text(count(checks))}{over}"
    body = checks_text(checks)
    return f"{body}\n\n{end}" if body else end


def junit(name: str, checks: Sequence[CheckResult], problems: Sequence[Diagnostic] = ()) -> str:
    """The checks as a JUnit document: what blocks is a failure or error, what only warns is skipped with its text.

    Args:
        problems: why the data could not be read at all; each is an error.
    """
    counts = count(checks)
    skipped = counts.not_evaluated + counts.warned
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name={_attribute(name)} tests="{len(checks) + len(problems)}" '
        f'failures="{counts.failed}" errors="{counts.error + len(problems)}" skipped="{skipped}">',
    ]
    for problem in problems:
        lines.append(f"  <testcase classname={_attribute(name)} name={_attribute(problem.code)}>")
        lines.append(f"    <error message={_attribute(problem.what)}/>")
        lines.append("  </testcase>")
    for check in checks:
        lines.append(f"  <testcase classname={_attribute(f'{name}.{check.rule.value}')} name={_attribute(check.id)}>")
        expected = f"expected: {check.expected}" if check.expected else None
        message = ", ".join(filter(None, (check.reason or found(check), expected, failing(check))))
        if check.result is Outcome.NOT_EVALUATED or (check.result is not Outcome.PASSED and not check.blocks):
            lines.append(f"    <skipped message={_attribute(message or check.result.value)}/>")
        elif check.result is Outcome.FAILED:
            lines += [f"    <failure message={_attribute(message)}>", _body(check), "    </failure>"]
        elif check.result is Outcome.ERROR:
            lines += [f"    <error message={_attribute(message)}>", _body(check), "    </error>"]
        lines.append("  </testcase>")
    lines.append("</testsuite>")
    return "\n".join(lines)


def by_urgency(check: CheckResult) -> tuple[bool, int]:
    """A key to sort checks by: what blocks first, failed before not evaluated."""
    order = [Outcome.FAILED, Outcome.ERROR, Outcome.NOT_EVALUATED, Outcome.PASSED]
    return not check.blocks, order.index(check.result)


def _mark(check: CheckResult) -> str:
    if check.result in (Outcome.FAILED, Outcome.ERROR) and not check.blocks:
        return check.severity.value
    return _MARKS[check.result]


def named(check: CheckResult) -> str:
    """A check by its id, with its column where the id does not begin with it.

    >>> from weft.model.checks import CheckSeverity, Rule
    >>> named(CheckResult("known", Rule.METRIC, "status", None, CheckSeverity.ERROR, Outcome.FAILED))
    'known (status)'
    """
    column = ", ".join(check.column) if isinstance(check.column, tuple) else check.column
    told = column is None or check.id == column or check.id.startswith(f"{column}.") or isinstance(check.column, tuple)
    return check.id if told else f"{check.id} ({column})"


def failing(check: CheckResult) -> str | None:
    """How many rows fail, of how many: `1 of 3 rows (33.33%)`. None where rows do not fail."""
    if check.failed_rows is None:
        return None
    of = f" of {number(check.total_rows)}" if check.total_rows is not None else ""
    share = f" ({check.share:.2%})" if check.share is not None and check.failed_rows else ""
    return f"{number(check.failed_rows)}{of} rows{share}"


def found(check: CheckResult) -> str | None:
    """What was found, unless it is the count of failing rows once more."""
    counts_rows = check.failed_rows is not None and re.fullmatch(
        r"[0-9]+ rows?( \([0-9.e+-]+ %\))?", check.actual or ""
    )
    return None if counts_rows else check.actual


def _samples(check: CheckResult) -> str:
    names = list(dict.fromkeys(name for sample in check.samples for name in sample))
    rows = [["∅" if sample.get(n) is None else str(sample[n]) for n in names] for sample in check.samples]
    return "\n".join("    " + line for line in table(names, rows).splitlines())


def _body(check: CheckResult) -> str:
    """Where the rule stands, and the rows, as the text of a JUnit element."""
    from xml.sax.saxutils import escape

    place = f"--> {check.where}" if check.where else ""
    rows = _samples(check) if check.samples else ""
    return escape("\n".join(_printable(part) for part in (place, rows) if part))


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\t\n" else "?" for c in text)


def _attribute(text: str) -> str:
    from xml.sax.saxutils import quoteattr  # costs 20 ms, and only JUnit needs it

    return quoteattr(_printable(text))
