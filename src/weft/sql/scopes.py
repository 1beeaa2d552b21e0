"""What a name means at a place in a query: its tables' columns, aliases and CTEs, then those of the queries around it.

The order is DuckDB's: a lambda's parameters, a table's column, a column, a whole row by its table's name, an alias of
the same SELECT, then the query around.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace
from sqlglot import exp

from weft.model.lineage import EVERY, Transformation
from weft.sql.flows import CONSTANT, NOTHING, Flow, Origin, Output, Relation, merged, struct, unresolved


class Unreadable(Exception):
    """The query has a part of which nobody here knows what it does."""


# DuckDB has them without parentheses; a column of that name comes first.
_KEYWORDS = frozenset(
    {
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "session_user",
        "user",
    }
)


class Reading(Struct):
    """One query being read.

    Attributes:
        tables: what it may read, by names in small letters.
        query: reads a query in it.
        selected: the columns that `*` or `columns(…)` stands for.
        spreads: whether somewhere in it stands an expression that gives several columns or rows.
        seen: ids of the nodes that were looked at.
    """

    tables: Mapping[str, Relation]
    query: Callable[[exp.Expr, Scope], Relation]
    selected: Callable[[exp.Expr, Scope], Sequence[Output]]
    spreads: bool = True
    seen: set[int] = field(default_factory=set)

    def skip(self, *nodes: object) -> None:
        """Notes that what stands below the nodes needs no further look."""
        for node in nodes:
            if isinstance(node, exp.Expr):
                self.seen.update(id(n) for n in node.walk())


class Visible(Struct, frozen=True):
    """A column that a FROM clause gives. `folded` is the one that USING shows through the other table's."""

    source: str
    output: Output
    folded: bool = False


