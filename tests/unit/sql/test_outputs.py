"""Which output columns show a column as it is."""

from __future__ import annotations

import duckdb
import pytest

from weft.sql.outputs import plain_outputs, shown_by


@pytest.mark.parametrize(
    ("sql", "output", "column"),
    [
        ("select email from t", "email", "email"),
        ("select t.email as contact from t", "contact", "email"),
        ('select "E Mail" from t', "E Mail", "E Mail"),
        ("select Email from t", "EMAIL", "Email"),
        ("select upper(email) as email from t", "email", None),
        ("select * from t", "email", "email"),
        ("from t", "email", "email"),
        ("select *, email as other from t", "other", "email"),
        ("select count(*) as n from t", "n", None),
        ("with c as (select email from t) select email as x from c", "x", "email"),
    ],
)
def test_an_output_shows_a_column_where_it_is_named_and_nothing_is_done_to_it(sql, output, column):
    with duckdb.connect() as connection:  # one of its own: others use the one that all share
        [(tree,)] = connection.execute("select json_serialize_sql(?)", [sql]).fetchall()

    assert shown_by(output, plain_outputs(tree)) == column
