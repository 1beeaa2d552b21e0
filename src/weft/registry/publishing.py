"""What a publication checks and writes, inside one transaction that the registry opens and commits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from weft.errors import AccessDenied, Conflict, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.lineage import table_of
from weft.model.publication import Expired, Publication
from weft.model.records import Publish
from weft.registry import codec, granting, once
from weft.registry.log import BEGINNING, chained
from weft.registry.tables import PortRow, Tables


def publish(tables: Tables, publish: Publish) -> list[Publication]:
    """Moves all ports of a product together with its event.

    Raises:
        Conflict: WFT-RUN-001, naming every port that moved; WFT-REG-014, the run has published something else of it.
        AccessDenied: WFT-PLN-004, another mesh owns the product.
    """
    product = str(publish.product.address)
    digest = once.digest(publish)
    before = once.published_before(tables, publish, digest)
    if before is not None:
        return before
    _require_revisions(tables, publish.requires)
    _require_owner(tables, publish)
    _keep_tables(tables, publish, product)
    first = [a for a in publish.defaults if not _has_default(tables, a)]
    numbered = [put(tables, p) for p in publish.publications]
    for one in numbered:
        if one.address not in publish.kept:
            unpin(tables, one.address)
    for address in first:
        put_default(tables, address)
    retire(tables, publish.retire, publish.actor, publish.run_id, publish.at)
    if publish.edges:
        _replace_edges(tables, publish, product)
    if not publish.domain_stays:
        tables.put_domain(publish.domain)
    tables.put_product(publish.product)
    for port, results in publish.checks.items():
        put_checks(tables, publish.run_id, port, results)
    body: dict[str, Any] = {
        "run": publish.run_id,
        "ports": {
            str(p.address): {
                "revision": p.revision,
                "snapshot": p.snapshot_id,
                "version": p.version,
                "rows": p.rows,
                "contract": hashlib.sha256(codec.dumps(p.contract).encode()).hexdigest(),
                **({"quarantine": p.quarantine.as_json()} if p.quarantine is not None else {}),
            }
            for p in numbered
        },
    }
    if publish.checked:
        body["checked"] = dict(publish.checked)
    append(tables, publish.at, "product.published", publish.actor, product, body)
    for port, grant in granting.granted_with(tables, publish):
        append(tables, publish.at, "access.granted", publish.actor, port, grant)
    for one in numbered:
        if one.override is not None and str(one.address) in publish.checks:
            decision = {"run": publish.run_id, "revision": one.revision, **one.override.as_json()}
            append(tables, publish.at, "port.override", publish.actor, str(one.address), decision)
    tables.put_published(publish.run_id, product, digest, codec.dumps({str(p.address): p.revision for p in numbered}))
    return numbered


def rollback(
    tables: Tables, publication: Publication, expected: int, reason: str, actor: str, at: datetime
) -> Publication:
    """Publishes earlier rows again and pins the port, keeping what the pin holds against.

    Raises:
        Conflict: WFT-RUN-001, the port has moved.
    """
    port = str(publication.address)
    _require_revisions(tables, {port: expected})
    before = tables.port(port)
    assert before is not None, "only what was published is rolled back"
    shown = tables.revisions_of(port, publication.snapshot_id)
    if any(codec.has_expired(tables.header(port, revision)) for revision in shown):
        what = f"snapshot {publication.snapshot_id} of `{port}` has expired meanwhile"
        raise Conflict(error("WFT-RUN-001", what, fix=f"choose another one: `weft history {port}`"))
    held = before.held or codec.dumps(codec.header_parts(tables.header(port, before.revision)))
    numbered = put(tables, publication)
    after = tables.port(port)
    assert after is not None, "it was just put"
    tables.put_port(after._replace(pinned=reason, held=held))
    body = {"revision": numbered.revision, "snapshot": numbered.snapshot_id, "run": numbered.run_id}
    append(tables, at, "port.rolled_back", actor, port, body)
    return numbered


def expire(tables: Tables, address: Address, snapshots: Sequence[str], expired: Expired, actor: str) -> tuple[str, ...]:
    """Marks the publications of snapshots whose rows go, and gives those that it has marked.

    What is current stays, whatever is asked: a rollback may have been faster.
    """
    port = str(address)
    row = tables.port(port)
    marked = []
    for snapshot_id in snapshots:
        revisions = tables.revisions_of(port, snapshot_id)
        if row is None or row.pinned is not None or row.revision in revisions:
            continue
        headers = {revision: codec.expired_header(tables.header(port, revision), expired) for revision in revisions}
        for revision, header in headers.items():
            if header is not None:
                tables.put_header(port, revision, header)
        if any(headers.values()):
            marked.append(snapshot_id)
    if marked:
        append(tables, expired.at, "port.expired", actor, port, {"snapshots": marked, "reason": expired.reason})
    return tuple(marked)


def unpin(tables: Tables, address: Address) -> None:
    """Takes the pin of a rollback away."""
    if row := tables.port(str(address)):
        tables.put_port(row._replace(pinned=None, held=None))


def retire(tables: Tables, addresses: Sequence[Address], actor: str, run_id: str, at: datetime) -> None:
    """Ends reading of ports; their publications stay. A default goes to the highest major that is left."""
    for address in addresses:
        row = tables.port(str(address))
        if row is not None:
            tables.put_port(row._replace(retired=True))
        append(tables, at, "port.retired", actor, str(address), {"run": run_id})
        left = [r for r in tables.majors(row.name) if not r.retired] if row is not None and row.is_default else []
        if left:
            move_default(tables, address.pinned(left[0].major), actor, at)


def move_default(tables: Tables, address: Address, actor: str, at: datetime) -> None:
    """Makes one major of a port the default; its event tells which one it was."""
    majors = tables.majors(address.unpinned)
    before = next((row.port for row in majors if row.is_default), None)
    if before == str(address):
        return
    put_default(tables, address)
    append(tables, at, "port.default", actor, str(address), {"from": before, "to": str(address)})


def put_default(tables: Tables, address: Address) -> None:
    """Makes one major of a port the default, and no other."""
    for row in tables.majors(address.unpinned):
        tables.put_port(row._replace(is_default=row.port == str(address)))


def put_checks(tables: Tables, run_id: str, port: Address | str, results: Sequence[CheckResult]) -> None:
    """Writes check results, and their samples where they can be erased."""
    samples = {r.id: codec.samples_text(r.samples) for r in results if r.samples}
    tables.put_checks(run_id, str(port), codec.checks_text(results), samples)


def append(tables: Tables, at: datetime, kind: str, actor: str, subject: str, body: Mapping[str, Any]) -> None:
    """Adds a link to the hash chain."""
    number, previous = tables.last_event() or (0, BEGINNING)
    seq, time = number + 1, codec.time_text(at)
    hash_ = chained(previous, seq, time, kind, actor, subject, body)
    tables.add_event((seq, time, kind, actor, subject, codec.dumps(dict(body)), previous, hash_))


def put(tables: Tables, publication: Publication) -> Publication:
    """Adds a publication and makes it the port's current one."""
    address = publication.address
    assert address.major is not None, "what is published has a major"
    port = str(address)
    before = tables.port(port) or PortRow(port, address.unpinned, address.major, 0)
    numbered = replace(publication, revision=before.revision + 1)
    tables.add_publication(codec.publication_row(numbered))
    tables.put_port(before._replace(revision=numbered.revision, retired=False))
    if not _has_default(tables, address):
        put_default(tables, address)
    return numbered


