"""The rooms of one mesh, each made when it is first asked for and handed to whoever works in it."""

from __future__ import annotations

import atexit
import datetime as dt
import getpass
import weakref
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft import plugins
from weft.config import Settings
from weft.errors import UsageError, did_you_mean, error
from weft.model.address import parse_address
from weft.model.mesh import Mesh

if TYPE_CHECKING:
    from weft.access.door import Door, Present
    from weft.access.grounds import AccessGrounds
    from weft.access.live import LiveTables
    from weft.access.principals import Principal
    from weft.access.reading.asking import Readers
    from weft.access.witness import Witness
    from weft.connectors.files import FileConnector
    from weft.connectors.remotes import RemoteConnector
    from weft.engines.base import Engine, Session
    from weft.model.publication import PortState, Publication
    from weft.plan.repository import Repository
    from weft.project.cache import Cache
    from weft.registry.base import Registry
    from weft.registry.http import HttpRegistry
    from weft.runs.context import Context
    from weft.runs.progress import Progress
    from weft.runs.verify import Ways
    from weft.storage.base import Storage
    from weft.storage.object_files import ObjectFiles
    from weft.storage.staged import StagedStorage
    from weft.wiring.environments import EnvironmentFiles
    from weft.wiring.governing import GovernanceRooms


def clock() -> dt.datetime:
    """The machine's clock, in UTC."""
    return dt.datetime.now(dt.UTC)