class Scope(Struct):
    """The names of one SELECT (or of a lambda in it), and the scope around it.

    Attributes:
        enough: whether each group has so many rows that an aggregate of them says nothing of one.
    """

    reading: Reading
    parent: Scope | None = None
    ctes: dict[str, Relation] = field(default_factory=dict)
    sources: dict[str, Relation] = field(default_factory=dict)
    visible: list[Visible] = field(default_factory=list)
    aliases: dict[str, Flow] = field(default_factory=dict)
    parameters: frozenset[str] = frozenset()
    windows: dict[str, frozenset[Origin]] = field(default_factory=dict)
    picked: dict[int, Flow] = field(default_factory=dict)
    rows: frozenset[Origin] = NOTHING
    enough: bool = False

    def inside(self, **changes: object) -> Scope:
        """A scope within this one, of the same SELECT where a lambda is."""
        return Scope(self.reading, parent=self, **changes)  # type: ignore[arg-type]

    def around(self) -> Iterator[Scope]:
        """This scope and those around it."""
        at: Scope | None = self
        while at is not None:
            yield at
            at = at.parent

    def add(self, name: str, relation: Relation) -> list[Visible]:
        """Makes a table's columns known under its name, and gives them as they are seen."""
        lowered = name.lower()
        if name:
            self.sources[lowered] = relation
        self.rows |= relation.rows
        return [Visible(lowered, output) for output in relation.outputs]

    def outputs(self) -> list[Output]:
        """The columns that `*` stands for."""
        at = next((s for s in self.around() if s.visible or s.sources or not s.parameters), self)
        return [v.output for v in at.visible if not v.folded]

    def source(self, name: str) -> Relation | None:
        """The table of that name in FROM, of this SELECT or one around it."""
        return next((s.sources[name.lower()] for s in self.around() if name.lower() in s.sources), None)

    def table(self, name: str) -> Relation:
        """What FROM reads under that name: a CTE or one of the tables; if neither, nothing is known of it."""
        for scope in self.around():
            if name.lower() in scope.ctes:
                return scope.ctes[name.lower()]
        known = self.reading.tables.get(name.lower())
        if known is not None:
            return known
        origin = (name, EVERY, Transformation.UNRESOLVED, 0)
        return Relation((Output(EVERY, Flow(frozenset([origin])), many=True),))

    def window(self, name: str) -> frozenset[Origin]:
        """What a named window's keys and order are made from."""
        for scope in self.around():
            if name.lower() in scope.windows:
                return scope.windows[name.lower()]
        raise Unreadable(name)

    def column(self, parts: Sequence[str]) -> Output:
        """The value that a dotted name stands for; any of the values in reach where nothing is called so."""
        parts = [p for p in parts if p]
        guesses: list[Flow] = []
        for scope in self.around():
            found = scope._own(parts)
            if found is not None:
                return Output(parts[-1], merged([*guesses, unresolved(found.flow)])) if guesses else found
            guesses += scope._guessed()  # a column that is not known comes before one of the query around
        if guesses:
            return Output(parts[-1], merged(guesses))
        if len(parts) == 1 and parts[0].lower() in _KEYWORDS:
            return Output(parts[0], CONSTANT)
        return Output(parts[-1], self._unknown(parts))

    def knows(self, name: str) -> bool:
        """Whether the name stands for something here."""
        return any(scope._own([name]) is not None or scope._guessed() for scope in self.around())

    def _own(self, parts: Sequence[str]) -> Output | None:
        first, *rest = parts
        if first.lower() in self.parameters:
            return Output(parts[-1], CONSTANT)
        for at in (0, 1):  # table.column, then schema.table.column
            if len(parts) > at + 1 and (source := self.sources.get(parts[at].lower())) is not None:
                found = source.find(parts[at + 1])
                if found is not None:
                    return _field(found, parts[at + 2 :])
        wanted = first.lower()
        own = [v.output for v in self.visible if v.output.name.lower() == wanted and not v.folded]
        own = [o for o in own if o.name != EVERY]
        if own:
            flow = own[0].flow if len(own) == 1 else merged(o.flow for o in own)
            return _field(Output(own[0].name, flow), rest)
        whole = self.sources.get(first.lower())
        if whole is not None and not rest:
            return Output(first, struct(whole.outputs))
        alias = self.aliases.get(first.lower())
        flows = [unresolved(o.flow) for o in whole.outputs if o.many] if whole else self._guessed()
        if alias is not None:
            return Output(parts[-1], merged([*flows, alias])) if flows else _field(Output(first, alias), rest)
        return Output(parts[-1], merged(flows)) if whole and flows else None

    def _guessed(self) -> list[Flow]:
        """What a name may be that is none of those that are known: a column of a table of which not all are."""
        return [unresolved(v.output.flow) for v in self.visible if v.output.many]

    def _unknown(self, parts: Sequence[str]) -> Flow:
        qualified = self.source(parts[0]) if len(parts) > 1 else None
        if qualified is not None:
            flow = unresolved(qualified.all)
        else:
            flow = unresolved(merged(v.output.flow for scope in self.around() for v in scope.visible))
        if flow.direct:
            return flow
        table = parts[-2] if len(parts) > 1 else EVERY
        return Flow(frozenset([(table, parts[-1], Transformation.UNRESOLVED, 0)]))


def renamed(relation: Relation, names: Sequence[str]) -> Relation:
    """The relation with the names of `AS t(a, b)`, for as many columns as there are names."""
    if not names:
        return relation
    if any(o.many for o in relation.outputs[: len(names)]):
        every = unresolved(relation.all)
        return Relation((*(Output(name, every) for name in names), Output(EVERY, every, many=True)), relation.rows)
    pairs = enumerate(relation.outputs)
    outputs = tuple(replace(o, name=names[i]) if i < len(names) else o for i, o in pairs)
    return Relation(outputs, relation.rows)


def distinct_names(relation: Relation) -> Relation:
    """The relation as a query around it sees it: the second `id` is called `id_1`."""
    taken: set[str] = set()
    outputs = []
    for output in relation.outputs:
        name, n = output.name, 0
        while (lowered := name.lower()) in taken and not output.many:
            n += 1
            name = f"{output.name}_{n}"
        taken.add(lowered)
        outputs.append(output if n == 0 else replace(output, name=name))
    return Relation(tuple(outputs), relation.rows)


def _field(output: Output, path: Sequence[str]) -> Output:
    for name in path:
        output = Output(name, output.flow.field(name))
    return output
