"""The registry's tables in SQLite, inside a transaction that is open."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping

from weft.model.address import ProductAddress
from weft.model.lineage import LineageEdge
from weft.model.records import DomainRecord, ProductRecord, Run
from weft.registry import codec
from weft.registry.tables import EventRow, KeptRow, PortRow, PublicationRow

KEPT = "SELECT product, model, snapshot_id, run_id, parts, columns, manifest FROM kept_tables"
_PORT = "SELECT port, name, major, revision, is_default, retired, pinned, held FROM ports"


class SqliteTables:
    """Rows by SQL; see `schema` for the tables."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def port(self, port: str) -> PortRow | None:
        """A port by its pinned address."""
        row = self._db.execute(f"{_PORT} WHERE port = ?", (port,)).fetchone()
        return PortRow(*row) if row else None

    def majors(self, name: str) -> list[PortRow]:
        """The ports of an address without major, highest major first."""
        return [PortRow(*row) for row in self._db.execute(f"{_PORT} WHERE name = ? ORDER BY major DESC", (name,))]

    def put_port(self, row: PortRow) -> None:
        """Keeps how a port stands."""
        self._db.execute("INSERT OR REPLACE INTO ports VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def header(self, port: str, revision: int) -> str:
        """The header of a publication that there is."""
        sql = "SELECT header FROM publications WHERE port = ? AND revision = ?"
        return str(self._db.execute(sql, (port, revision)).fetchone()[0])

    def revisions_of(self, port: str, snapshot_id: str) -> list[int]:
        """The publications that show a snapshot."""
        sql = "SELECT revision FROM publications WHERE port = ? AND snapshot_id = ? ORDER BY revision"
        return [revision for (revision,) in self._db.execute(sql, (port, snapshot_id))]

    def put_header(self, port: str, revision: int, header: str) -> None:
        """Keeps another header of a publication that there is."""
        self._db.execute("UPDATE publications SET header = ? WHERE port = ? AND revision = ?", (header, port, revision))

    def add_publication(self, row: PublicationRow) -> None:
        """Adds a publication, which no port shows yet."""
        self._db.execute("INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """A product as it is registered."""
        row = self._db.execute("SELECT record FROM products WHERE address = ?", (str(address),)).fetchone()
        return codec.product(row[0]) if row else None

    def put_product(self, record: ProductRecord) -> None:
        """Keeps a product and what it reads."""
        product = str(record.address)
        self._db.execute("INSERT OR REPLACE INTO products VALUES (?, ?)", (product, codec.product_text(record)))
        self._db.execute("DELETE FROM reads WHERE product = ?", (product,))
        self._db.executemany("INSERT OR IGNORE INTO reads VALUES (?, ?)", [(product, port) for port in record.reads])

    def put_domain(self, record: DomainRecord) -> None:
        """Keeps a domain."""
        self._db.execute("INSERT OR REPLACE INTO domains VALUES (?, ?)", (record.name, codec.domain_text(record)))

    def targets(self, product: str) -> Collection[str]:
        """The nodes that edges of a product lead to."""
        return [t for (t,) in self._db.execute("SELECT DISTINCT target FROM edges WHERE product = ?", (product,))]

    def replace_edges(self, product: str, gone: Collection[str], edges: Iterable[LineageEdge]) -> None:
        """Adds edges of a product in the place of those that lead to the nodes `gone`."""
        self._db.executemany("DELETE FROM edges WHERE product = ? AND target = ?", [(product, t) for t in gone])
        self._db.executemany(
            "INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)",
            [(e.source, e.target, str(e.kind), str(e.transformation), int(e.masking), product) for e in edges],
        )

    def put_run(self, run: Run) -> None:
        """Keeps a run, which stays findable by all ports that it ever had."""
        row = (run.run_id, codec.time_text(run.started_at), run.state.value, codec.run_text(run))
        self._db.execute("INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)", row)
        ports = [(str(p.address), run.run_id) for p in run.ports]
        self._db.executemany("INSERT OR IGNORE INTO run_ports VALUES (?, ?)", ports)

    def put_checks(self, run_id: str, port: str, results: str, samples: Mapping[str, str]) -> None:
        """Keeps check results of a port, and apart from them the samples of each check, which can be erased."""
        self._db.execute("INSERT OR REPLACE INTO checks VALUES (?, ?, ?)", (run_id, port, results))
        self._db.execute("DELETE FROM samples WHERE run_id = ? AND port = ?", (run_id, port))
        rows = [(run_id, port, check, text) for check, text in samples.items()]
        self._db.executemany("INSERT INTO samples VALUES (?, ?, ?, ?)", rows)

    def last_event(self) -> tuple[int, str] | None:
        """Number and hash of the newest event."""
        row = self._db.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
        return (row[0], row[1]) if row else None

    def add_event(self, row: EventRow) -> None:
        """Adds an event."""
        self._db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def holding_process(self, lock: str) -> str | None:
        """The process that holds a lock."""
        row = self._db.execute("SELECT process FROM locks WHERE name = ?", (lock,)).fetchone()
        return row[0] if row else None

    def put_lock(self, lock: str, holder: str, process: str) -> None:
        """Keeps who holds a lock."""
        self._db.execute("INSERT OR REPLACE INTO locks VALUES (?, ?, ?)", (lock, holder, process))

    def delete_lock(self, lock: str, holder: str) -> None:
        """Frees a lock if this holder has it."""
        self._db.execute("DELETE FROM locks WHERE name = ? AND holder = ?", (lock, holder))

    def kept(self, product: str) -> list[KeptRow]:
        """What the private models of a product keep."""
        return self._db.execute(f"{KEPT} WHERE product = ? ORDER BY model", (product,)).fetchall()

    def put_kept(self, row: KeptRow) -> None:
        """Keeps the table of a private model."""
        self._db.execute("INSERT OR REPLACE INTO kept_tables VALUES (?, ?, ?, ?, ?, ?, ?)", row)

    def delete_kept(self, product: str, model: str) -> None:
        """Forgets the table of a private model."""
        self._db.execute("DELETE FROM kept_tables WHERE product = ? AND model = ?", (product, model))

    def put_batch(self, build: str, batch: str, at: str, manifest: bytes) -> None:
        """Keeps the files of one batch of a build that is not published yet."""
        self._db.execute("INSERT OR REPLACE INTO batches VALUES (?, ?, ?, ?)", (build, batch, at, manifest))

    def delete_batches(self, build: str) -> None:
        """Forgets the batches of a build."""
        self._db.execute("DELETE FROM batches WHERE build = ?", (build,))
