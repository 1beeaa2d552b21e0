"""Clients that reach for what is not theirs, and servers that die: nothing is read, changed, lost or doubled."""

from __future__ import annotations

import datetime as dt
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from tests.domains import Repository, TestServer, environment, planes, repository, serving
from tests.scenarios.test_lying_runners import PLANES, Liar, codes
from tests.unit.server.company import company
from weft.api.mesh import Mesh
from weft.api.platform import open_platform
from weft.api.publishing.committer import ProcessCommitter
from weft.api.publishing.committing import Committing, failure_of
from weft.errors import AccessDenied, Conflict, GateRefused, ProjectError, TransientError
from weft.model.column import Column
from weft.model.handover import Handover
from weft.model.layout import Layout, PartitionField
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.records import PortOutcome, Run, RunState
from weft.registry.handovers import HandoverState
from weft.registry.meters import Meter
from weft.registry.schema import STEPS
from weft.registry.sqlite import SqliteRegistry
from weft.runs import receiving
from weft.server import logs

Lie = Callable[[Handover], Handover]


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[TestServer]:
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="module")
def fleet(server, tmp_path_factory) -> Repository:
    """A domain that has published once."""
    made = repository(tmp_path_factory.mktemp("fleet"), server.url, server.token("ada"), "fleet")
    planes(made)
    done = made.weft("apply")
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def opened(fleet, server) -> Iterator[Callable[..., tuple[Mesh, Liar]]]:
    """The domain's repository in this process, with a client that says something else than what it has built."""
    import weft

    meshes: list[Mesh] = []

    def make(lie: Lie = lambda handover: handover, of: Repository = fleet) -> tuple[Mesh, Liar]:
        mesh = weft.open(of.root)
        client = Liar(server.url, token=of.token)
        client.lie = lie
        mesh._rooms.__dict__["remote"] = client
        meshes.append(mesh)
        return mesh, client

    yield make
    for mesh in meshes:
        mesh.close()


def failed(made: tuple[Mesh, Liar]):
    """Why a publication is refused."""
    (one,) = made[0].apply(full_refresh=True).failed
    return one.error


def with_publish(handover: Handover, **changes) -> Handover:
    return replace(handover, publish=replace(handover.publish, **changes))


def asked(server: TestServer, secret: str, method: str, path: str, **content) -> httpx.Response:
    headers = {"Authorization": f"Bearer {secret}"}
    return httpx.request(method, f"{server.url}/api/v1/{path}", headers=headers, timeout=60, **content)


def test_a_contract_does_not_ask_the_server_about_values_of_a_port_without_a_grant(server, opened, tmp_path):
    secret = repository(tmp_path / "hr", server.url, server.token("eve"), "hr")
    planes(secret, "hr", classification="confidential")
    assert secret.weft("apply").returncode == 0

    def asks(handover: Handover) -> Handover:
        (one,) = handover.publish.publications
        (table,) = one.contract["schema"]
        to = {"type": "foreignKey", "to": "hr.aircraft.planes.amount"}
        column = {**table["properties"][1], "relationships": [to]}
        document = {**one.contract, "schema": [{**table, "properties": [table["properties"][0], column]}]}
        document["version"] = "1.1.0"
        product = handover.publish.product
        ports = [{**p, "version": "1.1.0"} for p in product.document["outputPorts"]]
        told = replace(product, document={**product.document, "outputPorts": ports})
        parts = {k: v for k, v in one.parts.items() if k != "contract"}
        changed = replace(one, contract=document, version="1.1.0", parts=parts)
        return with_publish(handover, product=told, publications=[changed])

    error = failed(opened(asks))

    assert "WFT-SRV-034" in codes(error)
    assert "the server finds `notEvaluated`" in str(error) or "the server finds `not_evaluated`" in str(error), error


