"""A process that has imported everything once, and forks a child for each job: verbs on a mesh, struck or not.

Run as a program it reads jobs from standard input, a line of JSON each, and answers with a line of JSON each.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.command_server import prepare

ENDED_BY_FAULT = "killed"
_LIMIT_S = 120


class FaultServer:
    """The process, as whoever asks it sees it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault_server"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # threads of a library would not live on in a fork
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OPENBLAS_NUM_THREADS": "1"},
        )

    def __enter__(self) -> FaultServer:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=_LIMIT_S)

    def ask(self, root: Path, now: dt.datetime, *steps: Mapping[str, Any], at: int = 0, how: str = "") -> Any:
        """What each step answers, in one fresh process, and what was written; `killed` when it did not live on."""
        assert self._process.stdin is not None and self._process.stdout is not None
        job = {"root": str(root), "now": now.isoformat(), "steps": steps, "at": at, "how": how}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "broken" not in answer, answer["broken"]
        return ENDED_BY_FAULT if answer.get("killed") else answer


def serve() -> None:
    """Answers jobs until there are no more."""
    prepare()
    for line in sys.stdin:
        print(json.dumps(_forked(json.loads(line))), flush=True)


def _forked(job: Mapping[str, Any]) -> dict[str, Any]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        signal.alarm(_LIMIT_S)
        code = 1
        try:
            answer = json.dumps(_done(job), default=str).encode()
            with os.fdopen(writing, "wb") as out:
                out.write(answer)
            code = 0
        except BaseException:  # noqa: BLE001 - whoever asked is told, and this child ends in any case
            import traceback

            os.write(writing, json.dumps({"broken": traceback.format_exc()}).encode())
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as answered:
        text = answered.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL and not text:
        return {"killed": True}
    return json.loads(text) if text else {"broken": f"a child ended with status {status}"}


def _done(job: Mapping[str, Any]) -> dict[str, Any]:
    from tests.faults import Faults

    root, now = Path(job["root"]), dt.datetime.fromisoformat(job["now"])
    faults = Faults(root / ".weft", job["at"], job["how"])
    faults.install()
    answers = [_STEPS[step["do"]](root, now, step) for step in job["steps"]]
    return {"answers": answers, "writes": faults.writes}


def _verb(root: Path, now: dt.datetime, step: Mapping[str, Any]) -> dict[str, Any]:
    """A verb, and how it ended; only what weft itself raises is an answer."""
    import weft
    from weft.errors import WeftError, exit_code_of

    try:
        with weft.open(root, now=lambda: now, environment=step.get("environment")) as mesh:
            match step["do"]:
                case "apply":
                    done = mesh.apply(**step.get("asked", {}))
                    failed = [d.as_json() for f in done.failed for d in f.diagnostics]
                    return {
                        "exit": done.exit_code,
                        "failed": failed,
                        "published": [str(p.address) for p in done.published],
                        "skipped": [str(s.address) for s in done.skipped],
                    }
                case "drop":
                    mesh.environments.drop([e.name for e in mesh.environments.list() if e.name in step["names"]])
                case "rollback":
                    mesh.rollback(step["address"], **step.get("asked", {}))
    except (WeftError, OSError) as e:
        told = [d.as_json() for d in e.diagnostics] if isinstance(e, WeftError) else [repr(e)]
        return {"exit": exit_code_of([e]) if isinstance(e, WeftError) else 9, "failed": told}
    return {"exit": 0, "failed": []}


