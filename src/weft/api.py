"""The verbs. The command line and every other entrance call only these; each is a few lines over the rooms."""

from __future__ import annotations

import atexit
import datetime as dt
import getpass
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from weft import plugins
from weft.config import Settings, load_settings
from weft.errors import (
    Conflict,
    Diagnostic,
    GateRefused,
    ProjectError,
    UsageError,
    Where,
    did_you_mean,
    error,
    has_errors,
)
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.mesh import Mesh as Declared
from weft.model.mesh import Product, Source

if TYPE_CHECKING:
    from weft.access.door import At, Door
    from weft.access.principals import Principal
    from weft.access.result import Result
    from weft.catalog.history import History
    from weft.catalog.lineage import LineageView
    from weft.catalog.pages import Page
    from weft.catalog.run_pages import RunPage
    from weft.catalog.search import SearchResult
    from weft.connectors.files import BoundSource, FileConnector
    from weft.engines.base import Engine, Session
    from weft.model.lineage import ColumnEdge
    from weft.model.odcs import Contract
    from weft.model.records import Run
    from weft.plan.desired import Desired, SourceState
    from weft.plan.planner import Registered
    from weft.plan.values import Plan
    from weft.project.cache import Cache
    from weft.registry.base import Registry
    from weft.runs.context import Context
    from weft.runs.progress import Progress
    from weft.runs.results import ApplyResult, RolledBack, Verification
    from weft.runs.sync import Sync
    from weft.storage.base import Storage


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything that can be said from the files."""

    diagnostics: tuple[Diagnostic, ...]

    @property
    def exit_code(self) -> int:
        """0 when nothing is wrong, else 2."""
        return 2 if has_errors(self.diagnostics) else 0

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft check --format json`."""
        return {"diagnostics": [d.as_json() for d in self.diagnostics]}


@dataclass(frozen=True, slots=True)
class Loaded:
    """The repository as it is now, held against the registry."""

    mesh: Declared
    order: tuple[Product, ...]
    desired: Mapping[Address, Desired]
    registered: Registered
    problems: tuple[Diagnostic, ...]


def open(path: str | Path = ".", *, flags: Mapping[str, Any] | None = None) -> Mesh:
    """The mesh whose folder holds `path`.

    Example:
        >>> import weft
        >>> mesh = weft.open("flights")                                     # doctest: +SKIP
        >>> mesh.read("operations.on_time.flights@1").arrow()               # doctest: +SKIP

    Raises:
        UsageError: WFT-CFG-001, no weft.toml there or above.
        ProjectError: WFT-CFG-002 to 004, the settings are wrong.
    """
    return Mesh(load_settings(Path(path), flags=flags))


