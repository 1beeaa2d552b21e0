"""Applies that are struck at each of their writes, from the same start, and what has to hold behind every fault."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.fault_server import ENDED_BY_FAULT, FaultServer
from tests.faults import HOWS
from tests.meshes import TestMesh, contract, descriptor, source

T0 = dt.datetime(2099, 6, 1, 12, tzinfo=dt.UTC)
"""Far behind the times that the disk gives to files: every orphan is older than any limit."""
T1 = T0 + dt.timedelta(hours=1)
T2 = T0 + dt.timedelta(hours=2)

APPLY: Mapping[str, Any] = {"do": "apply"}
LOOK: Mapping[str, Any] = {"do": "look"}
AGE: Mapping[str, Any] = {"do": "age"}
FILES: Mapping[str, Any] = {"do": "files"}
ICEBERG: Mapping[str, Any] = {"do": "iceberg"}
PRODUCT = "domains/shop/sales"
DAY = {"name": "day", "id": "day", "logicalType": "date"}
INSTANT = {"logicalType": "timestamp", "logicalTypeOptions": {"timezone": True}}
VALID = [{"name": name, "id": name, **INSTANT} for name in ("valid_from", "valid_to")]
COLUMNS = "select id::integer as id, day::date as day, n::integer as n from raw"


def integer(name: str, **fields: Any) -> dict[str, Any]:
    """A column of a contract."""
    return {"name": name, "id": name, "logicalType": "integer", **fields}


KEYED = [integer("id", primaryKey=True, required=True), DAY, integer("n")]


def shop(root: Path, *ports: str) -> TestMesh:
    """One product over `data/events.csv` (id, day, n), whose ports have those columns."""
    mesh = TestMesh(root)
    mesh.write("weft.toml", '[mesh]\nname = "shop"\n[engine]\nthreads = 1\n')
    mesh.write("domains/shop/domain.yaml", json.dumps({"name": "shop", "kind": "aggregate", "owner": {"team": "S"}}))
    mesh.write(
        f"{PRODUCT}/product.odps.yaml", descriptor("shop", "sales", [source("raw", file="data/events.csv")], ports)
    )
    for name in ports:
        described(mesh, name, KEYED)
    return mesh


def described(mesh: TestMesh, port: str, columns: list[dict[str, Any]], **fields: Any) -> None:
    """Writes a port's contract."""
    text = contract(f"shop.sales.{port}", columns, **{"status": "draft", **fields})
    mesh.write(f"{PRODUCT}/contracts/{port}.odcs.yaml", text)


def model(mesh: TestMesh, name: str, sql: str = COLUMNS, **settings: Any) -> None:
    """Writes a model."""
    comment = f"/* weft\n{json.dumps(settings)}\n*/\n" if settings else ""
    mesh.write(f"{PRODUCT}/models/{name}.sql", f"{comment}{sql}\n")


def rows(mesh: TestMesh, given: Sequence[tuple[Any, ...]]) -> None:
    """Writes the source's rows: id, day of January, n."""
    lines = ["id,day,n", *(f"{i},2024-01-{day:02},{n}" for i, day, n in given)]
    mesh.write("data/events.csv", "\n".join(lines) + "\n")


