"""Break-glass: an owner publishes against failed checks for a while, and everybody who reads the rows is told."""

from __future__ import annotations

import datetime as dt
import json

import pytest

import weft
from tests.meshes import TestMesh, source_rows, two_products
from tests.scenarios.test_lifecycle import new_version
from weft.errors import UsageError

CONTRACT = "domains/sales/orders/contracts/orders.odcs.yaml"
PORT = "sales.orders.orders@1"
NAME = "sales.orders.orders"
REASON = "the supplier mends it this week"


def in_days(days: int) -> str:
    return str(dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days))


def bad_source(mesh: TestMesh, *lines: str, batch: int = 2) -> None:
    """98 good rows and the given ones."""
    source_rows(mesh, batch, rows=98)
    path = mesh.path("data/orders.csv")
    path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))


@pytest.fixture
def mesh(tmp_path) -> TestMesh:
    """Published once; since then a row has a negative amount, and another one its key twice."""
    made = two_products(tmp_path / "mesh")
    source_rows(made, 1, rows=98)
    with weft.open(made.root) as opened:
        assert opened.apply([NAME]).exit_code == 0
    bad_source(made, "98,2,-5,3", "98,2,3,3")
    return made


def at(opened: weft.Mesh, days: int) -> weft.Mesh:
    """The mesh on another day."""
    moment = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
    opened._rooms.now = lambda: moment
    return opened


def test_the_rows_are_published_and_everybody_is_told(mesh):
    assert mesh.weft("apply", NAME).returncode == 1

    answer = mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))

    [published] = answer["published"]
    assert (published["rows"], published["checks"]["failed"]) == (100, 2)
    assert published["override"]["checks"] == {"id.primary_key": 2, "amount.range": 1}
    assert (published["override"]["reason"], published["override"]["until"]) == (REASON, in_days(3))
    page = mesh.json("show", PORT)
    assert (page["override"]["reason"], page["override"]["ended"]) == (REASON, False)
    assert page["quality"]["newest_failed"] is False
    assert REASON in mesh.weft("show", PORT).stdout
    assert REASON in mesh.json("search", "orders", "--kind", "port")["results"][0]["mark"]
    read = mesh.weft("query", f"select count(*) from {NAME}", "--format", "json")
    assert any(REASON in note for note in json.loads(read.stdout)["notes"])
    assert REASON in read.stderr
    run = mesh.json("run", answer["run_id"])
    assert run["ports"][0]["override"]["until"] == in_days(3)


def test_the_decision_is_an_event_of_the_log(mesh):
    mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))

    with weft.open(mesh.root) as opened:
        events = [e for e in opened._rooms.registry.events() if e.kind == "port.override"]
        assert opened._rooms.registry.verify_log() > 0

    [event] = events
    assert (event.subject, event.body["reason"], event.body["until"]) == (PORT, REASON, in_days(3))
    assert event.body["checks"] == {"id.primary_key": 2, "amount.range": 1}
    assert event.actor == event.body["by"]


def test_until_it_ends_the_same_checks_do_not_block_and_others_do(mesh):
    mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))
    bad_source(mesh, "98,3,-5,3", "99,3,-6,3", batch=3)

    [published] = mesh.json("apply", NAME)["published"]
    assert published["override"]["checks"] == {"amount.range": 2}

    bad_source(mesh, "98,4,7,", batch=4)
    answer = mesh.json("apply", NAME, expect=1)
    assert [d["what"].partition(" in ")[0] for d in answer["failed"][0]["diagnostics"]] == [
        f"`{PORT}` column `day` breaks `required`"
    ]
    assert mesh.json("show", PORT)["override"]["checks"] == {"amount.range": 2}


