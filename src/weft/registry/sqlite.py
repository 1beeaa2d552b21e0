"""The registry in one SQLite file: the embedded default."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from weft.errors import PlatformError, error
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckResult
from weft.model.lineage import LineageEdge
from weft.model.publication import KeptTable, PortState, Publication
from weft.model.records import Batch, DomainRecord, Event, ProductRecord, Run, RunState
from weft.registry import codec, lineage, log
from weft.registry.base import read_all_events
from weft.registry.schema import upgrade
from weft.registry.sqlite_tables import KEPT, SqliteTables
from weft.registry.writer import RegistryWriter

_STATE = """
    SELECT p.port, p.revision, u.snapshot_id, u.run_id, u.published_at, u.header, u.contract,
           p.is_default, p.retired, p.pinned, p.held
    FROM ports p JOIN publications u ON u.port = p.port AND u.revision = p.revision
"""
_PUBLICATION = (
    "SELECT port, revision, snapshot_id, run_id, published_at, header, contract, manifest "
    "FROM publications WHERE port = ?"
)
_EDGES = "SELECT source, target, kind, transformation, masking FROM edges"


def _cannot_be_written(path: Path) -> bool:
    """Whether a registry lies on a disk that is mounted for reading, with nothing left to be taken into it."""
    log_file = path.with_name(f"{path.name}-wal")
    try:
        read_only = bool(os.statvfs(path).f_flag & os.ST_RDONLY)
        return read_only and not (log_file.is_file() and log_file.stat().st_size)
    except OSError:
        return False


class SqliteRegistry(RegistryWriter):
    """Reads and changes what is registered. Writes are durable when they return; readers never wait for a writer."""

    def __init__(self, path: Path) -> None:
        """Opens the registry, and makes it when it is not there.

        Raises:
            PlatformError: WFT-REG-002, the file cannot be opened.
            ProjectError: WFT-REG-001, a newer weft has written it.
        """
        self._name = path.name
        self._states: dict[str, tuple[tuple[Any, ...], PortState]] = {}
        try:
            if _cannot_be_written(path):
                # SQLite would want to write beside the file; what cannot be written by anybody does not move either
                uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
                self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            if self._db.execute("PRAGMA user_version").fetchone()[0] == 0:
                self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            upgrade(self._db, self._name)
        except (sqlite3.Error, OSError) as e:
            raise PlatformError(
                error(
                    "WFT-REG-002",
                    f"the registry {path} cannot be opened",
                    why=str(e),
                    fix="check `mesh.registry` in weft.toml, and that the folder can be written",
                )
            ) from e

    def close(self) -> None:
        """Gives the connection back."""
        self._db.close()

    # reading

    def ports(self) -> Mapping[Address, PortState]:
        """Every port that was ever published, by pinned address.

        A run asks before each product: only what has moved since is decoded.
        """
        known, states = self._states, {}
        for row in self._db.execute(f"{_STATE} ORDER BY p.port"):
            before = known.get(row[0])
            states[row[0]] = before if before is not None and before[0] == row else (row, codec.port_state(row))
        self._states = states
        return {state.address: state for _, state in states.values()}

    def port(self, address: Address) -> PortState | None:
        """One port; without major its default major."""
        if address.major is None:
            where, value = "p.name = ? AND p.is_default", address.unpinned
        else:
            where, value = "p.port = ?", str(address)
        row = self._db.execute(f"{_STATE} WHERE {where}", (value,)).fetchone()
        return codec.port_state(row) if row else None

    def publication(self, address: Address, snapshot_id: str | None = None) -> Publication | None:
        """The current publication of a pinned port, or the newest one of a snapshot."""
        if snapshot_id is None:
            sql = f"{_PUBLICATION} AND revision = (SELECT revision FROM ports WHERE port = ?1)"
            row = self._db.execute(sql, (str(address),)).fetchone()
        else:
            sql = f"{_PUBLICATION} AND snapshot_id = ? ORDER BY revision DESC LIMIT 1"
            row = self._db.execute(sql, (str(address), snapshot_id)).fetchone()
        return codec.publication(row) if row else None

    def publication_at(self, address: Address, at: datetime) -> Publication | None:
        """What could be read of a pinned port at a time."""
        sql = f"{_PUBLICATION} AND published_at <= ? ORDER BY revision DESC LIMIT 1"
        row = self._db.execute(sql, (str(address), codec.time_text(at))).fetchone()
        return codec.publication(row) if row else None

    def history(self, address: Address) -> Sequence[Publication]:
        """All publications of a pinned port, newest first."""
        rows = self._db.execute(f"{_PUBLICATION} ORDER BY revision DESC", (str(address),))
        return [codec.publication(row) for row in rows]

    def kept_tables(self, product: ProductAddress | None = None) -> Sequence[KeptTable]:
        """What private models keep, of one product or of all."""
        if product is None:
            rows = self._db.execute(f"{KEPT} ORDER BY product, model")
        else:
            rows = self._db.execute(f"{KEPT} WHERE product = ? ORDER BY model", (str(product),))
        return [codec.kept_table(row) for row in rows]

    def batches(self, build: str | None = None) -> Sequence[Batch]:
        """Batches of builds that are not published yet, of one build or of all."""
        sql = "SELECT build, batch, at, manifest FROM batches WHERE ?1 IS NULL OR build = ?1 ORDER BY build, batch"
        return [
            Batch(number, batch, datetime.fromisoformat(at), codec.files_of(manifest))
            for number, batch, at, manifest in self._db.execute(sql, (build,))
        ]

    def products(self) -> Mapping[ProductAddress, ProductRecord]:
        """Every registered product."""
        records = [codec.product(t) for (t,) in self._db.execute("SELECT record FROM products ORDER BY address")]
        return {r.address: r for r in records}

    def domains(self) -> Mapping[str, DomainRecord]:
        """Every registered domain."""
        records = [codec.domain(t) for (t,) in self._db.execute("SELECT record FROM domains ORDER BY name")]
        return {r.name: r for r in records}

    def consumers(self, address: Address) -> Sequence[ProductAddress]:
        """Products that read a pinned port."""
        rows = self._db.execute("SELECT product FROM reads WHERE port = ? ORDER BY product", (str(address),))
        return [ProductAddress(*name.split(".")) for (name,) in rows]

    def lineage(
        self, nodes: Sequence[str], *, up: bool, depth: int, limit: int = 10_000
    ) -> tuple[Sequence[LineageEdge], bool]:
        """Edges within `depth` hops of the nodes, and whether the limit cut them. Private models are no hop."""
        sql = f"{_EDGES} WHERE {'target' if up else 'source'} IN (SELECT value FROM json_each(?))"

        def edges_at(front: Sequence[str]) -> Iterator[lineage.EdgeRow]:
            yield from self._db.execute(sql, (json.dumps(front),))

        return lineage.within(edges_at, nodes, up=up, depth=depth, limit=limit)

    def nodes_of(self, table: str) -> Sequence[str]:
        """Lineage nodes of a table's columns."""
        sql = (
            "SELECT source FROM edges WHERE source >= ?1 AND source < ?2 "
            "UNION SELECT target FROM edges WHERE target >= ?1 AND target < ?2 ORDER BY 1"
        )
        return [node for (node,) in self._db.execute(sql, (f"{table}.", f"{table}/"))]

    def runs(self, address: Address | None = None, limit: int = 20) -> Sequence[Run]:
        """The newest runs, of one port or of all."""
        if address is None:
            rows = self._db.execute("SELECT record FROM runs ORDER BY started_at DESC, run_id DESC LIMIT ?", (limit,))
        else:
            rows = self._db.execute(
                "SELECT r.record FROM run_ports p JOIN runs r USING (run_id) WHERE p.port = ? "
                "ORDER BY r.started_at DESC, r.run_id DESC LIMIT ?",
                (str(address), limit),
            )
        return [codec.run(text) for (text,) in rows]

    def run(self, run_id: str) -> Run | None:
        """One run."""
        row = self._db.execute("SELECT record FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return codec.run(row[0]) if row else None

    def unfinished(self) -> Sequence[Run]:
        """Runs that have begun and not ended."""
        rows = self._db.execute("SELECT record FROM runs WHERE state = ? ORDER BY run_id", (RunState.RUNNING.value,))
        return [codec.run(text) for (text,) in rows]

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        """Check results of a run, samples included."""
        found: dict[Address, Sequence[CheckResult]] = {}
        for port, text in self._db.execute(
            "SELECT port, results FROM checks WHERE run_id = ? ORDER BY port", (run_id,)
        ).fetchall():
            if address is not None and port != str(address):
                continue
            rows = self._db.execute("SELECT check_id, rows FROM samples WHERE run_id = ? AND port = ?", (run_id, port))
            found[parse_address(port)] = codec.check_results(text, {i: json.loads(r) for i, r in rows})
        return found

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The log after a sequence number."""
        rows = self._db.execute(
            "SELECT seq, at, kind, actor, subject, body, previous, hash FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [codec.event(row) for row in rows]

    def last_event(self) -> int:
        """The newest sequence number, 0 for an empty log."""
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def verify_log(self) -> int:
        """Walks the hash chain and returns its length."""
        return log.verify(read_all_events(self))

    # writing: see RegistryWriter

    @contextmanager
    def _transaction(self) -> Iterator[SqliteTables]:
        """All or nothing, on disk when it returns."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as e:
            raise _failed(self._name, e) from e
        try:
            yield SqliteTables(self._db)
            self._db.execute("COMMIT")
        except BaseException as e:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            if isinstance(e, sqlite3.Error):
                raise _failed(self._name, e) from e
            raise


def _failed(name: str, e: sqlite3.Error) -> PlatformError:
    code = "WFT-STO-001" if "full" in str(e) else "WFT-REG-002"
    return PlatformError(error(code, f"the registry `{name}` cannot be written", why=_reason(e)))


def _reason(e: Any) -> str:
    return str(e) or type(e).__name__
