"""Metering what a domain elsewhere has published: by the files that were uploaded and the snapshots that were read.

Processor time is not among it: only the runner knows it, and a bill does not rest on the word of whoever pays it.
"""

from __future__ import annotations

from weft.errors import PlatformError
from weft.model.address import Address, parse_address
from weft.model.handover import Handover
from weft.model.publication import Manifest, Publication
from weft.registry.meters import BUILD, Meter
from weft.runs.context import Context


def meter_received(handover: Handover, run_id: str, context: Context) -> None:
    """Keeps what a publication that stands has written and read; done again it keeps nothing twice."""
    registry = context.registry
    found = [p for one in handover.publish.publications if (p := registry.publication(one.address)) is not None]
    found = [p for p in found if p.run_id == run_id]
    meters = [m for p in found for m in _written(p.address, p.snapshot_id, p.manifest, handover, run_id, context)]
    if found:
        for table in registry.kept_tables(handover.publish.product.address):
            if table.run_id == run_id:
                meters += _written(table.table, table.snapshot_id, table.manifest, handover, run_id, context)
    meters += [meter for p in found for meter in _read(p, run_id, context)]
    try:
        context.meter(meters)
    except PlatformError:  # what was published stands, measured or not
        context.progress.note(f"what `{handover.publish.product.address}` cost could not be kept")


def _written(
    address: Address, snapshot_id: str, manifest: Manifest, handover: Handover, run_id: str, context: Context
) -> list[Meter]:
    product, port, at = str(address.of_product), str(address), context.now()
    new = [file for file in manifest.files if file.path in handover.uploads]
    amounts = {
        "rows_written": sum(file.rows for file in new),
        "bytes_written": sum(file.size_bytes for file in new),
        "storage_bytes": manifest.size_bytes,
    }
    return [
        Meter(at, kind, amount, product, product, BUILD, port, run_id, snapshot_id, f"{run_id}:{port}:{kind}")
        for kind, amount in amounts.items()
    ]


def _read(publication: Publication, run_id: str, context: Context) -> list[Meter]:
    """The snapshots of other ports that a port was made from; each counts once for the run."""
    meters, product = [], str(publication.address.of_product)
    for name, version in sorted(publication.upstream.items()):
        read = None if name.startswith("source:") else context.registry.publication(parse_address(name), version)
        if read is not None and read.manifest.size_bytes:
            of, key = str(read.address.of_product), f"{run_id}:{product}:{name}:{version}:bytes_read"
            size = read.manifest.size_bytes
            meters.append(Meter(context.now(), "bytes_read", size, of, product, BUILD, name, run_id, version, key))
    return meters
