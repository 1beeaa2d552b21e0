"""Changes of columns between two versions of a contract, and of the rules on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.contracts.comparing.limits import stated_limits, stated_values
from weft.contracts.comparing.strictness import options_kept, rule_kept, type_kept, values_kept
from weft.contracts.conditions import dotted
from weft.errors import nearest
from weft.model.document import Pointer
from weft.model.odcs import Property
from weft.model.type_text import parse_type
from weft.model.types import duck_type

_DEFAULTS: dict[str, Any] = {
    "required": False,
    "unique": False,
    "primaryKey": False,
    "primaryKeyPosition": -1,
    "partitioned": False,
    "partitionKeyPosition": -1,
    "criticalDataElement": False,
    "deprecated": False,
    "semanticType": "column",
}
_JUDGED = frozenset(
    {"id", "name", "required", "unique", "primaryKey", "primaryKeyPosition", "logicalType", "logicalTypeOptions"}
    | {"physicalType", "enum", "quality", "relationships", "properties", "items", "map", "customProperties"}
    | {"classification", "partitioned", "partitionKeyPosition", "authoritativeDefinitions", "semanticType"}
)
_RULE_DEFAULTS = {"unit": ("rows",), "severity": ("error",), "type": ("library", "foreignKey")}
_UNITS = frozenset({"unit", "weft.unit", "currency"})
"""Custom properties that say in what a number is counted."""
_OF_MEANING = frozenset({"businessdefinition", "business-definition", "semantics"})
_OPEN = frozenset({"integer", "number"})
"""Logical types that leave the physical one open."""


class Change(Struct, frozen=True):
    """One difference between two versions of a contract.

    Attributes:
        path: the column, dotted when nested; else the table, the service level or the field.
        column: the old version's column that it touches, if any.
        pointer: where it stands in the new document.
    """

    path: str
    kind: str
    verdict: str
    from_: Any
    to: Any
    reason: str
    pointer: Pointer = ()
    column: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of `diff.changes[]`."""
        return {
            "path": self.path,
            "kind": self.kind,
            "verdict": self.verdict,
            "from": self.from_,
            "to": self.to,
            "reason": self.reason,
        }


def column_changes(old: Sequence[Property], new: Sequence[Property], pointer: Pointer) -> Iterator[Change]:
    """Changes of columns, or of the fields of one."""
    by_name = {p.name: p for p in new}
    by_id = {p.id: p for p in new if p.id}
    taken: set[str] = set()
    for prop in old:
        path = dotted(prop)
        other = by_name.get(prop.name)
        if prop.id and prop.id in by_id and by_id[prop.id].name != prop.name:
            renamed = by_id[prop.id]
            taken.add(renamed.name)
            reason = f"column `{path}` is renamed to `{renamed.name}`"
            yield _change(prop, "renamed", "breaking", prop.name, renamed.name, reason, renamed.pointer)
            yield from _one(prop, renamed)
        elif other is None:
            reason = f"column `{path}` is removed{_like(prop, old, new)}"
            yield _change(prop, "removed", "breaking", prop.name, None, reason, (*pointer, "properties"))
        else:
            taken.add(other.name)
            if prop.id and other.id != prop.id:
                reason = f"column `{path}` has id {other.id}, was {prop.id}: it is another column under its name"
                yield _change(prop, "identity", "breaking", prop.id, other.id, reason, other.pointer)
            elif other.id != prop.id:
                yield _change(prop, "identity", "patch", None, other.id, f"column `{path}` has an id", other.pointer)
            yield from _one(prop, other)
    for prop in new:
        if prop.name not in taken:
            reason = f"column `{dotted(prop)}` is added"
            yield Change(dotted(prop), "added", "compatible", None, prop.name, reason, prop.pointer)


def renames(old: Sequence[Property], new: Sequence[Property]) -> dict[str, str]:
    """What columns that keep their id are called now, by what they were called."""
    by_id = {p.id: p for p in new if p.id}
    found = {p.name: by_id[p.id].name for p in old if p.id and p.id in by_id}
    return {was: now for was, now in found.items() if was != now}


