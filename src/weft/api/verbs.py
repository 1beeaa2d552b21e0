"""What one does beside publishing: the same verbs on a registry's own database, and asked of the server that has it.

Each answer is the document that `--format json` prints and that the API's route gives: a verb has one shape, whoever
answers it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from weft.config import load_settings
from weft.model.jobs import JobState
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.api.governance.verbs import GovernanceVerbs
    from weft.catalog.looks import Within
    from weft.catalog.search import SearchResult
    from weft.plan.keeping import Window
    from weft.registry.chains import Anchor

Document = dict[str, Any]
"""The document of one thing."""


class JobVerbs(Protocol):
    """The queue, schedules and backfills."""

    def listed(
        self,
        *,
        states: Sequence[str] = (),
        product: str | None = None,
        domain: str | None = None,
        limit: int = 100,
    ) -> list[Document]:
        """Jobs, the newest first: of one product, of one domain, or all."""
        ...

    def one(self, job_id: str) -> Document:
        """A job, by its id or that of its run.

        Raises:
            UsageError: WFT-RUN-041, there is none.
        """
        ...

    def start(self, product: str) -> Document:
        """Queues a job that applies a product.

        Raises:
            UsageError: WFT-RUN-040, there is no such product.
        """
        ...

    def backfill(self, product: str, window: Window, by: timedelta) -> Document:
        """Queues a job for each piece of a stretch of time, or goes on with what an earlier one has left.

        Raises:
            UsageError: WFT-RUN-040 there is no such product, WFT-RUN-046 an end is open or there are too many pieces,
                WFT-PLN-017 none of its models is built by time.
        """
        ...

    def progress(self, backfill_id: str) -> Document:
        """How far a backfill is.

        Raises:
            UsageError: WFT-RUN-041, there is none.
        """
        ...

    def backfills(self, *, product: str | None = None, domain: str | None = None, limit: int = 20) -> list[Document]:
        """Backfills of a product, of a domain or of all, the newest first, and how far each is."""
        ...

    def cancel(self, job_id: str) -> Document:
        """Ends a job.

        Raises:
            UsageError: WFT-RUN-041 there is none, WFT-RUN-043 it is over.
        """
        ...

    def cancel_backfill(self, backfill_id: str) -> Document:
        """Ends every piece of a backfill that is not over.

        Raises:
            UsageError: WFT-RUN-041, there is none.
        """
        ...

    def log(self, job_id: str, *, follow: bool = False) -> Iterator[Document]:
        """Lines of a job's log as they come; with `follow` until the job is over."""
        ...

    def schedules(self) -> list[Document]:
        """Every schedule, what comes next first."""
        ...

    def pause(self, product: str) -> Document:
        """From now on nothing is queued by the schedule of a product.

        Raises:
            UsageError: WFT-RUN-047, it has none.
        """
        ...

    def resume(self, product: str) -> Document:
        """The schedule of a product counts again. Raises like `pause`."""
        ...


class NoticeVerbs(Protocol):
    """Subscriptions, what owners are spared, and messages."""

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
        ...

    def subscriptions(self, *, everybody: bool = False) -> list[Document]:
        """One's own subscriptions, or everybody's."""
        ...

    def unsubscribe(self, subscription_id: str) -> None:
        """Ends a subscription.

        Raises:
            UsageError: WFT-OBS-008, there is none.
        """
        ...

    def mute(self, domain: str, subject: str, *, off: bool = False) -> None:
        """Spares the owners of a domain notices that they did not ask for, or tells them again (`off`)."""
        ...

    def mutes(self) -> list[Document]:
        """What the owners of domains are spared."""
        ...

    def deliveries(self, *, state: str | None = None, limit: int = 100) -> list[Document]:
        """Messages, newest first."""
        ...

    def resend(self, delivery_id: str) -> None:
        """Tries a message again that had been given up.

        Raises:
            UsageError: WFT-OBS-008, there is none.
        """
        ...


class IncidentVerbs(Protocol):
    """What is wrong."""

    def listed(self, *, domain: str | None = None, closed: bool = False) -> list[Document]:
        """Open incidents, newest first; with `closed` also those of the last thirty days."""
        ...

    def one(self, incident_id: str) -> Document:
        """An incident with its timeline.

        Raises:
            UsageError: WFT-OBS-008, there is none.
        """
        ...

    def acknowledge(self, incident_id: str) -> None:
        """Says that somebody looks after it.

        Raises:
            Conflict: WFT-OBS-010, it is over.
        """
        ...

    def comment(self, incident_id: str, text: str) -> None:
        """Adds a line to its timeline. Raises like `acknowledge`."""
        ...

    def close(self, incident_id: str, reason: str) -> None:
        """Ends it by hand. Raises like `acknowledge`."""
        ...


