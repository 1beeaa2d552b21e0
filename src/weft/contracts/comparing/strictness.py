"""Strictness: whether one promise keeps whatever another one kept. Every relation here is transitive."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from weft.contracts.conditions import OPERATORS, comparison_of
from weft.model.checks import CheckSeverity
from weft.model.document import custom_properties
from weft.model.type_text import TypeText, parse_type
from weft.model.types import widens

_TEXTS = frozenset(
    {"id", "name", "description", "businessImpact", "tags", "authoritativeDefinitions", "schedule", "scheduler"}
    | {"driver", "method", "customProperties"}
)
_RANKS = {CheckSeverity.NOTE: 0, CheckSeverity.WARNING: 1, CheckSeverity.ERROR: 2}
_LOWER = (("minimum", "exclusiveMinimum"), ("minLength", None), ("minItems", None), ("minProperties", None))
_UPPER = (("maximum", "exclusiveMaximum"), ("maxLength", None), ("maxItems", None), ("maxProperties", None))

Bound = tuple[Any, bool]
"""A limit and whether it is itself excluded."""

Interval = tuple[float, float, bool, bool]
"""Low, high, and whether each is included."""

_NONE: Interval = (0.0, 0.0, True, True)


def options_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of the logical type options whose promise the new ones do not keep."""
    broken = []
    done = {"timezone", "elementType", "dimensions"}  # these belong to the type
    for pairs, upper in ((_LOWER, False), (_UPPER, True)):
        for plain, exclusive in pairs:
            done |= {plain, exclusive or plain}
            if not _bound_kept(_bound(old, plain, exclusive, upper), _bound(new, plain, exclusive, upper), upper):
                broken.append(plain if plain in old or exclusive is None else exclusive)
    if not _multiple_kept(old.get("multipleOf"), new.get("multipleOf")):
        broken.append("multipleOf")
    if not set(map(str, old.get("required") or ())) <= set(map(str, new.get("required") or ())):
        broken.append("required")
    done |= {"multipleOf", "required"}
    broken += [name for name, value in old.items() if name not in done and value not in (False, None, new.get(name))]
    return broken


def _bound(options: Mapping[str, Any], plain: str, exclusive: str | None, upper: bool) -> Bound | None:
    found: list[Bound] = []
    if options.get(plain) is not None:
        found.append((_ordered(options[plain]), False))
    if exclusive and options.get(exclusive) is not None:
        found.append((_ordered(options[exclusive]), True))
    if not found:
        return None
    if len(found) == 1 or not _same_kind(found[0][0], found[1][0]):
        return found[0]
    first, second = found
    if first[0] == second[0]:
        return second
    return min(first, second) if upper else max(first, second)


def _ordered(value: Any) -> Any:
    """A bound as something that can be compared: a number, an instant, a time, else the text itself."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Decimal(str(value))
    text = str(value)
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        return time.fromisoformat(text)
    except ValueError:
        return text


def _same_kind(first: Any, second: Any) -> bool:
    return type(first) is type(second) and isinstance(first, Decimal | datetime | time | date)


def _bound_kept(old: Bound | None, new: Bound | None, upper: bool) -> bool:
    if old is None:
        return True
    if new is None:
        return False
    if old == new:
        return True
    if not _same_kind(old[0], new[0]):
        return False
    if old[0] == new[0]:
        return new[1] or not old[1]
    return bool(new[0] < old[0]) if upper else bool(new[0] > old[0])


def _multiple_kept(old: Any, new: Any) -> bool:
    if old is None or old == new:
        return True
    try:
        return new is not None and Decimal(str(new)) % Decimal(str(old)) == 0
    except (InvalidOperation, ZeroDivisionError):
        return False


def values_kept(old: Sequence[Any] | None, new: Sequence[Any] | None) -> bool:
    """Whether every value of the new list was in the old one; no list allows everything."""
    if old is None:
        return True
    return new is not None and {_text(v) for v in new} <= {_text(v) for v in old}


def rule_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a quality rule fails whenever another one failed, and matters at least as much."""
    if _kind(old) == "text" == _kind(new):
        return True  # words for people; a change of them is a change of texts
    if _RANKS[_severity(new)] < _RANKS[_severity(old)] or _core(old) != _core(new):
        return False
    before, after = old.get("arguments") or {}, new.get("arguments") or {}
    listed_before = before.get("validValues", old.get("validValues"))
    listed_after = after.get("validValues", new.get("validValues"))
    if listed_before != listed_after and (_NONE,) not in (_allowed(new), _allowed(old)):
        return False  # of how many invalid values with another list may be said nothing is known
    return values_kept(listed_before, listed_after) and _comparison_kept(old, new)


def _severity(entry: Mapping[str, Any]) -> CheckSeverity:
    text = str(entry.get("severity") or "error").lower()
    return {"error": CheckSeverity.ERROR, "note": CheckSeverity.NOTE}.get(text, CheckSeverity.WARNING)


