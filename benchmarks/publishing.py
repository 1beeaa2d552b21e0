"""Measures publishing through a server: from the request with a publication to its answer, one domain after another.

    python benchmarks/publishing.py [--publish N] [--at-once N] [--products N] [--rows N] [--postgres | --url postgresql://…]

A server is started over a mesh of its own; `--products` fills its registry with so many others first. Each publication
replaces the rows of one small port. What is printed is what the runner waits for, and what of it is checking again.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
sys.path.insert(0, str(Path(__file__).parent))

import registry as filling
from targets import told

import weft
from tests.domains import TestServer, planes, repository, serving
from weft.registry import migrations
from weft.registry.http import HttpRegistry
from weft.registry.postgres import PostgresRegistry
from weft.registry.sqlite import SqliteRegistry


class Timed(HttpRegistry):
    """A client that knows how long its publications took."""

    def publish(self, publish):  # type: ignore[no-untyped-def]
        """Hands in a publication."""
        began = time.perf_counter()
        done = super().publish(publish)
        self.times.append((time.perf_counter() - began) * 1000)
        return done

    @property
    def times(self) -> list[float]:
        """Milliseconds of each."""
        found: list[float] = self.__dict__.setdefault("_times", [])
        return found


LIMIT_MS = 100.0


def published(server: TestServer, folder: Path, name: str, count: int, rows: int) -> list[float]:
    """How long each of some publications of a domain took."""
    made = repository(folder / name, server.url, server.token(f"owner_of_{name}"), name)
    planes(made, name, rows=rows)
    with weft.open(made.root) as opened:
        client = Timed(server.url, token=made.token)
        opened._rooms.__dict__["remote"] = client
        for number in range(count + 3):
            text = made.path("data/planes.csv").read_text().splitlines()
            made.write("data/planes.csv", "\n".join([text[0], f"0,{number}", *text[2:]]) + "\n")
            result = opened.apply()
            assert not result.failed, result.failed
    return client.times[3:]  # the first ones start processes


def where(postgres: bool, url: str | None) -> AbstractContextManager[str | None]:
    """The database of the registry, or None for a file."""
    return filling.database(url) if postgres or url else nullcontext()


def taken(name: str, times: list[float]) -> float:
    """Prints median and 95th percentile, and gives the latter."""
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"  {name:40}{statistics.median(times):8.1f} {p95:8.1f} ms")
    return p95


def main() -> None:
    """Measures."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--publish", type=int, default=100)
    words.add_argument("--at-once", type=int, default=0)
    words.add_argument("--products", type=int, default=0)
    words.add_argument("--rows", type=int, default=20)
    words.add_argument("--postgres", action="store_true", help="a PostgreSQL that is started on loopback, with fsync")
    words.add_argument("--url", help="an empty database in the PostgreSQL that stands there")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as place, where(asked.postgres, asked.url) as url:
        root = Path(place) / "server"
        (root / ".weft").mkdir(parents=True)
        if url:
            migrations.upgrade(migrations.of_postgres(url))
        if asked.products:
            filled = PostgresRegistry(url) if url else SqliteRegistry(root / ".weft/registry.db")
            for number in range(asked.products):
                filled.publish(filling.publish(number, "1"))
            filled.close()
        with serving(root, url) as server:
            print(f"{'postgresql' if url else 'sqlite'}, {asked.products} products beside:")
            alone = taken("one after another", published(server, Path(place), "alone", asked.publish, asked.rows))
            told(
                f"publication through the server on {'PostgreSQL' if url else 'SQLite'}, checked again: p95",
                alone,
                LIMIT_MS,
                "ms",
            )
            if asked.at_once:
                with ThreadPoolExecutor(asked.at_once) as pool:
                    found = pool.map(
                        lambda n: published(server, Path(place), f"d{n:02}", 10, asked.rows), range(asked.at_once)
                    )
                taken(f"{asked.at_once} at once", [t for times in found for t in times])


if __name__ == "__main__":
    main()
