"""How columns stand: what their contracts say, what they inherit along lineage, and what should be said instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, warning
from weft.governance.declaring import Column
from weft.governance.labels import Label
from weft.governance.propagation import Declared, Propagation
from weft.model.classification import Classification
from weft.model.lineage import EdgeKind, LineageEdge, Transformation

Way = tuple[str, ...]


class Suggestion(Struct, frozen=True):
    """What a column's contract should say.

    Attributes:
        level: None where its level is right.
        tags: those that it lacks.
        reasons: why, each as a sentence.
    """

    level: Classification | None = None
    tags: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to say."""
        return self.level is None and not self.tags


class Standing(Struct, frozen=True):
    """A column of a port.

    Attributes:
        level_way: from the column whose level it inherits to itself.
        tag_ways: the same for each tag that it inherits and lacks.
        notes: what else one should know of what it is made from, each as a sentence.
        upstream: what those that are made from it unchanged say, where its own contract says nothing.
    """

    column: Column
    inherited: Label
    level_way: Way
    tag_ways: tuple[tuple[str, Way], ...]
    notes: tuple[str, ...]
    upstream: Suggestion

    @property
    def below(self) -> bool:
        """Whether its contract names a lower level than it inherits."""
        return self.inherited.level > self.column.counted

    @property
    def suggestion(self) -> Suggestion:
        """What its contract should say, after what it is made from and what is made from it."""
        level, reasons = None, []
        if self.below:
            level = self.inherited.level
            reasons.append(f"made from `{self.level_way[0]}`, which is {level}")
        lacking = dict.fromkeys(tag for tag, _ in self.tag_ways)
        reasons += [f"made from `{way[0]}`, which has the tag `{tag}`" for tag, way in self.tag_ways]
        if not self.upstream.empty:
            level = max((one for one in (level, self.upstream.level) if one is not None), default=None)
            lacking |= dict.fromkeys(self.upstream.tags)
            reasons += self.upstream.reasons
        return Suggestion(level, tuple(lacking), tuple(reasons))

    def as_json(self) -> dict[str, Any]:
        """The column as `weft classify --format json` prints it."""
        told = self.suggestion
        return {
            "column": self.column.node,
            "declared": {"classification": _word(self.column.level), "tags": list(self.column.tags)},
            "inherited": {"classification": _word(self.inherited.level), "tags": list(self.inherited.tags)},
            "ways": {
                "classification": list(self.level_way),
                "tags": {tag: list(way) for tag, way in self.tag_ways},
            },
            "notes": list(self.notes),
            "suggested": None
            if told.empty
            else {"classification": _word(told.level), "tags": list(told.tags), "why": list(told.reasons)},
        }


def standings(columns: Iterable[Column], mesh: Propagation, marks: Propagation | None = None) -> list[Standing]:
    """How each column stands.

    Args:
        marks: what columns downstream say, of `marks_of`; without it nothing is suggested after these.
    """
    return [_standing(column, mesh, marks) for column in columns]


def marks_of(edges: Iterable[LineageEdge], marked: Mapping[str, Declared]) -> Propagation:
    """What is declared of columns, carried back to those that they repeat unchanged.

    Args:
        marked: what contracts name; levels that only count, since none is named, mark nothing.
    """
    return Propagation(
        [
            LineageEdge(edge.target, edge.source, edge.kind, edge.transformation)
            for edge in edges
            if edge.kind is EdgeKind.DIRECT and edge.transformation is Transformation.IDENTITY
        ],
        marked,
    )


def lowered(standing: Standing) -> Diagnostic | None:
    """The warning for a column whose contract declares less than it inherits; None where it does not."""
    column, told = standing.column, standing.inherited
    lacking = [tag for tag, _ in standing.tag_ways]
    tags = ", ".join(f"`{tag}`" for tag in lacking)
    if standing.below:
        source, pointer = standing.level_way[0], (*column.prop.pointer, "classification")
        what = f"is declared {column.level}" if column.level is not None else "has no classification, so is internal,"
        fix = f"set `classification: {told.level}`" + (f" and the tags {tags}" if lacking else "")
        return warning(
            "WFT-GOV-030",
            f"`{column.node}` {what} but is made from `{source}`, which is {told.level}",
            column.contract.where(pointer),
            why=_why("a derived column keeps the level of its sources", standing.level_way, standing.notes),
            fix=f"{fix} (`weft classify --write` does), anonymise it in the model, or declare `weft.anonymised`",
        )
    if not lacking:
        return None
    tag, way = standing.tag_ways[0]
    return warning(
        "WFT-GOV-031",
        f"`{column.node}` lacks the tag `{tag}` of `{way[0]}`, from which it is made",
        column.contract.where((*column.prop.pointer, "tags")),
        why=_why("a derived column keeps the tags of its sources", way, standing.notes),
        fix=f"add {tags} to its `tags` (`weft classify --write` does), anonymise it in the model, or declare "
        "`weft.anonymised`",
    )


def _standing(column: Column, mesh: Propagation, marks: Propagation | None) -> Standing:
    node = column.node
    inherited = mesh.inherited(node)
    level_way = mesh.way(node, level=inherited.level)
    tag_ways = tuple((tag, mesh.way(node, tag=tag)) for tag in inherited.tags if tag not in column.tags)
    notes = []
    ways = [level_way, *(way for _, way in tag_ways)]
    if any(mesh.is_guessable(way) for way in ways):
        notes.append("a digest without salt can be guessed by whoever knows possible values")
    if not all(mesh.is_resolved(way) for way in ways):
        notes.append("what a column on the way is made from is not known: it counts as made from all that it may be")
    notes += [f"anonymised from `{one.source}` ({_label(one.label)}): {one.why}" for one in mesh.stopped(node)]
    deciding = [source for source in mesh.deciding(node) if source != node]
    if deciding:
        notes.append(f"its rows are decided by {_listed(deciding)}, whose values it does not show")
    return Standing(column, inherited, level_way, tag_ways, tuple(notes), _after(column, marks))


def _after(column: Column, marks: Propagation | None) -> Suggestion:
    """What columns downstream say of one of which its own contract says nothing."""
    if marks is None:
        return Suggestion()
    found, reasons = marks.inherited(column.node), []
    level = found.level if column.level is None and found.level > Classification.INTERNAL else None
    if level is not None:
        way = marks.way(column.node, level=level)
        reasons.append(f"`{way[0]}`, which repeats it, is declared {level}")
    tags = () if column.tags else found.tags
    reasons += [f"`{marks.way(column.node, tag=tag)[0]}`, which repeats it, has the tag `{tag}`" for tag in tags]
    return Suggestion(level, tags, tuple(reasons))


def _why(law: str, way: Way, notes: Sequence[str]) -> str:
    steps = " → ".join(way)
    return "; ".join([f"{law}: {steps}", *(n for n in notes if not n.startswith(("anonymised", "its rows")))])


def _label(label: Label) -> str:
    return ", ".join([str(label.level), *label.tags])


def _listed(nodes: Sequence[str]) -> str:
    shown = ", ".join(f"`{node}`" for node in nodes[:3])
    return shown if len(nodes) <= 3 else f"{shown} and {len(nodes) - 3} more"


def _word(level: Classification | None) -> str | None:
    return None if level is None else str(level)
