import msgspec
import pytest

from weft.errors import ProjectError, Where, error
from weft.model.address import parse_address
from weft.plan.values import Action, Affected, Change, ContractMove, Plan, Stage, StageKind, Unaffected, plan_from_json

PORT = parse_address("fleet.aircraft.planes@1")
PLAN = Plan(
    mesh="flights",
    requires={"port:fleet.aircraft.planes@1": "3", "file:weft.toml": "ab"},
    changes=(
        Change(PORT, Action.REBUILD, "its SQL changed", ContractMove("1.0.0", "1.1.0", "compatible", ({"path": "x"},))),
    ),
    affected=(Affected("a.b.c@1.d", "fleet.aircraft.planes@1.e", "owner x"),),
    objections=(error("WFT-CON-004", "what", Where("f.yaml", 3, 1), why="why", fix="fix"),),
    stages=(Stage(StageKind.BUILD, str(PORT)), Stage(StageKind.PUBLISH, "fleet.aircraft")),
    selection=("fleet",),
)


def test_a_plan_written_as_json_is_read_as_the_same_plan():
    assert plan_from_json(PLAN.as_json(), "plan.json") == PLAN


@pytest.mark.parametrize("broken", [None, [], {}, {"mesh": "flights"}, PLAN.as_json() | {"stages": [{"kind": "x"}]}])
def test_a_document_that_is_no_plan_is_refused_by_name(broken):
    with pytest.raises(ProjectError) as caught:
        plan_from_json(broken, "plan.json")

    assert caught.value.diagnostics[0].code == "WFT-PLN-006"


def test_only_an_objection_of_severity_error_refuses_a_plan():
    assert PLAN.refused
    assert not Plan("m", {}, (), (), (), ()).refused


def test_an_objection_against_one_port_does_not_refuse_the_others():
    over = error("WFT-PLN-011", "over")
    stopped = Change(PORT, Action.NONE, "its end of life has passed", None, over)
    plan = Plan("m", {}, (stopped,), (), (over,), (), unaffected=(Unaffected("a.b.c@1", str(PORT), "why"),))

    assert not plan.refused
    assert plan.stopped == (stopped,)
    assert plan_from_json(plan.as_json(), "plan.json") == plan
    assert msgspec.structs.replace(plan, objections=(over, *PLAN.objections)).refused


def test_retirements_are_named():
    plan = Plan("m", {}, (Change(PORT, Action.RETIRE, "its files are gone"),), (), (), ())

    assert plan.retires == (PORT,)
