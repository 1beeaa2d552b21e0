"""The registry in one SQLite file: the embedded default."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from weft.errors import Conflict, PlatformError, error
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckResult
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.publication import PortState, Publication
from weft.model.records import DomainRecord, Event, ProductRecord, Publish, Run, RunState
from weft.registry import codec, log, processes, publishing
from weft.registry.base import read_all_events
from weft.registry.schema import upgrade

_STATE = """
    SELECT p.port, p.revision, u.snapshot_id, u.run_id, u.published_at, u.header, u.contract,
           p.is_default, p.retired, p.pinned, p.held
    FROM ports p JOIN publications u ON u.port = p.port AND u.revision = p.revision
"""
_PUBLICATION = (
    "SELECT port, revision, snapshot_id, run_id, published_at, header, contract, manifest "
    "FROM publications WHERE port = ?"
)
_LINEAGE = """
    WITH RECURSIVE reached(node, depth) AS (
        SELECT value, 0 FROM json_each(:nodes)
        UNION
        SELECT e.{far}, r.depth + (CASE WHEN instr(e.{far} || '"', '.~') BETWEEN 1 AND instr(e.{far} || '"', '"')
            THEN 0 ELSE 1 END)
        FROM reached r JOIN edges e ON e.{near} = r.node WHERE r.depth < :depth
        LIMIT :limit)
    SELECT DISTINCT e.source, e.target, e.kind, e.transformation, e.masking
    FROM (SELECT DISTINCT node FROM reached WHERE depth < :depth) r JOIN edges e ON e.{near} = r.node LIMIT :limit
"""


class SqliteRegistry:
    """Reads and changes what is registered. Writes are durable when they return; readers never wait for a writer."""

    def __init__(self, path: Path) -> None:
        """Opens the registry, and makes it when it is not there.

        Raises:
            PlatformError: WFT-REG-002, the file cannot be opened.
            ProjectError: WFT-REG-001, a newer weft has written it.
        """
        self._name = path.name
        try:
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
        """Every port that was ever published, by pinned address."""
        return {s.address: s for s in map(codec.port_state, self._db.execute(f"{_STATE} ORDER BY p.port"))}

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
        near, far = ("target", "source") if up else ("source", "target")
        rows = self._db.execute(
            _LINEAGE.format(near=near, far=far), {"nodes": json.dumps(list(nodes)), "depth": depth, "limit": limit + 1}
        ).fetchall()
        edges = [LineageEdge(s, t, EdgeKind(k), Transformation(m), bool(x)) for s, t, k, m, x in rows[:limit]]
        return edges, len(rows) > limit

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
        rows = self._db.execute("SELECT record FROM runs WHERE state = ?", (RunState.RUNNING.value,))
        return [codec.run(text) for (text,) in rows]

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        """Check results of a run, samples included."""
        found: dict[Address, Sequence[CheckResult]] = {}
        for port, text in self._db.execute("SELECT port, results FROM checks WHERE run_id = ?", (run_id,)).fetchall():
            if address is not None and port != str(address):
                continue
            rows = self._db.execute("SELECT check_id, rows FROM samples WHERE run_id = ? AND port = ?", (run_id, port))
            found[parse_address(port)] = codec.check_results(text, {i: json.loads(r) for i, r in rows})
        return found

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        """The log after a sequence number."""
        rows = self._db.execute(
            "SELECT seq, at, kind, actor, subject, body, hash, previous FROM events WHERE seq > ? ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [
            Event(seq, datetime.fromisoformat(at), kind, actor, subject, json.loads(body), hash_, previous)
            for seq, at, kind, actor, subject, body, hash_, previous in rows
        ]

    def last_event(self) -> int:
        """The newest sequence number, 0 for an empty log."""
        return int(self._db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])

    def verify_log(self) -> int:
        """Walks the hash chain and returns its length."""
        return log.verify(read_all_events(self))

    # writing

    def publish(self, publish: Publish) -> Sequence[Publication]:
        """The one commit point."""
        with self._transaction() as db:
            return publishing.publish(db, publish)

    def start_run(self, run: Run) -> None:
        """Records that a run began."""
        with self._transaction() as db:
            publishing.put_run(db, run)
            publishing.append(db, run.started_at, "run.started", run.actor, run.run_id, {"kind": run.kind})

    def finish_run(self, run: Run) -> None:
        """Records how a run ended."""
        assert run.finished_at is not None, "a run that ended has a time"
        body = {"state": run.state.value, "ports": {str(p.address): p.outcome for p in run.ports}}
        with self._transaction() as db:
            publishing.put_run(db, run)
            publishing.append(db, run.finished_at, "run.finished", run.actor, run.run_id, body)

    def record_checks(self, run_id: str, address: Address, results: Sequence[CheckResult], at: datetime) -> None:
        """Keeps check results of a port that was not published."""
        with self._transaction() as db:
            publishing.put_checks(db, run_id, address, results)

    def rollback(
        self, publication: Publication, *, expected_revision: int, reason: str, actor: str, at: datetime
    ) -> Publication:
        """Publishes earlier rows again and pins the port."""
        with self._transaction() as db:
            return publishing.rollback(db, publication, expected_revision, reason, actor, at)

    def release(self, address: Address, *, actor: str, at: datetime) -> None:
        """Takes the pin of a rollback away."""
        with self._transaction() as db:
            db.execute("UPDATE ports SET pinned = NULL, held = NULL WHERE port = ?", (str(address),))
            publishing.append(db, at, "port.released", actor, str(address), {})

    def retire(self, addresses: Sequence[Address], *, actor: str, run_id: str, at: datetime) -> None:
        """Ends reading of ports whose product is gone."""
        with self._transaction() as db:
            publishing.retire(db, addresses, actor, run_id, at)

    def set_default(self, address: Address, *, actor: str, at: datetime) -> None:
        """Makes a major the one that the address without major means."""
        with self._transaction() as db:
            publishing.put_default(db, address)
            publishing.append(db, at, "port.default", actor, str(address), {})

    @contextmanager
    def lock(self, name: str, *, holder: str, timeout_s: float) -> Iterator[None]:
        """Holds a named lock; one whose process has died is taken over."""
        deadline = time.monotonic() + timeout_s
        while not self._taken(name, holder):
            if time.monotonic() > deadline:
                raise Conflict(
                    error(
                        "WFT-REG-003",
                        f"`{name}` is held by another run",
                        why=f"waited {timeout_s:g} s for it",
                        fix="try again when the other run has ended; `weft runs` shows it",
                    )
                )
            time.sleep(0.05)
        try:
            yield
        finally:
            with self._transaction() as db:
                db.execute("DELETE FROM locks WHERE name = ? AND holder = ?", (name, holder))

    def _taken(self, name: str, holder: str) -> bool:
        with self._transaction() as db:
            row = db.execute("SELECT process FROM locks WHERE name = ?", (name,)).fetchone()
            if row is not None and processes.alive(row[0]):
                return False
            db.execute("INSERT OR REPLACE INTO locks VALUES (?, ?, ?)", (name, holder, processes.identity()))
            return True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, on disk when it returns."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as e:
            raise _failed(self._name, e) from e
        try:
            yield self._db
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
