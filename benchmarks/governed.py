"""Measures governed reads against their targets.

    python benchmarks/governed.py [--folder FOLDER] [--scale S] [--rounds N] [--parts tpch latency stream crowd]
                                  [--seconds N]

- tpch: the 22 queries over Parquet files, through a reader process with masks and filters that keep 98 % of the rows,
  against DuckDB in this process over the same files with as many threads. Rounds interleave the two; counted is the
  best wall time of each query.
- latency: from a question to its first bytes where session and text are known, and where the text is new.
- stream: 5 million rows of Arrow through `weft serve` against a bare Flight server in one process, and the memory of
  the web process meanwhile.
- crowd: 50 readers for --seconds, once alone and once with 10 who ask for too much.

Prints each target with MISSED or reached.
"""

from __future__ import annotations

import argparse
import datetime as dt
import io
import itertools
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
from targets import told
from tpch import QUERIES, generate

from weft.access.decision import Decision
from weft.access.opened import Opened, Readable
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import placed
from weft.access.reading.asking import Ceiling, Question, Readers
from weft.access.reading.collecting import Incoming
from weft.access.reading.pool import Lease, Pool, Rules
from weft.access.reading.wire import Form, Limits
from weft.access.versions import At
from weft.access.witness import Over
from weft.api.platform import open_platform
from weft.errors import WeftError
from weft.model.address import Address, parse_address
from weft.model.checks import CheckCounts
from weft.model.publication import Digests, Manifest, Publication

READER = Principal("bench.reader", PrincipalKind.PRODUCT)
_DECIDED = Decision(True, (), "the benchmark says so")
FILTERS = {"lineitem": "l_orderkey % 50 <> 7", "orders": "o_orderkey % 50 <> 7", "customer": "c_custkey % 50 <> 7"}
MASKS = {
    "customer": {"c_address": "NULL::VARCHAR", "c_comment": "left(c_comment, 4)", "c_name": "sha256('salt' || c_name)"},
    "supplier": {"s_phone": "NULL::VARCHAR", "s_address": "left(s_address, 4)"},
    "orders": {"o_clerk": "sha256('salt' || o_clerk)"},
}
HOSTILE = (
    "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r",
    "select count(*) from range(10000000000) a, range(10000000000) b",
    "select list(range) from range(2000000000)",
    "select length(array_to_string(list_transform(range(400000000), lambda x: 'xxxxxxxxxx'), ''))",
    "select unnest(range(5000000000))",
)
HONEST = (
    "select n_name, count(*) as n from {customer} join {nation} on c_nationkey = n_nationkey group by 1 order by 2",
    "select c_mktsegment, avg(c_acctbal) as a from {customer} group by 1 order by 1",
    "select * from {supplier} where s_nationkey = 7 limit 50",
    "select count(*) as n from {part} where p_size > 40",
)


class Given:
    """Relations as decisions would give them."""

    def __init__(self, files: dict[str, Path], *, governed: bool = True) -> None:
        self.files = files
        self.items = {name: self._item(name, file, governed) for name, file in files.items()}
        columns: dict[str, Any] = {}
        self._made = {
            name: Publication(
                parse_address(f"bench.tpch.{name}@1"), "1", "run", "1.0.0", "active", columns, Digests("", "", ""),
                Manifest((), ()), CheckCounts(), dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "ann",
            )
            for name in files
        }  # fmt: skip

    def _item(self, name: str, file: Path, governed: bool) -> str:
        source = f"read_parquet(['{file}'])"
        if not governed:
            return source
        names = [row[0] for row in duckdb.execute(f"describe select * from {source}").fetchall()]
        shown = ", ".join(f"{MASKS[name][n]} AS {n}" if n in MASKS.get(name, {}) else n for n in names)
        return f"(SELECT {shown} FROM {source} WHERE {FILTERS.get(name, 'true')})"

    def opened(self, principal: Principal, names: Sequence[str], at: At = None, purpose: str | None = None) -> Opened:
        """The relations that a query names."""
        tables = [name.rpartition(".")[2] for name in dict.fromkeys(names)]
        ports = {self._made[t].address: self.open(principal, self._made[t].address) for t in tables}
        return Opened(ports, {("bench", "tpch", t): self.items[t] for t in tables}, [], [])

    def open(self, principal: Principal, address: Address, at: At = None) -> Readable:
        """One of them."""
        return Readable(self._made[address.port], self.items[address.port], (str(self.files[address.port]),), _DECIDED)

    def witnessed(self, principal: Principal, opened: Opened, sql: str) -> Over:
        """Nobody writes down what is measured; what that costs stands in `audit.py`."""
        return lambda how, rows, size_bytes: None

    def still(self, principal: Principal, opened: Opened) -> bool:
        """They do not change."""
        return True


def readers_of(folder: Path, threads: int = 1, **rules: float) -> Readers:
    """Readers as a server has them."""
    folder.mkdir(parents=True, exist_ok=True)
    pool = Pool(Limits(2 * 10**9, str(folder), 10**10, threads), Rules(**rules))  # type: ignore[arg-type]
    return Readers(pool, Ceiling(None, None, 120))


