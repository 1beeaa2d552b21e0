"""Which expressions are recognised as anonymisations, and which only look like one."""

from __future__ import annotations

import pytest

from weft.model.lineage import Anonymisation, EdgeKind, Transformation
from weft.sql.lineage import column_lineage

SCHEMAS = {"t": ("a", "b", "postal_code", "salt")}


def anonymised(sql: str, target: str = "x") -> set[Anonymisation]:
    """How the sources of a column are made anonymous in it; those of a salt apart."""
    edges = column_lineage(sql, SCHEMAS)
    return {e.anonymised for e in edges if e.kind is EdgeKind.DIRECT and e.target == target and e.source != "salt"}


@pytest.mark.parametrize(
    ("expression", "how"),
    [
        ("md5(a || '0123456789abcdef')", Anonymisation.SALTED_HASH),
        ("sha256(concat(lower(a), '0123456789abcdef'))", Anonymisation.SALTED_HASH),
        ("sha256(concat_ws('-', a, salt))", Anonymisation.SALTED_HASH),
        ("sha1(cast(a as varchar) || getvariable('key'))", Anonymisation.SALTED_HASH),
        ("date_trunc('year', a)", Anonymisation.GENERALISATION),
        ("extract(decade from a)", Anonymisation.GENERALISATION),
        ("date_part('year', a)", Anonymisation.GENERALISATION),
        ("year(a)", Anonymisation.GENERALISATION),
        ("round(a, -3)", Anonymisation.GENERALISATION),
        ("floor(a / 10) * 10", Anonymisation.GENERALISATION),
        ("a // 5", Anonymisation.GENERALISATION),
        ("left(postal_code, 3)", Anonymisation.GENERALISATION),
        ("substring(postal_code, 1, 2)", Anonymisation.GENERALISATION),
        ("a is not null", Anonymisation.GENERALISATION),
        ("regexp_replace(a, '.', '*', 'g')", Anonymisation.REDACTION),
        ("regexp_replace(a, '^.*$', 'gone', 's')", Anonymisation.REDACTION),
        ("count(distinct a)", Anonymisation.COUNT),
        ("approx_count_distinct(a)", Anonymisation.COUNT),
    ],
)
def test_what_is_certain_from_the_sql_alone_is_an_anonymisation(expression: str, how: Anonymisation) -> None:
    assert anonymised(f"select {expression} as x from t") == {how}
    assert anonymised(f"with w as (select {expression} as y from t) select upper(y) as x from w") == {how}


@pytest.mark.parametrize(
    "expression",
    [
        "md5(a)",
        "md5(a || '-')",
        "md5(a || b)",
        "md5(concat_ws('0123456789abcdef', a))",
        "hash(a || '0123456789abcdef')",
        "date_trunc('month', a)",
        "month(a)",
        "date_part('day', a)",
        "round(a, 2)",
        "round(a)",
        "a // 2",
        "floor(a / 1)",
        "left(a, 3)",
        "left(postal_code, 4)",
        "right(postal_code, 3)",
        "substring(postal_code, 3, 2)",
        "regexp_replace(a, '.', '*')",
        "regexp_replace(a, '^.*$', '*', 'g')",
        "regexp_replace(a, '(.*)', '\\1', 's')",
        "regexp_replace(a, '[0-9]', '*', 'g')",
        "count_if(a > 3)",
        "count(a > 3)",
        "avg(a)",
        "upper(a)",
    ],
)
def test_what_can_be_guessed_or_shows_a_part_is_none(expression: str) -> None:
    assert anonymised(f"select {expression} as x from t") == {Anonymisation.NONE}


def test_a_digest_without_salt_masks_and_does_not_anonymise() -> None:
    (edge,) = column_lineage("select md5(a) as x from t", SCHEMAS)

    assert edge.masking
    assert edge.anonymised is Anonymisation.NONE


def test_generalising_and_aggregating_do_not_mask_in_the_sense_of_openlineage() -> None:
    found = column_lineage("select year(a) as x, sum(b) as y from t group by all having count(*) >= 5", SCHEMAS)

    assert {(e.target, e.masking) for e in found if e.kind is EdgeKind.DIRECT} == {("x", False), ("y", False)}
    assert {e.anonymised for e in found if e.kind is EdgeKind.DIRECT} == {
        Anonymisation.GENERALISATION,
        Anonymisation.AGGREGATION,
    }


@pytest.mark.parametrize(
    "condition",
    ["count(*) >= 5", "count(*) > 4", "5 <= count(*)", "count(distinct b) >= 10", "(count(*) >= 5) and b > 1"],
)
def test_an_aggregate_of_groups_of_enough_rows_is_anonymous(condition: str) -> None:
    assert anonymised(f"select b, avg(a) as x from t group by b having {condition}") == {Anonymisation.AGGREGATION}
    shown = f"select b, case when {condition} then avg(a) end as x from t group by b"
    assert anonymised(shown) == {Anonymisation.AGGREGATION}


@pytest.mark.parametrize(
    "query",
    [
        "select b, avg(a) as x from t group by b",
        "select b, avg(a) as x from t group by b having count(*) >= 4",
        "select b, avg(a) as x from t group by b having count(*) >= 5 or b > 1",
        "select b, avg(a) as x from t group by b having count(*) <= 5",
        "select b, max(a) as x from t group by b having count(*) >= 5",
        "select b, avg(distinct a) as x from t group by b having count(*) >= 5",
        "select b, list(a) as x from t group by b having count(*) >= 5",
        "select b, sum(case when b = 7 then a end) as x from t group by b having count(*) >= 5",
        "select b, avg(a) filter (where b = 7) as x from t group by b having count(*) >= 5",
        "select b, case when count(*) >= 5 then 0 else avg(a) end as x from t group by b",
        "select avg(a) over (partition by b) as x from t",
        "with w as (select b from t group by b having count(*) >= 5) select avg(t.a) as x from t join w using (b)",
    ],
)
def test_an_aggregate_that_may_say_something_of_one_row_is_not(query: str) -> None:
    assert anonymised(query) == {Anonymisation.NONE}


def test_a_value_that_is_shown_beside_its_digest_keeps_an_edge_that_hides_nothing() -> None:
    assert anonymised("select a || md5(a || '0123456789abcdef') as x from t") == {
        Anonymisation.NONE,
        Anonymisation.SALTED_HASH,
    }


def test_a_salted_digest_is_anonymous_also_where_nobody_knows_of_which_column_it_is() -> None:
    (edge,) = column_lineage("select md5(u.q || '0123456789abcdef') as x from t, unknown as u", {"t": ("a",)})

    assert (edge.transformation, edge.anonymised) == (Transformation.UNRESOLVED, Anonymisation.SALTED_HASH)


def test_a_digest_of_what_is_generalised_masks_and_stays_anonymous() -> None:
    (edge,) = column_lineage("select md5(year(a)::varchar) as x from t", SCHEMAS)

    assert (edge.masking, edge.anonymised) == (True, Anonymisation.GENERALISATION)
