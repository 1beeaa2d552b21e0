"""Columns of every model, by the binder on empty tables: known before anything runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from weft.engines.base import Session
from weft.errors import Diagnostic, UserCodeError, Where
from weft.model.column import Column
from weft.model.mesh import Model

Columns = tuple[Column, ...]


class Bound(Struct, frozen=True):
    """Columns by model, and what the binder found wrong. A model behind a broken one is left out."""

    columns: Mapping[str, Columns]
    problems: tuple[Diagnostic, ...] = ()


class Remembered(Protocol):
    """A cache of blobs by kind and key."""

    def get(self, kind: str, key: str) -> bytes | None:
        """The blob, or None."""
        ...

    def put_many(self, kind: str, entries: Mapping[str, bytes]) -> None:
        """Keeps blobs."""
        ...


class Binder:
    """Binds the models of one product after another; asks the engine only for what it has not seen before."""

    def __init__(self, open_session: Callable[[], Session], cache: Remembered, engine_version: str) -> None:
        self._open_session = open_session
        self._cache = cache
        self._engine_version = engine_version

    def bind(self, inputs: Mapping[str, Columns], models: Sequence[Model]) -> Bound:
        """Columns of the models, each of which stands after what it reads."""
        key = _key(inputs, models, self._engine_version)
        known = self._cache.get("columns", key)
        if known is not None:
            return Bound(_decoded(known))
        bound = self._ask(inputs, models)
        if not bound.problems:
            self._cache.put_many("columns", {key: _encoded(bound.columns)})
        return bound

    def refusals(self, sql: str) -> tuple[Diagnostic, ...]:
        """What the allow-list has against the SQL of a contract's rule."""
        from weft.sql.allowlist import walk

        found = walk(sql, self._open_session().parse(sql), qualified=False)
        return tuple(Diagnostic(p.code, p.severity, p.what, None, p.why, p.fix) for p in found.problems)

    def _ask(self, inputs: Mapping[str, Columns], models: Sequence[Model]) -> Bound:
        session = self._open_session()
        session.namespace("binding")
        for name, columns in inputs.items():
            session.empty_table(name, columns)
        at_once = session.columns_of_all([(model.name, model.sql) for model in models])
        if at_once is not None:
            return Bound(at_once)
        found: dict[str, Columns] = {}
        problems: list[Diagnostic] = []
        missing: set[str] = set()
        for model in models:
            if missing & {r.name for r in model.references}:
                missing.add(model.name)  # its own binding would only repeat the error of what it reads
                continue
            try:
                found[model.name] = session.columns(model.sql)
                session.empty_table(model.name, found[model.name])
            except UserCodeError as e:
                missing.add(model.name)
                problems += [placed(d, model) for d in e.diagnostics]
        return Bound(found, tuple(problems))


def placed(diagnostic: Diagnostic, model: Model) -> Diagnostic:
    """A diagnostic about a model's SQL, with the place in the model's file instead of the place in the SQL."""
    where = diagnostic.where
    line = model.first_line + (where.line or 1) - 1 if where else model.first_line
    return Diagnostic(
        diagnostic.code,
        diagnostic.severity,
        f"model `{model.name}`: {diagnostic.what}",
        Where(model.file, line, where.column if where else None),
        diagnostic.why,
        diagnostic.fix,
    )


def _key(inputs: Mapping[str, Columns], models: Sequence[Model], engine_version: str) -> str:
    text = json.dumps(
        [
            engine_version,
            {name: [(c.name, c.type) for c in columns] for name, columns in sorted(inputs.items())},
            [(m.name, m.digest) for m in models],
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _encoded(columns: Mapping[str, Columns]) -> bytes:
    return json.dumps({name: [(c.name, c.type) for c in cs] for name, cs in columns.items()}).encode()


def _decoded(blob: bytes) -> dict[str, Columns]:
    return {name: tuple(Column(n, t) for n, t in cs) for name, cs in json.loads(blob).items()}
