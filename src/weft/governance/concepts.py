"""Columns and terms: which term a column is bound to, and what of the column is not as the term has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.governance.glossary import URL, Glossary, Term
from weft.model.document import Pointer, custom_properties, entries, text, words
from weft.model.odcs import Property
from weft.model.type_text import parse_type
from weft.model.types import duck_type, logical_type

PROPERTY = "weft.term"
"""The custom property by which a column binds, beside `authoritativeDefinitions`."""
UNITS = ("unit", "weft.unit", "currency")
"""Custom properties in which a column states its unit."""


class Binding(Struct, frozen=True):
    """That a column says it means a term; `term` is None where there is none of that name."""

    name: str
    pointer: Pointer
    term: Term | None


class Mismatch(Struct, frozen=True):
    """What of a column is not as its term has it.

    Attributes:
        kind: type, unit, values, pattern, level, tags or status.
        what: a sentence about the column, without its name.
        pointer: where it stands in the contract.
        expected: what the term says.
        actual: what the contract says; None: nothing.
    """

    kind: str
    what: str
    pointer: Pointer
    fix: str
    expected: str
    actual: str | None = None


def bindings(column: Property, domain: str, glossary: Glossary) -> tuple[Binding, ...]:
    """The terms that a column, or a nested field, of a domain is bound to, in the order of its contract."""
    found: dict[str, Binding] = {}
    for number, entry in entries(column.data, "authoritativeDefinitions"):
        url = text(entry, "url") or ""
        term = glossary.at(url)
        if term is None and not url.startswith(URL):
            continue  # an explanation elsewhere
        name = term.name if term is not None else url.removeprefix(URL)
        at: Pointer = (*column.pointer, "authoritativeDefinitions", number, "url")
        found.setdefault(name, Binding(name, at, term or glossary.term(name, domain)))
    for number, entry in entries(column.data, "customProperties"):
        if entry.get("property") == PROPERTY:
            value = entry.get("value")
            names = words(entry, "value") if isinstance(value, list) else (str(value or ""),)
            at = (*column.pointer, "customProperties", number, "value")
            for name in names:
                short = name.removeprefix(URL)
                found.setdefault(short, Binding(short, at, glossary.term(short, domain)))
    # one term under two names, its address and its id, is one binding
    by_term: dict[str, Binding] = {}
    for one in found.values():
        by_term.setdefault(one.term.name if one.term is not None else f"?{one.name}", one)
    return tuple(by_term.values())


def mismatches(column: Property, term: Term) -> Iterator[Mismatch]:
    """What of a column is not as a term has it, the standard of its broader terms included."""
    yield from _type(column, term)
    yield from _unit(column, term)
    yield from _values(column, term)
    standard, at = term.standard, column.pointer
    if standard.level is not None and column.classification < standard.level:
        what = f"is {column.classification}, and `{term.name}` is {standard.level}"
        fix, level = f"set `classification: {standard.level}`", str(column.classification)
        yield Mismatch("level", what, (*at, "classification"), fix, str(standard.level), level)
    own = words(column.data, "tags")
    missing = [tag for tag in standard.tags if tag not in own]
    if missing:
        listed = ", ".join(f"`{tag}`" for tag in missing)
        yield Mismatch(
            "tags", f"lacks {listed} of `{term.name}`", (*at, "tags"), f"add {listed} to its `tags`", ", ".join(missing)
        )
    if term.status == "deprecated":
        fix = f"bind it to `{term.replaced_by}`" if term.replaced_by else "bind it to another term"
        yield Mismatch("status", f"is bound to `{term.name}`, which is deprecated", at, fix, "active", "deprecated")


def listed_values(column: Property) -> tuple[str, ...] | None:
    """The code list that a column promises; None: none.

    Source: ODCS 3.2, `enum`; ODCS 3, the metric `invalidValues` with `validValues`.
    """
    found = column.data.get("enum")
    if isinstance(found, list) and found:
        return tuple(_text(v.get("value") if isinstance(v, Mapping) else v) for v in found)
    for rule in column.quality:
        valid = _argument(rule, "validValues")
        if isinstance(valid, list):
            return tuple(_text(v) for v in valid)
    return None


def promised_patterns(column: Property) -> tuple[str, ...]:
    """The regular expressions that a column promises to match."""
    found = [text(column.options, "pattern"), *(_argument(rule, "pattern") for rule in column.quality)]
    return tuple(str(one) for one in found if one)


def unit_of(column: Property) -> str | None:
    """The unit that a column states."""
    custom = custom_properties(column.data)
    return next((str(custom[name]) for name in UNITS if custom.get(name) is not None), None)


def type_of(column: Property) -> str | None:
    """The logical type of a column: what it states, or what its physical type comes to."""
    if column.logical_type is not None:
        return column.logical_type
    found = duck_type(column)
    return logical_type(found) if found is not None else None


def fits_type(column: Property, term: Term) -> bool:
    """Whether a column has the type of a term, as far as both say one."""
    return not list(_type(column, term))


def _type(column: Property, term: Term) -> Iterator[Mismatch]:
    wanted, own = term.standard.type, type_of(column)
    at = (*column.pointer, "logicalType")
    # what is counted in whole numbers is a number still
    if wanted is not None and own is not None and own != wanted and (own, wanted) != ("integer", "number"):
        yield Mismatch(
            "type", f"is of type {own}, and `{term.name}` is {wanted}", at, f"set `logicalType: {wanted}`", wanted, own
        )
        return
    physical = term.standard.physical_type
    tree, found = parse_type(physical or ""), duck_type(column)
    have = parse_type(found or "")
    if physical is None or tree is None or have is None:
        return
    if have.name != tree.name or (str(tree) != tree.name and str(have) != str(tree)):
        what = f"is {have}, and `{term.name}` is {tree}"
        yield Mismatch(
            "type", what, (*column.pointer, "physicalType"), f"set `physicalType: {physical}`", str(tree), str(have)
        )


def _unit(column: Property, term: Term) -> Iterator[Mismatch]:
    wanted, own = term.standard.unit, unit_of(column)
    if wanted is None or own == wanted:
        return
    at = (*column.pointer, "customProperties")
    what = f"states no unit, and `{term.name}` is in {wanted}"
    if own is not None:
        what = f"is in {own}, and `{term.name}` is in {wanted}"
    fix = f"bring it to {wanted}, and state the custom property `unit: {wanted}`"
    yield Mismatch("unit", what, at, fix, wanted, own)


def _values(column: Property, term: Term) -> Iterator[Mismatch]:
    standard, own = term.standard, listed_values(column)
    if standard.values:
        if own is None:
            what = f"promises no code list, and `{term.name}` has one of {len(standard.values)} codes"
            fix = "promise it: metric `invalidValues` with these `validValues`, `mustBe: 0`"
            yield Mismatch("values", what, (*column.pointer, "quality"), fix, _some(standard.values))
            return
        foreign = [v for v in own if v not in standard.values]
        if foreign:
            what = f"allows {_some(foreign)}, not of the code list of `{term.name}`"
            fix = f"allow {_some(standard.values)} alone"
            yield Mismatch("values", what, (*column.pointer, "quality"), fix, _some(standard.values), _some(own))
    # a column that lists its values is held to them; which of them match is for whoever reads both
    if standard.pattern is not None and own is None and standard.pattern not in promised_patterns(column):
        what = f"does not promise the pattern of `{term.name}`"
        fix = f"set `logicalTypeOptions.pattern: {standard.pattern}`"
        own_pattern = next(iter(promised_patterns(column)), None)
        yield Mismatch("pattern", what, (*column.pointer, "logicalTypeOptions"), fix, standard.pattern, own_pattern)


def _argument(rule: Mapping[str, Any], name: str) -> Any:
    arguments = rule.get("arguments")
    return arguments.get(name, rule.get(name)) if isinstance(arguments, Mapping) else rule.get(name)


def _some(values: Sequence[str]) -> str:
    shown = ", ".join(f"`{v}`" for v in values[:3])
    return f"{shown} and {len(values) - 3} more" if len(values) > 3 else shown


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
