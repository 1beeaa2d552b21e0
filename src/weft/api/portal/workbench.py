"""The SQL workbench: what one can ask for, what was saved, and the first rows for who has no script."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from weft.access.permissions import Caller
from weft.access.reading.asking import Question
from weft.access.reading.wire import Form
from weft.api.access.saved_queries import parted
from weft.api.catalog import Filters
from weft.catalog.looks import Within
from weft.errors import UsageError
from weft.model.address import parse_address

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
FIRST = 200
"""Rows that a page without a script has."""
_TABLES = 24
_SAVED = 100


def page(platform: Platform, caller: Caller, saved: str, sql: str) -> Document:
    """A workbench with a text or a saved query in it, and nothing asked yet.

    Raises:
        UsageError: WFT-ACC-052, there is no such saved query.
    """
    one = platform.saved_queries.one(caller, *parted(saved, caller.name)) if saved else None
    return {
        "sql": (one["sql"] or "") if one is not None else sql,
        "purpose": (one["purpose"] or "") if one is not None else "",
        "query": one,
        "mine": platform.saved_queries.listed(caller, caller.name, _SAVED)["items"],
        "others": [q for q in platform.saved_queries.listed(caller, None, _SAVED)["items"] if _others(q, caller)],
        "tables": tables(platform, caller, ""),
        "rows": None,
        "diagnostics": [],
    }


def tables(platform: Platform, caller: Caller, words: str) -> list[Document]:
    """Ports that some words find; without words those of the caller's domains and those that were granted."""
    if words.strip():
        found = platform.catalog.search(caller, words, Within(), 2 * _TABLES)["results"]
        ports = [one["address"] for one in found if one["kind"] in ("port", "column")]
        names = [".".join(address.split(".")[:3]) for address in ports]
    else:
        names = [
            item["address"]
            for domain in sorted(caller.domains)
            for item in _listed(platform, caller, "port", Filters(domain=domain), _TABLES)
        ]
        grants = platform.access.granted(caller, reader=caller.name)
        names += [grant["address"] for grant in grants if grant["holds"]]
        names += [item["address"] for item in _listed(platform, caller, "port", Filters(), 20)]
    hidden = platform.catalog.hidden(caller)
    shown = [name for name in dict.fromkeys(names) if not hidden.hide(name)][:_TABLES]
    return sorted((_line(platform, caller, name) for name in shown), key=lambda one: not one["allowed"])


def table(platform: Platform, caller: Caller, address: str) -> Document:
    """A port with its columns: what each means, whether the caller sees it, and why if not.

    Raises:
        UsageError: WFT-CAT-001, there is no such port, or none for the caller.
    """
    port = platform.catalog.port(caller, parse_address(address))
    seen = platform.access.explain(caller, caller.name, port["address"])
    known = {column["name"]: column for column in port["columns"]}
    columns = [
        {
            "name": column["name"],
            "type": column["type"],
            "shown": column["shown"],
            "mask": column["mask"]["kind"] if column["mask"] is not None else None,
            "why": [reason["sentence"] for reason in column["why"]],
            "description": known.get(column["name"], {}).get("description"),
            "classification": known.get(column["name"], {}).get("classification"),
            "key": known.get(column["name"], {}).get("key", False),
        }
        for column in seen["columns"]
    ]
    return {
        "address": port["address"],
        "name": name_in_sql(port["address"], port["default"]),
        "title": port["title"],
        "allowed": seen["allowed"],
        "reason": seen["reason"],
        "filtered": seen["filtered"],
        "rows": port["rows"],
        "columns": columns,
    }


def names(platform: Platform, caller: Caller, begun: str) -> list[Document]:
    """What can stand behind the last dot of an address that somebody has begun to write."""
    before, dot, _ = begun.rpartition(".")
    steps = before.split(".") if dot else []
    if len(steps) == 0:
        kind, filters = "domain", Filters()
    elif len(steps) == 1:
        kind, filters = "product", Filters(domain=steps[0])
    elif len(steps) == 2:
        kind, filters = "port", Filters(domain=steps[0], product=before)
    else:
        return []
    return [
        {
            "name": name_in_sql(one["address"], one.get("default", True)),
            "kind": kind,
            "title": one["title"],
        }
        for one in _listed(platform, caller, kind, filters, 200)
    ]


def name_in_sql(address: str, default: bool) -> str:
    """How SQL names a port: without its major where that is the default one.

    >>> name_in_sql("fleet.aircraft.planes@1", True), name_in_sql("fleet.aircraft.planes@2", False)
    ('fleet.aircraft.planes', 'fleet.aircraft."planes@2"')
    """
    if default or "@" not in address:
        return address.partition("@")[0]
    before, _, port = address.rpartition(".")
    return f'{before}."{port}"'


def first_rows(platform: Platform, caller: Caller, sql: str, purpose: str) -> Document:
    """The first rows of a query, as `weft query --format json` prints them.

    Raises:
        WeftError: what is wrong with the query, or why it may not be read.
    """
    streamed = platform.querying.ask(caller, Question(sql, Form.JSON, FIRST, purpose=purpose.strip() or None))
    try:
        found: Document = json.loads(b"".join(streamed))
    finally:
        streamed.close()
    return found


def _listed(platform: Platform, caller: Caller, kind: str, filters: Filters, limit: int) -> list[Document]:
    """The first entries of a list, as values."""
    return [msgspec.json.decode(one) for one in platform.catalog.listed(caller, kind, filters, limit, None)["items"]]


def _line(platform: Platform, caller: Caller, name: str) -> Document:
    try:
        seen = platform.access.explain(caller, caller.name, name)
    except UsageError:  # retired since the index was made, or asked by something that cannot read
        return {"address": name, "allowed": False, "masked": 0}
    masked = sum(column["shown"] == "masked" for column in seen["columns"])
    return {"address": seen["address"], "allowed": seen["allowed"], "masked": masked}


def _others(query: Document, caller: Caller) -> bool:
    return bool(query["owner"] != caller.name and query["runs"])