class AuditVerbs(Protocol):
    """Who has read what."""

    def reads(self, *, where: str | None = None, principal: str | None = None, limit: int = 50) -> Document:
        """Who has read data, newest first: of a domain or a port, or of all that the caller may see.

        Raises:
            UsageError: WFT-ACC-001, there is no such port or domain.
        """
        ...

    def own(self, *, limit: int = 50) -> Document:
        """What the caller has read, newest first."""
        ...

    def verify(self, anchors: Sequence[Anchor] = ()) -> Document:
        """Walks the hash chains of the log and of reading, and holds them to anchors."""
        ...

    def export(self, first: str | None = None, last: str | None = None) -> Iterator[bytes]:
        """The hash chains as JSON lines, in pieces; of some days (UTC) or moments.

        Raises:
            UsageError: WFT-CLI-001, a text is no time.
        """
        ...


class Verbs(Protocol):
    """All of them, on one mesh."""

    @property
    def jobs(self) -> JobVerbs:
        """The queue, schedules and backfills."""
        ...

    @property
    def notices(self) -> NoticeVerbs:
        """Subscriptions, what owners are spared, and messages."""
        ...

    @property
    def incidents(self) -> IncidentVerbs:
        """What is wrong."""
        ...

    @property
    def audit(self) -> AuditVerbs:
        """Who has read what."""
        ...

    @property
    def governance(self) -> GovernanceVerbs:
        """What violates policies, and who is let off."""
        ...

    def compliance(
        self, *, regulation: str | None = None, at: str | None = None, days: int = 90, form: str = "json"
    ) -> Document | str:
        """Which share of what policies ask is kept: a document, or with `csv` and `html` a text.

        Raises:
            UsageError: WFT-GOV-048, there is nothing to report of that time or regulation.
        """
        ...

    def usage(
        self,
        *,
        domain: str | None = None,
        product: str | None = None,
        first: str | None = None,
        last: str | None = None,
        by: Sequence[str] = ("day", "product"),
    ) -> Document:
        """What products cost.

        Raises:
            UsageError: WFT-OBS-011 a day is none, WFT-OBS-001 a group is none.
        """
        ...

    def quota(self, domain: str) -> Document:
        """What a domain may keep, and what it keeps.

        Raises:
            UsageError: WFT-SRV-043, there is no such domain.
        """
        ...

    def bound(self, domain: str, *, most_bytes: int | None, most_products: int | None) -> Document:
        """Gives a domain other bounds; what is None stays. Raises like `quota`."""
        ...

    def search(self, words: str, within: Within | None = None, *, limit: int = 20) -> SearchResult:
        """What the catalog holds under these words, best first.

        Raises:
            UsageError: WFT-CLI-001 there is no such value to narrow by, WFT-CAT-001 there is no such domain.
        """
        ...

    def now(self) -> datetime:
        """The time by the clock of this machine."""
        ...

    def close(self) -> None:
        """Gives connections back."""
        ...


def open_verbs(path: str | Path = ".") -> Verbs:
    """The verbs on the mesh whose folder holds `path`.

    Raises:
        UsageError: WFT-CFG-001, there is no weft.toml there or above.
    """
    return verbs_of(Rooms(load_settings(Path(path))))


def verbs_of(rooms: Rooms) -> Verbs:
    """The verbs on a mesh that is open: an environment lies on this machine, whoever has production."""
    if rooms.on_a_server and rooms.environment is None:
        from weft.api.server_verbs import ServerVerbs

        return ServerVerbs(rooms)
    from weft.api.database_verbs import DatabaseVerbs

    return DatabaseVerbs(rooms)


def is_over(job: Mapping[str, Any]) -> bool:
    """Whether nothing comes of a job any more, by its document."""
    return JobState(job["state"]).is_over


def is_backfill_over(backfill: Mapping[str, Any]) -> bool:
    """Whether no piece of a backfill waits or runs, by its document."""
    return all(JobState(state).is_over for state, number in backfill["states"].items() if number)