def _kind(entry: Mapping[str, Any]) -> str:
    return str(entry.get("type") or ("sql" if entry.get("query") else "library"))


def _core(entry: Mapping[str, Any]) -> str:
    """What must be the same for two quality rules to be comparable, as text."""
    kept = {
        k: v
        for k, v in entry.items()
        if k not in _TEXTS and k not in OPERATORS and k not in ("severity", "type", "unit", "dimension", "validValues")
    }
    arguments = {k: v for k, v in (entry.get("arguments") or {}).items() if k != "validValues"}
    return _text([_kind(entry), {**kept, "arguments": arguments}])


def _unit(entry: Mapping[str, Any]) -> str:
    return str(entry.get("unit") or "rows").lower()


def _allowed(entry: Mapping[str, Any]) -> tuple[Interval, ...] | None:
    """The values that a rule lets pass, as intervals that lie apart; None when they are no numbers.

    How many rows break a rule is a whole number that is not negative, so `mustBe: 0` and `mustBeLessThan: 1` are one.
    """
    comparison = comparison_of(entry)
    if isinstance(comparison, str):
        return None
    bounds = comparison.bound if isinstance(comparison.bound, list | tuple) else [comparison.bound]
    if any(isinstance(b, bool) or not isinstance(b, int | float) for b in bounds):
        return None
    low, high = float(bounds[0]), float(bounds[-1])
    below, above = (-math.inf, low, True, False), (high, math.inf, False, True)
    found: tuple[Interval, ...]
    match comparison.operator:
        case "mustBe" | "mustBeBetween":
            found = ((low, high, True, True),)
        case "mustNotBe" | "mustNotBeBetween":
            found = (below, above) if low <= high else ((-math.inf, math.inf, True, True),)
        case "mustBeGreaterThan" | "mustBeGreaterOrEqualTo":
            found = ((low, math.inf, comparison.operator == "mustBeGreaterOrEqualTo", True),)
        case _:
            found = ((-math.inf, high, True, comparison.operator == "mustBeLessOrEqualTo"),)
    if _kind(entry) == "library" and _unit(entry) == "rows":
        found = tuple(_whole(i) for i in found)
    elif _kind(entry) == "library":
        found = tuple((0.0, i[1], True, i[3]) if i[0] < 0 else i for i in found)
    return tuple(i for i in found if i[0] < i[1] or (i[0] == i[1] and i[2] and i[3]))


def _whole(interval: Interval) -> Interval:
    """The whole numbers from 0 on that lie in an interval."""
    low, high, with_low, with_high = interval
    if math.isfinite(low):
        low = math.ceil(low) if with_low or low != math.floor(low) else low + 1
    if math.isfinite(high):
        high = math.floor(high) if with_high or high != math.ceil(high) else high - 1
    return max(low, 0.0), high, True, True


def _comparison_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _allowed(old), _allowed(new)
    if before is None or after is None:
        same = _text({k: old.get(k) for k in OPERATORS}) == _text({k: new.get(k) for k in OPERATORS})
        return same and _unit(old) == _unit(new)
    # no row is no row, whether rows are counted or their share
    if _unit(old) != _unit(new) and not all(_inside(i, _NONE) for i in after):
        return False
    return all(any(_inside(i, other) for other in before) for i in after)


def _inside(inner: Interval, outer: Interval) -> bool:
    low = inner[0] > outer[0] or (inner[0] == outer[0] and (outer[2] or not inner[2]))
    high = inner[1] < outer[1] or (inner[1] == outer[1] and (outer[3] or not inner[3]))
    return low and high


def type_kept(old: str, new: str) -> bool:
    """Whether what reads a physical type reads the other one too: the same, a wider one, or with more fields."""
    before, after = parse_type(old), parse_type(new)
    return before is not None and after is not None and _tree_kept(before, after)


def _tree_kept(old: TypeText, new: TypeText) -> bool:
    if str(old) == str(new) or widens(str(old), str(new)):
        return True
    if old.name != new.name or old.parameters != new.parameters or not old.parts or not new.parts:
        return False
    if old.name == "STRUCT":
        fields = dict(new.parts)
        return all(label in fields and _tree_kept(part, fields[label]) for label, part in old.parts)
    same = [label for label, _ in old.parts] == [label for label, _ in new.parts]
    parts = zip(old.parts, new.parts, strict=True) if same else ()
    return same and all(_tree_kept(part, other) for (_, part), (_, other) in parts)


def relationship_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a foreign key is at least as strict as another one."""
    if any(_text(old.get(side)) != _text(new.get(side)) for side in ("from", "to")):
        return False
    if old.get("type", "foreignKey") != new.get("type", "foreignKey"):
        return False
    return _orphans(new) <= _orphans(old)


def _orphans(entry: Mapping[str, Any]) -> float:
    value = custom_properties(entry).get("weft.maxOrphans", 0)
    return float(value) if isinstance(value, int | float) else math.inf


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
