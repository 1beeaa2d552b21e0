"""Service levels: those of a contract that speak about rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from math import isfinite
from typing import Any

from msgspec import Struct

from weft.contracts.conditions import Age, Comparison, Condition, Faulty, Frequency, NotNull, Threshold, Unevaluated
from weft.contracts.zones import zone_of
from weft.errors import did_you_mean
from weft.model.checks import CheckSeverity, Rule
from weft.model.document import Pointer
from weft.model.level_words import level_name, level_unit
from weft.model.lifecycle import date_of_life
from weft.model.odcs import Contract, Property, SchemaObject

_DAYS = {"year": 366, "month": 31, "week": 7, "day": 1, "hour": 1 / 24, "minute": 1 / 1440, "second": 1 / 86_400}
_MOST_DAYS = 366 * 1000


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
    severity: CheckSeverity = CheckSeverity.ERROR


def service_levels(contract: Contract, table: SchemaObject) -> Iterator[ServiceLevel]:
    """The service levels of a table (Source: ODCS, `slaProperties`).

    Freshness (or latency): the newest value of `element` is at most so old. Retention: no row is older. Completeness:
    at least so many percent of `element` are filled. Frequency: so long at most from one publication to the next. What
    else speaks about the service is not evaluated.
    """
    for i, entry in enumerate(contract.slas):
        name = str(entry.get("property", ""))
        if date_of_life(entry):
            continue
        pointer: Pointer = ("slaProperties", i)
        elements = entry.get("element") or contract.data.get("slaDefaultElement")
        if level_name(name) == "frequency":
            yield from _of_publications(contract, table, entry, name, pointer, str(elements or ""))
        elif level_name(name) not in ("freshness", "retention", "completeness"):
            reason = "this service level speaks about the service, not about rows"
            yield _level(entry, name, pointer, Rule.CUSTOM, Unevaluated(reason))
        elif not elements:
            reason = "it names no `element`, the column that tells the age or is to be filled"
            yield _level(entry, name, pointer, _kind(name), Unevaluated(reason))
        else:
            for element in str(elements).split(","):
                yield from _on_element(contract, table, entry, name, pointer, element.strip())


def kept_versions(contract: Contract) -> timedelta | None:
    """How long the contract promises that former data versions can be read; None when it promises nothing.

    A retention that names a column speaks about the age of rows, and is a check; one that names none speaks about the
    versions of the data (Source: ODCS, `slaProperties`). Months and years are taken at their longest.
    """
    found = [
        timedelta(days=number * _DAYS[unit])
        for entry in contract.slas
        if level_name(str(entry.get("property", ""))) == "retention"
        and not (entry.get("element") or contract.data.get("slaDefaultElement"))
        and (number := _number(entry.get("value"))) is not None
        and 0 < number * _DAYS.get(unit := level_unit(str(entry.get("unit") or "")) or "", 0) < _MOST_DAYS
    ]
    return max(found, default=None)


def _kind(name: str) -> Rule:
    return {"freshness": Rule.FRESHNESS, "retention": Rule.RETENTION}.get(level_name(name), Rule.METRIC)


def _of_publications(
    contract: Contract, table: SchemaObject, entry: Mapping[str, Any], name: str, pointer: Pointer, elements: str
) -> Iterator[ServiceLevel]:
    """A late publication is told and not kept back, which would make it later still: it warns."""
    others = {n for t in contract.objects if t is not table for n in (t.name, t.data.get("physicalName"))}
    heads = [element.strip().partition(".")[0] for element in elements.split(",") if element.strip()]
    if heads and all(head in others for head in heads):
        return
    number, unit_text = _number(entry.get("value")), str(entry.get("unit") or "")
    unit = level_unit(unit_text)
    condition: Condition
    expected = None
    if number is None or number <= 0:
        condition = Faulty("`value` is no length of time", "write a number above 0, and its `unit`")
    elif unit is None:
        condition = Faulty(_no_unit(unit_text), "write a `unit`: d, h, m, s, w, mo or y")
    else:
        condition = Frequency(Age(number, unit, str(contract.custom.get("weft.timezone") or "UTC"), True))
        expected = f"published anew within {entry.get('value')} {unit}(s)"
    warns = CheckSeverity.ERROR if isinstance(condition, Faulty) else CheckSeverity.WARNING
    yield _level(entry, name, pointer, Rule.FREQUENCY, condition, expected=expected, severity=warns)


def _no_unit(text: str) -> str:
    return f"unit `{text}` is not one of d, h, m, s, w, mo, y" if text else "it names no `unit`"


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
        fix = did_you_mean(rest or head, [p.name for p in table.properties], otherwise="name a column of the table")
        yield _level(entry, name, pointer, _kind(name), Faulty(reason, fix))
        return
    value = entry.get("value")
    number = _number(value)
    if number is None:
        yield _level(
            entry,
            name,
            pointer,
            _kind(name),
            Faulty("`value` is no number", "write a number, and its `unit` beside it"),
            prop,
        )
        return
    unit_text = str(entry.get("unit") or "")
    if _kind(name) is Rule.METRIC:
        filled = Threshold(Comparison("mustBeLessOrEqualTo", round(100 - number, 9)), percent=True)
        yield _level(entry, name, pointer, Rule.METRIC, NotNull(), prop, f"at least {value} % filled", filled)
        return
    unit = level_unit(unit_text)
    if unit is None:
        yield _level(
            entry,
            name,
            pointer,
            _kind(name),
            Faulty(_no_unit(unit_text), "write a `unit`: d, h, m, s, w, mo or y"),
            prop,
        )
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
    severity: CheckSeverity = CheckSeverity.ERROR,
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
        severity=severity,
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        number = float(value if isinstance(value, int | float) else str(value))
    except (ValueError, OverflowError):
        return None
    return number if isfinite(number) else None
