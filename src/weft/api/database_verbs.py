"""The verbs where the registry's database is reached: whoever is at the keyboard is their caller."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from weft.api.governance.verbs import DatabaseGovernance
from weft.api.notices import keyboard
from weft.api.platform import Platform
from weft.model.jobs import JobState
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.api.verbs import Document
    from weft.catalog.looks import Within
    from weft.catalog.search import SearchResult
    from weft.plan.keeping import Window
    from weft.registry.chains import Anchor

_LOOK_S = 0.5


class DatabaseVerbs:
    """Implements `Verbs`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._platform = Platform(rooms)
        self.jobs = DatabaseJobs(self._platform)
        self.notices = DatabaseNotices(self._platform)
        self.incidents = DatabaseIncidents(self._platform)
        self.audit = DatabaseAudit(self._platform)
        self.governance = DatabaseGovernance(self._platform)

    def compliance(
        self, *, regulation: str | None = None, at: str | None = None, days: int = 90, form: str = "json"
    ) -> Document | str:
        """Which share of what policies ask is kept."""
        from weft.api.governance.compliance import compliance, rendered

        rooms, database = self._rooms, self._platform.database
        found = compliance(database, rooms.settings.mesh.name, rooms.now(), at=at, regulation=regulation, days=days)
        return rendered(found, form)

    def usage(
        self,
        *,
        domain: str | None = None,
        product: str | None = None,
        first: str | None = None,
        last: str | None = None,
        by: Sequence[str] = ("day", "product"),
    ) -> Document:
        """What products cost."""
        caller = keyboard(self._rooms.actor)
        return self._platform.usage.of(caller, domain=domain, product=product, first=first, last=last, by=by)

    def quota(self, domain: str) -> Document:
        """What a domain may keep, and what it keeps."""
        return self._platform.requisitions.quota(keyboard(self._rooms.actor), domain)

    def bound(self, domain: str, *, most_bytes: int | None, most_products: int | None) -> Document:
        """Gives a domain other bounds."""
        caller = keyboard(self._rooms.actor)
        return self._platform.requisitions.bound(caller, domain, most_bytes=most_bytes, most_products=most_products)

    def search(self, words: str, within: Within | None = None, *, limit: int = 20) -> SearchResult:
        """What the index beside the registry holds, drafts included."""
        from msgspec.structs import replace

        from weft.catalog.search import EVERYTHING, search
        from weft.catalog.terms import synonyms_of, terms_found

        rooms = self._rooms
        within = replace(within or EVERYTHING, now=rooms.now().isoformat())
        glossary = rooms.governance.terms.current()
        if within.kind == "term":
            return terms_found(glossary, words, domain=within.domain, limit=limit)
        return search(rooms.registry, rooms.index, words, within, limit=limit, synonyms=synonyms_of(glossary))

    def now(self) -> datetime:
        """The time by the clock of this machine."""
        return self._rooms.now()

    def close(self) -> None:
        """Gives connections back."""
        self._platform.close()


class DatabaseJobs:
    """Implements `JobVerbs`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def listed(
        self,
        *,
        states: Sequence[str] = (),
        product: str | None = None,
        domain: str | None = None,
        limit: int = 100,
    ) -> list[Document]:
        """Jobs, the newest first."""
        wanted = [JobState(state) for state in states]
        found = self._platform.jobs.listed(states=wanted, product=product, domain=domain, limit=limit)
        return self._platform.jobs.documents(found)

    def one(self, job_id: str) -> Document:
        """A job, by its id or that of its run."""
        jobs = self._platform.jobs
        return jobs.documents([jobs.one(job_id)])[0]

    def start(self, product: str) -> Document:
        """Queues a job that applies a product."""
        return self._platform.jobs.start(product, self._actor).as_json()

    def backfill(self, product: str, window: Window, by: timedelta) -> Document:
        """Queues a job for each piece of a stretch of time."""
        return self._platform.jobs.backfill(product, window, by, self._actor).as_json()

    def progress(self, backfill_id: str) -> Document:
        """How far a backfill is."""
        return self._platform.jobs.progress(backfill_id).as_json()

    def backfills(self, *, product: str | None = None, domain: str | None = None, limit: int = 20) -> list[Document]:
        """Backfills, the newest first."""
        found = self._platform.jobs.backfills(product=product, domain=domain, limit=limit)
        return [one.as_json() for one in found]

    def cancel(self, job_id: str) -> Document:
        """Ends a job."""
        return self._platform.jobs.cancel(job_id, self._actor).as_json()

    def cancel_backfill(self, backfill_id: str) -> Document:
        """Ends every piece of a backfill that is not over."""
        return self._platform.jobs.cancel_backfill(backfill_id, self._actor).as_json()

    def log(self, job_id: str, *, follow: bool = False) -> Iterator[Document]:
        """Lines of a job's log as they come."""
        verbs, last = self._platform.jobs, 0
        job_id = verbs.one(job_id).job_id
        while True:
            job = verbs.one(job_id)  # before the lines: what is over tells nothing more
            while lines := verbs.log(job_id, last):
                last = lines[-1].number
                for line in lines:
                    yield {"number": line.number, "at": line.at.isoformat(), "line": line.line}
            if job.state.is_over or not follow:
                return
            time.sleep(_LOOK_S)

    def schedules(self) -> list[Document]:
        """Every schedule, what comes next first."""
        return [standing.as_json() for standing in self._platform.jobs.schedules()]

    def pause(self, product: str) -> Document:
        """From now on nothing is queued by the schedule of a product."""
        return self._platform.jobs.pause(product, self._actor).as_json()

    def resume(self, product: str) -> Document:
        """The schedule of a product counts again."""
        return self._platform.jobs.resume(product, self._actor).as_json()

    @property
    def _actor(self) -> str:
        return self._platform.rooms.actor