def _has_default(tables: Tables, address: Address) -> bool:
    return any(row.is_default and not row.retired for row in tables.majors(address.unpinned))


def _require_revisions(tables: Tables, requires: Mapping[str, int]) -> None:
    problems = []
    for port, expected in sorted(requires.items()):
        row = tables.port(port)
        found = row.revision if row else 0
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


def _require_owner(tables: Tables, publish: Publish) -> None:
    registered = tables.product(publish.product.address)
    if registered is not None and registered.owner != publish.product.owner:
        raise AccessDenied(
            error(
                "WFT-PLN-004",
                f"`{publish.product.address}` belongs to mesh `{registered.owner}`",
                why="an address has one owner",
                fix="rename the product's folder or domain",
            )
        )


def _keep_tables(tables: Tables, publish: Publish, product: str) -> None:
    """Moves what private models keep together with the ports.

    Raises:
        Conflict: WFT-RUN-001, another run has moved one of them.
    """
    found = {row[1]: row[2] for row in tables.kept(product)}
    moved = [one.model for one, before in publish.tables if found.get(one.model) != before]
    if moved:
        raise Conflict(
            *(
                error(
                    "WFT-RUN-001",
                    f"what model `{model}` of `{product}` keeps moved since the run began",
                    why="another run of the product was faster",
                    fix="apply again",
                )
                for model in moved
            )
        )
    for one, _ in publish.tables:
        tables.put_kept(codec.kept_row(one))
    if publish.models is not None:
        for model in set(found).difference(publish.models):
            tables.delete_kept(product, model)


def _replace_edges(tables: Tables, publish: Publish, product: str) -> None:
    """The lineage of what was built replaces what was known of the same ports and private models."""
    rebuilt = {table_of(e.target) for e in publish.edges}
    gone = [t for t in tables.targets(product) if table_of(t) in rebuilt]
    tables.replace_edges(product, gone, publish.edges)
