"""What a value is made from: the origins that flow into it and those that decide it, and how they combine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from weft.model.lineage import EVERY, Anonymisation, Transformation

Origin = tuple[str, str, Transformation, int]
"""Table, column, how the value is made from it or what it decides, and how that hides its values.

A number as in `LineageEdge.hiding`: 1 where they are masked, and twice the number of an `Anonymisation`.
"""

NOTHING: frozenset[Origin] = frozenset()

_RANK = {
    Transformation.IDENTITY: 0,
    Transformation.TRANSFORMATION: 1,
    Transformation.AGGREGATION: 2,
    Transformation.UNRESOLVED: 3,
}


class Flow(Struct, frozen=True):
    """The origins of one value.

    Attributes:
        direct: whose values flow into it.
        indirect: what decides which value it is.
        fields: names and flows of a struct's fields, where they are known.
        element: the flow of a list's elements, where it is known.
    """

    direct: frozenset[Origin] = NOTHING
    indirect: frozenset[Origin] = NOTHING
    fields: tuple[tuple[str, Flow], ...] | None = None
    element: Flow | None = None

    @property
    def length(self) -> Flow:
        """What decides how many elements a list has: not the elements, where they are written out."""
        return self if self.element is None else Flow(indirect=self.indirect)

    def field(self, name: str) -> Flow:
        """The flow of a struct's field: all of the value's where its fields are not known."""
        for known, flow in self.fields or ():
            if known.lower() == name.lower():
                return Flow(flow.direct, flow.indirect | self.indirect, flow.fields, flow.element)
        return made(self, Transformation.TRANSFORMATION)


CONSTANT = Flow()


class Output(Struct, frozen=True):
    """A column that a query or table gives.

    Attributes:
        many: it stands for columns of which the number is not known.
        guessed: the name is DuckDB's text of an expression, and may be another one.
        node: `id` of the item of a SELECT list that gives it; 0 for a table's column.
    """

    name: str
    flow: Flow
    many: bool = False
    guessed: bool = False
    node: int = 0


class Relation(Struct, frozen=True):
    """What a query or table gives: its columns, and what decides which rows it has."""

    outputs: tuple[Output, ...]
    rows: frozenset[Origin] = NOTHING

    def find(self, name: str) -> Output | None:
        """The column of that name."""
        wanted = name.lower()
        for output in self.outputs:
            known = output.name
            if (known == wanted or known.lower() == wanted) and known != EVERY:
                return output
        return None

    @property
    def all(self) -> Flow:
        """Every column in one flow."""
        return merged(o.flow for o in self.outputs)


def merged(flows: Iterable[Flow]) -> Flow:
    """A value that any of the flows may have gone into."""
    several = list(flows)
    if len(several) == 1:
        return several[0]
    direct = indirect = NOTHING
    for flow in several:  # most are constants or come from few columns: a union of empty sets would make new ones
        if flow.direct:
            direct = direct | flow.direct if direct else flow.direct
        if flow.indirect:
            indirect = indirect | flow.indirect if indirect else flow.indirect
    return Flow(direct, indirect, _merged_fields(several), _merged_elements(several))


def made(flow: Flow, how: Transformation) -> Flow:
    """The flow of a value that is made from another one."""
    if not flow.direct:
        return Flow(NOTHING, flow.indirect)
    return Flow(frozenset([(t, c, worse(before, how), m) for t, c, before, m in flow.direct]), flow.indirect)


def deciding(flow: Flow, role: Transformation) -> frozenset[Origin]:
    """The origins of a value that decides something, in that role."""
    return frozenset([_as(origin, role) for origin in flow.direct | flow.indirect])


def unresolved(flow: Flow) -> Flow:
    """A value that may be any of these."""
    every = flow.direct | flow.indirect
    return Flow(frozenset((t, c, Transformation.UNRESOLVED, 0) for t, c, _, _ in every))


def masked(flow: Flow) -> Flow:
    """A value that does not show what it is made from; what decides it stays as it is."""
    return Flow(frozenset((t, c, how, m | 1) for t, c, how, m in flow.direct), flow.indirect)


def anonymous(flow: Flow, how: Anonymisation) -> Flow:
    """A value from which nobody can tell what it is made from; of several ways the first stays."""
    if how is Anonymisation.NONE:
        return flow
    return Flow(frozenset((t, c, step, m if m > 1 else m | how << 1) for t, c, step, m in flow.direct), flow.indirect)


def struct(outputs: Sequence[Output]) -> Flow:
    """The flow of a value with a field for each column."""
    known = not any(o.many for o in outputs)
    every = made(merged(o.flow for o in outputs), Transformation.TRANSFORMATION)
    return Flow(every.direct, every.indirect, tuple((o.name, o.flow) for o in outputs) if known else None)


def worse(one: Transformation, other: Transformation) -> Transformation:
    """Of two steps the one that changes more."""
    return one if _RANK.get(one, 1) >= _RANK.get(other, 1) else other


def _as(origin: Origin, role: Transformation) -> Origin:
    table, column, how, hidden = origin
    return origin if how is Transformation.UNRESOLVED else (table, column, role, hidden)


def _merged_fields(flows: Sequence[Flow]) -> tuple[tuple[str, Flow], ...] | None:
    """Fields of structs that all have the same ones."""
    if not flows or flows[0].fields is None:
        return None
    names = [name.lower() for name, _ in flows[0].fields]
    for flow in flows:
        if flow.fields is None or [name.lower() for name, _ in flow.fields] != names:
            return None
    return tuple((name, merged((f.fields or ())[i][1] for f in flows)) for i, (name, _) in enumerate(flows[0].fields))


def _merged_elements(flows: Sequence[Flow]) -> Flow | None:
    if not flows or flows[0].element is None:
        return None
    elements = [f.element for f in flows if f.element is not None]
    return merged(elements) if len(elements) == len(flows) else None
