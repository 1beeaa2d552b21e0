"""Propagation: each column has, beside what is declared of it, the level and tags of what it is made from.

A derived column keeps the highest level and all tags of its direct sources, through private models and across products,
unless its edge passes an anonymisation. What only decides which rows there are is reported, and gives nothing on. What
could not be resolved gives everything on: an edge of `*` stands for every column of its table.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from msgspec import Struct

from weft.governance.labels import PUBLIC, Label, Labels
from weft.model.classification import Classification
from weft.model.lineage import EVERY, Anonymisation, EdgeKind, LineageEdge, Transformation, table_of


class Declared(Struct, frozen=True):
    """What is declared of a column.

    Attributes:
        level: None where nobody has said one.
        anonymised: why its values need not keep what they are made from, where its contract declares that.
    """

    level: Classification | None = None
    tags: tuple[str, ...] = ()
    anonymised: str | None = None


class Stopped(Struct, frozen=True):
    """An edge that gives nothing on, and what it would have given."""

    source: str
    why: str
    label: Label


_OF_EVERY = f".{EVERY}"


class Propagation:
    """Labels of all columns of a mesh. One model that changes touches only what is made from it.

    Args:
        edges: every edge between columns, by their node ids.
        declared: what is declared of columns, by node id.
    """

    def __init__(self, edges: Iterable[LineageEdge] = (), declared: Mapping[str, Declared] | None = None) -> None:
        self.labels = Labels()
        self._ids: dict[str, int] = {}
        self._into: dict[str, int] = {}
        self._out: dict[str, int] = {}
        self._names: list[str] = []
        self._own: list[int] = []
        self._label: list[int] = []
        self._depth: list[int] = []
        self._circular = False
        self._before: list[list[int]] = []
        self._behind: list[list[int]] = []
        self._tables: dict[str, list[int]] = {}
        self._starred: dict[str, None] = {}
        self._cut: dict[int, str] = {}
        self._stopped: dict[int, dict[int, str]] = {}
        self._deciding: dict[int, list[int]] = {}
        self._unresolved: set[tuple[int | None, int | None]] = set()
        self._masked: set[tuple[int | None, int | None]] = set()
        self._load(edges, declared or {})

    # asking

    def of(self, node: str) -> Label:
        """The level and tags of a column: the higher of what is declared and what it inherits."""
        at = self._ids.get(node)
        return Label() if at is None else self.labels.label(self._label[at])

    def inherited(self, node: str) -> Label:
        """The level and tags that a column has from what it is made from."""
        at = self._ids.get(node)
        return Label() if at is None else self.labels.label(self._given(at))

    def way(self, node: str, *, level: Classification | None = None, tag: str | None = None) -> tuple[str, ...]:
        """A shortest way from a column that declares a level (or a higher one) or tag to one that inherits it.

        Empty where it does not inherit it, the column alone where it comes round in a circle.
        """
        at = self._ids.get(node)
        wanted = self.labels.number(level, () if tag is None else (tag,))
        if at is None or not wanted:
            return ()
        came: dict[int, int] = {at: at}
        waiting = deque([at])
        while waiting:
            here = waiting.popleft()
            for source in self._before[here]:
                if source in came or self._label[source] & wanted != wanted:
                    continue
                came[source] = here
                if self._own[source] & wanted == wanted:
                    return self._named_way(source, came)
                waiting.append(source)
        return (node,) if self._own[at] & wanted == wanted and self._given(at) & wanted == wanted else ()

    def stopped(self, node: str) -> tuple[Stopped, ...]:
        """The edges into a column that give nothing on: its sources that have a label, and why it has not."""
        at = self._ids.get(node)
        held = self._stopped.get(at, {}) if at is not None else {}
        passed = set(self._before[at]) if at is not None else set()
        return tuple(
            Stopped(self._names[source], why, self.labels.label(self._label[source]))
            for source, why in held.items()
            if self._label[source] and source not in passed
        )

    def deciding(self, node: str) -> tuple[str, ...]:
        """The columns with a higher label than a column's own that decide which rows it has: no value of theirs flows.

        Only one step back: what is made from these is reported where they are used.
        """
        at = self._ids.get(node)
        if at is None:
            return ()
        own = self._label[at]
        found = (source for source in self._deciding.get(at, ()) if self._label[source] & ~own)
        return tuple(dict.fromkeys(self._names[source] for source in found))

    def is_guessable(self, way: Sequence[str]) -> bool:
        """Whether a step of a way masks values such that they can be guessed, as a digest without salt does."""
        ids = [self._ids.get(node) for node in way]
        return any(step in self._masked for step in pairwise(ids))

    def is_resolved(self, way: Sequence[str]) -> bool:
        """Whether each step of a way is one that weft knows; else it is one that may be."""
        ids = [self._ids.get(node) for node in way]
        return all(step not in self._unresolved for step in pairwise(ids))

    def nodes(self) -> Iterable[str]:
        """Every column that an edge or a declaration names."""
        return self._ids.keys()

    # changing

    def put(
        self, table: str, edges: Iterable[LineageEdge], declared: Mapping[str, Declared] | None = None
    ) -> frozenset[str]:
        """Replaces the edges that end in a table and what is declared of its columns.

        Returns:
            The columns whose label is another one now.
        """
        found = declared or {}
        made, starred = len(self._names), len(self._starred)
        direct: dict[int, dict[int, None]] = {at: {} for at in self._tables.get(table, ())}
        for at in direct:
            for held in (self._deciding, self._stopped, self._cut):
                held.pop(at, None)
        for node, one in found.items():
            at = self._id(node)
            direct.setdefault(at, {})
            if one.anonymised is not None:
                self._cut[at] = one.anonymised
        for edge in edges:
            source, target = self._source(edge.source), self._id(edge.target)
            sources = direct.setdefault(target, {})
            if self._passes(edge, source, target):
                sources[source] = None
        own = dict.fromkeys(direct, PUBLIC)
        own |= {self._ids[node]: self.labels.number(one.level, one.tags) for node, one in found.items()}
        for other in {table_of(name) for name in self._names[made:]} & self._starred.keys() | set(
            list(self._starred)[starred:]
        ):
            for at in self._tables[other]:
                direct.setdefault(at, dict.fromkeys(self._before[at]))
        for at, sources in direct.items():
            sources.update(dict.fromkeys(self._links(at)))
        return self._replaced(direct, own)

    # inside

    def _load(self, edges: Iterable[LineageEdge], declared: Mapping[str, Declared]) -> None:
        ids, before, behind = self._ids, self._before, self._behind
        for node, one in declared.items():
            at = self._id(node)
            self._own[at] = self.labels.number(one.level, one.tags)
            if one.anonymised is not None:
                self._cut[at] = one.anonymised
        plain, direct_kind, unresolved = Anonymisation.NONE, EdgeKind.DIRECT, Transformation.UNRESOLVED
        deciding = self._deciding
        for edge in edges:
            source = ids.get(edge.source)
            if source is None:
                source = self._source(edge.source)
            target = ids.get(edge.target)
            if target is None:
                target = self._id(edge.target)
            if edge.kind is not direct_kind:  # most edges: a row's filters go into each of its columns
                known = deciding.get(target)
                if known is None:
                    deciding[target] = [source]
                else:
                    known.append(source)
            elif (
                edge.anonymised is plain
                and edge.transformation is not unresolved
                and not edge.masking
                and target not in self._cut
            ) or self._passes(edge, source, target):
                before[target].append(source)
                behind[source].append(target)
        for table in self._starred:
            for at in list(self._tables.get(table, ())):
                for source in self._links(at):
                    before[at].append(source)
                    behind[source].append(at)
        self._settle()

    def _settle(self) -> None:
        """Every label, each column after what it is made from; what stands in a circle until nothing moves."""
        label, depth = self._label, self._depth
        label[:] = self._own
        left = [len(sources) for sources in self._before]
        waiting = [at for at, number in enumerate(left) if not number]
        behind = self._behind
        for at in waiting:
            own, below = label[at], depth[at] + 1
            for target in behind[at]:
                label[target] |= own
                if depth[target] < below:
                    depth[target] = below
                left[target] -= 1
                if not left[target]:
                    waiting.append(target)
        if len(waiting) < len(left):
            self._circular = True
            self._spread([at for at, number in enumerate(left) if number])

    def _spread(self, waiting: list[int], old: dict[int, int] | None = None) -> None:
        """Gives labels on until nothing moves; `old` gets what columns had."""
        label, before = self._label, {} if old is None else old
        while waiting:
            at = waiting.pop()
            own = label[at]
            for target in self._behind[at]:
                if own & ~label[target]:
                    before.setdefault(target, label[target])
                    label[target] |= own
                    waiting.append(target)

    def _replaced(self, direct: Mapping[int, Mapping[int, None]], declared: Mapping[int, int]) -> frozenset[str]:
        """New sources and declarations of some columns, and the labels of what is made from them."""
        lost: dict[int, int] = {}
        for at, sources in direct.items():
            own, before = declared.get(at, self._own[at]), self._before[at]
            gone, known = self._own[at] & ~own, set[int]()
            for source in before:
                if source not in sources:
                    gone |= self._label[source]
                    self._behind[source].remove(at)
                elif source in known:  # a second edge between the same two
                    self._behind[source].remove(at)
                known.add(source)
            for source in sources:
                if source not in known:
                    self._behind[source].append(at)
            self._before[at] = list(sources)
            self._own[at] = own
            if gone & ~own:
                lost[at] = gone
        self._deepen(direct)
        old = self._circled(direct, lost) if self._circular else self._ordered(direct)
        return frozenset(self._names[at] for at, was in old.items() if self._label[at] != was)

    def _deepen(self, targets: Iterable[int]) -> None:
        """Each column deeper than what it is made from; where that never ends there is a circle."""
        depth, most = self._depth, len(self._names)
        waiting = list(targets)
        while waiting and not self._circular:
            at = waiting.pop()
            below = max((depth[source] + 1 for source in self._before[at]), default=0)
            if below > depth[at]:
                depth[at] = below
                self._circular = below > most
                waiting.extend(target for target in self._behind[at] if depth[target] <= below)

    def _ordered(self, changed: Iterable[int]) -> dict[int, int]:
        """New labels, each after those that it is made from, as far as something moves; gives what columns had."""
        label, depth, old = self._label, self._depth, dict[int, int]()
        waiting = [(depth[at], at) for at in changed]
        heapq.heapify(waiting)
        queued = {at for _, at in waiting}
        while waiting:
            _, at = heapq.heappop(waiting)
            now = self._own[at] | self._given(at)
            if now != label[at]:
                old[at], label[at] = label[at], now
                for target in self._behind[at]:
                    if target not in queued:
                        queued.add(target)
                        heapq.heappush(waiting, (depth[target], target))
        return old

    def _circled(self, changed: Iterable[int], lost: dict[int, int]) -> dict[int, int]:
        """The same where columns are made from one another in a circle, whose labels hold each other up.

        What may be lost is taken from everything behind, then what comes over another way is given anew.
        """
        old: dict[int, int] = {}
        self._take_back(lost, old)
        again = {*old, *changed}
        for at in again:
            old.setdefault(at, self._label[at])
            self._label[at] |= self._own[at] | self._given(at)
        self._spread([at for at in again if self._label[at]], old)
        return old

    def _take_back(self, lost: dict[int, int], old: dict[int, int]) -> None:
        """Takes bits from columns and from all that may have them from these; `old` gets what they had."""
        label, waiting = self._label, list(lost.items())
        while waiting:
            at, bits = waiting.pop()
            bits &= label[at] & ~self._own[at]
            if not bits:
                continue
            old.setdefault(at, label[at])
            label[at] &= ~bits
            waiting.extend((target, bits) for target in self._behind[at])

    def _given(self, at: int) -> int:
        found = PUBLIC
        for source in self._before[at]:
            found |= self._label[source]
        return found

    def _passes(self, edge: LineageEdge, source: int, target: int) -> bool:
        """Whether an edge gives its source's label on; what it is otherwise is kept for who asks."""
        if edge.kind is not EdgeKind.DIRECT:
            self._deciding.setdefault(target, []).append(source)
            return False
        why = self._cut.get(target) or (str(edge.anonymised) if edge.anonymised else None)
        if why is not None:
            self._stopped.setdefault(target, {})[source] = why
            return False
        if edge.transformation is Transformation.UNRESOLVED:
            self._unresolved.add((source, target))
        if edge.masking:
            self._masked.add((source, target))
        return True

    def _links(self, at: int) -> Collection[int]:
        """What a column of a table has beside its edges, where some edge says `*`: see `_source`."""
        name = self._names[at]
        table = table_of(name)
        if table not in self._starred:
            return ()
        into, out = self._into.get(table), self._out.get(table)
        if at == out:
            return [one for one in self._tables[table] if one != out]
        return () if into is None or at == into else (into,)

    def _source(self, node: str) -> int:
        """The column that an edge begins at; `TABLE.*` is made from every column of the table."""
        return self._star(node, self._out) if node.endswith(_OF_EVERY) else self._id(node)

    def _id(self, node: str) -> int:
        """The number of a column; `TABLE.*` goes into every column of the table."""
        if node.endswith(_OF_EVERY):  # in no case in `_ids`: what it is hangs on the end of the edge
            return self._star(node, self._into)
        at = self._ids.get(node)
        if at is None:
            at = self._ids[node] = self._made(node)
        return at

    def _star(self, node: str, known: dict[str, int]) -> int:
        table = table_of(node)
        at = known.get(table)
        if at is None:
            self._starred[table] = None
            at = known[table] = self._made(node)
        return at

    def _made(self, node: str) -> int:
        at, table = len(self._names), table_of(node)
        self._names.append(node)
        self._own.append(PUBLIC)
        self._label.append(PUBLIC)
        self._depth.append(0)
        self._before.append([])
        self._behind.append([])
        self._tables.setdefault(table, []).append(at)
        return at

    def _named_way(self, source: int, came: Mapping[int, int]) -> tuple[str, ...]:
        way = [source]
        while came[way[-1]] != way[-1]:
            way.append(came[way[-1]])
        return tuple(dict.fromkeys(self._names[at] for at in way))
