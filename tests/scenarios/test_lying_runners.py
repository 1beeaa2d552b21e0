"""A runner states something that is not so: the server refuses all of it, and what was published stays."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest
from msgspec.structs import replace

import weft
from tests.domains import Repository, TestServer, flights, planes, repository, serving
from weft.api.mesh import Mesh
from weft.errors import AccessDenied, Conflict, ContractBroken, GateRefused, ProjectError, WeftError
from weft.model.address import ProductAddress, parse_address
from weft.model.checks import Outcome
from weft.model.handover import Handover, Upload
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.publication import ColumnStatistics, Override
from weft.model.records import Event
from weft.registry.http import HttpRegistry
from weft.registry.sqlite import SqliteRegistry

PLANES = parse_address("fleet.aircraft.planes@1")
Lie = Callable[[Handover], Handover]


class Liar(HttpRegistry):
    """A client that says something else than what it has built."""

    lie: staticmethod | Lie = staticmethod(lambda handover: handover)
    before: Callable[[], None] | None = None

    def handover(self, publish):
        told = self.lie(super().handover(publish))
        if self.before is not None:
            self.before()
        return told


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
    """The domain's repository in this process, with a client that lies."""
    meshes: list[Mesh] = []

    def make(lie: Lie = lambda handover: handover, token: str = fleet.token) -> tuple[Mesh, Liar]:
        mesh = weft.open(fleet.root)
        client = Liar(server.url, token=token)
        client.lie = lie
        mesh._rooms.__dict__["remote"] = client
        meshes.append(mesh)
        return mesh, client

    yield make
    for mesh in meshes:
        mesh.close()


def refused(made: tuple[Mesh, Liar]) -> WeftError:
    """The error with which a publication is refused; nothing of what is registered has moved."""
    mesh, client = made
    before = client.publication(PLANES)
    done = mesh.apply(full_refresh=True)
    assert [f.address for f in done.failed] == [PLANES], done
    assert client.publication(PLANES) == before
    assert mesh.query("select count(*) from fleet.aircraft.planes").arrow().to_pylist() == [{"count_star()": 100}]
    return done.failed[0].error


def codes(error: WeftError) -> set[str]:
    return {d.code for d in error.diagnostics}


def with_file(handover: Handover, **changes) -> Handover:
    """A handover whose one file is said to be another."""
    (table,) = handover.tables
    (file,) = table.files
    told = (replace(file, **changes),)
    (one,) = handover.publish.publications
    publications = [replace(one, manifest=replace(one.manifest, files=told))]
    publish = replace(handover.publish, publications=publications)
    return replace(handover, tables=(replace(table, files=told),), publish=publish)


def with_publication(handover: Handover, **changes) -> Handover:
    (one,) = handover.publish.publications
    return replace(handover, publish=replace(handover.publish, publications=[replace(one, **changes)]))


def events(server: TestServer) -> Sequence[Event]:
    registry = SqliteRegistry(server.root / ".weft/registry.db")
    try:
        return registry.events(0, 10_000)
    finally:
        registry.close()


def test_what_is_true_is_published_and_its_event_says_who_has_checked_what(opened, server):
    mesh, client = opened()

    before = client.publication(PLANES).revision
    done = mesh.apply(full_refresh=True)

    assert not done.failed
    assert client.publication(PLANES).revision == before + 1
    newest = [e for e in events(server) if e.kind == "product.published"][-1]
    checked = newest.body["checked"][str(PLANES)]
    assert (checked["rows"], checked["sampled"], checked["by"]["runner"]) == (100, None, [])
    assert len(checked["by"]["all_rows"]) == 8


def test_another_number_of_rows_is_refused(opened):
    error = refused(opened(lambda h: with_file(h, rows=101)))

    assert (type(error), codes(error)) == (ContractBroken, {"WFT-SRV-033"})
    assert "has 100 rows, and not 101" in str(error)


