"""A publication of 50 small ports: on the disk, and in an S3 server on loopback; and one large file up and down.

    python benchmarks/warehouse.py [ports]

The server is moto's, in a process of its own: what it takes is told apart, since it is no store that anybody runs.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.meshes import TestMesh, contract, descriptor, source
from tests.stores import ObjectServer

SERVER = """
import sys
sys.path.insert(0, sys.argv[1])
from tests.stores import object_server
with object_server() as server:
    print(server.endpoint, flush=True)
    sys.stdin.read()
"""


def ports(root: Path, count: int) -> TestMesh:
    """One product with many ports of a thousand rows each."""
    mesh = TestMesh(root)
    mesh.write("weft.toml", '[mesh]\nname = "many"\n')
    mesh.write("domains/sales/domain.yaml", '{"name": "sales", "kind": "source-aligned", "owner": {"team": "Sales"}}')
    names = [f"port_{n:03d}" for n in range(count)]
    folder = "domains/sales/orders"
    mesh.write(
        f"{folder}/product.odps.yaml", descriptor("sales", "orders", [source("raw", file="data/orders.csv")], names)
    )
    key = {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True}
    for number, name in enumerate(names):
        mesh.write(f"{folder}/contracts/{name}.odcs.yaml", contract(f"sales.orders.{name}", [key]))
        mesh.write(f"{folder}/models/{name}.sql", f"select id::integer + {number} as id from raw\n")
    return mesh


def rows(mesh: TestMesh, seed: int) -> None:
    """The source's file."""
    mesh.write("data/orders.csv", "id\n" + "".join(f"{seed * 1000 + i}\n" for i in range(1000)))


def applied(mesh: TestMesh, **environment: str) -> tuple[float, float]:
    """Seconds and CPU seconds of an apply."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = mesh.weft("apply", **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, cpu


def main(count: int) -> None:
    """Prints what was measured."""
    here = str(Path(__file__).parent.parent)
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-c", SERVER, here], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as running,
    ):
        assert running.stdout is not None and running.stdin is not None
        store = ObjectServer(running.stdout.readline().strip())
        bucket = store.bucket()
        os.environ.update(store.environ)
        local, remote = ports(Path(folder, "local"), count), ports(Path(folder, "remote"), count)
        remote.write("weft.toml", '[mesh]\nname = "many"\n' + store.settings(bucket))
        for seed in range(1, 5):
            for name, mesh in (("disk", local), ("store", remote)):
                rows(mesh, seed)
                seconds, cpu = applied(mesh)
                print(f"{name:6} apply {seed} of {count} ports: {seconds:6.2f} s, {cpu:6.2f} s CPU")
        large = Path(folder, "large")
        large.write_bytes(os.urandom(1 << 20) * 256)
        files = store.files(bucket, Path(folder, "copies"))
        for what, act in (
            ("up", lambda: files.store.upload(large, "large")),
            ("down", lambda: files.store.download("large", Path(folder, "again"))),
        ):
            began, cpu = time.perf_counter(), time.process_time()
            act()
            seconds, used = time.perf_counter() - began, time.process_time() - cpu
            print(f"256 MiB {what}: {seconds:.2f} s, {used:.2f} s CPU of weft's process")
        running.stdin.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