def test_nobody_goes_on_with_a_run_that_the_server_has_begun_itself(server, fleet):
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    now = dt.datetime.now(dt.UTC)
    own = Run("20261121T000000-worker", "apply", "system", RunState.RUNNING, now, process="elsewhere:1:1")
    registry.start_run(own)
    address = {"domain": "fleet", "product": "aircraft", "port": "planes", "major": 1}
    content = {"run_id": own.run_id, "kind": "apply", "actor": "ada", "state": "running"}
    content |= {"started_at": now.isoformat(), "ports": [{"address": address, "outcome": "planned"}]}

    taken = asked(server, fleet.token, "POST", "runs", json=content)

    assert (taken.status_code, taken.json()["type"]) == (403, "urn:weft:WFT-SRV-030")
    assert registry.run(own.run_id) == own
    registry.finish_run(replace(own, state=RunState.FAILED, finished_at=now))
    registry.close()


def test_results_of_checks_that_the_server_has_found_are_not_written_over(server, opened):
    mesh, client = opened()
    assert not mesh.apply(full_refresh=True).failed
    run_id = client.publication(PLANES).run_id
    before = client.checks(run_id)
    with SqliteRegistry(server.root / ".weft/registry.db").database.writing() as statements:
        statements.run("UPDATE open_runs SET closed_at = NULL WHERE run_id = ?", (run_id,))

    with pytest.raises(Conflict, match="WFT-SRV-038"):
        client.record_checks(run_id, PLANES, (), dt.datetime.now(dt.UTC))

    assert client.checks(run_id) == before


def test_two_files_do_not_lie_in_one_place(opened, tmp_path):
    def beside(handover: Handover) -> Handover:
        (table,) = handover.tables
        ((path, upload),) = handover.uploads.items()
        folder = path.rpartition("/")[0]
        other = tmp_path / "other.parquet"
        import duckdb

        duckdb.sql(f"COPY (SELECT 5000 id, 1 amount) TO '{other}' (FIELD_IDS {{id: 1, amount: 2}})")
        client.upload(handover.publish.run_id, "odd", other)
        more = client._uploads.pop("odd")
        # a plain name in the run's folder, and another path whose upload has that name
        file = replace(table.files[0], path=f"{folder}/{more.name}")
        odd = replace(file, path="odd", rows=1, statistics={})
        uploads = {file.path: upload, "odd": more}
        return replace(handover, tables=(replace(table, files=(file, odd)),), uploads=uploads)

    def twice(handover: Handover) -> Handover:
        (table,) = handover.tables
        return replace(handover, tables=(replace(table, files=table.files * 2),))

    _, client = made = opened(beside)
    error = failed(made)
    assert (type(error), codes(error)) == (ProjectError, {"WFT-SRV-050"})
    assert codes(failed(opened(twice))) == {"WFT-SRV-050"}
    assert codes(failed(opened(lambda h: with_publish(h, publications=[*h.publish.publications] * 2)))) == {
        "WFT-SRV-050"
    }


def test_columns_have_the_identity_that_their_contract_gives_them(opened):
    def swapped(handover: Handover) -> Handover:
        (table,) = handover.tables
        first, second = table.columns
        columns = (replace(first, key=second.key), replace(second, key=first.key))
        return replace(handover, tables=(replace(table, columns=columns),))

    def laid_out(handover: Handover) -> Handover:
        (table,) = handover.tables
        return replace(handover, tables=(replace(table, layout=Layout((PartitionField("nothing", "week", 1),))),))

    assert "under the identity `amount`, which is `id`" in str(failed(opened(swapped)))
    assert "another partition or order" in str(failed(opened(laid_out)))


def test_a_table_is_not_laid_out_by_a_column_that_it_does_not_have(opened):
    from weft.errors import UsageError
    from weft.model.handover import AskedTable

    _, client = opened()
    run = Run("20261121T000000-layout", "apply", "ada", RunState.RUNNING, dt.datetime.now(dt.UTC))
    client.start_run(replace(run, ports=(PortOutcome(PLANES, "planned"),)))

    with pytest.raises(UsageError, match="laid out by `nothing`"):
        layout = Layout((PartitionField("nothing", "identity"),))
        client.numbered(run.run_id, AskedTable(PLANES, (Column("id", "INTEGER"),), layout))


