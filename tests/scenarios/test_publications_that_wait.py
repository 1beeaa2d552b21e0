"""A publication that a policy wants somebody to agree to waits on the server, which then goes on with it by itself."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.domains import Repository, TestServer, planes, repository, serving
from weft.api.platform import Platform, open_platform
from weft.registry.http import HttpRegistry
from weft.registry.sqlite import SqliteRegistry

APPROVAL = """
id: planes-are-approved
title: Planes are approved
kind: privacy
severity: block
asks: Somebody agrees before planes are published.
approval: {roles: [governance], why: The council wants to be heard.}
check: select product as subject from products where product = 'fleet.aircraft'
"""
_PORT = "fleet.aircraft.planes"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[TestServer]:
    with serving(_with_policy(tmp_path / "server")) as running:
        yield running


@pytest.fixture
def fleet(server: TestServer, tmp_path: Path) -> Repository:
    mesh = repository(tmp_path / "fleet", server.url, server.token("ada"), "fleet")
    planes(mesh)
    return mesh


def _with_policy(root: Path) -> Path:
    folder = root / "governance" / "policies"
    folder.mkdir(parents=True)
    (folder / "approval.yaml").write_text(APPROVAL)
    return root


@contextmanager
def _opened(server: TestServer, later: dt.timedelta = dt.timedelta()) -> Iterator[Platform]:
    """The server's mesh, opened by another process of it, maybe on a later day."""
    with closing(open_platform(server.root)) as platform:
        platform.rooms.now = lambda: dt.datetime.now(dt.UTC) + later
        yield platform


def _lead(server: TestServer) -> dict[str, str]:
    """What somebody sends who leads governance."""
    with _opened(server) as platform:
        if platform.identity.users.user("gwen") is None:
            platform.identity.user_verbs.add("gwen", None, ["governance_lead"], actor="root")
    return {"Authorization": f"Bearer {server.token('gwen')}"}


def _decide(server: TestServer, approval: str, word: str) -> httpx.Response:
    path = f"{server.url}/api/v1/approvals/{approval}/{word}"
    return httpx.post(path, json={"reason": "seen"}, headers=_lead(server), timeout=60)


def _waiting(mesh: Repository) -> tuple[str, str]:
    """The run that has handed in a publication that waits, and the approval for which it does."""
    ran = mesh.weft("apply", "--format", "json")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    told = json.loads(ran.stdout)
    assert [w["address"] for w in told["waiting"]] == [f"{_PORT}@1"], told
    assert (told["published"], told["failed"]) == ([], [])
    (approval,) = told["waiting"][0]["approvals"]
    return told["run_id"], approval


def _until(done: Callable[[], bool]) -> None:
    """Asks the server again and again, each time with a request of its own, until something has come of it."""
    deadline = dt.datetime.now() + dt.timedelta(seconds=90)
    while not done():
        assert dt.datetime.now() < deadline, "nothing has come of it"


def _kinds(server: TestServer) -> list[str]:
    with closing(SqliteRegistry(server.root / ".weft/registry.db")) as registry:
        return [e.kind for e in registry.events(0, 10_000) if e.kind.startswith(("publication.", "product.published"))]


def _uploads(server: TestServer, run_id: str) -> bool:
    return (server.root / ".weft/staging" / run_id).exists()


def test_the_server_publishes_what_waited_as_soon_as_somebody_agrees(server, fleet):
    run_id, approval = _waiting(fleet)
    shown = fleet.weft("apply")
    newer, _ = (json.loads(fleet.weft("runs", "--format", "json").stdout)["runs"][0]["run_id"], None)
    kept = _uploads(server, newer), _uploads(server, run_id)

    decided = _decide(server, approval, "approve")
    _until(lambda: "product.published" in _kinds(server))

    assert decided.status_code == 200, decided.text
    assert f"waiting {_PORT}@1" in shown.stdout
    assert f"weft approvals approve {approval}" in shown.stdout + shown.stderr
    assert "1 waiting" in shown.stdout
    assert kept == (True, False), "the newer publication is kept, and the older one waits no more"
    assert len(fleet.rows(_PORT)) == 100
    _until(lambda: "published" in fleet.weft("run", newer).stdout)
    assert "WFT-GOV-081" in fleet.weft("run", run_id).stdout
    assert "nothing to do" in fleet.weft("apply").stdout
    assert _kinds(server) == ["publication.held", "publication.held", "publication.dropped", "product.published"]
    _until(lambda: not _uploads(server, newer))


