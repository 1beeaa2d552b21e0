"""`weft glossary show`: one term."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import click

from weft.cli.options import examples, format_option
from weft.cli.output import print_json, print_text

_MOST = 20


@click.command(
    "show",
    help="Show a term: what it means, what its columns have to be, and which columns are bound to it.",
    epilog=examples("weft glossary show currency", "weft glossary show network.gate --format json"),
)
@click.argument("term")
@format_option()
def show(term: str, form: str) -> int:
    from weft.api.governance.glossary import open_glossary

    with closing(open_glossary()) as glossary:
        found = glossary.shown(term)
    if form == "json":
        print_json(found)
    else:
        print_text("\n".join(_lines(found)))
    return 0


def _lines(term: dict[str, Any]) -> list[str]:
    lines = [f"{term['title']} ({term['name']})", "", term["definition"], ""]
    sensitive = term["classification"] or ("no" if term["sensitive"] is False else None)
    for name, value in (
        ("status", term["status"] + (f", use {term['replaced_by']}" if term["replaced_by"] else "")),
        ("owner", term["owner"]),
        ("synonyms", _few(term["synonyms"])),
        ("broader", _few(term["broader"])),
        ("narrower", _few(term["narrower"])),
        ("type", term["physical_type"] or term["type"]),
        ("unit", term["unit"]),
        ("codes", _few(term["values"])),
        ("pattern", term["pattern"]),
        ("sensitive", sensitive),
        ("tags", _few(term["tags"])),
        ("bind by", term["url"]),
    ):
        if value:
            lines.append(f"{name:<10}{value}")
    lines += ["", f"columns   {len(term['columns'])}"]
    lines += [f"  {column}" for column in term["columns"][:_MOST]]
    if len(term["columns"]) > _MOST:
        lines.append(f"  and {len(term['columns']) - _MOST} more: --format json has all")
    return lines


def _few(values: list[str]) -> str:
    shown = ", ".join(values[:_MOST])
    return f"{shown} and {len(values) - _MOST} more" if len(values) > _MOST else shown
