"""What is wrong with a contract by itself is told with the place where it stands."""

import pytest

from tests.unit.contracts.support import a_contract, col
from weft.contracts.lint import lint
from weft.errors import error


def found(*properties, table=None, **fields):
    return [(d.code, d.severity.value, d.what) for d in lint(a_contract(*properties, table=table, **fields))]


def column(**fields):
    return {"name": "c", **fields}


@pytest.mark.parametrize(
    ("prop", "code", "said"),
    [
        (
            column(logicalType="integer", logicalTypeOptions={"minimum": 5, "maximum": 4}),
            "WFT-CON-006",
            "leaves nothing",
        ),
        (
            column(logicalType="integer", logicalTypeOptions={"minimum": 5, "exclusiveMaximum": 5}),
            "WFT-CON-006",
            "leaves",
        ),
        (column(logicalType="string", logicalTypeOptions={"minLength": 5, "maxLength": 4}), "WFT-CON-006", "leaves"),
        (column(logicalType="string", logicalTypeOptions={"pattern": "("}), "WFT-CON-006", "does not parse"),
        (column(logicalType="integer", logicalTypeOptions={"minLength": 2}), "WFT-CON-006", "`c`"),
        (column(logicalType="integer", enum=[{"value": "many"}]), "WFT-CON-006", "`many` is no BIGINT"),
        (column(logicalType="integer", quality=[{"metric": "nullValues"}]), "WFT-CON-006", "exactly one of"),
        (column(logicalType="integer", quality=[{"metric": "nothing", "mustBe": 0}]), "WFT-CON-006", "not one of ODCS"),
        (column(physicalType="FLUX"), "WFT-CON-008", "`FLUX` is not known"),
        (column(logicalType="integer", relationships=[{"to": "t.nowhere"}]), "WFT-CON-006", "no column `nowhere`"),
    ],
)
def test_a_rule_that_cannot_be_kept_or_understood_is_told(prop, code, said):
    problems = lint(a_contract(prop))

    assert [d.code for d in problems] == [code]
    assert said in problems[0].what
    assert problems[0].where.file


def test_a_good_contract_has_no_problem():
    prop = column(
        logicalType="integer",
        logicalTypeOptions={"minimum": 1, "maximum": 1},
        enum=[{"value": 1}],
        quality=[{"metric": "nullValues", "mustBe": 0}],
    )

    assert found(prop, {"name": "d", "logicalType": "date", "logicalTypeOptions": {"minimum": "2013-01-01"}}) == []


def test_names_that_differ_in_case_only_are_one():
    assert [(c, s) for c, s, _ in found(column(), {"name": "C"})] == [("WFT-PRJ-027", "error")]


def test_a_version_that_is_none_warns():
    assert found(column(), version="latest")[0][:2] == ("WFT-CON-007", "warning")


def test_what_is_not_evaluated_is_a_note():
    problems = found(column(quality=[{"type": "text", "description": "be good"}]))

    assert [(c, s) for c, s, _ in problems] == [("WFT-CHK-003", "note")]


def test_sql_that_is_not_allowed_is_told_with_its_place():
    rule = {"type": "sql", "query": "select count(*) from read_csv('/etc/passwd')", "mustBe": 0}
    contract = a_contract(column(), table={"quality": [rule]})

    problems = lint(contract, lambda sql: (error("WFT-SQL-005", "no"),) if "read_csv" in sql else ())

    assert [(d.code, d.what) for d in problems] == [("WFT-SQL-005", "`t`: no")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"filter": "x IN (SELECT 1)"}, "holds a query"),
        ({"filter": "x = 1 -- and more"}, "holds a query"),
        ({"filter": 3}, "`filter` is no text"),
        ({"filter": " "}, "`filter` is no text"),
        ({"where": "x = 1"}, "`arguments` knows no `where`"),
        ({"filter": "sleep(x) = 1"}, "not allowed"),
        ({"filter": "x > 1 AND note <> 'select; --'"}, None),
    ],
)
def test_a_filter_of_a_metric_is_a_condition_that_may_run(arguments: dict[str, object], said: str | None) -> None:
    rule = {"metric": "nullValues", "arguments": arguments, "mustBe": 0}
    described = a_contract(col("x", "integer", quality=[rule]), col("note", "string"))
    refused = error("WFT-SQL-005", "function `sleep` is not allowed")

    found = lint(described, lambda sql: (refused,) if "sleep" in sql else ())

    assert [said in d.what for d in found] == ([True] if said else [])
