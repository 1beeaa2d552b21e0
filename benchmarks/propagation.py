"""What it costs to know the level and tags that every column inherits, and to know them again when one model changes.

    python benchmarks/propagation.py [--edges N] [--runs N]

The mesh is that of `lineage.py`: a column has two direct sources and four indirect ones. One column in fifty is
confidential and one in two hundred restricted, with tags. Measured: all labels from the edges; then models one after
the other, early, amid and late in the mesh, of which a column loses a source, one gets another, and one is declared
anew. What is left is compared with all labels computed once more. Last, what it costs where the change is as large as
the mesh.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from lineage import _PER_MODEL, MODELS, edges_of, port_of
from msgspec.structs import replace
from targets import told

from weft.governance.propagation import Declared, Propagation
from weft.model.classification import Classification
from weft.model.lineage import EdgeKind, LineageEdge, table_of

FULL_S = 3.0
ONE_MS = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=200)
    asked = parser.parse_args()
    rng = random.Random(1)
    products = -(-asked.edges // (MODELS * _PER_MODEL))
    edges = [edge for product in range(products) for edge in edges_of(product, rng)]
    declared = {node: _declared(rng) for node in sorted({edge.target for edge in edges if "@" in edge.target})}
    tables: dict[str, list[LineageEdge]] = {}
    for edge in edges:
        tables.setdefault(table_of(edge.target), []).append(edge)

    full = []
    for _ in range(3):
        began = time.process_time()
        mesh = Propagation(edges, declared)
        full.append(time.process_time() - began)
    sensitive = sum(mesh.of(node).level > Classification.INTERNAL for node in mesh.nodes())
    print(f"{len(edges):,} edges, {len(tables) * 8:,} columns, {sensitive:,} confidential or more")
    told(f"propagation over {len(edges):,} column edges", min(full), FULL_S, "CPU s")

    times, moved = [], []
    names = list(tables)
    for number in range(asked.runs):
        table = names[(number * len(names)) // asked.runs]
        new, said = _changed(tables[table], table, declared, rng)
        began = time.process_time()
        changed = mesh.put(table, new, said)
        times.append((time.process_time() - began) * 1000)
        moved.append(len(changed))
        tables[table] = new
        declared.update(said)
    times.sort()
    late = times[-len(times) // 20]
    print(
        f"one changed model: median {statistics.median(times):.2f} ms, 95 of 100 within {late:.2f}, "
        f"longest {times[-1]:.2f} ms; up to {max(moved):,} columns have another label"
    )
    told("propagation after one changed model, 95 of 100", late, ONE_MS, "CPU ms")
    again = Propagation([edge for its in tables.values() for edge in its], declared)
    assert all(again.of(node) == mesh.of(node) for node in again.nodes())
    print("the same labels as computed anew")
    first = str(port_of(0))
    said = {node: declared[node] for node in sorted({edge.target for edge in tables[first]})}
    node = next(iter(said))
    said[node] = replace(said[node], tags=("new",))
    began = time.process_time()
    changed = mesh.put(first, tables[first], said)
    took = (time.process_time() - began) * 1000
    print(f"a new tag on what nearly everything is made from: {took:.0f} ms, {len(changed):,} columns have it")


def _declared(rng: random.Random) -> Declared:
    at = rng.random()
    if at < 0.005:
        return Declared(Classification.RESTRICTED, ("pii.health",))
    if at < 0.025:
        return Declared(Classification.CONFIDENTIAL, (rng.choice(("pii.email", "pii.name", "pii.phone")),))
    return Declared(Classification.INTERNAL)


def _changed(
    edges: list[LineageEdge], table: str, declared: dict[str, Declared], rng: random.Random
) -> tuple[list[LineageEdge], dict[str, Declared]]:
    """The edges of a model of which one column loses a source and one has another; what is declared of its columns."""
    new = list(edges)
    direct = [i for i, edge in enumerate(new) if edge.kind is EdgeKind.DIRECT]
    other = rng.choice(direct)
    new[other] = replace(new[other], source=f"{port_of(0)}.a")
    del new[rng.choice([i for i in direct if i != other])]
    said = {node: declared[node] for node in sorted({e.target for e in edges}) if node in declared}
    if said:
        said[rng.choice(list(said))] = _declared(rng)
    return new, said


if __name__ == "__main__":
    main()
