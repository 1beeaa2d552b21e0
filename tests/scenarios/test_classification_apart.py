"""Levels and tags follow values through domains in repositories of their own, from what a server has of contracts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.domains import Repository, flights, planes, repository, serving


def told(mesh: Repository) -> list[dict[str, Any]]:
    return [d for d in mesh.json("check")["diagnostics"] if d["code"] == "WFT-GOV-031"]


def done(mesh: Repository, *words: str) -> None:
    ran = mesh.weft(*words)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_column_inherits_over_two_domains_of_others_and_is_put_right(tmp_path: Path) -> None:
    with serving(tmp_path / "server") as server:
        fleet = repository(tmp_path / "fleet", server.url, server.token("ada"), "fleet")
        planes(fleet, tags=["pii.amount"])
        done(fleet, "apply")
        operations = repository(tmp_path / "operations", server.url, server.token("bob"), "operations")
        flights(operations)

        (first,) = told(operations)
        done(operations, "apply")
        reports = repository(tmp_path / "reports", server.url, server.token("eve"), "reports")
        flights(reports, "reports", "operations.on_time.flights@1")
        (second,) = told(reports)
        shown = {c["column"]: c for c in reports.json("classify")["columns"]}
        done(reports, "classify", "--write", "--yes")
        left = told(reports)

    of = "the tag `pii.amount` of `fleet.aircraft.planes@1.amount`, from which it is made"
    assert first["what"] == f"`operations.on_time.flights@1.amount` lacks {of}"
    assert second["what"] == f"`reports.on_time.flights@1.amount` lacks {of}"
    column = shown["reports.on_time.flights@1.amount"]
    assert column["ways"]["tags"]["pii.amount"] == [
        "fleet.aircraft.planes@1.amount",
        "operations.on_time.flights@1.amount",
        "reports.on_time.flights@1.amount",
    ]
    assert column["suggested"]["tags"] == ["pii.amount"]
    assert left == []
