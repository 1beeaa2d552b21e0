"""Terms: changes of where data is had, by whom, and at which price."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weft.contracts.comparing.column_changes import Change
from weft.model.document import group
from weft.model.odcs import Contract

FIELDS = frozenset({"servers", "roles", "price"})
"""Fields of a contract that are judged here (Source: ODCS, infrastructure and servers, roles, pricing)."""

_WORDS = frozenset(
    {"description", "id", "customProperties", "authoritativeDefinitions"}
    | {"firstLevelApprovers", "secondLevelApprovers"}  # who decides takes nothing from those who have the role
)


def term_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Servers and roles that go, come or change, and another price."""
    yield from _named("server", "servers", old, new)
    yield from _named("role", "roles", old, new)
    yield from _price(old, new)


def _named(kind: str, field: str, old: Contract, new: Contract) -> Iterator[Change]:
    before, after = _by_name(old.data.get(field), kind), _by_name(new.data.get(field), kind)
    for name, entry in before.items():
        pointer = (field,)
        other = after.get(name)
        if other is None:
            reason = f"{kind} `{name}` is removed"
            yield Change(f"{field}.{name}", kind, "breaking", name, None, reason, pointer)
        elif _promised(entry) != _promised(other):
            moved = sorted(k for k in entry.keys() | other.keys() if k not in _WORDS and entry.get(k) != other.get(k))
            reason = f"{kind} `{name}` has another {', '.join(f'`{m}`' for m in moved)}"
            was, now = ({k: e.get(k) for k in moved} for e in (entry, other))
            yield Change(f"{field}.{name}", kind, "breaking", was, now, reason, pointer)
        elif _text(entry) != _text(other):
            reason = f"texts of {kind} `{name}`"
            yield Change(f"{field}.{name}", "text", "patch", None, None, reason, pointer)
    for name in after:
        if name not in before:
            reason = f"{kind} `{name}` is added"
            yield Change(f"{field}.{name}", kind, "compatible", None, name, reason, (field,))


def _price(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = group(old.data, "price"), group(new.data, "price")
    if _promised(before) == _promised(after):
        return
    amounts = [p.get("priceAmount") for p in (before, after)]
    same = all(before.get(k) == after.get(k) for k in ("priceCurrency", "priceUnit"))
    was, now = (a if isinstance(a, int | float) else 0 for a in amounts)
    dearer = now > was if same or not before or not after else True
    verdict = "breaking" if dearer else "compatible"
    yield Change("price", "price", verdict, dict(before) or None, dict(after) or None, "another price", ("price",))


def _by_name(entries: Any, kind: str) -> dict[str, Mapping[str, Any]]:
    listed: Sequence[Any] = entries if isinstance(entries, list) else ()
    return {str(e.get(kind) or e.get("id") or i): e for i, e in enumerate(listed) if isinstance(e, Mapping)}


def _promised(entry: Mapping[str, Any]) -> str:
    return _text({k: v for k, v in entry.items() if k not in _WORDS})


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
