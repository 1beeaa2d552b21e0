"""A plan as a value: what will change, what it read, what stands against it, and the stages that carry it out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, ProjectError, Severity, Where, diagnostic_from_json, error
from weft.model.address import Address, parse_address
from weft.plan.keeping import Window, window_from_json


class Action(StrEnum):
    """What happens to a port. `rebuild`: rows computed anew; `update`: rows stay, rules or texts move."""

    CREATE = "create"
    UPDATE = "update"
    REBUILD = "rebuild"
    RETIRE = "retire"
    NONE = "none"


class StageKind(StrEnum):
    """The steps of a run, in the order in which one product takes them."""

    LAND = "land"
    BUILD = "build"
    DESCRIBE = "describe"
    VERIFY = "verify"
    PUBLISH = "publish"
    RETIRE = "retire"


class ContractMove(Struct, frozen=True):
    """How a contract moves: versions and the verdict of their comparison; `from_` is None for a new port."""

    from_: str | None
    to: str | None
    verdict: str
    changes: tuple[Mapping[str, Any], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape of `plan.changes[].contract`."""
        return {"from": self.from_, "to": self.to, "verdict": self.verdict, "changes": [dict(c) for c in self.changes]}


class Moved(Struct, frozen=True):
    """What of a port may have other values after a change of its models.

    Attributes:
        columns: names as they stand in node ids; every column where rows move.
        rows: whether there may be other rows.
        why: why no column can be told from the others; None where they can.
    """

    columns: tuple[str, ...]
    rows: bool = False
    why: str | None = None

    def __str__(self) -> str:
        if self.why is not None:
            return f"any column may have other values: {self.why}"
        if self.rows:
            return "there may be other rows, and with them other values in every column"
        listed = ", ".join(f"`{c}`" for c in self.columns)
        return f"may have other values: {listed}" if self.columns else "no column has other values"

    def as_json(self) -> dict[str, Any]:
        """The shape of `plan.changes[].moved`."""
        return {"columns": list(self.columns), "rows": self.rows, "why": self.why}


class Change(Struct, frozen=True):
    """What a plan does with one port and why; every selected port has one, `none` included.

    Attributes:
        moved: which of its columns a change of its models moves; None where neither they nor what they read changes.
        stopped: the objection that keeps this port, and no other, as it is.
    """

    address: Address
    action: Action
    reason: str
    contract: ContractMove | None = None
    stopped: Diagnostic | None = None
    moved: Moved | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of `plan.changes[]`."""
        return {
            "address": str(self.address),
            "action": self.action.value,
            "reason": self.reason,
            "contract": self.contract.as_json() if self.contract else None,
            "stopped": self.stopped.as_json() if self.stopped else None,
            "moved": self.moved.as_json() if self.moved else None,
        }


class Effect(StrEnum):
    """What a change does to a column downstream that uses what changes."""

    BREAKS = "breaks"
    MAY_CHANGE = "may change"


class Step(Struct, frozen=True):
    """A node on the way of a change, and where its model reads the one before; None for the first, and elsewhere."""

    node: str
    where: Where | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of `plan.affected[].path[]`."""
        at = self.where
        return {"node": self.node, "where": {"file": at.file, "line": at.line, "column": at.column} if at else None}


