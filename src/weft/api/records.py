"""What happened on a server, for whoever may know: runs with their checks, and the event log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from msgspec.structs import replace

from weft.access.permissions import Action, Caller, Role, domains_of
from weft.api.catalog import Catalog
from weft.api.cursors import cursor_of, place_of
from weft.catalog.finding import port_state
from weft.catalog.run_pages import run_json
from weft.errors import UsageError, error
from weft.model.address import Address, parse_address
from weft.model.checks import without_rows
from weft.model.records import Event, Run
from weft.registry.base import RegistryReader


class Hiding(Protocol):
    """What knows which addresses are not for somebody."""

    def hide(self, address: str) -> bool:
        """Whether an address is that of a draft of somebody else's."""
        ...


class Records:
    """Runs and events."""

    def __init__(self, reader: RegistryReader, catalog: Catalog) -> None:
        self._reader = reader
        self._catalog = catalog

    def runs(self, caller: Caller, port: str | None, limit: int, cursor: str | None) -> dict[str, Any]:
        """A page of the runs, newest first: of all ports or of one.

        Raises:
            UsageError: WFT-CAT-001, there is no such port; WFT-SRV-006, the cursor is none of this list.
        """
        address = None
        if port is not None:
            named = parse_address(port)
            if self._reader.port(named) is None:
                raise UsageError(error("WFT-CAT-001", f"nothing in the catalog has the address `{port}`"))
            address = port_state(self._reader, named).address
        of = f"runs {address}"
        place = place_of(of, cursor, datetime, str)
        before = (place[0], place[1]) if place else None
        runs = self._reader.runs(address, limit + 1, before)
        page, hidden = runs[:limit], self._catalog.hidden(caller)
        last = page[-1] if len(runs) > limit else None
        shown = [found for run in page if (found := shown_run(run, hidden)) is not None]
        return {
            "items": [run_json(run) for run in shown],
            "next": None if last is None else cursor_of(of, [last.started_at.isoformat(), last.run_id]),
        }

    def between(self, caller: Caller, since: datetime, until: datetime, most: int) -> tuple[list[dict[str, Any]], bool]:
        """Runs that began in a stretch of time, newest first, and whether these are all of them.

        Args:
            until: the first instant that is left out.
        """
        found = self._reader.runs(None, most + 1, (until, ""))
        within = [run for run in found if run.started_at >= since]
        hidden = self._catalog.hidden(caller)
        shown = [one for run in within[:most] if (one := shown_run(run, hidden)) is not None]
        return [run_json(run) for run in shown], len(within) <= most

    def run(self, caller: Caller, run_id: str) -> dict[str, Any]:
        """A run with the check results of its ports, without rows.

        Raises:
            UsageError: WFT-RUN-004, there is no such run.
        """
        found = self._reader.run(run_id)
        hidden = self._catalog.hidden(caller)
        shown = shown_run(found, hidden) if found is not None else None
        if shown is None:
            what = f"there is no run `{run_id}`"
            raise UsageError(error("WFT-RUN-004", what, fix="`/api/v1/runs` lists the newest runs"))
        checks = {
            str(address): [check.as_json(with_samples=False) for check in results]
            for address, results in self._reader.checks(run_id).items()
            if not hidden.hide(str(address))
        }
        return {**run_json(shown), "checks": checks}

    def events(self, caller: Caller, after: int, limit: int) -> dict[str, Any]:
        """Events behind a number. Whoever has no role in the whole mesh gets those of domains that they answer for."""
        found = self._reader.events(after, limit)
        shown = events_for(caller, found)
        return {
            "items": [
                {
                    "seq": e.seq,
                    "at": e.at.isoformat(),
                    "kind": e.kind,
                    "actor": e.actor,
                    "subject": e.subject,
                    "body": dict(e.body),
                    "hash": e.hash,
                    "previous": e.previous,
                }
                for e in shown
            ],
            "next": found[-1].seq if len(found) == limit else None,
        }


def events_for(caller: Caller, events: Sequence[Event]) -> list[Event]:
    """Those of some events that somebody may see: all, or those of domains that they answer for."""
    domains = domains_of(caller, Action.READ_EVENTS)
    return [e for e in events if domains is None or e.subject.partition(".")[0] in domains]


def inside(caller: Caller, port: Address) -> bool:
    """Whether somebody belongs to the domain of a port, so that samples of its checks are for them."""
    return bool(caller.domains.get(port.domain)) or Role.OPERATOR in caller.mesh


def told_without_rows(run: Run) -> Run:
    """A run without rows in what its ports have told: `FailingRows` alone shows them, decided and written down."""
    ports = (replace(p, diagnostics=tuple(map(without_rows, p.diagnostics))) for p in run.ports)
    return replace(run, ports=tuple(ports))


def shown_run(run: Run, hidden: Hiding) -> Run | None:
    """A run without rows and without drafts that are hidden; None when it did nothing else."""
    ports = tuple(p for p in run.ports if not hidden.hide(str(p.address)))
    if run.ports and not ports:
        return None
    selection = tuple(s for s in run.selection if not hidden.hide(s))
    return told_without_rows(replace(run, ports=ports, selection=selection))
