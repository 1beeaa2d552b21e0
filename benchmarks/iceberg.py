"""Measures reading by an Iceberg client against the same client on the warehouse's own files.

    python benchmarks/iceberg.py [--rows N] [--rounds N]

A server of weft serves a port of so many rows. PyIceberg reads all of it through the REST catalog, with the keys that
it is given, and beside it the same table from disk by the warehouse's own catalog, ungoverned. Rounds interleave the
two. Counted are the median time of each, that of a load of the table, and that of one small request for a file.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import httpx
from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.catalog.sql import SqlCatalog

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from benchmarks.flight import COLUMNS, rewritten  # noqa: E402
from tests.domains import planes, repository, serving  # noqa: E402
from tests.scenarios.test_iceberg_rest import NAMESPACE, TABLE, data_file, keys_of, loaded  # noqa: E402
from weft.storage.signing import authorised, digest_of  # noqa: E402

_SMALL = 200


def seconds(act: Callable[[], object]) -> float:
    """How long something takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def main() -> None:
    """Measures."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--rows", type=int, default=5_000_000)
    asked.add_argument("--rounds", type=int, default=5)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measured(Path(folder), options.rows, options.rounds)


def measured(folder: Path, rows: int, rounds: int) -> None:
    """All figures."""
    with serving(folder / "server") as server:
        token = server.token("ada")
        mesh = repository(folder / "fleet", server.url, token, "fleet")
        planes(mesh)
        duckdb.sql(f"copy (select {COLUMNS} from range({rows}) t(i)) to '{mesh.root}/data/planes.parquet'")
        rewritten(mesh.root)
        ran = mesh.weft("apply")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        first = seconds(lambda: loaded(server, token))
        (database,) = (server.root / ".weft").rglob("catalog.db")
        own = SqlCatalog("weft", uri=f"sqlite:///{database}").load_table((*TABLE[:2], f"{TABLE[2]}@1"))
        theirs = RestCatalog("weft", uri=f"{server.url}/iceberg", token=token)
        times: dict[str, list[float]] = {"through the server": [], "from disk": []}
        for _ in range(rounds):
            for how, table in (("through the server", theirs.load_table(TABLE)), ("from disk", own)):
                times[how].append(seconds(lambda table=table: table.scan().to_arrow()))  # type: ignore[misc]
        for how, found in times.items():
            print(f"{rows:,} rows {how:<22}{statistics.median(found) * 1000:9.0f} ms")
        disk, served = (statistics.median(times[how]) for how in ("from disk", "through the server"))
        print(f"{'ratio':<34}{disk / served:9.2f}")
        print(f"{'first load of a table':<34}{first * 1000:9.1f} ms")
        with httpx.Client(headers={"Authorization": f"Bearer {token}"}) as client:
            loads = [seconds(lambda: client.get(f"{server.url}{NAMESPACE}/tables/planes")) for _ in range(_SMALL)]
        print(f"{'load of a table that is known':<34}{statistics.median(loads) * 1000:9.1f} ms")
        meta = loaded(server, token)
        keys, url = keys_of(meta), f"{server.url}/{data_file(meta).removeprefix('s3://')}"
        with httpx.Client() as client:

            def four_bytes() -> None:
                signed = authorised(keys, "us-east-1", "GET", url, {}, digest_of(b""), dt.datetime.now(dt.UTC))
                assert client.get(url, headers={**signed, "Range": "bytes=0-3"}).content == b"PAR1"

            small = [seconds(four_bytes) for _ in range(_SMALL)]
        print(f"{'four bytes of a file':<34}{statistics.median(small) * 1000:9.1f} ms")


if __name__ == "__main__":
    main()