def test_what_nobody_has_thought_of_is_refused_and_holds_up_nobody(server, fleet):
    platform = open_platform(server.root)
    publishing = platform.publishing
    now = dt.datetime.now(dt.UTC)
    broken = b'{"handover": nonsense'
    publishing.handovers.hand_in("20261121T000000-broken", "fleet.aircraft", "x", "ada", broken, now, "nowhere")
    child = Committing(server.root)
    try:
        failure = child.one("20261121T000000-broken", "fleet.aircraft")
        answered = publishing.handovers.handed_in("20261121T000000-broken", "fleet.aircraft")
    finally:
        child.close()
        platform.close()

    assert failure is None
    assert answered.state is HandoverState.REFUSED
    assert codes(failure_of(answered.answer)) == {"WFT-SRV-049"}


def test_what_fails_in_the_process_that_commits_is_a_line_of_the_server_s_log_without_rows(server, fleet, capfd):
    platform = open_platform(server.root)
    name = ("20261121T000000-logged", "fleet.aircraft")
    secret = b'{"handover": "Noor of row 7"'
    platform.publishing.handovers.hand_in(*name, "x", "ada", secret, dt.datetime.now(dt.UTC), "nowhere")
    log = io.StringIO()
    logs.install("info", "json", log)
    capfd.readouterr()
    child = ProcessCommitter(server.root)
    try:
        child.commit(*name, 60)
    finally:
        child.close()
        platform.close()

    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    told, *behind = [line for line in lines if line["log"] == "weft.committing" and line["run_id"] == name[0]]
    assert {(line["level"], line["run_id"], line["product"]) for line in (told, *behind)} == {("error", *name)}
    assert "a publication could not be checked" in told["message"]
    assert any("committing.py" in place for place in told["where"])
    assert "Noor" not in log.getvalue()
    assert "Traceback" not in capfd.readouterr().err


def test_a_publication_waits_for_the_newer_weft_that_has_upgraded_the_registry(tmp_path):
    with company(tmp_path / "mesh") as platform:
        name = ("20261121T000000-newer", "fleet.aircraft")
        store = platform.publishing.handovers
        store.hand_in(*name, "x", "ada", b'{"handover": nonsense', dt.datetime.now(dt.UTC), "nowhere")
        child = Committing(tmp_path / "mesh")
        with platform.database.writing() as statements:
            statements.run(f"PRAGMA user_version = {len(STEPS) + 1}")
        try:
            failures = [child.one(*name) for _ in range(5)]
            waits = store.handed_in(*name).state
            with platform.database.writing() as statements:
                statements.run(f"PRAGMA user_version = {len(STEPS)}")
            again = child.one(*name)
            answered = store.handed_in(*name).state
        finally:
            child.close()

    assert {type(failure) for failure in failures} == {TransientError}
    assert codes(failures[0]) == {"WFT-REG-001"}
    assert waits is HandoverState.WAITING
    assert (again, answered) == (None, HandoverState.REFUSED)


def test_what_ends_one_process_after_the_other_is_refused(server, fleet):
    platform = open_platform(server.root)
    store = platform.publishing.handovers
    name = ("20261121T000000-crashes", "fleet.aircraft")
    store.hand_in(*name, "x", "ada", b"{}", dt.datetime.now(dt.UTC), "nowhere")
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom weft.api.publishing.committing import Committing\n"
        "child = Committing(Path(sys.argv[1]))\n"
        "child._received = lambda *words: os._exit(9)\nchild.one(*sys.argv[2:])\n"
    )
    for _ in range(3):
        ran = subprocess.run([sys.executable, "-c", code, str(server.root), *name], env=environment(), check=False)
        assert ran.returncode == 9
        assert store.handed_in(*name).state is HandoverState.WAITING
    child = Committing(server.root)
    try:
        child.one(*name)
        answered = store.handed_in(*name)
    finally:
        child.close()
        platform.close()

    assert answered.state is HandoverState.REFUSED
    assert "the process that checked it has ended 3 times" in str(failure_of(answered.answer))


