"""Measures Flight SQL against its targets.

    python benchmarks/flight.py [--rows N] [--rounds N] [--connections N]

A server of weft, with `--flight-port`, serves a port of so many rows; beside it stands a bare Flight server in one
process that runs the same SQL over the same file, ungoverned. Rounds interleave the two. Counted are the median time
until the client has all rows as an Arrow table, the time until its first batch, the memory of the Flight process while
rows are taken, and how many of so many connections at once are answered, each with its own question.

Prints each target with MISSED or reached.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
from pyarrow import flight
from targets import told

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.domains import free_port, planes, repository, serving  # noqa: E402
from weft.api.wires.flight_messages import packed  # noqa: E402

COLUMNS = (
    "i as id, i % 1000 as k, i * 0.5::double as x, 'name' || (i % 5000) as s, date '2024-01-01' + (i % 365)::int as d"
)


class Bare(flight.FlightServerBase):  # type: ignore[misc]
    """The same rows from a server that asks nobody."""

    def __init__(self, sql: str) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._sql = sql

    def do_get(self, context: object, ticket: object) -> object:
        """The rows."""
        return flight.RecordBatchStream(duckdb.connect(config={"threads": 1}).sql(self._sql).to_arrow_reader(65_536))


def bare_process(sql: str) -> None:
    """Serves until its input ends."""
    server = Bare(sql)
    print(server.port, flush=True)
    sys.stdin.read()


def taken(client: flight.FlightClient, ticket: flight.Ticket, options: object) -> tuple[float, int]:
    """Seconds to the first batch, and rows."""
    begun = time.perf_counter()
    reader = client.do_get(ticket, options)
    rows = reader.read_chunk().data.num_rows
    first = time.perf_counter() - begun
    return first, rows + reader.read_all().num_rows


def memory_mb(pid: int) -> float:
    """What a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=5_000_000)
    asked.add_argument("--rounds", type=int, default=5)
    asked.add_argument("--connections", type=int, default=50)
    asked.add_argument("--bare")
    options = asked.parse_args()
    if options.bare:
        bare_process(options.bare)
        return
    with tempfile.TemporaryDirectory() as folder:
        measured(Path(folder), options)


def measured(folder: Path, options: argparse.Namespace) -> None:
    """All figures."""
    import subprocess

    port = free_port()
    with serving(folder / "server", settings=f"[server]\nflight_port = {port}\n") as server:
        token = server.token("ada")
        mesh = repository(folder / "fleet", server.url, token, "fleet")
        planes(mesh)
        duckdb.sql(f"copy (select {COLUMNS} from range({options.rows}) t(i)) to '{mesh.root}/data/planes.parquet'")
        rewritten(mesh.root)
        ran = mesh.weft("apply")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        (file,) = (p for p in (server.root / ".weft").rglob("*.parquet") if p.stat().st_size > 1_000_000)
        command = [sys.executable, __file__, "--bare", f"select id, k, x, s, d from read_parquet('{file}')"]
        bare = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert bare.stdout is not None
        bare_port = int(bare.stdout.readline())
        try:
            compared(options, port, bare_port, token, flight_pid(server.process.pid))
        finally:
            bare.kill()


def rewritten(root: Path) -> None:
    """Lets the port of the small example be made from the large file."""
    folder = root / "domains/fleet/aircraft"
    descriptor = folder / "product.odps.yaml"
    descriptor.write_text(descriptor.read_text().replace("data/planes.csv", "data/planes.parquet"))
    (folder / "models/planes.sql").write_text("select id::bigint as id, k, x, s, d from raw\n")
    from tests.domains import KEY, contract

    known = (("k", "number", "BIGINT"), ("x", "number", "DOUBLE"), ("s", "string", "VARCHAR"), ("d", "date", "DATE"))
    columns = [{"name": n, "logicalType": kind, "physicalType": physical} for n, kind, physical in known]
    made = contract("fleet.aircraft.planes", [{**KEY, "physicalType": "BIGINT"}, *columns])
    (folder / "contracts/planes.odcs.yaml").write_text(made)


def flight_pid(parent: int) -> int:
    """The Flight process of a server."""
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"weft.server.flight.process" in found.read_bytes():
                stat = (found.parent / "stat").read_text().rpartition(")")[2].split()
                if int(stat[1]) == parent:
                    return int(found.parent.name)
        except OSError:
            continue
    raise AssertionError("there is no Flight process")


def compared(options: argparse.Namespace, port: int, bare_port: int, token: str, pid: int) -> None:
    """Weft beside the bare server."""
    call = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {token}".encode())])
    sql = b"select id, k, x, s, d from fleet.aircraft.planes"
    command = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", {1: sql}))
    ours, theirs, firsts = [], [], []
    peak = [0.0]
    over = threading.Event()

    def watching() -> None:
        while not over.wait(0.02):
            peak[0] = max(peak[0], memory_mb(pid))

    with flight.connect(f"grpc://127.0.0.1:{port}") as weft, flight.connect(f"grpc://127.0.0.1:{bare_port}") as bare:
        for round_ in range(options.rounds + 1):
            begun = time.perf_counter()
            ticket = weft.get_flight_info(command, call).endpoints[0].ticket
            planned = time.perf_counter() - begun
            first, rows = taken(weft, ticket, call)
            took = time.perf_counter() - begun
            assert rows == options.rows, rows
            begun = time.perf_counter()
            taken(bare, flight.Ticket(b""), None)
            other = time.perf_counter() - begun
            if round_ == 0:
                before = memory_mb(pid)
                watch = threading.Thread(target=watching)
                watch.start()
                continue
            ours.append(took)
            theirs.append(other)
            firsts.append((planned + first) * 1000)
    over.set()
    watch.join()
    ratio = statistics.median(theirs) / statistics.median(ours)
    print(f"weft {statistics.median(ours):.3f} s, bare {statistics.median(theirs):.3f} s for {options.rows:,} rows")
    told("Flight SQL against a bare Flight server", ratio, 0.8, "×", least=True)
    told("Flight SQL: plan and first batch", statistics.median(firsts), 150, "ms")
    told("Flight SQL: the process grows by", peak[0] - before, 64, "MB")

    def one(number: int) -> float:
        begun = time.perf_counter()
        with flight.connect(f"grpc://127.0.0.1:{port}") as client:
            text = f"select count(*) as n, {number} as me from fleet.aircraft.planes where k = {number}".encode()
            asked = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", {1: text}))
            ticket = client.get_flight_info(asked, call).endpoints[0].ticket
            found = client.do_get(ticket, call).read_all().to_pylist()
        assert found == [{"n": options.rows // 1000, "me": number}], found
        return (time.perf_counter() - begun) * 1000

    with ThreadPoolExecutor(options.connections) as threads:
        times = sorted(threads.map(one, range(options.connections)))
    print(
        f"{len(times)} connections at once, all answered; median {statistics.median(times):.0f} ms, all {times[-1]:.0f}"
    )


if __name__ == "__main__":
    main()