def _like(gone: Property, old: Sequence[Property], new: Sequence[Property]) -> str:
    """A guess at what a column without id is called now: alike in name and type, else the only one of its type."""
    before, kind = {p.name for p in old}, duck_type(gone)
    added = [p.name for p in new if p.name not in before and not (p.id and gone.id) and duck_type(p) == kind]
    like = nearest(gone.name, added)
    if like is None and len(added) == 1 and [duck_type(p) for p in old].count(kind) == 1:
        like = added[0]
    return f"; was it renamed to `{like}`? give both the same `id`" if like else ""


def _change(prop: Property, kind: str, verdict: str, was: Any, now: Any, reason: str, pointer: Pointer) -> Change:
    return Change(dotted(prop), kind, verdict, was, now, reason, pointer, prop.path[0])


def _one(old: Property, new: Property) -> Iterator[Change]:
    path = dotted(old)
    yield from _type(old, new)
    if old.required != new.required:
        words = "is always filled" if new.required else "may be null"
        verdict = "compatible" if new.required else "breaking"
        yield _change(old, "required", verdict, old.required, new.required, f"column `{path}` {words}", new.pointer)
    if old.unique != new.unique:
        words = "is unique" if new.unique else "is no longer unique"
        verdict = "compatible" if new.unique else "breaking"
        yield _change(old, "unique", verdict, old.unique, new.unique, f"column `{path}` {words}", new.pointer)
    yield from _options(old, new)
    before, after = stated_values(old), stated_values(new)
    if _text(before) != _text(after) and (
        before is None or after is None or set(map(_text, before)) != set(map(_text, after))
    ):
        kept = values_kept(before, after)
        reason = f"column `{path}` allows {'fewer' if kept else 'other or more'} values"
        yield _change(old, "enum", _verdict(kept), before, after, reason, (*new.pointer, "enum"))
    yield from rule_changes("quality", old, old.quality, new.quality, rule_kept, (*new.pointer, "quality"))
    yield from column_changes(old.fields, new.fields, new.pointer)
    if old.items is not None and new.items is not None:
        yield from _one(old.items, new.items)
    elif old.items is not None:
        yield _change(old, "items", "breaking", None, None, f"items of `{path}` are no longer described", new.pointer)
    elif new.items is not None:
        yield _change(old, "items", "compatible", None, None, f"items of `{path}` are described", new.pointer)
    yield from _map_changes(old, new)
    for name in ("classification", "partitioned", "partitionKeyPosition"):
        was, now = (p.data.get(name, _DEFAULTS.get(name)) for p in (old, new))
        if name == "classification":
            was, now = str(old.classification), str(new.classification)
        if was != now:
            raised = name == "classification" and old.classification < new.classification
            reason = f"{name} of `{path}` is {now}, was {was}" + ("; readers may see less" if raised else "")
            yield _change(old, name, "compatible", was, now, reason, (*new.pointer, name))
    yield from meaning_changes(old, new)
    yield from _custom(old, new)
    yield from text_changes(path, old, _texts(old), _texts(new), new.pointer)


def _verdict(kept: bool) -> str:
    return "compatible" if kept else "breaking"


def _type(old: Property, new: Property) -> Iterator[Change]:
    path = dotted(old)
    if old.logical_type != new.logical_type:
        kept = old.logical_type is None
        reason = f"column `{path}` is {new.logical_type or 'of no stated type'}, was {old.logical_type or 'of none'}"
        pointer = (*new.pointer, "logicalType")
        yield _change(old, "type", _verdict(kept), old.logical_type, new.logical_type, reason, pointer)
        if not kept:
            return
    was, now = _promised(old), _promised(new)
    if was == now:
        return
    kept = was is None or (now is not None and type_kept(was, now))
    reason = f"column `{path}` is {now or 'of an open physical type'}, was {was or 'open'}"
    yield _change(old, "type", _verdict(kept), was, now, reason, (*new.pointer, "physicalType"))