def test_statistics_that_are_not_true_are_refused(opened):
    def narrower(handover: Handover) -> Handover:
        file = handover.tables[0].files[0]
        told = {i: ColumnStatistics(s.nulls, "5", "6", s.size_bytes) for i, s in file.statistics.items()}
        return with_file(handover, statistics=told)

    def fewer_nulls(handover: Handover) -> Handover:
        file = handover.tables[0].files[0]
        told = {i: replace(s, nulls=3) for i, s in file.statistics.items()}
        return with_file(handover, statistics=told)

    assert "values beyond the bounds" in str(refused(opened(narrower)))
    assert "has 0 nulls, and not 3" in str(refused(opened(fewer_nulls)))


def test_a_file_of_other_columns_is_refused(opened, tmp_path):
    def other_columns(handover: Handover, sql: str) -> Handover:
        path, upload = next(iter(handover.uploads.items()))
        file = tmp_path / "other.parquet"
        file.unlink(missing_ok=True)
        duckdb.sql(sql.format(file=file))
        client.upload(handover.publish.run_id, f"other/{path}", file)
        other = client._uploads.pop(f"other/{path}")
        assert other != upload
        return replace(handover, uploads={path: other})

    _, client = made = opened()
    ids = "FIELD_IDS {{id: 1, amount: 2}}"
    client.lie = lambda h: other_columns(
        h, "COPY (SELECT i::INTEGER id, i::VARCHAR amount FROM range(100) t(i)) TO '{file}' (" + ids + ")"
    )
    assert "column `amount` has another type" in str(refused(made))
    client.lie = lambda h: other_columns(
        h,
        "COPY (SELECT i::INTEGER id, i::INTEGER amount FROM range(100) t(i)) TO '{file}' "
        "(FIELD_IDS {{id: 2, amount: 1}})",
    )
    assert "field ids are not those of the table" in str(refused(made))
    client.lie = lambda h: other_columns(h, "COPY (SELECT 'no Parquet' AS x) TO '{file}' (FORMAT csv)")
    assert "cannot be read as Parquet" in str(refused(made))


def test_rows_that_break_the_contract_are_refused_whatever_is_said_of_the_checks(opened, fleet):
    text = fleet.path("data/planes.csv").read_text()
    fleet.path("data/planes.csv").write_text(text.replace("\n5,35\n", "\n4,35\n"))  # a key twice
    mesh, client = opened()

    def all_well(handover: Handover) -> Handover:
        passed = {
            port: [
                replace(r, result=Outcome.PASSED, failed_rows=0 if r.failed_rows is not None else None) for r in found
            ]
            for port, found in handover.publish.checks.items()
        }
        return replace(handover, publish=replace(handover.publish, checks=passed))

    # the runner's own judgement would stop it before anything is handed in: an owner overrides that, for one run
    client.lie = lambda h: with_publication(all_well(h), override=None)
    try:
        today = dt.datetime.now(dt.UTC).date()
        done = mesh.apply([str(PLANES)], override=("rows are good enough", str(today + dt.timedelta(days=3))))
    finally:
        fleet.path("data/planes.csv").write_text(text)

    (failed,) = done.failed
    assert type(failed.error) is ContractBroken
    assert codes(failed.error) == {"WFT-SRV-034"}
    assert "the server finds `failed` in 2 of 100 rows, the runner says `passed`" in str(failed.error)


def test_check_results_that_are_missing_or_made_up_are_refused(opened):
    def without(handover: Handover) -> Handover:
        fewer = {port: list(found)[1:] for port, found in handover.publish.checks.items()}
        return replace(handover, publish=replace(handover.publish, checks=fewer))

    def more(handover: Handover) -> Handover:
        told = {p: [*found, replace(found[0], id="made.up")] for p, found in handover.publish.checks.items()}
        return replace(handover, publish=replace(handover.publish, checks=told))

    assert codes(refused(opened(without))) == {"WFT-SRV-034"}
    assert "`made.up`" in str(refused(opened(more)))


def test_a_revision_of_the_past_and_one_that_is_not_said_are_refused(opened):
    def revision(handover: Handover, number: int | None) -> Handover:
        required = {} if number is None else {str(PLANES): number}
        return replace(handover, publish=replace(handover.publish, requires=required))

    past = refused_once(opened(lambda h: revision(h, 0)))
    silent = refused(opened(lambda h: revision(h, None)))

    assert (type(past), codes(past)) == (Conflict, {"WFT-RUN-001"})
    assert (type(silent), codes(silent)) == (Conflict, {"WFT-SRV-036"})


