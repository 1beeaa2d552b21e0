"""Service levels: those of a contract that speak about rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from msgspec import Struct

from weft.contracts.conditions import Age, Comparison, Condition, Faulty, NotNull, Threshold, Unevaluated
from weft.model.checks import Rule
from weft.model.document import Pointer
from weft.model.odcs import Contract, Property, SchemaObject

_UNITS = {
    "year": "y yr yrs year years",
    "month": "mo mon month months",
    "week": "w wk week weeks",
    "day": "d day days",
    "hour": "h hr hrs hour hours",
    "minute": "m min mins minute minutes",
    "second": "s sec secs second seconds",
}
_UNIT_OF = {alias: unit for unit, aliases in _UNITS.items() for alias in aliases.split()}

_FRESHNESS = frozenset({"freshness", "latency", "ly", "fr"})
_RETENTION = frozenset({"retention", "re"})
_COMPLETENESS = frozenset({"completeness", "cm"})
_DATES_OF_LIFE = frozenset({"generalavailability", "ga", "endofsupport", "es", "endoflife", "el"})
"""Facts about the product, not conditions."""


class ServiceLevel(Struct, frozen=True):
    """One service level on at most one column."""

    rule: Rule
    name: str
    key: str | None
    properties: tuple[Property, ...]
    condition: Condition
    expected: str
    dimension: str | None
    pointer: Pointer
    threshold: Threshold | None = None


def service_levels(contract: Contract, table: SchemaObject) -> Iterator[ServiceLevel]:
    """The service levels of a table (Source: ODCS, `slaProperties`).

    Freshness (or latency): the newest value of `element` is at most so old. Retention: no row is older. Completeness:
    at least so many percent of `element` are filled. What speaks about the service is not evaluated.
    """
    for i, entry in enumerate(contract.slas):
        name = str(entry.get("property", ""))
        if name.lower() in _DATES_OF_LIFE:
            continue
        pointer: Pointer = ("slaProperties", i)
        elements = entry.get("element") or contract.data.get("slaDefaultElement")
        if name.lower() not in _FRESHNESS | _RETENTION | _COMPLETENESS:
            reason = "this service level speaks about the service, not about rows"
            yield _level(entry, name, pointer, Rule.CUSTOM, Unevaluated(reason))
        elif not elements:
            reason = "it names no `element`, the column that tells the age or is to be filled"
            yield _level(entry, name, pointer, _kind(name), Unevaluated(reason))
        else:
            for element in str(elements).split(","):
                yield from _on_element(contract, table, entry, name, pointer, element.strip())


def zone_of(contract: Contract, prop: Property) -> str:
    """The zone in which a column's local times and dates live; UTC when nothing says.

    Source: `weft.timezone` on the column or the contract, else ODCS `logicalTypeOptions.defaultTimezone`.
    """
    named = prop.custom.get("weft.timezone") or contract.custom.get("weft.timezone")
    return str(named or prop.options.get("defaultTimezone") or "UTC")


def _kind(name: str) -> Rule:
    lower = name.lower()
    if lower in _FRESHNESS:
        return Rule.FRESHNESS
    return Rule.RETENTION if lower in _RETENTION else Rule.METRIC


def _on_element(
    contract: Contract, table: SchemaObject, entry: Mapping[str, Any], name: str, pointer: Pointer, element: str
) -> Iterator[ServiceLevel]:
    head, _, rest = element.partition(".")
    if rest and head not in (table.name, table.data.get("physicalName")):
        if any(head in (t.name, t.data.get("physicalName")) for t in contract.objects):
            return  # another table of this contract
        rest = element
    prop = table.property(rest or head)
    if prop is None:
        reason = f"`element: {element}` is no column of `{table.name}`"
        yield _level(entry, name, pointer, _kind(name), Faulty(reason))
        return
    value = entry.get("value")
    number = _number(value)
    if number is None:
        yield _level(entry, name, pointer, _kind(name), Faulty("`value` is no number"), prop)
        return
    unit_text = str(entry.get("unit") or "")
    if _kind(name) is Rule.METRIC:
        filled = Threshold(Comparison("mustBeLessOrEqualTo", round(100 - number, 9)), percent=True)
        yield _level(entry, name, pointer, Rule.METRIC, NotNull(), prop, f"at least {value} % filled", filled)
        return
    unit = _UNIT_OF.get(unit_text.lower())
    if unit is None:
        fault = f"unit `{unit_text}` is not one of d, h, m, s, w, mo, y" if unit_text else "it names no `unit`"
        yield _level(entry, name, pointer, _kind(name), Faulty(fault), prop)
        return
    newest = _kind(name) is Rule.FRESHNESS
    words = f"{'newest' if newest else 'no'} row {'at most' if newest else 'older than'} {value} {unit}(s)"
    age = Age(number, unit, zone_of(contract, prop), newest)
    yield _level(entry, name, pointer, _kind(name), age, prop, f"{words}{' old' if newest else ''}")


def _level(
    entry: Mapping[str, Any],
    name: str,
    pointer: Pointer,
    rule: Rule,
    condition: Condition,
    prop: Property | None = None,
    expected: str | None = None,
    threshold: Threshold | None = None,
) -> ServiceLevel:
    stated = " ".join(str(entry[k]) for k in ("value", "unit") if entry.get(k) is not None)
    return ServiceLevel(
        rule=rule,
        name=name,
        key=entry.get("id"),
        properties=(prop,) if prop else (),
        condition=condition,
        expected=expected or f"{name} {stated}".strip(),
        dimension="completeness" if rule is Rule.METRIC else "timeliness",
        pointer=pointer,
        threshold=threshold,
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value if isinstance(value, int | float) else str(value))
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
