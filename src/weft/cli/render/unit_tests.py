"""Results of unit tests as text and as JUnit."""

from __future__ import annotations

from collections.abc import Sequence

from weft.cli.text import counted, table
from weft.model.unit_test import Difference, Outcome, TestReport, TestResult

_MARKS = {"missing": "-", "unexpected": "+"}
_WORDS = {Outcome.FAILED: "FAILED", Outcome.ERROR: "ERROR"}


def report_text(report: TestReport) -> str:
    """Tests that did not pass, each with what differs, then one line for all."""
    parts = [result_text(r) for r in report.results if r.outcome is not Outcome.PASSED]
    counts = ((report.count(o), word) for o, word in _COUNTED)
    told = ", ".join(f"{n:,} {word}" for n, word in counts if n) or "there are no tests"
    seconds = sum(r.seconds for r in report.results)
    return "\n\n".join([*parts, f"{told} ({seconds:.1f} s)" if report.results else told])


_COUNTED = ((Outcome.PASSED, "passed"), (Outcome.FAILED, "failed"), (Outcome.ERROR, "could not be run"))


def result_text(result: TestResult) -> str:
    """One test that did not pass: where it stands, then what differs."""
    head = f"{_WORDS[result.outcome]}  {result.test.address}: {result.test.name}\n  --> {result.test.where}"
    return "\n".join([head, *(_indented(str(d)) for d in result.diagnostics), *_differences(result)])


def _differences(result: TestResult) -> list[str]:
    lines = [_column(d) for d in result.differences if d.kind == "column"]
    lines += _rows([d for d in result.differences if d.kind != "column"])
    if result.more:
        lines.append(f"  … and {counted(result.more, 'more difference')}")
    return lines


def _column(difference: Difference) -> str:
    (name, found), wanted = next(iter(difference.cells.items())), next(iter(difference.instead.values()))
    if wanted is None:
        return f"  + column {name} ({found}) is not expected"
    return f"  - column {name} is missing" if found is None else f"  ~ column {name} is {found}, expected {wanted}"


def _rows(found: Sequence[Difference]) -> list[str]:
    """Rows as a table; a cell that differs shows what was expected, then what was found."""
    if not found:
        return []
    names = list(found[0].cells)
    lines = [[_MARKS.get(d.kind, "~"), *(_cell(d, name) for name in names)] for d in found]
    return [_indented(table(["", *names], lines)), "  - missing  + unexpected  ~ expected → found"]


def _cell(difference: Difference, name: str) -> str:
    if name not in difference.instead:
        return _shown(difference.cells[name])
    return f"{_shown(difference.instead[name])} → {_shown(difference.cells[name])}"


def _shown(value: str | None) -> str:
    """A value in which a difference can be seen: empty texts, blanks at an end and what has no glyph too."""
    if value is None:
        return "∅"
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value)
    return f"'{text}'" if text != text.strip() or text in ("", "∅") else text


def _indented(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.splitlines())


def junit(report: TestReport) -> str:
    """All tests as a JUnit document: a test is of the class of its model."""
    from xml.sax.saxutils import escape, quoteattr

    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuite name="weft test" tests="{len(report.results)}" failures="{report.count(Outcome.FAILED)}" '
        f'errors="{report.count(Outcome.ERROR)}" skipped="0">',
    ]
    for result in report.results:
        test = result.test
        lines.append(
            f"  <testcase classname={quoteattr(test.address)} name={quoteattr(test.name)} "
            f'file={quoteattr(test.where.file)} line="{test.where.line}" time="{result.seconds:.3f}">'
        )
        if result.outcome is not Outcome.PASSED:
            tag = "failure" if result.outcome is Outcome.FAILED else "error"
            message = result.diagnostics[0].what if result.diagnostics else _sentence(result)
            body = "".join(c if c.isprintable() or c in "\t\n" else "?" for c in result_text(result))
            lines += [f"    <{tag} message={quoteattr(message)}>", escape(body), f"    </{tag}>"]
        lines.append("  </testcase>")
    return "\n".join([*lines, "</testsuite>"])


def _sentence(result: TestResult) -> str:
    return counted(len(result.differences) + result.more, "difference")