def refused_once(made: tuple[Mesh, Liar]) -> WeftError:
    """The same of what is planned again for as long as it has moved: the plan is given, so that it is not."""
    mesh, client = made
    before = client.publication(PLANES)
    done = mesh.apply(plan=mesh.plan(full_refresh=True))
    assert client.publication(PLANES) == before
    return done.failed[0].error


def test_a_snapshot_that_is_not_there_is_refused(opened):
    error = refused(opened(lambda h: replace(with_publication(h, snapshot_id="4711"), tables=())))

    assert (type(error), codes(error)) == (ProjectError, {"WFT-SRV-035"})


def test_a_file_of_another_run_is_refused(opened):
    names: list[Upload] = []

    def remember(handover: Handover) -> Handover:
        names.extend(handover.uploads.values())
        return with_file(handover, rows=7)

    refused(opened(remember))

    def steal(handover: Handover) -> Handover:
        (path,) = handover.uploads
        return replace(handover, uploads={path: names[0]})

    error = refused(opened(steal))

    assert (type(error), codes(error)) == (ProjectError, {"WFT-SRV-031"})
    assert "was not uploaded in this run" in str(error)


def test_a_path_that_leads_out_of_the_run_is_refused(opened, server):
    secret = server.root / "weft.toml"

    def outside(handover: Handover) -> Handover:
        ((path, upload),) = handover.uploads.items()
        return replace(handover, uploads={path: replace(upload, name="../../../weft.toml")})

    def of_the_disk(handover: Handover) -> Handover:
        return replace(with_file(handover, path=str(secret)), uploads={})

    assert codes(refused(opened(outside))) == {"WFT-SRV-031"}
    assert codes(refused(opened(of_the_disk))) == {"WFT-SRV-035"}


def test_a_file_that_changes_after_it_was_uploaded_is_refused(opened, server):
    _, client = made = opened()

    def change() -> None:
        (file,) = (server.root / ".weft/staging").glob("*/*.parquet")
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 255
        file.write_bytes(bytes(content))

    client.before = change
    assert "it has changed since it was uploaded" in str(refused(made))


def test_another_file_under_a_name_that_is_taken_is_refused(opened, tmp_path):
    _, client = made = opened()

    def again(handover: Handover) -> Handover:
        path = next(iter(handover.uploads))
        held = client._uploads.pop(path)
        other = tmp_path / "again.parquet"
        other.write_bytes(b"another content")
        try:
            client.upload(handover.publish.run_id, path, other)
        finally:
            client._uploads[path] = held
        return handover

    client.lie = again
    error = refused(made)

    assert (type(error), codes(error)) == (Conflict, {"WFT-SRV-031"})


def test_a_breaking_change_of_a_contract_is_refused_by_the_server_too(opened):
    def narrower(handover: Handover) -> Handover:
        (one,) = handover.publish.publications
        table = one.contract["schema"][0]
        rule = {**table["properties"][1], "logicalTypeOptions": {"minimum": -5}}
        document = {**one.contract, "schema": [{**table, "properties": [table["properties"][0], rule]}]}
        return with_publication(handover, contract=document)

    error = refused(opened(narrower))

    assert (type(error), codes(error)) == (GateRefused, {"WFT-CON-004"})


def test_a_publication_names_nothing_of_another_product(opened):
    other = parse_address("fleet.secrets.keys@1")

    def retires(handover: Handover) -> Handover:
        return replace(handover, publish=replace(handover.publish, retire=[other]))

    def leads_elsewhere(handover: Handover) -> Handover:
        edge = LineageEdge(f"{PLANES}.id", f"{other}.id", EdgeKind.DIRECT, Transformation.IDENTITY)
        return replace(handover, publish=replace(handover.publish, edges=[*handover.publish.edges, edge]))

    def is_another(handover: Handover) -> Handover:
        product = replace(handover.publish.product, address=ProductAddress("fleet", "secrets"))
        return replace(handover, publish=replace(handover.publish, product=product))

    def comes_from_elsewhere(handover: Handover) -> Handover:
        edge = LineageEdge("hr.people.salaries@1.pay", f"{PLANES}.id", EdgeKind.DIRECT, Transformation.IDENTITY)
        return replace(handover, publish=replace(handover.publish, edges=[*handover.publish.edges, edge]))

    for lie in (retires, leads_elsewhere, is_another, comes_from_elsewhere):
        error = refused(opened(lie))
        assert (type(error), codes(error)) == (AccessDenied, {"WFT-SRV-032"}), lie


