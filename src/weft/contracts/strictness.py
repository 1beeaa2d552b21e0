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

_TEXTS = frozenset(
    {"id", "name", "description", "businessImpact", "tags", "authoritativeDefinitions", "schedule", "scheduler"}
    | {"driver", "method", "customProperties"}
)
_RANKS = {CheckSeverity.NOTE: 0, CheckSeverity.WARNING: 1, CheckSeverity.ERROR: 2}
_LOWER = (("minimum", "exclusiveMinimum"), ("minLength", None), ("minItems", None), ("minProperties", None))
_UPPER = (("maximum", "exclusiveMaximum"), ("maxLength", None), ("maxItems", None), ("maxProperties", None))

Bound = tuple[Any, bool]
"""A limit and whether it is itself excluded."""


def options_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Names of the logical type options whose promise the new ones do not keep."""
    broken = []
    done = {"format", "timezone", "elementType", "dimensions"}  # these belong to the type
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
    if listed_before != listed_after and _interval(new) != (0, 0, True, True) != _interval(old):
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
    unit = str(entry.get("unit") or "rows").lower()
    return _text([_kind(entry), unit, {**kept, "arguments": arguments}])


def _interval(entry: Mapping[str, Any]) -> tuple[float, float, bool, bool] | None:
    """The values that a rule lets pass: low, high, and whether each is included."""
    comparison = comparison_of(entry)
    if isinstance(comparison, str) or comparison.operator.startswith("mustNot"):
        return None
    bound = comparison.bound
    if comparison.operator == "mustBeBetween":
        return float(bound[0]), float(bound[1]), True, True
    if isinstance(bound, bool) or not isinstance(bound, int | float):
        return None
    match comparison.operator:
        case "mustBe":
            return float(bound), float(bound), True, True
        case "mustBeGreaterThan" | "mustBeGreaterOrEqualTo":
            return float(bound), math.inf, comparison.operator == "mustBeGreaterOrEqualTo", True
        case _:
            return -math.inf, float(bound), True, comparison.operator == "mustBeLessOrEqualTo"


def _comparison_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    before, after = _interval(old), _interval(new)
    if before is None or after is None:
        return _text({k: old.get(k) for k in OPERATORS}) == _text({k: new.get(k) for k in OPERATORS})
    low = after[0] > before[0] or (after[0] == before[0] and (before[2] or not after[2]))
    high = after[1] < before[1] or (after[1] == before[1] and (before[3] or not after[3]))
    return low and high


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


def service_level_kept(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a service level is at least as good as another one."""
    if any(old.get(k) != new.get(k) for k in ("property", "unit", "element", "valueExt")):
        return False
    before, after = old.get("value"), new.get("value")
    if before == after:
        return True
    if not isinstance(before, int | float) or not isinstance(after, int | float):
        return False
    name = str(old.get("property", "")).lower()
    if name in ("freshness", "latency", "frequency"):
        return after <= before
    return name in ("completeness", "availability") and after >= before


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