class Rooms:
    """Registry, storage, engine and the others, as the settings choose them.

    Attributes:
        now: the clock, in UTC: what is late, due or over is reckoned from it.
    """

    def __init__(
        self,
        settings: Settings,
        now: Callable[[], dt.datetime] | None = None,
        environment: str | None = None,
        token: str | None = None,
    ) -> None:
        self._token = token
        self.settings = settings
        self.now = now or clock
        self.environment = environment
        self._sessions: list[Any] = []
        atexit.register(_closed_at_exit, weakref.ref(self))

    def close(self) -> None:
        """Gives sessions and connections back; what is asked for later is made again."""
        for session in self._sessions:
            session.__exit__(None, None, None)
        self._sessions.clear()
        self.__dict__.pop("parser", None)
        environments = self.__dict__.pop("_environments", None)
        if environments is not None:
            environments.close()
        for name in (
            "readers",
            "governance",
            "remotes",
            "storage",
            "engine",
            "registry",
            "production",
            "remote",
            "cache",
        ):
            held = self.__dict__.pop(name, None)
            if held is not None:
                held.close()

    @cached_property
    def cache(self) -> Cache:
        """What was computed from files before, by their digests."""
        from weft.project.cache import Cache

        made_by = (f"{p} {plugins.version_of(p)}" for p in ("duckdb", "sqlglot", "open_data_contract_standard"))
        return Cache(self.settings.cache, ", ".join(made_by))

    @cached_property
    def production(self) -> Registry:
        """What everybody reads."""
        kind, _, place = self.settings.mesh.registry.rpartition("://")
        if not kind:
            return self._opened(self.settings.path(place))
        if self.on_a_server:
            return self.remote
        registry: Registry = plugins.load("weft.registries", kind)(self.settings.mesh.registry)
        return registry

    def registry_described(self) -> str:
        """What keeps the registry, as it says itself; opened when it was not."""
        return self.production.described

    @property
    def on_a_server(self) -> bool:
        """Whether a server has the registry and the tables, and commits for this repository."""
        return self.settings.mesh.server is not None

    @cached_property
    def remote(self) -> HttpRegistry:
        """The registry of the server."""
        made = plugins.load("weft.registries", self.settings.mesh.registry.partition("://")[0])
        self.settings.state.mkdir(parents=True, exist_ok=True)
        # what concerns this machine alone: its runs, locks and batches
        local = self._opened(self.settings.state / "local.db")
        registry: HttpRegistry = made(self.settings.mesh.registry, local, self._token, self.settings.cache / "registry")
        return registry

    @cached_property
    def _staged(self) -> StagedStorage:
        """Files that are read from the server, and those that go to it."""
        from weft.storage.staged import StagedStorage

        return StagedStorage(self.data_root, self.remote)

    @property
    def data_root(self) -> Path:
        """Where data files lie on this machine: in the warehouse, or for a while where that is elsewhere."""
        place = self.settings.storage.warehouse
        return self.settings.state / "files" if "://" in place else self.settings.path(place)

    @cached_property
    def objects(self) -> ObjectFiles | None:
        """The files of a warehouse in an object store; None when it is a folder.

        Raises:
            ProjectError: WFT-STO-014, nothing says how the store is reached.
        """
        if "://" not in self.settings.storage.warehouse:
            return None
        from weft.storage.opening import object_files

        return object_files(self.settings, self.data_root)

    @cached_property
    def registry(self) -> Registry:
        """What is published: in production, or in the environment that was asked for and production behind it."""
        if self.environment is None:
            return self.production
        from weft.registry.environment import EnvironmentRegistry
        from weft.registry.memory import MemoryRegistry

        path = self._environments.file(self.environment)
        # one that is only looked at is not made by looking
        return EnvironmentRegistry(self._opened(path) if path.exists() else MemoryRegistry(), self.production)

    @cached_property
    def _environments(self) -> EnvironmentFiles:
        from weft.wiring.environments import EnvironmentFiles

        return EnvironmentFiles(self.settings.state / "environments", self._opened)

    @property
    def index(self) -> Path:
        """Where the search index lies; an environment has its own."""
        if self.environment is None:
            return self.settings.state / "index.db"
        return self._environments.file(self.environment).with_name("index.db")

    @property
    def environments(self) -> Mapping[str, Registry]:
        """The registries of all environments, each without production behind it."""
        return self._environments.every

    def environment_made_at(self, name: str) -> dt.datetime:
        """When an environment was made."""
        return self._environments.made_at(name)

    def make_environment(self) -> None:
        """Makes the environment that was asked for, where it is new."""
        if self.environment is not None and self._environments.make(self.environment, self.now()):
            self.__dict__.pop("registry", None)
            self.__dict__.pop("door", None)

    def remove_environment(self, name: str) -> None:
        """Removes what an environment has registered."""
        self._environments.remove(name)

    def others(self) -> dict[str, Registry]:
        """Registries that share the warehouse with this one."""
        if self.on_a_server and self.environment is None:
            return {}  # a server commits what was staged for it: it takes nothing from an environment of this machine
        found = {name: one for name, one in self.environments.items() if name != self.environment}
        return found if self.environment is None else {"": self.production, **found}

    def _opened(self, path: Path) -> Registry:
        registry: Registry = plugins.load("weft.registries", "sqlite")(path)
        return registry

    @cached_property
    def engine(self) -> Engine:
        """What runs SQL."""
        made = plugins.load("weft.engines", self.settings.engine.default)
        engine: Engine = made(memory_limit=self.settings.engine.memory_limit, threads=self.settings.engine.threads)
        return engine

    @cached_property
    def storage(self) -> Storage:
        """Where tables rest."""
        if self.on_a_server and self.environment is None:
            return self._staged
        made = plugins.load("weft.storages", "iceberg")
        catalog = self.settings.storage.catalog
        storage: Storage = made(
            self.objects or self.data_root, catalog if "://" in catalog else self.settings.path(catalog)
        )
        if self.environment is not None:
            from weft.storage.environment import EnvironmentStorage

            return EnvironmentStorage(storage, self.environment)
        return storage

    @cached_property
    def connector(self) -> FileConnector:
        """What reads sources."""
        connector: FileConnector = plugins.load("weft.connectors", "file")(self.settings, self.cache)
        return connector

    @cached_property
    def remotes(self) -> RemoteConnector:
        """What asks and lands sources behind connections."""
        return self.new_remotes()

    def new_remotes(self) -> RemoteConnector:
        """Another one, for whoever is to have connections of their own."""
        from weft.connectors.remotes import RemoteConnector

        return RemoteConnector(self.settings, lambda: self.connector, self.now)

    @cached_property
    def parser(self) -> Session:
        """One session for parsing and binding, opened when the cache cannot answer."""
        held = self.engine.session()
        session = held.__enter__()
        self._sessions.append(held)
        return session

    @cached_property
    def door(self) -> Door:
        """The one way to rows."""
        from weft.access.door import Door

        return Door(
            self.registry,
            str(self.data_root),
            lambda: self.engine,
            self.now,
            self.present,
            self.grounds,
            lambda: self.readers,
            self.witness("local"),
            lambda: self.live,
        )

    @cached_property
    def live(self) -> LiveTables:
        """What fetches from tables in databases in which ports live."""
        from weft.wiring.reading import live_tables

        # runs of an environment are of this machine: the server knows none of them
        gives = self._staged.of_database if self.on_a_server and self.environment is None else None
        return live_tables(self.settings, lambda: self.engine, elsewhere=self.on_a_server, from_server=gives)

    @cached_property
    def counter(self) -> Door:
        """The same door for whoever hands out files, and reads none: it brings nothing here."""
        from weft.access.door import Door

        return Door(self.registry, str(self.data_root), lambda: self.engine, self.now, None, self.grounds)

    @property
    def present(self) -> Present | None:
        """Brings files to where they are read; None: they lie there."""
        return self._present if self.on_a_server or self.objects is not None else None

    def witness(self, wire: str) -> Witness | None:
        """Writes down who reads on a wire; None where the registry is a server's, which does it itself."""
        from weft.wiring.reading import witness_of

        return witness_of(self.production, self.settings, self.now, wire)

    @cached_property
    def grounds(self) -> AccessGrounds:
        """Grants and policies by which others than the owner read."""
        from weft.wiring.reading import grounds_of

        return grounds_of(self.production, self.settings, self.now, lambda: self.governance.book)

    @cached_property
    def readers(self) -> Readers:
        """Processes for the queries of others."""
        from weft.wiring.reading import readers_of

        return readers_of(self.settings)

    def _present(self, publication: Publication, principal: Principal, quarantine: bool) -> None:
        """Brings the files of a data version here; what an environment has built lies here already."""
        from weft.access.principals import PrincipalKind

        if not self.on_a_server:
            held = publication.quarantine.manifest if quarantine and publication.quarantine else publication.manifest
            self.storage.own(publication.address, held)
            return
        if self.environment is not None:
            own = self.environments.get(self.environment)
            if own is not None and own.publication(publication.address, publication.snapshot_id) is not None:
                return
        consumer = principal.name if principal.kind is PrincipalKind.PRODUCT else None
        self._staged.present(publication, consumer, quarantine=quarantine)

    def principal(self, requested: str | None = None) -> Principal:
        """Whoever is at the keyboard or, on a mesh of their own, as whom they look.

        Raises:
            AccessDenied: WFT-ACC-005, on the mesh of a server, or at an environment, nobody looks as somebody else.
        """
        from weft.access.principals import local_principal

        alone = self.on_a_server or self.environment is not None  # nobody but its owner reads an environment
        if requested is None or requested == self.actor or alone:
            return local_principal(self.actor, requested)
        return self.principal_named(requested)

    def principal_named(self, name: str) -> Principal:
        """Somebody by name, with their teams and with their roles in each domain; strangers have neither.

        Raises:
            UsageError: WFT-ACC-005, it is no name.
        """
        from weft.wiring.reading import principal_named

        return principal_named(self.production, name)

    @property
    def actor(self) -> str:
        """The name under which events are written."""
        return getpass.getuser()

    def declared(self) -> Mesh:
        """What the files of the mesh declare."""
        from weft.project.load import load_mesh
        from weft.project.models import Parsing

        parse = Parsing(lambda sql: self.parser.parse(sql), lambda sqls: self.parser.parse_all(sqls))
        return load_mesh(self.settings, parse, self.cache)

    def repository(self, *, ask: bool = True) -> Repository:
        """The files of the mesh as they are now, held against the registry; problems are collected, not raised.

        Args:
            ask: whether sources behind connections are asked, of which something was landed.
        """
        from weft.wiring.repository import repository_of

        return repository_of(self, ask=ask)

    def published(self, address: str) -> PortState:
        """A published port, by an address with or without major.

        Raises:
            UsageError: WFT-ACC-001, there is no such port.
        """
        target = parse_address(address)
        state = self.registry.port(target)
        if state is None:
            known = [str(a) if target.major else a.unpinned for a in self.registry.ports()]
            raise UsageError(
                error(
                    "WFT-ACC-001",
                    f"there is no published port `{address}`",
                    fix=did_you_mean(address, known, otherwise="`weft search` finds ports by words"),
                )
            )
        return state

    def ways(self, environ: Mapping[str, str]) -> Ways:
        """How data that the person at the keyboard names is reached."""
        from weft.connectors.servers import open_server
        from weft.connectors.stores import listed
        from weft.runs.verify import Ways

        return Ways(
            engine=self.engine,
            files=lambda source: self.connector.foreign(source),
            servers=open_server,
            listed=lambda place: listed(place, environ),
            environ=environ,
        )

    def context(self, repository: Repository | None = None, progress: Progress | None = None) -> Context:
        """What a run works with; `repository` has the sources of a run that builds, others read the files anew."""
        from weft.wiring.running import context_of

        return context_of(self, repository, progress)

    @cached_property
    def governance(self) -> GovernanceRooms:
        """Policies and terms, and the book of the mesh that they are held against."""
        from weft.wiring.governing import GovernanceRooms

        return GovernanceRooms(self)


def _closed_at_exit(reference: weakref.ref[Rooms]) -> None:
    """Closes what a script has left open: DuckDB complains about what lives longer than the interpreter."""
    rooms = reference()
    if rooms is not None:
        rooms.close()