def named(sql: str) -> str:
    """A query whose tables are addresses."""
    tables = ("region", "nation", "supplier", "part", "partsupp", "customer", "orders", "lineitem")
    return sql.format(**{name: f"bench.tpch.{name}" for name in tables})


def asked(readers: Readers, door: Given, sql: str, who: Principal = READER) -> int:
    """Takes an answer; gives its bytes."""
    return sum(map(len, readers.ask(door, who, Question(sql, Form.ARROW), placed)))  # type: ignore[arg-type]


def timed(done: Callable[[], object]) -> float:
    """Milliseconds."""
    begun = time.perf_counter()
    done()
    return (time.perf_counter() - begun) * 1000


def tpch(files: dict[str, Path], folder: Path, rounds: int) -> None:
    """The 22 queries, governed against raw."""
    door, readers = Given(files), readers_of(folder / "readers")
    raw = duckdb.connect(config={"threads": 1, "memory_limit": "1400MB"})
    raw.execute("ATTACH ':memory:' AS bench; CREATE SCHEMA bench.tpch")
    for name, file in files.items():
        raw.execute(f"CREATE VIEW bench.tpch.{name} AS SELECT * FROM read_parquet(['{file}'])")
    ratios = []
    for number, query in enumerate(QUERIES, 1):
        sql, bare, governed = named(query), [], []
        for _ in range(rounds):
            bare.append(timed(lambda: raw.sql(sql).to_arrow_table()))  # noqa: B023
            governed.append(timed(lambda: asked(readers, door, sql)))  # noqa: B023
        ratios.append(min(governed) / min(bare))
        print(f"q{number}: raw {min(bare):.0f} ms, governed {min(governed):.0f} ms, {ratios[-1]:.2f}", flush=True)
    readers.close()
    told("22 queries, governed against raw, median", statistics.median(ratios), 1.25, "×")
    told("22 queries, governed against raw, worst", max(ratios), 3.0, "×")


def latency(files: dict[str, Path], folder: Path) -> None:
    """From a question to its first bytes."""
    door, readers = Given(files), readers_of(folder / "readers")
    sql = named("select n_name from {nation} limit 1")
    asked(readers, door, sql)
    warm = [timed(lambda: next(iter(readers.ask(door, READER, Question(sql), placed)))) for _ in range(300)]  # type: ignore[arg-type]
    texts = [f"{named(query)} -- {n}" for query in QUERIES for n in range(10)]

    def checked(text: str, lease: Lease) -> float:
        return timed(lambda: door.opened(READER, [name for name, _ in lease.process.parse(text).walk.references]))

    with readers.pool.lease(READER.name) as lease:
        checks = [checked(text, lease) for text in texts]
    readers.close()
    told("known session and text: question to first bytes, median", statistics.median(warm), 3, "ms")
    told("new text: parsed, walked and opened, median of the 22", statistics.median(checks), 3, "ms")


def crowd(files: dict[str, Path], folder: Path, seconds: float) -> None:
    """50 readers, once alone and once with 10 who ask for too much."""
    door = Given(files)

    def run(hostile: int) -> tuple[list[float], list[str]]:
        readers = readers_of(folder / f"readers{hostile}", patience_s=120)
        readers.pool.warm(4)
        end = time.monotonic() + seconds
        took: list[float] = []
        failed: list[str] = []

        def honest(number: int) -> None:
            who = Principal(f"honest.p{number}", PrincipalKind.PRODUCT)
            turn = number
            while time.monotonic() < end:
                turn += 1
                try:
                    took.append(timed(lambda: asked(readers, door, named(HONEST[turn % len(HONEST)]), who)))  # noqa: B023
                except WeftError as e:
                    failed.append(str(e.diagnostics[0].code))
                time.sleep(1)

        def wicked(number: int) -> None:
            who = Principal(f"wicked.p{number}", PrincipalKind.PRODUCT)
            turn = number
            while time.monotonic() < end:
                turn += 1
                try:
                    asked(readers, door, HOSTILE[turn % len(HOSTILE)], who)
                except WeftError:
                    continue

        threads = [threading.Thread(target=honest, args=(n,)) for n in range(50)]
        threads += [threading.Thread(target=wicked, args=(n,), daemon=True) for n in range(hostile)]
        for thread in threads:
            thread.start()
        for thread in threads[:50]:
            thread.join()
        readers.close()
        return took, failed

    alone, failed_alone = run(0)
    print(f"alone: {len(alone)} answers, {len(failed_alone)} failed", flush=True)
    pressed, failed_pressed = run(10)
    p95 = [statistics.quantiles(found, n=20)[18] for found in (alone, pressed)]
    print(f"alone: {len(alone)} answers, p95 {p95[0]:.0f} ms; pressed: {len(pressed)} answers, p95 {p95[1]:.0f} ms")
    print("what failed:", failed_pressed[:5])
    told("50 readers and 10 hostile ones: honest requests that failed", len(failed_alone) + len(failed_pressed), 0, "")
    told("the same: p95 of honest requests against their own alone", p95[1] / p95[0], 3, "×")