class DatabaseNotices:
    """Implements `NoticeVerbs`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._caller = keyboard(platform.rooms.actor)

    def subscribe(
        self,
        subject: str,
        target: str = "",
        *,
        channel: str | None = None,
        kinds: Sequence[str] = (),
        digest: str | None = None,
        secret: str | None = None,
    ) -> Document:
        """Subscribes: see `Notices.subscribe`."""
        return self._platform.notices.subscribe(
            self._caller, subject, target, channel=channel, kinds=kinds, digest=digest, secret=secret
        )

    def subscriptions(self, *, everybody: bool = False) -> list[Document]:
        """One's own subscriptions, or everybody's."""
        return self._platform.notices.subscriptions(self._caller, everybody=everybody)

    def unsubscribe(self, subscription_id: str) -> None:
        """Ends a subscription."""
        self._platform.notices.unsubscribe(self._caller, subscription_id)

    def mute(self, domain: str, subject: str, *, off: bool = False) -> None:
        """Spares the owners of a domain notices that they did not ask for, or tells them again."""
        self._platform.notices.mute(self._caller, domain, subject, off=off)

    def mutes(self) -> list[Document]:
        """What the owners of domains are spared."""
        return [dict(one) for one in self._platform.notices.mutes()]

    def deliveries(self, *, state: str | None = None, limit: int = 100) -> list[Document]:
        """Messages, newest first."""
        return self._platform.notices.deliveries(self._caller, state=state, limit=limit)

    def resend(self, delivery_id: str) -> None:
        """Tries a message again that had been given up."""
        self._platform.notices.resend(self._caller, delivery_id)


class DatabaseIncidents:
    """Implements `IncidentVerbs`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._caller = keyboard(platform.rooms.actor)

    def listed(self, *, domain: str | None = None, closed: bool = False) -> list[Document]:
        """Open incidents as things stand now, newest first; with `closed` also those of the last thirty days.

        A worker looks every few seconds; on a laptop there is none, so whoever asks looks.
        """
        self._platform.incidents.look()
        return self._platform.incidents.listed(domain=domain, closed=closed)

    def one(self, incident_id: str) -> Document:
        """An incident with its timeline."""
        return self._platform.incidents.one(incident_id)

    def acknowledge(self, incident_id: str) -> None:
        """Says that somebody looks after it."""
        self._platform.incidents.acknowledge(self._caller, incident_id)

    def comment(self, incident_id: str, text: str) -> None:
        """Adds a line to its timeline."""
        self._platform.incidents.comment(self._caller, incident_id, text)

    def close(self, incident_id: str, reason: str) -> None:
        """Ends it by hand."""
        self._platform.incidents.close(self._caller, incident_id, reason)


class DatabaseAudit:
    """Implements `AuditVerbs`."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def reads(self, *, where: str | None = None, principal: str | None = None, limit: int = 50) -> Document:
        """Who has read data, newest first."""
        caller = keyboard(self._platform.rooms.actor)
        return self._platform.audit.reads(caller, where=where, principal=principal, limit=limit)

    def own(self, *, limit: int = 50) -> Document:
        """What whoever is at the keyboard has read."""
        return self._platform.audit.own(keyboard(self._platform.rooms.actor), limit)

    def verify(self, anchors: Sequence[Anchor] = ()) -> Document:
        """Walks the hash chains of the log and of reading, and holds them to anchors."""
        return self._platform.audit.verify(anchors)

    def export(self, first: str | None = None, last: str | None = None) -> Iterator[bytes]:
        """The hash chains as JSON lines."""
        from weft.api.access.audit import bounds

        return self._platform.audit.export(keyboard(self._platform.rooms.actor), *bounds(first, last))
