"""The Flight process beside the web process: how it listens, and how it ends."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import time

import pytest
from pyarrow import flight

from tests.domains import free_port, token
from weft.api.wires.flight_messages import packed
from weft.errors import UsageError
from weft.sections.server import ServerSettings
from weft.server.dev_tls import certificate
from weft.server.flight_process import FlightProcess

COMMAND = flight.FlightDescriptor.for_command(packed("CommandStatementQuery", {1: b"select 1 as one"}))


@pytest.fixture
def root(tmp_path):
    (tmp_path / "weft.toml").write_text('[mesh]\nname = "company"\n')
    token(tmp_path, "ada")  # makes the registry
    return tmp_path


def one(client: flight.FlightClient, secret: str) -> list[dict[str, int]]:
    call = flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {secret}".encode())], timeout=30)
    info = client.get_flight_info(COMMAND, call)
    return client.do_get(info.endpoints[0].ticket, call).read_all().to_pylist()


def test_it_speaks_tls_with_the_certificate_of_its_server_and_nothing_else(root):
    files, _ = certificate(root / "tls", dt.datetime.now(dt.UTC))
    secret = token(root, "ada")
    with FlightProcess(root, ServerSettings(flight_port=free_port()), files) as process:
        assert process.url.startswith("grpc+tls://")
        with flight.connect(process.url, tls_root_certs=files.cert.read_bytes()) as client:
            assert one(client, secret) == [{"one": 1}]
        with flight.connect(process.url) as stranger, pytest.raises(flight.FlightError):
            one(stranger, secret)
        with flight.connect(process.url.replace("+tls", "")) as plain, pytest.raises(flight.FlightError):
            one(plain, secret)


def test_it_is_started_again_when_it_dies_and_ends_with_its_server(root):
    secret = token(root, "ada")
    with FlightProcess(root, ServerSettings(flight_port=free_port()), None) as process:
        first = process.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while True:
            try:
                with flight.connect(process.url) as client:
                    assert one(client, secret) == [{"one": 1}]
                break
            except flight.FlightError:
                assert time.monotonic() < deadline, "it does not come back"
                time.sleep(0.2)
        second = process.pid

    assert second not in (None, first)
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def test_a_port_that_is_taken_is_told(root):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()

        with pytest.raises(UsageError, match="WFT-SRV-083"):
            FlightProcess(root, ServerSettings(flight_port=held.getsockname()[1]), None).__enter__()