def _children(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(number) for number in listed.stdout.split()]


def test_a_publication_whose_server_has_died_is_committed_by_the_next_one_without_being_asked(tmp_path):
    import threading

    import weft

    root = tmp_path / "server"
    with serving(root) as running:
        mesh = repository(tmp_path / "fleet", running.url, running.token("ada"), "fleet")
        planes(mesh)
        assert mesh.weft("apply").returncode == 0
        mesh.edit("data/planes.csv", "\n1,7\n", "\n1,8\n")

        with weft.open(mesh.root) as opened:
            client = Liar(running.url, token=mesh.token)
            opened._rooms.__dict__["remote"] = client
            at_work = [c for c in _children(running.process.pid) if "committing" in _command(c)]

            def stop() -> None:
                for one in at_work:
                    os.kill(one, signal.SIGSTOP)

            client.before = stop
            thread = threading.Thread(target=lambda: _let_go(opened), daemon=True)
            thread.start()
            registry = SqliteRegistry(root / ".weft/registry.db")
            _until(lambda: _states(registry) == {"done", "waiting"})
            time.sleep(1)  # the child has been told of it, and cannot take it up
            for one in (running.process.pid, *at_work):
                os.kill(one, signal.SIGKILL)
            thread.join(30)
            assert _states(registry) == {"done", "waiting"}
    began = time.monotonic()

    with serving(root):
        _until(lambda: _states(registry) == {"done"})

    assert time.monotonic() - began < 30
    assert registry.port(PLANES).revision == 2
    assert len(registry.history(PLANES)) == 2
    registry.close()


def _let_go(mesh: Mesh) -> None:
    with suppress(TransientError):  # its server goes away
        mesh.apply()


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _states(registry: SqliteRegistry) -> set[str]:
    with registry.database.reading() as statements:
        return {state for (state,) in statements.rows("SELECT state FROM handovers")}


def _until(holds: Callable[[], bool], seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.1)


class _Deaf(SqliteRegistry):
    """A registry whose answers to what it has committed are lost."""

    def publish(self, publish):
        super().publish(publish)
        raise TransientError()


@pytest.fixture
def taken(server, opened, tmp_path) -> receiving.Received:
    """A handover as the server's process has it, before it was handed in."""
    kept: list[Handover] = []

    def keep(handover: Handover) -> Handover:
        run_id = handover.publish.run_id
        shutil.copytree(server.root / ".weft/staging" / run_id, tmp_path / "uploads")
        kept.append(handover)
        return with_publish(handover, requires={})

    failed(opened(keep))
    (handover,) = kept
    uploads = {u.name: u for u in handover.uploads.values()}
    return receiving.Received(
        handover,
        f"{handover.publish.run_id}-again",
        "ada",
        False,
        tmp_path / "uploads",
        uploads,
        lambda: None,
        lambda state: True,
    )


def test_rows_stay_when_the_answer_to_their_commit_is_lost_and_the_next_try_finds_them(server, taken):
    platform = open_platform(server.root)
    platform.rooms.__dict__["registry"] = platform.rooms.__dict__["production"] = deaf = _Deaf(
        server.root / ".weft/registry.db"
    )
    try:
        before = deaf.port(PLANES).revision
        with pytest.raises(TransientError):
            receiving.receive(taken, platform.rooms.context())
        published = deaf.publication(PLANES)
        assert published.revision == before + 1
        assert all((server.root / ".weft/warehouse" / f.path).exists() for f in published.manifest.files)

        store = platform.publishing.handovers
        found = replace(taken, published=lambda: store.published(taken.run_id, "fleet.aircraft"))
        # another publication of the product has come meanwhile: the first one was published all the same
        deaf.rollback(
            replace(deaf.history(PLANES)[1], run_id="20261121T000000-later"),
            expected_revision=before + 1,
            reason="rows were better",
            actor="ada",
            at=dt.datetime.now(dt.UTC),
        )
        again = receiving.receive(found, platform.rooms.context())
        deaf.release(PLANES, actor="ada", at=dt.datetime.now(dt.UTC))
    finally:
        platform.close()

    assert again.publications == (published,)