class Affected(Struct, frozen=True):
    """A column downstream that depends on what changes.

    Attributes:
        column: the affected node, `domain.product.port@major.column`.
        by: the changed node; a port where its rows change.
        via: how: owner, file and line of what reads it.
        owner: the team that owns the column's product.
        path: from what changes to the column.
    """

    column: str
    by: str
    via: str
    effect: Effect = Effect.BREAKS
    owner: str = ""
    path: tuple[Step, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape of `plan.affected[]`."""
        return {
            "column": self.column,
            "by": self.by,
            "via": self.via,
            "effect": self.effect.value,
            "owner": self.owner,
            "path": [step.as_json() for step in self.path],
        }


class Spared(Struct, frozen=True):
    """A column of a port made from one that changes, which uses nothing of what changes.

    Attributes:
        by: the changed port.
        path: ports from the changed one to the column's.
    """

    column: str
    by: str
    owner: str
    path: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape of `plan.spared[]`."""
        return {"column": self.column, "by": self.by, "owner": self.owner, "path": list(self.path)}


class Unaffected(Struct, frozen=True):
    """A reader downstream that a breaking change leaves alone.

    Attributes:
        reader: a port, pinned; a product that reads the changed port and makes no port of it.
        by: the changed port.
        why: how it reads the port, and which columns none of its own depends on.
    """

    reader: str
    by: str
    why: str

    def as_json(self) -> dict[str, str]:
        """The shape of `plan.unaffected[]`."""
        return {"reader": self.reader, "by": self.by, "why": self.why}


class Stage(Struct, frozen=True):
    """One step of a run. `address` is a port, for land an input port, for publish the product whose ports move."""

    kind: StageKind
    address: str

    def as_json(self) -> dict[str, str]:
        """The shape of `plan.stages[]`."""
        return {"kind": self.kind.value, "address": self.address}


class Plan(Struct, frozen=True):
    """What apply would do, with what it read. Explaining and executing read the same stages.

    Attributes:
        requires: version of each thing that was read: `file:PATH`, `source:PRODUCT.INPUT`, `port:ADDRESS`.
        selection: the SELECT arguments that made it.
        unaffected: readers of what breaks that do not depend on it.
        window: the time that is computed again because it was asked for.
        spared: columns of whoever reads what changes that do not depend on it.
        truncated: whether more is affected than was looked at.
    """

    mesh: str
    requires: Mapping[str, str]
    changes: tuple[Change, ...]
    affected: tuple[Affected, ...]
    objections: tuple[Diagnostic, ...]
    stages: tuple[Stage, ...]
    selection: tuple[str, ...] = ()
    full_refresh: bool = False
    unaffected: tuple[Unaffected, ...] = ()
    window: Window | None = None
    spared: tuple[Spared, ...] = ()
    truncated: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.stages

    @property
    def refused(self) -> bool:
        """Whether an objection of severity error stands against all of it."""
        stopped = {c.stopped for c in self.changes}
        return any(o.severity is Severity.ERROR and o not in stopped for o in self.objections)

    @property
    def stopped(self) -> tuple[Change, ...]:
        """Ports that stay as they are because an objection stands against them alone."""
        return tuple(c for c in self.changes if c.stopped is not None)

    @property
    def retires(self) -> tuple[Address, ...]:
        """Ports that it retires: apply needs consent for them."""
        return tuple(c.address for c in self.changes if c.action is Action.RETIRE)

    def action(self, address: Address) -> Action:
        """What happens to a port; `none` for one that the plan does not name."""
        return next((c.action for c in self.changes if c.address == address), Action.NONE)

    def as_json(self) -> dict[str, Any]:
        """The plan in the shape of `weft plan --format json`, which `weft apply --plan` reads."""
        return {
            "mesh": self.mesh,
            "selection": list(self.selection),
            "full_refresh": self.full_refresh,
            "window": self.window.as_json() if self.window else None,
            "requires": dict(self.requires),
            "changes": [c.as_json() for c in self.changes],
            "affected": [a.as_json() for a in self.affected],
            "unaffected": [u.as_json() for u in self.unaffected],
            "spared": [s.as_json() for s in self.spared],
            "truncated": self.truncated,
            "objections": [o.as_json() for o in self.objections],
            "stages": [s.as_json() for s in self.stages],
        }


def plan_from_json(data: Any, file: str) -> Plan:
    """The plan that `as_json` wrote.

    Raises:
        ProjectError: WFT-PLN-006, the document is not a plan.
    """
    try:
        return Plan(
            mesh=data["mesh"],
            requires=dict(data["requires"]),
            changes=tuple(_change(c) for c in data["changes"]),
            affected=tuple(_affected(a) for a in data["affected"]),
            objections=tuple(diagnostic_from_json(o) for o in data["objections"]),
            stages=tuple(Stage(StageKind(s["kind"]), s["address"]) for s in data["stages"]),
            selection=tuple(data["selection"]),
            full_refresh=bool(data["full_refresh"]),
            unaffected=tuple(Unaffected(**u) for u in data.get("unaffected", ())),
            window=window_from_json(data.get("window")),
            spared=tuple(Spared(**s | {"path": tuple(s["path"])}) for s in data.get("spared", ())),
            truncated=bool(data.get("truncated")),
        )
    except (KeyError, TypeError, ValueError) as e:
        raise ProjectError(
            error(
                "WFT-PLN-006",
                f"`{file}` is not a plan of this version of weft",
                Where(file),
                why=f"{type(e).__name__}: {e}",
                fix="write one with `weft plan --out FILE`",
            )
        ) from e


def _affected(data: Mapping[str, Any]) -> Affected:
    path = [Step(s["node"], s["where"] and Where(**s["where"])) for s in data.get("path", ())]
    effect = Effect(data.get("effect", Effect.BREAKS))
    return Affected(data["column"], data["by"], data["via"], effect, data.get("owner", ""), tuple(path))


def _change(data: Mapping[str, Any]) -> Change:
    contract, stopped, moved = data["contract"], data.get("stopped"), data.get("moved")
    return Change(
        parse_address(data["address"]),
        Action(data["action"]),
        data["reason"],
        contract and ContractMove(contract["from"], contract["to"], contract["verdict"], tuple(contract["changes"])),
        stopped and diagnostic_from_json(stopped),
        moved and Moved(tuple(moved["columns"]), moved["rows"], moved["why"]),
    )
