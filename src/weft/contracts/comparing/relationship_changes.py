"""Changes of foreign keys between two versions of a table, in whichever notation they are written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from weft.contracts.comparing.column_changes import Change, renames, rule_changes
from weft.contracts.comparing.strictness import relationship_kept
from weft.contracts.conditions import dotted
from weft.contracts.references import Reference, referenced
from weft.model.odcs import Contract, Property, SchemaObject, every_property

_Sided = dict[tuple[str, ...], list[Mapping[str, Any]]]


def relationship_changes(
    old_contract: Contract, old: SchemaObject, new_contract: Contract, new: SchemaObject
) -> Iterator[Change]:
    """Foreign keys that go, come or change.

    One says the same at its column and at its table, in shorthand and with `/schema/…`, and with its pairs of columns
    in any order.
    """
    before = _by_columns(old_contract, old, renames(old.properties, new.properties))
    after = _by_columns(new_contract, new, {})
    now = renames(new.properties, old.properties)
    columns: dict[str, Property] = {dotted(p): p for p in every_property(old.properties)}
    for names in dict.fromkeys([*before, *after]):
        prop = columns.get(now.get(names[0], names[0])) if len(names) == 1 else None
        pointer = (*new.pointer, "relationships")
        yield from rule_changes(
            "relationship", prop, before.get(names, ()), after.get(names, ()), relationship_kept, pointer
        )


def _by_columns(contract: Contract, table: SchemaObject, renamed: Mapping[str, str]) -> _Sided:
    found: _Sided = {}
    for prop in every_property(table.properties):
        for entry in prop.relationships:
            own = Reference(None, dotted(prop))
            _add(found, entry, (own,), referenced(entry, "to", contract), table, renamed)
    for entry in table.relationships:
        sides = referenced(entry, "from", contract), referenced(entry, "to", contract)
        _add(found, entry, *sides, table, renamed)
    return found


def _add(
    found: _Sided,
    entry: Mapping[str, Any],
    source: tuple[Reference, ...],
    target: tuple[Reference, ...],
    table: SchemaObject,
    renamed: Mapping[str, str],
) -> None:
    names = [renamed.get(r.column, r.column) for r in source]
    to = [r.column if r.table in (None, table.name) else f"{r.table}.{r.column}" for r in target]
    if len(names) == len(to):
        pairs = sorted(zip(names, to, strict=True))
        names, to = [name for name, _ in pairs], [other for _, other in pairs]
    rest = {k: v for k, v in entry.items() if k not in ("from", "to")}
    one = {**rest, "from": names, "to": to[0] if len(to) == 1 else to}
    found.setdefault(tuple(names), []).append(one)
