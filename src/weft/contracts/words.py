"""Words of a contract that nobody checks but weft: own custom properties, severities, units, levels, statuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from weft.contracts.conditions import dotted
from weft.contracts.zones import known_zone, zone_names
from weft.errors import Diagnostic, did_you_mean, error, nearest, warning
from weft.model.classification import Classification
from weft.model.document import Pointer, entries
from weft.model.lifecycle import END_OF_LIFE, SUCCESSOR, date_faults
from weft.model.mesh import Status
from weft.model.odcs import Contract, every_property
from weft.model.publication import QUARANTINE

_EXTRA, _REFERENCE, _SAMPLES = "weft.extraColumns", "weft.referenceTime", "weft.sampleClassification"
_TIMEZONE = "weft.timezone"
_OWN = (
    *(QUARANTINE, END_OF_LIFE, SUCCESSOR, _EXTRA, _REFERENCE, _SAMPLES),
    *(_TIMEZONE, "weft.mustEvaluate", "weft.maxOrphans", "weft.proposed", "weft.unit"),
    *("weft.term", "weft.source", "weft.port", "weft.slug", "weft.type", "weft.user", "weft.password"),
    *(
        "weft.anonymised",
        "weft.legalBasis",
        "weft.processingPurpose",
        "weft.jurisdiction",
        "weft.licence",
        "weft.terms",
    ),
)
_LEVELS = tuple(str(level) for level in Classification)
_STATUSES = tuple(str(status) for status in Status)
_SEVERITIES = ("error", "warning", "note", "info")
_UNITS = ("rows", "percent", "%")


def word_problems(contract: Contract) -> Iterator[Diagnostic]:
    """Words that mean nothing, or something else than they look like.

    WFT-PRJ-006 for a custom property `weft.…` that is none; WFT-CON-006 and WFT-PRJ-028 for a value of one that cannot
    be understood; WFT-CON-010 for a status, classification, severity or unit that is taken for another one.
    """
    # any status is right by the standard, and a contract that no mesh builds may have one: a misspelt one is told
    if contract.status not in _STATUSES and nearest(contract.status.lower(), _STATUSES):
        yield _taken(contract, ("status",), "status", contract.status, _STATUSES, "a mesh does not build such a port")
    for fault in date_faults(contract.data):
        yield error("WFT-PRJ-028", fault.what, contract.where(fault.pointer), fix=fault.fix)
    yield from _settings(contract)
    yield from _zones(contract)
    for pointer, part in _parts(contract.data, ()):
        name = part.get("property")
        if pointer[-2:-1] == ("customProperties",) and isinstance(name, str):
            if name.startswith("weft.") and name not in _OWN:
                yield warning(
                    "WFT-PRJ-006",
                    f"unknown custom property `{name}`",
                    contract.where(pointer),
                    why="names that begin with `weft.` are weft's, and this one has no meaning",
                    fix=did_you_mean(name, _OWN, otherwise="give it a name that does not begin with `weft.`"),
                )
        elif pointer[-2:-1] == ("quality",):
            yield from _rule(contract, pointer, part)
    for table in contract.objects:
        for prop in every_property(table.properties):
            level = prop.data.get("classification")
            if isinstance(level, str) and level.strip().lower() not in _LEVELS:
                why = "an unknown level is taken for restricted"
                yield _taken(contract, (*prop.pointer, "classification"), "classification", level, _LEVELS, why)


def _rule(contract: Contract, pointer: Pointer, entry: Mapping[str, Any]) -> Iterator[Diagnostic]:
    severity, unit = entry.get("severity"), entry.get("unit")
    if isinstance(severity, str) and severity.lower() not in _SEVERITIES:
        why = "only `error`, and none at all, keep rows from being published: this one warns"
        yield _taken(contract, (*pointer, "severity"), "severity", severity, _SEVERITIES, why)
    counted = entry.get("type", "library") == "library"
    if counted and isinstance(unit, str) and unit.lower() not in _UNITS:
        yield _taken(contract, (*pointer, "unit"), "unit", unit, _UNITS, "rows are counted")


def _taken(contract: Contract, pointer: Pointer, field: str, word: str, known: tuple[str, ...], why: str) -> Diagnostic:
    words = ", ".join(f"`{one}`" for one in known)
    fix = did_you_mean(word.lower(), known, otherwise=f"write one of {words}")
    return warning("WFT-CON-010", f"weft does not know the {field} `{word}`", contract.where(pointer), why=why, fix=fix)


def _settings(contract: Contract) -> Iterator[Diagnostic]:
    """Values of the settings that stand in a contract and have few."""
    chosen = {_EXTRA: ("forbid", "warn", "allow"), _SAMPLES: _LEVELS}
    for pointer, part in _parts(contract.data, ()):
        if len(pointer) != 2 or pointer[0] != "customProperties":
            continue
        name, value = part.get("property"), part.get("value")
        known = chosen.get(str(name), ())
        if known and str(value).strip().lower() not in known:
            fix = did_you_mean(str(value), known, otherwise=f"write one of {', '.join(known)}")
            yield error("WFT-CON-006", f"`{name}` has no value `{value}`", contract.where(pointer), fix=fix)
        elif name == _REFERENCE and not _is_instant(value):
            what = f"`{name}: {value}` is no instant"
            yield error("WFT-CON-006", what, contract.where(pointer), fix="write it like 2026-12-31T12:00:00Z")


def _zones(contract: Contract) -> Iterator[Diagnostic]:
    """Time zones that there are not, of the whole or of a column."""
    for i, entry in entries(contract.data, "customProperties"):
        if entry.get("property") == _TIMEZONE:
            yield from _zone(contract, ("customProperties", i), "", _TIMEZONE, entry.get("value"))
    for table in contract.objects:
        for prop in every_property(table.properties):
            of = f"`{dotted(prop)}`: "
            for i, entry in entries(prop.data, "customProperties"):
                if entry.get("property") == _TIMEZONE:
                    pointer = (*prop.pointer, "customProperties", i)
                    yield from _zone(contract, pointer, of, _TIMEZONE, entry.get("value"))
            pointer = (*prop.pointer, "logicalTypeOptions", "defaultTimezone")
            yield from _zone(contract, pointer, of, pointer[-1], prop.options.get("defaultTimezone"))


def _zone(contract: Contract, pointer: Pointer, of: str, name: object, zone: Any) -> Iterator[Diagnostic]:
    if zone and known_zone(str(zone)) is None:
        yield error(
            "WFT-CON-006",
            f"{of}`{name}`: there is no time zone `{zone}`",
            contract.where(pointer),
            why="no rule can be judged on times that stand in it",
            fix=did_you_mean(str(zone), zone_names(), otherwise="write a name of the IANA database, as `Europe/Paris`"),
        )


def _is_instant(value: Any) -> bool:
    try:
        datetime.fromisoformat(str(value))
    except ValueError:
        return False
    return True


def _parts(node: Any, pointer: Pointer) -> Iterator[tuple[Pointer, Mapping[str, Any]]]:
    """Every group of fields of a document with its place, in order."""
    if isinstance(node, Mapping):
        yield pointer, node
        for name, inner in node.items():
            yield from _parts(inner, (*pointer, str(name)))
    elif isinstance(node, list):
        for i, inner in enumerate(node):
            yield from _parts(inner, (*pointer, i))
