"""Who has read what, for those who may know; and whether what was written down still stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from weft.access.permissions import Action, Caller, domains_of, may, require
from weft.access.versions import parse_time
from weft.api.cursors import cursor_of, place_of
from weft.errors import Diagnostic, PlatformError, UsageError, error
from weft.model.address import parse_address
from weft.registry.audit import AuditStore
from weft.registry.base import RegistryReader
from weft.registry.chain_export import lines
from weft.registry.chains import TABLES, Anchor, Chains
from weft.registry.database import Database

_BROKEN = frozenset({"WFT-REG-004", "WFT-REG-018"})


class Audit:
    """The verbs on the audit of reading."""

    def __init__(self, database: Database, reader: RegistryReader, mesh: str, now: Callable[[], datetime]) -> None:
        self.store = AuditStore(database)
        self.chains = Chains(database)
        self._reader = reader
        self._mesh = mesh
        self._now = now

    def verify(self, anchors: Sequence[Anchor] = ()) -> dict[str, Any]:
        """Walks both chains, that of the log and that of reading, and holds them to anchors.

        Returns:
            Their lengths (None: broken), the anchors of their ends, and what is wrong.
        """
        found: dict[str, Any] = {}
        problems: list[Diagnostic] = []
        ends: list[str] = []
        for name, walk in (("events", self._reader.verify_log), ("reads", self.store.verify)):
            try:
                found[name] = walk()
            except PlatformError as e:
                if {d.code for d in e.diagnostics} - _BROKEN:
                    raise  # it could not be walked: that says nothing about it
                found[name] = None
                problems += e.diagnostics
            if found[name] is not None:
                ends.append(str(self.chains.at(name, found[name])))
        for anchor in anchors:
            off = self.chains.off([anchor])
            if off:
                found[anchor.chain] = None
                problems += off
        return {**found, "anchors": ends, "diagnostics": [d.as_json() for d in problems]}

    def ends(self) -> dict[str, Any]:
        """How long both chains are and the anchors of their ends, without walking them."""
        heads = {name: self.chains.head(name) for name in TABLES}
        return {name: head.seq for name, head in heads.items()} | {"anchors": [str(head) for head in heads.values()]}

    def export(self, caller: Caller, since: datetime | None = None, until: datetime | None = None) -> Iterator[bytes]:
        """The chains as JSON lines, with their anchors: a chain that the caller may not read whole has these alone.

        Args:
            until: the first moment that is not meant any more.
        """
        whole = replace(caller, domains={})
        shown = [c for c, a in (("events", Action.READ_EVENTS), ("reads", Action.READ_AUDIT)) if may(whole, a)]
        return lines(self.chains, self._mesh, self._now(), since, until, shown)

    def own(self, caller: Caller, limit: int = 50, cursor: str | None = None) -> dict[str, Any]:
        """A page of what somebody has read, newest first."""
        return self._page(f"own {caller.name}", limit, cursor, principal=caller.name)

    def reads(
        self,
        caller: Caller,
        *,
        where: str | None = None,
        principal: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """A page of who has read data, newest first; without `where` of all domains in which they may see it.

        Args:
            where: a domain, or a port with or without its major.
            principal: reads of this one alone.

        Raises:
            AccessDenied: WFT-ACC-010, it is data of a domain in which the caller may not see it.
            UsageError: WFT-ACC-001, there is no such port or domain.
        """
        port, domain = self._of(where)
        require(caller, Action.READ_AUDIT, domain)
        domains = frozenset({domain}) if domain is not None else domains_of(caller, Action.READ_AUDIT)
        return self._page(f"reads {where} {principal}", limit, cursor, port=port, domains=domains, principal=principal)

    def _page(
        self,
        of: str,
        limit: int,
        cursor: str | None,
        *,
        port: str | None = None,
        domains: Collection[str] | None = None,
        principal: str | None = None,
    ) -> dict[str, Any]:
        place = place_of(of, cursor, int)
        before = int(place[0]) if place else None
        found = self.store.reads(port=port, domains=domains, principal=principal, before=before, limit=limit + 1)
        last = cursor_of(of, [found[limit - 1][0]]) if len(found) > limit else None
        return {"items": [read.as_json() for _, read in found[:limit]], "next": last}

    def _of(self, where: str | None) -> tuple[str | None, str | None]:
        """The port and the domain that an address means."""
        if where is None:
            return None, None
        if "." not in where:
            if self._reader.domain(where) is None:
                raise UsageError(
                    error("WFT-ACC-001", f"there is no domain `{where}`", fix="`weft search --kind domain`")
                )
            return None, where
        state = self._reader.port(parse_address(where))
        if state is None:
            raise UsageError(
                error("WFT-ACC-001", f"there is no published port `{where}`", fix="`weft search` finds ports by words")
            )
        return str(state.address), state.address.domain


def bounds(first: str | None, last: str | None) -> tuple[datetime | None, datetime | None]:
    """What `--from` and `--to` mean: a day, which is meant from its beginning to its end (UTC), or a moment.

    Raises:
        UsageError: WFT-CLI-001, a text is no time.
    """
    since = parse_time(first) if first is not None else None
    until = parse_time(last) if last is not None else None
    if until is not None and last is not None and len(last) <= len("2026-11-21"):
        until += timedelta(days=1)
    return since, until
