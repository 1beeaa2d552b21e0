"""The rows of a port in an environment against those in production: which keys came, went or changed, and where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.access.door import Door
from weft.access.principals import Principal
from weft.engines.base import Engine, Session
from weft.model.address import Address
from weft.model.column import Column
from weft.sql.quoting import dotted, ident

_BEFORE, _AFTER = ("production", "diff", "rows"), ("environment", "diff", "rows")
_THERE = '"weft: there"'
"""Of a row that one side has; no column of a contract is named so."""


class ChangedColumn(Struct, frozen=True):
    """A column whose values differ in rows that both have.

    Attributes:
        rows: in how many.
        share: of the rows that both have, 0 to 1.
    """

    name: str
    rows: int
    share: float


class DataDiff(Struct, frozen=True):
    """How a port's rows differ.

    Attributes:
        address: the port in the environment.
        compared_with: the port in production: another major of it where the environment has moved its default.
        key: the columns that tell rows apart; none: rows are compared as wholes, and none is changed.
        before: rows in production.
        after: rows in the environment.
        same_snapshot: both show the same snapshot, so that nothing had to be read.
        added_columns: columns that only the environment has; `changed_types` have another type there.
    """

    address: str
    compared_with: str
    environment: str
    snapshots: tuple[str, str]
    key: tuple[str, ...]
    before: int
    after: int
    added: int
    removed: int
    changed: int
    columns: tuple[ChangedColumn, ...] = ()
    added_columns: tuple[str, ...] = ()
    removed_columns: tuple[str, ...] = ()
    changed_types: tuple[tuple[str, str, str], ...] = ()
    same_snapshot: bool = False

    @property
    def same(self) -> bool:
        """Whether both have the same rows in the same columns."""
        return not (
            self.added
            or self.removed
            or self.changed
            or self.added_columns
            or self.removed_columns
            or self.changed_types
        )

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft diff-data --format json`."""
        return {
            "address": self.address,
            "compared_with": self.compared_with,
            "environment": self.environment,
            "snapshots": {"production": self.snapshots[0], "environment": self.snapshots[1]},
            "same": self.same,
            "key": list(self.key),
            "rows": {
                "production": self.before,
                "environment": self.after,
                "added": self.added,
                "removed": self.removed,
                "changed": self.changed,
            },
            "columns": {
                "added": list(self.added_columns),
                "removed": list(self.removed_columns),
                "types": [{"name": n, "production": a, "environment": b} for n, a, b in self.changed_types],
                "changed": [{"name": c.name, "rows": c.rows, "share": c.share} for c in self.columns],
            },
        }


def data_diff(
    addresses: tuple[Address, Address],
    environment: str,
    production: Door,
    beside: Door,
    principal: Principal,
    engine: Engine,
    keyed: Sequence[str],
) -> DataDiff:
    """Compares a port's current rows behind two doors, by the columns of `keyed` where there are any.

    Args:
        addresses: the port in production and in the environment, which may be another major of it.

    Raises:
        UsageError: WFT-ACC-001, one of them does not have the port.
        AccessDenied: WFT-ACC-002, the principal may not read it.
    """
    before, after = production.open(principal, addresses[0]), beside.open(principal, addresses[1])
    snapshots = (before.publication.snapshot_id, after.publication.snapshot_id)
    rows = (before.publication.rows, after.publication.rows)
    old, new = ({c.name: c for c in one.publication.manifest.columns} for one in (before, after))
    common = [c for c in new.values() if c.name in old]
    key = tuple(k for k in keyed if any(c.name == k for c in common))
    key = key if len(key) == len(keyed) else ()  # a part of a key tells no rows apart
    found = DataDiff(
        str(addresses[1]),
        str(addresses[0]),
        environment,
        snapshots,
        key,
        *rows,
        0,
        0,
        0,
        added_columns=tuple(n for n in new if n not in old),
        removed_columns=tuple(n for n in old if n not in new),
        changed_types=tuple((c.name, old[c.name].type, c.type) for c in common if old[c.name].type != c.type),
    )
    if snapshots[0] == snapshots[1]:
        return replace(found, same_snapshot=True)
    with (
        production.fetching.at_hand(principal, before) as was,
        beside.fetching.at_hand(principal, after) as is_now,
        engine.locked({_BEFORE: was.relation, _AFTER: is_now.relation}, [*was.paths, *is_now.paths]) as session,
    ):
        if not key:
            added, removed = _as_wholes(session, common, old) if common else (rows[1], rows[0])
            return replace(found, added=added, removed=removed)
        added, removed, changed, columns = _by_key(session, key, common, old)
    return replace(found, added=added, removed=removed, changed=changed, columns=columns)


def _by_key(
    session: Session, key: Sequence[str], common: Sequence[Column], old: Mapping[str, Column]
) -> tuple[int, int, int, tuple[ChangedColumn, ...]]:
    others = [c for c in common if c.name not in key]
    on = " AND ".join(f"{b} IS NOT DISTINCT FROM {a}" for c in common if c.name in key for b, a in _pairs(c, old))
    differs = [" OR ".join(f"{b} IS DISTINCT FROM {a}" for b, a in _pairs(c, old)) for c in others]
    counted = [
        f"count(*) FILTER (b.{_THERE} IS NULL)",
        f"count(*) FILTER (a.{_THERE} IS NULL)",
        f"count(*) FILTER (b.{_THERE} AND a.{_THERE})",
        f"count(*) FILTER (b.{_THERE} AND a.{_THERE} AND ({' OR '.join(differs) or 'false'}))",
        *(f"count(*) FILTER (b.{_THERE} AND a.{_THERE} AND ({d}))" for d in differs),
    ]
    names = ", ".join(ident(c.name) for c in common)
    ((added, removed, shared, changed, *each),) = session.rows(
        f"SELECT {', '.join(counted)} FROM (SELECT {names}, true AS {_THERE} FROM {dotted(_BEFORE)}) AS b "
        f"FULL JOIN (SELECT {names}, true AS {_THERE} FROM {dotted(_AFTER)}) AS a ON {on}"
    )
    columns = [ChangedColumn(c.name, n, n / shared) for c, n in zip(others, each, strict=True) if n]
    return added, removed, changed, tuple(sorted(columns, key=lambda c: -c.rows))


def _pairs(new: Column, old: Mapping[str, Column]) -> list[tuple[str, str]]:
    """What is equal in both where a value is the same; of a column with another type, what survives both casts.

    Left to the engine, a text beside a number would be read as one, and stop the query where it is none.
    """
    was, is_now, before = f"b.{ident(new.name)}", f"a.{ident(new.name)}", old[new.name].type
    if new.type == before:
        return [(was, is_now)]
    return [(f"TRY_CAST({was} AS {new.type})", is_now), (was, f"TRY_CAST({is_now} AS {before})")]


def _as_wholes(session: Session, common: Sequence[Column], old: Mapping[str, Column]) -> tuple[int, int]:
    """Rows that only one of both has, equal ones counted; columns of another type are compared as texts."""
    names = ", ".join(
        ident(c.name) if c.type == old[c.name].type else f"CAST({ident(c.name)} AS VARCHAR)" for c in common
    )
    one, other = (f"SELECT {names} FROM {dotted(name)}" for name in (_BEFORE, _AFTER))
    ((removed, added),) = session.rows(
        f"SELECT (SELECT count(*) FROM ({one} EXCEPT ALL {other})), (SELECT count(*) FROM ({other} EXCEPT ALL {one}))"
    )
    return added, removed