def test_a_publication_does_not_put_back_what_its_domain_was_when_it_began(server, taken):
    platform = open_platform(server.root)
    context = platform.rooms.context()
    registry = platform.rooms.production
    earlier = registry.domain("fleet")
    changed = replace(earlier, description="another one", document={**earlier.document, "description": "another one"})

    class Meanwhile(SqliteRegistry):
        def publish(self, publish):
            platform.requisitions.store.change(changed, actor="ada", at=dt.datetime.now(dt.UTC))
            return super().publish(publish)

    other = Meanwhile(server.root / ".weft/registry.db")
    try:
        receiving.receive(taken, replace(context, registry=other))
        found = registry.domain("fleet")
        platform.requisitions.store.change(earlier, actor="ada", at=dt.datetime.now(dt.UTC))
    finally:
        other.close()
        platform.close()

    assert found.description == "another one"


def test_rows_made_from_what_may_not_be_read_any_more_are_not_published(server, taken):
    platform = open_platform(server.root)
    (one,) = taken.handover.publish.publications
    told = replace(
        taken, handover=with_publish(taken.handover, publications=[replace(one, upstream={str(PLANES): "1"})])
    )
    try:
        with pytest.raises(Conflict, match="which its product does not read"):
            receiving.receive(told, platform.rooms.context())
    finally:
        platform.close()


def test_a_domain_keeps_no_more_than_it_may(server, taken, fleet):
    platform = open_platform(server.root)
    with platform.database.writing() as statements:
        statements.run("UPDATE requisitions SET most_bytes = 1000 WHERE domain = 'fleet'")
    try:
        with pytest.raises(GateRefused, match="has no room for") as caught:
            receiving.receive(replace(taken, room=platform.requisitions.room("fleet")), platform.rooms.context())
        ran = fleet.weft("apply", "--full-refresh")
    finally:
        with platform.database.writing() as statements:
            statements.run("UPDATE requisitions SET most_bytes = 1000000000 WHERE domain = 'fleet'")
        platform.close()

    assert codes(caught.value) == {"WFT-SRV-039"}
    assert (ran.returncode, "WFT-SRV-039" in ran.stderr + ran.stdout) != (0, False)


def test_a_domain_has_no_more_products_than_it_may(server, fleet, tmp_path):
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    with registry.database.writing() as statements:
        statements.run("UPDATE requisitions SET most_products = 1 WHERE domain = 'fleet'")
    other = repository(tmp_path / "more", server.url, fleet.token, "fleet")
    planes(other)
    folder = other.path("domains/fleet/aircraft")
    text = (folder / "product.odps.yaml").read_text()
    shutil.move(folder, folder.with_name("engines"))
    other.write("domains/fleet/engines/product.odps.yaml", text.replace("aircraft", "engines"))
    try:
        ran = other.weft("apply", "fleet.engines.planes")
    finally:
        with registry.database.writing() as statements:
            statements.run("UPDATE requisitions SET most_products = 1000 WHERE domain = 'fleet'")
        registry.close()

    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "has 1 products, and may have no more" in ran.stdout + ran.stderr


