"""Measures a registry of a company's size in a file and in PostgreSQL: publishing, alone and at once, and lists.

    python benchmarks/registry.py [--products N] [--publish N] [--at-once N] [--url postgresql://…]

Without `--url` a PostgreSQL is started on loopback, with fsync. Each product has three ports of ten columns. Prints a
table; times are those of the wall, so measure on a quiet machine.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.servers import empty_database, postgres_to_stop
from weft.model.address import Address, parse_address
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.publication import ColumnStatistics, DataFile, Digests, Manifest, Publication
from weft.model.records import DomainRecord, ProductRecord, Publish
from weft.registry import migrations
from weft.registry.postgres import PostgresRegistry
from weft.registry.sql import SqlRegistry
from weft.registry.sqlite import SqliteRegistry

PORTS, COLUMNS = 3, 10
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
CONTRACT = {
    "id": "c",
    "schema": [{"name": "t", "properties": [{"name": f"column_{i}", "description": "text " * 8} for i in range(10)]}],
}


def publish(number: int, snapshot: str) -> Publish:
    """All that a run publishes of one product."""
    domain, name = f"domain{number // 100}", f"product{number}"
    addresses = [parse_address(f"{domain}.{name}.port{i}@1") for i in range(PORTS)]
    edges = [
        LineageEdge(f"{domain}.{name}.raw.column_{c}", f"{a}.column_{c}", EdgeKind.DIRECT, Transformation.IDENTITY)
        for a in addresses
        for c in range(COLUMNS)
    ]
    run = f"{number}-{snapshot}"
    return Publish(
        DomainRecord(domain, domain, "aggregate", None, "Team", None, {"name": domain}),
        ProductRecord(addresses[0].of_product, name, "active", "why", ("tag",), "m", (), {"id": name}),
        [publication(a, snapshot, run) for a in addresses],
        {},
        {},
        edges,
        run,
        "ann",
        START,
    )


def publication(address: Address, snapshot: str, run: str) -> Publication:
    """One port's part of it."""
    columns = tuple(Column(f"column_{i}", "BIGINT", i + 1, f"column_{i}", True) for i in range(COLUMNS))
    file = DataFile("a/b.parquet", 3, 99, {i + 1: ColumnStatistics(0, "1", "3", 7) for i in range(COLUMNS)})
    return Publication(
        address,
        snapshot,
        run,
        "1.0.0",
        "active",
        CONTRACT,
        Digests("f", "r", "t"),
        Manifest(columns, (file,)),
        CheckCounts(passed=2),
        START,
        "ann",
        {},
        {"sql": snapshot},
    )


def milliseconds(do: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    do()
    return (time.perf_counter() - began) * 1000


def p95(times: list[float]) -> str:
    """Median and 95th percentile."""
    return f"{statistics.median(times):8.1f} {statistics.quantiles(times, n=20)[-1]:8.1f}"


def measured(kind: str, opened: Callable[[], SqlRegistry], asked: argparse.Namespace) -> None:
    """Fills a registry and prints what it takes."""
    registry = opened()
    filling = milliseconds(lambda: [registry.publish(publish(n, "1")) for n in range(asked.products)])
    print(
        f"{kind}: {asked.products} products of {PORTS} ports and {COLUMNS} columns, published in {filling / 1000:.0f} s"
    )
    if kind == "postgresql":
        with registry.database.rebuilding() as statements:
            statements.run("ANALYZE")
    each = [milliseconds(lambda n=n: registry.publish(publish(n, "2"))) for n in range(asked.publish)]  # type: ignore[misc]
    print(f"  {'publish, one at a time':32}{p95(each)} ms")
    others = [opened() for _ in range(asked.at_once)]

    def many(me: int) -> list[float]:
        numbers = range(me * 50, me * 50 + 50)
        return [milliseconds(lambda n=n: others[me].publish(publish(n, f"at-once-{me}"))) for n in numbers]  # type: ignore[misc]

    with ThreadPoolExecutor(asked.at_once) as pool:
        at_once = [t for times in pool.map(many, range(asked.at_once)) for t in times]
    print(f"  {f'publish, {asked.at_once} at once':32}{p95(at_once)} ms")
    last = parse_address(f"domain{(asked.products - 1) // 100}.product{asked.products - 1}.port0@1")
    for name, do in {
        "ports()": registry.ports,
        "products()": registry.products,
        "port(address)": lambda: registry.port(last),
        "port(address without major)": lambda: registry.port(parse_address(last.unpinned)),
        "history(address)": lambda: registry.history(last),
        "consumers(address)": lambda: registry.consumers(last),
        "lineage of a column, 3 hops": lambda: registry.lineage([f"{last}.column_1"], up=True, depth=3),
        "runs()": registry.runs,
        "events(after)": lambda: registry.events(asked.products // 2, 100),
    }.items():
        times = [milliseconds(do) for _ in range(5 if name in ("ports()", "products()") else 50)]
        print(f"  {name:32}{p95(times)} ms")
    for other in (*others, registry):
        other.close()


@contextmanager
def database(url: str | None) -> Iterator[str]:
    """An empty database of the PostgreSQL that was named, or of one that is started."""
    if url is not None:
        with empty_database(url) as made:
            yield made
        return
    with postgres_to_stop(fsync="on") as server:
        yield server.url


def main() -> None:
    """Measures both."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--products", type=int, default=10_000)
    words.add_argument("--publish", type=int, default=300)
    words.add_argument("--at-once", type=int, default=20)
    words.add_argument("--url")
    asked = words.parse_args()
    print(f"{'':34}{'median':>8} {'p95':>8}")
    with tempfile.TemporaryDirectory() as folder:
        measured("sqlite", lambda: SqliteRegistry(Path(folder) / "registry.db"), asked)
    with database(asked.url) as url:
        migrations.upgrade(migrations.of_postgres(url))
        measured("postgresql", lambda: PostgresRegistry(url), asked)


if __name__ == "__main__":
    main()
