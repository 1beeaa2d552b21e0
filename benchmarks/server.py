"""Measures the server against its targets: latencies under load, requests by CPU second, start, memory at rest.

    python benchmarks/server.py [--folder FOLDER] [--products N] [--columns N] [--seconds N] [--connections N]

Makes a registry of `catalogue.py` unless FOLDER has one, starts `weft serve` on it in a process of its own, waits for
the index, and asks lists, pages and searches over several connections at a fixed pace. Prints each target with MISSED
or reached. Latencies are those of whole requests on loopback, measured by the client, which shares the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime as dt
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import httpx
from catalogue import generate
from run import compile_all
from targets import told

from weft.api.platform import open_platform

PACE = 200
"""Requests in a second."""
LIMIT_MS = 25.0
START_S = 1.5
REST_MB = 130.0


def main() -> None:
    """Runs all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "weft-bench-server")
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=8)
    asked = parser.parse_args()
    if not (asked.folder / "weft.toml").exists():
        print(f"making {asked.products:,} products with {asked.columns} columns each in {asked.folder}")
        generate(asked.folder, asked.products, asked.columns)
    compile_all()
    credentials = _token(asked.folder)
    with Server(asked.folder) as server:
        waited = server.wait_until_ready()
        print(f"index: {waited:.1f} s")
        server.stop()
    with Server(asked.folder) as server:
        server.wait_until_ready()
        time.sleep(3)
        started, rest = server.cpu_s(), server.rss_mb()
        before = server.cpu_s()
        took, failed, wall = asyncio.run(_load(server.url, credentials, asked.seconds, asked.connections, PACE))
        spent = server.cpu_s() - before
    done = sum(map(len, took.values()))
    print(
        f"{done:,} requests in {wall:.1f} s, {done / wall:.0f}/s, {done / spent:.0f} for each CPU second of the server"
    )
    for route, times in sorted(took.items()):
        p50, p95, p99 = (quantile(times, q) for q in (0.5, 0.95, 0.99))
        print(f"  {route:10} p50 {p50:6.1f} ms  p95 {p95:6.1f} ms  p99 {p99:6.1f} ms")
        if route in ("list", "product", "search"):
            told(
                f"{route} over HTTP at {PACE} requests a second, {asked.products:,} products: p95", p95, LIMIT_MS, "ms"
            )
    told("the same: errors", failed, 0, "")
    told("the same: requests for each CPU second of the server", done / spent, PACE, "", least=True)
    told("start of the server", started, START_S, "CPU s")
    told("memory of the web process at rest", rest, REST_MB, "MB")


class Server:
    """`weft serve` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._log = folder / "serve.log"
        self._file = self._log.open("w", encoding="utf-8")
        program = "from weft.cli.main import main; main()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", program, "-C", str(folder), "serve", "--port", "0"],
            stderr=self._file,
            env={**os.environ, "WEFT_SERVER__LOG_LEVEL": "warning"},
        )
        self.url = ""
        while not self.url:
            found = re.search(r"listens on (\S+)", self._log.read_text(encoding="utf-8"))
            if found is not None:
                self.url = found[1]
            elif self._process.poll() is not None:
                raise SystemExit(self._log.read_text(encoding="utf-8"))
            time.sleep(0.05)

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends it, and minds whether it ended well."""
        self._process.terminate()
        if self._process.wait(60) != 0:
            raise SystemExit(f"the server ended with {self._process.returncode}")
        self._file.close()

    def wait_until_ready(self) -> float:
        """Waits until all of it is ready; gives the seconds."""
        began = time.perf_counter()
        while httpx.get(f"{self.url}/readyz").status_code != 200:
            time.sleep(0.2)
        return time.perf_counter() - began

    def cpu_s(self) -> float:
        """CPU seconds since its start."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_ms(self) -> float:
        """CPU milliseconds of its threads that live, as exactly as the system counts them."""
        tasks = Path(f"/proc/{self._process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text(encoding="utf-8").split()[0]) for task in tasks) / 1e6

    def rss_mb(self) -> float:
        """Resident memory."""
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None, "a process has a size"
        return int(found[1]) / 1000


async def _load(
    url: str, credentials: str, seconds: float, connections: int, pace: int
) -> tuple[dict[str, list[float]], int, float]:
    """Asks at a pace over several connections, as long as it is told; gives milliseconds by kind of route."""
    took: dict[str, list[float]] = defaultdict(list)
    failed = 0
    headers = {"Authorization": f"Bearer {credentials}"}
    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=f"{url}/api/v1", headers=headers, limits=limits, timeout=30) as client:
        asking = await _questions(client)
        began = time.perf_counter()

        async def one_line(number: int) -> None:
            nonlocal failed
            dice = random.Random(number)
            due = began + number / pace
            while due < began + seconds:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                kind, path = asking(dice)
                sent = time.perf_counter()
                answer = await client.get(path)
                took[kind].append((time.perf_counter() - sent) * 1000)
                failed += answer.status_code != 200
                due = max(due + connections / pace, time.perf_counter())

        await asyncio.gather(*(one_line(number) for number in range(connections)))
    return took, failed, time.perf_counter() - began


async def _questions(client: httpx.AsyncClient) -> Callable[[random.Random], tuple[str, str]]:
    """What people ask: lists, with filters and further pages; pages of products and ports; words of what there is."""
    products: list[str] = []
    cursors: list[str] = []
    cursor = ""
    for _ in range(10):
        page = (await client.get(f"/products?limit=200{cursor}")).raise_for_status().json()
        products += [item["address"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
        cursors.append(cursor)
    firsts = ["", *cursors]
    tags = sorted({name.split(".")[1].split("_")[1] for name in products})

    def asked(dice: random.Random) -> tuple[str, str]:
        domain, product = dice.choice(products).split(".")
        words = [dice.choice(tags) for _ in range(dice.choice((1, 1, 2, 2, 3)))]
        return dice.choice(
            [
                ("list", f"/products?limit=50{dice.choice(firsts)}"),
                ("list", f"/products?domain={domain}"),
                ("list", f"/products?tag={words[0]}"),
                ("list", f"/ports?domain={domain}&status=active"),
                ("product", f"/products/{domain}/{product}"),
                ("product", f"/products/{domain}/{product}"),
                ("port", f"/ports/{domain}/{product}/{product.split('_')[1]}s"),
                ("search", f"/search?q={' '.join(words)}"),
                ("search", f"/search?q={words[0]}&kind={dice.choice(['product', 'port', 'column'])}"),
                ("search", f"/search?q={words[0][:4]}&domain={domain}"),
            ]
        )

    return asked


def _token(folder: Path) -> str:
    platform = open_platform(folder)
    now = dt.datetime.now(dt.UTC)
    _, secret = platform.identity.tokens.create(
        kind="personal",
        owner="ada",
        label="load",
        domain=None,
        actions=None,
        at=now,
        expires_at=now + dt.timedelta(days=1),
    )
    platform.close()
    return secret


def quantile(times: list[float], share: float) -> float:
    """The time that a share of all do not exceed."""
    return statistics.quantiles(times, n=1000, method="inclusive")[int(share * 1000) - 1]


if __name__ == "__main__":
    main()
