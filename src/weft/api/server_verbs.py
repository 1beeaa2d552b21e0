"""The verbs where a server has the registry: each asks its route, and the server says whether the caller may."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from weft.api.client.documents import API, document, paged, part
from weft.api.governance.verbs import ServerGovernance
from weft.api.usage import day_of, require_groups
from weft.catalog.search import EVERYTHING, FACETS, SearchResult, require_known
from weft.errors import TransientError
from weft.registry.remote import Server
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.api.verbs import Document
    from weft.catalog.looks import Within
    from weft.plan.keeping import Window
    from weft.registry.chains import Anchor

_PAGE = 1000
_TRIES = 6
_PAUSE_S = 0.5
"""The first pause before a log that broke off is asked for again; then twice as long each time."""


class ServerVerbs:
    """Implements `Verbs`."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        server = rooms.remote.server
        self._server = server
        self.jobs = ServerJobs(server)
        self.notices = ServerNotices(server)
        self.incidents = ServerIncidents(server)
        self.audit = ServerAudit(server)
        self.governance = ServerGovernance(server)

    def compliance(
        self, *, regulation: str | None = None, at: str | None = None, days: int = 90, form: str = "json"
    ) -> Document | str:
        """Which share of what policies ask is kept, as far as it is for the caller."""
        asked = {"regulation": regulation, "at": at, "days": days}
        if form not in ("csv", "html"):
            return document(self._server.get(f"{API}/compliance", dict[str, Any], asked))
        shown = urlencode({k: v for k, v in {**asked, "format": form}.items() if v is not None})
        return b"".join(self._server.stream(f"{API}/compliance?{shown}", None, "*/*")).decode()

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
        require_groups(by)
        for day in (first, last):
            if day is not None:
                day_of(day)
        asked = {"domain": domain, "product": product, "first": first, "last": last, "by": list(by)}
        return document(self._server.get(f"{API}/usage", dict[str, Any], asked))

    def quota(self, domain: str) -> Document:
        """What a domain may keep, and what it keeps."""
        return document(self._server.get(f"{API}/domains/{part(domain)}/quota", dict[str, Any]))

    def bound(self, domain: str, *, most_bytes: int | None, most_products: int | None) -> Document:
        """Gives a domain other bounds."""
        asked = {"most_bytes": most_bytes, "most_products": most_products}
        path = f"{API}/domains/{part(domain)}/quota"
        return document(self._server.send("PUT", path, asked, dict[str, Any]))

    def search(self, words: str, within: Within | None = None, *, limit: int = 20) -> SearchResult:
        """What the server's index holds, as far as it is for the caller."""
        require_known(within or EVERYTHING)
        narrowed = {facet: getattr(within, facet) for facet in FACETS} if within is not None else {}
        asked = {"q": words, "limit": limit, **narrowed}
        found: SearchResult = self._server.get(f"{API}/search", SearchResult, asked)
        return found

    def now(self) -> datetime:
        """The time by the clock of this machine."""
        return self._rooms.now()

    def close(self) -> None:
        """Gives connections back."""
        self._rooms.close()


class ServerJobs:
    """Implements `JobVerbs`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def listed(
        self,
        *,
        states: Sequence[str] = (),
        product: str | None = None,
        domain: str | None = None,
        limit: int = 100,
    ) -> list[Document]:
        """Jobs, the newest first, page by page."""
        found: list[Document] = []
        before: int | None = None
        while len(found) < limit:
            most = min(_PAGE, limit - len(found))
            asked = {"state": list(states) or None, "product": product, "domain": domain, "before": before}
            asked["limit"] = most
            page = self._server.get(f"{API}/jobs", dict[str, Any], asked)
            found += page["jobs"]
            before = page["next"]
            if before is None:
                break
        return found

    def one(self, job_id: str) -> Document:
        """A job, by its id or that of its run."""
        return document(self._server.get(f"{API}/jobs/{part(job_id)}", dict[str, Any]))

    def start(self, product: str) -> Document:
        """Queues a job that applies a product: not again where the answer was lost, for that would be another job."""
        return document(self._server.send("POST", f"{API}/jobs", {"product": product}, dict[str, Any], again=False))

    def backfill(self, product: str, window: Window, by: timedelta) -> Document:
        """Queues a job for each piece of a stretch of time: asked again it goes on with the same ones."""
        asked = {"product": product, **window.as_json(), "by_seconds": int(by.total_seconds())}
        return document(self._server.send("POST", f"{API}/jobs", asked, dict[str, Any]))

    def progress(self, backfill_id: str) -> Document:
        """How far a backfill is."""
        return document(self._server.get(f"{API}/backfills/{part(backfill_id)}", dict[str, Any]))

    def backfills(self, *, product: str | None = None, domain: str | None = None, limit: int = 20) -> list[Document]:
        """Backfills, the newest first."""
        asked = {"product": product, "domain": domain, "limit": min(limit, 200)}
        found: list[Document] = self._server.get(f"{API}/backfills", dict[str, Any], asked)["backfills"]
        return found

    def cancel(self, job_id: str) -> Document:
        """Ends a job."""
        path = f"{API}/jobs/{part(job_id)}/cancel"
        return document(self._server.send("POST", path, {}, dict[str, Any], again=False))

    def cancel_backfill(self, backfill_id: str) -> Document:
        """Ends every piece of a backfill that is not over."""
        path = f"{API}/backfills/{part(backfill_id)}/cancel"
        return document(self._server.send("POST", path, {}, dict[str, Any]))

    def log(self, job_id: str, *, follow: bool = False) -> Iterator[Document]:
        """Lines of a job's log as they come; asked for again where the server went away, behind the last one."""
        path, last, failures = f"{API}/jobs/{part(job_id)}/log", 0, 0
        while True:
            heard = False
            try:
                for event in self._server.events(path, {"after": last, "follow": follow}):
                    heard = True
                    if event.kind == "state":
                        return
                    if event.kind == "line":
                        last = int(event.id)
                        yield {"number": last, **msgspec.json.decode(event.data)}
            except TransientError:
                if failures >= _TRIES:
                    raise
            failures = 0 if heard else failures + 1
            time.sleep(min(_PAUSE_S * 2**failures, 10.0) if failures else 0.0)

    def schedules(self) -> list[Document]:
        """Every schedule, what comes next first."""
        found: list[Document] = self._server.get(f"{API}/schedules", dict[str, Any])["schedules"]
        return found

    def pause(self, product: str) -> Document:
        """From now on nothing is queued by the schedule of a product."""
        return self._standing(product, "pause")

    def resume(self, product: str) -> Document:
        """The schedule of a product counts again."""
        return self._standing(product, "resume")

    def _standing(self, product: str, verb: str) -> Document:
        domain, _, name = product.partition(".")
        path = f"{API}/schedules/{part(domain)}/{part(name)}/{verb}"
        return document(self._server.send("POST", path, {}, dict[str, Any]))


