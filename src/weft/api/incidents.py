"""What is wrong in the mesh, and who looks after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from weft.access.permissions import Action, Caller, require
from weft.api.drafts import Drafts
from weft.api.notices import absent
from weft.catalog.incidents import incident_line, open_incidents
from weft.config import duration
from weft.errors import Conflict, UsageError, did_you_mean, error
from weft.observability.watching import Watch, Watched
from weft.registry.incidents import Incident, IncidentStore
from weft.registry.sql import SqlRegistry

_SINCE = timedelta(days=30)


class Incidents:
    """The verbs on incidents."""

    def __init__(self, registry: SqlRegistry, grace: str, now: Callable[[], datetime]) -> None:
        self._store = IncidentStore(registry.database)
        self._watch = Watch(registry, now, duration(grace))
        self._reader = registry
        self._now = now

    def look(self) -> Watched:
        """Opens and closes incidents as things stand."""
        return self._watch.look()

    def listed(self, *, domain: str | None = None, closed: bool = False) -> list[dict[str, Any]]:
        """Open incidents, newest first; with `closed` also those of the last thirty days.

        Raises:
            UsageError: WFT-OBS-001, there is no such domain.
        """
        if domain is not None and self._reader.domain(domain) is None:
            fix = did_you_mean(domain, sorted(self._reader.domains()), otherwise="`weft search` finds domains")
            raise UsageError(error("WFT-OBS-001", f"there is no domain `{domain}`", fix=fix))
        after = self._now() - _SINCE if closed else None
        return [incident_line(one) for one in self._store.listed(closed_after=after, domain=domain)]

    def shown_to(self, caller: Caller, *, domain: str | None = None, closed: bool = False) -> list[dict[str, Any]]:
        """As `listed`, without what drafts of others suffer from."""
        drafts = Drafts(self._reader, caller)
        found = [one for one in self.listed(domain=domain, closed=closed) if not drafts.hide(one["subject"])]
        return [{**one, "affected": [a for a in one["affected"] if not drafts.hide(a)]} for one in found]

    def one_shown_to(self, caller: Caller, incident_id: str) -> dict[str, Any]:
        """As `one`; an incident of a draft that is somebody else's is not there.

        Raises:
            UsageError: WFT-OBS-008, there is none.
        """
        found, drafts = self.one(incident_id), Drafts(self._reader, caller)
        if drafts.hide(found["subject"]):
            raise absent("incident", incident_id)
        return {**found, "affected": [a for a in found["affected"] if not drafts.hide(a)]}

    def of(self, address: str) -> list[dict[str, Any]]:
        """Open incidents of a domain, product or port, or by which one suffers."""
        return open_incidents(self._store, address)

    def one(self, incident_id: str) -> dict[str, Any]:
        """An incident with its timeline.

        Raises:
            UsageError: WFT-OBS-008, there is none.
        """
        return self._found(incident_id).as_json()

    def acknowledge(self, caller: Caller, incident_id: str) -> dict[str, Any]:
        """Says that the caller looks after it.

        Raises:
            UsageError: WFT-OBS-008, there is none.
            AccessDenied: WFT-ACC-010, it is not of a domain that the caller runs.
            Conflict: WFT-OBS-010, it is over.
        """
        found = self._changeable(caller, incident_id)
        self._store.acknowledge(found.incident_id, actor=caller.name, at=self._now())
        return self.one(incident_id)

    def comment(self, caller: Caller, incident_id: str, text: str) -> dict[str, Any]:
        """Adds what the caller says to the timeline. Raises like `acknowledge`."""
        found = self._changeable(caller, incident_id)
        if not self._store.comment(found.incident_id, text, actor=caller.name, at=self._now()):
            raise _over(incident_id)
        return self.one(incident_id)

    def close(self, caller: Caller, incident_id: str, reason: str) -> dict[str, Any]:
        """Ends an incident that no run will end. Raises like `acknowledge`."""
        found = self._changeable(caller, incident_id)
        if not self._store.close(found.incident_id, actor=caller.name, at=self._now(), reason=reason):
            raise _over(incident_id)
        return self.one(incident_id)

    def _found(self, incident_id: str) -> Incident:
        found = self._store.get(incident_id)
        if found is None:
            raise absent("incident", incident_id)
        return found

    def _changeable(self, caller: Caller, incident_id: str) -> Incident:
        found = self._found(incident_id)
        require(caller, Action.RUN, found.domain)
        if found.closed_at is not None:
            raise _over(incident_id)
        return found


def _over(incident_id: str) -> Conflict:
    return Conflict(error("WFT-OBS-010", f"incident `{incident_id}` is over"))
