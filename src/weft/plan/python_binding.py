"""Columns of Python models before anything is built: promised, declared, or found by a run on empty inputs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from weft.config import Settings
from weft.engines.base import Session
from weft.errors import Diagnostic, UserCodeError, Where, did_you_mean, error, has_errors
from weft.model.column import Column
from weft.model.mesh import Model, OutputPort
from weft.model.types import duck_type, normalise
from weft.plan.keeping import columns_of_model

Columns = tuple[Column, ...]


class PythonBinding:
    """Says what columns Python models give; a model runs for it only when nothing else tells."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def digest(self, models: Iterable[Model]) -> str | None:
        """Hash of the interpreter and the packages that the models name; None when none is in Python."""
        if all(m.python is None for m in models):
            return None
        from weft.engines.python.environment import digest_of  # reads the metadata of packages

        return digest_of(models)

    def columns(
        self, session: Session, model: Model, promised: Columns | None, known: Mapping[str, Columns]
    ) -> Columns:
        """The columns of a model whose inputs are empty tables of the session.

        Args:
            promised: those of the contract of the port that it fills.
            known: columns of the inputs and models that it may read.

        Raises:
            UserCodeError: WFT-PYM-005 to 019, with places in the model's file.
        """
        from weft.engines.python.environment import problems_of

        lacking = problems_of(model)
        if has_errors(lacking):
            raise UserCodeError(*lacking)
        declared = model.settings.get("columns")
        if declared:
            found = tuple(Column(name, normalise(text)) for name, text in declared.items())
        elif promised is not None:
            found = promised
        else:
            found = self._found(session, model)
        wrong = lineage_problems(model, found, known)
        if wrong:
            raise UserCodeError(*wrong)
        return found

    def _found(self, session: Session, model: Model) -> Columns:
        from weft.engines.python.rows import found_columns, run_of

        with tempfile.TemporaryDirectory(prefix="weft-python-") as folder:
            return found_columns(session, model, run_of(self._settings, Path(folder), lambda _: None))


def promised_columns(outputs: Iterable[OutputPort]) -> dict[str, Columns]:
    """By model: the columns that contracts promise of ports which Python fills, where there are some with types."""
    found: dict[str, Columns] = {}
    for port in outputs:
        if port.model.python is None:
            continue
        types = [(p.name, duck_type(p)) for p in port.contract.table.properties]
        known = tuple(Column(name, normalise(text)) for name, text in types if text is not None)
        if known and len(known) == len(types):
            found[port.model.name] = columns_of_model(port.model.kept, known)
    return found


def lineage_problems(model: Model, columns: Columns, known: Mapping[str, Columns]) -> list[Diagnostic]:
    """Columns that the lineage of a Python model's header names and that are not there."""
    where = Where(model.file, model.python.place("lineage") if model.python else None)
    names = [c.name for c in columns]
    read = {r.name: [c.name for c in known.get(r.name, ())] for r in model.references}
    sources = [f"{table}.{column}" for table, listed in read.items() for column in listed]
    problems = []
    for output, listed in model.settings.get("lineage", {}).items():
        if output not in names:
            what = f"the lineage of model `{model.name}` names its column `{output}`, which it does not return"
            problems.append(error("WFT-PYM-008", what, where, fix=did_you_mean(output, names)))
        for source in listed:
            if source not in sources:
                what = f"the lineage of model `{model.name}` names `{source}`, which it does not read"
                problems.append(error("WFT-PYM-008", what, where, fix=did_you_mean(source, sources)))
    return problems
