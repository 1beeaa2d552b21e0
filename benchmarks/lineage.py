"""What a question about lineage costs in a mesh of a company's size.

    python benchmarks/lineage.py FOLDER [--edges N] [--runs N] [--weft COMMAND]

Writes a registry with N column edges into FOLDER, through the registry's own commit point, unless one is there: ports
of 8 columns, each with 19 private models behind it, which read earlier models of their product or the ports of earlier
products. A column has two direct sources and four indirect ones. Then it measures, for nodes early, amid and late in
the mesh: the registry's answer, the view, and the command with its whole process.
"""

from __future__ import annotations

import argparse
import datetime
import os
import random
import resource
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from targets import told

from weft.catalog.lineage import lineage
from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.publication import DataFile, Digests, Manifest, Publication
from weft.model.records import DomainRecord, ProductRecord, Publish
from weft.registry.sqlite import SqliteRegistry

COLUMNS = "abcdefgh"
MODELS = 20
IN_DOMAIN = 10
DEPTH = 5
QUERY_MS = 50
COMMAND_S = 0.2
_DIRECT = (Transformation.IDENTITY, Transformation.TRANSFORMATION, Transformation.AGGREGATION)
_INDIRECT = (Transformation.JOIN, Transformation.FILTER, Transformation.GROUP_BY, Transformation.SORT)
_PER_MODEL = len(COLUMNS) * (2 + len(_INDIRECT))
_AT = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def port_of(product: int) -> Address:
    """The port of a product, by its number."""
    return Address(f"d{product // IN_DOMAIN:03}", f"p{product:04}", "out", 1)


def edges_of(product: int, rng: random.Random) -> Iterator[LineageEdge]:
    """The edges of a product: its models read each other and earlier products, the last one fills the port."""
    own = port_of(product)
    before = [port_of(rng.randrange(max(0, product - 30), product)) for _ in range(2)] if product else []
    inputs = [str(port) for port in before] or [f"{own.domain}.{own.product}.FILE"]
    tables = [f"{own.domain}.{own.product}.~m{i:02}" for i in range(MODELS - 1)] + [str(own)]
    for i, table in enumerate(tables):
        parents = rng.sample(tables[max(0, i - 6) : i], min(i, rng.randint(1, 3))) or inputs
        keys = [f"{rng.choice(parents)}.{rng.choice(COLUMNS)}" for _ in _INDIRECT]
        for column in COLUMNS:
            target = f"{table}.{column}"
            for source in rng.sample(COLUMNS, 2):
                yield LineageEdge(f"{rng.choice(parents)}.{source}", target, EdgeKind.DIRECT, rng.choice(_DIRECT))
            for key, how in zip(keys, _INDIRECT, strict=True):
                yield LineageEdge(key, target, EdgeKind.INDIRECT, how)


def write(folder: Path, edges: int) -> int:
    """Makes the registry in the folder; gives the number of its products."""
    products = -(-edges // (MODELS * _PER_MODEL))
    (folder / "weft.toml").write_text('[mesh]\nname = "lineage"\n', encoding="utf-8")
    registry = SqliteRegistry(folder / ".weft" / "registry.db")
    rng = random.Random(1)
    for product in range(products):
        port = port_of(product)
        found = list(edges_of(product, rng))
        reads = sorted({".".join(e.source.split(".", 3)[:3]) for e in found if "@" in e.source} - {str(port)})
        registry.publish(
            Publish(
                DomainRecord(port.domain, port.domain, "aggregate", None, "team", None, {"name": port.domain}),
                ProductRecord(
                    ProductAddress(port.domain, port.product), "P", "active", "why", (), "team", tuple(reads), {}
                ),
                [_publication(port)],
                {},
                {},
                found,
                f"run-{product}",
                "benchmark",
                _AT,
            )
        )
    registry.close()
    return products


def _publication(port: Address) -> Publication:
    columns = tuple(Column(name, "BIGINT", i, name) for i, name in enumerate(COLUMNS, 1))
    return Publication(
        address=port,
        snapshot_id="1",
        run_id="r",
        version="1.0.0",
        status="active",
        contract={"id": str(port), "schema": [{"name": port.port}]},
        digests=Digests("f", "r", "t"),
        manifest=Manifest(columns, (DataFile("a.parquet", 1, 1),)),
        checks=CheckCounts(),
        published_at=_AT,
        published_by="benchmark",
    )


def _median_ms(work: Callable[[], object], runs: int) -> float:
    taken = []
    for _ in range(runs):
        before = time.process_time()
        work()
        taken.append(time.process_time() - before)
    return statistics.median(taken) * 1000


def _command_s(command: list[str], folder: Path, node: str, runs: int) -> float:
    """CPU seconds of the command with its process."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    taken = []
    for _ in range(runs + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*command, "lineage", node], cwd=folder, env=environment, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(taken[1:])  # the first one may compile


def _measured(
    name: str, node: str, registry: SqliteRegistry, folder: Path, arguments: argparse.Namespace
) -> tuple[float, float]:
    """Prints what questions about one node take; gives ms of the query and seconds of the command."""
    start = registry.nodes_of(node) if node.count(".") == 2 else [node]
    query, found = 0.0, []
    for way, up in (("up", True), ("down", False)):
        edges, cut = registry.lineage(start, up=up, depth=DEPTH)
        found.append(f"{len(edges):,}{'+' if cut else ''} {way}")
        query = max(query, _median_ms(lambda up=up: registry.lineage(start, up=up, depth=DEPTH), arguments.runs))
    view = _median_ms(lambda: lineage(registry, node, depth=DEPTH), arguments.runs)
    command = _command_s(shlex.split(arguments.weft), folder, node, arguments.runs)
    print(f"{name:5} {node:20} {', '.join(found):20} query {query:.0f} ms, view {view:.0f} ms, command {command:.2f} s")
    return query, command


def main() -> None:
    """Makes the registry if need be, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    own = Path(sys.executable).with_name("weft")
    parser.add_argument("--weft", default=shlex.quote(str(own)) if own.exists() else "weft", metavar="COMMAND")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".weft" / "registry.db"
    if not path.exists():
        begun = time.perf_counter()
        print(f"{write(folder, arguments.edges)} products written in {time.perf_counter() - begun:.0f} s")
    registry = SqliteRegistry(path)
    ports = sorted(registry.ports())
    found = [
        _measured(name, node, registry, folder, arguments)
        for name, at in (("first", 0), ("amid", len(ports) // 2), ("last", len(ports) - 1))
        for node in (f"{ports[at]}.a", str(ports[at]))
    ]
    registry.close()
    queries, commands = zip(*found, strict=True)
    told(
        f"lineage query, depth {DEPTH}, {arguments.edges:,} column edges, the slowest of {len(found)}",
        max(queries),
        QUERY_MS,
        "CPU ms",
    )
    told("`weft lineage` there, the slowest", max(commands), COMMAND_S, "CPU s")


if __name__ == "__main__":
    main()
