"""Columns of every model, by the binder on empty tables: known before anything runs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from msgspec import Struct

from weft.engines.base import Session
from weft.errors import Diagnostic, UserCodeError, Where, error
from weft.model.column import Column
from weft.model.mesh import InputPort, Model, Source
from weft.plan.keeping import shape_problems
from weft.sql.kept_tables import table_sql
from weft.sql.quoting import ident

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


class _Python(Protocol):
    """What says the columns of Python models."""

    def digest(self, models: Sequence[Model]) -> str | None:
        """Hash of what they run with; None when there is none."""
        ...

    def columns(
        self, session: Session, model: Model, promised: Columns | None, known: Mapping[str, Columns]
    ) -> Columns:
        """The columns of one."""
        ...


class Binder:
    """Binds the models of one product after another; asks the engine only for what it has not seen before."""

    def __init__(
        self, open_session: Callable[[], Session], cache: Remembered, engine_version: str, python: _Python
    ) -> None:
        self._open_session = open_session
        self._python = python
        self._cache = cache
        self._engine_version = engine_version

    def bind(
        self,
        inputs: Mapping[str, Columns],
        models: Sequence[Model],
        promised: Mapping[str, Columns] | None = None,
        entries: Sequence[InputPort] = (),
    ) -> Bound:
        """Columns of the models, each of which stands after what it reads.

        Args:
            promised: by Python model, the columns of the contract of the port that it fills.
            entries: where the inputs are declared.
        """
        promised = promised or {}
        with_python = self._python.digest(models)
        key = _key(inputs, models, self._engine_version, [with_python, _plain(promised)] if with_python else [])
        known = self._cache.get("columns", key)
        if known is not None:
            return Bound(_decoded(known))
        bound = self._ask(inputs, models, promised, {entry.name: entry for entry in entries})
        if not bound.problems:
            self._cache.put_many("columns", {key: _encoded(bound.columns)})
        return bound

    def refusals(self, sql: str) -> tuple[Diagnostic, ...]:
        """What the allow-list has against the SQL of a contract's rule."""
        from weft.sql.allowlist import walk

        found = walk(sql, self._open_session().parse(sql), qualified=False)
        return tuple(Diagnostic(p.code, p.severity, p.what, None, p.why, p.fix) for p in found.problems)

    def python(self, models: Sequence[Model]) -> str | None:
        """Hash of what Python models run with: interpreter and packages. None when none of them is in Python."""
        return self._python.digest(models)

    def _ask(
        self,
        inputs: Mapping[str, Columns],
        models: Sequence[Model],
        promised: Mapping[str, Columns],
        entries: Mapping[str, InputPort],
    ) -> Bound:
        session = self._open_session()
        session.namespace("binding")
        problems: list[Diagnostic] = []
        missing: set[str] = set()
        for name, columns in inputs.items():
            try:
                session.empty_table(name, columns)
            except UserCodeError:
                problems.append(_no_table(session, name, columns, entries.get(name)))
                missing.add(name)
        if not missing and all(model.python is None and model.kept.whole for model in models):
            at_once = session.columns_of_all([(model.name, model.sql) for model in models])
            if at_once is not None:
                return Bound(at_once)
        found: dict[str, Columns] = {}
        for model in models:
            if missing & {r.name for r in model.references}:
                missing.add(model.name)  # its own binding would only repeat the error of what it reads
                continue
            try:
                if model.python is None:
                    columns = session.columns(model.sql)
                else:
                    known = {**inputs, **found}
                    columns = self._python.columns(session, model, promised.get(model.name), known)
                    _have(session, model, columns)
                wrong = shape_problems(model, columns)
                if not wrong and not model.kept.whole:
                    columns = self._table(session, model, columns)
            except UserCodeError as e:
                wrong = list(e.diagnostics)
            if wrong:
                missing.add(model.name)
                problems += [placed(d, model) for d in wrong] if model.python is None else wrong
                continue
            found[model.name] = columns
            session.empty_table(model.name, columns)
        return Bound(found, tuple(problems))

    def _table(self, session: Session, model: Model, columns: Columns) -> Columns:
        """The columns of the table that a model keeps, of which its rows have some."""
        if model.python is None:
            return session.columns(table_sql(model.sql, model.kept))
        session.empty_table(model.name, columns)
        return session.columns(table_sql(f"SELECT * FROM {ident(model.name)}", model.kept))


def _have(session: Session, model: Model, columns: Columns) -> None:
    """Makes the table of a Python model.

    Raises:
        UserCodeError: WFT-CON-008, its contract or its header names a type that there is not.
    """
    try:
        session.empty_table(model.name, columns)
    except UserCodeError:
        wrong = _untypable(session, model.name, columns)
        if wrong is None:
            raise
        column, why = wrong
        what = f"column `{column.name}` of model `{model.name}`: no table can have the type `{column.type}`"
        where = Where(model.file, model.first_line)
        fix = "state another in its header, or in the contract of its port"
        raise UserCodeError(error("WFT-CON-008", what, where, why=why, fix=fix)) from None


def _untypable(session: Session, name: str, columns: Columns) -> tuple[Column, str] | None:
    """The first column of whose type no table can have one, and what the engine says of it."""
    for column in columns:
        try:
            session.empty_table(name, (column,))
        except UserCodeError as e:
            return column, e.diagnostics[0].what
    return None


def _no_table(session: Session, name: str, columns: Columns, entry: InputPort | None) -> Diagnostic:
    """What is wrong with columns of an input port of which no table can be made."""
    where = entry.where if entry is not None else None
    if not columns:
        what = f"the source of input port `{name}` has no columns"
        return error("WFT-SRC-025", what, where, fix="name its columns in its contract, or another source")
    if (wrong := _untypable(session, name, columns)) is not None:
        column, why = wrong
        what = f"column `{column.name}` of input port `{name}`: no table can have the type `{column.type}`"
        where = _typed_at(entry, column.name) or where
        return error("WFT-CON-008", what, where, why=why, fix="state another `physicalType`")
    what = f"no table can have the columns of input port `{name}` together"
    return error("WFT-SRC-025", what, where, fix="name others in its contract")


def _typed_at(entry: InputPort | None, column: str) -> Where | None:
    """Where the contract of a source says the type of a column."""
    contract = entry.binding.contract if entry is not None and isinstance(entry.binding, Source) else None
    if contract is None:
        return None
    found = (p for table in contract.objects for p in table.properties if p.name == column)
    return next((contract.where((*p.pointer, "physicalType")) for p in found), None)


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


def _key(inputs: Mapping[str, Columns], models: Sequence[Model], engine_version: str, python: list[Any]) -> str:
    text = json.dumps(
        [
            engine_version,
            _plain(inputs),
            [(m.name, m.digest, {} if m.kept.whole else m.kept.shape) for m in models],
            *([python, [m.settings for m in models]] if python else []),
        ]
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(columns: Mapping[str, Columns]) -> dict[str, list[tuple[str, str]]]:
    return {name: [(c.name, c.type) for c in listed] for name, listed in sorted(columns.items())}


def _encoded(columns: Mapping[str, Columns]) -> bytes:
    return json.dumps({name: [(c.name, c.type) for c in cs] for name, cs in columns.items()}).encode()


def _decoded(blob: bytes) -> dict[str, Columns]:
    return {name: tuple(Column(n, t) for n, t in cs) for name, cs in json.loads(blob).items()}
