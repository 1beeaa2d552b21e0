"""Publishing one product: snapshots on the run's branch, then the one commit point, then `main` follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from weft.errors import PlatformError
from weft.model.address import Address
from weft.model.checks import CheckResult, count
from weft.model.lineage import LineageEdge
from weft.model.mesh import Mesh, Product
from weft.model.publication import KeptTable, Manifest, PortState, Publication
from weft.model.records import Publish, WrittenModel
from weft.plan.changed_models import model_digests
from weft.plan.desired import Desired, fingerprint
from weft.project.records import domain_record, product_record
from weft.runs.context import Context
from weft.runs.judging import Judged
from weft.runs.reuse import Reused


def publication(
    wanted: Desired,
    snapshot_id: str,
    manifest: Manifest,
    upstream: Mapping[str, str],
    checks: Sequence[CheckResult],
    run_id: str,
    context: Context,
) -> Publication:
    """The publication of a port, ready for the registry."""
    pinned = {k if k.startswith("source:") else f"upstream:{k}": v for k, v in upstream.items()}
    parts = {**wanted.parts, **pinned}
    return Publication(
        address=wanted.port.address,
        snapshot_id=snapshot_id,
        run_id=run_id,
        version=wanted.port.contract.version_text,
        status=wanted.port.status.value,
        contract=wanted.port.contract.data,
        digests=wanted.digests(pinned),
        manifest=manifest,
        checks=count(checks),
        published_at=context.now(),
        published_by=context.actor,
        upstream=upstream,
        parts=parts,
    )


def unfinished(fresh: Publication, pending: frozenset[str]) -> Publication:
    """The publication of a port that was built for a stretch of time alone: known without the parts still pending."""
    if not pending:
        return fresh
    parts = {name: text for name, text in fresh.parts.items() if name not in pending}
    return replace(fresh, parts=parts, digests=replace(fresh.digests, fingerprint=fingerprint(parts)))


def taken(wanted: Desired, reused: Reused, judged: Judged, run_id: str, context: Context) -> Publication:
    """The publication of a port whose rows were built in an environment."""
    address = wanted.port.address
    theirs = reused.publications[address]
    checks = judged.checks.get(address, ())
    fresh = publication(wanted, theirs.snapshot_id, theirs.manifest, theirs.upstream, checks, run_id, context)
    return replace(
        fresh,
        column_digests=theirs.column_digests,
        model_digests=model_digests(wanted),
        quarantine=theirs.quarantine,
        override=judged.overrides.get(address),
    )


def updated(wanted: Desired, state: PortState, judged: Judged, run_id: str, context: Context) -> Publication:
    """The publication of a port whose rows stay."""
    address = wanted.port.address
    current = context.registry.publication(address)
    assert current is not None, "a port that is updated is published"
    checks = judged.checks.get(address, ())
    fresh = replace(
        publication(wanted, current.snapshot_id, current.manifest, current.upstream, checks, run_id, context),
        quarantine=current.quarantine,
        column_digests=current.column_digests,
        model_digests=current.model_digests,
    )
    if state.pinned is not None:
        # its rows are not those that the files would make: a release has to find out what to build again
        digests = replace(fresh.digests, fingerprint=current.digests.fingerprint)
        fresh = replace(fresh, parts=current.parts, digests=digests)
    if address in judged.checks:
        return replace(fresh, override=judged.overrides.get(address))
    return replace(fresh, checks=state.checks, override=current.override)


def commit(
    mesh: Mesh,
    product: Product,
    publications: Sequence[Publication],
    checks: Mapping[Address, Sequence[CheckResult]],
    edges: Sequence[LineageEdge],
    retire: Sequence[Address],
    kept: Sequence[Address],
    tables: Sequence[tuple[KeptTable, str | None]],
    revisions: Mapping[Address, int],
    run_id: str,
    context: Context,
    written: Sequence[WrittenModel] = (),
) -> Sequence[Publication]:
    """The one commit point: moves all ports of the product together with its event.

    Args:
        written: the models of what was built, for a server, which has no files.

    Raises:
        Conflict: WFT-RUN-001, a port that was read or is to be moved has moved since.
    """
    at = context.now()
    publications = [replace(p, published_at=at) for p in publications]  # one time for a product: `--at` parts no ports
    publish = Publish(
        domain=domain_record(mesh.domains[product.address.domain]),
        product=product_record(mesh, product),
        publications=publications,
        requires={str(a): r for a, r in revisions.items()},
        checks={str(a): c for a, c in checks.items()},
        edges=edges,
        run_id=run_id,
        actor=context.actor,
        at=at,
        defaults=[p.address for p in product.outputs if p.default and _first(p.address, publications)],
        retire=retire,
        kept=kept,
        tables=tables,
        models=[m.name for m in product.models if not m.kept.whole],
        written=written,
    )
    context.gate(publish)
    try:
        return context.registry.publish(publish)
    except PlatformError:
        # the disk may have failed behind the commit: then it stands, and what was staged must not be taken back
        landed = _landed(publications, run_id, context)
        if landed is None:
            raise
        return landed


def revisions_of(
    wanted: Sequence[Desired], retire: Sequence[Address], ports: Mapping[Address, PortState]
) -> dict[Address, int]:
    """Revisions that must still hold when the product moves: its own ports' and those of what it read."""
    addresses = [one.port.address for one in wanted] + list(retire)
    addresses += [i.binding for one in wanted for i in one.inputs if isinstance(i.binding, Address)]
    return {a: ports[a].revision if a in ports else 0 for a in addresses}


def _landed(publications: Sequence[Publication], run_id: str, context: Context) -> Sequence[Publication] | None:
    """The publications of a run as the registry has them; None when it has none of them."""
    found = [p for one in publications if (p := context.registry.publication(one.address)) is not None]
    return found if found and all(p.run_id == run_id for p in found) and len(found) == len(publications) else None


def _first(address: Address, publications: Sequence[Publication]) -> bool:
    return any(p.address == address for p in publications)
