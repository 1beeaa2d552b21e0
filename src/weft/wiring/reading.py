"""Who reads a mesh, and by what they are served: processes, grants and policies, the audit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from weft.config import Settings, duration, size_bytes, size_in_bytes
from weft.model.address import ProductAddress
from weft.registry.base import Registry
from weft.registry.sql import SqlRegistry

if TYPE_CHECKING:
    from weft.access.grounds import AccessGrounds
    from weft.access.live import FromServer, LiveTables
    from weft.access.principals import Principal
    from weft.access.reading.asking import Readers
    from weft.access.witness import Witness
    from weft.engines.base import Engine
    from weft.runs.mesh_book import MeshBook


def witness_of(registry: Registry, settings: Settings, now: Callable[[], dt.datetime], wire: str) -> Witness | None:
    """Writes down who reads on a wire; None where the registry is a server's, which does it itself."""
    if not isinstance(registry, SqlRegistry):
        return None
    from weft.access.witness import Witness
    from weft.registry.audit import AuditStore
    from weft.registry.audit_writer import AuditWriter

    writer = AuditWriter(AuditStore(registry.database))
    return Witness(writer, now, wire, keeps_text=settings.query.texts == "kept")


def grounds_of(
    registry: Registry, settings: Settings, now: Callable[[], dt.datetime], book: Callable[[], MeshBook]
) -> AccessGrounds:
    """Grants, policies and what columns inherit, by which others than the owner read."""
    from weft.access.grounds import AccessGrounds
    from weft.access.policy_source import PolicySource

    def registered(domain: str) -> Mapping[str, Any] | None:
        found = registry.domain(domain)
        return found.document if found is not None else None

    policies = PolicySource(settings.root, settings.mesh.domains, registered)
    if not isinstance(registry, SqlRegistry):  # a server's: it decides itself, by what it knows
        return AccessGrounds(None, policies, now)
    from weft.runs.inherited import Inherited

    return AccessGrounds(registry.database, policies, now, Inherited(registry, book))


def readers_of(settings: Settings) -> Readers:
    """Processes for the queries of everybody but the owner of the folder."""
    from weft.access.reading.asking import Ceiling, Readers
    from weft.access.reading.kept import ResultCache
    from weft.access.reading.pool import Pool, Rules
    from weft.access.reading.process import temp_folder
    from weft.access.reading.wire import Limits

    asked = settings.query
    limits = Limits(
        size_in_bytes(asked.memory), str(temp_folder(settings.state)), size_bytes(asked.temp), asked.threads
    )
    rules = Rules(
        asked.processes,
        asked.slow_processes,
        asked.each,
        asked.waiting,
        duration(asked.patience).total_seconds(),
        duration(asked.light).total_seconds(),
    )
    ceiling = Ceiling(asked.rows or None, size_bytes(asked.size), duration(asked.time).total_seconds())
    return Readers(Pool(limits, rules), ceiling, ResultCache(size_bytes(asked.cache)))


def live_tables(
    settings: Settings,
    engine: Callable[[], Engine],
    *,
    elsewhere: bool = False,
    from_server: FromServer | None = None,
) -> LiveTables:
    """What fetches from tables in databases in which ports live."""
    from weft.access.live import LiveTables

    def parse(sql: str) -> str:
        with engine().session() as session:
            return session.parse(sql)

    folder, most = settings.state / "fetched", size_bytes(settings.query.temp)
    return LiveTables(
        settings.connections, folder, lru_cache(maxsize=512)(parse), most, elsewhere=elsewhere, from_server=from_server
    )


def principal_named(registry: Registry, name: str) -> Principal:
    """Somebody by name, with their teams and with their roles in each domain; strangers have neither.

    Raises:
        UsageError: WFT-ACC-005, it is no name.
    """
    from msgspec.structs import replace

    from weft.access.claims import MEMBER_ROLE
    from weft.access.principals import PrincipalKind, named
    from weft.model.records import domain_members
    from weft.model.roles import role_key
    from weft.registry.users import UserStore

    domain, dot, product = name.partition(".")
    known = bool(dot) and registry.product(ProductAddress(domain, product)) is not None
    found = named(name, product=known)
    if found.kind is PrincipalKind.PRODUCT:
        return found
    teams = found.teams
    if found.kind is PrincipalKind.USER and isinstance(registry, SqlRegistry):
        user = UserStore(registry.database).user(found.name)
        teams = user.teams if user is not None else ()
    names = {*(f"team:{team}" for team in teams), found.written}
    roles = {
        record.name: frozenset(
            MEMBER_ROLE[role_key(r)]
            for n, rs in domain_members(record)
            if n in names
            for r in rs
            if role_key(r) in MEMBER_ROLE
        )
        for record in registry.domains().values()
    }
    return replace(found, teams=teams, roles={d: r for d, r in roles.items() if r})
