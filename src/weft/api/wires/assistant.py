"""The mesh for an assistant: short answers, page by page, with the rights of the person for whom it works."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Caller, require
from weft.access.principals import Principal
from weft.api.access.elsewhere import keyboard
from weft.api.cursors import cursor_of, place_of
from weft.api.wires.assistant_rows import Ask, granted, owned, rows
from weft.api.wires.assistant_wants import (
    AccessStatus,
    GetContract,
    GetProduct,
    Lineage,
    Quality,
    Query,
    RequestAccess,
    Search,
    tool_named,
)
from weft.catalog.looks import Within
from weft.errors import UsageError, WeftError, error
from weft.model.address import ProductAddress, parse_address

if TYPE_CHECKING:
    from weft.api.access.verbs import Access
    from weft.api.platform import Platform

_PAGE = 50
"""Columns, rules, edges or requests of one answer."""

_FARTHEST = 1_000
"""Hits of a search that pages go through."""


class Assistant:
    """The tools, for one caller. Asks nothing that the caller could not ask the API."""

    def __init__(self, platform: Platform, caller: Caller) -> None:
        self._platform, self._caller = platform, caller
        self._stops = 0
        self._ask: Ask = granted(platform, caller, lambda: self._stops > 0)
        self._access: Access = platform.access
        self._principal: Callable[[], Principal] = lambda: platform.access.principal_of(caller)

    @classmethod
    def at_the_keyboard(cls, platform: Platform) -> Assistant:
        """The tools of whoever owns the folder of a mesh of their own."""
        from weft.api.access.verbs import Access

        made = cls(platform, keyboard(platform.rooms.actor))
        made._ask = owned(platform, lambda: made._stops)
        made._access = Access(platform.rooms, platform.database, sovereign=True)
        made._principal = platform.rooms.principal
        made._access.step()
        return made

    def call(self, name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What a tool answers.

        Raises:
            UsageError: WFT-SRV-071, there is no such tool, or it does not take that.
            AccessDenied: WFT-ACC-010, the caller's token does not allow it.
            WeftError: what the verb behind it says.
        """
        tool = tool_named(name)
        want = tool.want(arguments)
        require(self._caller, tool.action)
        match want:
            case Search():
                return self._search(want)
            case GetProduct():
                return self._product(want)
            case GetContract():
                return self._contract(want)
            case Quality():
                return self._quality(want)
            case Lineage():
                return self._lineage(want)
            case RequestAccess():
                return self._request(want)
            case AccessStatus():
                return self._status(want)
            case Query():
                return rows(want, self._ask)

    def stop(self) -> None:
        """Ends the queries that run; from any thread.

        A caller of a server is gone and asks nothing more. Who is at the keyboard goes on with what they ask next.
        """
        self._stops += 1

    def _search(self, want: Search) -> dict[str, Any]:
        of = f"mcp search {want.words} {want.kind} {want.domain}"
        place = place_of(of, want.cursor, int)
        begin = min(int(place[0]), _FARTHEST) if place else 0
        end = min(begin + want.limit, _FARTHEST)
        within = Within(kind=want.kind, domain=want.domain)
        found = self._platform.catalog.search(self._caller, want.words, within, end)
        hits = found["results"][begin:end]
        more = found["total"] > end and end < _FARTHEST and bool(hits)
        kept = ("address", "kind", "title", "why", "mark")
        return {
            "total": found["total"],
            "results": [{key: hit[key] for key in kept if hit[key] is not None} for hit in hits],
            "next": cursor_of(of, [end]) if more else None,
        }

    def _product(self, want: GetProduct) -> dict[str, Any]:
        parts = want.address.partition("@")[0].split(".")
        if len(parts) not in (2, 3):
            what = f"`{want.address}` is no address of a product"
            raise UsageError(error("WFT-CAT-001", what, fix="write it like `fleet.aircraft`; `search` finds products"))
        found = self._platform.catalog.product(self._caller, ProductAddress(parts[0], parts[1]))
        ports = [
            {
                **{key: port[key] for key in ("address", "title", "status", "rows", "freshness", "published_at")},
                "you_may_read": self._may_read(port["address"]),
            }
            for port in found["ports"]
        ]
        kept = ("address", "title", "status", "owner", "domain", "version", "description", "tags", "reads", "incidents")
        return {**{key: found[key] for key in kept}, "consumers": len(found["consumers"]), "ports": ports}

    def _may_read(self, address: str) -> bool:
        with suppress(WeftError):
            _, decision = self._platform.rooms.counter.decision(self._principal(), parse_address(address))
            return decision.allowed
        return False

    def _contract(self, want: GetContract) -> dict[str, Any]:
        page = self._platform.catalog.port(self._caller, parse_address(want.address))
        document = self._platform.catalog.contract(self._caller, parse_address(page["address"]), None)
        columns, following = _paged(f"mcp contract {page['address']}", page["columns"], want.cursor)
        kept = ("address", "title", "status", "version", "owner", "description", "tags", "rows", "snapshot_id")
        return {
            **{key: page[key] for key in kept},
            "published_at": page["published_at"],
            "end_of_life": page["end_of_life"],
            "key": page["contract"]["key"],
            "sla": page["contract"]["sla"],
            "roles": [_role(role) for role in document.get("roles") or () if isinstance(role, Mapping)],
            "you_may_read": self._may_read(page["address"]),
            "column_count": len(page["columns"]),
            "columns": [{key: value for key, value in column.items() if value} for column in columns],
            "next": following,
        }

    def _quality(self, want: Quality) -> dict[str, Any]:
        page = self._platform.catalog.port(self._caller, parse_address(want.address))
        rules, following = _paged(f"mcp quality {page['address']}", page["contract"]["rules"], want.cursor)
        return {
            "address": page["address"],
            "checks": page["quality"]["checks"],
            "newest_run_refused": page["quality"]["newest_failed"],
            "trend": page["quality"]["trend"][:5],
            "freshness": page["freshness"],
            "quarantine": page["quarantine"],
            "override": page["override"],
            "incidents": page["incidents"],
            "rules": [{key: value for key, value in rule.items() if value is not None} for rule in rules],
            "next": following,
        }

    def _lineage(self, want: Lineage) -> dict[str, Any]:
        up, down = want.direction in ("up", "both"), want.direction in ("down", "both")
        found = self._platform.catalog.lineage(self._caller, want.node, up=up, down=down, depth=want.depth)
        of = f"mcp lineage {found['root']} {want.direction} {want.depth}"
        edges, following = _paged(of, found["edges"], want.cursor)
        return {
            "root": found["root"],
            "nodes": len(found["nodes"]),
            "edges": edges,
            "edge_count": len(found["edges"]),
            "truncated": found["truncated"],
            "next": following,
        }

    def _request(self, want: RequestAccess) -> dict[str, Any]:
        made = self._access.ask(
            self._caller, want.ports, want.purpose, until=want.until, columns=want.columns, roles=want.roles
        )
        return _request_line(made)

    def _status(self, want: AccessStatus) -> dict[str, Any]:
        if want.request_id is not None:
            return {"requests": [_request_line(self._access.one(self._caller, want.request_id))], "next": None}
        who = self._principal()
        own = {(kind, name) for kind, name in who.consumers} | {("user", self._caller.name)}
        requests = [
            r
            for r in self._access.listed(self._caller)
            if r["asked_by"] == self._caller.name or (r["kind"], r["reader"]) in own
        ]
        grants = [g for g in self._access.granted(self._caller) if (g["kind"], g["consumer"]) in own and g["holds"]]
        lines = [*({"grant": _grant_line(g)} for g in grants), *({"request": _request_line(r)} for r in requests)]
        shown, following = _paged("mcp access", lines, want.cursor)
        return {
            "grants": [line["grant"] for line in shown if "grant" in line],
            "requests": [line["request"] for line in shown if "request" in line],
            "next": following,
        }


def _paged(of: str, found: Sequence[Any], cursor: str | None) -> tuple[Sequence[Any], str | None]:
    """A page of something, and the cursor of the next one."""
    place = place_of(of, cursor, int)
    begin = int(place[0]) if place else 0
    end = begin + _PAGE
    return found[begin:end], cursor_of(of, [end]) if len(found) > end else None


def _role(role: Mapping[str, Any]) -> dict[str, Any]:
    return {key: role[key] for key in ("role", "access", "description") if role.get(key) is not None}


def _request_line(request: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("address", "state", "waits_for", "decided_by", "reason")
    return {
        **{key: request[key] for key in ("request_id", "reader", "purpose", "columns", "until", "at")},
        "ports": [{key: port[key] for key in kept if port[key]} for port in request["ports"]],
    }


def _grant_line(grant: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("grant_id", "address", "consumer", "purpose", "columns", "roles", "since", "ends_at")
    return {key: grant[key] for key in kept if grant[key]}
