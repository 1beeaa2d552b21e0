"""What a gate asks the registry: what is waived, what was known debt before, and what a person has agreed to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weft.model.relief import Debt, Relief, Waiver
from weft.model.violations import domain_of
from weft.registry.sql import SqlRegistry

if TYPE_CHECKING:
    from weft.governance.judging import Objection
    from weft.registry.approvals import ApprovalStore
    from weft.registry.remote import Server
    from weft.wiring import Rooms

_PAGE = 200
_DOMAINS = 3
"""How many domains are read one by one."""


class Excuses:
    """Whether an objection is waived or known debt, as the registry has it; read again when anything has happened.

    Used from several threads.
    """

    def __init__(self, registry: SqlRegistry, now: Callable[[], datetime]) -> None:
        self._registry = registry
        self._now = now
        self._guard = threading.Lock()
        self._seen = -1
        self._relief: dict[str | None, Relief] = {}

    def __call__(self, objection: Objection) -> bool:
        """Whether it stands against nothing."""
        from weft.registry.violations import ViolationStore

        now = self._now()
        # known debt of a whole mesh is much, and a gate asks of one product; who asks of many reads all of it at once
        with self._guard:
            newest = self._registry.last_event()
            if newest != self._seen:  # each change of what is let off is an event
                self._relief, self._seen = {}, newest
            domain = domain_of(objection.subject) if None not in self._relief else None
            if domain not in self._relief:
                domain = domain if len(self._relief) < _DOMAINS else None
                within = [domain] if domain is not None else None
                self._relief[domain] = ViolationStore(self._registry.database).relief(now, within)
            relief = self._relief[domain]
        return relief.excuses(objection.policy, objection.subject, now)


class ServerExcuses:
    """The same where a server has the registry: asked once, when the first objection is looked at."""

    def __init__(self, server: Server, now: Callable[[], datetime]) -> None:
        self._server = server
        self._now = now
        self._relief: Relief | None = None

    def __call__(self, objection: Objection) -> bool:
        """Whether it stands against nothing."""
        if self._relief is None:
            self._relief = Relief(tuple(map(_waiver, self._all("waivers"))), tuple(map(_debt, self._all("debts"))))
        return self._relief.excuses(objection.policy, objection.subject, self._now())

    def _all(self, what: str) -> list[dict[str, Any]]:
        path = {"waivers": "/api/v1/waivers", "debts": "/api/v1/governance/debts"}[what]
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self._server.get(path, dict[str, Any], {"limit": _PAGE, "cursor": cursor})
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                return found


def excuses(rooms: Rooms) -> Callable[[Objection], bool]:
    """Whether an objection is waived or known debt, by whatever has the registry of a mesh."""
    if rooms.on_a_server:
        return ServerExcuses(rooms.remote.server, rooms.now)
    registry = rooms.production
    return Excuses(registry, rooms.now) if isinstance(registry, SqlRegistry) else lambda _: False


def approvals(rooms: Rooms) -> ApprovalStore | None:
    """Where a person agrees to a publication; None where there is no such place."""
    from weft.registry.approvals import ApprovalStore

    registry = rooms.production
    return ApprovalStore(registry.database) if isinstance(registry, SqlRegistry) else None


def _waiver(one: dict[str, Any]) -> Waiver:
    return Waiver(
        one["waiver_id"],
        one["policy"],
        one["subject"],
        one["reason"],
        one["role"],
        one["given_by"],
        datetime.fromisoformat(one["given_at"]),
        datetime.fromisoformat(one["ends_at"]),
    )


def _debt(one: dict[str, Any]) -> Debt:
    return Debt(one["policy"], one["subject"], one["domain"], datetime.fromisoformat(one["until"]))