def test_what_waits_outlives_the_server_and_is_committed_by_the_next_one(server, fleet, tmp_path):
    _, approval = _waiting(fleet)
    server.process.kill()
    server.process.wait()
    with _opened(server) as platform:
        from weft.api.governance.verbs import everyone

        platform.approvals.decide(everyone("gwen"), approval, approved=True, reason="seen")

    with serving(server.root) as again:
        fleet.edit("weft.toml", server.url, again.url)
        _until(lambda: "product.published" in _kinds(server))
        rows = fleet.rows(_PORT)

    assert len(rows) == 100
    assert _kinds(server) == ["publication.held", "product.published"]


def test_what_is_declined_ends_with_an_event_and_its_files_go(server, fleet):
    run_id, approval = _waiting(fleet)

    decided = _decide(server, approval, "decline")

    assert decided.status_code == 200, decided.text
    assert _kinds(server) == ["publication.held", "publication.dropped"]
    assert not _uploads(server, run_id)
    assert "WFT-GOV-058" in fleet.weft("run", run_id).stdout
    assert "WFT-GOV-058" in fleet.weft("apply").stdout


@pytest.mark.parametrize(("word", "then"), [("approve", "product.published"), ("decline", "publication.dropped")])
def test_what_is_decided_by_the_form_of_the_portal_goes_on_or_ends_at_once(server, fleet, word, then):
    _, approval = _waiting(fleet)

    path = f"{server.url}/governance/approvals/{approval}/{word}"
    decided = httpx.post(path, data={"reason": "seen"}, headers=_lead(server) | {"Origin": server.url}, timeout=60)

    assert decided.status_code == 303, decided.text
    _until(lambda: _kinds(server) == ["publication.held", then])


def test_what_nobody_decides_on_in_time_ends_and_is_told(server, fleet):
    run_id, _ = _waiting(fleet)
    early, late = dt.timedelta(days=13), dt.timedelta(days=15)

    with _opened(server, early) as platform:
        platform.holding.look()
        before = _kinds(server)
    with _opened(server, late) as platform:
        platform.holding.look()
        platform.holding.look()

    assert before == ["publication.held"]
    assert _kinds(server) == ["publication.held", "publication.dropped"]
    assert not _uploads(server, run_id)
    assert "WFT-GOV-080" in fleet.weft("run", run_id).stdout


def test_what_has_moved_meanwhile_is_refused_when_it_goes_on(server, fleet):
    run_id, approval = _waiting(fleet)
    policy = server.root / "governance/policies/approval.yaml"
    policy.unlink()  # so that the next one needs nobody
    fleet.edit("data/planes.csv", "\n1,7\n", "\n1,8\n")
    assert fleet.weft("apply").returncode == 0
    policy.write_text(APPROVAL)

    decided = _decide(server, approval, "approve")
    _until(lambda: "publication.dropped" in _kinds(server))

    assert decided.status_code == 200, decided.text
    assert _kinds(server) == ["publication.held", "product.published", "publication.dropped"]
    _until(lambda: "WFT-RUN-001" in fleet.weft("run", run_id).stdout)
    assert [1, 8] in fleet.rows(_PORT)


def test_whoever_may_not_publish_any_more_has_nothing_published(server, fleet):
    _waiting(fleet)  # requisitions the domain, and keeps its token
    secret = json.loads(fleet.path("home/weft/credentials.json").read_text())[server.url]["domains"]["fleet"]
    ran = fleet.weft("apply", "--format", "json", WEFT_TOKEN=secret)
    (waiting,) = json.loads(ran.stdout)["waiting"]
    with _opened(server) as platform:
        for one in platform.identity.tokens.listed(domain="fleet", kind="domain"):
            platform.identity.tokens.revoke(one.token_id, actor="root", at=platform.rooms.now())

    _decide(server, waiting["approvals"][0], "approve")
    _until(lambda: _kinds(server).count("publication.dropped") == 2)

    assert "product.published" not in _kinds(server)
    with closing(HttpRegistry(server.url, token=server.token("ada"))) as registry:
        run = registry.run(json.loads(ran.stdout)["run_id"])
    assert run is not None
    assert [d["code"] for p in run.ports for d in p.diagnostics] == ["WFT-GOV-082"]