def test_whoever_publishes_does_not_choose_under_whose_name(opened):
    mesh, client = opened(lambda h: replace(with_publication(h, published_by="root"), publish=_by(h, "root")))

    assert not mesh.apply(full_refresh=True).failed

    published = client.publication(PLANES)
    assert published.published_by == "ada"
    assert client.run(published.run_id).actor == "ada"


def _by(handover: Handover, actor: str):
    (one,) = handover.publish.publications
    return replace(handover.publish, actor=actor, publications=[replace(one, published_by=actor)])


def test_only_an_owner_publishes_against_failed_checks(opened, fleet, server):
    text = fleet.path("data/planes.csv").read_text()
    fleet.path("data/planes.csv").write_text(text.replace("\n5,35\n", "\n4,35\n"))
    mesh, _ = opened(token=server.token("ada", domain="fleet"))
    until = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=3)
    try:
        done = mesh.apply([str(PLANES)], override=("rows are good enough", str(until)))
    finally:
        fleet.path("data/planes.csv").write_text(text)

    (failed,) = done.failed
    assert (type(failed.error), codes(failed.error)) == (AccessDenied, {"WFT-SRV-047"})
    assert Override("x", "y", until, {}).ended(until) is False


def test_the_same_publication_twice_is_one_and_another_one_is_refused(opened):
    kept: list[Handover] = []
    mesh, client = opened(lambda h: kept.append(h) or h)
    assert not mesh.apply(full_refresh=True).failed
    revision = client.publication(PLANES).revision

    again = client.server.hand_in("/api/v1/publications", kept[0], dict, 60)
    with pytest.raises(Conflict) as caught:
        client.server.hand_in("/api/v1/publications", with_file(kept[0], rows=3), dict, 60)

    assert again["publications"][0]["revision"] == revision
    assert client.publication(PLANES).revision == revision
    assert codes(caught.value) == {"WFT-SRV-038"}


def test_rows_are_made_from_what_is_read_and_from_its_snapshot(server, fleet, tmp_path):
    made = repository(tmp_path, server.url, server.token("bob"), "operations")
    flights(made)
    upstream = str(PLANES)
    with weft.open(made.root) as mesh:
        client = Liar(server.url, token=made.token)
        mesh._rooms.__dict__["remote"] = client

        def made_from(port: str, snapshot: str) -> Lie:
            def lie(handover: Handover) -> Handover:
                (one,) = handover.publish.publications
                parts = {k: v for k, v in one.parts.items() if not k.startswith("upstream:")}
                told = with_publication(
                    handover, upstream={port: snapshot}, parts={**parts, f"upstream:{port}": snapshot}
                )
                required = {**handover.publish.requires, port: handover.publish.requires.get(port, 1)}
                return replace(told, publish=replace(told.publish, requires=required))

            return lie

        client.lie = made_from(upstream, "4711")
        invented = mesh.apply().failed[0].error
        client.lie = made_from("fleet.aircraft.engines@1", "1")
        unread = mesh.apply().failed[0].error
        client.lie = lambda h: h
        true = mesh.apply()

    assert codes(invented) == {"WFT-SRV-036"}
    assert "WFT-SRV-036" in codes(unread)
    assert not true.failed


def test_nothing_that_was_refused_is_left_behind(server: TestServer, fleet):
    staged = [p for p in (server.root / ".weft/staging").glob("*") if any(p.iterdir())]
    files: set[Path] = set((server.root / ".weft/warehouse").rglob("*.parquet"))
    client = HttpRegistry(server.url, token=fleet.token)
    shown = {f.path for p in client.history(PLANES) for f in p.manifest.files}

    assert staged == []
    assert {str(f.relative_to(server.root / ".weft/warehouse")) for f in files if "fleet" in str(f)} == shown
