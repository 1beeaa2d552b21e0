"""The relation of a decision over data versions: today's decision, whatever the columns were then."""

from __future__ import annotations

import datetime as dt

import duckdb
from msgspec.structs import replace

from tests.unit.access.given import NOW, basis, granted, state, user
from weft.access.decision import decide
from weft.access.masks import NULL, Mask
from weft.access.policies import Policies, Rule, Who
from weft.access.principals import Principal, PrincipalKind
from weft.access.relation import relation_of
from weft.model.column import Column

OWNER = Principal("ann", PrincipalKind.OWNER)
NOW_COLUMNS = (Column("mail", "VARCHAR", 1, "k1"), Column("n", "BIGINT", 2, "k2"))
THEN_COLUMNS = (
    Column("e-mail", "VARCHAR", 1, "k1"),
    Column("n", "INTEGER", 2, "k2"),
    Column("gone", "VARCHAR", 3, "k3"),
)
PROPERTIES = [
    {"name": "mail", "classification": "restricted"},
    {"name": "n", "classification": "internal"},
]
PORT = state(columns=NOW_COLUMNS, contract={"schema": [{"name": "t", "properties": PROPERTIES}]})
THEN = "(SELECT 'a@b' AS \"e-mail\", 7::INTEGER AS n, 'x' AS gone)"


def shown(decision, version=THEN_COLUMNS, rows=THEN):
    with duckdb.connect() as db:
        found = db.execute(f"SELECT * FROM {relation_of(decision, NOW_COLUMNS, version, rows)}")
        return dict(zip([d[0] for d in found.description], found.fetchone(), strict=True))


def decided(who=None, policies=None):
    return decide(who or user(), PORT, (), None, NOW.date(), basis(granted(), policies=policies))


def test_a_former_version_is_shown_as_its_columns_are_now_and_what_is_gone_to_the_owner_alone():
    assert shown(decided()) == {"e-mail": None, "n": 7}
    assert shown(decided(OWNER)) == {"e-mail": "a@b", "n": 7, "gone": "x"}


def test_the_files_of_a_former_version_are_not_what_is_shown_of_it_where_a_column_is_gone():
    open_ = [{"name": c.name, "classification": "internal"} for c in NOW_COLUMNS]
    port = replace(PORT, contract={"schema": [{"name": "t", "properties": open_}]})
    whole = decide(user(), port, (), None, NOW.date(), basis(granted()))

    assert whole.whole
    assert shown(whole) == {"e-mail": "a@b", "n": 7}
    assert relation_of(whole, NOW_COLUMNS, THEN_COLUMNS, THEN) != THEN
    assert relation_of(whole, NOW_COLUMNS, NOW_COLUMNS, THEN) == THEN


def test_a_mask_that_the_type_of_then_cannot_take_is_null():
    policies = Policies((Rule("h", "mask", "f", columns=("n",), mask=Mask("hash")),))

    assert shown(decided(policies=policies))["n"] is None
    assert shown(decided(policies=policies), NOW_COLUMNS, "(SELECT 'a' AS mail, 7::BIGINT AS n)")["n"] > 7


def test_the_masked_value_is_what_a_query_compares_and_the_filter_sees_the_raw_one():
    """A name of the output is never taken for the masked column of the same name, nor the other way round."""
    policies = Policies(
        (
            Rule("m", "mask", "f", columns=("n",), mask=Mask("bucket", 10)),
            Rule("f", "filter", "f", condition="n % 10 = 7"),
        )
    )
    rows = "(SELECT 'a' AS mail, n::BIGINT AS n FROM range(100) t(n))"
    relation = relation_of(decided(policies=policies), NOW_COLUMNS, NOW_COLUMNS, rows)

    with duckdb.connect() as db:
        assert db.execute(f"SELECT list(n ORDER BY n) FROM {relation}").fetchone()[0] == list(range(0, 100, 10))
        assert db.execute(f"SELECT count(*) FROM {relation} WHERE n % 10 = 7").fetchone()[0] == 0


def test_rows_of_several_grants_are_shown_once_each():
    policies = Policies(
        (
            Rule("a", "filter", "f", condition="n < 60", when=Who(purposes=("a",))),
            Rule("b", "filter", "f", condition="n > 40", when=Who(purposes=("b",))),
            Rule("c", "mask", "f", columns=("n",), mask=NULL, when=Who(purposes=("b",))),
        )
    )
    grants = granted(1, purpose="a"), granted(2, purpose="b")
    decision = decide(user(), PORT, (), None, NOW.date(), basis(*grants, policies=policies))
    rows = "(SELECT 'a' AS mail, n::BIGINT AS n FROM range(100) t(n))"

    with duckdb.connect() as db:
        relation = relation_of(decision, NOW_COLUMNS, NOW_COLUMNS, rows)
        assert db.execute(f"SELECT count(*), count(n), max(n) FROM {relation}").fetchone() == (100, 60, 59)
    assert decision.row_filter == "((n < 60)) OR ((n > 40))"


def test_a_decision_ends_with_its_grant():
    grant = granted(ends_at=NOW + dt.timedelta(hours=1))

    before, after = (
        decide(user(), PORT, (), None, NOW.date(), replace(basis(grant), now=NOW + dt.timedelta(minutes=m)))
        for m in (59, 60)
    )

    assert (before.allowed, after.allowed) == (True, False)