class Mesh:
    """A mesh: what its files declare, what its registry holds, and every verb on both."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._sessions: list[Any] = []
        atexit.register(_closed_at_exit, weakref.ref(self))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Gives sessions and connections back."""
        for session in self._sessions:
            session.__exit__(None, None, None)
        self._sessions.clear()
        self.__dict__.pop("_parser", None)
        for name in ("_engine", "_registry", "_cache"):
            held = self.__dict__.pop(name, None)
            if held is not None:
                held.close()

    # what the rooms are given

    @cached_property
    def _cache(self) -> Cache:
        from weft.project.cache import Cache

        return Cache(self.settings.cache)

    @cached_property
    def _registry(self) -> Registry:
        registry: Registry = plugins.load("weft.registries", "sqlite")(self.settings.path(self.settings.mesh.registry))
        return registry

    @cached_property
    def _engine(self) -> Engine:
        made = plugins.load("weft.engines", self.settings.engine.default)
        engine: Engine = made(memory_limit=self.settings.engine.memory_limit, threads=self.settings.engine.threads)
        return engine

    @cached_property
    def _storage(self) -> Storage:
        made = plugins.load("weft.storages", "iceberg")
        storage: Storage = made(
            self.settings.path(self.settings.storage.warehouse), self.settings.path(self.settings.storage.catalog)
        )
        return storage

    @cached_property
    def _connector(self) -> FileConnector:
        connector: FileConnector = plugins.load("weft.connectors", "file")(self.settings, self._cache)
        return connector

    @cached_property
    def _parser(self) -> Session:
        """One session for parsing and binding, opened when the cache cannot answer."""
        held = self._engine.session()
        session = held.__enter__()
        self._sessions.append(held)
        return session

    @cached_property
    def _door(self) -> Door:
        from weft.access.door import Door

        root = str(self.settings.path(self.settings.storage.warehouse))
        return Door(self._registry, root, lambda: self._engine)

    def _principal(self, requested: str | None = None) -> Principal:
        from weft.access.principals import local_principal

        return local_principal(getpass.getuser(), requested)

    def _context(self, loaded: Loaded | None, progress: Progress | None) -> Context:
        from weft.runs.context import Context
        from weft.runs.progress import Silent

        def source(product: ProductAddress, name: str) -> BoundSource:
            assert loaded is not None, "only a loaded mesh has sources"
            entry = loaded.mesh.products[product].input(name)
            assert entry is not None and isinstance(entry.binding, Source), "the plan names sources only"
            return self._connector.bind(entry.binding)

        return Context(
            settings=self.settings,
            registry=self._registry,
            storage=self._storage,
            engine=self._engine,
            door=self._door,
            source=source,
            lineage=self._column_lineage,
            progress=progress or Silent(),
            actor=getpass.getuser(),
            now=_now,
        )

    def _column_lineage(
        self, digest: str, sql: str, columns: Mapping[str, tuple[str, ...]], outputs: tuple[str, ...]
    ) -> tuple[ColumnEdge, ...]:
        from weft.runs.lineage import cached_lineage

        return cached_lineage(self._cache, digest, sql, columns, outputs)

    # reading the repository

    def _declared(self) -> Declared:
        from weft.project.load import load_mesh

        return load_mesh(self.settings, lambda sql: self._parser.parse(sql), self._cache)

    def _load(self) -> Loaded:
        """The repository, bound and held against the registry; problems are collected, not raised."""
        from weft.plan import order
        from weft.plan.binding import Binder
        from weft.plan.desired import desired_ports
        from weft.plan.planner import Registered, comparison

        mesh = self._declared()
        registered = Registered(self._registry.ports(), self._registry.products())
        problems = list(mesh.diagnostics)
        try:
            in_order = order.build_order(mesh)
        except ProjectError as e:
            return Loaded(mesh, (), {}, registered, (*problems, *e.diagnostics))
        sources, missing = self._sources(mesh)

        def session() -> Session:
            return self._parser

        desired, wrong = desired_ports(
            in_order,
            mesh,
            sources,
            registered.ports,
            Binder(session, self._cache, plugins.version_of("duckdb")),
            lambda port, state: state.contract != port.contract.data and comparison(port, state).verdict == "breaking",
        )
        return Loaded(mesh, in_order, desired, registered, (*problems, *missing, *wrong))

    def _sources(self, mesh: Declared) -> tuple[dict[tuple[ProductAddress, str], SourceState], list[Diagnostic]]:
        from weft.errors import WeftError
        from weft.plan.desired import SourceState

        found: dict[tuple[ProductAddress, str], SourceState] = {}
        problems: list[Diagnostic] = []
        for product in mesh.products.values():
            for entry in product.inputs:
                if not isinstance(entry.binding, Source):
                    continue
                try:
                    bound = self._connector.bind(entry.binding)
                except WeftError as e:
                    problems += [_at(d, entry.where) for d in e.diagnostics]
                    continue
                found[product.address, entry.name] = SourceState(bound.version, bound.columns)
        return found, problems

    def _sound(self) -> Loaded:
        """The repository without errors.

        Raises:
            ProjectError: all that is wrong, at once.
        """
        loaded = self._load()
        if has_errors(loaded.problems):
            raise ProjectError(*dict.fromkeys(loaded.problems))
        return loaded

    # verbs: build

    def check(self, select: Sequence[str] = ()) -> CheckReport:
        """Everything that can be said from the files: documents, contracts, SQL, types, bindings."""
        loaded = self._load()
        problems = dict.fromkeys(loaded.problems)
        folders = [self._folder(loaded.mesh, argument) for argument in select]
        if folders:
            problems = {d: None for d in problems if d.where and any(d.where.file.startswith(f) for f in folders)}
        return CheckReport(tuple(problems))

    def _folder(self, mesh: Declared, argument: str) -> str:
        parts = argument.partition("@")[0].split(".")
        for product in mesh.products.values():
            if len(parts) > 1 and (product.address.domain, product.address.product) == (parts[0], parts[1]):
                return product.descriptor.document.file.rpartition("/")[0] + "/"
        if len(parts) == 1 and parts[0] in mesh.domains:
            return mesh.domains[parts[0]].document.file.rpartition("/")[0] + "/"
        known = [str(p) for p in mesh.products] + list(mesh.domains)
        raise UsageError(
            error("WFT-PLN-008", f"`{argument}` matches nothing in this mesh", fix=did_you_mean(argument, known))
        )

    def plan(self, select: Sequence[str] = (), *, full_refresh: bool = False) -> Plan:
        """What `apply` would do. Changes nothing.

        Raises:
            ProjectError: files of the repository are wrong; all problems at once.
        """
        return self._planned(self._sound(), select, full_refresh=full_refresh)

    def _planned(self, loaded: Loaded, select: Sequence[str], *, full_refresh: bool) -> Plan:
        from weft.plan.impact import Impact
        from weft.plan.planner import make_plan

        return make_plan(
            loaded.mesh,
            loaded.order,
            loaded.desired,
            loaded.registered,
            Impact(self._registry, loaded.mesh),
            select=select,
            full_refresh=full_refresh,
        )

    def apply(
        self,
        select: Sequence[str] = (),
        *,
        plan: Plan | None = None,
        yes: bool = False,
        full_refresh: bool = False,
        progress: Progress | None = None,
        confirm: Callable[[Plan], bool] | None = None,
    ) -> ApplyResult:
        """Plans, then builds, verifies and publishes; with `plan`, carries out exactly that one.

        Args:
            yes: retire ports whose files are gone.
            confirm: asked with the plan when it retires something and `yes` is not given.

        Raises:
            ProjectError: files are wrong.
            GateRefused: an objection stands against the plan.
            Conflict: WFT-RUN-001, something moved since `plan` was made.
            UsageError: WFT-PLN-005, ports would be retired without consent.
        """
        from weft.runs.results import ApplyResult

        began = time.monotonic()
        loaded = self._sound()
        if plan is None:
            current = self._planned(loaded, select, full_refresh=full_refresh)
        else:
            current = self._planned(loaded, plan.selection, full_refresh=plan.full_refresh)
            _require_same(plan, current)
        if current.refused:
            raise GateRefused(*current.objections)
        if current.is_empty and not self._registry.unfinished():
            unchanged = tuple(c.address for c in current.changes)
            return ApplyResult(None, unchanged=unchanged, seconds=time.monotonic() - began)
        from weft.runs.apply import apply

        consent = yes or bool(current.retires and confirm is not None and confirm(current))
        return apply(current, loaded.mesh, loaded.desired, self._context(loaded, progress), consent=consent)

    def verify(self, target: str, *, data: Sequence[str] = (), sample_limit: int = 5) -> Verification:
        """A contract against data: `target` is an address (published rows) or a contract file with `data`."""
        from weft.runs.verify import verify_address, verify_file

        context = self._context(None, None)
        if target.endswith((".yaml", ".yml")):
            return verify_file(self._contract_file(target), data, sample_limit, lambda: self._connector, context)
        return verify_address(
            parse_address(target), data, sample_limit, lambda: self._connector, self._principal(), context
        )

    def _contract_file(self, target: str) -> Contract:
        from weft.model.odcs import contract
        from weft.project.documents import parse

        path = Path(target)
        if not path.is_file():
            raise UsageError(error("WFT-PRJ-001", f"`{target}` is missing", fix="name a contract file or an address"))
        found = parse(path.read_bytes(), target, "contract")
        if found.document is None or has_errors(found.problems):
            raise ProjectError(*found.problems)
        return contract(found.document)

    def preview(self, model: str, *, limit: int = 20) -> Result:
        """A model (`domain.product.model`) or one of its CTEs (`domain.product.model.cte`) on a sample."""
        from weft.runs.preview import preview

        mesh = self._declared()
        return preview(model, limit, mesh, self._registry.ports(), self._connector, self._context(None, None))

    def sync(self, address: str, *, write: bool = True) -> Sync:
        """Drafts or completes the contract of a port from its model and data; keeps what a person wrote."""
        from weft.runs.sync import sync

        return sync(parse_address(address), self._declared(), self._connector, self._context(None, None), write=write)

    def drafted_product(self, source: str) -> dict[str, Any]:
        """Ports, model and contracts for a source file, as a new product takes them."""
        from weft.runs.sync import product_from_file

        return product_from_file(source, self._connector, self._context(None, None))

    def rollback(self, address: str, snapshot_id: str, *, reason: str) -> RolledBack:
        """Shows the rows of an earlier snapshot again, and pins the port to them."""
        from weft.runs.rollback import roll_back

        return roll_back(parse_address(address), snapshot_id, reason, self._principal(), self._context(None, None))

    def release(self, address: str) -> None:
        """Takes the pin of a rollback away: the next apply builds the port again."""
        self._registry.release(self._pinned(address), actor=getpass.getuser(), at=_now())

    def set_default(self, address: str) -> None:
        """Makes a major the one that the address without major means."""
        self._registry.set_default(self._pinned(address), actor=getpass.getuser(), at=_now())

    # verbs: read

    def query(self, sql: str, *, principal: str | None = None, limit: int | None = None, at: At = None) -> Result:
        """The rows of one SELECT over ports named by their addresses."""
        return self._door.query(self._principal(principal), sql, limit=limit, at=at)

    def read(self, address: str, *, at: At = None, limit: int | None = None) -> Result:
        """All rows of a port."""
        from weft.sql.quoting import dotted

        target = parse_address(address)
        table = target.port if target.major is None else f"{target.port}@{target.major}"
        sql = f"SELECT * FROM {dotted((target.domain, target.product, table))}"
        return self.query(sql, limit=limit, at=at)

    def search(
        self, words: str, *, kind: str | None = None, domain: str | None = None, limit: int = 20
    ) -> SearchResult:
        """What the catalog holds under these words, best first."""
        from weft.catalog.search import search

        return search(self._registry, self.settings.state / "index.db", words, kind=kind, domain=domain, limit=limit)

    def show(self, address: str) -> Page:
        """The page of a domain, a product or a port."""
        from weft.catalog.pages import page

        return page(self._registry, address, _now())

    def product(self, address: str) -> Page:
        """The page of a product."""
        return self.show(address)

    def lineage(
        self, node: str, *, up: bool = False, down: bool = False, depth: int = 5, private: bool = False
    ) -> LineageView:
        """What a port or column is made from, and what is made from it; both ways unless one is asked for."""
        from weft.catalog.lineage import lineage

        both = up == down
        return lineage(self._registry, node, up=up or both, down=down or both, depth=depth, private=private)

    def history(self, address: str) -> History:
        """The data versions of a port, newest first."""
        from weft.catalog.history import history

        return history(self._registry, self._pinned(address))

    def runs(self, address: str | None = None, limit: int = 20) -> Sequence[Run]:
        """The newest runs."""
        return self._registry.runs(self._pinned(address) if address else None, limit)

    def run(self, run_id: str) -> RunPage:
        """One run and its check results; the beginning of its id is enough.

        Raises:
            UsageError: WFT-RUN-004, there is no such run.
        """
        from weft.catalog.run_pages import run_page

        return run_page(self._registry, run_id)

    def doctor(self) -> tuple[Diagnostic, ...]:
        """What is missing or wrong on this machine and in this repository."""
        from weft.observability.doctor import machine

        loaded = self._load()
        return (*machine(self.settings), *dict.fromkeys(loaded.problems))

    def _pinned(self, address: str) -> Address:
        """The pinned address of a published port.

        Raises:
            UsageError: WFT-ACC-001, there is no such port.
        """
        target = parse_address(address)
        state = self._registry.port(target)
        if state is None:
            known = [str(a) if target.major else a.unpinned for a in self._registry.ports()]
            raise UsageError(
                error(
                    "WFT-ACC-001",
                    f"there is no published port `{address}`",
                    fix=did_you_mean(address, known, otherwise="`weft search` finds ports by words"),
                )
            )
        return state.address


