"""Output ports that live in a table of a database: what their `weft.source` says, in place of a model."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from weft.errors import Diagnostic, Where, did_you_mean, error
from weft.model.address import Address, slugify
from weft.model.mesh import InputPort, Model, OutputPort, Reference, Source
from weft.model.odcs import Contract
from weft.model.odps import Descriptor, OutputPortEntry
from weft.model.remote import Remote
from weft.model.version import parse_version
from weft.sql.quoting import ident

_FIELDS = ("connection", "table", "watermark")


def live_table(entry: OutputPortEntry, where: Where, problems: list[Diagnostic]) -> Remote | None:
    """The table that `weft.source` of an output port names; None when something is wrong.

    Args:
        problems: gets what is wrong, as WFT-PRJ-029.
    """
    source = entry.custom["weft.source"]
    before = len(problems)

    def refuse(what: str, fix: str | None) -> None:
        problems.append(error("WFT-PRJ-029", f"output port `{entry.name}`: {what}", where, fix=fix))

    if not isinstance(source, Mapping):
        refuse("`weft.source` is no table", "write `{connection: NAME, table: SCHEMA.TABLE}`")
        return None
    for field in source:
        if field not in _FIELDS:
            fix = did_you_mean(str(field), _FIELDS, otherwise=f"a port that lives in a table has {', '.join(_FIELDS)}")
            refuse(f"unknown field `{field}` in `weft.source`", fix)
    for field, needed in (("connection", True), ("table", True), ("watermark", False)):
        value = source.get(field)
        if (value is None and needed) or (value is not None and not (isinstance(value, str) and value.strip())):
            refuse(
                f"`weft.source` has no `{field}`" if value is None else f"`{field}` must be text", f"name the {field}"
            )
    if len(problems) > before:
        return None
    # what no type here can hold is null to readers: one such value must not make a table unreadable
    return Remote(source["connection"], source["table"], watermark=source.get("watermark"), nulled=True)


def live_of(described: Descriptor, port: Address) -> Remote | None:
    """The table in which a port lives, by a descriptor that was read before; None where a model makes its rows."""
    for entry in described.outputs:
        number = parse_version(entry.version.partition(".")[0])
        if entry.name == port.port and number is not None and number.major == port.major:
            return live_table(entry, described.where(entry.pointer), []) if "weft.source" in entry.custom else None
    return None


def two_origins(entry: OutputPortEntry, stem: str, where: Where) -> Diagnostic:
    """That a port has both a model and a table."""
    return error(
        "WFT-PRJ-030",
        f"output port `{entry.name}` lives in a table and has a model",
        where,
        why="either its rows are made by a model, or they are those of the table",
        fix=f"drop `weft.source`, or delete `models/{stem}.sql` (or `.py`)",
    )


def live_model(stem: str, table: Remote, promised: Contract, where: Where) -> Model:
    """What would fill a port that lives in a table: its promised columns. It is told in lineage, and never run."""
    name = _input_of(stem, table)
    columns = [prop.name for prop in promised.table.properties] if promised.objects else []
    sql = f"SELECT {', '.join(map(ident, columns)) or '*'} FROM {ident(name)}"
    digest = hashlib.sha256(json.dumps([table.connection, table.table, columns]).encode()).hexdigest()
    return Model(stem, where.file, sql, where.line or 1, {}, (Reference(name, where),), digest, digest)


def live_inputs(
    outputs: Iterable[OutputPort], inputs: Sequence[InputPort], problems: list[Diagnostic]
) -> tuple[InputPort, ...]:
    """The tables of a product's ports as what they are made from.

    Args:
        inputs: what stands in its file; one of them with the same name is wrong.
    """
    found = tuple(
        InputPort(
            _input_of(port.model.name, port.live),
            port.contract.version_text,
            None,
            Source("", remote=port.live, live=True),
            port.where,
        )
        for port in outputs
        if port.live is not None
    )
    names = {one.name for one in found}
    problems += [
        error("WFT-PRJ-029", f"`{one.name}` stands for the table of an output port", one.where, fix="rename it")
        for one in inputs
        if one.name in names
    ]
    return found


def _input_of(stem: str, table: Remote) -> str:
    """The name of a table as what a product is made from."""
    return slugify(f"{stem.replace('@', '_')}_in_{table.connection}")
