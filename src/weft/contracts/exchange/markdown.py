"""A page in Markdown about a contract."""

from __future__ import annotations

import re

from weft.contracts.exchange import pages
from weft.contracts.exchange.kinds import Header, Written
from weft.model.shape import Table

_SIGNS = re.compile(r"([\\`*_{}\[\]<>#|~&])")


def exported(tables: tuple[Table, ...], header: Header) -> Written:
    """Everything that the contract says, in tables. Texts are shown as they are, never as Markdown or HTML."""
    lines = [f"# {_text(header.name)}", ""]
    lines += [_text(header.purpose), ""] if header.purpose else []
    lines += [f"- **{name}:** {_text(value)}" for name, value in pages.facts(header.data)]
    for table in tables:
        lines += ["", *_table(table, header)]
    levels = list(pages.levels(header.data))
    if levels:
        lines += ["", "## Service levels", "", "| property | value | column |", "|---|---|---|"]
        lines += [f"| {' | '.join(_text(word) for word in level)} |" for level in levels]
    return Written("\n".join(lines) + "\n")


def _table(table: Table, header: Header) -> list[str]:
    name = table.name if table.title is None else f"{table.title} ({table.name})"
    lines = [f"## {_text(name)}", ""]
    lines += [_text(table.description), ""] if table.description else []
    lines += ["| column | type | | rules | description |", "|---|---|---|---|---|"]
    for row in pages.rows(table, header.data):
        rules = "<br>".join(_text(r) for r in row.rules)
        cells = (f"{'&emsp;' * row.depth}{_text(row.name)}", _text(row.type), _text(", ".join(row.flags)), rules)
        lines.append(f"| {' | '.join(cells)} | {_text(row.description)} |")
    rules_of_all = list(pages.table_rules(table, header.data))
    return lines + (["", *(f"- {_text(rule)}" for rule in rules_of_all)] if rules_of_all else [])


def _text(text: str) -> str:
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))