class ServerNotices:
    """Implements `NoticeVerbs`."""

    def __init__(self, server: Server) -> None:
        self._server = server

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
        """Subscribes, once: where the answer was lost so was the secret."""
        asked: Document = {"subject": subject, "target": target, "kinds": list(kinds)}
        asked |= {k: v for k, v in (("channel", channel), ("digest", digest), ("secret", secret)) if v is not None}
        made = document(self._server.send("POST", f"{API}/subscriptions", asked, dict[str, Any], again=False))
        return {k: v for k, v in made.items() if k != "secret" or v is not None}

    def subscriptions(self, *, everybody: bool = False) -> list[Document]:
        """One's own subscriptions, or everybody's."""
        asked = {"everybody": everybody}
        found: list[Document] = self._server.get(f"{API}/subscriptions", dict[str, Any], asked)["subscriptions"]
        return found

    def unsubscribe(self, subscription_id: str) -> None:
        """Ends a subscription."""
        self._server.send("DELETE", f"{API}/subscriptions/{part(subscription_id)}", None, again=False)

    def mute(self, domain: str, subject: str, *, off: bool = False) -> None:
        """Spares the owners of a domain notices that they did not ask for, or tells them again."""
        path = f"{API}/domains/{part(domain)}/mutes"
        if off:
            self._server.send("DELETE", f"{path}/{part(subject)}", None)
        else:
            self._server.send("POST", path, {"subject": subject})

    def mutes(self) -> list[Document]:
        """What the owners of domains are spared."""
        found: list[Document] = self._server.get(f"{API}/mutes", dict[str, Any])["mutes"]
        return found

    def deliveries(self, *, state: str | None = None, limit: int = 100) -> list[Document]:
        """Messages, newest first."""
        asked = {"state": state, "limit": limit}
        found: list[Document] = self._server.get(f"{API}/deliveries", dict[str, Any], asked)["deliveries"]
        return found

    def resend(self, delivery_id: str) -> None:
        """Tries a message again that had been given up."""
        self._server.send("POST", f"{API}/deliveries/{part(delivery_id)}/resend", {}, again=False)


class ServerIncidents:
    """Implements `IncidentVerbs`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def listed(self, *, domain: str | None = None, closed: bool = False) -> list[Document]:
        """Open incidents, newest first; with `closed` also those of the last thirty days."""
        asked: Document = {"domain": domain, "closed": closed}
        found: list[Document] = self._server.get(f"{API}/incidents", dict[str, Any], asked)["incidents"]
        return found

    def one(self, incident_id: str) -> Document:
        """An incident with its timeline."""
        return document(self._server.get(f"{API}/incidents/{part(incident_id)}", dict[str, Any]))

    def acknowledge(self, incident_id: str) -> None:
        """Says that somebody looks after it."""
        self._server.send("POST", f"{API}/incidents/{part(incident_id)}/acknowledge", {})

    def comment(self, incident_id: str, text: str) -> None:
        """Adds a line to its timeline."""
        path = f"{API}/incidents/{part(incident_id)}/comments"
        self._server.send("POST", path, {"text": text}, again=False)

    def close(self, incident_id: str, reason: str) -> None:
        """Ends it by hand."""
        self._server.send("POST", f"{API}/incidents/{part(incident_id)}/close", {"text": reason}, again=False)


class ServerAudit:
    """Implements `AuditVerbs`."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def reads(self, *, where: str | None = None, principal: str | None = None, limit: int = 50) -> Document:
        """Who has read data, newest first."""
        return paged(self._server, "audit/reads", {"where": where, "principal": principal}, limit)

    def own(self, *, limit: int = 50) -> Document:
        """What the token's holder has read."""
        return paged(self._server, "audit/reads/own", {}, limit)

    def verify(self, anchors: Sequence[Anchor] = ()) -> Document:
        """Lets the server walk its hash chains, and hold them to anchors."""
        asked = {"anchor": [str(one) for one in anchors] or None}
        return document(self._server.get(f"{API}/audit/chains", dict[str, Any], asked))

    def export(self, first: str | None = None, last: str | None = None) -> Iterator[bytes]:
        """The hash chains as JSON lines, as the server sends them."""
        asked = urlencode({k: v for k, v in (("from", first), ("to", last)) if v is not None})
        return self._server.stream(f"{API}/audit/export?{asked}", None, "application/x-ndjson")
