"""Reports of compliance as documents, tables and pages that need nothing else."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from weft.governance.compliance import Point, Report
from weft.governance.compliance_ledger import STATES, Line, rounded

PLURALS = {"domain": "domains", "product": "products", "policy": "policies", "regulation": "regulations"}
"""Sections of a report, as its document calls them."""
_MEANING = (
    "A pair is a policy and a product in its scope. The score is the share of pairs without an open violation: kept, "
    "waived and baseline (known debt) pairs. A pair is unknown while its policy cannot be asked, and does not count as "
    "kept."
)
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; } caption { text-align: left; font-weight: 600; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: middle; }
th:first-child, td:first-child { text-align: left; } .score { font-size: 3rem; } .quiet { color: #595959; }
svg { display: block; } svg.small { display: inline-block; }
"""


def as_json(report: Report) -> dict[str, Any]:
    """The report as `weft compliance report --format json` prints it."""
    return {
        "mesh": report.mesh,
        "at": _time(report.at),
        "final": report.final,
        "since": _time(report.since),
        "regulation": report.regulation,
        "anchor": report.anchor,
        "total": report.total.as_json(),
        **{PLURALS[section]: [line.as_json() for line in lines] for section, lines in report.sections.items()},
        "trend": _points(report.trend),
        "trends": {
            PLURALS[section]: {name: _points(points) for name, points in sorted(of_names.items())}
            for section, of_names in report.trends.items()
        },
    }


def as_csv(report: Report) -> str:
    """The report as a table: a row for all, and for each domain, product, policy and regulation."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["at", "section", "name", "title", "score", "before", "pairs", *STATES])
    for section, lines in (("all", (report.total,)), *report.sections.items()):
        for line in lines:
            shown = line.as_json()
            values = [shown[k] for k in ("name", "title", "score", "before", "pairs", *STATES)]
            writer.writerow([_time(report.at), section, *(_cell(v) for v in values)])
    return out.getvalue()


def as_html(report: Report) -> str:
    """The report as one page, with the trend as a drawing; it loads nothing."""
    of = f" under {html.escape(report.regulation)}" if report.regulation else ""
    title = f"Compliance of {html.escape(report.mesh)}{of}"
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1>",
        f'<p class="quiet">{_time(report.at)}, made from the log up to <code>{html.escape(report.anchor)}</code>'
        f"{'' if report.final else '. Not final: the time that was asked for is not over'}</p>",
        f'<p><span class="score">{_percent(report.total.score)}</span> {_change(report.total)} '
        f"since {report.since:%Y-%m-%d}</p>",
        _drawing(report.trend, 720, 160, f"Score from {report.since:%Y-%m-%d} to {report.at:%Y-%m-%d}"),
        f"<p>{_MEANING}</p>",
        _table("All", [report.total], {}),
    ]
    for section, lines in report.sections.items():
        if lines:
            parts.append(_table(PLURALS[section].title(), lines, report.trends.get(section, {})))
    return "\n".join([*parts, "</body></html>", ""])


def _table(title: str, lines: Sequence[Line], trends: Any) -> str:
    heads = ["", "score", "change", "pairs", *STATES, *(["trend"] if trends else [])]
    rows = [
        f"<table><caption>{title}</caption><thead><tr>",
        *(f'<th scope="col">{h}</th>' for h in heads),
        "</tr></thead>",
    ]
    rows.append("<tbody>")
    for line in lines:
        name = html.escape(line.title or "all")
        if line.name and line.name != line.title:
            name = f'{name} <span class="quiet">{html.escape(line.name)}</span>'
        cells = [name, _percent(line.score), _change(line), f"{line.pairs:,}"]
        cells += [f"{getattr(line, state):,}" for state in STATES]
        if trends:
            cells.append(_drawing(trends[line.name], 120, 24, f"Trend of {line.name}", small=True))
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join([*rows, "</tbody></table>"])


def _drawing(points: Sequence[Point], width: int, height: int, label: str, *, small: bool = False) -> str:
    """A line of scores from 0 to 1 over the time; where there were no pairs it has a gap."""
    pad = 2 if small else 24
    first, last = points[0].at.timestamp(), points[-1].at.timestamp()
    pieces: list[list[str]] = [[]]
    for point in points:
        if point.score is None:
            pieces.append([])
            continue
        x = pad + (width - 2 * pad) * ((point.at.timestamp() - first) / (last - first) if last > first else 1.0)
        y = height - pad - (height - 2 * pad) * point.score
        pieces[-1].append(f"{x:.1f},{y:.1f}")
    lines = "".join(_piece(piece) for piece in pieces if piece)
    frame = ""
    if not small:
        low, high = height - pad, pad
        frame = "".join(
            f'<line x1="{pad}" x2="{width - pad}" y1="{y}" y2="{y}" stroke="#ddd"/>'
            f'<text x="{width - pad}" y="{y - 4}" text-anchor="end" font-size="11" fill="#595959">{text}</text>'
            for y, text in ((low, "0 %"), (high, "100 %"))
        )
    kind = ' class="small"' if small else ""
    return (
        f'<svg{kind} role="img" aria-label="{html.escape(label)}" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">{frame}{lines}</svg>'
    )


def _piece(piece: Sequence[str]) -> str:
    if len(piece) == 1:
        x, _, y = piece[0].partition(",")
        return f'<circle cx="{x}" cy="{y}" r="2" fill="#1558d6"/>'
    return f'<polyline points="{" ".join(piece)}" fill="none" stroke="#1558d6" stroke-width="2"/>'


def _percent(score: float | None) -> str:
    shown = rounded(score)
    return "–" if shown is None else f"{shown * 100:.2f}".rstrip("0").rstrip(".") + " %"


def _change(line: Line) -> str:
    if line.score is None or line.before is None:
        return "new"
    points = (line.score - line.before) * 100
    return "unchanged" if abs(points) < 0.005 else f"{points:+.2f}"


def _points(points: Sequence[Point]) -> list[dict[str, Any]]:
    return [{"at": _time(p.at), "score": rounded(p.score), "pairs": p.pairs} for p in points]


def _cell(value: Any) -> Any:
    """A cell that a spreadsheet takes for a text, not for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


@lru_cache(1000)
def _time(at: datetime) -> str:
    return at.isoformat()  # whole, so that the time of a report makes it again
