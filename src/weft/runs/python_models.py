"""Python models in a run: the SELECT of their rows, and what their columns are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from weft.engines.base import Session
from weft.model.column import Column
from weft.model.lineage import ColumnEdge, EdgeKind, Transformation
from weft.model.mesh import Model, Product
from weft.model.types import normalise
from weft.plan.keeping import columns_of_model
from weft.plan.python_binding import promised_columns
from weft.registry import processes
from weft.runs.context import Context


def select_of(
    session: Session, model: Model, columns: Sequence[Column] | None, context: Context, folder: Path | None = None
) -> str:
    """The SELECT of a model's rows over what is in the session; one in Python has run when this returns.

    Args:
        columns: those that the model was bound to; the rows of a Python model have their types. None: as it gives them.
        folder: where files of rows lie as long as the SELECT is used; without it the folder of the run.

    Raises:
        UserCodeError: WFT-PYM-009 to 019, a Python model failed; its diagnostics name its file.
    """
    if model.python is None:
        return model.sql
    from weft.engines.python.rows import run_of, select_rows

    where = folder or context.temp_folder(processes.identity())
    return select_rows(session, model, columns, run_of(context.settings, where, context.progress.note))


def columns_before_binding(product: Product, model: Model) -> Sequence[Column] | None:
    """The columns of a Python model that its header or the contract of its port names; None when neither does."""
    declared = model.settings.get("columns")
    if declared:
        return tuple(Column(name, normalise(text)) for name, text in declared.items())
    promised = promised_columns(product.outputs).get(model.name)
    return columns_of_model(model.kept, promised) if promised is not None else None


def python_edges(model: Model, read: Mapping[str, Sequence[str]], outputs: Sequence[str]) -> tuple[ColumnEdge, ...]:
    """What the columns of a Python model are made from: as declared, else from everything that it reads."""
    declared = model.settings.get("lineage", {})
    everything = [(table, column) for table, columns in read.items() for column in columns]
    edges = []
    for output in outputs:
        if output in declared:
            sources = [tuple(s.split(".", 1)) for s in declared[output]]
            how = Transformation.TRANSFORMATION
        else:
            sources, how = everything, Transformation.UNRESOLVED
        edges += [ColumnEdge(table, column, output, EdgeKind.DIRECT, how) for table, column in sources]
    return tuple(edges)
