"""What a server does, over the rooms of its mesh: every route calls a verb of here or of a part of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.config import duration, load_settings
from weft.errors import PlatformError, UsageError, error
from weft.registry.queue_counts import Backlog
from weft.registry.sql import SqlRegistry
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.api.access.audit import Audit
    from weft.api.access.failing_rows import FailingRows
    from weft.api.access.lists import AccessLists
    from weft.api.access.querying import Querying
    from weft.api.access.saved_queries import SavedQueries
    from weft.api.access.verbs import Access
    from weft.api.access.workspaces import Workspaces
    from weft.api.catalog import Catalog
    from weft.api.connections import Connections
    from weft.api.feedback import Feedback
    from weft.api.governance.approvals import Approvals
    from weft.api.governance.compliance_pages import CompliancePages
    from weft.api.governance.glossaries import Glossaries
    from weft.api.governance.holding import Holding
    from weft.api.governance.scans_on_request import ScansOnRequest
    from weft.api.governance.standing_compliance import StandingCompliance
    from weft.api.governance.suggested_levels import SuggestedLevels
    from weft.api.governance.violations import Governance
    from weft.api.incidents import Incidents
    from weft.api.jobs.verbs import Jobs
    from weft.api.notices import Notices
    from weft.api.own_notices import OwnNotices
    from weft.api.people.identity import Identity
    from weft.api.people.requisition import Requisitions
    from weft.api.publishing.handing_in import HandingIn
    from weft.api.publishing.runs import Publishing
    from weft.api.publishing.scanning import Scanning
    from weft.api.reading import Reading
    from weft.api.records import Records
    from weft.api.usage import Usage
    from weft.api.wires.data import DataApi
    from weft.api.wires.data_links import Links
    from weft.api.wires.iceberg import IcebergCatalog
    from weft.registry.database import Database
    from weft.registry.meters import MeterBuffer


def open_platform(
    path: str | Path = ".", now: Callable[[], datetime] | None = None, flags: Mapping[str, Any] | None = None
) -> Platform:
    """The platform of the mesh whose folder holds `path`.

    Args:
        flags: settings that win over all others, by `section.key`.

    Raises:
        UsageError: WFT-CFG-001, there is no weft.toml there or above.
    """
    return Platform(Rooms(load_settings(Path(path), flags=flags), now))


class State(Struct, frozen=True):
    """What a platform can do now.

    Attributes:
        parts: each part and whether it is `ok`, or what is the matter with it.
        events: how many events the log has; None when nobody knows.
        running: runs that have begun and not ended.
        queue: how much waits and runs on workers; None when nobody knows.
    """

    parts: Mapping[str, str]
    events: int | None = None
    running: int | None = None
    queue: Backlog | None = None

    @property
    def ready(self) -> bool:
        """Whether it can answer whatever is asked."""
        return all(how == "ok" for how in self.parts.values())


class Platform:
    """One server's mesh. Used from several threads at once."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms

    def close(self) -> None:
        """Gives connections back."""
        catalog = self.__dict__.pop("catalog", None)
        if catalog is not None:
            catalog.index.close()
        self.__dict__.pop("records", None)
        meters = self.__dict__.pop("meters", None)
        if meters is not None:
            with suppress(PlatformError):  # a registry that is away keeps nobody from ending
                meters.flush()
        querying = self.__dict__.pop("querying", None)
        if querying is not None:
            querying.close()
        publishing = self.__dict__.pop("publishing", None)
        if publishing is not None:
            publishing.close()
        self.rooms.close()

    @cached_property
    def database(self) -> Database:
        """The registry's database, which holds what the platform itself has to remember.

        Raises:
            UsageError: WFT-SRV-001, the registry is that of another server.
        """
        return self._sql.database

    @property
    def _sql(self) -> SqlRegistry:
        registry = self.rooms.production
        if not isinstance(registry, SqlRegistry):
            raise UsageError(
                error(
                    "WFT-SRV-001",
                    "this mesh has its registry on a server, so it cannot be one",
                    fix="set `mesh.registry` to a file or to `postgresql://…` where the server runs",
                )
            )
        return registry

    @cached_property
    def identity(self) -> Identity:
        """Who is asking."""
        from weft.api.people.identity import Identity

        return Identity(self.database, self.rooms.production, self.rooms.now, self.rooms.settings.identity)

    @cached_property
    def jobs(self) -> Jobs:
        """The queue and the schedules."""
        from weft.api.jobs.verbs import Jobs
        from weft.project.by_time import has_model_by_time
        from weft.project.product_files import products_in

        rooms = self.rooms
        settings = rooms.settings

        here = partial(products_in, settings)  # they may be others the next time

        def by_time(product: str) -> bool | None:
            folder = here().get(product)
            return has_model_by_time(folder) if folder is not None else None

        return Jobs(self.database, rooms.production, rooms.now, settings.scheduler, here, by_time)

    @cached_property
    def publishing(self) -> Publishing:
        """Runs of domains elsewhere."""
        from weft.api.publishing.runs import Publishing

        return Publishing(self)

    @cached_property
    def handing_in(self) -> HandingIn:
        """Publications and rollbacks of domains elsewhere."""
        from weft.api.publishing.handing_in import HandingIn

        return HandingIn(self)

    @cached_property
    def holding(self) -> Holding:
        """Publications that wait for a person."""
        from weft.api.governance.holding import Holding

        return Holding(self)

    @cached_property
    def scanning(self) -> Scanning:
        """Grants, and the files that they let products elsewhere read."""
        from weft.api.publishing.scanning import Scanning

        return Scanning(self)

    @cached_property
    def access(self) -> Access:
        """Requests for access, and grants."""
        from weft.api.access.verbs import Access

        return Access(self.rooms, self.database)

    @cached_property
    def access_lists(self) -> AccessLists:
        """Grants page by page, and how requests came to stand as they do."""
        from weft.api.access.lists import AccessLists

        return AccessLists(self.rooms, self.access)

    @cached_property
    def querying(self) -> Querying:
        """Queries of those who ask."""
        from weft.api.access.querying import Querying

        return Querying(self)

    @cached_property
    def data(self) -> DataApi:
        """Pages of ports."""
        from weft.api.wires.data import DataApi

        return DataApi(self)

    @cached_property
    def links(self) -> Links:
        """Links to files."""
        from weft.api.wires.data_links import Links

        return Links(self, self.data)

    @cached_property
    def iceberg(self) -> IcebergCatalog:
        """Ports as Iceberg tables, for engines that read files."""
        from weft.api.wires.iceberg import IcebergCatalog

        return IcebergCatalog(self)

    @cached_property
    def workspaces(self) -> Workspaces:
        """Readers' own tables."""
        from weft.api.access.workspaces import Workspaces

        return Workspaces(self)

    @cached_property
    def saved_queries(self) -> SavedQueries:
        """Queries that readers keep under a name."""
        from weft.api.access.saved_queries import SavedQueries

        return SavedQueries(self)

    @cached_property
    def requisitions(self) -> Requisitions:
        """Domains, from their request on."""
        from weft.api.people.requisition import Requisitions

        return Requisitions(self)

    @cached_property
    def reading(self) -> Reading:
        """The registry's questions, for clients."""
        from weft.api.reading import Reading

        return Reading(self)

    @cached_property
    def notices(self) -> Notices:
        """Who is told of what."""
        from weft.api.notices import Notices

        settings = self.rooms.settings
        return Notices(
            self.database,
            self.rooms.production,
            settings.notices,
            self.rooms.now,
            settings.governance.contact,
            settings.server.url,
        )

    @cached_property
    def connections(self) -> Connections:
        """Systems that this server reads from."""
        from weft.api.connections import Connections

        return Connections(self.rooms.settings.connections, self.rooms.new_remotes)

    @cached_property
    def incidents(self) -> Incidents:
        """What is wrong in the mesh."""
        from weft.api.incidents import Incidents

        return Incidents(self._sql, self.rooms.settings.notices.grace, self.rooms.now)

    @cached_property
    def governance(self) -> Governance:
        """What violates policies, and who is let off."""
        from weft.api.governance.governing import PoliciesKnown
        from weft.api.governance.violations import Governance

        rooms = self.rooms
        grace = duration(rooms.settings.governance.escalate_after)
        return Governance(self.database, rooms.production, rooms.now, PoliciesKnown(rooms), grace)

    @cached_property
    def scans(self) -> ScansOnRequest:
        """Scans that somebody asks for."""
        from weft.api.governance.scans_on_request import ScansOnRequest

        return ScansOnRequest(self)

    @cached_property
    def compliance(self) -> StandingCompliance:
        """Which share of what policies ask is kept now."""
        from weft.api.governance.standing_compliance import StandingCompliance

        return StandingCompliance(self.database, self.rooms.now)

    @cached_property
    def own_notices(self) -> OwnNotices:
        """What each person is told in the portal."""
        from weft.api.own_notices import OwnNotices

        return OwnNotices(self.database, self.rooms.now)

    @cached_property
    def compliance_pages(self) -> CompliancePages:
        """Reports of compliance as pages show them."""
        from weft.api.governance.compliance_pages import CompliancePages

        return CompliancePages(self.database, self.compliance, self.rooms.settings.mesh.name, self.rooms.now)

    @cached_property
    def suggested_levels(self) -> SuggestedLevels:
        """Which columns should have another classification."""
        from weft.api.governance.suggested_levels import SuggestedLevels

        return SuggestedLevels(self.rooms.production, lambda: self.rooms.governance.book)

    @cached_property
    def approvals(self) -> Approvals:
        """Publications that wait for a person."""
        from weft.api.governance.approvals import Approvals

        return Approvals(self.database, self.rooms.production, self.rooms.now)

    @cached_property
    def audit(self) -> Audit:
        """Who has read what."""
        from weft.api.access.audit import Audit

        return Audit(self.database, self.rooms.production, self.rooms.settings.mesh.name, self.rooms.now)

    @cached_property
    def glossaries(self) -> Glossaries:
        """What columns mean."""
        from weft.api.governance.glossaries import Glossaries, bound_in

        rooms = self.rooms
        return Glossaries(
            rooms.governance.terms, bound_in(lambda: rooms.governance.book), lambda caller: self.catalog.hidden(caller)
        )

    @cached_property
    def usage(self) -> Usage:
        """What products cost."""
        from weft.api.usage import Usage

        return Usage(self.database, self.rooms.now, self.meters.flush)

    @cached_property
    def meters(self) -> MeterBuffer:
        """What this process measures as it serves, before it is kept."""
        from weft.registry.meters import MeterBuffer, MeterStore

        return MeterBuffer(MeterStore(self.database))

    def notices_step(self, stopping: Callable[[], bool] = lambda: False) -> dict[str, int]:
        """Looks for incidents, puts what happened into the outbox, and sends what is due, until it is `stopping`."""
        watched = self.incidents.look()
        told = self.notices.tell()
        delivered = self.notices.deliver(stopping)
        return {
            "opened": watched.opened,
            "closed": watched.closed,
            "reminded": watched.reminded,
            "told": told,
            "sent": delivered.sent,
            "later": delivered.later,
            "dead": delivered.dead,
        }

    @cached_property
    def catalog(self) -> Catalog:
        """What there is."""
        from weft.api.catalog import Catalog
        from weft.catalog.live import LiveIndex

        # Not the file of `weft search`: one that many threads read while another one writes has another journal.
        index = LiveIndex(self.rooms.settings.state / "server" / "index.db", self.rooms.production)
        rooms = self.rooms
        return Catalog(
            rooms.production,
            index,
            rooms.now,
            lambda address: self.incidents.of(address),
            lambda: self.glossaries.synonyms(),
        )

    @cached_property
    def feedback(self) -> Feedback:
        """What people ask about products, and think of them."""
        from weft.api.feedback import Feedback

        return Feedback(self.database, self.catalog, self.rooms.now)

    @cached_property
    def records(self) -> Records:
        """What happened."""
        from weft.api.records import Records

        return Records(self.rooms.production, self.catalog)

    @cached_property
    def failing_rows(self) -> FailingRows:
        """Rows that failed checks, for whoever may read them."""
        from weft.api.access.failing_rows import FailingRows

        rooms = self.rooms
        return FailingRows(rooms.production, rooms.door, self.access.principal_of, rooms.witness("checks"))

    def state(self) -> State:
        """What the platform can do now; asking it raises nothing."""
        from weft.errors import ProjectError, WeftError
        from weft.registry.schema import check_tables

        try:
            with self.database.reading() as statements:
                check_tables(statements, self.database.dialect, self.database.name)
        except ProjectError as e:
            return State({"registry": f"upgraded by a newer weft: {e.diagnostics[0].what}", "index": "unknown"})
        except WeftError:
            return State({"registry": "unreachable", "index": "unknown"})
        try:
            events, running = self.rooms.production.last_event(), len(self.rooms.production.unfinished())
            queue = self.jobs.backlog()
            self.meters.flush()
        except WeftError:
            return State({"registry": "unreachable", "index": "unknown"})
        try:
            self.catalog.index.catch_up()
        except WeftError:
            return State({"registry": "ok", "index": "being made"}, events, running, queue)
        return State({"registry": "ok", "index": "ok"}, events, running, queue)
