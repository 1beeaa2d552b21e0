"""What a publication writes, inside one transaction that the registry opens and commits."""

from __future__ import annotations

import dataclasses
import hashlib
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from weft.errors import AccessDenied, Conflict, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.lineage import table_of
from weft.model.publication import Publication
from weft.model.records import Publish, Run
from weft.registry import codec
from weft.registry.log import BEGINNING, chained


def publish(db: sqlite3.Connection, publish: Publish) -> list[Publication]:
    """Moves all ports of a product together with its event.

    Raises:
        Conflict: WFT-RUN-001, naming every port that moved.
        AccessDenied: WFT-PLN-004, another mesh owns the product.
    """
    _require_revisions(db, publish.requires)
    _require_owner(db, publish)
    product = str(publish.product.address)
    numbered = [_put(db, p) for p in publish.publications]
    for one in numbered:
        db.execute("UPDATE ports SET pinned = NULL, held = NULL WHERE port = ?", (str(one.address),))
    for address in publish.defaults:
        if not _has_default(db, address):
            put_default(db, address)
    if publish.retire:
        retire(db, publish.retire, publish.actor, publish.run_id, publish.at)
    if publish.edges:
        _replace_edges(db, publish, product)
    domain = (publish.domain.name, codec.domain_text(publish.domain))
    db.execute("INSERT OR REPLACE INTO domains VALUES (?, ?)", domain)
    db.execute("INSERT OR REPLACE INTO products VALUES (?, ?)", (product, codec.product_text(publish.product)))
    db.execute("DELETE FROM reads WHERE product = ?", (product,))
    db.executemany("INSERT OR IGNORE INTO reads VALUES (?, ?)", [(product, port) for port in publish.product.reads])
    for port, results in publish.checks.items():
        put_checks(db, publish.run_id, port, results)
    body = {
        "run": publish.run_id,
        "ports": {
            str(p.address): {
                "revision": p.revision,
                "snapshot": p.snapshot_id,
                "version": p.version,
                "rows": p.rows,
                "contract": hashlib.sha256(codec.dumps(p.contract).encode()).hexdigest(),
            }
            for p in numbered
        },
    }
    append(db, publish.at, "product.published", publish.actor, product, body)
    return numbered


def rollback(
    db: sqlite3.Connection, publication: Publication, expected: int, reason: str, actor: str, at: datetime
) -> Publication:
    """Publishes earlier rows again and pins the port, keeping what the pin holds against."""
    address = str(publication.address)
    _require_revisions(db, {address: expected})
    row = db.execute("SELECT revision, held FROM ports WHERE port = ?", (address,)).fetchone()
    current = db.execute(
        "SELECT header FROM publications WHERE port = ? AND revision = ?", (address, row[0])
    ).fetchone()
    held = row[1] or codec.dumps(codec.header_parts(current[0]))
    numbered = _put(db, publication)
    db.execute("UPDATE ports SET pinned = ?, held = ? WHERE port = ?", (reason, held, address))
    body = {"revision": numbered.revision, "snapshot": numbered.snapshot_id, "run": numbered.run_id}
    append(db, at, "port.rolled_back", actor, address, body)
    return numbered


def retire(db: sqlite3.Connection, addresses: Sequence[Address], actor: str, run_id: str, at: datetime) -> None:
    """Ends reading of ports; their publications stay."""
    for address in addresses:
        port = str(address)
        db.execute("UPDATE ports SET retired = 1 WHERE port = ?", (port,))
        left = db.execute(
            "SELECT port FROM ports WHERE name = ? AND NOT retired ORDER BY major DESC", (address.unpinned,)
        ).fetchall()
        was = db.execute("SELECT is_default FROM ports WHERE port = ?", (port,)).fetchone()
        if left and was and was[0]:
            db.execute("UPDATE ports SET is_default = (port = ?) WHERE name = ?", (left[0][0], address.unpinned))
        append(db, at, "port.retired", actor, port, {"run": run_id})


def put_default(db: sqlite3.Connection, address: Address) -> None:
    """Makes one major of a port the default, and no other."""
    db.execute("UPDATE ports SET is_default = (port = ?) WHERE name = ?", (str(address), address.unpinned))


