"""Eight processes publish at once, to products of their own and to the same one: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.command_server import Running, command_server
from tests.meshes import TestMesh, contract, descriptor, source
from tests.servers import registry_database

PUBLISHERS = {"one": 4, "two": 1, "three": 1, "four": 1, "five": 1}
"""How many processes publish to each product."""
PUBLISHER = """
import json, pathlib, sys
import weft
from weft.errors import Conflict

product, me, each = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
lost, ended = 0, []
for number in range(each):
    key = me * 1000 + number
    file = pathlib.Path(f"data/{product}/{key}.csv")
    file.with_suffix(".new").write_text(f"id\\n{key}\\n")
    file.with_suffix(".new").rename(file)
    while True:
        # a plan file, as it were: what has moved since is not planned again
        try:
            with weft.open(".") as mesh:
                done = mesh.apply(plan=mesh.plan([f"sales.{product}"]))
            code, told = done.exit_code, [d.code for f in done.failed for d in f.diagnostics]
        except Conflict as e:
            code, told = e.exit_code, [d.code for d in e.diagnostics]
        if code == 0:
            ended.append([str(p.snapshot_id) for p in done.published])
            break
        if code != 4:
            raise SystemExit(f"exit {code}: {told}")
        lost += 1
print(json.dumps({"lost": lost, "published": ended}))
"""

READER = """
import json, sys
import weft

products = sys.argv[1:]
with weft.open(".") as mesh:
    while True:
        for product in products:
            every = f"sales.{product}.every"
            listed = f"(select count(*) from {every}), (select count(distinct id) from {every})"
            rows = mesh.query(f"select {listed}, (select n from sales.{product}.counted)").rows()
            print(json.dumps([product, *rows[0]]), flush=True)
"""


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest) -> Iterator[str]:
    """The line of weft.toml that says where the registry lies."""
    if request.param == "sqlite":
        yield ""
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            yield f'registry = "{url}"\n'


@pytest.fixture
def mesh(tmp_path: Path, registry: str) -> TestMesh:
    """Products whose port `every` collects the ids of all files, and `counted` says how many `every` has."""
    made = TestMesh(tmp_path / "mesh")
    made.write("weft.toml", f'[mesh]\nname = "eight"\n{registry}[engine]\nthreads = 1\n')
    made.write("domains/sales/domain.yaml", json.dumps({"name": "sales", "kind": "aggregate", "owner": {"team": "S"}}))
    key = {"name": "id", "id": "id", "logicalType": "integer", "required": True, "primaryKey": True}
    count = {"name": "n", "id": "n", "logicalType": "integer", "required": True}
    for name in PUBLISHERS:
        folder = f"domains/sales/{name}"
        listed = [source("raw", file=f"data/{name}/*.csv")]
        made.write(f"{folder}/product.odps.yaml", descriptor("sales", name, listed, ["every", "counted"]))
        made.write(f"{folder}/contracts/every.odcs.yaml", contract(f"sales.{name}.every", [key]))
        made.write(f"{folder}/contracts/counted.odcs.yaml", contract(f"sales.{name}.counted", [count]))
        settings = "/* weft\nmaterialized: append\nkey: id\n*/\n"
        made.write(f"{folder}/models/every.sql", f"{settings}select id::integer as id from raw\n")
        made.write(f"{folder}/models/counted.sql", "select count(*)::integer as n from every\n")
        made.write(f"data/{name}/0.csv", "id\n0\n")
    with weft.open(made.root) as opened:
        assert opened.apply().exit_code == 0
    return made


def started(mesh: TestMesh, script: str, *words: str, stdout: Any) -> Running:
    return command_server().start(words, script=script, cwd=mesh.root, stdout=stdout, stderr=subprocess.PIPE)


@pytest.mark.parametrize("each", [pytest.param(6, marks=pytest.mark.slow), pytest.param(25, marks=pytest.mark.accept)])
def test_eight_processes_publish_at_once_and_nothing_is_lost_or_doubled(mesh, tmp_path, each):
    log = tmp_path / "reads"
    names = [name for name, many in PUBLISHERS.items() for _ in range(many)]
    with log.open("w") as out:
        reader = started(mesh, READER, *PUBLISHERS, stdout=out)
        began = time.monotonic()
        publishers = [
            started(mesh, PUBLISHER, name, str(number), str(each), stdout=subprocess.PIPE)
            for number, name in enumerate(names, start=1)
        ]
        answers = [(p.communicate(timeout=500), p.returncode) for p in publishers]
        reader.kill()
        assert reader.stderr is not None and reader.stderr.read() == ""
        reader.wait()

    assert [code for _, code in answers] == [0] * 8, [err for (_, err), _ in answers]
    told = [json.loads(out) for (out, _), _ in answers]
    reads = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("]")]
    lost = sum(t["lost"] for t in told)
    print(f"{8 * each} publications, {lost} conflicts, {len(reads)} reads, {time.monotonic() - began:.0f} s")
    assert lost > 0, "they were never in one another's way"
    assert len(reads) > 20
    assert [r for r in reads if len(set(r[1:])) != 1] == [], "ports of one product do not belong together"
    published = [snapshot for t in told for snapshots in t["published"] for snapshot in snapshots]
    assert len(published) == len(set(published))
    with weft.open(mesh.root) as opened:
        registered = opened._rooms.registry
        assert registered.verify_log() == registered.last_event()
        assert registered.unfinished() == []
        for number, (name, many) in enumerate(PUBLISHERS.items()):
            first = 1 + sum(list(PUBLISHERS.values())[:number])
            wanted = {0, *(me * 1000 + i for me in range(first, first + many) for i in range(each))}
            found = [row[0] for row in opened.query(f"select id from sales.{name}.every order by id").rows()]
            assert found == sorted(wanted)
            for port in ("every", "counted"):
                history = opened.history(f"sales.{name}.{port}").as_json()["snapshots"]
                mine = {s["snapshot_id"] for s in history}
                assert [s["revision"] for s in history] == list(range(len(history), 0, -1))
                assert len(mine) == len(history)
                assert len(mine.intersection(published)) == len(history) - 1
                assert opened._rooms.storage.main(opened._pinned(f"sales.{name}.{port}@1")) == history[0]["snapshot_id"]
