"""Publications that take their time: whoever waits for them keeps nobody else from an answer."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, TestServer, planes, repository, serving
from weft.api.platform import open_platform

_ASKERS = 45


def below(pid: int) -> list[int]:
    """Every process that a process has started, directly or through others."""
    listed = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    children = [int(word) for text in listed for word in text.split()]
    return [*children, *(one for child in children for one in below(child))]


@contextmanager
def nobody_commits(server: TestServer) -> Iterator[None]:
    """Lets the processes that commit stand still, as they do for others while they check many rows."""
    stopped = below(server.process.pid)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def handed_in(server: TestServer) -> tuple[str, str]:
    """Run and product of the publication that waits, once there is one."""
    platform = open_platform(server.root)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with platform.database.reading() as statements:
                row = statements.row("SELECT run_id, product FROM handovers WHERE state = ?", ("waiting",))
            if row is not None:
                return str(row[0]), str(row[1])
            time.sleep(0.05)
    finally:
        platform.close()
    raise AssertionError("nothing waits")


@pytest.mark.slow
def test_while_publications_wait_others_are_answered_at_once_and_each_is_told_what_came_of_it(tmp_path):
    with serving(tmp_path / "server") as server:
        mesh: Repository = repository(tmp_path / "fleet", server.url, server.token("ada"), "fleet")
        planes(mesh)
        assert mesh.weft("apply").returncode == 0  # its process is there from now on
        mesh.edit("data/planes.csv", "\n1,7\n", "\n1,8\n")
        sent = {"Authorization": f"Bearer {mesh.token}"}
        done, answers, pauses = [], [], []

        def ask(path: str) -> None:
            answers.append(httpx.get(f"{server.url}/api/v1/publications/{path}", headers=sent, timeout=60).status_code)

        with nobody_commits(server):
            applying = threading.Thread(target=lambda: done.append(mesh.weft("apply")))
            applying.start()
            path = "/".join(handed_in(server))
            asking = [threading.Thread(target=ask, args=(path,)) for _ in range(_ASKERS)]
            for one in asking:
                one.start()
            time.sleep(1)
            for page in ("/healthz", "/api/v1/products", "/readyz"):
                began = time.monotonic()
                assert httpx.get(f"{server.url}{page}", headers=sent, timeout=60).status_code == 200
                pauses.append(time.monotonic() - began)
        for one in (applying, *asking):
            one.join(60)

        assert max(pauses) < 5  # each answer of a publication is waited for 20 seconds
        assert done[0].returncode == 0, done[0].stderr
        assert set(answers) == {200, 202} and answers.count(200) >= 20
        assert [1, 8] in mesh.rows("fleet.aircraft.planes")
