"""Where in a model's file the expression stands that gives one of its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from weft.errors import Where
from weft.model.column import Column
from weft.model.mesh import Model


class Places:
    """The places of a model's columns: asked for only when there is something to say of one, for it takes parsing."""

    def __init__(self, model: Model, columns: Sequence[Column], known: Mapping[str, Sequence[Column]]) -> None:
        """`columns` are those that the model gives, `known` those of the inputs and models of its product."""
        self._model = model
        self._columns = columns
        self._known = known

    def of(self, column: str) -> Where | None:
        """The place in the model's file of the expression that gives a column; None where nobody can say."""
        offset = self._offsets.get(column)
        return None if offset is None else self._model.where(offset)

    @cached_property
    def _offsets(self) -> Mapping[str, int | None]:
        from weft.sql.places import places  # brings sqlglot, which a plan without problems does not need

        names = [column.name for column in self._columns]
        read = {r.name: [c.name for c in self._known[r.name]] for r in self._model.references if r.name in self._known}
        return dict(zip(names, places(self._model.sql, read, names), strict=True))
