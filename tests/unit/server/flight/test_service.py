"""The Flight service over two worlds that differ in what a reader may not see, and against hostile clients."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import flight

from tests.unit.access.reading.attacks import ATTACKS, texts
from tests.unit.access.reading.worlds import CUSTOMERS, READER, World, bounded, readers_in, shown_sentinels
from weft.access.permissions import Caller
from weft.access.principals import Principal
from weft.access.query_places import placed
from weft.access.reading.asking import Question, Readers, Streamed
from weft.access.reading.wire import Form
from weft.api.wires.flight import Client, require_there
from weft.api.wires.flight_messages import packed
from weft.errors import TransientError, error
from weft.server.flight.service import FlightService


class WorldFlight:
    """What the service asks of a platform, over one world and one reader."""

    def __init__(self, readers: Readers, world: World) -> None:
        self._readers, self._world = readers, world
        self.taking = ThreadPoolExecutor(8)

    def run(self, work, *given):
        return work(*given)

    def caller(self, authorization: str) -> Caller:
        return Caller(authorization or "reader", "user")

    def principal(self, caller: Caller) -> Principal:
        return Principal(caller.name, READER.kind)

    def ask(self, caller, sql, *, limit, at, purpose, described=False, client=None) -> Streamed:
        question = Question(sql, Form.ARROW, limit, at, "", purpose, described)
        return self._readers.ask(_Left(self._world, client), self.principal(caller), question, placed)  # type: ignore[arg-type]

    def places(self, caller, sql):
        return self._readers.places(self.principal(caller), sql)

    def tables(self, caller, names):
        return iter(())


class _Left:
    """The door of a world, which looks whether somebody still waits."""

    def __init__(self, world: World, client: Client | None) -> None:
        self.opened, self.witnessed = world.opened, world.witnessed
        self._world, self._client = world, client

    def still(self, principal, opened) -> bool:
        require_there(self._client)
        return self._world.still(principal, opened)


@contextmanager
def flown(
    readers: Readers, world: World, patience_s: float = 60
) -> Iterator[tuple[FlightService, flight.FlightClient]]:
    service = FlightService(WorldFlight(readers, world), "grpc://127.0.0.1:0", patience_s=patience_s)  # type: ignore[arg-type]
    with flight.connect(f"grpc://127.0.0.1:{service.port}") as client:
        yield service, client
    service.close()


def planned(client: flight.FlightClient, sql: str) -> flight.Ticket:
    command = packed("CommandStatementQuery", {1: sql.encode()})
    info = client.get_flight_info(flight.FlightDescriptor.for_command(command))
    return info.endpoints[0].ticket


def answer(client: flight.FlightClient, sql: str) -> str:
    """What a reader gets: rows, or the whole of the error."""
    try:
        found = client.do_get(planned(client, sql)).read_all()
        try:
            return str(found.to_pylist())
        except (OverflowError, ValueError):  # a date that Python has no object for
            return str([column.cast(pa.string()).to_pylist() for column in found.columns])
    except flight.FlightError as e:
        return f"{type(e).__name__} {e}"


@pytest.fixture(scope="module")
def readers(tmp_path_factory) -> Iterator[Readers]:
    made = readers_in(tmp_path_factory.mktemp("readers"), seconds=20)
    yield made
    made.close()


@pytest.fixture(scope="module")
def generous(tmp_path_factory) -> Iterator[Readers]:
    made = readers_in(tmp_path_factory.mktemp("generous"), size_bytes=None)
    yield made
    made.close()


@pytest.mark.parametrize("kind", [kind for kind in ATTACKS if kind != "exhaustion"])
def test_an_attack_by_flight_gets_the_same_in_both_worlds_and_shows_nothing(kind, worlds, readers):
    every = [sql for k, sql in texts(worlds[0].customers, str(worlds[0].folder / "secret.txt")) if k == kind]
    before = worlds[0].state()

    with flown(readers, worlds[0]) as (_, first), flown(readers, worlds[1]) as (_, second):
        bad = []
        for sql in every:
            got = [bounded(kind, answer(client, sql)) for client in (first, second)]
            shown = [
                word for text, world in zip(got, worlds, strict=True) for word in shown_sentinels(text, world)
                if word.lower() not in sql.lower()
            ]  # fmt: skip
            if got[0] != got[1] or shown:
                bad.append((sql, got[0][:300], got[1][:300], shown))

    assert bad == []
    assert worlds[0].state() == before


def test_masked_rows_come_and_hidden_columns_do_not(worlds, readers):
    with flown(readers, worlds[0]) as (_, client):
        found = client.do_get(planned(client, f"select * from {CUSTOMERS} order by id")).read_all()

    assert found.num_rows == 500
    assert "secret_code" not in found.schema.names
    assert found["iban"].null_count == 500


@pytest.mark.parametrize("parts", [(CUSTOMERS,), tuple(CUSTOMERS.split("."))])
def test_a_port_is_read_by_its_path_under_the_same_decision_and_the_same_limit(worlds, readers, parts):
    descriptor = flight.FlightDescriptor.for_path(*parts)
    few = flight.FlightCallOptions(headers=[(b"weft-limit", b"7")])

    with flown(readers, worlds[0]) as (_, client):
        whole = client.do_get(client.get_flight_info(descriptor).endpoints[0].ticket).read_all()
        first = client.do_get(client.get_flight_info(descriptor, few).endpoints[0].ticket).read_all()

    assert (whole.num_rows, first.num_rows) == (500, 7)
    assert "secret_code" not in whole.schema.names
    assert whole["iban"].null_count == 500


@pytest.mark.parametrize("parts", [("nothing",), ("a", "b", "c", "d"), ('x.y.z" union select 1 --',)])
def test_a_path_that_is_no_address_is_refused(worlds, readers, parts):
    with flown(readers, worlds[0]) as (_, client), pytest.raises(flight.FlightError, match="WFT-PLN-001"):
        client.get_flight_info(flight.FlightDescriptor.for_path(*parts))


def test_a_client_that_takes_nothing_loses_its_answer_and_its_reader(worlds, readers):
    with flown(readers, worlds[0], patience_s=1) as (service, client):
        reader = client.do_get(planned(client, "select range as i, range * 2 as j from range(30000000)"))
        reader.read_chunk()
        deadline = time.monotonic() + 15
        while service.live.count:
            assert time.monotonic() < deadline, "it is still held"
            time.sleep(0.1)

        assert "WFT" not in answer(client, "select 1 as one"), "the only reader is free for others"
        with pytest.raises(flight.FlightUnavailableError, match="WFT-SRV-084"):
            reader.read_all()


def test_a_large_answer_comes_whole_and_in_order_while_others_are_kept(worlds, generous):
    sql = "select range as i, range * 2 as j, 'text ' || range as t from range(1500000)"
    with flown(generous, worlds[0]) as (service, client):
        kept = client.do_get(planned(client, sql)).read_all()
        seen = 0
        for chunk in client.do_get(planned(client, sql)):
            assert chunk.data["i"].to_pylist() == list(range(seen, seen + chunk.data.num_rows))
            seen += chunk.data.num_rows

        assert (seen, kept.num_rows, service.live.count) == (1_500_000, 1_500_000, 0)
        assert kept["t"][-1].as_py() == "text 1499999"


def test_a_reader_that_dies_in_the_middle_is_told_and_the_next_question_is_answered(worlds, generous):
    with flown(generous, worlds[0]) as (service, client):
        reader = client.do_get(planned(client, "select range as i, range * 2 as j from range(100000000000)"))
        for _ in range(20):
            reader.read_chunk()
        os.kill(generous.pool._leases[0].process.pid, signal.SIGKILL)

        with pytest.raises(flight.FlightServerError, match="WFT-ACC-042"):
            reader.read_all()
        assert "'one': 1" in answer(client, "select 1 as one")
        assert service.live.count == 0


def test_an_answer_that_nobody_wants_any_more_frees_its_reader_before_its_first_row(worlds, readers):
    long = f"select count(*) as n from {CUSTOMERS} a, {CUSTOMERS} b, {CUSTOMERS} c, {CUSTOMERS} d where a.id < b.score"
    with flown(readers, worlds[0]) as (service, client):
        ticket = planned(client, long)
        began = time.monotonic()
        with pytest.raises(flight.FlightTimedOutError):
            client.do_get(ticket, flight.FlightCallOptions(timeout=1)).read_all()

        assert "WFT" not in answer(client, "select 1 as one")
        assert time.monotonic() - began < 8
        assert service.live.count == 0


def test_a_ticket_that_was_refused_for_a_moment_holds_when_it_is_tried_again(worlds, readers, monkeypatch):
    full = TransientError(error("WFT-ACC-041", "too many queries run"))
    asked = []

    def busy(self, caller, sql, *, described=False, **more):
        asked.append(described)
        if asked.count(False) == 1 and not described:
            raise full
        return answered(self, caller, sql, described=described, **more)

    answered = WorldFlight.ask
    monkeypatch.setattr(WorldFlight, "ask", busy)
    with flown(readers, worlds[0]) as (_, client):
        ticket = planned(client, f"select count(*) as n from {CUSTOMERS}")
        with pytest.raises(flight.FlightUnavailableError, match="WFT-ACC-041"):
            client.do_get(ticket).read_all()

        assert client.do_get(ticket).read_all().to_pylist() == [{"n": 500}]

        with pytest.raises(pa.ArrowException, match="WFT-SRV-076"):
            client.do_get(ticket).read_all()


def test_two_principals_on_one_connection_never_have_each_others_tickets(worlds, readers):
    def called(name: str) -> flight.FlightCallOptions:
        return flight.FlightCallOptions(headers=[(b"authorization", name.encode())])

    command = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", {1: b"select 1 as one"}))
    with flown(readers, worlds[0]) as (_, client):
        tickets = {name: client.get_flight_info(command, called(name)).endpoints[0].ticket for name in ("ada", "bob")}
        for name, other in (("ada", "bob"), ("bob", "ada")):
            with pytest.raises(flight.FlightUnauthorizedError, match="WFT-SRV-075"):
                client.do_get(tickets[other], called(name)).read_all()
            assert client.do_get(tickets[name], called(name)).read_all().to_pylist() == [{"one": 1}]
            with pytest.raises(flight.FlightServerError, match="WFT-SRV-076"):
                client.do_get(tickets[name], called(name)).read_all()


@pytest.mark.parametrize(
    "command",
    [
        b"",
        b"\xff" * 40,
        b"select 1",
        packed("CommandStatementQuery", {1: 7}),
        packed("CommandStatementQuery", {1: b"\xff\xfe"}),
        packed("CommandStatementUpdate", {1: b"drop table x"}),
        packed("CommandStatementIngest", {1: b"x"}),
        packed("CommandPreparedStatementQuery", {1: b"x" * 56}),
    ],
)
def test_commands_that_are_none_are_refused_without_a_word_of_the_servers_code(worlds, readers, command):
    with flown(readers, worlds[0]) as (_, client):
        with pytest.raises(flight.FlightError, match=r"WFT-SRV-0(75|79|81)") as told:
            client.get_flight_info(flight.FlightDescriptor.for_command(command))
        with pytest.raises(pa.ArrowException, match=r"WFT-SRV-0(75|79|81)") as schema:
            client.get_schema(flight.FlightDescriptor.for_command(command))

    assert "Traceback" not in str(told.value)
    for text in (str(told.value), str(schema.value)):
        assert str(Path(__file__).parents[4]) not in text and "service.py" not in text and "raise " not in text


def test_a_schema_that_cannot_be_told_shows_nothing_of_the_server_whatever_failed(worlds, readers, monkeypatch):
    command = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", {1: b"select 1 as one"}))

    def failing(*given):
        raise KeyError("/a/secret/path")

    with flown(readers, worlds[0]) as (service, client):
        assert client.get_schema(command).schema.names == ["one"]
        monkeypatch.setattr(service._platform, "ask", failing)
        with pytest.raises(pa.ArrowException, match="WFT-SRV-011") as told:
            client.get_schema(command)

    assert not any(word in str(told.value) for word in ("secret", '.py"', "failing", str(Path(__file__).parents[4])))