def _look(root: Path, now: dt.datetime, step: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of every port by environment, through the door that all readers take; production has no name."""
    import weft

    found: dict[str, dict[str, Any]] = {}
    folder = root / ".weft/environments"
    for name in [None, *sorted(p.parent.name for p in folder.glob("*/registry.db"))]:
        with weft.open(root, now=lambda: now, environment=name) as mesh:
            rooms = mesh._rooms
            ports = [a for a, s in rooms.registry.ports().items() if not s.retired]
            with rooms.engine.session() as session:
                opened = {a: rooms.door.open(rooms.principal(), a, reads=[a]).relation for a in ports}
                found[name or ""] = {
                    str(a): [[str(v) for v in row] for row in session.rows(f"SELECT * FROM {relation} ORDER BY ALL")]
                    for a, relation in opened.items()
                }
    return found


def _files(root: Path, now: dt.datetime, step: Mapping[str, Any]) -> dict[str, list[str]]:
    """Files of the warehouse that nothing refers to, and those that are referred to and are not there."""
    import weft
    from weft.config import duration

    warehouse = root / ".weft/warehouse"
    referred: set[str] = set()
    with weft.open(root, now=lambda: now) as mesh:
        for registry in (mesh._rooms.registry, *mesh._rooms.environments.values()):
            limit = now - duration(mesh._rooms.settings.storage.orphan_age)
            history = [p for a in registry.ports() for p in registry.history(a)]
            history = [p for p in history if p.expired is None or p.expired.at > limit]
            manifests = [p.manifest for p in history]
            manifests += [p.quarantine.manifest for p in history if p.quarantine is not None]
            manifests += [t.manifest for t in registry.kept_tables()]
            files = [f for m in manifests for f in m.files] + [f for b in registry.batches() for f in b.files]
            referred |= {str(warehouse / f.path) for f in files}
            assert not registry.unfinished(), "a run is open"
    referred |= _metadata_files(root)
    there = {str(p) for p in warehouse.rglob("*") if p.is_file()} | {
        str(p) for p in (root / ".weft/tmp").rglob("*") if p.is_file()
    }
    return {"orphans": sorted(there - referred), "missing": sorted(referred - there)}


def _metadata_files(root: Path) -> set[str]:
    """What Iceberg's metadata refers to, but for data: read by hand, not by the code under test."""
    import fastavro

    found: set[str] = set()
    catalog = root / ".weft/catalog.db"
    if not catalog.exists():
        return found
    with sqlite3.connect(catalog) as db:
        rows = db.execute("SELECT metadata_location FROM iceberg_tables").fetchall()
    for (location,) in rows:
        path = location.removeprefix("file://")
        metadata = json.loads(Path(path).read_text(encoding="utf-8"))
        found |= {path, *(m["metadata-file"].removeprefix("file://") for m in metadata["metadata-log"])}
        for snapshot in metadata["snapshots"]:
            listed = snapshot["manifest-list"].removeprefix("file://")
            found.add(listed)
            with Path(listed).open("rb") as file:
                found |= {str(m["manifest_path"]).removeprefix("file://") for m in fastavro.reader(file)}  # type: ignore[index]
    return found


def _iceberg(root: Path, now: dt.datetime, step: Mapping[str, Any]) -> dict[str, int]:
    """How many rows PyIceberg reads from `main` of each table."""
    from pyiceberg.catalog.sql import SqlCatalog

    catalog = SqlCatalog("weft", uri=f"sqlite:///{root}/.weft/catalog.db", warehouse=f"file://{root}/.weft/warehouse")
    with sqlite3.connect(root / ".weft/catalog.db") as db:
        names = db.execute("SELECT table_namespace, table_name FROM iceberg_tables").fetchall()
    tables = {f"{space}.{name}": catalog.load_table((*space.split("."), name)) for space, name in names}
    return {name: table.scan().to_arrow().num_rows for name, table in tables.items()}


def _aged(root: Path, now: dt.datetime, step: Mapping[str, Any]) -> dict[str, int]:
    """Lets two days pass for all that lies in the warehouse."""
    then = dt.datetime.now(dt.UTC).timestamp() - 2 * 86_400
    for path in (root / ".weft/warehouse").rglob("*"):
        os.utime(path, (then, then))
    return {}


_STEPS = {
    "age": _aged,
    "apply": _verb,
    "drop": _verb,
    "rollback": _verb,
    "look": _look,
    "files": _files,
    "iceberg": _iceberg,
}

if __name__ == "__main__":
    serve()
