"""The verbs on a mesh; each is a few lines over the rooms."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from weft.api.checking import CheckReport
from weft.api.contracts import is_file, verify
from weft.api.environments import Environments, checked_name
from weft.config import Settings, load_settings
from weft.errors import Diagnostic, UsageError, error, has_errors
from weft.model.address import Address, ProductAddress, parse_address
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.access.result import Result
    from weft.access.versions import At
    from weft.api.client.distant import DistantResult
    from weft.api.governance.classifying import Classifying
    from weft.catalog.history import History
    from weft.catalog.lineage import LineageView
    from weft.catalog.pages import Page
    from weft.catalog.run_pages import RunPage
    from weft.catalog.search import SearchResult
    from weft.governance.standing import Standing
    from weft.model.records import Run
    from weft.model.unit_test import TestReport
    from weft.plan.keeping import Window
    from weft.plan.values import Plan
    from weft.runs.default import DefaultMoved
    from weft.runs.progress import Progress
    from weft.runs.results import ApplyResult, RolledBack, Verification
    from weft.runs.sync import Sync


def open(
    path: str | Path = ".",
    *,
    flags: Mapping[str, Any] | None = None,
    now: Callable[[], datetime] | None = None,
    environment: str | None = None,
    token: str | None = None,
) -> Mesh:
    """The mesh whose folder holds `path`; `now` is the clock, the machine's by default.

    Where `path` is the address of a server, like `https://mesh.example.com`, it is the mesh of that server: its data is
    found and read as on this machine. `token` is yours there; without it, that of WEFT_TOKEN or of `weft login`.

    With `environment` every verb sees and changes that environment, which shows production wherever nothing was built
    in it.

    Example:
        >>> import weft
        >>> mesh = weft.open("flights")                                     # doctest: +SKIP
        >>> mesh.read("operations.on_time.flights@1").arrow()               # doctest: +SKIP

    Raises:
        UsageError: WFT-CFG-001 no weft.toml there or above, WFT-ENV-002 no name of an environment.
        ProjectError: WFT-CFG-002 to 004, the settings are wrong.
    """
    if isinstance(path, str) and path.startswith(("https://", "http://")):
        from weft.api.client.distant import settings_of

        return Mesh(settings_of(path), now, environment, token)
    return Mesh(load_settings(Path(path), flags=flags), now, environment, token)


class Mesh:
    """A mesh: what its files declare, what its registry holds, and every verb on both."""

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], datetime] | None = None,
        environment: str | None = None,
        token: str | None = None,
    ) -> None:
        self._rooms = Rooms(settings, now, checked_name(environment) if environment is not None else None, token)

    @property
    def settings(self) -> Settings:
        """The settings that it was opened with."""
        return self._rooms.settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives sessions and connections back."""
        self._rooms.close()

    def _readable(self) -> Rooms:
        """The rooms, for reading: an environment that was asked for must be there."""
        if self._rooms.environment is not None:
            self.environments.require(self._rooms.environment)
        return self._rooms

    @property
    def environments(self) -> Environments:
        """The environments beside production."""
        return Environments(self._rooms)

    # verbs: build

    def check(self, select: Sequence[str] = ()) -> CheckReport:
        """Everything that can be said from the files: documents, contracts, SQL, types, bindings."""
        from weft.api import testing
        from weft.api.governance import glossary
        from weft.api.governance.governing import verdicts
        from weft.plan.selection import folder_of

        loaded = self._rooms.repository(ask=False)
        said = verdicts(self._rooms, loaded, loaded.mesh.products)
        of_terms = glossary.problems(self._rooms, loaded.mesh)
        problems = dict.fromkeys((*loaded.problems, *testing.problems(self._rooms, loaded), *said, *of_terms))
        folders = [folder_of(argument, loaded.mesh) for argument in select]
        if folders:
            problems = {d: None for d in problems if d.where and any(d.where.file.startswith(f) for f in folders)}
        return CheckReport(tuple(problems))

    def classify(
        self,
        select: Sequence[str] = (),
        *,
        agree: Callable[[Sequence[Standing]], Sequence[Standing]] | None = None,
    ) -> Classifying:
        """Which level and tags columns declare, inherit along lineage, and should have.

        Args:
            agree: is given the columns with a suggestion, and says whose contracts are written; None writes nothing.

        Raises:
            UsageError: WFT-PLN-008, an argument matches nothing.
        """
        from weft.api.governance.classifying import classify

        return classify(self._rooms, select, agree=agree)

    def test(self, select: Sequence[str] = (), *, note: Callable[[str], None] | None = None) -> TestReport:
        """Runs the unit tests of the models that the SELECT arguments mean. Publishes nothing.

        Args:
            note: is told what Python models print.

        Raises:
            ProjectError: files that the models need are wrong.
            UsageError: WFT-PLN-008, an argument matches nothing.
        """
        from weft.api import testing
        from weft.api.applying import planned

        loaded = self._rooms.repository().sound(select)

        def ports(argument: str) -> list[Address]:
            return [c.address for c in planned(self._rooms, loaded, [argument]).changes]

        return testing.run(self._rooms, loaded, select, ports, note)

    def plan(self, select: Sequence[str] = (), *, full_refresh: bool = False, window: Window | None = None) -> Plan:
        """What `apply` would do. Changes nothing.

        Raises:
            ProjectError: files of the repository are wrong; all problems at once.
            UsageError: WFT-PLN-017, a window is asked for and nothing selected is built by time.
        """
        from weft.api.applying import planned

        asks = not full_refresh and window is None  # what is computed again asks no source
        loaded = self._rooms.repository(ask=asks).sound(select)
        return planned(self._rooms, loaded, select, full_refresh=full_refresh, window=window)

    def apply(
        self,
        select: Sequence[str] = (),
        *,
        plan: Plan | None = None,
        yes: bool = False,
        full_refresh: bool = False,
        window: Window | None = None,
        override: tuple[str, str] | None = None,
        progress: Progress | None = None,
        confirm: Callable[[Plan], bool] | None = None,
    ) -> ApplyResult:
        """Plans, then builds, verifies and publishes; with `plan`, carries out exactly that one.

        A port that another run has moved meanwhile is planned again, unless `plan` or `override` is given.

        Args:
            yes: retire ports whose files are gone.
            window: the time that is computed again, in models that are built by time.
            override: a reason, and the last day (2026-12-01) until which the ports that `select` names may be published
                although checks of theirs fail.
            confirm: asked with the plan when it retires something and `yes` is not given.

        Raises:
            ProjectError: files are wrong.
            GateRefused: an objection stands against the plan; one against a single port is in the result.
            Conflict: WFT-RUN-001, something moved since `plan` was made.
            UsageError: WFT-PLN-005, ports would be retired without consent; WFT-RUN-007, the override lacks something.
        """
        from weft.api.applying import Applying, Asked

        self.environments.drop_ended()
        self._rooms.make_environment()
        asked = Asked(tuple(select), plan, full_refresh, window, override)
        return Applying(self._rooms, progress).apply(asked, yes=yes, confirm=confirm)

    def verify(
        self, target: str, *, data: object = None, server: str | None = None, sample_limit: int = 5
    ) -> Verification:
        """A port's contract against its published rows, or other data; a contract file is verified as `verify` does.

        Args:
            data: other data, see `verify`.
            server: a server of the contract, see `verify`.
        """
        if is_file(target):
            return verify(target, data, server=server, sample_limit=sample_limit)
        from weft.runs.verify import verify_address

        rooms = self._rooms
        ways = rooms.ways(os.environ)

        def own(domain: str) -> bool:
            return not rooms.on_a_server or domain in rooms.declared().domains

        return verify_address(
            parse_address(target), data, server, ways, sample_limit, rooms.principal(), rooms.context(), own
        )

    def preview(self, model: str, *, limit: int = 20) -> Result:
        """A model (`domain.product.model`) or one of its CTEs (`domain.product.model.cte`) on a sample."""
        from weft.runs.preview import preview

        mesh = self._rooms.declared()
        return preview(model, limit, mesh, self._rooms.registry.ports(), self._rooms.connector, self._rooms.context())

    def sync(self, address: str, *, write: bool = True) -> Sync:
        """Drafts or completes the contract of a port from its model and data; keeps what a person wrote."""
        from weft.runs.sync import sync

        return sync(
            parse_address(address), self._rooms.declared(), self._rooms.connector, self._rooms.context(), write=write
        )

    def drafted_product(self, address: str, source: str) -> dict[str, Any]:
        """Ports, model and contracts for a source file or `CONNECTION.TABLE`, as a new product takes them."""
        if not Path(self.settings.root, source).exists():
            from weft.runs.from_table import no_file, product_from_table

            if source.partition(".")[0] in self.settings.connections:
                return product_from_table(source, self._rooms.remotes)
            no_file(source, self.settings.connections)
        from weft.runs.sync import product_from_file

        domain, _, name = address.partition(".")
        product = ProductAddress(domain, name)
        return product_from_file(source, product, self._rooms.connector, self._rooms.context())

    def rollback(self, address: str, snapshot_id: str, *, reason: str) -> RolledBack:
        """Shows the rows of an earlier snapshot again, and pins the port to them."""
        from weft.runs.rollback import roll_back

        return roll_back(parse_address(address), snapshot_id, reason, self._rooms.principal(), self._rooms.context())

    def release(self, address: str) -> None:
        """Takes the pin of a rollback away: the next apply builds the port again."""
        self._rooms.registry.release(self._pinned(address), actor=self._rooms.actor, at=self._rooms.now())

    def set_default(self, address: str) -> DefaultMoved:
        """Makes a major the one that the address without major means.

        Raises:
            UsageError: WFT-ACC-001 no such port, WFT-PLN-013 it is retired or its end of life has passed.
            AccessDenied: WFT-ACC-002 who asks does not own the port, WFT-PLN-004 it belongs to another mesh.
        """
        from weft.runs.default import move_default

        rooms = self._rooms
        return move_default(parse_address(address), rooms.settings.mesh.name, rooms.principal(), rooms.context())

    # verbs: read

    def query(
        self,
        sql: str,
        *,
        principal: str | None = None,
        limit: int | None = None,
        at: At = None,
        purpose: str | None = None,
    ) -> Result | DistantResult:
        """The rows of one SELECT over ports named by their addresses; `limit` of them, if it is given.

        Args:
            principal: as whom the owner of the mesh looks: `ada`, `team:crm`, `service:loader`, `domain.product`, or
                somebody whom the mesh does not know.
            purpose: what it is for: then only grants for it count.
        """
        if limit is not None and limit < 0:
            raise UsageError(error("WFT-CLI-001", f"a limit is not negative: {limit}", fix="leave it out for all rows"))
        rooms, who = self._readable(), self._rooms.principal(principal)
        if rooms.on_a_server and rooms.environment is None:
            from weft.api.client import distant

            server, texts = rooms.remote.server, lambda table: rooms.engine.texts(table)
            return distant.query(server, sql, texts, limit=limit, at=at, purpose=purpose)
        return rooms.door.query(who, sql, limit=limit, at=at, purpose=purpose)

    def quarantine(
        self, address: str, *, principal: str | None = None, limit: int | None = None, at: At = None
    ) -> Result:
        """The rows that a port's contract let go to quarantine, with the rules that each breaks. For its owner.

        Raises:
            UsageError: WFT-ACC-001, there is no such port.
            AccessDenied: WFT-ACC-002, somebody else asks.
        """
        who = self._rooms.principal(principal)
        return self._rooms.door.quarantine(who, parse_address(address), limit=limit, at=at)

    def read(self, address: str, *, at: At = None, limit: int | None = None) -> Result | DistantResult:
        """All rows of a port."""
        from weft.sql.quoting import dotted

        target = parse_address(address)
        table = target.port if target.major is None else f"{target.port}@{target.major}"
        sql = f"SELECT * FROM {dotted((target.domain, target.product, table))}"
        return self.query(sql, limit=limit, at=at)

    def search(
        self,
        words: str,
        *,
        kind: str | None = None,
        domain: str | None = None,
        status: str | None = None,
        classification: str | None = None,
        owner: str | None = None,
        tag: str | None = None,
        freshness: str | None = None,
        limit: int = 20,
    ) -> SearchResult:
        """What the catalog holds under these words and has the values that are given, best first.

        Raises:
            UsageError: WFT-CLI-001 there is no such value to narrow by, WFT-CAT-001 there is no such domain.
        """
        from weft.api.verbs import verbs_of
        from weft.catalog.looks import Within

        within = Within(kind, domain, status, classification, owner, tag, freshness)
        return verbs_of(self._readable()).search(words, within, limit=limit)

    def show(self, address: str) -> Page:
        """The page of a domain, a product or a port, with its open incidents."""
        from weft.api.verbs import verbs_of
        from weft.catalog.incidents import with_incidents
        from weft.catalog.pages import page

        rooms = self._rooms
        shown = page(rooms.registry, address, rooms.now())
        # an environment of this machine has none, and production's are not what it shows
        elsewhere = rooms.on_a_server and rooms.environment is not None
        return with_incidents(shown, () if elsewhere else verbs_of(rooms).incidents.listed())

    def product(self, address: str) -> Page:
        """The page of a product."""
        return self.show(address)

    def lineage(
        self, node: str, *, up: bool = False, down: bool = False, depth: int = 5, private: bool = False
    ) -> LineageView:
        """What a port or column is made from, and what is made from it; both ways unless one is asked for."""
        from weft.catalog.lineage import lineage

        both = up == down
        return lineage(self._rooms.registry, node, up=up or both, down=down or both, depth=depth, private=private)

    def history(self, address: str) -> History:
        """The data versions of a port, newest first."""
        from weft.catalog.history import history

        return history(self._readable().registry, self._pinned(address))

    def runs(self, address: str | None = None, limit: int = 20) -> Sequence[Run]:
        """The newest runs."""
        return self._readable().registry.runs(self._pinned(address) if address else None, limit)

    def run(self, run_id: str) -> RunPage:
        """One run and its check results; the beginning of its id is enough.

        Raises:
            UsageError: WFT-RUN-004, there is no such run.
        """
        from weft.catalog.run_pages import run_page

        return run_page(self._rooms.registry, run_id)

    def jobs_without_run(self, limit: int = 20) -> Sequence[Mapping[str, Any]]:
        """The newest jobs that wait, run, were cancelled or lost: what `runs` does not show, or not whole."""
        from weft.api.verbs import verbs_of

        return verbs_of(self._rooms).jobs.listed(states=("queued", "running", "cancelled", "lost"), limit=limit)

    def run_of_this_process(self) -> str | None:
        """The run that this process has begun and not ended."""
        from weft.registry import processes

        own = processes.identity()
        return next((r.run_id for r in self._rooms.registry.unfinished() if r.process == own), None)

    def doctor(self) -> tuple[Diagnostic, ...]:
        """What is missing or wrong on this machine and in this repository."""
        from weft.observability.doctor import machine, reached, registered

        registry = registered(self._rooms.registry_described) if "://" in self.settings.mesh.registry else ()
        if has_errors(registry):  # nothing can be planned without it
            return (*machine(self.settings), *registry, *dict.fromkeys(self._rooms.declared().diagnostics))
        loaded = self._rooms.repository(ask=False)
        connections = reached(self._rooms.remotes.reached()) if self.settings.connections else ()
        return (*machine(self.settings), *registry, *connections, *dict.fromkeys(loaded.problems))

    def _pinned(self, address: str) -> Address:
        return self._rooms.published(address).address