def test_lineage_is_found_by_the_server_whatever_is_said_of_it(opened):
    edges = []

    def lies(handover: Handover) -> Handover:
        edges.extend(handover.publish.edges)
        wrong = LineageEdge(f"{PLANES}.id", f"{PLANES}.amount", EdgeKind.DIRECT, Transformation.IDENTITY)
        return with_publish(handover, edges=[wrong])

    mesh, client = opened(lies)
    assert not mesh.apply(full_refresh=True).failed

    found, _ = client.lineage([f"{PLANES}.id", f"{PLANES}.amount"], up=True, depth=1)
    assert sorted(found) == sorted(edges)
    assert {(e.source, e.target) for e in found} == {
        ("fleet.aircraft.raw.id", f"{PLANES}.id"),
        ("fleet.aircraft.raw.amount", f"{PLANES}.amount"),
    }


def test_models_that_were_not_built_are_refused(opened):
    def other(handover: Handover) -> Handover:
        (model,) = handover.publish.written
        text = model.text.replace("amount::integer", "0::integer")
        return with_publish(handover, written=[replace(model, text=text)])

    def reaches(handover: Handover) -> Handover:
        (model,) = handover.publish.written
        return with_publish(handover, written=[replace(model, text="select id, amount from read_csv('/etc/passwd')")])

    tampered = failed(opened(other))
    assert (type(tampered), codes(tampered)) == (ProjectError, {"WFT-SRV-051"})
    assert "was built from other models" in str(tampered)
    assert "is published without its model `planes`" in str(failed(opened(lambda h: with_publish(h, written=[]))))
    assert any(code.startswith("WFT-SQL") for code in codes(failed(opened(reaches))))


def test_runs_elsewhere_are_metered_and_what_only_the_runner_knows_is_marked(server, opened):
    mesh, client = opened()
    assert not mesh.apply(full_refresh=True).failed
    published = client.publication(PLANES)
    registry = SqliteRegistry(server.root / ".weft/registry.db")

    def kept() -> dict[tuple[str, str], float]:
        with registry.database.reading() as statements:
            rows = statements.rows("SELECT kind, purpose, amount FROM meters WHERE run_id = ?", (published.run_id,))
        return {(kind, purpose): amount for kind, purpose, amount in rows}

    _until(lambda: ("storage_bytes", "build") in kept())
    found = kept()
    registry.close()

    assert found["cpu_seconds", "build, told by the runner"] > 0
    assert found["bytes_read", "build, told by the runner"] > 100
    assert found["storage_bytes", "build"] == published.manifest.size_bytes
    assert (found["rows_written", "build"], found["bytes_written", "build"]) == (100, published.manifest.size_bytes)
    assert len(found) == 5
    foreign = Meter(published.published_at, "cpu_seconds", 1.0, "hr.people", "hr.people", "build", run_id="x")
    run = Run("20261121T000000-meters", "apply", "ada", RunState.RUNNING, dt.datetime.now(dt.UTC))
    client.start_run(replace(run, ports=(PortOutcome(PLANES, "planned"),)))
    with pytest.raises(AccessDenied, match="WFT-SRV-032"):
        client.meter([replace(foreign, run_id=run.run_id)])


def test_what_is_recorded_of_a_run_is_no_text_of_its_client(server, opened):
    _, client = opened()
    name = "20261121T000000-texts"
    lie = PortOutcome(PLANES, "made up " * 1000, "4711", 10**9)
    run = Run(name, "kind " * 1000, "root", RunState.RUNNING, dt.datetime.now(dt.UTC), ports=(lie,))
    client.start_run(run)
    begun = client.run(name)
    claimed = replace(lie, outcome="published")
    client.finish_run(replace(run, state=RunState.SUCCEEDED, finished_at=run.started_at, ports=(lie, claimed)))
    ended = client.run(name)

    assert (begun.kind, begun.actor, begun.ports) == ("apply", "ada", (PortOutcome(PLANES, "planned"),))
    assert ended.ports == (PortOutcome(PLANES, "failed"), PortOutcome(PLANES, "failed"))
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    (event,) = [e for e in registry.events(0, 10_000) if e.subject == name and e.kind == "run.finished"]
    registry.close()
    assert event.body["ports"] == {str(PLANES): "failed"}
