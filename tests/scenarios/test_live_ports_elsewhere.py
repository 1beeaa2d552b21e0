"""Products elsewhere that are built from a port which lives in a database: the server gives its rows to their runs."""

from __future__ import annotations

import datetime as dt
import io
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import pytest
from pyarrow import parquet

from tests.domains import TestServer, domain, repository, serving
from tests.live_ports import COLUMNS, SERVED, LiveShop
from tests.meshes import contract, descriptor, port
from tests.servers import empty_database
from tests.stores import ObjectServer
from weft.api.platform import open_platform
from weft.model.address import parse_address
from weft.model.records import PortOutcome, Run, RunState

PORT = "shop.sales.orders"
SUMS = [{"name": "region", "logicalType": "string"}, {"name": "n", "logicalType": "integer"}]


class Company:
    """A server with the connection `db`; `shop`, whose port lives there; and `crew`, which builds from it.

    The repository of `crew` has a connection of the same name, to a database of its own with other rows.
    """

    def __init__(self, server: TestServer, folder: Path, url: str, own: str) -> None:
        self.server = server
        for name in ("shop", "own"):
            (folder / name).mkdir()
        self.shop = LiveShop(folder / "shop", url)
        self.shop.orders()
        self.mesh = self.shop.handed_in_to(server)
        LiveShop(folder / "own", own).orders(60)
        self.crew = repository(folder / "crew", server.url, server.token("cid"), "crew")
        self.crew.write(
            "weft.toml",
            self.crew.path("weft.toml").read_text() + '[connections.db]\nkind = "postgres"\ndsn = {file = "dsn"}\n',
        )
        self.crew.write("dsn", own)
        made = httpx.post(
            f"{server.url}/api/v1/domains",
            json=domain(self.crew, "crew"),
            headers={"Authorization": f"Bearer {self.crew.token}"},
            timeout=60,
        )
        assert made.status_code < 300, made.text
        folder_of = "domains/crew/norths"
        self.crew.write(
            f"{folder_of}/product.odps.yaml",
            descriptor("crew", "norths", [port("orders", f"{PORT}@1")], ["sums"]),
        )
        self.crew.write(f"{folder_of}/contracts/sums.odcs.yaml", contract("crew.norths.sums", SUMS))
        self.crew.write(f"{folder_of}/models/sums.sql", "select region, count(*) as n from orders group by all")

    def publish(self) -> None:
        ran = self.mesh.weft("apply")
        assert ran.returncode == 0, ran.stdout + ran.stderr

    def build(self, expect: int = 0) -> str:
        ran = self.crew.weft("apply")
        assert ran.returncode == expect, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    def sums(self) -> list[list[Any]]:
        found: list[list[Any]] = self.crew.json("query", "select region, n from crew.norths.sums order by region")[
            "rows"
        ]
        return found

    def client(self, secret: str | None = None) -> httpx.Client:
        headers = {"Authorization": f"Bearer {secret or self.crew.token}"}
        return httpx.Client(base_url=f"{self.server.url}/api/v1", headers=headers, timeout=60)

    def open_run(self, run_id: str, client: httpx.Client, of: str = "crew.norths.sums@1") -> None:
        address, at = parse_address(of), dt.datetime.now(dt.UTC)
        outcome = PortOutcome(address, "planned")
        run = Run(run_id, "apply", "cid", RunState.RUNNING, at, None, (), (outcome,), "here:1:1")
        answer = client.post(
            "/runs", content=msgspec.json.encode(run, enc_hook=str), headers={"Content-Type": "application/json"}
        )
        assert answer.status_code < 300, answer.text

    def end_run(self, run_id: str, client: httpx.Client) -> None:
        now = dt.datetime.now(dt.UTC)
        run = Run(run_id, "apply", "cid", RunState.FAILED, now, now, (), (), "here:1:1")
        answer = client.put(
            f"/runs/{run_id}",
            content=msgspec.json.encode(run, enc_hook=str),
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code < 300, answer.text

    def scan(self, client: httpx.Client, run_id: str | None, **more: Any) -> httpx.Response:
        asked = {"port": f"{PORT}@1", "product": "crew.norths", "run": run_id, **more}
        return client.post("/scans", json=asked)

    def left(self) -> list[Path]:
        """Files of rows that lie with the server, but for those of tables, and in the folders of runs."""
        return [
            f for f in (self.server.root / ".weft").rglob("*.parquet") if "inputs" in f.parts or "fetched" in f.parts
        ]


@pytest.fixture
def company(tmp_path: Path, postgres: str) -> Iterator[Company]:
    with empty_database(postgres) as url, empty_database(postgres) as own:
        (tmp_path / "server").mkdir()
        (tmp_path / "server/dsn").write_text(url)
        with serving(tmp_path / "server", settings=SERVED) as server:
            made = Company(server, tmp_path, url, own)
            made.publish()
            yield made


def file_of(client: httpx.Client, scan: dict[str, Any], number: int = 0) -> httpx.Response:
    return client.get(f"/scans/{scan['scan_id']}/files/{number}", headers={"X-Scan-Token": scan["token"]})


def code(answer: httpx.Response) -> str:
    return str(answer.json()["diagnostics"][0]["code"])


def test_a_product_elsewhere_is_built_from_the_rows_that_the_server_reads_for_its_run(company):
    """Never by a connection of its own that has the name."""
    company.build()
    first = company.sums()
    company.shop.run("INSERT INTO orders VALUES (33, 'x', 'north', 1, '2026-02-01', 'y')")
    company.publish()
    company.build()

    assert first == [["north", 2], ["south", 2], [None, 2]]
    assert company.sums()[0] == ["north", 3]
    assert company.left() == []
    assert not list((company.crew.root / ".weft/tmp").rglob("*.parquet")), "nor is anything left on the runner"
    with closing(open_platform(company.server.root)) as platform:
        (made,) = platform.rooms.production.history(parse_address("crew.norths.sums@1"), limit=1)
        state = platform.rooms.published(f"{PORT}@1")
    assert made.upstream[f"{PORT}@1"] == state.snapshot_id


def test_a_table_without_rows_gives_none(company):
    """Its rows went after its contract was checked: that is for whoever reads them to find."""
    company.shop.run("DELETE FROM orders")
    with company.client() as cid:
        company.open_run("run-of-crew-0", cid)
        made = company.scan(cid, "run-of-crew-0")
        company.end_run("run-of-crew-0", cid)

    assert (made.status_code, made.json()["files"]) == (201, [])
    assert "expected rows > 0" in company.build(expect=1)


def test_the_file_holds_what_the_port_shows_and_is_for_its_run_and_its_caller_alone(company):
    with company.client() as cid, company.client(company.server.token("mallory")) as mallory:
        company.open_run("run-of-crew-1", cid)
        made = company.scan(cid, "run-of-crew-1")
        assert made.status_code == 201, made.text
        scan = made.json()
        content = file_of(cid, scan)
        stolen = file_of(mallory, scan)
        untold = cid.get(f"/scans/{scan['scan_id']}/files/0", headers={"X-Scan-Token": "x"})
        modes = [f.parent.stat().st_mode & 0o777 for f in company.left()]
        company.end_run("run-of-crew-1", cid)
        after = file_of(cid, scan)
        late = company.scan(cid, "run-of-crew-1")

    table = parquet.read_table(io.BytesIO(content.content))
    assert table.column_names == list(COLUMNS), "the table has a column more, which nobody promises"
    assert sorted(table.column("id").to_pylist()) == [1, 2, 3, 4, 5, 6]
    assert modes == [0o700]
    assert "dsn" not in made.text and "127.0.0.1" not in made.text
    assert (stolen.status_code, untold.status_code) == (403, 403)
    assert (code(after), code(late)) == ("WFT-SRV-041", "WFT-SRV-030")
    assert company.left() == []


def test_nothing_is_read_without_a_run_of_the_caller_that_builds_the_product(company):
    with company.client() as cid, company.client(company.server.token("ada")) as ada:
        company.open_run("run-of-shop-1", ada, f"{PORT}@1")
        answers = [
            company.scan(cid, None),
            company.scan(cid, "run-of-shop-1"),
            company.scan(cid, "../../etc/passwd"),
            company.scan(ada, "run-of-shop-1"),
            company.scan(ada, "run-of-shop-1", product=None),
        ]
        company.end_run("run-of-shop-1", ada)

    assert [code(answer) for answer in answers] == [
        "WFT-ACC-037",
        "WFT-SRV-030",
        "WFT-SRV-030",
        "WFT-ACC-010",
        "WFT-ACC-037",
    ]
    assert company.left() == []


def test_a_product_from_which_something_is_hidden_is_given_no_row(company):
    policy = company.server.root / "governance/access.yaml"
    policy.parent.mkdir(exist_ok=True)
    for rule in ("filter: \"region = 'north'\"", "columns: customer, mask: hash"):
        when = "when: {products: crew.norths}"
        policy.write_text(f"rules:\n  - {{id: hidden, ports: shop.sales, {when}, {rule}}}\n")
        told = company.build(expect=3)
        assert "WFT-ACC-037" in told, told
    assert company.left() == []


def test_what_is_confidential_is_given_to_a_product_with_a_grant_alone(company):
    secret = {"logicalType": "string", "classification": "confidential"}
    company.shop.contract(COLUMNS | {"customer": secret}, "1.1.0")
    company.shop.product({"connection": "db", "table": "orders"}, "1.1.0")
    company.publish()
    refused = company.build(expect=3)
    with closing(open_platform(company.server.root)) as platform:
        address, now = parse_address(f"{PORT}@1"), platform.rooms.now()
        grant = platform.scanning.grants.grant(
            address, "product", "crew.norths", basis="request", actor="ada", at=now, ends_at=None
        )
    with company.client() as cid:
        company.open_run("run-of-crew-2", cid)
        scan = company.scan(cid, "run-of-crew-2")
        assert scan.status_code == 201, scan.text
        with closing(open_platform(company.server.root)) as platform:
            platform.scanning.grants.end(grant.grant_id, actor="ada", at=platform.rooms.now())
        again = company.scan(cid, "run-of-crew-2")
        revoked = file_of(cid, scan.json())

    assert "WFT-SRV-040" in refused
    assert code(again) == "WFT-SRV-040"
    assert revoked.status_code == 403


def test_a_port_that_was_published_again_is_not_given_as_it_was_planned_with(company):
    with closing(open_platform(company.server.root)) as platform:
        before = platform.rooms.published(f"{PORT}@1").snapshot_id
    company.publish()

    with company.client() as cid:
        company.open_run("run-of-crew-3", cid)
        answer = company.scan(cid, "run-of-crew-3", snapshot_id=before)

    assert (answer.status_code, code(answer)) == (409, "WFT-RUN-001")
    assert company.left() == []


SLOW = (
    "CREATE FUNCTION waits(integer) RETURNS integer LANGUAGE plpgsql VOLATILE AS"
    " 'BEGIN PERFORM pg_advisory_xact_lock_shared(7); RETURN $1; END'",
    "ALTER TABLE orders RENAME TO kept",
    "CREATE VIEW orders AS SELECT waits(id) AS id, customer, region, amount, day FROM kept",
)


def test_what_moves_while_the_database_works_is_noticed_and_nothing_is_published_from_it(company):
    """The run ends, or the port is published again: the rows that come afterwards are given to nobody."""
    company.shop.run(*SLOW)
    company.publish()
    with company.client() as cid, psycopg.connect(company.shop.url, autocommit=True) as holds:
        for run_id, what, expected in (
            ("run-of-crew-4", lambda: company.end_run("run-of-crew-4", cid), "WFT-SRV-030"),
            ("run-of-crew-5", lambda: moved(company), "WFT-RUN-001"),
        ):
            company.open_run(run_id, cid)
            holds.execute("SELECT pg_advisory_lock(7)")
            answers: list[httpx.Response] = []
            asking = threading.Thread(target=lambda r=run_id, a=answers: a.append(company.scan(cid, r)))
            asking.start()
            until = time.monotonic() + 30
            while not company.shop.run("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
                assert time.monotonic() < until
                time.sleep(0.05)
            what()
            holds.execute("SELECT pg_advisory_unlock(7)")
            asking.join(60)
            assert [code(answer) for answer in answers] == [expected]
        company.end_run("run-of-crew-5", cid)

    assert company.left() == []


def moved(company: Company) -> None:
    company.shop.product({"connection": "db", "table": "public.kept"})
    company.publish()


def test_no_more_is_read_than_a_domain_has_room_for(company):
    with closing(open_platform(company.server.root)) as platform:
        company.build()
        platform.identity.user_verbs.add("olga", None, ["operator"], actor="test")
        held = platform.requisitions.weights.of("crew", anew=True)
    company.shop.run(
        "INSERT INTO orders SELECT i, md5(i::text) || md5((i + 1)::text), 'south', 1, '2026-02-01', 'y'"
        " FROM generate_series(1000, 21000) i"
    )
    company.publish()
    olga = company.server.token("olga")
    bounded = company.crew.weft("quota", "crew", "--size", f"{(held + 20_000) / 1000}kB", WEFT_TOKEN=olga)
    assert bounded.returncode == 0, bounded.stderr
    large = company.build(expect=2)
    full = company.crew.weft("quota", "crew", "--size", "1kB", WEFT_TOKEN=olga)
    assert full.returncode == 0, full.stderr
    with company.client() as cid:
        company.open_run("run-of-crew-6", cid)
        none = company.scan(cid, "run-of-crew-6")
        company.end_run("run-of-crew-6", cid)

    assert "WFT-ENG-005" in large, large
    assert code(none) == "WFT-SRV-039"
    assert company.left() == []


def test_what_was_read_for_a_run_that_never_ended_is_swept(company):
    with company.client() as cid:
        company.open_run("run-of-crew-7", cid)
        scan = company.scan(cid, "run-of-crew-7").json()
        assert len(company.left()) == 1
        later = lambda: dt.datetime.now(dt.UTC) + dt.timedelta(days=2)  # noqa: E731
        with closing(open_platform(company.server.root, later)) as platform:
            platform.publishing.tidy()
            held = platform.publishing.handovers.uploads("run-of-crew-7")
        gone = file_of(cid, scan)

    assert code(gone) == "WFT-SRV-041"
    assert held == {}
    assert company.left() == []


def test_a_port_of_another_domain_is_not_verified_by_a_connection_that_has_its_name(company):
    own = company.mesh.weft("verify", PORT)
    other = company.crew.weft("verify", PORT)
    asked = company.mesh.json("query", f"select count(*) from {PORT}")

    assert own.returncode == 0, own.stderr
    assert asked["rows"] == [[6]], "the server is asked"
    assert "6 rows" in own.stdout
    assert other.returncode != 0
    assert "WFT-SRC-056" in other.stderr + other.stdout
    assert "60" not in other.stdout


def test_a_preview_elsewhere_says_that_rows_come_for_a_run_alone(company):
    told = company.crew.weft("preview", "crew.norths.sums")

    assert told.returncode != 0
    assert "WFT-SRC-056" in told.stderr + told.stdout


def test_rows_are_fetched_from_the_store_where_the_warehouse_lies_in_one(
    store: ObjectServer, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
):
    for name, value in store.environ.items():
        monkeypatch.setenv(name, value)
    bucket = store.bucket()
    with empty_database(postgres) as url, empty_database(postgres) as own:
        (tmp_path / "server").mkdir()
        (tmp_path / "server/dsn").write_text(url)
        settings = store.settings(bucket) + SERVED
        with serving(tmp_path / "server", settings=settings, imports_alone=True) as server:
            company = Company(server, tmp_path, url, own)
            for name in store.environ:
                monkeypatch.delenv(name)
            company.publish()
            company.build()
            assert company.sums() == [["north", 2], ["south", 2], [None, 2]]
            with company.client() as cid:
                company.open_run("run-of-crew-8", cid)
                scan = company.scan(cid, "run-of-crew-8").json()
                sent = file_of(cid, scan)
                assert sent.status_code == 307
                content = httpx.get(sent.headers["location"], timeout=60).content
                company.end_run("run-of-crew-8", cid)
                after = file_of(cid, scan)
                gone = httpx.get(sent.headers["location"], timeout=60)

    assert parquet.read_table(io.BytesIO(content)).num_rows == 6
    assert (code(after), gone.status_code) == ("WFT-SRV-041", 404)
    assert company.left() == []