def _promised(prop: Property) -> str | None:
    """The physical type that a column promises; None where it leaves it open or its parts are judged one by one."""
    text = prop.physical_type
    tree = parse_type(text) if isinstance(text, str) else None
    if text is not None and (tree is None or not tree.known):
        return str(text).upper()
    if prop.logical_type in _OPEN and tree is None and not prop.options.get("format"):
        return None
    if prop.logical_type in ("object", "array") and (tree is None or not tree.parts):
        return None if tree is None or tree.name in ("STRUCT", "LIST") else str(tree)
    if tree is not None and tree.name == "NUMBER":
        return None
    if tree is not None and tree.name == "ENUM":
        return "ENUM"  # its labels are judged as values
    if prop.logical_type == "map" and (tree is None or not tree.parts) and (prop.key or prop.value):
        return None
    return duck_type(prop)


def _map_changes(old: Property, new: Property) -> Iterator[Change]:
    """Changes of the key and the value of a map."""
    path = dotted(old)
    for name, was, now in (("key", old.key, new.key), ("value", old.value, new.value)):
        if was is not None and now is not None:
            yield from _one(was, now)
        elif was is not None:
            reason = f"the {name} of `{path}` is no longer described"
            yield _change(old, "map", "breaking", name, None, reason, new.pointer)
        elif now is not None:
            yield _change(old, "map", "compatible", None, name, f"the {name} of `{path}` is described", now.pointer)


def _options(old: Property, new: Property) -> Iterator[Change]:
    path, pointer = dotted(old), (*new.pointer, "logicalTypeOptions")
    before, after = stated_limits(old), stated_limits(new)
    broken = options_kept(before, after)
    for name in broken:
        reason = f"`{name}` of `{path}` is {after.get(name, 'gone')}, was {before.get(name)}"
        yield _change(old, "options", "breaking", before.get(name), after.get(name), reason, pointer)
    typed = {"timezone", "elementType", "dimensions"} if new.logical_type != "string" else set()
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if name not in broken and name not in typed and was != now:
            reason = f"`{name}` of `{path}` is {now}" + (f", was {was}" if was is not None else "")
            yield _change(old, "options", "compatible", was, now, reason, pointer)


def rule_changes(
    kind: str,
    prop: Property | None,
    old: Sequence[Mapping[str, Any]],
    new: Sequence[Mapping[str, Any]],
    kept: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
    pointer: Pointer,
) -> Iterator[Change]:
    """Changes of a list of rules: one is kept when some new one is at least as strict."""
    same = {_rule_text(e) for e in old} & {_rule_text(e) for e in new}
    subject = f" of `{dotted(prop)}`" if prop else ""
    column = prop.path[0] if prop else None
    for entry in old:
        if _rule_text(entry) in same:
            continue
        name = _label(entry, kind)
        follower = next((n for n in new if kept(entry, n)), None)
        # what a stricter rule says too is told of that one
        implied = _implied(entry, old, kept)
        if follower is None and not implied:
            reason = f"{kind} rule `{name}`{subject} is withdrawn or weakened"
            yield Change(name, kind, "breaking", name, None, reason, pointer, column)
        elif follower is None or implied or kept(follower, entry):
            yield Change(name, "text", "patch", None, None, f"texts of {kind} rule `{name}`{subject}", pointer, column)
        else:
            reason = f"{kind} rule `{name}`{subject} is stricter"
            yield Change(name, kind, "compatible", name, _label(follower, kind), reason, pointer, column)
    for entry in new:
        if _rule_text(entry) not in same and not any(kept(o, entry) for o in old):
            name = _label(entry, kind)
            if _implied(entry, new, kept):
                reason = f"{kind} rule `{name}`{subject} says less than another one"
                yield Change(name, "text", "patch", None, None, reason, pointer, column)
                continue
            reason = f"{kind} rule `{name}`{subject} is added"
            yield Change(name, kind, "compatible", None, name, reason, pointer, column)


