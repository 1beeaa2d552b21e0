"""Metering: what a product's part of a run cost, by the process's own counters and by the files that it published."""

from __future__ import annotations

import hashlib
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from msgspec.structs import replace

from weft.errors import WeftError
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.publication import Manifest, Publication
from weft.registry.meters import BUILD, Meter
from weft.runs.context import Context
from weft.runs.work import Work

TOLD = "build, told by the runner"
"""What a product does for itself where a run elsewhere says so, and nobody else can know."""

_MOST = 1e18


@contextmanager
def metered(work: Work, run_id: str, context: Context) -> Iterator[None]:
    """Measures what happens inside, also when it fails."""
    began, kept = cpu_seconds(), _kept(work, context)
    try:
        yield
    finally:
        spent = cpu_seconds() - began
        try:
            context.meter([*_of_process(work, run_id, spent, context.now()), *_of_files(work, run_id, context, kept)])
        except WeftError:  # what was published stands, measured or not
            context.progress.note(f"what `{work.address}` cost could not be kept")


def cpu_seconds() -> float:
    """Processor time of this process and of the children that have ended: DuckDB runs in it, Python models in those."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def received(product: ProductAddress, addresses: Sequence[Address], run_id: str, context: Context) -> list[Meter]:
    """What a server sees of a run elsewhere: the files that it has published, and those that it was made from.

    The same publication gives the same measurements, however often it is asked for.
    """
    work = Work(product, tuple(addresses), (), (), ())
    found = _of_files(work, run_id, context, sources=False)
    return [replace(one, meter_id=_named(run_id, one)) for one in found]


def told(meters: Sequence[Meter], run_id: str, at: datetime) -> list[Meter]:
    """What a runner says of itself: its processor's time, and the bytes of its sources. They are marked as its word."""
    kept = [m for m in meters if m.kind == "cpu_seconds" or (m.kind == "bytes_read" and m.port is None)]
    kept = [
        Meter(at, m.kind, m.amount, m.product, m.product, TOLD, run_id=run_id, meter_id=m.meter_id)
        for m in kept
        if 0 <= m.amount < _MOST
    ]
    return [replace(one, meter_id=_named(run_id, one, number)) for number, one in enumerate(kept)]


def _named(run_id: str, one: Meter, number: int = 0) -> str:
    parts = (run_id, one.kind, one.product, str(one.port), one.consumer, one.purpose, str(number))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]


def _of_process(work: Work, run_id: str, spent: float, at: datetime) -> list[Meter]:
    product = str(work.address)
    return [Meter(at, "cpu_seconds", spent, product, product, BUILD, run_id=run_id)]


def _kept(work: Work, context: Context) -> frozenset[str]:
    """The files of what the product's private models keep, as a run finds them."""
    try:
        tables = context.registry.kept_tables(work.address) if work.build else ()
    except WeftError:  # what keeps it from being read keeps the run from beginning
        tables = ()
    return frozenset(file.path for table in tables for file in table.manifest.files)


def _of_files(
    work: Work, run_id: str, context: Context, kept: frozenset[str] | None = None, *, sources: bool = True
) -> list[Meter]:
    """What a run published; without `kept` by the folders of files: a server has given the run one of its own."""
    found = [p for a in work.build if (p := context.registry.publication(a)) is not None and p.run_id == run_id]
    meters = [meter for one in found for meter in _of_port(one, run_id, context)]
    if found:
        for table in context.registry.kept_tables(work.address):
            if table.run_id == run_id:
                elsewhere = (file.path for file in table.manifest.files if run_id not in file.path)
                stay = kept if kept is not None else frozenset(elsewhere)
                meters += _written(table.table, table.snapshot_id, table.manifest, stay, run_id, context.now())
    return [*meters, *_read(work, found, run_id, context, sources=sources)]


def _of_port(one: Publication, run_id: str, context: Context) -> list[Meter]:
    stay: frozenset[str] = frozenset()
    if not all(
        run_id in file.path for file in one.manifest.files
    ):  # batches of a long build lie in folders of their own
        before = context.registry.history(one.address, before=one.revision, limit=1)
        stay = frozenset(file.path for former in before for file in former.manifest.files)
    return _written(one.address, one.snapshot_id, one.manifest, stay, run_id, context.now())


def _written(
    address: Address, snapshot_id: str, manifest: Manifest, stay: frozenset[str], run_id: str, at: datetime
) -> list[Meter]:
    """What a run wrote of a table: files that stay from the snapshot before were written by another one."""
    product, port = str(address.of_product), str(address)
    new = [file for file in manifest.files if file.path not in stay]
    amounts = {
        "rows_written": sum(file.rows for file in new),
        "bytes_written": sum(file.size_bytes for file in new),
        "storage_bytes": manifest.size_bytes,
    }
    return [
        Meter(at, kind, amount, product, product, BUILD, port, run_id, snapshot_id) for kind, amount in amounts.items()
    ]


def _read(work: Work, found: Sequence[Publication], run_id: str, context: Context, *, sources: bool) -> list[Meter]:
    """What was read: the files of other products' snapshots, and those of sources."""
    inputs = {(name, version) for one in found for name, version in one.upstream.items()}
    product = str(work.address)
    meters = []
    for name, version in sorted(inputs):
        if name.startswith("source:"):
            if not sources:
                continue
            size = _size_of_source(work, name.removeprefix("source:"), context)
            one = Meter(context.now(), "bytes_read", size, product, product, BUILD, run_id=run_id)
        else:
            address = parse_address(name)
            read = context.registry.publication(address, version)
            size = read.manifest.size_bytes if read is not None else 0
            of = str(address.of_product)
            one = Meter(context.now(), "bytes_read", size, of, product, BUILD, name, run_id, version)
        if size:
            meters.append(one)
    return meters


def _size_of_source(work: Work, name: str, context: Context) -> int:
    """Bytes of the files of a source; 0 where they are gone, or never were files of ours."""
    try:
        paths = [Path(file) for file in context.source(work.address, name).files]
        return sum(path.stat().st_size for path in paths if path.is_file())
    except (WeftError, OSError):
        return 0
