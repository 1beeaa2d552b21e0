"""Somebody whose registry is a server's looks after jobs, notices and incidents there with the same command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.domains import Repository, TestServer, repository, serving, token
from tests.meshes import TestMesh, two_products, with_model_by_time
from weft.access.permissions import Role
from weft.api.platform import open_platform
from weft.registry.incidents import begin


@dataclass
class Company:
    """A server with its mesh, and an operator's repository elsewhere."""

    server: TestServer
    mesh: TestMesh
    elsewhere: Repository


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    root: Path = tmp_path_factory.mktemp("company")
    mesh = two_products(root)
    mesh.path("weft.toml").write_text('[mesh]\nname = "two"\n[notices]\nsigning_key = { file = "key" }\n')
    mesh.write("key", "a long random text")
    file = mesh.path("domains/report/daily/product.odps.yaml")
    document = json.loads(file.read_text())
    document["customProperties"] = [{"property": "weft.schedule", "value": "0 6 * * *"}]
    file.write_text(json.dumps(document))
    with_model_by_time(root, "report.daily")
    mesh.json("apply")
    platform = open_platform(root)
    platform.identity.user_verbs.add("ann", None, [Role.OPERATOR.value], actor="ann")
    platform.close()
    with serving(root) as server:
        folder = tmp_path_factory.mktemp("elsewhere")
        yield Company(server, mesh, repository(folder, server.url, token(root, "ann"), "elsewhere"))


def said(mesh: TestMesh, *words: str, expect: int = 0) -> str:
    done = mesh.weft(*words)
    assert done.returncode == expect, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.slow
def test_a_job_is_started_followed_and_listed_from_elsewhere(company):
    before = said(company.elsewhere, "runs").count("\n")
    company.mesh.edit("domains/sales/orders/models/totals.sql", "max(batch)::integer", "(max(batch) + 1)::integer")

    started = company.elsewhere.json("schedule", "run", "sales.orders")
    told = said(company.elsewhere, "run", started["job_id"], "--log", "--follow")
    shown = company.elsewhere.json("run", started["job_id"], "--log")
    listed = said(company.elsewhere, "jobs", "sales.orders", "--state", "succeeded")

    assert (started["state"], started["by"]) == ("queued", "ann")
    assert "commit sales.orders" in told
    assert told.endswith(f"{started['job_id']}: succeeded\n")
    assert [line["line"] for line in shown["lines"]] == [line.partition(" ")[2] for line in told.splitlines()[:-1]]
    assert (shown["job"]["state"], shown["job"]["run_id"] is not None) == ("succeeded", True)
    assert f"{started['job_id']}  sales.orders  succeeded  manual" in " ".join(listed.split(" ")).replace("   ", "  ")
    assert said(company.elsewhere, "runs").count("\n") > before


@pytest.mark.slow
def test_a_backfill_is_queued_and_ended_from_elsewhere(company):
    begun = company.elsewhere.json(
        "backfill", "report.daily", "--start", "2026-01-01", "--end", "2026-01-03", "--by", "90m"
    )
    ended = company.elsewhere.json("cancel", begun["backfill"])
    over = company.elsewhere.weft("cancel", f"job-{max_job(company)}")

    shown = company.elsewhere.weft("backfill", begun["backfill"]).stdout
    listed = said(company.elsewhere, "backfill", "--list", "report.daily")
    refused = said(
        company.elsewhere, "backfill", "sales.orders", "--start", "2026-01-01", "--end", "2026-01-03", expect=2
    )

    assert "of 32 pieces of report.daily done" in shown
    assert "cancelled: cancelled by ann" in shown
    assert begun["backfill"] in listed
    assert "WFT-PLN-017" in refused
    assert begun["pieces"] == 32
    assert ended["states"].get("queued", 0) == 0
    assert over.returncode == 2
    assert "is over" in over.stderr


def max_job(company: Company) -> int:
    return max(int(j["job_id"].removeprefix("job-")) for j in company.elsewhere.json("jobs")["jobs"])


@pytest.mark.slow
def test_schedules_notices_incidents_and_usage_are_looked_after_from_elsewhere(company):
    over_there = company.elsewhere
    assert "report.daily  0 6 * * * (UTC)" in said(over_there, "schedule", "list")
    assert "is paused" in said(over_there, "schedule", "pause", "report.daily")
    assert "paused by ann" in said(over_there, "schedule", "list")
    assert "it comes next at" in said(over_there, "schedule", "resume", "report.daily")

    made = over_there.json("subscribe", "sales.orders", "https://hooks.example.com/weft", "--kind", "late")
    assert made["secret"].startswith("whsec_")
    assert made["subscription_id"] in said(over_there, "subscriptions")
    assert said(over_there, "mute", "report", "sales") == "owners of report are spared sales\n"
    assert "owners of report are spared sales" in said(over_there, "subscriptions")
    assert said(over_there, "unsubscribe", made["subscription_id"]) == f"{made['subscription_id']} has ended\n"
    assert said(over_there, "deliveries") == "there is no message\n"
    assert said(over_there, "incidents") == "nothing is wrong\n"
    assert "cpu_seconds" in said(over_there, "usage", "--by", "product")
    wrong = over_there.weft("subscribe", "sales.ordrs", "https://hooks.example.com/weft")
    assert (wrong.returncode, "did you mean `sales.orders`?" in wrong.stderr) == (2, True)


@pytest.mark.slow
def test_a_page_names_what_is_wrong_with_what_it_shows(company):
    platform = open_platform(company.mesh.root)
    with platform.database.writing() as statements:
        begin(
            statements, key="failed:sales.orders", cause="run_failed", subject="sales.orders", owner="Sales",
            title="failed", what="job-9: it is on fire", affected=(), readers=(), at=platform.rooms.now(),
        )  # fmt: skip
    platform.close()

    assert "job-9: it is on fire" in str(company.elsewhere.json("show", "sales.orders.totals")["incidents"])
    assert company.elsewhere.json("show", "report.daily.big")["incidents"] == []
    assert "it is on fire" in said(company.elsewhere, "incidents", "--format", "json")
    assert company.elsewhere.json("runs", "--limit", "3")["runs"]


@pytest.mark.slow
def test_a_search_asks_the_server_and_keeps_no_catalog_here(company):
    found = said(company.elsewhere, "search", "totals", "--kind", "port")

    assert found.startswith("sales.orders.totals@1  (port)")
    assert not company.elsewhere.path(".weft/index.db").exists()
    assert said(company.elsewhere, "search", "totals", "--kind", "colour", expect=2).count("WFT-CLI-001") == 1
