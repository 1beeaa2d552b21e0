"""Compliance as a scan leaves it: reported from the log, the same whenever it is asked for."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from tests.meshes import two_products

POLICY = """
id: purpose-is-named
title: Every product says what it is for
kind: documentation
severity: high
asks: A product has a purpose.
regulations: ["gdpr:art-5"]
when: [scan]
check: select product as subject from products where purpose is null and domain = 'sales'
"""


def test_a_scan_makes_a_report_and_a_report_of_before_stays_as_it_was(tmp_path: Path) -> None:
    mesh = two_products(tmp_path / "mesh")
    mesh.write("governance/policies/purpose.yaml", POLICY)
    assert mesh.weft("apply").returncode == 0
    before = mesh.weft("compliance", "report", "--format", "json")
    scanned = mesh.weft("policy", "scan")

    report = mesh.json("compliance", "report", "--regulation", "gdpr")
    again = mesh.json("compliance", "report", "--regulation", "gdpr", "--at", report["at"])
    table = mesh.weft("compliance", "report", "--format", "csv").stdout
    page = mesh.weft("compliance", "report", "--format", "html", "--out", "report.html")

    assert before.returncode == 2
    assert "WFT-GOV-048" in before.stdout
    assert scanned.returncode in (0, 1), scanned.stdout + scanned.stderr
    assert report["total"] | {"score": 0.5, "violated": 1, "kept": 1, "pairs": 2} == report["total"]
    assert {d["name"]: d["score"] for d in report["domains"]} == {"sales": 0.0, "report": 1.0}
    assert report["anchor"].startswith("events:")
    moving = {"since": "", "trend": [], "trends": {}, "final": None}
    assert {**again, **moving} == {**report, **moving}
    assert (report["final"], again["final"]) == (False, True)
    today = mesh.json("compliance", "report", "--at", report["at"][:10])
    assert not today["final"], "the day goes on"
    assert "not final" in mesh.weft("compliance", "report").stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [r["score"] for r in rows if r["name"] == "purpose-is-named"] == ["0.5"]
    assert page.returncode == 0
    assert mesh.path("report.html").read_text().startswith("<!doctype html>")
    assert mesh.weft("audit", "verify").returncode == 0
