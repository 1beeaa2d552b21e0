"""How often a port is published is judged by the history of its publications."""

from __future__ import annotations

import datetime as dt
import json

import weft
from tests.meshes import TestMesh, source_rows, two_products
from tests.unit.runs.published import ORDERS, PORT

START = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
LEVEL = {"property": "frequency", "value": 1, "unit": "d", "schedule": "0 20 * * *", "scheduler": "cron"}


def at(hours: float) -> dt.datetime:
    """An instant, told in hours after the first."""
    return START + dt.timedelta(hours=hours)


def promising(root) -> TestMesh:
    """Two products, of which a port promises new rows every day."""
    mesh = two_products(root)
    path = mesh.path(f"{ORDERS}/contracts/orders.odcs.yaml")
    data = json.loads(path.read_text())
    path.write_text(json.dumps({**data, "slaProperties": [LEVEL]}, indent=2))
    return mesh


def applied(mesh: TestMesh, batch: int, hours: float) -> None:
    source_rows(mesh, batch, rows=20)
    with weft.open(mesh.root, now=lambda: at(hours)) as opened:
        assert opened.apply().exit_code == 0


def frequency(mesh: TestMesh, hours: float) -> tuple[str, str | None]:
    """What the check says at an instant."""
    with weft.open(mesh.root, now=lambda: at(hours)) as opened:
        found = opened.verify(PORT)
    (check,) = [c for c in found.checks if c.rule.value == "frequency"]
    return check.result.value, check.actual


def test_a_port_keeps_its_pace_while_the_last_two_publications_and_now_are_no_further_apart(tmp_path):
    mesh = promising(tmp_path / "mesh")
    applied(mesh, 1, 0)
    applied(mesh, 2, 24)

    assert frequency(mesh, 48) == (
        "passed",
        "newest 2026-03-02T12:00:00+00:00, the one before 2026-03-01T12:00:00+00:00",
    )
    assert frequency(mesh, 48.1)[0] == "failed"


def test_a_late_publication_is_not_kept_back_but_told_and_forgotten_when_the_next_one_is_in_time(tmp_path):
    mesh = promising(tmp_path / "mesh")
    applied(mesh, 1, 0)

    applied(mesh, 2, 30)
    late = frequency(mesh, 31)
    applied(mesh, 3, 50)

    assert (late[0], frequency(mesh, 51)[0]) == ("failed", "passed")


def test_a_publication_of_other_texts_brings_no_new_rows(tmp_path):
    mesh = promising(tmp_path / "mesh")
    applied(mesh, 1, 0)
    mesh.edit(f"{ORDERS}/contracts/orders.odcs.yaml", '"status": "active"', '"status": "active", "name": "Orders"')
    applied(mesh, 1, 20)

    assert frequency(mesh, 25)[0] == "failed"


def test_where_there_is_no_history_it_is_not_evaluated_with_the_reason(tmp_path):
    mesh = promising(tmp_path / "mesh")
    contract = mesh.path(f"{ORDERS}/contracts/orders.odcs.yaml")
    (tmp_path / "orders.csv").write_text("id,batch,amount\n")

    found = weft.verify(str(contract), data=[str(tmp_path / "orders.csv")])

    (check,) = [c for c in found.checks if c.rule.value == "frequency"]
    assert (check.result.value, check.reason) == (
        "not_evaluated",
        "there is no history of publications for these rows",
    )


def test_a_page_of_the_port_tells_its_schedules(tmp_path):
    mesh = promising(tmp_path / "mesh")
    applied(mesh, 1, 0)

    shown = mesh.weft("show", PORT).stdout
    body = mesh.json("show", PORT)

    assert "frequency 0 20 * * * (cron)" in shown
    assert "0 20 * * *" in json.dumps(body)
