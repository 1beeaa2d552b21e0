"""A server of a company: the mesh like the flights example's, with drafts, runs, checks and people."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command_server import Running, command_server
from tests.unit.catalog.registered import THEN, flights
from weft.api.platform import Platform, open_platform
from weft.model.address import parse_address
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.records import PortOutcome, Publish, Run, RunState

NOW = THEN + dt.timedelta(hours=3)
PLANES = parse_address("fleet.aircraft.planes@1")
SECRET = "a value of a row"


def member(user: str, *roles: str) -> dict[str, object]:
    """Somebody as `domain.yaml` names them."""
    return {"user": user, "roles": list(roles)}


@contextmanager
def company(folder: Path, settings: str = "") -> Iterator[Platform]:
    """A platform whose registry is in a file, with all of the mesh published."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weft.toml").write_text(f'[mesh]\nname = "company"\n{settings}')
    platform = open_platform(folder, lambda: NOW)
    fill(platform)
    yield platform
    platform.close()


def fill(platform: Platform) -> None:
    """Publishes the mesh, product by product."""
    mesh = flights()
    people = [member("finn", "owner"), member("cora", "compliance contact")]
    mesh.add_domain("fleet", "Fleet", "Fleet engineering", "Aircraft", tags=["engineering"], members=people)
    mesh.add_port("fleet.aircraft.prototypes@1", "Prototypes", "Not flying yet", {"id": "Number"}, status="draft")
    mesh.add_product("fleet.plans", "Fleet plans", "What will be bought", status="draft", tags=("reference",))
    mesh.add_port("fleet.plans.orders@1", "Orders", "Aircraft on order", {"id": "Number"}, status="draft")
    mesh.edges.append(
        LineageEdge(f"{PLANES}.tailnum", "fleet.plans.orders@1.id", EdgeKind.DIRECT, Transformation.IDENTITY)
    )
    registry = platform.rooms.production
    for address, product in mesh.product_records.items():
        states = [s for a, s in mesh.states.items() if a.of_product == address]
        found = CheckResult(
            "tailnum.required", Rule.REQUIRED, "tailnum", None, CheckSeverity.WARNING, Outcome.FAILED, 1, 9, "not null",
            "1 row", None, ({"tailnum": SECRET},),
        )  # fmt: skip
        registry.publish(
            Publish(
                domain=mesh.domain_records[address.domain],
                product=product,
                publications=[p for s in states for p in reversed(mesh.publications[s.address])],
                requires={str(s.address): 0 for s in states},
                checks={str(PLANES): [found]} if address == PLANES.of_product else {},
                edges=[e for e in mesh.edges if e.target.startswith(f"{address}.")],
                run_id=f"run-{address.product}",
                actor="ada",
                at=THEN,
                defaults=[s.address for s in states if s.default],
            )
        )
        outcomes = tuple(PortOutcome(s.address, "published", s.snapshot_id, s.rows, 0.5) for s in states)
        at = THEN if address.product != "plans" else THEN + dt.timedelta(minutes=1)
        registry.finish_run(Run(f"run-{address.product}", "apply", "ada", RunState.SUCCEEDED, at, at, (), outcomes))


def bearer(platform: Platform, owner: str = "ada", *, days: int = 3650) -> dict[str, str]:
    """The header of somebody's token."""
    _, secret = platform.identity.tokens.create(
        kind="personal",
        owner=owner,
        label="laptop",
        domain=None,
        actions=None,
        at=NOW,
        expires_at=NOW + dt.timedelta(days=days),
    )
    return {"Authorization": f"Bearer {secret}"}


@contextmanager
def running(folder: Path, *options: str) -> Iterator[str]:
    """`weft serve` in a process of its own, on a free port; gives its address. It has to end well when told to."""
    words = ["-C", str(folder), "serve", "--port", "0", *options]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}  # for the processes that the server starts
    with (folder / "log").open("w+") as log:
        process = command_server().start(words, cwd=Path.cwd(), env=env, stdout=log, stderr=log)
        try:
            yield listening(process, folder / "log")
        finally:
            process.terminate()
            ended = process.wait(40)
        assert ended == 0, (folder / "log").read_text()


def listening(process: subprocess.Popen[bytes] | Running, log: Path) -> str:
    """The address that a server tells as soon as it listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        told = re.search(r"weft listens on (\S+)", log.read_text())
        if told is not None:
            return told[1]
        time.sleep(0.05)
    raise AssertionError(f"the server does not listen:\n{log.read_text()}")
