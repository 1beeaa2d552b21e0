"""A page in HTML about a contract, whole in one file: no script, nothing that is fetched."""

from __future__ import annotations

from html import escape

from weft.contracts.exchange import pages
from weft.contracts.exchange.kinds import Header, Written
from weft.model.shape import Table

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: .2rem; } h2 { margin-top: 2.2rem; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; }
th, td { padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
dl { display: grid; grid-template-columns: max-content auto; gap: .1rem 1rem; } dt { opacity: .7; } dd { margin: 0; }
code { font: 13px/1.4 ui-monospace, monospace; } .wide { overflow-x: auto; }
.flag { background: var(--soft); border-radius: .3rem; padding: 0 .4rem; margin-right: .3rem; white-space: nowrap; }
"""


def exported(tables: tuple[Table, ...], header: Header) -> Written:
    """Everything that the contract says; every text in it is escaped."""
    parts = [f"<h1>{escape(header.name)}</h1>"]
    parts += [f"<p>{escape(header.purpose)}</p>"] if header.purpose else []
    known = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in pages.facts(header.data))
    parts += [f"<dl>{known}</dl>"]
    parts += [_table(table, header) for table in tables]
    levels = [_row("td", map(escape, level)) for level in pages.levels(header.data)]
    if levels:
        head = _row("th", ("property", "value", "column"))
        parts += ["<h2>Service levels</h2>", _wide(head, levels)]
    body = "\n".join(parts)
    return Written(
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(header.name)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _table(table: Table, header: Header) -> str:
    head = _row("th", ("column", "type", "", "rules", "description"))
    lines = []
    for row in pages.rows(table, header.data):
        name = f'<code style="margin-left:{row.depth * 1.2:.1f}rem">{escape(row.name)}</code>'
        flags = " ".join(f'<span class="flag">{escape(f)}</span>' for f in row.flags)
        rules = "<br>".join(escape(r) for r in row.rules)
        lines.append(_row("td", (name, f"<code>{escape(row.type)}</code>", flags, rules, escape(row.description))))
    title = f"{escape(table.title)} " if table.title is not None else ""
    text = f"<p>{escape(table.description)}</p>\n" if table.description else ""
    told = "".join(f"<li>{escape(rule)}</li>" for rule in pages.table_rules(table, header.data))
    return f"<h2>{title}<code>{escape(table.name)}</code></h2>\n{text}{_wide(head, lines)}" + (
        f"\n<ul>{told}</ul>" if told else ""
    )


def _wide(head: str, lines: list[str]) -> str:
    return (
        '<div class="wide"><table>\n<thead>'
        + head
        + "</thead>\n<tbody>\n"
        + "\n".join(lines)
        + "\n</tbody>\n</table></div>"
    )


def _row(cell: str, texts: object) -> str:
    return "<tr>" + "".join(f"<{cell}>{text}</{cell}>" for text in texts) + "</tr>"  # type: ignore[attr-defined]
