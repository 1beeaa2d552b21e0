"""Which columns of a port a change of its models moves, by what decided them when it was published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from msgspec.structs import replace

from weft.model.address import Address
from weft.model.lineage import EVERY, column_id
from weft.model.mesh import InputPort, Model, Product
from weft.model.publication import PortState
from weft.plan.binding import Remembered
from weft.plan.desired import Desired
from weft.plan.values import Moved
from weft.sql.digest_scopes import Digested, hashed

_KIND = "column_digests"
_READING = "1"
"""Goes up when the same SQL gets other digests: those of another reading tell nothing."""


class ColumnDigests:
    """What decides each column of ports; each model is read once, and none that the cache has."""

    def __init__(self, cache: Remembered) -> None:
        self._cache = cache
        self._known: dict[int, tuple[Product, dict[str, Digested]]] = {}

    def of(self, wanted: Desired) -> Mapping[str, str]:
        """By the column's id what decides its values and, under `*`, what decides the rows; through all its models."""
        _, tables = self._known.setdefault(id(wanted.product), (wanted.product, {}))
        found: dict[str, bytes] = {}
        for entry in wanted.inputs:
            if entry.name not in tables:
                tables[entry.name] = _input(_base(wanted.product, entry), wanted.input_columns[entry.name])
        for model in wanted.models:
            if model.name not in tables:
                read = {r.name: tables[r.name] for r in model.references if r.name in tables}
                tables[model.name] = self._model(model, read, wanted.model_columns[model.name], found)
        if found:
            self._cache.put_many(_KIND, found)
        own = tables[wanted.port.model.name]
        return {EVERY: f"{_READING}:{own.rows}"} | {column_id(name): digest for name, digest in own.columns}

    def _model(
        self, model: Model, read: Mapping[str, Digested], outputs: tuple[str, ...], found: dict[str, bytes]
    ) -> Digested:
        settings = sorted(dict(model.settings).items())
        tables = sorted((name, table.columns, table.rows) for name, table in read.items())
        held = json.dumps([_READING, model.digest, settings, outputs, tables], sort_keys=True, default=str)
        key = hashlib.sha256(held.encode()).hexdigest()
        known = self._cache.get(_KIND, key)
        if known is not None:
            rows, *digests = known.decode().split()
            return Digested(tuple(zip(outputs, digests, strict=True)), rows)
        from weft.sql.column_digests import column_digests  # brings sqlglot

        given = column_digests(model.sql, model.digest, read, outputs)
        if model.settings:
            given = replace(given, rows=hashed(given.rows, json.dumps(settings, default=str)))
        found[key] = " ".join([given.rows, *(digest for _, digest in given.columns)]).encode()
        return given


def moved(wanted: Desired, state: PortState, digests: ColumnDigests) -> Moved | None:
    """What a change of the models or of what they read moves in a published port; None where neither has changed.

    That a source or an upstream port has new rows is no change of the port.
    """
    if not _changed(wanted, state):
        return None
    now, before = digests.of(wanted), state.column_digests
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


def _base(product: Product, entry: InputPort) -> str:
    """What an input port stands for, the same whatever name the product gives it."""
    return str(entry.binding) if isinstance(entry.binding, Address) else f"{product.address}.{entry.name}"


def _input(base: str, columns: tuple[str, ...]) -> Digested:
    return Digested(tuple((column, hashed(base, column)) for column in columns), hashed(base))