def _implied(
    entry: Mapping[str, Any],
    entries: Sequence[Mapping[str, Any]],
    kept: Callable[[Mapping[str, Any], Mapping[str, Any]], bool],
) -> bool:
    """Whether a stricter one of the same list says all that a rule says."""
    return any(kept(entry, other) and not kept(other, entry) for other in entries)


def _rule_text(entry: Mapping[str, Any]) -> str:
    """A rule as text, without what the standard takes for granted."""
    return _text({k: v for k, v in entry.items() if v is not None and v not in _RULE_DEFAULTS.get(k, ())})


def _label(entry: Mapping[str, Any], kind: str) -> str:
    for name in ("id", "name", "metric", "property", "to"):
        if entry.get(name):
            return str(entry[name])
    return str(entry.get("description") or entry.get("type") or kind)


def text_changes(
    path: str, prop: Property | None, old: Mapping[str, Any], new: Mapping[str, Any], pointer: Pointer
) -> Iterator[Change]:
    """Changes of fields on which no promise depends."""
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, _DEFAULTS.get(name)), new.get(name, _DEFAULTS.get(name))
        if _text(was) != _text(now):
            place = f"{path}.{name}" if path else name
            column = prop.path[0] if prop else None
            yield Change(place, "text", "patch", was, now, f"`{place}` says something else", (*pointer, name), column)


def _texts(prop: Property) -> dict[str, Any]:
    return {k: v for k, v in prop.data.items() if k not in _JUDGED}


def meaning_changes(old: Property, new: Property) -> Iterator[Change]:
    """Changes of what a column means: its business definitions, and whether it is a measure."""
    path, pointer = dotted(old), (*new.pointer, "authoritativeDefinitions")
    before, after = _definitions(old), _definitions(new)
    if before != after:
        kept = before <= after
        told = (sorted(before) or None, sorted(after) or None)
        reason = f"`{path}` means what is defined at {', '.join(sorted(after)) or 'no place'}"
        reason += f", was {', '.join(sorted(before))}" if before else ""
        yield _change(old, "meaning", _verdict(kept), *told, reason, pointer)
    elif _text(old.data.get("authoritativeDefinitions")) != _text(new.data.get("authoritativeDefinitions")):
        reason = f"`{path}` is explained at other places"
        yield _change(old, "text", "patch", None, None, reason, pointer)
    was, now = (str(p.data.get("semanticType") or "column") for p in (old, new))
    if was != now:
        verdict = "breaking" if "measure" in (was, now) else "patch"
        reason = f"`{path}` is a {now}, was a {was}"
        yield _change(old, "meaning", verdict, was, now, reason, (*new.pointer, "semanticType"))


def _definitions(prop: Property) -> set[str]:
    """Where the meaning of a column is defined (Source: ODCS, `authoritativeDefinitions`, type businessDefinition)."""
    listed = prop.data.get("authoritativeDefinitions")
    found = [d for d in listed if isinstance(d, Mapping)] if isinstance(listed, list) else []
    return {str(d.get("url")) for d in found if str(d.get("type")).lower() in _OF_MEANING}


def _custom(old: Property, new: Property) -> Iterator[Change]:
    before, after = old.custom, new.custom
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if was != now:
            verdict = "patch"
            if name == "weft.timezone":
                # UTC is meant when nothing is said (Source: architecture.md, time)
                verdict = "patch" if (was or "UTC") == (now or "UTC") or not is_local_time(old) else "breaking"
            elif name in _UNITS:
                verdict = "breaking" if was is not None else "compatible"
            reason = f"`{name}` of `{dotted(old)}` is {now}, was {was}"
            yield _change(old, "setting", verdict, was, now, reason, (*new.pointer, "customProperties"))


def is_local_time(prop: Property) -> bool:
    """Whether a column holds times without a zone."""
    tree = parse_type(prop.physical_type) if isinstance(prop.physical_type, str) else None
    zoned = prop.options.get("timezone") is True or (tree is not None and tree.name in ("TIMESTAMPTZ", "TIMETZ"))
    return prop.logical_type in ("timestamp", "time") and not zoned


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
