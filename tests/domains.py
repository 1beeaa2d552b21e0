"""A server and repositories of domains that publish to it, each a process or a folder of its own."""

from __future__ import annotations

import datetime as dt
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.command_server import Running, command_server
from tests.meshes import TestMesh, command, contract, descriptor, port, source
from weft.access.permissions import Action
from weft.api.platform import open_platform


@dataclass
class TestServer:
    """`weft serve` in a process of its own."""

    __test__ = False
    root: Path
    url: str
    process: subprocess.Popen[bytes] | Running

    def token(self, owner: str, *, domain: str | None = None, days: int = 1, kind: str | None = None) -> str:
        """A token, as an operator would make one at the server's machine."""
        return token(self.root, owner, domain=domain, days=days, kind=kind)


def token(root: Path, owner: str, *, domain: str | None = None, days: int = 1, kind: str | None = None) -> str:
    """A token of the server whose mesh lies in a folder."""
    platform = open_platform(root)
    try:
        now = dt.datetime.now(dt.UTC)
        return platform.identity.tokens.create(
            kind=kind or ("domain" if domain else "personal"),
            owner=owner,
            label="test",
            domain=domain,
            actions=[a.value for a in (Action.PUBLISH, Action.RUN, Action.READ_METADATA)] if domain else None,
            at=now,
            expires_at=now + dt.timedelta(days=days),
        )[1]
    finally:
        platform.close()


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@contextmanager
def serving(
    root: Path, registry: str | None = None, settings: str = "", *, imports_alone: bool = False
) -> Iterator[TestServer]:
    """A server over a mesh of its own, on a free port.

    Args:
        imports_alone: begins without a module, for tests that look at what it has imported.
    """
    root.mkdir(parents=True, exist_ok=True)
    if not (root / "weft.toml").exists():
        line = f'registry = "{registry}"\n' if registry else ""
        (root / "weft.toml").write_text(f'[mesh]\nname = "company"\n{line}{settings}')
    number = free_port()
    url = f"http://127.0.0.1:{number}"
    with (root / "log").open("ab") as log:
        words = ["serve", "--port", str(number)]
        process = (
            subprocess.Popen(command(*words), cwd=root, stdout=log, stderr=log)
            if imports_alone
            else command_server().start(words, cwd=root, env=os.environ, stdout=log, stderr=log)
        )
        try:
            _ready(url, process, root / "log")
            yield TestServer(root, url, process)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(url: str, process: subprocess.Popen[bytes] | Running, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if httpx.get(f"{url}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"weft serve does not answer:\n{log.read_text()}")
        time.sleep(0.05)


@dataclass
class Repository(TestMesh):
    """A domain's own repository, whose registry is a server's."""

    token: str = ""

    def weft(self, *words: str, today: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
        """Runs a command with the repository's token."""
        settings = {"WEFT_TOKEN": self.token, "XDG_CONFIG_HOME": str(self.root / "home")}
        return super().weft(*words, today=today, **{**settings, **environment})


def repository(root: Path, url: str, secret: str, name: str) -> Repository:
    """An empty repository."""
    made = Repository(root)
    made.token = secret
    made.write("weft.toml", f'[mesh]\nname = "{name}"\nregistry = "{url}"\n')
    return made


def domain(mesh: TestMesh, name: str, **fields: object) -> dict[str, object]:
    """Writes a domain's file."""
    document = {"name": name, "kind": "source-aligned", "owner": {"team": name.title()}, **fields}
    mesh.write(f"domains/{name}/domain.yaml", json.dumps(document, indent=2))
    return document


KEY = {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True}
AMOUNT = {"name": "amount", "id": "amount", "logicalType": "integer", "logicalTypeOptions": {"minimum": 0}}


def planes(mesh: TestMesh, name: str = "fleet", rows: int = 100, **amount: object) -> None:
    """`NAME.aircraft.planes`, made from a file of the repository."""
    domain(mesh, name)
    lines = "\n".join(f"{i},{i * 7 % 100}" for i in range(rows))
    mesh.write("data/planes.csv", f"id,amount\n{lines}\n")
    mesh.write(
        f"domains/{name}/aircraft/product.odps.yaml",
        descriptor(name, "aircraft", [source("raw", file="data/planes.csv")], ["planes"]),
    )
    mesh.write(
        f"domains/{name}/aircraft/contracts/planes.odcs.yaml",
        contract(f"{name}.aircraft.planes", [KEY, {**AMOUNT, **amount}]),
    )
    mesh.write(
        f"domains/{name}/aircraft/models/planes.sql",
        "select id::integer as id, amount::integer as amount\nfrom raw\n",
    )


def flights(mesh: TestMesh, name: str = "operations", reads: str = "fleet.aircraft.planes@1") -> None:
    """`NAME.on_time.flights`, made from another domain's port."""
    domain(mesh, name)
    mesh.write(
        f"domains/{name}/on_time/product.odps.yaml",
        descriptor(name, "on_time", [port("planes", reads)], ["flights"]),
    )
    mesh.write(
        f"domains/{name}/on_time/contracts/flights.odcs.yaml",
        contract(f"{name}.on_time.flights", [KEY, AMOUNT]),
    )
    mesh.write(f"domains/{name}/on_time/models/flights.sql", "select id, amount\nfrom planes\nwhere amount >= 50\n")


def environment() -> dict[str, str]:
    """The environment of a process of this checkout."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
