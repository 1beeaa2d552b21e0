"""Compatibility: how a contract moves from one version to the next, judged for its readers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from weft.contracts.comparing.column_changes import (
    Change,
    column_changes,
    is_local_time,
    renames,
    rule_changes,
    text_changes,
)
from weft.contracts.comparing.levels_kept import level_kept, promised_levels
from weft.contracts.comparing.relationship_changes import relationship_changes
from weft.contracts.comparing.strictness import rule_kept
from weft.contracts.comparing.terms import FIELDS, term_changes
from weft.model.lifecycle import END_OF_LIFE, SUCCESSOR, date_of_life, moved_day
from weft.model.odcs import Contract, SchemaObject, every_property
from weft.model.version import Version

_LEVELS = ("none", "patch", "compatible", "breaking")
_APART = frozenset({"schema", "slaProperties", "customProperties", "version", "apiVersion", "kind", "id", "status"})
_EXTRA_COLUMNS = ("allow", "warn", "forbid")


class Comparison(Struct, frozen=True):
    """What changes between two versions of a contract, and the least version that may carry it.

    Attributes:
        verdict: `none` same meaning, `patch` texts only, `compatible` promises added or strengthened, `breaking` one
            withdrawn or weakened.
        broken_columns: columns of the old version that a breaking change touches.
    """

    verdict: str
    required_version: Version
    changes: tuple[Change, ...]
    broken_columns: tuple[str, ...] = field(default=())

    def as_json(self) -> dict[str, Any]:
        """The shape that `weft contract diff --format json` prints."""
        return {
            "verdict": self.verdict,
            "required_version": str(self.required_version),
            "changes": [c.as_json() for c in self.changes],
        }


def changes(old: Contract, new: Contract) -> Comparison:
    """What the new version of a contract changes for readers of the old one.

    A promise is kept when the new version has one at least as strict: a raised maximum and an added enumeration value
    weaken, a stricter rule does not. A column is itself by its id and name; the same id under a new name is a rename.
    """
    found = tuple(_all(old, new))
    verdict = max((c.verdict for c in found), key=_LEVELS.index, default="none")
    broken = dict.fromkeys(c.column for c in found if c.verdict == "breaking" and c.column)
    return Comparison(verdict, _required(old.version or Version(1), verdict), found, tuple(broken))


_MIRRORED = {"added": "removed", "removed": "added"}
_OF_READERS = frozenset({"classification", "server", "role", "price"})
"""Kinds of changes that ask nothing of those who make the data."""


def for_producers(old: Contract, new: Contract) -> Comparison:
    """What the new version changes for those who have to keep its promises.

    What strengthens a promise asks more of them, so that data which was good may be refused: the verdict is that of
    the way back. What is told stays that of the way forward.
    """
    names = _names(old, new)
    exactly: dict[str, str] = {}
    roughly: dict[tuple[str, str], str] = {}
    for change in _all(new, old):
        kind = _MIRRORED.get(change.kind, change.kind)
        path = str(change.to) if change.kind == "renamed" else _called(change.path, names)
        exactly[_fact(kind, path, change.to, change.from_)] = change.verdict
        roughly[kind, path] = max(roughly.get((kind, path), "none"), change.verdict, key=_LEVELS.index)

    def back(change: Change) -> str:
        """The verdict of the way back: of the same fact, else of what is told of the same place."""
        fact = _fact(change.kind, change.path, change.from_, change.to)
        return exactly.get(fact) or roughly.get((change.kind, change.path), change.verdict)

    found = tuple(replace(c, verdict=_asked(c, back(c))) for c in _all(old, new))
    verdict = max((c.verdict for c in found), key=_LEVELS.index, default="none")
    broken = dict.fromkeys(c.column for c in found if c.verdict == "breaking" and c.column)
    return Comparison(verdict, _required(old.version or Version(1), verdict), found, tuple(broken))


def _names(old: Contract, new: Contract) -> dict[str, str]:
    """What the old version calls columns that the new one has renamed."""
    return {
        now: was
        for table, other in zip(old.objects, new.objects, strict=False)
        for was, now in renames(table.properties, other.properties).items()
    }


def _called(path: str, names: Mapping[str, str]) -> str:
    head, dot, rest = path.partition(".")
    return f"{names.get(head, head)}{dot}{rest}"


def _fact(kind: str, path: str, was: Any, now: Any) -> str:
    return json.dumps([kind, path, was, now], sort_keys=True, default=str)


def _asked(change: Change, back: str) -> str:
    if change.kind in _OF_READERS:
        return "compatible"
    return change.verdict if change.kind == "identity" else back


def _required(version: Version, verdict: str) -> Version:
    """Texts may change under a published version; before 1.0.0 a minor version may break (Source: semver, 4)."""
    if verdict == "breaking":
        return version.next_major() if version.major else version.next_minor()
    return version.next_minor() if verdict == "compatible" else version


def _all(old: Contract, new: Contract) -> Iterator[Change]:
    yield from _tables(old, new)
    yield from rule_changes(
        "service level",
        None,
        promised_levels(old),
        promised_levels(new),
        level_kept,
        ("slaProperties",),
    )
    yield from _dates(old, new)
    yield from _settings(old, new)
    yield from term_changes(old, new)
    texts = (
        {k: v for k, v in old.data.items() if k not in _APART | FIELDS},
        {k: v for k, v in new.data.items() if k not in _APART | FIELDS},
    )
    yield from text_changes("", None, *texts, ())
    for name in ("status", "id"):
        if old.data.get(name) != new.data.get(name):
            words = f"{name} is {new.data.get(name)}"
            yield Change(name, "text", "patch", old.data.get(name), new.data.get(name), words, (name,))


def _dates(old: Contract, new: Contract) -> Iterator[Change]:
    """Dates of the product's life that moved: no promise, but its readers have to be told."""
    before, after = ({str(e["property"]): e.get("value") for e in c.slas if date_of_life(e)} for c in (old, new))
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was != now:
            yield Change(name, "date", "patch", was, now, moved_day(name, was, now), ("slaProperties",))


