"""Ports that live in a table of a database: their contract is checked where the rows are, and no row is copied."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from weft.connectors.reading import checked as remote_checked
from weft.connectors.reading import open_source, target_of
from weft.connectors.servers import open_server
from weft.connectors.targets import named_table
from weft.contracts.agreement import agree_live
from weft.contracts.rules import referenced_tables
from weft.engines.base import Session
from weft.errors import AccessDenied, ContractBroken, Diagnostic, SourceError, did_you_mean, error, has_errors
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.column import Column
from weft.model.live import ALWAYS, LIVE, LiveTable
from weft.model.odcs import Contract
from weft.model.publication import Manifest, Override, Publication
from weft.model.remote import Remote
from weft.plan.changed_models import model_digests
from weft.plan.desired import Desired, as_columns
from weft.runs import publishing
from weft.runs.context import Context
from weft.runs.overriding import overridden
from weft.runs.verification import broken, check_rows, times_of


class Judged(Struct, frozen=True):
    """A port that lives in a table, checked there.

    Attributes:
        manifest: its columns and the table.
        version: of the table, as it is told beside a publication.
    """

    wanted: Desired
    manifest: Manifest
    checks: tuple[CheckResult, ...]
    version: str
    override: Override | None = None

    @property
    def upstream(self) -> dict[str, str]:
        """What its rows are made from."""
        return {f"source:{entry.name}": self.version for entry in self.wanted.inputs}


def snapshot_id() -> str:
    """The id of a publication of a table: there is no snapshot, but each publication has an id of its own."""
    return str(secrets.randbits(62))


def judged(
    wanted: Sequence[Desired], decisions: Mapping[Address, Override], session: Session, context: Context
) -> tuple[list[Judged], ContractBroken | None]:
    """Every port, checked in place, and what keeps them from being published.

    Raises:
        SourceError: a table cannot be reached.
    """
    found: list[Judged] = []
    problems: list[Diagnostic] = []
    for one in wanted:
        address, table = one.port.address, one.port.live
        assert table is not None, "the caller has looked"
        context.progress.stage(str(address), "verify")
        columns = with_ids(as_columns(one))
        live, checks = checked(address, one.port.contract, columns, table, session, context)
        override = overridden(checks, decisions.get(address))
        version = one.parts.get(f"source:{one.inputs[0].name}", ALWAYS)
        if version == ALWAYS:
            version = f"{LIVE}looked at {context.now().isoformat(timespec='microseconds')}"
        found.append(Judged(one, Manifest(columns, (), live), checks, version, override))
        wrong = broken(address, checks) if override is None else None
        problems += wrong.diagnostics if wrong is not None else ()
    return found, ContractBroken(*problems) if problems else None


def publication(one: Judged, run_id: str, context: Context) -> Publication:
    """The publication of a port that has been checked: no file is written."""
    wanted = one.wanted
    fresh = publishing.publication(wanted, snapshot_id(), one.manifest, one.upstream, one.checks, run_id, context)
    return replace(
        fresh,
        override=one.override,
        column_digests=context.column_digests(wanted),
        model_digests=model_digests(wanted),
    )


def received(
    one: Publication, table: Remote, contract: Contract, kept: bool, context: Context
) -> tuple[Publication, tuple[CheckResult, ...]]:
    """A publication that a runner has stated of a port that lives in a table, as this server finds the table.

    Args:
        kept: whether it goes on under the snapshot id of what is published.

    Raises:
        AccessDenied: WFT-SRC-054, the port's domain may have no port there.
        ContractBroken: WFT-CON-001 or WFT-CON-003, the table has not the columns that the contract promises.
        SourceError: the table cannot be asked.
    """
    connection = context.settings.connections.get(table.connection)
    domain = one.address.domain
    if connection is None or connection.kind != "postgres" or domain not in connection.domains:
        raise AccessDenied(
            error(
                "WFT-SRC-054",
                f"the domain `{domain}` may have no port in a table of `{table.connection}`",
                why="connections belong to the server, and each says whose ports may live there",
                fix=f'an operator adds it: `[connections.{table.connection}] domains = ["{domain}"]`',
            )
        )
    with open_source(connection) as source:
        described = source.described(table)
        remote_checked(described, table)
    given = {c.name: Column(c.name, c.type) for c in described.columns}
    problems = agree_live(contract, tuple(given.values()), table.subject)
    if has_errors(problems):
        raise ContractBroken(*problems)
    columns = with_ids(
        [
            Column(p.name, given[p.name].type, key=p.id or p.name, required=bool(p.required))
            for p in contract.table.properties
        ]
    )
    with context.engine.session() as session:
        live, checks = checked(one.address, contract, columns, table, session, context)
    current = context.registry.publication(one.address) if kept else None
    shown = current.snapshot_id if current is not None else snapshot_id()
    return replace(one, snapshot_id=shown, manifest=Manifest(columns, (), live), quarantine=None), checks


def with_ids(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns, numbered: no file has these numbers."""
    return tuple(Column(c.name, c.type, number, c.key, c.required) for number, c in enumerate(columns, 1))


def checked(
    address: Address, contract: Contract, columns: Sequence[Column], table: Remote, session: Session, context: Context
) -> tuple[LiveTable, tuple[CheckResult, ...]]:
    """The table in which a port lives, and its contract's checks on it: in one transaction, by the server itself.

    Raises:
        SourceError: WFT-SRC-010 and others, the server cannot be asked; WFT-SRC-024, it has no such table.
    """
    connection = context.settings.connections.get(table.connection)
    if connection is None:
        fix = did_you_mean(table.connection, context.settings.connections, otherwise="declare it in weft.toml")
        raise SourceError(error("WFT-SRC-020", f"there is no connection `{table.connection}`", fix=fix))
    with open_server(target_of(connection)) as server:
        place = named_table(str(table.table), server.available, server.schemas)
        relation = server.table(str(table.table))
        if place is None or relation is None:
            raise SourceError(error("WFT-SRC-024", f"`{connection.name}` has no table `{table.table}`"))
        relation = server.only(relation, [c.name for c in columns])
        others = {name: server.table(name) for name in referenced_tables(contract)}
        checks = check_rows(
            session,
            contract,
            relation,
            others,
            context.now(),
            server=server,
            published=(context.now(), *times_of(address, contract, context.registry)),
        )
        rows = int(server.rows(f"SELECT count(*) FROM {relation}")[0][0])
    return LiveTable(connection.name, *place, rows), checks
