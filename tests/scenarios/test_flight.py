"""Rows by Arrow Flight SQL, asked with a driver that is not ours."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Iterator
from decimal import Decimal

import adbc_driver_flightsql.dbapi as adbc
import httpx
import pyarrow as pa
import pytest
from pyarrow import flight

import weft
from tests.domains import Repository, TestServer, free_port, planes, repository, serving
from weft.api.platform import open_platform
from weft.api.wires.flight_messages import packed, unpacked
from weft.errors import AccessDenied, UserCodeError

PLANES = "fleet.aircraft.planes"


class Flying:
    """A server that speaks Flight SQL too."""

    def __init__(self, server: TestServer, port: int) -> None:
        self.server, self.port = server, port
        self.uri = f"grpc://127.0.0.1:{port}"

    def connect(self, user: str, secret: str | None = None):
        secret = secret or self.server.token(user)
        return adbc.connect(self.uri, db_kwargs={"username": user, "password": secret}, autocommit=True)


@pytest.fixture(scope="module")
def flying(tmp_path_factory) -> Iterator[Flying]:
    port = free_port()
    with serving(tmp_path_factory.mktemp("server"), settings=f"[server]\nflight_port = {port}\n") as running:
        yield Flying(running, port)


@pytest.fixture(scope="module")
def fleet(flying, tmp_path_factory) -> Repository:
    """`fleet`, which ada owns and has published."""
    mesh = repository(tmp_path_factory.mktemp("fleet"), flying.server.url, flying.server.token("ada"), "fleet")
    planes(mesh)
    ran = mesh.weft("apply")
    assert ran.returncode == 0, ran.stderr
    return mesh


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def rows(connection, sql: str, values=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def refused(connection, sql: str, values=None) -> str:
    with pytest.raises(adbc.Error) as told:
        rows(connection, sql, values)
    return str(told.value)


def test_a_query_is_answered_and_written_down_under_its_wire(flying, fleet):
    sql = f"select count(*), sum(id) from {PLANES}"
    with flying.connect("ada") as connection:
        assert rows(connection, sql) == [(100, 4950)]

    found = httpx.get(
        f"{flying.server.url}/api/v1/audit/reads/own", headers=bearer(flying.server.token("ada")), timeout=60
    )
    read = found.json()["items"][0]
    assert (read["query"], read["wire"], read["rows"], read["ended"]) == (sql, "flight", 1, "done")
    assert [one["port"] for one in read["ports"]] == ["fleet.aircraft.planes@1"]


def test_values_are_bound_to_a_prepared_query(flying, fleet):
    with flying.connect("ada") as connection:
        assert rows(connection, f"select id from {PLANES} where id = ? or id = ? order by 1", [5, 7]) == [(5,), (7,)]
        assert rows(connection, "select $2 as b, $1 as a", ["it's", -3]) == [(-3, "it's")]
        given = [dt.date(2026, 1, 2), dt.datetime(2026, 1, 2, 3, 4, 5), Decimal("1.50"), 0.1, True, b"\x00\xff", None]
        assert rows(connection, "select ? a, ? b, ? c, ? d, ? e, ? f, ? g", given) == [tuple(given)]
        assert rows(connection, "select ? as a", ["'; drop table x; --"]) == [("'; drop table x; --",)]
        assert "WFT-SRV-080" in refused(connection, f"select id from {PLANES} where id = ?", [])


def test_what_there_is_is_told_as_far_as_it_is_granted(flying, fleet):
    with flying.connect("ada") as connection:
        objects = connection.adbc_get_objects(depth="all").read_all().to_pylist()
        assert [c["catalog_name"] for c in objects] == ["fleet"]
        (schema,) = objects[0]["catalog_db_schemas"]
        (table,) = schema["db_schema_tables"]
        assert (schema["db_schema_name"], table["table_name"], table["table_type"]) == ("aircraft", "planes", "TABLE")
        assert [c["column_name"] for c in table["table_columns"]] == ["id", "amount"]
        assert connection.adbc_get_table_types() == ["TABLE"]
        assert connection.adbc_get_info()["vendor_name"] == "weft"
        told = connection.adbc_get_table_schema("planes", catalog_filter="fleet", db_schema_filter="aircraft")
        assert [(f.name, str(f.type)) for f in told] == [("id", "int32"), ("amount", "int32")]

    with flying.connect("mallory") as connection:
        text = str(connection.adbc_get_objects(depth="all").read_all().to_pylist())
        assert "planes" not in text and "fleet" not in text
        assert "WFT-ACC-002" in refused(connection, f"select * from {PLANES}")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (f"select nothing from {PLANES}", "WFT-SQL-010"),
        ("drop table x", "WFT-SQL-004"),
        ("from read_csv('/etc/passwd')", "WFT-SQL-006"),
        ("select 1 as a; select 2 as b", "WFT-SQL-002"),
        ("from fleet.aircraft.nothing", "WFT-ACC-001"),
    ],
)
def test_a_query_that_is_refused_says_why_and_shows_no_code_of_the_server(flying, fleet, sql, code):
    with flying.connect("ada") as connection:
        told = refused(connection, sql)

    assert code in told
    assert "Traceback" not in told and ".py" not in told


def test_credentials_that_hold_for_nobody_are_refused(flying, fleet):
    ada, mallory = flying.server.token("ada"), flying.server.token("mallory")

    with flying.connect("mallory", mallory) as connection:
        assert rows(connection, "select 1 as one") == [(1,)]
    for given in ({"username": "ada", "password": mallory}, {"username": "ada", "password": "weft_nothing"}, {}):
        with pytest.raises(adbc.Error, match="WFT-SRV-082"), adbc.connect(flying.uri, db_kwargs=given) as connection:
            rows(connection, "select 1 as one")
    header = {"adbc.flight.sql.authorization_header": f"Bearer {ada}"}
    with adbc.connect(flying.uri, db_kwargs=header, autocommit=True) as connection:
        assert rows(connection, f"select count(*) from {PLANES}") == [(100,)]


def test_a_token_that_is_revoked_ends_a_connection(flying, fleet):
    secret = flying.server.token("ada")
    with flying.connect("ada", secret) as connection:
        assert rows(connection, "select 1 as one") == [(1,)]
        platform = open_platform(flying.server.root)
        token, _ = platform.identity.tokens.holding(secret, platform.rooms.now())
        platform.identity.tokens.revoke(token.token_id, actor="ada", at=platform.rooms.now())
        platform.close()

        assert "WFT-SRV-082" in refused(connection, "select 1 as one")


def last_read(flying) -> dict:
    found = httpx.get(
        f"{flying.server.url}/api/v1/audit/reads/own", headers=bearer(flying.server.token("ada")), timeout=60
    )
    return found.json()["items"][0]


def test_the_python_client_reads_by_flight_where_the_server_speaks_it(flying, fleet):
    with weft.open(flying.server.url, token=flying.server.token("ada")) as mesh:
        answer = mesh.query(f"select id, amount from {PLANES} order by id", limit=7, purpose="seats")
        assert answer.arrow()["id"].to_pylist() == list(range(7))
        assert (answer.truncated, [c.name for c in answer.columns]) == (True, ["id", "amount"])
        assert list(answer.snapshots) == ["fleet.aircraft.planes@1"]
        read = last_read(flying)
        assert (read["wire"], read["purpose"], read["rows"]) == ("flight", "seats", 7)

        whole = mesh.read("fleet.aircraft.planes@1")
        assert sum(batch.num_rows for batch in whole.batches()) == 100
        assert (mesh.read("fleet.aircraft.planes@1").polars().height, len(mesh.read("fleet.aircraft.planes@1"))) == (
            100,
            100,
        )


def test_the_python_client_asks_by_http_what_flight_cannot_say_and_is_told_what_is_wrong(flying, fleet):
    with weft.open(flying.server.url, token=flying.server.token("ada")) as mesh:
        mesh.query(f"select count(*) as n from {PLANES}", purpose="Sitzplätze").arrow()
        assert (last_read(flying)["wire"], last_read(flying)["purpose"]) == ("http", "Sitzplätze")

        with pytest.raises(UserCodeError, match="WFT-SQL-010"):
            mesh.query(f"select nothing from {PLANES}")
    with (
        weft.open(flying.server.url, token=flying.server.token("mallory")) as mesh,
        pytest.raises(AccessDenied, match="WFT-ACC-002"),
    ):
        mesh.read("fleet.aircraft.planes@1")


def test_a_port_that_is_retired_between_plan_and_fetch_is_not_read(flying, tmp_path_factory):
    secret = flying.server.token("ada")
    mesh = repository(tmp_path_factory.mktemp("hangar"), flying.server.url, secret, "hangar")
    planes(mesh, "hangar")
    assert mesh.weft("apply").returncode == 0
    call = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {secret}".encode())])
    command = packed("CommandStatementQuery", {1: b"from hangar.aircraft.planes"})
    with flight.connect(flying.uri) as client:
        info = client.get_flight_info(flight.FlightDescriptor.for_command(command), call)
        again = client.get_flight_info(flight.FlightDescriptor.for_command(command), call)
        assert client.do_get(again.endpoints[0].ticket, call).read_all().num_rows == 100

        shutil.rmtree(mesh.root / "domains/hangar/aircraft")
        retired = mesh.weft("apply", "--yes")
        assert retired.returncode == 0, retired.stdout + retired.stderr

        with pytest.raises(flight.FlightError, match="WFT-ACC-0"):
            client.do_get(info.endpoints[0].ticket, call).read_all()


def test_the_calls_of_the_jdbc_driver_in_their_order(flying, fleet):
    """What `arrow-flight-sql-jdbc` asks, call by call: the driver itself was not there to be run.

    Source: `ArrowFlightSqlClientHandler` and `ArrowDatabaseMetadata` of Apache Arrow's Java code.
    """
    with flight.connect(flying.uri) as client:
        # DriverManager.getConnection: a handshake with name and password, whose bearer goes with each call after it
        kind, token = client.authenticate_basic_token("ada", flying.server.token("ada"))
        call = flight.FlightCallOptions(headers=[(kind, token)], timeout=30)

        def told(name: str, fields=None, body: bytes | None = None) -> pa.Table:
            command = flight.FlightDescriptor.for_command(body or packed(name, fields or {}))
            return client.do_get(client.get_flight_info(command, call).endpoints[0].ticket, call).read_all()

        # DatabaseMetaData: what the product is, then the tree that DBeaver opens
        assert "weft" in str(told("CommandGetSqlInfo").to_pylist())
        assert told("CommandGetTableTypes").to_pylist() == [{"table_type": "TABLE"}]
        assert told("CommandGetCatalogs").to_pylist() == [{"catalog_name": "fleet"}]
        (schema,) = told("CommandGetDbSchemas", {1: b"fleet"}).to_pylist()
        assert schema["db_schema_name"] == "aircraft"
        (table,) = told("CommandGetTables", {1: b"fleet", 2: b"aircraft", 3: b"%", 5: 1}).to_pylist()
        columns = pa.ipc.read_schema(pa.py_buffer(table["table_schema"]))
        assert (table["table_name"], columns.names) == ("planes", ["id", "amount"])

        # Connection.prepareStatement, setInt, executeQuery, close
        sql = f"select id from {PLANES} where id >= ? order by id limit 2".encode()
        action = flight.Action("CreatePreparedStatement", packed("ActionCreatePreparedStatementRequest", {1: sql}))
        (made,) = client.do_action(action, call)
        prepared = unpacked(made.body.to_pybytes())
        handle, values = prepared.data(1), pa.ipc.read_schema(pa.py_buffer(prepared.data(3)))
        assert pa.ipc.read_schema(pa.py_buffer(prepared.data(2))).names == ["id"]
        assert values.types == [pa.int32()]  # of the column that it is compared with: setInt finds what it needs
        bound = packed("CommandPreparedStatementQuery", {1: handle})
        writer, reader = client.do_put(flight.FlightDescriptor.for_command(bound), values, call)
        with writer:
            writer.write_batch(pa.record_batch([pa.array([7], values.field(0).type)], schema=values))
            writer.done_writing()
            reader.read()
        assert told("", body=bound).to_pylist() == [{"id": 7}, {"id": 8}]
        closing = flight.Action("ClosePreparedStatement", packed("ActionClosePreparedStatementRequest", {1: handle}))
        assert list(client.do_action(closing, call)) == []
        with pytest.raises(flight.FlightServerError, match="WFT-SRV-077"):
            told("", body=bound)

        # Connection.close
        assert len(list(client.do_action(flight.Action("CloseSession", b""), call))) == 1


@pytest.mark.parametrize(
    ("condition", "types"),
    [
        ("id = ? and amount between ? and ?", ["int32", "int32", "int32"]),
        ("? < id and p.amount in (?, ?)", ["int32", "int32", "int32"]),
        ("id = $who or $who is null", ["int32"]),
        ("id = $1 and 'x' = $2", ["int32", "string"]),
        ("id = ? or id = (select max(amount) from fleet.aircraft.planes where id = ?)", ["string", "string"]),
        ("abs(id) = ?", ["string"]),
        ("nothing = ?", ["string"]),
    ],
)
def test_a_place_has_the_type_of_the_column_it_is_compared_with_where_that_is_plain(flying, fleet, condition, types):
    sql = f"select id from {PLANES} p where {condition}".encode()
    with flight.connect(flying.uri) as client:
        call = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {flying.server.token('ada')}".encode())])
        action = flight.Action("CreatePreparedStatement", packed("ActionCreatePreparedStatementRequest", {1: sql}))
        (made,) = client.do_action(action, call)

    prepared = unpacked(made.body.to_pybytes())
    assert [str(t) for t in pa.ipc.read_schema(pa.py_buffer(prepared.data(3))).types] == types