def test_a_publication_that_passes_clears_it(mesh):
    mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))
    source_rows(mesh, 5, rows=98)

    done = mesh.weft("apply", NAME, "--override", REASON, "--until", in_days(3), "--format", "json")
    [published] = json.loads(done.stdout)["published"]

    assert published["override"] is None
    assert f"`{PORT}` keeps its contract" in done.stderr
    assert mesh.json("show", PORT)["override"] is None
    assert mesh.json("query", f"select count(*) from {NAME}")["notes"] == [f"`{NAME}` is `{PORT}`"]


def test_it_ends_by_itself_and_the_next_apply_checks_again(mesh):
    mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))

    with weft.open(mesh.root) as opened:
        assert at(opened, 3).plan([NAME]).objections == ()
        plan = at(opened, 4).plan([NAME])
        result = opened.apply([NAME])
        page = opened.show(PORT).as_json()

    assert [o.code for o in plan.objections] == ["WFT-PLN-014"]
    assert "ended" in plan.changes[0].reason
    assert [d.code for d in result.failed[0].diagnostics] == ["WFT-CHK-001", "WFT-CHK-001"]
    assert page["override"]["ended"] is True


def test_an_override_can_be_renewed_though_nothing_else_changed(mesh):
    mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))

    [published] = mesh.json("apply", NAME, "--override", REASON, "--until", in_days(9))["published"]

    assert published["override"]["until"] == in_days(9)


def test_a_changed_description_keeps_the_mark(mesh):
    mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))
    mesh.edit(CONTRACT, '"status": "active"', '"status": "active", "description": {"purpose": "new"}')

    [published] = mesh.json("apply", NAME)["published"]

    assert (published["built"], published["override"]["reason"]) == (False, REASON)
    page = mesh.json("show", PORT)
    assert (page["contract"]["checks"]["failed"], page["quality"]["newest_failed"]) == (2, False)


def test_a_rollback_to_rows_that_keep_the_contract_clears_it(mesh):
    before = mesh.json("history", PORT)["snapshots"][0]["snapshot_id"]
    mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3))

    mesh.json("rollback", PORT, before, "--reason", "it was better")

    assert mesh.json("show", PORT)["override"] is None


def test_a_rule_that_could_not_be_evaluated_blocks_all_the_same(mesh):
    def unclear(contract):
        rule = {"id": "broken", "type": "sql", "query": "select nothing from {object}", "mustBe": 0}
        contract["schema"][0]["quality"] = [rule]

    new_version(mesh, "1.1.0", unclear)

    answer = mesh.json("apply", NAME, "--override", REASON, "--until", in_days(3), expect=1)

    assert "WFT-CHK-002" in [d["code"] for d in answer["failed"][0]["diagnostics"]]


@pytest.mark.parametrize(
    ("select", "reason", "days", "words"),
    [
        ([], REASON, 3, "needs ports by name"),
        (["sales"], REASON, 3, "`sales` is none"),
        ([NAME, f"+{NAME}"], REASON, 3, f"`+{NAME}` is none"),
        ([NAME], "because", 3, "no reason"),
        ([NAME], REASON, 0, "would have ended"),
        ([NAME], REASON, -1, "would have ended"),
        ([NAME], REASON, 31, "too long"),
    ],
)
def test_an_override_without_ports_reason_or_end_is_refused(mesh, select, reason, days, words):
    with weft.open(mesh.root) as opened, pytest.raises(UsageError) as raised:
        opened.apply(select, override=(reason, in_days(days)))

    [diagnostic] = raised.value.diagnostics
    assert diagnostic.code == "WFT-RUN-007"
    assert words in diagnostic.what


def test_a_setting_allows_longer_ones(mesh):
    with weft.open(mesh.root, flags={"mesh.override_days": 90}) as opened:
        result = opened.apply([NAME], override=(REASON, in_days(60)))

    assert result.exit_code == 0


def test_reason_and_end_belong_together(mesh):
    assert mesh.weft("apply", NAME, "--override", REASON).returncode == 2
    assert mesh.weft("apply", NAME, "--until", in_days(3)).returncode == 2
