"""What is wrong with a contract by itself is told with the place where it stands."""

from typing import Any

import pytest

from tests.unit.contracts.support import Database, a_contract, col, custom
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


@pytest.mark.parametrize(
    ("stated", "meant"), [("BIGINTT", "BIGINT"), ("varchr(20)", "VARCHAR"), ("TIMESTAMPZ", "TIMESTAMPTZ")]
)
def test_a_slip_in_a_physical_type_is_told_before_it_is_published_and_breaks_what_mends_it(stated, meant):
    (problem,) = lint(a_contract(column(logicalType="string", physicalType=stated)))

    assert (problem.code, problem.fix) == ("WFT-CON-008", f"did you mean `{meant}`?")


@pytest.mark.parametrize("stated", ["SERIAL", "MONEY", "NCLOB", "NVARCHAR(MAX)", "INT3", "TINYBLOB", "YEAR"])
def test_a_type_of_another_system_is_no_slip(stated):
    assert lint(a_contract(column(logicalType="string", physicalType=stated))) == ()


def test_every_rule_that_cannot_be_understood_or_kept_says_how_to_mend_it():
    table = {
        "properties": [
            column(logicalType="integer", logicalTypeOptions={"minimum": 5, "maximum": 4}),
            {"name": "d", "logicalType": "integer", "quality": [{"metric": "nullValues"}]},
            {"name": "e", "logicalType": "integer", "quality": [{"metric": "nulValues", "mustBe": 0}]},
            {"name": "f", "logicalType": "string", "quality": [{"metric": "invalidValues", "mustBe": 0}]},
            {"name": "g", "logicalType": "integer", "relationships": [{"to": "t.nowhere"}, {"type": "foreignKey"}]},
            {"name": "h", "logicalType": "string", "logicalTypeOptions": {"pattern": "("}},
        ],
        "quality": [
            {"metric": "rowCount", "mustBeBetween": [5, 1]},
            {"metric": "rowCount", "mustBe": 5, "unit": "%"},
            {"metric": "nullValues", "mustBe": 0},
            {"metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["nope"]}},
        ],
    }
    levels = [
        {"property": "freshness", "value": "soon", "unit": "d", "element": "t.c"},
        {"property": "freshness", "value": 1, "unit": "parsecs", "element": "t.c"},
        {"property": "freshness", "value": 1, "unit": "d", "element": "t.nowhere"},
    ]

    problems = lint(a_contract(table=table, slaProperties=levels))

    assert len(problems) == 14
    assert {d.code for d in problems} == {"WFT-CON-006"}
    assert [d.what for d in problems if not d.fix] == []


@pytest.mark.parametrize(
    ("name", "value", "code", "fix"),
    [
        ("weft.quarantin", {}, "WFT-PRJ-006", "did you mean `weft.quarantine`?"),
        ("weft.extraColumns", "allowed", "WFT-CON-006", "did you mean `allow`?"),
        ("weft.sampleClassification", "all", "WFT-CON-006", "write one of public, internal, confidential, restricted"),
        ("weft.referenceTime", "noon", "WFT-CON-006", "write it like 2026-12-31T12:00:00Z"),
        ("weft.endOfLife", "someday", "WFT-PRJ-028", "write it like 2026-12-31"),
    ],
)
def test_a_setting_in_a_contract_that_means_nothing_is_told(name, value, code, fix):
    listed = [{"property": "weft.timezone", "value": "UTC"}, {"property": name, "value": value}]

    problems = lint(a_contract(column(logicalType="integer"), customProperties=listed))

    assert [(d.code, d.fix) for d in problems] == [(code, fix)]


def test_a_status_of_the_team_s_own_is_no_problem():
    assert found(column(logicalType="integer"), status="in development") == []


def test_a_custom_property_of_another_name_is_nobody_s_business():
    assert found(column(logicalType="integer", customProperties=[{"property": "weftish", "value": 1}])) == []


@pytest.mark.parametrize(
    ("prop", "fields", "why", "fix"),
    [
        ({"classification": "confidental"}, {}, "taken for restricted", "did you mean `confidential`?"),
        ({"quality": [{"metric": "nullValues", "mustBe": 0, "severity": "eror"}]}, {}, "this one warns", "`error`"),
        ({"quality": [{"metric": "nullValues", "mustBe": 0, "unit": "pct"}]}, {}, "rows are counted", "`percent`"),
        ({}, {"status": "activ"}, "does not build", "did you mean `active`?"),
    ],
)
def test_a_word_that_is_taken_for_another_one_is_told(prop, fields, why, fix):
    (problem,) = lint(a_contract(column(logicalType="integer", **prop), **fields))

    assert (problem.code, problem.severity.value) == ("WFT-CON-010", "warning")
    assert why in problem.why
    assert fix in problem.fix


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


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ({"schedule": "0 20 * * *", "scheduler": "cron"}, None),
        ({"schedule": "*/15 8-18 1,15 jan-mar,12 MON-FRI"}, None),
        ({"schedule": "5/20 0 * * 7"}, None),
        ({"schedule": "@hourly"}, None),
        ({"schedule": "0 0 29 2 *"}, None),
        ({"schedule": "0 0 31 2 mon"}, None),
        ({"schedule": "every day at eight", "scheduler": "airflow"}, None),
        ({"schedule": "60 20 * * *", "scheduler": "cron"}, "its minute `60` is not 0 to 59"),
        ({"schedule": "0 20 0 * *"}, "its day of the month `0` is not 1 to 31"),
        ({"schedule": "0 20 * * 8"}, "its day of the week `8`"),
        ({"schedule": "0 20 * smarch *"}, "its month `smarch`"),
        ({"schedule": "0 18-8 * * *"}, "its hour `18-8`"),
        ({"schedule": "*/0 * * * *"}, "its minute `*/0`"),
        ({"schedule": "0 20 * *"}, "it has 4 of five fields"),
        ({"schedule": "daily"}, "it has 1 of five fields"),
        ({"schedule": "@often"}, "`@often` is none of"),
        ({"schedule": "0 0 31 4,6 *"}, "no such day"),
        ({"schedule": "², * * * *"}, "its minute"),
    ],
)
def test_a_schedule_is_an_expression_of_cron_or_in_the_words_of_another_scheduler(
    schedule: dict[str, str], said: str | None
) -> None:
    rule = {"metric": "nullValues", "mustBe": 0, **schedule}
    level = {"property": "retention", "value": 1, "unit": "y", "element": "d", **schedule}
    contract = a_contract(
        col("x", "map", map={"key": col("", "string"), "value": col("", "integer", quality=[rule])}),
        col("d", "date"),
        table={"quality": [{"metric": "rowCount", "mustBeGreaterThan": 0, **schedule}]},
        slaProperties=[level],
    )

    found = lint(contract)

    assert [(d.code, d.severity.value, bool(said and said in d.what)) for d in found] == (
        [("WFT-CON-009", "warning", True)] * 3 if said else []
    )


@pytest.mark.parametrize(
    ("query", "fields", "said"),
    [
        ("select count(*) from {object} where amoun < 0", {}, "Referenced column"),
        ("select count(*) from {object} where starts_with(amount, 'x')", {}, "No function matches"),
        ("select count(*) from {object} where amount < 0 and {property} > 1", {}, None),
        ("select count(*) from elsewhere where amoun < 0", {}, None),
        (
            "select count(*) from {object} where amoun < 0",
            {"customProperties": custom(extraColumns="allow")},
            None,
        ),
        ("select count(*) from {object} where amoun < 0", {"servers": [{"server": "p", "type": "postgres"}]}, None),
    ],
)
def test_a_rule_in_sql_names_columns_that_there_are(query: str, fields: dict[str, Any], said: str | None) -> None:
    rule = {"id": "r", "type": "sql", "query": query, "mustBe": 0}
    contract = a_contract(col("id", "integer", quality=[rule]), col("amount", "number"), **fields)

    found = [d for d in lint(contract, lambda _: (), Database().bound) if d.code == "WFT-SQL-010"]

    assert [said in d.what for d in found] == ([True] if said else [])
