"""Somebody is told: from a subscription on the command line over a failed run to the next good one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.meshes import TestMesh, source_rows, two_products
from tests.receivers import receiving

pytestmark = pytest.mark.slow


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    made = two_products(tmp_path / "two")
    made.write("key", "a long random text")
    settings = '[notices]\nallow_hosts = ["127.0.0.1"]\nsigning_key = { file = "key" }\n'
    made.write("weft.toml", f'[mesh]\nname = "two"\n{settings}')
    return made


def test_a_failed_run_is_an_incident_that_subscribers_and_pages_name_until_the_next_good_one(mesh):
    mesh.json("apply", "--yes")
    with receiving() as receiver:
        made = mesh.json("subscribe", "sales", receiver.url, "--kind", "check_failed", "--kind", "incident_closed")
        mesh.json("subscribe", "report.daily", receiver.url, "--by", "mattermost", "--kind", "incident_opened")
        mesh.write("data/orders.csv", "id,batch,amount,day\n1,2,-4711,3\n")

        mesh.json("apply", "--yes", expect=1)
        done = mesh.json("notices", "run", "--once")
        assert (done["opened"], done["sent"], done["later"], done["dead"]) == (1, 2, 0, 0)

        signed = next(r for r in receiver.requests if "webhook-id" in r.headers)
        told = next(r for r in receiver.requests if "webhook-id" not in r.headers)
        assert signed.signed_with(made["secret"])
        assert signed.json["type"] == "weft.check_failed"
        assert signed.json["data"]["subject"] == "sales.orders"
        assert "report.daily.big@1" in told.json["text"]  # it was left out, so its subscribers are told
        assert b"4711" not in signed.body + told.body

        (incident,) = mesh.json("incidents")["incidents"]
        name = incident["incident_id"]
        assert set(incident["affected"]) >= {"report.daily.big@1", "report.daily.small@1"}
        assert f"incidents  {name}: run " in mesh.weft("show", "sales.orders.orders").stdout
        assert mesh.json("show", "report.daily")["incidents"][0]["incident_id"] == name
        page = mesh.weft("incidents", name, "--acknowledge", "--comment", "a wrong file").stdout
        assert "acknowledged" in page
        assert "a wrong file" in page
        assert "4711" not in page

        source_rows(mesh, batch=2)
        mesh.json("apply", "--yes")
        assert mesh.json("notices", "run", "--once")["closed"] == 1
        assert [r.json["type"] for r in receiver.requests if "webhook-id" in r.headers] == [
            "weft.check_failed",
            "weft.incident_closed",
        ]
        assert mesh.json("incidents") == {"incidents": []}
        assert mesh.json("show", "sales.orders")["incidents"] == []


def test_what_a_build_cost_is_measured_once_and_a_failed_one_costs_its_time(mesh):
    size = mesh.path("data/orders.csv").stat().st_size
    mesh.json("apply", "--yes")
    first = sums(mesh)

    assert first["sales.orders", "sales.orders", "bytes_read"] == size
    assert first["sales.orders", "report.daily", "bytes_read"] > 0
    assert first["sales.orders", "sales.orders", "rows_written"] == 2_000 + 10
    assert (
        first["sales.orders", "sales.orders", "bytes_written"] == first["sales.orders", "sales.orders", "storage_bytes"]
    )
    stored = sum(f.stat().st_size for f in mesh.path(".weft/warehouse").rglob("data/run-*/*.parquet"))
    assert sum(amount for (_, _, kind), amount in first.items() if kind == "bytes_written") == stored
    assert 0 < first["report.daily", "report.daily", "cpu_seconds"] < 60

    mesh.json("apply", "--yes")
    assert sums(mesh) == first

    mesh.write("data/orders.csv", "id,batch,amount,day\n1,2,-4711,3\n")
    mesh.json("apply", "--yes", expect=1)
    after = sums(mesh)
    key = ("sales.orders", "sales.orders", "cpu_seconds")
    assert after[key] > first[key]
    assert {k: v for k, v in after.items() if k != key} == {k: v for k, v in first.items() if k != key}


def test_a_wrong_subscription_is_refused_with_its_reason(mesh):
    mesh.json("apply", "--yes")

    refused = mesh.weft("subscribe", "sales.order", "https://hooks.example.com")
    assert refused.returncode == 2
    assert "WFT-OBS-001" in refused.stderr
    assert "sales.orders" in refused.stderr
    assert mesh.weft("incidents", "i-none").returncode == 2
    assert mesh.weft("incidents", "--acknowledge").returncode == 2
    assert "nothing is wrong" in mesh.weft("incidents").stdout


def sums(mesh: TestMesh) -> dict[tuple[str, str, str], float]:
    found = mesh.json("usage", "--by", "product", "--by", "consumer")
    return {(one["product"], one["consumer"], one["kind"]): one["amount"] for one in found["usage"]}


def test_where_no_worker_runs_whoever_asks_for_incidents_looks(mesh):
    mesh.json("apply", "--yes")
    mesh.write("data/orders.csv", "id,batch,amount,day\n1,2,-4711,3\n")
    mesh.json("apply", "--yes", expect=1)

    (incident,) = mesh.json("incidents")["incidents"]

    assert (incident["subject"], incident["cause"]) == ("sales.orders", "check_failed")
    source_rows(mesh, batch=2)
    mesh.json("apply", "--yes")
    assert mesh.json("incidents") == {"incidents": []}
