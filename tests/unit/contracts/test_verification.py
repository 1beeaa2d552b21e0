"""Every kind of rule passes where it is kept, and fails with count, share and samples where it is not."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.unit.contracts.support import NOW, Database, a_contract, check_all, col, custom
from weft.errors import ProjectError, WeftError, error
from weft.model.checks import CheckSeverity, Outcome, Rule
from weft.model.column import Column
from weft.model.odcs import contract as read_contract
from weft.model.publication import DataFile, Manifest

PASSED, FAILED, ERROR, SKIPPED = Outcome.PASSED, Outcome.FAILED, Outcome.ERROR, Outcome.NOT_EVALUATED


def rows(*values: str, names: str) -> str:
    return f"SELECT * FROM (VALUES {', '.join(f'({v})' for v in values)}) AS v({names})"


KEYED = col("id", "integer", primaryKey=True)


@pytest.mark.parametrize(
    ("prop", "values", "check", "bad"),
    [
        (col("c", "integer", required=True), ["1, 1", "2, NULL", "3, NULL"], "c.required", 2),
        (col("c", "string", options={"pattern": "^a[0-9]$"}), ["1, 'a1'", "2, 'xa1'", "3, NULL"], "c.pattern", 1),
        (col("c", "string", options={"pattern": "b"}), ["1, 'abc'", "2, 'b'", "3, 'ac'"], "c.pattern", 1),
        (
            col("c", "string", options={"minLength": 2, "maxLength": 3}),
            ["1, 'é'", "2, 'éé'", "3, 'abcd'"],
            "c.length",
            2,
        ),
        (col("c", "integer", options={"minimum": 0, "maximum": 5}), ["1, 0", "2, 5", "3, 6"], "c.range", 1),
        (col("c", "integer", options={"exclusiveMinimum": 0}), ["1, 0", "2, 1", "3, NULL"], "c.range", 1),
        (col("c", "number", options={"exclusiveMaximum": 1.5}), ["1, 1.5", "2, 1.4", "3, 9.9"], "c.range", 2),
        (col("c", "number", options={"multipleOf": 0.1}), ["1, 0.3::DOUBLE", "2, 0.35", "3, -0.7"], "c.range", 1),
        (col("c", "integer", options={"multipleOf": 5}), ["1, 10", "2, -5", "3, 12"], "c.range", 1),
        (
            col("c", "date", options={"minimum": "2020-01-01", "exclusiveMaximum": "2021-01-01"}),
            ["1, DATE '2020-01-01'", "2, DATE '2021-01-01'", "3, DATE '2019-12-31'"],
            "c.range",
            2,
        ),
        (
            col("c", "timestamp", options={"timezone": True, "minimum": "2020-01-01 00:00:00+10:00"}),
            ["1, TIMESTAMPTZ '2019-12-31 14:00:00+00'", "2, TIMESTAMPTZ '2019-12-31 13:59:59+00'", "3, NULL"],
            "c.range",
            1,
        ),
        (
            col("c", "timestamp", options={"minimum": "2020-06-01T04:00:00Z", "defaultTimezone": "America/New_York"}),
            ["1, TIMESTAMP '2020-06-01 00:00:00'", "2, TIMESTAMP '2020-05-31 23:59:59'", "3, NULL"],
            "c.range",
            1,
        ),
        (col("c", "array", options={"minItems": 1, "maxItems": 2}), ["1, [1]", "2, []", "3, [1,2,3]"], "c.items", 2),
        (col("c", "array", options={"uniqueItems": True}), ["1, [1,NULL]", "2, [1,1]", "3, [NULL,NULL]"], "c.items", 2),
        (
            col("c", "string", enum=[{"value": "a"}, {"value": "b"}]),
            ["1, 'a'", "2, NULL", "3, 'c'"],
            "c.valid_values",
            1,
        ),
        (col("c", "integer", enum=[{"value": 1}, {"value": "2"}]), ["1, 1", "2, 2", "3, 3"], "c.valid_values", 1),
        (col("c", "boolean", enum=[{"value": True}]), ["1, true", "2, false", "3, NULL"], "c.valid_values", 1),
        (col("c", "string", unique=True), ["1, 'a'", "2, 'a'", "3, NULL", "4, NULL", "5, 'b'"], "c.unique", 2),
    ],
)
def test_a_rule_counts_the_rows_that_break_it_and_shows_them_by_key(
    prop: dict[str, Any], values: list[str], check: str, bad: int
) -> None:
    found = check_all(a_contract(KEYED, prop), rows(*values, names="id, c"))[check]

    assert (found.result, found.failed_rows, found.total_rows) == (FAILED, bad, len(values))
    assert found.share == bad / len(values)
    assert found.blocks
    assert len(found.samples) == bad
    assert all(set(s) == {"id", "c"} for s in found.samples)


def test_a_table_without_rows_keeps_every_rule_of_rows() -> None:
    contract = a_contract(
        KEYED,
        col("c", "string", required=True, unique=True, enum=[{"value": "a"}], options={"pattern": "a", "minLength": 1}),
        table={
            "quality": [{"id": "dup", "metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["c"]}}]
        },
    )

    found = check_all(contract, "SELECT 1::INTEGER AS id, 'a' AS c LIMIT 0")

    assert {r.result for r in found.values()} == {PASSED}
    assert found["c.required"].share is None


def test_a_composite_key_fails_on_nulls_and_on_keys_that_occur_twice() -> None:
    contract = a_contract(
        col("b", "integer", primaryKey=True, primaryKeyPosition=2),
        col("a", "integer", primaryKey=True, primaryKeyPosition=1),
    )

    found = check_all(contract, rows("1, 1", "1, 1", "2, 1", "NULL, 1", "3, NULL", names="a, b"))["primary_key"]

    assert (found.result, found.failed_rows, found.column) == (FAILED, 4, ("a", "b"))
    assert found.samples == ({"a": 1, "b": 1}, {"a": 1, "b": 1})


@pytest.mark.parametrize("named", [5, 99, 100, 10_000])
def test_every_row_that_shares_its_key_counts_however_many_there_are(monkeypatch, named) -> None:
    monkeypatch.setattr("weft.contracts.keys._FEW", named)
    contract = a_contract(col("a", "integer", primaryKey=True), col("b", "string", unique=True))
    select = "SELECT nullif(range % 900, 7) AS a, 'x' || range AS b FROM range(1000)"
    database = Database()

    found = check_all(contract, select, database)

    assert (found["a.primary_key"].failed_rows, found["b.unique"].failed_rows) == (200, 0)
    shown = [sample["a"] for sample in found["a.primary_key"].samples]
    assert len(shown) == 5
    assert {shown.count(key) for key in shown[:4]} == {2}, "the rows of a key stand side by side"
    grouped = [q for q in database.queries if "GROUP BY" in q and q.startswith("SELECT coalesce")]
    assert len(grouped) == 1, "keys that are all different are never grouped"
    assert ("unnest" in grouped[0]) == (named >= 99), "only keys that may occur twice are grouped, unless they are many"


def test_columns_may_have_any_name() -> None:
    name = 'Arr "Delay" (min); --'
    contract = a_contract(
        col("Select", "integer", primaryKey=True),
        col(name, "integer", required=True, unique=True, options={"maximum": 1}, enum=[{"value": 1}]),
    )
    quoted = '"' + name.replace('"', '""') + '"'

    found = check_all(contract, f'SELECT 1 AS "Select", 5 AS {quoted} UNION ALL SELECT 2, NULL')

    failed = {k: r.failed_rows for k, r in found.items() if r.result is FAILED}
    assert failed == {f"{name}.required": 1, f"{name}.range": 1, f"{name}.valid_values": 1}
    assert found[f"{name}.range"].samples == ({"Select": 1, name: 5},)


def test_a_bad_column_fails_its_own_checks_and_the_others_are_judged() -> None:
    contract = a_contract(
        col("gone", "string", required=True),
        col("n", "integer", options={"minimum": 0}, required=True),
        col("broken", "string", options={"pattern": "(?!x)"}),
        col("good", "integer", options={"minimum": 5}),
    )

    found = check_all(contract, "SELECT 'x' AS n, 'b' AS broken, 1 AS good, 2 AS gon")

    assert (found["gone.column_exists"].result, found["gone.required"].result) == (FAILED, ERROR)
    assert "`gon`" in (found["gone.column_exists"].reason or "")
    assert (found["n.type"].result, found["n.range"].result, found["n.required"].result) == (FAILED, ERROR, PASSED)
    assert "`n`" in (found["n.range"].reason or "")
    assert found["broken.pattern"].result is ERROR
    assert found["good.range"].failed_rows == 1


def test_a_type_is_judged_before_any_row_is_read() -> None:
    database = Database()

    found = check_all(a_contract(col("c", "integer")), "SELECT 1.5 AS c", database)["c.type"]

    assert (found.result, found.failed_rows, found.actual) == (FAILED, None, "DECIMAL(2,1)")
    assert database.queries == ["SELECT count(*) FROM t"]


def test_rules_of_rows_share_one_scan() -> None:
    properties = [col(f"c{i}", "integer", required=True, options={"minimum": 0, "maximum": 9}) for i in range(20)]
    database = Database()

    check_all(a_contract(*properties), "SELECT " + ", ".join(f"{i % 10} AS c{i}" for i in range(20)), database)

    assert len(database.queries) == 1


def written(rows: int) -> Manifest:
    return Manifest((Column("id", "BIGINT", 1), Column("n", "BIGINT", 2)), (DataFile("t.parquet", rows, 1),))


def test_of_few_rows_that_weft_wrote_keys_and_columns_need_no_query_of_their_own() -> None:
    contract = a_contract(col("id", "integer", primaryKey=True, required=True), col("n", "integer"))
    database = Database()

    found = check_all(contract, "SELECT i AS id, 1 AS n FROM range(9) AS t(i)", database, written=written(9))

    assert len(database.queries) == 1
    assert {r.result for r in found.values()} == {PASSED}
    assert (found["id.primary_key"].failed_rows, found["id.primary_key"].total_rows) == (0, 9)


@pytest.mark.parametrize("rows", [4, 1_000_000])
def test_a_key_that_occurs_twice_or_is_missing_is_found_whether_rows_are_few_or_many(rows: int) -> None:
    contract = a_contract(col("id", "integer", primaryKey=True), col("n", "integer"))
    select = "SELECT * FROM (VALUES (1, 1), (2, 2), (2, 3), (NULL, 4)) AS t(id, n)"

    found = check_all(contract, select, written=written(rows))["id.primary_key"]

    assert (found.result, found.failed_rows, found.total_rows) == (FAILED, 3, 4)
    assert [dict(s) for s in found.samples] == [{"id": 2}, {"id": 2}]


def test_nested_fields_and_items_have_rules_too() -> None:
    contract = a_contract(
        col("s", "object", properties=[col("a", "integer", required=True, options={"minimum": 0})]),
        col("l", "array", items=col("", "string", options={"maxLength": 1})),
        col("o", "array", items={"logicalType": "object", "properties": [col("b", "integer", options={"maximum": 1})]}),
    )

    found = check_all(
        contract,
        "SELECT {'a': -1} AS s, ['a', 'bb'] AS l, [{'b': 1}, {'b': 2}] AS o"
        " UNION ALL SELECT {'a': NULL}, ['a'], NULL UNION ALL SELECT NULL, NULL, []",
    )

    assert {k: r.failed_rows for k, r in found.items() if r.result is FAILED} == {
        "s.a.required": 1,
        "s.a.range": 1,
        "l[].length": 1,
        "o[].b.range": 1,
    }


def test_rules_reach_arrays_of_arrays_and_maps_at_any_depth() -> None:
    number = {"logicalType": "integer", "logicalTypeOptions": {"maximum": 9}}
    word = {"logicalType": "string", "logicalTypeOptions": {"maxLength": 2}, "classification": "restricted"}
    inner = {"logicalType": "map", "map": {"key": word, "value": {"logicalType": "array", "items": number}}}
    contract = a_contract(
        col("id", "integer", primaryKey=True),
        col("deep", "array", items={"logicalType": "array", "items": inner}, options={"minItems": 1}),
        col("few", "map", map={"key": word, "value": number}, options={"maxProperties": 1}),
    )

    found = check_all(
        contract,
        """
        SELECT 1 AS id, [[MAP {'a': [1, 2]}], [MAP {'bbb': [3]}]] AS deep, MAP {'a': 1} AS few
        UNION ALL SELECT 2, [[MAP {'a': [1, 10]}]], MAP {'a': 1, 'b': 10}
        UNION ALL SELECT 3, [[NULL, MAP {'a': NULL}], NULL], NULL
        """,
    )

    failed = {i: r.failed_rows for i, r in found.items() if r.result is not Outcome.PASSED}
    assert failed == {"deep[][]{key}.length": 1, "deep[][]{}[].range": 1, "few.items": 1, "few{}.range": 1}
    # a map's keys are classified, and with them the column
    assert [dict(s) for s in found["few{}.range"].samples] == [{"id": 2}]


def test_a_rule_inside_a_map_that_cannot_be_judged_is_an_error_and_not_passed() -> None:
    contract = a_contract(
        col("m", "map", map={"key": {"logicalType": "string", "unique": True}, "value": {"logicalType": "integer"}}),
        col("o", "map", map={"key": {"logicalType": "string"}, "value": {"logicalType": "date"}}),
    )

    found = check_all(contract, "SELECT MAP {'a': 1} AS m, MAP {'a': 'x'} AS o")

    assert found["m{key}.unique"].result is Outcome.ERROR
    assert "stands in a map" in str(found["m{key}.unique"].reason)
    assert (found["o.type"].result, found["o.type"].reason) == (Outcome.FAILED, "values: VARCHAR is no date")


@pytest.mark.parametrize(
    ("vector", "failed"),
    [
        ("[1, 2, 3]::FLOAT[]", {}),
        ("[1, 2, 3]::FLOAT[3]", {}),
        ("[1, 2]::FLOAT[]", {"v.items": 1}),
        ("[1, 2]::FLOAT[2]", {"v.items": 1, "v.type": None}),
        ("[1, 2, 3]::DOUBLE[]", {"v.type": None}),
    ],
)
def test_a_vector_has_its_dimensions_and_its_kind_of_numbers(vector: str, failed: dict[str, int | None]) -> None:
    contract = a_contract(col("v", "vector", options={"dimensions": 3}))

    found = check_all(contract, f"SELECT {vector} AS v")

    assert {i: r.failed_rows for i, r in found.items() if r.result is not Outcome.PASSED} == failed


def test_extra_columns_are_forbidden_warned_of_or_allowed() -> None:
    select = "SELECT 1 AS a, {'b': 1, 'c': 2} AS s, 3 AS d"
    contract = a_contract(col("a", "integer"), col("s", "object", properties=[col("b", "integer")]))

    forbidden = check_all(contract, select, extra_columns="forbid")["extra_columns"]
    warned = check_all(contract, select)["extra_columns"]
    stated = a_contract(col("a", "integer"), customProperties=custom(extraColumns="allow"))

    assert (forbidden.blocks, forbidden.actual) == (True, "2 more: `s.c`, `d`")
    assert (warned.result, warned.blocks, warned.severity) == (FAILED, False, CheckSeverity.WARNING)
    assert "extra_columns" not in check_all(stated, select, extra_columns="forbid")


METRIC_ROWS = rows("1, 'a'", "2, 'a'", "3, ''", "4, NULL", "5, 'b'", names="id, c")


@pytest.mark.parametrize(
    ("rule", "result", "count"),
    [
        ({"metric": "nullValues", "mustBe": 0}, FAILED, 1),
        ({"metric": "nullValues", "mustBeLessOrEqualTo": 20, "unit": "percent"}, PASSED, 1),
        ({"metric": "nullValues", "mustBeLessThan": 20, "unit": "percent"}, FAILED, 1),
        ({"metric": "missingValues", "mustBe": 0, "arguments": {"missingValues": [None, ""]}}, FAILED, 2),
        ({"metric": "invalidValues", "mustBe": 0, "arguments": {"validValues": ["a", "b"]}}, FAILED, 1),
        ({"metric": "invalidValues", "mustBe": 0, "arguments": {"pattern": "^[ab]?$"}}, PASSED, 0),
        ({"metric": "duplicateValues", "mustBe": 0}, FAILED, 2),
        ({"metric": "duplicateValues", "mustBeBetween": [1, 50], "unit": "percent"}, PASSED, 2),
        ({"metric": "duplicateValues", "mustNotBeBetween": [1, 50], "unit": "percent"}, FAILED, 2),
        ({"metric": "nullValues", "mustNotBe": 1}, FAILED, 1),
        ({"metric": "nullValues", "mustBeGreaterThan": 0}, PASSED, 1),
        ({"metric": "nullValues", "mustBeGreaterOrEqualTo": 2}, FAILED, 1),
        ({"rule": "duplicateCount", "mustBeLessThan": 3}, PASSED, 2),
    ],
)
def test_metrics_count_rows_or_percent_and_compare_with_every_operator(
    rule: dict[str, Any], result: Outcome, count: int
) -> None:
    found = check_all(a_contract(KEYED, col("c", "string", quality=[{"id": "m", **rule}])), METRIC_ROWS)["m"]

    assert (found.result, found.failed_rows, found.total_rows) == (result, count, 5)


def test_duplicates_over_several_columns_and_row_counts_are_rules_of_the_table() -> None:
    quality = [
        {"id": "d", "metric": "duplicateValues", "mustBe": 0, "arguments": {"properties": ["id", "c"]}},
        {"id": "few", "metric": "rowCount", "mustBeGreaterThan": 5},
        {"id": "enough", "metric": "rowCount", "mustBeBetween": [5, 6]},
    ]

    found = check_all(a_contract(KEYED, col("c", "string"), table={"quality": quality}), METRIC_ROWS)

    assert (found["d"].result, found["d"].column) == (PASSED, ("id", "c"))
    assert (found["few"].result, found["few"].failed_rows, found["few"].rule) == (FAILED, None, Rule.ROW_COUNT)
    assert (found["enough"].result, found["enough"].actual) == (PASSED, "5 rows")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM t WHERE c = 'a'",
        "SELECT count(*) FROM ${object} WHERE ${property} = 'a'",
        "SELECT count(*) FROM {object} WHERE {property} = 'a'",
        "SELECT count(*) FROM \"${table}\" AS x WHERE x.${column} = 'a';",
        "with q as (select * from t) select count(*) from q where c = 'a' -- all of them",
    ],
)
def test_sql_rules_name_their_table_and_column_in_every_way(query: str) -> None:
    rule = {"id": "q", "type": "sql", "query": query, "mustBe": 0}

    found = check_all(a_contract(KEYED, col("c", "string", quality=[rule])), METRIC_ROWS)["q"]

    assert (found.result, found.actual) == (FAILED, "2")


@pytest.mark.parametrize(
    ("condition", "together"),
    [
        ("c = 'a'", True),
        ("id % 2 = 1 OR c IS NULL", True),
        ("t.c = 'a'", False),
        ("id > (SELECT min(id) FROM t)", False),
        ("c = 'a' ORDER BY 1", False),
        ("c = 'order by, from t.c'", True),
    ],
)
def test_sql_rules_that_count_rows_share_the_scan_of_the_other_rules(condition: str, together: bool) -> None:
    rule = {"id": "q", "type": "sql", "query": f"SELECT count(*) FROM t WHERE {condition}", "mustBeLessThan": 9}
    database = Database()

    found = check_all(a_contract(col("c", "string", required=True, quality=[rule])), METRIC_ROWS, database)["q"]
    expected = database.rows(f"SELECT count(*) FROM (SELECT * FROM t WHERE {condition})")[0][0]

    assert (found.result, found.actual) == (PASSED, str(expected))
    assert any(q.startswith("WITH") for q in database.queries) is not together


def test_a_plain_count_that_cannot_run_is_an_error_and_takes_no_other_rule_along() -> None:
    rule = {"id": "q", "type": "sql", "query": "SELECT count(*) FROM t WHERE nothing = 1", "mustBe": 0}

    found = check_all(a_contract(col("c", "string", required=True, quality=[rule])), METRIC_ROWS)

    assert found["q"].result is ERROR
    assert {r.result for r in found.values() if r.rule is Rule.REQUIRED} == {FAILED}


def test_a_sql_rule_that_counts_rows_shows_them() -> None:
    rule = {"id": "q", "type": "sql", "query": "SELECT COUNT(*) FROM t WHERE c = 'a'", "mustBeLessThan": 1}

    found = check_all(a_contract(KEYED, col("c", "string"), table={"quality": [rule]}), METRIC_ROWS)["q"]

    assert (found.failed_rows, found.total_rows) == (2, 5)
    assert found.samples == ({"id": 1}, {"id": 2})


@pytest.mark.parametrize(
    "condition",
    [
        "c IN (SELECT k FROM other GROUP BY k)",
        "EXISTS (SELECT 1 FROM other AS o JOIN other USING (k) WHERE o.k = t.c)",
        "c = 'a' -- it's a comment; GROUP BY nothing",
        "c = 'a' /* LIMIT 1 */ AND id < (SELECT 1 + max(id) FROM t)",
    ],
)
def test_a_sql_rule_that_counts_rows_by_another_query_shows_them(condition: str) -> None:
    rule = {"id": "q", "type": "sql", "query": f"SELECT count(*) FROM t WHERE {condition}", "mustBe": 0}
    contract = a_contract(
        KEYED, col("c", "string"), col("pay", "integer", classification="restricted"), table={"quality": [rule]}
    )

    found = check_all(contract, f"SELECT *, 1 AS pay FROM ({METRIC_ROWS})", others={"other": "(SELECT 'a' AS k)"})["q"]

    assert (found.failed_rows, found.total_rows, found.actual) == (2, 5, "2")
    assert found.samples == ({"id": 1}, {"id": 2})


@pytest.mark.parametrize(
    "query", ["SELECT count(*) FROM other WHERE k = 'a'", "SELECT count(*) FROM t, t AS u WHERE 1 = 1"]
)
def test_a_count_of_other_rows_is_no_number_of_failing_ones(query: str) -> None:
    rule = {"id": "q", "type": "sql", "query": query, "mustBe": 0}

    found = check_all(a_contract(KEYED, table={"quality": [rule]}), METRIC_ROWS, others={"other": "(SELECT 'a' AS k)"})[
        "q"
    ]

    assert (found.result, found.failed_rows, found.samples) == (FAILED, None, ())


@pytest.mark.parametrize(
    ("rule", "result", "reason"),
    [
        ({"query": "SELECT id FROM t", "mustBe": 0}, ERROR, "5 rows"),
        ({"query": "SELECT max(id) FROM t WHERE false", "mustBe": 0}, ERROR, "null"),
        ({"query": "SELECT nothing FROM t", "mustBe": 0}, ERROR, "nothing"),
        ({"query": "SELECT 'x'", "mustBeLessThan": 0}, ERROR, "str"),
        ({"query": "SELECT error('a secret of row 7')", "mustBe": 0}, ERROR, "WFT-ENG-001"),
        ({"query": "SELECT 1"}, ERROR, "exactly one of"),
        ({"query": "SELECT count(*) > 1 FROM t", "mustBe": True}, PASSED, ""),
    ],
)
def test_a_sql_rule_that_gives_no_value_is_an_error(rule: dict[str, Any], result: Outcome, reason: str) -> None:
    quality = [{"id": "q", "type": "sql", **rule}]

    found = check_all(a_contract(KEYED, col("c", "string"), table={"quality": quality}), METRIC_ROWS)["q"]

    assert found.result is result
    assert reason in (found.reason or "")
    assert "secret" not in (found.reason or "")


def test_a_sql_rule_runs_only_when_the_allow_list_admits_it() -> None:
    database = Database()
    rule = {"id": "q", "type": "sql", "query": "SELECT count(*) FROM read_csv('x')", "mustBe": 0}

    found = check_all(
        a_contract(col("a", "integer"), table={"quality": [rule]}),
        "SELECT 1 AS a",
        database,
        admit=lambda sql: (error("WFT-SQL-006", "`read_csv` is not allowed"),) if "read_csv" in sql else (),
    )["q"]

    assert (found.result, found.blocks) == (ERROR, True)
    assert "read_csv" in (found.reason or "")
    assert not any("read_csv" in q for q in database.queries)


@pytest.mark.parametrize(
    ("table", "property_level"),
    [({"relationships": [{"id": "fk", "from": "t.ref", "to": "o.id"}]}, []), ({}, [{"id": "fk", "to": "o.id"}])],
)
def test_relationships_count_keys_without_a_partner(
    table: dict[str, Any], property_level: list[dict[str, Any]]
) -> None:
    database = Database()
    database.execute("CREATE TABLE o AS SELECT 1 AS id UNION ALL SELECT 1")
    contract = a_contract(KEYED, col("ref", "integer", relationships=property_level), table=table)

    found = check_all(contract, rows("1, 1", "2, 2", "3, NULL", names="id, ref"), database, others={"o": "o"})["fk"]

    assert (found.result, found.failed_rows, found.total_rows, found.rule) == (FAILED, 1, 3, Rule.RELATIONSHIP)
    assert found.samples == ({"id": 2, "ref": 2},)


def test_composite_references_and_tolerated_orphans() -> None:
    database = Database()
    database.execute("CREATE TABLE o AS SELECT 1 AS x, 'a' AS y")
    to = {"from": ["t.a", "t.b"], "to": ["o.x", "o.y"]}
    entries = [
        {"id": "strict", **to},
        {"id": "half", **to, "customProperties": custom(maxOrphans=50)},
        {"id": "little", **to, "customProperties": custom(maxOrphans=49.9)},
    ]
    contract = a_contract(col("a", "integer"), col("b", "string"), table={"relationships": entries})

    found = check_all(contract, rows("1, 'a'", "1, 'b'", names="a, b"), database, others={"o": "o"})

    assert [found[i].result for i in ("strict", "half", "little")] == [FAILED, PASSED, FAILED]


def test_a_relationship_to_itself_to_nowhere_and_to_another_kind() -> None:
    database = Database()
    database.execute("CREATE TABLE o AS SELECT 'x' AS id")
    entries = [{"id": "own", "to": "t.id"}, {"id": "absent", "to": "planes.id"}, {"id": "kind", "to": "o.id"}]
    contract = a_contract(KEYED, col("boss", "integer", relationships=entries))

    found = check_all(contract, rows("1, NULL", "2, 1", names="id, boss"), database, others={"planes": None, "o": "o"})

    assert [found[i].result for i in ("own", "absent", "kind")] == [PASSED, SKIPPED, ERROR]


@pytest.mark.parametrize(
    ("logical", "newest", "value", "unit", "result"),
    [
        ("date", "DATE '2026-02-28'", 1, "d", PASSED),
        ("date", "DATE '2026-02-27'", 1, "d", FAILED),
        ("timestamp", "TIMESTAMP '2026-03-01 10:00:00'", 2, "h", PASSED),
        ("timestamp", "TIMESTAMP '2026-03-01 09:59:59'", 2, "hours", FAILED),
        ("timestamp", "NULL::TIMESTAMP", 2, "h", FAILED),
    ],
)
def test_freshness_is_the_age_of_the_newest_value(
    logical: str, newest: str, value: int, unit: str, result: Outcome
) -> None:
    level = {"property": "freshness", "value": value, "unit": unit, "element": "t.c"}

    found = check_all(a_contract(col("c", logical), slaProperties=[level]), f"SELECT {newest} AS c")["c.freshness"]

    assert (found.result, found.failed_rows, found.dimension) == (result, None, "timeliness")


def test_a_day_of_23_hours_is_a_day_of_freshness() -> None:
    # clocks in New York went forward on 2026-03-08; 13:00 there is 17:00 UTC that day and 18:00 UTC the day before
    options = {"defaultTimezone": "America/New_York"}
    level = {"property": "latency", "value": 1, "unit": "d", "element": "c"}
    now = dt.datetime(2026, 3, 8, 17, 0, tzinfo=dt.UTC)
    contract = a_contract(col("c", "timestamp", options=options), slaProperties=[level])

    just = check_all(contract, "SELECT TIMESTAMP '2026-03-07 13:00:00' AS c", now=now)["c.freshness"]
    late = check_all(contract, "SELECT TIMESTAMP '2026-03-07 12:59:59' AS c", now=now)["c.freshness"]

    assert (just.result, late.result) == (PASSED, FAILED)


def test_a_reference_time_stands_for_now() -> None:
    level = {"property": "freshness", "value": 1, "unit": "d", "element": "c"}
    stated = custom(referenceTime="2014-01-01T00:00:00", timezone="America/New_York")
    contract = a_contract(col("c", "date"), slaProperties=[level], customProperties=stated)

    assert check_all(contract, "SELECT DATE '2013-12-31' AS c")["c.freshness"].result is PASSED
    with pytest.raises(ProjectError, match="referenceTime"):
        check_all(a_contract(col("c", "date"), customProperties=custom(referenceTime="soon")), "SELECT 1 AS c")


def test_retention_counts_rows_that_are_too_old_and_completeness_those_that_are_empty() -> None:
    levels = [
        {"property": "retention", "value": 3, "unit": "y", "element": "t.c"},
        {"property": "completeness", "value": 60, "element": "t.c"},
    ]
    contract = a_contract(KEYED, col("c", "date"), slaProperties=levels)

    found = check_all(contract, rows("1, DATE '2023-02-28'", "2, DATE '2023-03-01'", "3, NULL", names="id, c"))

    assert (found["c.retention"].failed_rows, found["c.retention"].samples) == (1, ({"id": 1, "c": "2023-02-28"},))
    assert (found["c.metric"].result, found["c.metric"].failed_rows) == (PASSED, 1)


def test_what_cannot_be_evaluated_by_design_is_not_passed() -> None:
    quality = [
        {"id": "words", "type": "text", "description": "is nice"},
        {"id": "soda", "type": "custom", "engine": "soda", "implementation": "x"},
        {"id": "must", "type": "text", "description": "is nice", "customProperties": custom(mustEvaluate=True)},
    ]
    levels = [{"property": "frequency", "value": 1, "unit": "d"}, {"property": "endOfLife", "value": "2032-01-01"}]

    found = check_all(
        a_contract(col("a", "integer"), table={"quality": quality}, slaProperties=levels), "SELECT 1 AS a"
    )

    assert {i for i, r in found.items() if r.result is SKIPPED} == {"words", "soda", "must", "frequency"}
    assert {i for i, r in found.items() if r.blocks} == {"must"}


def test_only_error_and_absent_severities_block() -> None:
    quality = [
        {"id": str(severity), "metric": "rowCount", "mustBe": 9} | ({"severity": severity} if severity else {})
        for severity in (None, "error", "warning", "info", "critical")
    ]

    found = check_all(a_contract(col("a", "integer"), table={"quality": quality}), "SELECT 1 AS a")

    assert {i for i, r in found.items() if r.blocks} == {"None", "error"}


def test_samples_hide_what_is_classified() -> None:
    secret = {"classification": "confidential"}
    level = {"property": "freshness", "value": 1, "unit": "d", "element": "born"}
    rule = {"id": "q", "type": "sql", "query": "SELECT max(pay) FROM t", "mustBeLessThan": 1}
    contract = a_contract(
        col("id", "string", primaryKey=True, **secret),
        col("pay", "integer", options={"maximum": 1}, **secret),
        col("n", "integer", required=True),
        col("born", "date", **secret),
        table={"quality": [rule]},
        slaProperties=[level],
    )
    select = "SELECT 'ann' AS id, 4711 AS pay, NULL::INTEGER AS n, DATE '1999-09-09' AS born"

    salted, other = (check_all(contract, select, salt=salt) for salt in ("one", "two"))
    bare = check_all(contract, select)

    assert set(salted["pay.range"].samples[0]) == {"id"}
    assert set(salted["n.required"].samples[0]) == {"id", "n"}
    assert salted["pay.range"].samples != other["pay.range"].samples
    assert bare["n.required"].samples == ({"n": None},)
    told = str([r.as_json() for found in (salted, bare) for r in found.values()])
    assert not any(value in told for value in ("ann", "4711", "1999"))


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("select max(n) from t", True),
        ("select count(distinct pay) from t", False),
        ("with z as (select * from {object}) select any_value(columns('pa.*')) from z", False),
        ("select max(b) from {object} as t(a, b, c)", False),
        ("select max(pay_1) from (select * from {object} a join {object} b using (id))", False),
        ("select list(columns('pa.*'))[1] from t", False),
        ("select greatest(*columns('pa.*'), 0) from t", False),
        ("select (t).pay from t", False),
        ("select max(x) from (select pay + 1 as x from t)", False),
        ("select max(n) from t where pay > 0", True),
        ("select max(code) from other", False),
    ],
)
def test_a_value_that_may_be_made_from_a_classified_column_is_not_shown(query: str, shown: bool) -> None:
    rule = {"id": "q", "type": "sql", "query": query, "mustBe": -5}
    contract = a_contract(
        col("id", "string"), col("pay", "integer", classification="restricted"), col("n", "integer"),
        table={"quality": [rule]},
    )  # fmt: skip

    others = {"other": "(SELECT 4711 AS code)"}
    found = check_all(contract, "SELECT 'a' AS id, 4711 AS pay, 12 AS n", others=others)["q"]

    assert found.result is Outcome.FAILED, found.reason
    assert "4711" not in str(found.as_json())
    assert ("12" in str(found.actual)) == shown


@pytest.mark.parametrize(
    "arguments",
    [{"validValues": 5}, {"validValues": "abc"}, {"validValues": {"a": 1}}, {"validValues": []}, {"pattern": 5}, 7],
)
def test_arguments_of_another_shape_are_an_error_of_their_rule(arguments: object) -> None:
    rule = {"id": "q", "metric": "invalidValues", "mustBe": 0, "arguments": arguments}

    found = check_all(a_contract(col("n", "integer", quality=[rule])), "SELECT 5 AS n")

    assert found["q"].result is Outcome.ERROR


def test_the_limit_of_what_samples_show_is_the_contracts() -> None:
    contract = a_contract(
        col("n", "integer", options={"maximum": 1}, classification="confidential"),
        customProperties=custom(sampleClassification="confidential"),
    )

    assert check_all(contract, "SELECT 5 AS n")["n.range"].samples == ({"n": 5},)


def test_a_sample_tells_what_is_no_number_from_what_is_missing() -> None:
    contract = a_contract(col("n", "number", required=True, logicalTypeOptions={"minimum": 0, "maximum": 9}))
    rows = "SELECT unnest(['nan'::DOUBLE, '-inf', 'inf', NULL]) AS n"

    found = check_all(contract, rows)

    assert [s["n"] for s in found["n.range"].samples] == ["NaN", "-Infinity", "Infinity"]
    assert [s["n"] for s in found["n.required"].samples] == [None]


def test_as_many_samples_as_asked_for() -> None:
    contract = a_contract(col("n", "integer", options={"maximum": 1}))

    assert len(check_all(contract, "SELECT range + 2 AS n FROM range(9)", sample_limit=3)["n.range"].samples) == 3
    assert check_all(contract, "SELECT 5 AS n", sample_limit=0)["n.range"].samples == ()


def test_text_formats_are_checked_by_parsing() -> None:
    contract = a_contract(KEYED, col("n", "integer", required=True, options={"maximum": 9}))

    found = check_all(contract, rows("'1', '5'", "'2', 'five'", "'3', '50'", "'4', NULL", names="id, n"), text=True)

    failed = {k: (r.failed_rows, r.samples[0]["id"]) for k, r in found.items() if r.result is FAILED}
    assert failed == {"n.type": (1, 2), "n.required": (1, 4), "n.range": (1, 3)}


def test_rows_that_cannot_be_read_at_all_are_no_result() -> None:
    with pytest.raises(WeftError):
        check_all(a_contract(col("a", "integer")), None)


def test_one_table_of_several_is_chosen_by_name() -> None:
    contract = a_contract(
        col("a", "integer"), schema=[{"name": "u", "properties": []}, {"name": "t", "properties": [KEYED]}]
    )

    found = check_all(contract, "SELECT 1 AS id", table="t")

    assert "primary_key" not in found
    assert found["id.primary_key"].result is PASSED


def test_every_check_has_an_id_of_its_own_and_a_place() -> None:
    quality = [{"metric": "nullValues", "mustBe": 0}, {"metric": "nullValues", "mustBeLessThan": 5}]

    found = check_all(a_contract(col("c", "string", quality=quality)), "SELECT 'a' AS c")

    assert {"c.metric", "c.metric_2"} <= set(found)
    assert all(r.where is not None and r.where.file == "t.odcs.yaml" for r in found.values())
    assert NOW.tzinfo is not None


@pytest.mark.parametrize(
    ("level", "published", "result"),
    [
        ({"value": 1, "unit": "d"}, ["2026-02-28T12:00Z"], PASSED),
        ({"value": 1, "unit": "d"}, ["2026-02-28T11:59Z"], FAILED),
        ({"value": 6, "unit": "h"}, ["2026-03-01T11:00Z", "2026-03-01T05:00Z", "2025-01-01T00:00Z"], PASSED),
        ({"value": 6, "unit": "h"}, ["2026-03-01T11:00Z", "2026-03-01T04:59Z"], FAILED),
        ({"value": 1, "unit": "mo"}, ["2026-02-01T12:00Z", "2026-01-01T12:00Z"], PASSED),
        ({"value": 1, "unit": "d"}, None, SKIPPED),
        ({"value": 0, "unit": "d"}, ["2026-03-01T11:00Z"], ERROR),
        ({"value": 1, "unit": "fortnight"}, ["2026-03-01T11:00Z"], ERROR),
    ],
)
def test_frequency_is_the_time_between_publications(
    level: dict[str, Any], published: list[str] | None, result: Outcome
) -> None:
    times = None if published is None else [dt.datetime.fromisoformat(text) for text in published]
    contract = a_contract(col("c", "integer"), slaProperties=[{"property": "frequency", **level}])

    found = check_all(contract, "SELECT 1 AS c", published=times)["frequency"]

    assert (found.result, found.rule.value, found.blocks) == (result, "frequency", result is ERROR)


def test_frequency_is_not_asked_of_closed_data_or_of_another_table() -> None:
    level = {"property": "frequency", "value": 1, "unit": "d"}
    old = [dt.datetime(2020, 1, 1, tzinfo=dt.UTC)]
    closed = a_contract(
        col("c", "integer"), slaProperties=[level], customProperties=custom(referenceTime="2014-01-01T00:00:00")
    )
    other = a_contract(col("c", "integer"), slaProperties=[{**level, "element": "u.x"}])
    other.data["schema"].append({"name": "u", "properties": [col("x", "integer")]})

    found = check_all(read_contract(other.document), "SELECT 1 AS c", published=old)

    assert check_all(closed, "SELECT 1 AS c", published=old)["frequency"].result is SKIPPED
    assert "frequency" not in found
