"""Measures the data API against its targets.

    python benchmarks/data_api.py [--folder FOLDER] [--rows N] [--requests N]

A server over one port of --rows rows, in the order of their key. One client asks over one connection, one request after
another: single rows and pages of 100 by key, pages that follow one another by their cursor, what the client has still,
and what was answered before. The first requests, which open the reader's session, are left out. In the process of the
server: a page and an answer to a query that were kept.

Prints each target with MISSED or reached.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx
from governed import published
from targets import told

from weft.access.permissions import Caller
from weft.access.reading.asking import Question
from weft.access.reading.wire import Form
from weft.api.platform import open_platform
from weft.api.wires.data_pages import Wanted

PORT = "bench.tpch.tpch@1"
_WEFT = "from weft.cli.main import main; main()"


def make(folder: Path, rows: int) -> None:
    """A mesh with one port of so many rows, whose key is `id`."""
    if (folder / "done").exists():
        return

    def weft(*words: str) -> None:
        subprocess.run([sys.executable, "-c", _WEFT, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    folder.mkdir(parents=True)
    file = folder / "tpch.parquet"
    duckdb.execute(
        f"COPY (SELECT i AS id, 'name of ' || (i * 7919 % 1000003) AS name, (i % 100000) / 100.0 AS amount, "
        f"timestamp '2026-01-01' + to_seconds(i) AS at, i % 97 AS kind FROM range({rows}) t(i)) TO '{file}'"
    )
    weft("init", ".")
    weft("new", "domain", "bench")
    weft("new", "product", "bench.tpch", "--from", str(file))
    contract = next(folder.rglob("domains/**/tpch.odcs.yaml"))
    text = contract.read_text()
    assert "primaryKey: true" in text, "the key is seen in the rows"
    contract.write_text("".join(line for line in text.splitlines(keepends=True) if "unique: true" not in line))
    begun_s = time.perf_counter()
    weft("apply")
    print(f"published {rows:,} rows in {time.perf_counter() - begun_s:.0f} s")
    (folder / "done").touch()


def cpu_s(pid: int) -> float:
    """Processor time of a process and of those that it has started."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid or int(fields[1]) == pid:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def p95(ask: Callable[[], Any], count: int, warm: int = 5, pid: int | None = None) -> tuple[float, float]:
    """Median and 95th percentile of wall times, in ms; prints the processor time of a process meanwhile."""
    for _ in range(warm):
        ask()
    took = []
    spent = cpu_s(pid) if pid is not None else 0.0
    for _ in range(count):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    if pid is not None:
        print(f"{(cpu_s(pid) - spent) / count * 1000:.1f} ms of CPU for each of the next:")
    return statistics.median(took), statistics.quantiles(took, n=20)[18]


def over_http(folder: Path, rows: int, count: int) -> None:
    """Pages as a client gets them."""
    chance = random.Random(7)
    with published(folder, folder / "tpch.parquet", "*", rows) as (url, token, pid):
        client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=60)

        def get(headers: dict[str, str] | None = None, **asked: Any) -> httpx.Response:
            answer = client.get(f"/api/v1/data/{PORT}", params=asked, headers=headers)
            assert answer.status_code in (200, 304), answer.text
            return answer

        def page() -> None:
            first = chance.randrange(rows - 100)
            found = get(where=f"id >= {first}", order="id", limit=100).json()["rows"]
            assert [row["id"] for row in found] == list(range(first, first + 100))

        def between() -> None:
            first = chance.randrange(rows - 100)
            assert len(get(where=f"id between {first} and {first + 99}").json()["rows"]) == 100

        def one() -> None:
            assert len(get(where=f"id = {chance.randrange(rows)}").json()["rows"]) == 1

        cursor: list[str] = [get(where=f"id >= {rows // 2}").json()["next"]]

        def following() -> None:
            cursor[0] = get(where=f"id >= {rows // 2}", cursor=cursor[0]).json()["next"]

        tag = get(limit=100).headers["etag"]
        measured = {
            "a page of 100 rows from a key on": page,
            "100 rows between two keys": between,
            "one row by its key": one,
            "the page behind a cursor": following,
        }
        for name, ask in measured.items():
            middle, high = p95(ask, count, pid=pid)
            told(f"data API, {name} (median {middle:.1f} ms), p95", high, 30, "ms")
        middle, high = p95(lambda: get(headers={"If-None-Match": tag}, limit=100), count, pid=pid)
        print(f"If-None-Match: median {middle:.1f} ms, p95 {high:.1f} ms")
        middle, high = p95(lambda: get(limit=100), count, pid=pid)
        print(f"kept, over HTTP: median {middle:.1f} ms, p95 {high:.1f} ms")
        middle, high = p95(lambda: client.get("/healthz"), count)
        print(f"for comparison, /healthz: median {middle:.1f} ms, p95 {high:.1f} ms")


def kept(folder: Path, count: int) -> None:
    """An answer that was kept, in the server's own process: decided, written down and found."""
    platform = open_platform(folder)
    try:
        caller = Caller("bencher", "token")
        wanted = Wanted(where="id between 1000 and 1099")
        middle, high = p95(lambda: platform.data.page(caller, PORT, wanted), count, pid=os.getpid())
        told(f"a kept answer (p95 {high:.2f} ms), median", middle, 2, "ms")
        tag = platform.data.page(caller, PORT, wanted).tag
        middle, high = p95(lambda: platform.data.page(caller, PORT, wanted, [tag]), count)
        print(f"decided and compared with what the caller has: median {middle:.2f} ms, p95 {high:.2f} ms")
        question = Question(
            f"select id, name, amount from {PORT.partition('@')[0]} where id between 5 and 104", Form.JSON
        )

        def asked() -> None:
            b"".join(platform.querying.ask(caller, question))

        asked()
        before = platform.data.cache.hits
        middle, high = p95(asked, count, pid=os.getpid())
        assert platform.data.cache.hits > before, "it was kept"
        told(f"a kept answer to a query (p95 {high:.2f} ms), median", middle, 2, "ms")
        begun = time.perf_counter()
        for _ in range(10_000):
            platform.data.cache.get(tag)
        print(f"the look-up alone: {(time.perf_counter() - begun) * 100:.1f} µs")
    finally:
        platform.close()


def main() -> None:
    """Runs all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "weft-bench-data-api")
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--requests", type=int, default=200)
    given = parser.parse_args()
    folder = given.folder / f"{given.rows}"
    make(folder, given.rows)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    over_http(folder, given.rows, given.requests)
    kept(folder, given.requests)


if __name__ == "__main__":
    main()
