"""The registry's tables in a database, inside a transaction that is open."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, cast

from weft.model.address import ProductAddress
from weft.model.lineage import LineageEdge
from weft.model.records import DomainRecord, ProductRecord, Run
from weft.registry import codec
from weft.registry.database import Statements, put
from weft.registry.tables import EventRow, GrantRow, KeptRow, PortRow, PublicationRow

KEPT = "SELECT product, model, snapshot_id, run_id, parts, columns, manifest FROM kept_tables"
PUBLICATION = "SELECT port, revision, snapshot_id, run_id, published_at, header, contract, manifest FROM publications"
_PUT_PORTS = put("ports", "port name major revision is_default retired pinned held", "port")
_PUT_PRODUCTS = put("products", "address record", "address")
_PUT_DOMAINS = put("domains", "name record", "name")
_PUT_RUNS = put("runs", "run_id started_at state record", "run_id")
_PUT_CHECKS = put("checks", "run_id port results", "run_id port")
_PUT_LOCKS = put("locks", "name holder process", "name")
_PUT_KEPT_TABLES = put("kept_tables", "product model snapshot_id run_id parts columns manifest", "product model")
_PUT_BATCHES = put("batches", "build batch at manifest", "build batch")
_PORT = "SELECT port, name, major, revision, is_default, retired, pinned, held FROM ports"


class SqlTables:
    """Rows by SQL; see `schema` for the tables."""

    def __init__(self, statements: Statements) -> None:
        self.statements = statements

    def port(self, port: str) -> PortRow | None:
        """A port by its pinned address."""
        row = self.statements.row(f"{_PORT} WHERE port = ?", (port,))
        return _port(row) if row else None

    def majors(self, name: str) -> list[PortRow]:
        """The ports of an address without major, highest major first."""
        return [_port(row) for row in self.statements.rows(f"{_PORT} WHERE name = ? ORDER BY major DESC", (name,))]

    def put_port(self, row: PortRow) -> None:
        """Keeps how a port stands."""
        self.statements.run(_PUT_PORTS, [int(v) if isinstance(v, bool) else v for v in row])

    def header(self, port: str, revision: int) -> str:
        """The header of a publication that there is."""
        sql = "SELECT header FROM publications WHERE port = ? AND revision = ?"
        row = self.statements.row(sql, (port, revision))
        assert row is not None, "there is such a publication"
        return str(row[0])

    def revisions_of(self, port: str, snapshot_id: str) -> list[int]:
        """The publications that show a snapshot."""
        sql = "SELECT revision FROM publications WHERE port = ? AND snapshot_id = ? ORDER BY revision"
        return [revision for (revision,) in self.statements.rows(sql, (port, snapshot_id))]

    def put_header(self, port: str, revision: int, header: str) -> None:
        """Keeps another header of a publication that there is."""
        self.statements.run(
            "UPDATE publications SET header = ? WHERE port = ? AND revision = ?", (header, port, revision)
        )

    def add_publication(self, row: PublicationRow) -> None:
        """Adds a publication, which no port shows yet."""
        self.statements.run("INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def publication_row(self, port: str, revision: int) -> PublicationRow:
        """A publication that there is."""
        found = self.statements.row(f"{PUBLICATION} WHERE port = ? AND revision = ?", (port, revision))
        assert found is not None, "there is such a publication"
        return cast(PublicationRow, found)

    def published(self, run_id: str, product: str) -> tuple[str, str] | None:
        """What a run has published of a product."""
        sql = "SELECT digest, revisions FROM publishes WHERE run_id = ? AND product = ?"
        found = self.statements.row(sql, (run_id, product))
        return (found[0], found[1]) if found else None

    def put_published(self, run_id: str, product: str, digest: str, revisions: str) -> None:
        """Keeps what a run has published of a product."""
        self.statements.run("INSERT INTO publishes VALUES (?, ?, ?, ?)", (run_id, product, digest, revisions))

    def product(self, address: ProductAddress) -> ProductRecord | None:
        """A product as it is registered."""
        row = self.statements.row("SELECT record FROM products WHERE address = ?", (str(address),))
        return codec.product(row[0]) if row else None

    def put_product(self, record: ProductRecord) -> None:
        """Keeps a product and what it reads."""
        product = str(record.address)
        self.statements.run(_PUT_PRODUCTS, (product, codec.product_text(record)))
        self.statements.run("DELETE FROM reads WHERE product = ?", (product,))
        self.statements.many(
            "INSERT INTO reads VALUES (?, ?) ON CONFLICT DO NOTHING", [(product, port) for port in record.reads]
        )

    def put_domain(self, record: DomainRecord) -> None:
        """Keeps a domain."""
        self.statements.run(_PUT_DOMAINS, (record.name, codec.domain_text(record)))

    def targets(self, product: str) -> Collection[str]:
        """The nodes that edges of a product lead to."""
        return [t for (t,) in self.statements.rows("SELECT DISTINCT target FROM edges WHERE product = ?", (product,))]

    def replace_edges(self, product: str, gone: Collection[str], edges: Iterable[LineageEdge]) -> None:
        """Adds edges of a product in the place of those that lead to the nodes `gone`."""
        self.statements.many("DELETE FROM edges WHERE product = ? AND target = ?", [(product, t) for t in gone])
        self.statements.many(
            "INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)",
            [(e.source, e.target, str(e.kind), str(e.transformation), e.hiding, product) for e in edges],
        )

    def put_run(self, run: Run) -> None:
        """Keeps a run, which stays findable by all ports of which it ever was a run."""
        row = (run.run_id, codec.time_text(run.started_at), run.state.value, codec.run_text(run))
        self.statements.run(_PUT_RUNS, row)
        ports = [(port, run.run_id) for port in run.found_by]
        self.statements.many("INSERT INTO run_ports VALUES (?, ?) ON CONFLICT DO NOTHING", ports)

    def put_checks(self, run_id: str, port: str, results: str, samples: Mapping[str, str]) -> None:
        """Keeps check results of a port, and apart from them the samples of each check, which can be erased."""
        self.statements.run(_PUT_CHECKS, (run_id, port, results))
        self.statements.run("DELETE FROM samples WHERE run_id = ? AND port = ?", (run_id, port))
        rows = [(run_id, port, check, text) for check, text in samples.items()]
        self.statements.many("INSERT INTO samples VALUES (?, ?, ?, ?)", rows)

    def last_event(self) -> tuple[int, str] | None:
        """Number and hash of the newest event."""
        row = self.statements.row("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1")
        return (row[0], row[1]) if row else None

    def add_event(self, row: EventRow) -> None:
        """Adds an event."""
        self.statements.run("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def holding_process(self, lock: str) -> str | None:
        """The process that holds a lock."""
        row = self.statements.row("SELECT process FROM locks WHERE name = ?", (lock,))
        return row[0] if row else None

    def put_lock(self, lock: str, holder: str, process: str) -> None:
        """Keeps who holds a lock."""
        self.statements.run(_PUT_LOCKS, (lock, holder, process))

    def delete_lock(self, lock: str, holder: str) -> None:
        """Frees a lock if this holder has it."""
        self.statements.run("DELETE FROM locks WHERE name = ? AND holder = ?", (lock, holder))

    def kept(self, product: str) -> list[KeptRow]:
        """What the private models of a product keep."""
        return self.statements.rows(f"{KEPT} WHERE product = ? ORDER BY model", (product,))

    def put_kept(self, row: KeptRow) -> None:
        """Keeps the table of a private model."""
        self.statements.run(_PUT_KEPT_TABLES, row)

    def delete_kept(self, product: str, model: str) -> None:
        """Forgets the table of a private model."""
        self.statements.run("DELETE FROM kept_tables WHERE product = ? AND model = ?", (product, model))

    def granted(self, product: str) -> Collection[str]:
        """Ports on which a product has or had a grant by a publication."""
        sql = "SELECT port FROM grants WHERE consumer = ? AND kind = 'product' AND basis = 'publication'"
        return {port for (port,) in self.statements.rows(sql, (product,))}

    def put_grant(self, row: GrantRow) -> None:
        """Adds a grant."""
        sql = "INSERT INTO grants (grant_id, port, kind, consumer, since, ends_at, basis) VALUES (?, ?, ?, ?, ?, ?, ?)"
        self.statements.run(sql, row)

    def contract(self, port: str, revision: int) -> bytes:
        """The contract of a publication that there is, packed."""
        sql = "SELECT contract FROM publications WHERE port = ? AND revision = ?"
        row = self.statements.row(sql, (port, revision))
        assert row is not None, "there is such a publication"
        return bytes(row[0])

    def put_batch(self, build: str, batch: str, at: str, manifest: bytes) -> None:
        """Keeps the files of one batch of a build that is not published yet."""
        self.statements.run(_PUT_BATCHES, (build, batch, at, manifest))

    def delete_batches(self, build: str) -> None:
        """Forgets the batches of a build."""
        self.statements.run("DELETE FROM batches WHERE build = ?", (build,))


def _port(row: tuple[Any, ...]) -> PortRow:
    port, name, major, revision, is_default, retired, pinned, held = row
    return PortRow(port, name, major, revision, bool(is_default), bool(retired), pinned, held)