def stream(files: dict[str, Path], folder: Path, rows: int = 5_000_000) -> None:
    """Arrow of a reader process against a bare Flight server."""
    import pyarrow as pa
    from pyarrow import flight

    columns = "l_orderkey, l_partkey, l_suppkey, l_quantity, l_extendedprice, l_shipdate, l_shipmode"
    bare = f"SELECT {columns} FROM read_parquet('{files['lineitem']}') LIMIT {rows}"

    class Bare(flight.FlightServerBase):  # type: ignore[misc]
        def do_get(self, context: Any, ticket: Any) -> Any:
            connection = duckdb.connect(config={"threads": 1})
            return flight.RecordBatchStream(connection.sql(bare).to_arrow_reader(65_536))

    server = Bare("grpc://127.0.0.1:0")
    threading.Thread(target=server.serve, daemon=True).start()
    client = flight.connect(f"grpc://127.0.0.1:{server.port}")

    def by_flight() -> None:
        found = sum(chunk.data.num_rows for chunk in client.do_get(flight.Ticket(b"")))
        assert found == rows, found

    with published(folder / "mesh", files["lineitem"], columns, rows) as (url, token, pid):
        first: list[float] = []
        grown: list[float] = []
        before = resident_mb(pid)

        def by_http() -> None:
            begun, found = time.perf_counter(), 0
            body = {"sql": "select * from bench.tpch.tpch"}
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.apache.arrow.stream"}
            with httpx.stream("POST", f"{url}/api/v1/query", json=body, headers=headers, timeout=120) as answer:
                assert answer.status_code == 200, answer.read()
                parts = answer.iter_raw()
                head = next(parts)
                first.append((time.perf_counter() - begun) * 1000)
                for batch in pa.ipc.open_stream(io.BufferedReader(Incoming(itertools.chain([head], parts)), 1 << 20)):
                    found += batch.num_rows
                grown.append(resident_mb(pid) - before)
            assert found == rows, found

        by_http()
        before = resident_mb(pid)
        flights, https = [], []
        for _ in range(3):
            flights.append(timed(by_flight))
            https.append(timed(by_http))
    print(f"Flight {min(flights):.0f} ms, HTTP {min(https):.0f} ms for {rows:,} rows")
    told("HTTP Arrow against a bare Flight server", min(flights) / min(https), 0.6, "×", least=True)
    told("HTTP Arrow: first byte", statistics.median(first[1:]), 150, "ms")
    told("HTTP Arrow: the web process grows by", max(grown[1:]), 20, "MB")


@contextmanager
def published(folder: Path, file: Path, columns: str, rows: int) -> Iterator[tuple[str, str, int]]:
    """A server of a mesh with one port of so many rows: its address, a token of the owner, the web process."""

    def weft(*words: str) -> None:
        subprocess.run([sys.executable, "-c", _WEFT, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)

    if not (folder / "weft.toml").exists():
        folder.mkdir(parents=True)
        cut = folder / "tpch.parquet"
        duckdb.execute(f"COPY (SELECT {columns} FROM read_parquet('{file}') LIMIT {rows}) TO '{cut}'")
        weft("init", ".")
        weft("new", "domain", "bench")
        weft("new", "product", "bench.tpch", "--from", str(cut))
        weft("apply")
    platform = open_platform(folder)
    now = dt.datetime.now(dt.UTC)
    _, token = platform.identity.tokens.create(
        kind="personal", owner="bencher", label="bench", domain=None, actions=None, at=now,
        expires_at=now + dt.timedelta(hours=1),
    )  # fmt: skip
    address = platform.rooms.published("bench.tpch.tpch").address
    platform.scanning.grants.grant(address, "user", "bencher", basis="bench", actor="ann", at=now, ends_at=None)
    platform.close()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    served = subprocess.Popen([sys.executable, "-c", _WEFT, "serve", "--port", str(port)], cwd=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                if httpx.get(f"{url}/readyz").status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url, token, served.pid
    finally:
        served.terminate()
        served.wait(20)


_WEFT = "from weft.cli.main import main; main()"


def resident_mb(pid: int) -> float:
    """Memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Runs what is asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "weft-bench-governed")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--parts", nargs="+", default=["tpch", "latency", "crowd"])
    given = parser.parse_args()
    files = generate(given.folder / f"sf{given.scale:g}", given.scale)
    print(f"load of the machine: {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores")
    for part in given.parts:
        if part == "tpch":
            tpch(files, given.folder, given.rounds)
        elif part == "latency":
            latency(files, given.folder)
        elif part == "stream":
            stream(files, given.folder)
        else:
            crowd(files, given.folder, given.seconds)


if __name__ == "__main__":
    main()
