"""What policies cost a publication in a company's mesh: the gate before it, and the scan behind it.

    python benchmarks/gate.py [--folder FOLDER] [--products N] [--publications N]

Makes a registry of `catalogue.py` with the standard policies unless FOLDER has one, scans the whole mesh once, and then
publishes products of it again, one after another: the gate is asked as a server asks it, the publication is written,
and what it touches is scanned as a server's worker does. Milliseconds of the wall and of this process.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from catalogue import generate
from msgspec.structs import replace
from run import compile_all
from server import quantile
from targets import told

from weft.api.governance.scans import scan, scan_after
from weft.api.platform import Platform, open_platform
from weft.model.address import ProductAddress
from weft.model.records import Publish
from weft.project.standard_set import add_standard_set

GATE_MS, SCAN_MS = 30.0, 50.0


def main() -> None:
    """Measures."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "weft-bench-gate")
    words.add_argument("--products", type=int, default=10_000)
    words.add_argument("--publications", type=int, default=60)
    asked = words.parse_args()
    if not (asked.folder / "weft.toml").exists():
        print(f"making {asked.products:,} products in {asked.folder}")
        generate(asked.folder, asked.products, 30)
        add_standard_set(asked.folder)
    compile_all()
    platform = open_platform(asked.folder)
    try:
        began = time.process_time()
        first = scan(platform.rooms, platform.governance.known())
        print(f"the first scan, which fills the book: {time.process_time() - began:.1f} CPU s, {first.asked} policies")
        gate, behind = published(platform, asked.publications)
    finally:
        platform.close()
    for what, limit, (wall, cpu) in (("gate at", GATE_MS, gate), ("scan after", SCAN_MS, behind)):
        middle = f"median {statistics.median(wall):.1f}, {statistics.median(cpu):.1f} of CPU"
        told(
            f"{what} a publication among {asked.products:,} products ({middle}): p95", quantile(wall, 0.95), limit, "ms"
        )


Times = tuple[list[float], list[float]]


def published(platform: Platform, count: int) -> tuple[Times, Times]:
    """Publishes products again; gives what the gate and the scan took of each, on the wall and of CPU."""
    rooms, dice = platform.rooms, random.Random(5)
    products = sorted(rooms.production.products())
    gate: Times = ([], [])
    behind: Times = ([], [])
    for number, product in enumerate(dice.sample(products, count + 3)):
        publish = again(platform, product, dt.datetime.now(dt.UTC), number)
        passing = taken(lambda publish=publish: rooms.governance.gate.require(publish))
        rooms.production.publish(publish)
        looking = taken(lambda product=product: scan_after(rooms, [product]))
        if number >= 3:  # the first meet statements that nobody has asked for yet
            for times, found in ((gate, passing), (behind, looking)):
                times[0].append(found[0])
                times[1].append(found[1])
    return gate, behind


def taken(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of the wall and of this process."""
    began, cpu = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - began) * 1000, (time.process_time() - cpu) * 1000


def again(platform: Platform, product: ProductAddress, at: dt.datetime, number: int) -> Publish:
    """A product as it stands, with new rows and a sentence more in its contract."""
    registry = platform.rooms.production
    record, domain = registry.product(product), registry.domain(product.domain)
    assert record is not None and domain is not None
    states = registry.ports_of(product)
    publications, edges = [], []
    for state in states:
        now = registry.publication(state.address)
        assert now is not None
        contract = {**now.contract, "description": {"purpose": f"Version {number}"}}
        publications.append(
            replace(now, snapshot_id=f"again-{number}", run_id=f"again-{number}", contract=contract, published_at=at)
        )
        edges += registry.lineage(registry.nodes_of(str(state.address)), up=True, depth=1)[0]
    return Publish(
        domain=domain,
        product=record,
        publications=publications,
        requires={str(state.address): state.revision for state in states},
        checks={},
        edges=edges,
        run_id=f"again-{number}",
        actor="benchmark",
        at=at,
    )


if __name__ == "__main__":
    main()
