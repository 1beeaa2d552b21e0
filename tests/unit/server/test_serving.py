"""`weft serve` as a process: how it listens, what it loads, how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.servers import registry_database
from tests.unit.server.company import bearer, company, fill, running
from weft.api.client.servers import Server
from weft.api.platform import open_platform
from weft.errors import TransientError
from weft.registry.http import HttpRegistry
from weft.server.challenges import METADATA

SERVING = """
import json, sys
from pathlib import Path
from weft.cli.main import main
from weft.server import serving

class Told:
    def __enter__(self): print("beside begins", flush=True)
    def __exit__(self, *e):
        heavy = sorted({"duckdb", "pyarrow", "pyiceberg", "sqlglot"} & set(sys.modules))
        print(json.dumps(heavy), flush=True)

from contextlib import closing
from weft.api.platform import open_platform
with closing(open_platform(sys.argv[1])) as platform:
    told = lambda url: print(f"weft listens on {url}", file=sys.stderr, flush=True)
    serving.serve(platform, beside=Told(), ready=told)
"""


def weft(folder: Path, *options: str, before: str = "") -> subprocess.CompletedProcess[str]:
    program = f"{before}\nfrom weft.cli.main import main; main()"
    command = [sys.executable, "-c", program, "-C", str(folder), "serve", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def mesh(tmp_path: Path) -> tuple[Path, dict[str, str]]:
    with company(tmp_path / "company", "[server]\nport = 0\n") as platform:
        return tmp_path / "company", bearer(platform, "cora")


def until(holds: Callable[[], bool], patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, "it does not come to hold"
        time.sleep(0.1)


def test_the_web_process_answers_everything_without_what_computes_rows(mesh):
    folder, credentials = mesh
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stderr is not None
    url = next(found[1] for line in process.stderr if (found := re.search(r"listens on (\S+)", line)))
    with httpx.Client(base_url=url, headers=credentials, timeout=60) as client:
        document = client.get("/api/v1/openapi.json").json()
        values = {"domain": "fleet", "product": "aircraft", "port": "planes", "run_id": "run-aircraft"}
        values |= {"address": "fleet.aircraft.planes@1", "name": "fleet"}
        handed_in = "/api/v1/publications/{run_id}/{product}"  # not for Cora, who publishes nothing
        bounds = "/api/v1/domains/{domain}/quota"  # nor leads a domain
        for path, methods in document["paths"].items():
            if "get" in methods:
                port = "fleet.aircraft.planes@1"
                params = {
                    "node": "fleet.aircraft.planes",
                    "q": "tail",
                    "table": port,
                    "address": port,
                    "principal": "cora",
                }
                named = set(re.findall(r"{(\w+)}", path))
                absent = dict.fromkeys(named - set(values), "0")
                asked = client.get(path.format(**{**values, **absent}), params=params)
                wanting = (
                    "/api/v1/usage",
                    "/api/v1/compliance",
                    handed_in,
                    bounds,
                    METADATA,
                )  # days, a scan, a provider
                there = not any(f"{{{name}}}" in path for name in absent) and path not in wanting
                there = there and not path.startswith("/api/v1/data/")  # for whoever has a grant
                assert asked.status_code == 200 or (asked.status_code < 500 and not there), (path, asked.text)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=40)

    assert process.returncode == 0
    begun, heavy = out.splitlines()
    assert begun == "beside begins"
    assert json.loads(heavy) == []


def test_a_server_that_is_told_to_stop_answers_what_was_asked_and_takes_nothing_new(mesh):
    folder, _ = mesh
    with running(folder) as url:
        address = (url.rpartition("/")[2].partition(":")[0], int(url.rpartition(":")[2]))
        slow = socket.create_connection(address, 10)
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n")
        with socket.create_connection(address, 10) as quick:
            quick.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert b"200 OK" in quick.recv(1000)
        slow.sendall(b"\r\n")
        assert b"200 OK" in slow.recv(1000)
        slow.close()

    with pytest.raises(OSError):
        socket.create_connection(address, 2)


def test_whoever_follows_a_log_does_not_hold_up_a_server_that_is_told_to_stop(mesh):
    folder, _ = mesh
    with closing(open_platform(folder)) as platform:
        job = platform.jobs.start("fleet.aircraft", "finn")  # waits: nobody takes it
        credentials = bearer(platform, "finn")
    with httpx.Client(headers=credentials, timeout=60) as client:
        with running(folder, "--no-worker") as url:
            request = client.build_request("GET", f"{url}/api/v1/jobs/{job.job_id}/log?follow=true")
            told = client.send(request, stream=True)
            began = time.monotonic()
        took = time.monotonic() - began

        assert (told.status_code, told.read()) == (200, b""), "it ends whole: whoever wants more connects again"
    assert took < 15
    assert "Traceback" not in (folder / "log").read_text()


def test_what_is_not_answered_in_the_time_of_a_shutdown_is_told_to_come_again(mesh, monkeypatch):
    folder, _ = mesh
    monkeypatch.setenv("WEFT_SERVER__SHUTDOWN", "1s")
    with running(folder) as url:
        address = (url.rpartition("/")[2].partition(":")[0], int(url.rpartition(":")[2]))
        slow = socket.create_connection(address, 30)
        head = (
            b"POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n"
        )
        slow.sendall(head + b'{"user": ')
        httpx.get(f"{url}/healthz", timeout=60)

    answer = b""
    while part := slow.recv(10_000):
        answer += part
    slow.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 5\r\n" in answer
    assert b"WFT-SRV-012" in answer
    assert "Traceback" not in (folder / "log").read_text()


def test_a_small_answer_is_not_held_back(mesh):
    folder, _ = mesh
    with running(folder) as url, httpx.Client(base_url=url, timeout=60) as client:
        times = []
        for _ in range(40):
            began = time.perf_counter()
            client.get("/nothing")
            times.append(time.perf_counter() - began)

    assert min(times) < 0.03  # held back, each would take the 40 ms of a delayed acknowledgement


def test_no_other_user_of_the_machine_reads_what_a_server_keeps(mesh):
    folder, _ = mesh
    state = folder / ".weft"
    state.chmod(0o755)
    before = set(state.rglob("*"))

    with running(folder, "--dev-tls"):
        assert state.stat().st_mode & 0o777 == 0o700
        made = set(state.rglob("*")) - before

    assert {file for file in made if file.exists() and file.stat().st_mode & 0o077} == set()
    assert state / "server" / "dev-tls.crt" in made


def test_over_tls_with_a_certificate_made_for_this_machine(mesh):
    folder, credentials = mesh
    with running(folder, "--dev-tls") as url:
        told = re.search(r"SHA-256 fingerprint: (\S+)", (folder / "log").read_text())
        assert url.startswith("https://127.0.0.1:")
        trusted = ssl.create_default_context(cafile=folder / ".weft" / "server" / "dev-tls.crt")
        answer = httpx.get(f"{url}/api/v1/domains", headers=credentials, verify=trusted, timeout=60)
        assert answer.status_code == 200
        assert answer.headers["strict-transport-security"]
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"{url}/healthz", timeout=60)

    assert told is not None
    assert len(told[1].split(":")) == 32
    assert (folder / ".weft" / "server" / "dev-tls.key").stat().st_mode & 0o077 == 0
    with running(folder, "--dev-tls"):
        assert told[1] in (folder / "log").read_text()


def test_a_program_is_told_how_to_trust_a_certificate_that_is_made_for_a_machine(mesh, monkeypatch):
    folder, credentials = mesh
    secret = credentials["Authorization"].partition(" ")[2]
    with running(folder, "--dev-tls") as url:
        with pytest.raises(TransientError, match="SSL_CERT_FILE"):
            Server(url).who()
        with pytest.raises(TransientError, match="SSL_CERT_FILE"), closing(HttpRegistry(url, token=secret)) as registry:
            registry.domains()
        monkeypatch.setenv("SSL_CERT_FILE", str(folder / ".weft/server/dev-tls.crt"))

        who = Server(url).who()
        with closing(HttpRegistry(url, token=secret)) as registry:
            domains = registry.domains()

    assert who["kind"] == "stranger"
    assert domains


def test_a_port_that_is_taken_is_told(mesh):
    folder, _ = mesh
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        done = weft(folder, "--port", str(held.getsockname()[1]))

    assert done.returncode == 2
    assert "WFT-SRV-010" in done.stderr


def test_a_key_that_does_not_fit_is_told(mesh, tmp_path):
    folder, _ = mesh
    (tmp_path / "nonsense").write_text("nothing")

    assert weft(folder, "--tls-cert", str(tmp_path / "nonsense")).returncode == 2
    done = weft(folder, "--tls-cert", str(tmp_path / "nonsense"), "--tls-key", str(tmp_path / "nonsense"))
    assert done.returncode == 2
    assert "WFT-SRV-010" in done.stderr
    assert "cannot use the certificate" in done.stderr
    assert "--port" not in done.stderr


def test_without_its_packages_the_command_says_what_to_install(mesh):
    folder, _ = mesh
    done = weft(folder, before="import sys; sys.modules['uvicorn'] = None")

    assert done.returncode == 2
    assert "pip install 'weft[server]'" in done.stderr


def test_while_postgresql_is_away_the_server_says_so_and_is_well_again_when_it_is_back(tmp_path):
    from tests.servers import postgres_running

    with postgres_running() as url, registry_database(url) as database:
        settings = f'[mesh]\nname = "company"\nregistry = "{database}"\n'
        (tmp_path / "weft.toml").write_text(settings)
        platform = open_platform(tmp_path)
        fill(platform)
        credentials = bearer(platform, "cora")
        with running(tmp_path) as server:
            client = httpx.Client(base_url=server, headers=credentials, timeout=40)
            until(lambda: client.get("/readyz").status_code == 200)
            assert client.get("/api/v1/products/fleet/aircraft").status_code == 200

            import psycopg

            name = database.rpartition("/")[2]
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
                connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
                away = client.get("/api/v1/products/fleet/aircraft")
                assert (away.status_code, away.headers["retry-after"]) == (503, "5")
                assert away.json()["type"] == "urn:weft:WFT-REG-002"
                assert client.get("/healthz", headers={"Authorization": ""}).status_code == 200
                assert client.get("/readyz", headers={"Authorization": ""}).json()["parts"]["registry"] == "unreachable"
                connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
            until(lambda: client.get("/api/v1/products/fleet/aircraft").status_code == 200)
            client.close()
        platform.close()


def test_spans_go_to_a_collector_of_opentelemetry(tmp_path):
    received: list[bytes] = []
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]

        def collect() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(20)
                while b"weft.request_id" not in b"".join(received) and (part := connection.recv(65536)):
                    received.append(part)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=collect)
        thread.start()
        with company(tmp_path / "company", f'[server]\ntraces = "http://127.0.0.1:{port}/v1/traces"\n'):
            pass
        os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"] = "none"
        try:
            with running(tmp_path / "company") as url:
                trace = "4bf92f3577b34da6a3ce929d0e0e4736"
                httpx.get(f"{url}/healthz", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, timeout=60)
        finally:
            del os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"]
        thread.join(20)

    sent = b"".join(received)
    assert b"GET /healthz" in sent
    assert bytes.fromhex(trace) in sent
