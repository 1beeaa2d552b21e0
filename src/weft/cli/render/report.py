"""A verification as a page: one HTML file that needs nothing beside it, for a screen and for paper."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from html import escape

from weft.cli.render.checks import by_urgency, counts_text, failing, found
from weft.cli.text import counted, number
from weft.errors import Diagnostic
from weft.model.checks import CheckResult, Outcome, count

_WORDS = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.ERROR: "could not be evaluated",
    Outcome.NOT_EVALUATED: "not evaluated",
}
_STYLE = """
:root{--ink:#1b1f24;--soft:#59636e;--line:#d1d9e0;--page:#fff;--bad:#b3261e;--warn:#8a5a00;--good:#1a7f37;--band:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--page:#0d1117;--bad:#ff8078;
--warn:#e3b341;--good:#56d364;--band:#151b23}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:64rem;padding:2rem 1.25rem;color:var(--ink);background:var(--page);
font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}
.soft{color:var(--soft)}
.verdict{display:inline-block;margin:1rem 0 .25rem;padding:.3rem .8rem;border:2px solid;border-radius:.4rem;
font-weight:600}
.passed{color:var(--good)}.failed,.error{color:var(--bad)}.warned{color:var(--warn)}.not_evaluated{color:var(--soft)}
article{border:1px solid var(--line);border-left:.3rem solid;border-radius:.4rem;padding:.7rem 1rem;margin:.7rem 0;
break-inside:avoid}
article>*{color:var(--ink)}
article h3{margin:0;font-size:1rem;overflow-wrap:anywhere}
article h3 span{font-weight:400;color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:.5rem 0 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;margin-top:.6rem;width:100%;font-size:.9rem}
caption{text-align:left;color:var(--soft);padding-bottom:.2rem}
th,td{border-bottom:1px solid var(--line);padding:.25rem .6rem .25rem 0;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
thead{display:table-header-group}tr{break-inside:avoid}
td.number,th.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
code{font:.9em ui-monospace,monospace;background:var(--band);padding:.1em .3em;border-radius:.2rem}
.wide{overflow-x:auto}
@media print{body{max-width:none;padding:0;font-size:11pt;background:#fff}
:root{--ink:#000;--soft:#444;--line:#bbb;--bad:#a00;--warn:#740;--good:#060;--band:#fff}
.wide{overflow:visible}@page{margin:18mm}}
"""


def report(
    contract: str,
    version: str | None,
    result: str,
    rows: int | None,
    checks: Sequence[CheckResult],
    diagnostics: Sequence[Diagnostic],
    when: dt.datetime,
) -> str:
    """The page of a verification: how it ended, then what needs a look, then all that is kept.

    Args:
        when: the instant that the page tells, with its zone.
    """
    title = f"{contract} {version}" if version else contract
    notable = sorted((c for c in checks if c.result is not Outcome.PASSED), key=by_urgency)
    kept = [c for c in checks if c.result is Outcome.PASSED]
    over = f" over {counted(rows, 'row')}" if rows is not None else ""
    parts = [
        "<!doctype html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        """<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">""",
        f"<title>{_text(title)}: {_text(result)}</title>",
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        "<header>",
        f"<h1>{_text(contract)}{f' <span class=soft>{_text(version)}</span>' if version else ''}</h1>",
        f'<p class="verdict {_text(result)}">{_text(_verdict(result))}</p>',
        f"<p>{_text(counts_text(count(checks)))}{_text(over)}</p>" if checks else "",
        f'<p class="soft">Verified <time datetime="{when.isoformat()}">{when:%Y-%m-%d %H:%M:%S %Z}</time> by weft</p>',
        "</header>",
        "<main>",
        *_problems(diagnostics),
        *_notable(notable),
        *_kept(kept),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(part for part in parts if part)


def _verdict(result: str) -> str:
    return {
        "passed": "The data keeps its contract",
        "failed": "The data breaks its contract",
        "error": "The data could not be read",
    }[result]


def _problems(diagnostics: Iterable[Diagnostic]) -> Iterable[str]:
    for diagnostic in diagnostics:
        rows = [("why", diagnostic.why), ("mend", diagnostic.fix), ("code", diagnostic.code)]
        yield '<article class="error">'
        yield f"<h3>{_marked(diagnostic.what)}</h3>"
        yield _facts(rows)
        yield "</article>"


def _notable(checks: Sequence[CheckResult]) -> Iterable[str]:
    if not checks:
        return
    yield f"<h2>{counted(len(checks), 'check')} to look at</h2>"
    for check in checks:
        warns = check.result in (Outcome.FAILED, Outcome.ERROR) and not check.blocks
        word = f"{_WORDS[check.result]}, {check.severity.value}" if warns else _WORDS[check.result]
        facts = [
            ("expected", check.expected),
            ("found", found(check)),
            ("failing", failing(check)),
            ("reason", check.reason),
            ("column", _column(check)),
            ("dimension", check.dimension),
            ("contract", str(check.where) if check.where else None),
        ]
        yield f'<article class="{"warned" if warns else check.result.value}">'
        yield f"<h3>{_text(check.id)} <span>{_text(word)}</span></h3>"
        yield _facts(facts)
        yield from _samples(check)
        yield "</article>"


def _kept(checks: Sequence[CheckResult]) -> Iterable[str]:
    if not checks:
        return
    yield f"<h2>{counted(len(checks), 'check')} kept</h2>"
    yield '<div class="wide"><table><thead><tr><th scope="col">check</th><th scope="col">expected</th>'
    yield '<th scope="col">found</th><th scope="col" class="number">rows</th></tr></thead><tbody>'
    for check in checks:
        total = number(check.total_rows) if check.total_rows is not None else ""
        cells = f"<td>{_text(check.expected)}</td><td>{_text(check.actual)}</td>"
        yield f'<tr><td>{_text(check.id)}</td>{cells}<td class="number">{total}</td></tr>'
    yield "</tbody></table></div>"


def _column(check: CheckResult) -> str | None:
    return ", ".join(check.column) if isinstance(check.column, tuple) else check.column


def _samples(check: CheckResult) -> Iterable[str]:
    if not check.samples:
        return
    names = list(dict.fromkeys(name for sample in check.samples for name in sample))
    head = "".join(f'<th scope="col">{_text(name)}</th>' for name in names)
    yield f'<div class="wide"><table><caption>Some of these rows</caption><thead><tr>{head}</tr></thead><tbody>'
    for sample in check.samples:
        values = ("∅" if sample.get(name) is None else str(sample[name]) for name in names)
        yield f"<tr>{''.join(f'<td>{_text(value)}</td>' for value in values)}</tr>"
    yield "</tbody></table></div>"


def _facts(rows: Iterable[tuple[str, str | None]]) -> str:
    return f"<dl>{''.join(f'<dt>{label}</dt><dd>{_marked(value)}</dd>' for label, value in rows if value)}</dl>"


def _text(value: object) -> str:
    """A text as HTML; what cannot be shown is a question mark."""
    shown = "" if value is None else str(value)
    return escape("".join(c if c.isprintable() or c in "\t\n" else "?" for c in shown))


def _marked(value: str) -> str:
    """A text as HTML, in which what stands between backticks is code."""
    return "".join(f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(_text(value).split("`")))
