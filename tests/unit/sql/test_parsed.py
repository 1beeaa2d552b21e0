"""The tree of a text is parsed once while trees are kept, and anew where they are not."""

from __future__ import annotations

from weft.sql.column_digests import column_digests
from weft.sql.digest_scopes import Digested
from weft.sql.lineage import column_lineage
from weft.sql.parsed import kept_trees, parsed

SQL = "with a as (select x, y from t) select x + y as z, count(*) over (order by y) as n from a"


def test_while_trees_are_kept_a_text_has_one_tree_and_behind_it_another():
    with kept_trees():
        first = parsed(SQL)
        again, of_another = parsed(SQL), parsed(SQL, "postgres")

    assert again is first
    assert of_another is not first
    assert parsed(SQL) is not first


def test_lineage_and_digests_of_one_tree_are_those_of_their_own_and_leave_it_as_it_was():
    table = Digested((("x", "1"), ("y", "2")), "3")
    alone = column_lineage(SQL, {"t": ("x", "y")}), column_digests(SQL, "d", {"t": table}, ["z", "n"])

    with kept_trees():
        before = parsed(SQL).copy()
        together = column_lineage(SQL, {"t": ("x", "y")}), column_digests(SQL, "d", {"t": table}, ["z", "n"])
        after = parsed(SQL)

    assert together == alone
    assert after == before
