"""Which columns of a port a change of its models moves, by what decided them when it was published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from weft.model.address import Address
from weft.model.lineage import EVERY, column_id
from weft.model.publication import PortState
from weft.plan.binding import Remembered
from weft.plan.desired import Desired
from weft.plan.values import Moved

_KIND = "column_digests"
_READING = "1"
"""Goes up when the same SQL gets other digests: those of another reading tell nothing."""


def column_digests(wanted: Desired, cache: Remembered | None = None) -> Mapping[str, str]:
    """What decides each column of a port and, under `*`, its rows; through the models that it needs.

    Args:
        cache: keeps what was found; without one it is found anew.
    """
    key = _key(wanted)
    known = cache.get(_KIND, key) if cache is not None else None
    if known is not None:
        kept: dict[str, str] = json.loads(known)
        return kept
    from weft.sql.column_digests import column_digests as of_query
    from weft.sql.digest_scopes import Digested, hashed

    tables: dict[str, Digested] = {}
    for name, base in _bases(wanted).items():
        columns = tuple((column, hashed(base, column)) for column in wanted.input_columns[name])
        tables[name] = Digested(columns, hashed(base))
    for model in wanted.models:
        read = {r.name: tables[r.name] for r in model.references if r.name in tables}
        found = of_query(model.sql, model.digest, read, wanted.model_columns[model.name])
        settings = json.dumps(dict(model.settings), sort_keys=True, default=str) if model.settings else ""
        tables[model.name] = Digested(found.columns, hashed(found.rows, settings))
    own = tables[wanted.port.model.name]
    digests = {EVERY: f"{_READING}:{own.rows}"} | {column_id(name): digest for name, digest in own.columns}
    if cache is not None:
        cache.put_many(_KIND, {key: json.dumps(digests).encode()})
    return digests


def moved(wanted: Desired, state: PortState) -> Moved | None:
    """What a change of the models or of what they read moves in a published port; None where neither has changed.

    That a source or an upstream port has new rows is no change of the port.
    """
    if not _changed(wanted, state):
        return None
    now, before = column_digests(wanted), state.column_digests
    names = tuple(name for name in now if name != EVERY)
    if not before:
        return Moved(names, True, "it was published by a weft that kept no digests of its columns")
    if before[EVERY].partition(":")[0] != _READING:
        return Moved(names, True, "it was published by a weft that read SQL in another way")
    if before[EVERY] != now[EVERY]:
        return Moved(names, True)
    return Moved(tuple(name for name in names if name in before and before[name] != now[name]))


def _changed(wanted: Desired, state: PortState) -> bool:
    """Whether the models differ, or what they read is another thing."""
    before, now = state.parts, wanted.parts
    return before.keys() != now.keys() or before.get("sql") != now.get("sql")


def _bases(wanted: Desired) -> dict[str, str]:
    """What each input port stands for, the same whatever name the product gives it."""
    return {
        entry.name: str(entry.binding)
        if isinstance(entry.binding, Address)
        else f"{wanted.product.address}.{entry.name}"
        for entry in wanted.inputs
    }


def _key(wanted: Desired) -> str:
    held = [
        _READING,
        sorted(_bases(wanted).items()),
        sorted(wanted.input_columns.items()),
        [(m.name, m.digest, dict(m.settings), wanted.model_columns[m.name]) for m in wanted.models],
        wanted.port.model.name,
    ]
    return hashlib.sha256(json.dumps(held, sort_keys=True, default=str).encode()).hexdigest()
