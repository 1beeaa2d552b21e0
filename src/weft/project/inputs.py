"""A product's input ports, and what each is bound to: a port of another product, or files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from weft.errors import Diagnostic, UsageError, Where, did_you_mean, error
from weft.model.address import Address, is_slug, parse_address
from weft.model.document import words
from weft.model.mesh import InputPort, Source
from weft.model.odcs import Contract
from weft.model.odps import Descriptor, InputPortEntry
from weft.project.remotes import OF_CONNECTIONS, OF_REMOTES, remote_of

_SOURCE_KEYS = ("file", "format", "nulls", "delimiter", "header", "encoding")
_SOURCE_WORDS = {
    "format": "must be text",
    "nulls": "must be a list of texts",
    "delimiter": "must be one character",
    "header": "must be true or false",
    "encoding": "must be text",
}
_SOURCE_SHAPES: dict[str, Callable[[Any], bool]] = {
    "format": lambda v: isinstance(v, str),
    "nulls": lambda v: isinstance(v, str) or (isinstance(v, list) and not any(isinstance(n, list | dict) for n in v)),
    "delimiter": lambda v: isinstance(v, str) and len(v) == 1 and v not in '"\r\n\0',
    "header": lambda v: isinstance(v, bool),
    "encoding": lambda v: isinstance(v, str),
}


def input_ports(
    described: Descriptor, sources: Mapping[str, Contract], problems: list[Diagnostic]
) -> tuple[InputPort, ...]:
    """The input ports that are bound to something.

    Args:
        sources: source contracts by file stem.
        problems: gets what is wrong with the others.
    """
    by_id = {c.id: c for c in sources.values()}
    found = []
    for entry in described.inputs:
        where = described.where(entry.pointer)
        binding = _binding(entry, by_id, where, problems)
        if binding is not None:
            found.append(InputPort(entry.name, entry.version, entry.contract_id, binding, where))
    return tuple(found)


def _binding(
    entry: InputPortEntry, by_id: Mapping[str, Contract], where: Where, problems: list[Diagnostic]
) -> Address | Source | None:
    if not is_slug(entry.name):
        problems.append(error("WFT-PRJ-008", f"`{entry.name}` cannot be named in SQL", where, fix="use a-z, 0-9 and _"))
        return None
    if "weft.port" in entry.custom:
        return _bound_port(entry, where, problems)
    source = entry.custom.get("weft.source")
    if isinstance(source, Mapping):
        return _source(entry, source, by_id, where, problems)
    problems.append(
        error(
            "WFT-PRJ-014",
            f"input port `{entry.name}` is bound to nothing",
            where,
            why="a model could name it, and nobody knows where its rows come from",
            fix="give it the custom property `weft.port` (a port's address) or `weft.source` (a file, or a table)",
        )
    )
    return None


def _bound_port(entry: InputPortEntry, where: Where, problems: list[Diagnostic]) -> Address | None:
    text = str(entry.custom["weft.port"])
    try:
        address = parse_address(text)
    except UsageError as e:
        problems += [Diagnostic(d.code, d.severity, d.what, where, d.why, d.fix) for d in e.diagnostics]
        return None
    if address.major is None:
        problems.append(
            error(
                "WFT-PRJ-014",
                f"input port `{entry.name}` binds `{text}` without a major version",
                where,
                why="a product is built on one major, and moves to the next when it chooses to",
                fix=f"write `{text}@{entry.version.lstrip('v').partition('.')[0] or 1}`",
            )
        )
        return None
    return address


def _source(
    entry: InputPortEntry,
    source: Mapping[str, Any],
    by_id: Mapping[str, Contract],
    where: Where,
    problems: list[Diagnostic],
) -> Source | None:
    remote = None
    if any(key in source for key in OF_CONNECTIONS):
        remote = remote_of(entry.name, source, where, problems)
        if remote is None:
            return None
        if "file" not in source:
            return Source("", contract=by_id.get(entry.contract_id or ""), remote=remote)
        source = {key: value for key, value in source.items() if key not in OF_REMOTES}
    if "port" in source:
        what = f"input port `{entry.name}` names a port in `weft.source`, which is for files and tables"
        fix = "write the property `weft.port`, with the port's address as its value"
        problems.append(error("WFT-PRJ-014", what, where, fix=fix))
        return None
    unknown = [key for key in source if key not in _SOURCE_KEYS]
    problems += [
        error("WFT-PRJ-014", f"unknown field `{k}` in `weft.source`", where, fix=did_you_mean(k, _SOURCE_KEYS))
        for k in unknown
    ]
    if not isinstance(source.get("file"), str):
        what, fix = (
            f"input port `{entry.name}` names no `file`",
            "write the path of a file, or a connection and a table",
        )
        problems.append(error("WFT-PRJ-014", what, where, fix=fix))
        return None
    misshapen = [key for key, fits in _SOURCE_SHAPES.items() if source.get(key) is not None and not fits(source[key])]
    problems += [
        error("WFT-PRJ-014", f"`{key}` in `weft.source` of input port `{entry.name}` {_SOURCE_WORDS[key]}", where)
        for key in misshapen
    ]
    if misshapen:
        return None
    return Source(
        file=source["file"],
        format=source.get("format"),
        nulls=(source["nulls"],) if isinstance(source.get("nulls"), str) else words(source, "nulls"),
        delimiter=source.get("delimiter"),
        header=source.get("header") is not False,
        encoding=source.get("encoding"),
        contract=by_id.get(entry.contract_id or ""),
        remote=remote,
    )