def put_run(db: sqlite3.Connection, run: Run) -> None:
    """Writes a run's record."""
    db.execute(
        "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?)",
        (run.run_id, codec.time_text(run.started_at), run.state.value, codec.run_text(run)),
    )
    db.executemany("INSERT OR IGNORE INTO run_ports VALUES (?, ?)", [(str(p.address), run.run_id) for p in run.ports])


def put_checks(db: sqlite3.Connection, run_id: str, port: Address | str, results: Sequence[CheckResult]) -> None:
    """Writes check results; samples go to a table whose rows can be erased."""
    text = codec.checks_text(results)
    db.execute("INSERT OR REPLACE INTO checks VALUES (?, ?, ?)", (run_id, str(port), text))
    db.executemany(
        "INSERT OR REPLACE INTO samples VALUES (?, ?, ?, ?)",
        [(run_id, str(port), r.id, codec.samples_text(r.samples)) for r in results if r.samples],
    )


def append(db: sqlite3.Connection, at: datetime, kind: str, actor: str, subject: str, body: Mapping[str, Any]) -> None:
    """Adds a link to the hash chain."""
    last = db.execute("SELECT seq, hash FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    seq, previous = (last[0] + 1, last[1]) if last else (1, BEGINNING)
    time = codec.time_text(at)
    hash_ = chained(previous, seq, time, kind, actor, subject, body)
    row = (seq, time, kind, actor, subject, codec.dumps(dict(body)), previous, hash_)
    db.execute("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)


def _put(db: sqlite3.Connection, publication: Publication) -> Publication:
    """Adds a publication and makes it the port's current one."""
    address = publication.address
    port = str(address)
    newest = db.execute("SELECT coalesce(max(revision), 0) FROM publications WHERE port = ?", (port,)).fetchone()[0]
    numbered = dataclasses.replace(publication, revision=newest + 1)
    db.execute(
        "INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            port,
            numbered.revision,
            numbered.snapshot_id,
            numbered.run_id,
            codec.time_text(numbered.published_at),
            codec.header(numbered),
            codec.packed(numbered.contract),
            codec.manifest_blob(numbered.manifest),
        ),
    )
    db.execute(
        "INSERT INTO ports VALUES (?, ?, ?, ?, 0, 0, NULL, NULL) "
        "ON CONFLICT (port) DO UPDATE SET revision = excluded.revision, retired = 0",
        (port, address.unpinned, address.major, numbered.revision),
    )
    if not _has_default(db, address):
        put_default(db, address)
    return numbered


def _has_default(db: sqlite3.Connection, address: Address) -> bool:
    sql = "SELECT 1 FROM ports WHERE name = ? AND is_default"
    return db.execute(sql, (address.unpinned,)).fetchone() is not None


def _require_revisions(db: sqlite3.Connection, requires: Mapping[str, int]) -> None:
    problems = []
    for port, expected in sorted(requires.items()):
        row = db.execute("SELECT revision FROM ports WHERE port = ?", (port,)).fetchone()
        found = row[0] if row else 0
        if found != expected:
            problems.append(
                error(
                    "WFT-RUN-001",
                    f"`{port}` moved since the plan was made",
                    why=f"the plan had read revision {expected}, now it is revision {found}",
                    fix="plan again",
                )
            )
    if problems:
        raise Conflict(*problems)


def _require_owner(db: sqlite3.Connection, publish: Publish) -> None:
    row = db.execute("SELECT record FROM products WHERE address = ?", (str(publish.product.address),)).fetchone()
    owner = codec.product(row[0]).owner if row else publish.product.owner
    if owner != publish.product.owner:
        raise AccessDenied(
            error(
                "WFT-PLN-004",
                f"`{publish.product.address}` belongs to mesh `{owner}`",
                why="an address has one owner",
                fix="rename the product's folder or domain",
            )
        )


def _replace_edges(db: sqlite3.Connection, publish: Publish, product: str) -> None:
    """The lineage of what was built replaces what was known of the same ports and private models."""
    tables = {table_of(e.target) for e in publish.edges}
    known = db.execute("SELECT DISTINCT target FROM edges WHERE product = ?", (product,)).fetchall()
    gone = [(product, target) for (target,) in known if table_of(target) in tables]
    db.executemany("DELETE FROM edges WHERE product = ? AND target = ?", gone)
    db.executemany(
        "INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)",
        [(e.source, e.target, e.kind.value, e.transformation.value, int(e.masking), product) for e in publish.edges],
    )