class Faulted:
    """Steps on a mesh that begin again and again at the same state."""

    def __init__(
        self,
        mesh: TestMesh,
        server: FaultServer,
        steps: Sequence[Mapping[str, Any]] = (APPLY,),
        then: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """`then` comes behind each fault, and repeats the steps."""
        self._mesh, self._server, self._steps, self._then = mesh, server, steps, then or steps
        self._start = mesh.root.with_name(f"{mesh.root.name}-start")
        self._state = mesh.path(".weft")

    def begins(self, change: Callable[[TestMesh], None], *before: Mapping[str, Any]) -> None:
        """Makes the state in which every struck apply begins: after the steps `before` and the change of files."""
        if before:
            told = self._server.ask(self._mesh.root, T0, *before)["answers"]
            assert all(t["exit"] == 0 for t in told if "exit" in t), told
        change(self._mesh)
        if self._state.exists():
            shutil.rmtree(self._start, ignore_errors=True)
            shutil.copytree(self._state, self._start)
        self._keep_database()

    def anew(self) -> None:
        """Goes back to the start."""
        shutil.rmtree(self._state, ignore_errors=True)
        if self._start.exists():
            shutil.copytree(self._start, self._state)
        self._former_database()

    def _keep_database(self) -> None:
        """Remembers what the registry holds where it lies outside of the mesh's folder."""

    def _former_database(self) -> None:
        """Brings it back."""

    def survives(self, hows: Sequence[str] = HOWS, every: int = 1) -> int:
        """Strikes writes, and holds what comes of it against an undisturbed run. In how many ways they can be struck.

        Args:
            every: 1: each write in each way; more: every so many writes, in one half of the ways and the other in turn.
        """
        ask, root = self._server.ask, self._mesh.root
        (old,) = ask(root, T1, LOOK)["answers"]
        whole = ask(root, T1, *self._steps)
        assert all(a["exit"] == 0 for a in whole["answers"]), whole["answers"]
        new, left = ask(root, T2, LOOK, FILES)["answers"]
        assert new != old, "there is nothing to see"
        assert left["missing"] == []
        wanted, done = len(whole["writes"]), 0
        wrong: list[str] = []
        for turn, number in enumerate(range(1, wanted + 1, every)):
            for how in hows if every == 1 else hows[turn % 2 :: 2]:
                self.anew()
                struck = ask(root, T1, *self._steps, at=number, how=how)
                told = f"{how} write {number}, {whole['writes'][number - 1]}: "
                wrong += self._wrong(struck, told, old, new)
                done += 1
        assert not wrong, f"{len(wrong)} of {done} faults: " + "\n".join(wrong)
        self._same_in_iceberg(new)
        print(f"{done} of {wanted * len(hows)} faults survived")
        return wanted * len(hows)

    def _wrong(self, struck: Any, told: str, old: Any, new: Any) -> list[str]:
        ask, root = self._server.ask, self._mesh.root
        answers = ask(root, T1, LOOK, AGE, *self._then, LOOK, FILES)["answers"]
        seen, _, *ended, after, left = answers
        told += "it ended at once" if struck == ENDED_BY_FAULT else str(struck["answers"])
        found = {
            "a reader sees a mixture": _mixture(seen, old, new),
            "the next apply fails": [e for e in ended if e["exit"] != 0],
            "other rows than without the fault": after if after != new else None,
            "orphans": left["orphans"],
            "missing files": left["missing"],
        }
        return [f"{told}: {what}: {which}" for what, which in found.items() if which]

    def _same_in_iceberg(self, new: Mapping[str, Mapping[str, Any]]) -> None:
        (found,) = self._server.ask(self._mesh.root, T2, ICEBERG)["answers"]
        assert {port: found[port] for port in new[""]} == {port: len(rows) for port, rows in new[""].items()}


def _mixture(seen: Any, old: Any, new: Any) -> str | None:
    """The product of which neither the old nor the new rows are seen, whole; nothing when there is none."""
    for environment, ports in seen.items():
        products = {port.rpartition(".")[0] for port in ports}
        for product in products:
            mine = _of(product, ports)
            # an environment that has built nothing shows what production shows
            before, after = old.get(environment, old[""]), new.get(environment, new[""])
            if mine not in (_of(product, before), _of(product, after)):
                return f"{environment or 'production'} {product}: {mine}"
    gone = set(old[""]) - set(seen[""])
    return f"{gone} no more" if gone and gone <= set(new[""]) else None


def _of(product: str, ports: Mapping[str, Any]) -> dict[str, Any]:
    return {port: rows for port, rows in ports.items() if port.rpartition(".")[0] == product}