def schema(kind: str) -> dict[str, Any]:
    """The JSON schema of one kind of our files: contract, domain, mesh, model, product."""
    from weft.project.schema import json_schema

    return json_schema(kind)


def _closed_at_exit(reference: weakref.ref[Mesh]) -> None:
    """Closes a mesh that a script has left open: DuckDB complains about what lives longer than the interpreter."""
    mesh = reference()
    if mesh is not None:
        mesh.close()


def init(folder: Path, name: str) -> list[Path]:
    """Makes a new mesh in a folder; returns the files written."""
    from weft.project import scaffold

    return scaffold.init(folder, name)


def new_domain(path: str | Path, name: str) -> list[Path]:
    """Adds a domain to the mesh that holds `path`; returns the files written."""
    from weft.project import scaffold

    return scaffold.new_domain(load_settings(Path(path)), name, getpass.getuser())


def new_product(path: str | Path, address: str, *, source: str | None = None) -> list[Path]:
    """Adds a product `domain.name`, with a port made from `source` when it is named; returns the files written."""
    from weft.project import scaffold

    with open(path) as mesh:
        folder = scaffold.product_folder(mesh.settings, address)
        parts: dict[str, Any] = {"inputs": [], "outputs": [], "files": {}}
        if source is not None:
            parts = mesh.drafted_product(source)
        return scaffold.new_product(folder, **parts)


def _require_same(plan: Plan, current: Plan) -> None:
    """Refuses a plan whose requirements do not hold any more.

    Raises:
        Conflict: WFT-RUN-001, naming everything that moved.
    """
    from weft.runs.apply import moved

    if plan.mesh != current.mesh:
        raise Conflict(moved("the mesh", f"`{plan.mesh}`", f"`{current.mesh}`"))
    problems = [
        moved(
            f"{key.partition(':')[0]} `{key.partition(':')[2]}`",
            _short(plan.requires.get(key)),
            _short(current.requires.get(key)),
        )
        for key in sorted({*plan.requires, *current.requires})
        if plan.requires.get(key) != current.requires.get(key)
    ]
    if problems:
        raise Conflict(*problems)


def _short(version: str | None) -> str:
    return "nothing" if version is None else f"version {version[:12]}"


def _at(diagnostic: Diagnostic, where: Where) -> Diagnostic:
    return Diagnostic(
        diagnostic.code,
        diagnostic.severity,
        diagnostic.what,
        diagnostic.where or where,
        diagnostic.why,
        diagnostic.fix,
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
