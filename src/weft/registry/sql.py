"""The registry in a database: every question and every change, written once for all that `database` knows."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckResult
from weft.model.lineage import LineageEdge
from weft.model.publication import KeptTable, PortState, Publication
from weft.model.records import Batch, DomainRecord, Event, ProductRecord, Run, RunState
from weft.registry import codec, lineage, log
from weft.registry.base import read_all_events
from weft.registry.database import Database
from weft.registry.sql_tables import KEPT, PUBLICATION, SqlTables
from weft.registry.writer import RegistryWriter

_STATE = """
    SELECT p.port, p.revision, u.snapshot_id, u.run_id, u.published_at, u.header, u.contract,
           p.is_default, p.retired, p.pinned, p.held
    FROM ports p JOIN publications u ON u.port = p.port AND u.revision = p.revision
"""
_PUBLICATION = f"{PUBLICATION} WHERE port = ?"
_EVERY = 2**62
"""More than there ever is of anything."""
_EDGES = "SELECT source, target, kind, transformation, masking FROM edges"


class SqlRegistry(RegistryWriter):
    """Reads and changes what is registered."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._states: dict[str, tuple[tuple[Any, ...], PortState]] = {}

    def close(self) -> None:
        """Gives connections back."""
        self.database.close()

    @property
    def described(self) -> str:
        """What keeps it."""
        return self.database.described

    # reading

    def ports(self) -> Mapping[Address, PortState]:
        """Every port that was ever published, by pinned address.

        A run asks before each product: only what has moved since is decoded.
        """
        known, states = self._states, {}
        for row in self._rows(f"{_STATE} ORDER BY p.port"):
            before = known.get(row[0])
            states[row[0]] = before if before is not None and before[0] == row else (row, codec.port_state(row))
        self._states = states
        return {state.address: state for _, state in states.values()}

    def port(self, address: Address) -> PortState | None:
        """One port; without major its default major."""
        if address.major is None:
            where, value = "p.name = ? AND p.is_default = 1", address.unpinned
        else:
            where, value = "p.port = ?", str(address)
        row = self._row(f"{_STATE} WHERE {where}", (value,))
        return codec.port_state(row) if row else None

    def publication(self, address: Address, snapshot_id: str | None = None) -> Publication | None:
        """The current publication of a pinned port, or the newest one of a snapshot."""
        if snapshot_id is None:
            sql = f"{_PUBLICATION} AND revision = (SELECT revision FROM ports WHERE port = ?)"
            row = self._row(sql, (str(address), str(address)))
        else:
            sql = f"{_PUBLICATION} AND snapshot_id = ? ORDER BY revision DESC LIMIT 1"
            row = self._row(sql, (str(address), snapshot_id))
        return codec.publication(row) if row else None

    def publication_at(self, address: Address, at: datetime) -> Publication | None:
        """What could be read of a pinned port at a time."""
        sql = f"{_PUBLICATION} AND published_at <= ? ORDER BY revision DESC LIMIT 1"
        row = self._row(sql, (str(address), codec.time_text(at)))
        return codec.publication(row) if row else None

    def history(
        self, address: Address, *, before: int | None = None, limit: int | None = None
    ) -> Sequence[Publication]:
        """Publications of a pinned port, newest first."""
        values = (str(address), _EVERY if before is None else before, _EVERY if limit is None else limit)
        rows = self._rows(f"{_PUBLICATION} AND revision < ? ORDER BY revision DESC LIMIT ?", values)
        return [codec.publication(row) for row in rows]

    def kept_tables(self, product: ProductAddress | None = None) -> Sequence[KeptTable]:
        """What private models keep, of one product or of all."""
        if product is None:
            rows = self._rows(f"{KEPT} ORDER BY product, model")
        else:
            rows = self._rows(f"{KEPT} WHERE product = ? ORDER BY model", (str(product),))
        return [codec.kept_table(row) for row in rows]

    def batches(self, build: str | None = None) -> Sequence[Batch]:
        """Batches of builds that are not published yet, of one build or of all."""
        sql = "SELECT build, batch, at, manifest FROM batches"
        if build is None:
            rows = self._rows(f"{sql} ORDER BY build, batch")
        else:
            rows = self._rows(f"{sql} WHERE build = ? ORDER BY batch", (build,))
        return [
            Batch(number, batch, datetime.fromisoformat(at), codec.files_of(manifest))
            for number, batch, at, manifest in rows
        ]

    def products(self) -> Mapping[ProductAddress, ProductRecord]:
        """Every registered product."""
        records = [codec.product(t) for (t,) in self._rows("SELECT record FROM products ORDER BY address")]
        return {r.address: r for r in records}

    def domains(self) -> Mapping[str, DomainRecord]:
        """Every registered domain."""
        records = [codec.domain(t) for (t,) in self._rows("SELECT record FROM domains ORDER BY name")]
        return {r.name: r for r in records}

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """One registered product."""
        row = self._row("SELECT record FROM products WHERE address = ?", (str(address),))
        return codec.product(row[0]) if row else None

    def products_after(self, after: str, limit: int) -> Sequence[ProductRecord]:
        """The next products behind an address."""
        sql = "SELECT record FROM products WHERE address > ? ORDER BY address LIMIT ?"
        return [codec.product(text) for (text,) in self._rows(sql, (after, limit))]

    def domain(self, name: str) -> DomainRecord | None:
        """One registered domain."""
        row = self._row("SELECT record FROM domains WHERE name = ?", (name,))
        return codec.domain(row[0]) if row else None

    def ports_of(self, product: ProductAddress) -> Sequence[PortState]:
        """The ports of one product, by pinned address."""
        sql = f"{_STATE} WHERE p.port > ? AND p.port < ? ORDER BY p.port"
        return [codec.port_state(row) for row in self._rows(sql, (f"{product}.", f"{product}/"))]

    def moved(self, after: int) -> frozenset[str] | None:
        """What events after a number are about."""
        return frozenset(s for (s,) in self._rows("SELECT DISTINCT subject FROM events WHERE seq > ?", (after,)))

    def consumers(self, address: Address) -> Sequence[ProductAddress]:
        """Products that read a pinned port."""
        rows = self._rows("SELECT product FROM reads WHERE port = ? ORDER BY product", (str(address),))
        return [ProductAddress(*name.split(".")) for (name,) in rows]

    def lineage(
        self, nodes: Sequence[str], *, up: bool, depth: int, limit: int = 10_000
    ) -> tuple[Sequence[LineageEdge], bool]:
        """Edges within `depth` hops of the nodes, and whether the limit cut them. Private models are no hop."""
        sql = f"{_EDGES} WHERE {'target' if up else 'source'} IN ({self.database.listed})"

        def edges_at(front: Sequence[str]) -> Iterator[lineage.EdgeRow]:
            yield from self._rows(sql, (json.dumps(front),))

        return lineage.within(edges_at, nodes, up=up, depth=depth, limit=limit)

    def nodes_of(self, table: str) -> Sequence[str]:
        """Lineage nodes of a table's columns."""
        sql = (
            "SELECT source FROM edges WHERE source >= ? AND source < ? "
            "UNION SELECT target FROM edges WHERE target >= ? AND target < ? ORDER BY 1"
        )
        return [node for (node,) in self._rows(sql, (f"{table}.", f"{table}/") * 2)]

    def runs(
        self, address: Address | None = None, limit: int = 20, before: tuple[datetime, str] | None = None
    ) -> Sequence[Run]:
        """The newest runs, of one port or of all."""
        sql, conditions, values = "SELECT r.record FROM runs r", [], list[Any]()
        if address is not None:
            sql = f"{sql} JOIN run_ports p ON p.run_id = r.run_id"
            conditions, values = ["p.port = ?"], [str(address)]
        if before is not None:
            started_at = codec.time_text(before[0])
            conditions.append("r.started_at <= ? AND (r.started_at < ? OR r.run_id < ?)")
            values += [started_at, started_at, before[1]]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        rows = self._rows(f"{sql}{where} ORDER BY r.started_at DESC, r.run_id DESC LIMIT ?", (*values, limit))
        return [codec.run(text) for (text,) in rows]

    def run(self, run_id: str) -> Run | None:
        """One run."""
        row = self._row("SELECT record FROM runs WHERE run_id = ?", (run_id,))
        return codec.run(row[0]) if row else None

    def unfinished(self) -> Sequence[Run]:
        """Runs that have begun and not ended."""
        rows = self._rows("SELECT record FROM runs WHERE state = ? ORDER BY run_id", (RunState.RUNNING.value,))
        return [codec.run(text) for (text,) in rows]

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        """Check results of a run, samples included."""
        found: dict[Address, Sequence[CheckResult]] = {}
        for port, text in self._rows("SELECT port, results FROM checks WHERE run_id = ? ORDER BY port", (run_id,)):
            if address is not None and port != str(address):
                continue
            rows = self._rows("SELECT check_id, rows FROM samples WHERE run_id = ? AND port = ?", (run_id, port))
            found[parse_address(port)] = codec.check_results(text, {i: json.loads(r) for i, r in rows})
        return found

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The log after a sequence number."""
        rows = self._rows(
            "SELECT seq, at, kind, actor, subject, body, previous, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [codec.event(row) for row in rows]

    def last_event(self) -> int:
        """The newest sequence number, 0 for an empty log."""
        row = self._row("SELECT coalesce(max(seq), 0) FROM events")
        assert row is not None, "an aggregate has a row"
        return int(row[0])

    def verify_log(self) -> int:
        """Walks the hash chain and returns its length."""
        return log.verify(read_all_events(self))

    # writing: see RegistryWriter

    @contextmanager
    def _transaction(self) -> Iterator[SqlTables]:
        """All or nothing, on disk when it returns."""
        with self.database.writing() as statements:
            yield SqlTables(statements)

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        with self.database.reading() as statements:
            return statements.rows(sql, values)

    def _row(self, sql: str, values: Sequence[Any] = ()) -> tuple[Any, ...] | None:
        with self.database.reading() as statements:
            return statements.row(sql, values)
