"""Masks: what each shows of each type, that it keeps the type, and the laws of strictness."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.access.masks import KINDS, NULL, Mask, at_least_as_mild, expression, fitted, inside, milder, stricter

SALT = "5a17"
TYPES = {
    "VARCHAR": "'ada.lovelace@example.com'",
    "BIGINT": "1234567",
    "INTEGER": "-7",
    "UTINYINT": "200",
    "HUGEINT": "170141183460469231731687303715884105727",
    "UHUGEINT": "3",
    "DECIMAL(10,2)": "12345.67",
    "DOUBLE": "'inf'",
    "FLOAT": "1.5",
    "BOOLEAN": "true",
    "DATE": "'2026-11-21'",
    "TIMESTAMP": "'2026-11-21 10:11:12'",
    "TIMESTAMPTZ": "'2026-11-21 10:11:12+00'",
    "TIMESTAMP_NS": "'2026-11-21 10:11:12'",
    "TIME": "'10:11:12'",
    "UUID": "'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'",
    "BLOB": "'abc'",
    "INTERVAL": "INTERVAL 3 DAY",
    "ENUM('a', 'b')": "'a'",
    "VARCHAR[]": "['x', 'y']",
    "INTEGER[2]": "[1, 2]",
    "STRUCT(street VARCHAR, zip INTEGER)": "{'street': 'Main Street 1', 'zip': 12345}",
    "MAP(VARCHAR, INTEGER)": "MAP {'a': 1}",
}
MASKS = [
    NULL,
    Mask("fixed", value="42"),
    Mask("hash"),
    Mask("first", 4),
    Mask("last", 4),
    Mask("domain"),
    Mask("month"),
    Mask("year"),
    Mask("bucket", 100),
    Mask("generalise", value="other", groups=(("ada.lovelace@example.com", "people"),)),
    Mask("inside", parts=(("street", Mask("hash")), ("zip", NULL))),
    Mask("inside", parts=(("[]", Mask("hash")),)),
]


@pytest.fixture(scope="module")
def db():
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


def shown(db, mask, type_name, value, salt=SALT):
    relation = f"SELECT CAST({value} AS {type_name}) AS v"
    return db.execute(f"SELECT {expression(mask, 'v', type_name, salt)} FROM ({relation})").fetchone()[0]


@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("mask", MASKS, ids=str)
def test_a_mask_keeps_the_type_of_its_column_and_the_null_of_a_null(db, mask, type_name):
    sql = expression(mask, "v", type_name, SALT)
    rows = f"SELECT CAST({TYPES[type_name]} AS {type_name}) AS v UNION ALL SELECT NULL"

    found = db.execute(f"SELECT typeof({sql}), typeof(v), v IS NULL, ({sql}) IS NULL FROM ({rows})").fetchall()

    assert [masked for masked, raw, _, _ in found] == [raw for _, raw, _, _ in found]
    of_null = next(hidden for _, _, is_null, hidden in found if is_null)
    assert of_null or mask.kind in ("fixed", "generalise")


@pytest.mark.parametrize("type_name", TYPES)
def test_what_a_type_cannot_take_is_null(db, type_name):
    for mask in MASKS:
        kind = fitted(mask, type_name)
        if kind == NULL:
            assert shown(db, mask, type_name, TYPES[type_name]) is None


@pytest.mark.parametrize(
    ("mask", "type_name", "value", "expected"),
    [
        (Mask("first", 4), "VARCHAR", "'DE1234567890'", "DE12****"),
        (Mask("last", 4), "VARCHAR", "'DE1234567890'", "****7890"),
        (Mask("last", 4), "VARCHAR", "'12345678'", "****"),
        (Mask("last", 1), "VARCHAR", "'12345678'", "****"),
        (Mask("domain"), "VARCHAR", "'ada@sub@example.com'", "****@example.com"),
        (Mask("domain"), "VARCHAR", "'no address'", "****"),
        (Mask("bucket", 100), "INTEGER", "250", 200),
        (Mask("bucket", 100), "INTEGER", "-1", -100),
        (Mask("bucket", 100), "TINYINT", "-101", None),
        (Mask("bucket", 100), "UTINYINT", "250", 200),
        (Mask("bucket", 5), "DOUBLE", "12.5", 10.0),
        (Mask("generalise", value="other", groups=(("Rome", "Italy"),)), "VARCHAR", "'Rome'", "Italy"),
        (Mask("generalise", value="other", groups=(("Rome", "Italy"),)), "VARCHAR", "'Oslo'", "other"),
        (Mask("generalise", groups=(("it's", "x"),)), "VARCHAR", "'Oslo'", None),
        (Mask("fixed", value="it's"), "VARCHAR", "'Oslo'", "it's"),
        (Mask("fixed", value="none"), "INTEGER", "1", None),
        (Mask("hash"), "INTEGER", "1", None),
        (
            Mask("inside", parts=(("street", Mask("first", 4)),)),
            "STRUCT(street VARCHAR, zip INTEGER)",
            "{'street': 'Main Street 1', 'zip': 12345}",
            {"street": "Main****", "zip": 12345},
        ),
        (
            Mask("inside", parts=(("[]", Mask("inside", parts=(("a b", NULL),))),)),
            'STRUCT("a b" VARCHAR, n INTEGER)[]',
            "[{'a b': 'x', 'n': 1}, NULL]",
            [{"a b": None, "n": 1}, None],
        ),
        (Mask("inside", parts=(("gone", NULL),)), "STRUCT(a INTEGER)", "{'a': 1}", None),
    ],
)
def test_what_a_mask_shows(db, mask, type_name, value, expected):
    assert shown(db, mask, type_name, value) == expected


def test_month_and_year_are_cut_to_their_first_day(db):
    assert str(shown(db, Mask("month"), "DATE", "'2026-11-21'")) == "2026-11-01"
    assert str(shown(db, Mask("year"), "TIMESTAMP", "'2026-11-21 10:00:00'")) == "2026-01-01 00:00:00"


@pytest.mark.parametrize("type_name", ["VARCHAR", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "UUID", "BLOB"])
def test_a_hash_joins_inside_one_grant_and_not_across_grants(db, type_name):
    value = TYPES.get(type_name, "77")
    first, again = (shown(db, Mask("hash"), type_name, value) for _ in range(2))

    assert first == again != shown(db, None, type_name, value)
    assert shown(db, Mask("hash"), type_name, value, salt="other") != first
    assert shown(db, Mask("hash"), type_name, value, salt=None) is None


scalars = st.one_of(
    st.sampled_from([NULL, Mask("hash"), Mask("domain"), Mask("month"), Mask("year")]),
    st.builds(Mask, st.sampled_from(["first", "last"]), st.integers(1, 4)),
    st.builds(Mask, st.just("bucket"), st.sampled_from([1, 4, 6, 7, 10, 999_999_999_989, 10**12])),
    st.builds(lambda v: Mask("fixed", value=v), st.sampled_from(["", "x"])),
    st.builds(lambda g: Mask("generalise", groups=((g, "y"),)), st.sampled_from(["a", "b"])),
)
masks = st.one_of(
    st.none(),
    scalars,
    st.dictionaries(st.sampled_from(["a", "b"]), st.one_of(st.none(), scalars)).map(inside),
)


@given(masks, masks, masks)
def test_of_masks_that_all_have_to_hold_order_and_repetition_say_nothing(a, b, c):
    assert stricter(a, b) == stricter(b, a)
    assert stricter(a, a) == a
    assert stricter(a, stricter(b, c)) == stricter(stricter(a, b), c)
    assert stricter(a, None) == a


@given(masks, masks, masks)
def test_of_masks_of_which_one_is_enough_order_and_repetition_say_nothing(a, b, c):
    assert milder(a, b) == milder(b, a)
    assert milder(a, a) == a
    assert milder(a, milder(b, c)) == milder(milder(a, b), c)
    assert milder(a, None) is None


@given(masks, masks)
def test_the_stricter_mask_shows_no_more_than_either(a, b):
    both = stricter(a, b)

    assert at_least_as_mild(a, both)
    assert at_least_as_mild(b, both)


@given(st.sampled_from(["'ada.lovelace@example.com'", "'short'", "'12345678'", "'123456789'"]), scalars, scalars)
def test_what_two_masks_show_together_can_be_made_of_what_either_shows(value, a, b):
    """Applying the stricter one to what the milder one of a family shows gives the same."""
    both = stricter(a, b)
    if both == NULL or {a.kind, b.kind} not in ({"first"}, {"year", "month"}, {"bucket"}):
        return
    with duckdb.connect() as db:
        type_name = {"first": "VARCHAR", "bucket": "BIGINT"}.get(a.kind, "DATE")
        raw = {"VARCHAR": value, "BIGINT": "123456789", "DATE": "'2026-11-21'"}[type_name]
        if type_name == "VARCHAR":
            whole, part = shown(db, both, type_name, raw), shown(db, a, type_name, raw)
            assert whole == "****" or part.startswith(whole.removesuffix("****"))
        else:
            middle = shown(db, a, type_name, raw)
            assert shown(db, both, type_name, f"'{middle}'") == shown(db, both, type_name, raw)


def test_every_kind_has_its_own_rank():
    assert len({kind.rank for kind in KINDS.values()}) == len(KINDS)


@pytest.mark.parametrize(
    ("type_name", "value", "mask"),
    [
        ("DATE", "'5881580-07-10'", Mask("month")),
        ("DATE", "'5877642-06-25 (BC)'", Mask("year")),
        ("TIMESTAMP_NS", "'1677-09-22 00:00:00'", Mask("year")),
        ("HUGEINT", "'-170141183460469231731687303715884105728'", Mask("bucket", 10)),
        ("TINYINT", "'-128'", Mask("bucket", 10)),
        ("DATE[]", "['5881580-07-10']", Mask("inside", parts=(("[]", Mask("year")),))),
        ("STRUCT(d DATE)", "{'d': '5881580-07-10'}", Mask("inside", parts=(("d", Mask("year")),))),
    ],
)
def test_a_value_at_the_edge_of_its_type_is_hidden_and_makes_no_query_fail(db, type_name, value, mask):
    shown = expression(mask, "v", type_name, SALT)

    (found,) = db.execute(f"SELECT {shown} FROM (SELECT CAST({value} AS {type_name}) AS v)").fetchone()

    assert found in (None, [None], {"d": None})