def _tables(old: Contract, new: Contract) -> Iterator[Change]:
    by_name = {t.name: t for t in new.objects}
    by_id = {str(t.data["id"]): t for t in new.objects if t.data.get("id")}
    only = len(old.objects) == len(new.objects) == 1
    taken: set[str] = set()
    for table in old.objects:
        same = by_id.get(str(table.data.get("id")))
        # the one table of a port is the port's, whatever it is called
        other = new.objects[0] if only else same or by_name.get(table.name)
        if other is None:
            reason = f"table `{table.name}` is removed{_like(table, old, new)}"
            yield Change(table.name, "table", "breaking", table.name, None, reason, ("schema",))
            continue
        taken.add(other.name)
        if other.name != table.name:
            yield _renamed(table, other, only)
        yield from _table(old, table, new, other)
    for table in new.objects:
        if table.name not in taken:
            reason = f"table `{table.name}` is added"
            yield Change(table.name, "table", "compatible", None, table.name, reason, table.pointer)


def _renamed(old: SchemaObject, new: SchemaObject, only: bool) -> Change:
    if only:
        reason = f"the table is called `{new.name}`"
        return Change(old.name, "text", "patch", old.name, new.name, reason, new.pointer)
    reason = f"table `{old.name}` is renamed to `{new.name}`"
    return Change(old.name, "renamed", "breaking", old.name, new.name, reason, new.pointer)


def _like(gone: SchemaObject, old: Contract, new: Contract) -> str:
    """A guess at what a table without id is called now: the new one with most of its columns."""
    known, names = {t.name for t in old.objects}, {p.name for p in gone.properties}
    added = {t.name: len(names & {p.name for p in t.properties}) for t in new.objects if t.name not in known}
    like = max(added, key=lambda name: added[name], default=None)
    alike = like is not None and 2 * added[like] > len(names)
    return f"; was it renamed to `{like}`? give both the same `id`" if alike else ""


def _table(old_contract: Contract, old: SchemaObject, new_contract: Contract, new: SchemaObject) -> Iterator[Change]:
    yield from column_changes(old.properties, new.properties, new.pointer)
    before, after = set(old.key), set(new.key)
    if before and before != after:
        reason = f"the primary key was {', '.join(old.key)}"
        change = Change(old.name, "primary_key", "breaking", list(old.key), list(new.key), reason, new.pointer)
        yield change
    elif after and not before:
        reason = f"the primary key is {', '.join(new.key)}"
        yield Change(old.name, "primary_key", "compatible", None, list(new.key), reason, new.pointer)
    yield from rule_changes("quality", None, old.quality, new.quality, rule_kept, (*new.pointer, "quality"))
    was, now = (str(t.data.get("physicalName") or t.name) for t in (old, new))
    if was != now and old_contract.data.get("servers") and old.data.get("physicalName"):
        reason = f"the table is `{now}` on its servers, was `{was}`"
        yield Change(old.name, "physical_name", "breaking", was, now, reason, (*new.pointer, "physicalName"))
    yield from relationship_changes(old_contract, old, new_contract, new)
    apart = {"name", "properties", "quality", "relationships", "customProperties", "id"}
    texts = {k: v for k, v in old.data.items() if k not in apart}, {k: v for k, v in new.data.items() if k not in apart}
    yield from text_changes(old.name, None, *texts, new.pointer)
    order = [p.name for p in old.properties if new.property(p.name)]
    if order != [p.name for p in new.properties if old.property(p.name)]:
        where = (*new.pointer, "properties")
        yield Change(old.name, "order", "compatible", None, None, "columns stand in another order", where)


def _settings(old: Contract, new: Contract) -> Iterator[Change]:
    """Changes of the contract's own `weft.` settings."""
    before, after = old.custom, new.custom
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        verdict = "patch"
        if name == "weft.extraColumns":
            was, now = was or "forbid", now or "forbid"
            verdict = "compatible" if _rank(now) >= _rank(was) else "breaking"
        elif name == "weft.timezone":
            # UTC is meant when nothing is said (Source: architecture.md, time)
            verdict = "breaking" if (was or "UTC") != (now or "UTC") and _has_local_times(old) else "compatible"
        elif name == "weft.mustEvaluate":
            verdict = "compatible" if now else "breaking"
        elif name.startswith("weft.") and name not in (END_OF_LIFE, SUCCESSOR):
            verdict = "compatible"
        if was != now:
            kind = "date" if name == END_OF_LIFE else "setting"
            reason = moved_day(name, was, now) if kind == "date" else f"`{name}` is {now}, was {was}"
            yield Change(name, kind, verdict, was, now, reason, ("customProperties",))


def _rank(policy: Any) -> int:
    return _EXTRA_COLUMNS.index(policy) if policy in _EXTRA_COLUMNS else len(_EXTRA_COLUMNS)


def _has_local_times(contract: Contract) -> bool:
    """Whether some local time says nothing of its own zone, so that the contract's is meant."""
    return any(
        is_local_time(prop) and not prop.custom.get("weft.timezone")
        for table in contract.objects
        for prop in every_property(table.properties)
    )


__all__ = ["Change", "Comparison", "changes"]
