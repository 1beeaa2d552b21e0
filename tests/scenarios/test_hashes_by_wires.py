"""A hash of one value over every wire: the same inside one grant, another in each other one, and never the value."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import adbc_driver_flightsql.dbapi as adbc
import httpx
import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.assistants import over_http, use
from tests.domains import Repository, TestServer, domain, free_port, repository, serving
from tests.live_ports import SERVED, LiveShop
from tests.meshes import contract, descriptor, source
from tests.scenarios.test_saved_queries import done
from tests.servers import empty_database

FILES, LIVE = "fleet.crew.people@1", "shop.sales.orders@1"
NAME, KEY, UID = "ann@example.org", 9_007_199_254_740_995, "6f1a2b3c-4d5e-6f70-8192-a3b4c5d6e7f8"
COLUMNS = {
    "id": {"logicalType": "integer"},
    "mail": {"logicalType": "string"},
    "number": {"logicalType": "integer", "physicalType": "BIGINT"},
    "uid": {"logicalType": "string", "physicalType": "UUID"},
}
MASKED = ["mail", "number", "uid"]
POLICIES = f"""
rules:
  - {{id: hashed, ports: [fleet, shop], when: {{users: [eve, bob]}}, columns: {MASKED}, mask: hash}}
"""
Row = tuple[str, int, str]


class Wires:
    """A server with the same row in a port of files and in one that lives in a database."""

    def __init__(self, server: TestServer, flight: int) -> None:
        self.server, self.flight = server, flight
        self.tokens = {name: server.token(name) for name in ("ada", "eve", "bob")}

    def call(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[who]}", **more.pop("headers", {})}
        answer = httpx.request(method, f"{self.server.url}{path}", headers=headers, timeout=60, **more)
        assert answer.status_code < 300, answer.text
        return answer

    def grant(self, who: str, *ports: str) -> None:
        wanted = {"ports": list(ports), "purpose": "joins"}
        asked = self.call(who, "POST", "/api/v1/access/requests", json=wanted).json()
        if any(port["state"] == "waiting" for port in asked["ports"]):
            self.call("ada", "POST", f"/api/v1/access/requests/{asked['request_id']}/approve", json={})


def put(mesh: Repository) -> None:
    """`fleet.crew.people`, made from a file."""
    domain(mesh, "fleet")
    mesh.write("data/people.csv", f"id,mail,number,uid\n1,{NAME},{KEY},{UID}\n2,,,\n")
    product = descriptor("fleet", "crew", [source("raw", file="data/people.csv")], ["people"])
    mesh.write("domains/fleet/crew/product.odps.yaml", product)
    columns = [{"name": name, "id": name, **kind} for name, kind in COLUMNS.items()]
    mesh.write("domains/fleet/crew/contracts/people.odcs.yaml", contract("fleet.crew.people", columns))
    kinds = "id::integer as id, mail::varchar as mail, number::bigint as number, uid::uuid as uid"
    mesh.write("domains/fleet/crew/models/people.sql", f"select {kinds}\nfrom raw\n")


@pytest.fixture(scope="module")
def wires(tmp_path_factory: pytest.TempPathFactory, postgres: str) -> Iterator[Wires]:
    root, flight = tmp_path_factory.mktemp("server"), free_port()
    settings = f"[server]\nflight_port = {flight}\n{SERVED}"
    (root / "governance").mkdir()
    (root / "governance/access.yaml").write_text(POLICIES)
    with empty_database(postgres) as url:
        (root / "dsn").write_text(url)
        with serving(root, settings=settings) as server:
            made = Wires(server, flight)
            put(fleet := repository(tmp_path_factory.mktemp("fleet"), server.url, made.tokens["ada"], "fleet"))
            done(fleet, "apply")
            shop = LiveShop(tmp_path_factory.mktemp("shop"), url)
            shop.contract(COLUMNS)
            shop.run(
                "CREATE TABLE orders (id integer, mail text, number bigint, uid uuid)",
                f"INSERT INTO orders VALUES (1, '{NAME}', {KEY}, '{UID}'), (2, NULL, NULL, NULL)",
            )
            done(shop.handed_in_to(server), "apply")
            made.grant("eve", FILES, LIVE)
            made.grant("bob", FILES, LIVE)
            yield made


def one(rows: list[Any]) -> Row:
    """The hashes of the first row; those of nulls are null."""
    assert [tuple(row) for row in rows[1:]] == [(None, None, None)], rows
    mail, number, uid = rows[0]
    return str(mail), int(number), str(uid)


def sql(port: str) -> str:
    return f"select mail, number, uid from {port.partition('@')[0]} order by id"


def query(media: str, read: Callable[[bytes], list[Any]]) -> Callable[[Wires, str, str], list[Any]]:
    def asked(wires: Wires, who: str, port: str) -> list[Any]:
        headers = {"Accept": media}
        return read(wires.call(who, "POST", "/api/v1/query", json={"sql": sql(port)}, headers=headers).content)

    return asked


def page(media: str, read: Callable[[bytes], list[Any]]) -> Callable[[Wires, str, str], list[Any]]:
    def asked(wires: Wires, who: str, port: str) -> list[Any]:
        asked = {"select": ",".join(MASKED), "order": "id"}
        return read(wires.call(who, "GET", f"/api/v1/data/{port}", params=asked, headers={"Accept": media}).content)

    return asked


def of_csv(body: bytes) -> list[Any]:
    return [[cell or None for cell in row] for row in csv.reader(io.StringIO(body.decode()))][1:]


def of_table(table: pa.Table) -> list[Any]:
    return [[row[name] for name in MASKED] for row in table.to_pylist()]


FORMS: dict[str, tuple[str, Callable[[bytes], list[Any]]]] = {
    "arrow": ("application/vnd.apache.arrow.stream", lambda b: of_table(pa.ipc.open_stream(b).read_all())),
    "parquet": ("application/vnd.apache.parquet", lambda b: of_table(parquet.read_table(pa.BufferReader(b)))),
    "csv": ("text/csv", of_csv),
    "json": (
        "application/json",
        lambda b: [[row[name] for name in MASKED] if isinstance(row, dict) else row for row in json.loads(b)["rows"]],
    ),
    "ndjson": (
        "application/x-ndjson",
        lambda b: [[row[name] for name in MASKED] for row in map(json.loads, filter(None, b.splitlines()))],
    ),
}


def by_flight(wires: Wires, who: str, port: str) -> list[Any]:
    known = {"username": who, "password": wires.tokens[who]}
    uri = f"grpc://127.0.0.1:{wires.flight}"
    with adbc.connect(uri, db_kwargs=known, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute(sql(port))
        return list(cursor.fetchall())


def by_assistant(wires: Wires, who: str, port: str) -> list[Any]:
    async def asked() -> list[Any]:
        async with over_http(wires.server.url, wires.tokens[who]) as weft:
            return list((await use(weft, "query", sql=sql(port)))["rows"])

    return asyncio.run(asked())


def by_saved_query(wires: Wires, who: str, port: str) -> list[Any]:
    path = f"/api/v1/queries/ada/{port.partition('.')[0]}"
    wires.call("ada", "PUT", path, json={"sql": sql(port), "title": "Hashes"})
    return list(wires.call(who, "GET", f"{path}/rows").json()["rows"])


def by_link(wires: Wires, who: str, port: str) -> list[Any]:
    (link,) = wires.call(who, "POST", f"/api/v1/data/{port}/links", json={}).json()["links"]
    body = httpx.get(f"{wires.server.url}{link['url']}", timeout=60).content
    assert NAME.encode() not in body
    return of_table(parquet.read_table(pa.BufferReader(body)).sort_by("id"))


def by_sample(wires: Wires, who: str, port: str) -> list[Any]:
    place = "/".join(port.partition("@")[0].split("."))
    found = wires.call(who, "GET", f"/ports/{place}", params={"tab": "sample"}, headers={"Accept": "application/json"})
    sample = found.json()["sample"]
    return [[row[name] for name in MASKED] for row in sample["rows"]]


WIRES: dict[str, Callable[[Wires, str, str], list[Any]]] = {
    **{f"query {name}": query(*form) for name, form in FORMS.items()},
    **{f"page {name}": page(*form) for name, form in FORMS.items()},
    "flight": by_flight,
    "assistant": by_assistant,
    "saved query": by_saved_query,
    "sample": by_sample,
}


def test_a_value_has_one_hash_for_each_grant_in_files_and_in_a_database_over_every_wire(wires):
    seen = {
        (wire, who, port): one(asked(wires, who, port))
        for wire, asked in WIRES.items()
        for who in ("eve", "bob")
        for port in (FILES, LIVE)
    }
    seen |= {("link", who, FILES): one(by_link(wires, who, FILES)) for who in ("eve", "bob")}

    hers = {cell for (_, who, _), cell in seen.items() if who == "eve"}
    his = {cell for (_, who, _), cell in seen.items() if who == "bob"}
    assert (len(hers), len(his)) == (1, 1), seen
    assert not set(next(iter(hers))) & set(next(iter(his)))
    assert not set(next(iter(hers | his))) & {NAME, KEY, UID}
