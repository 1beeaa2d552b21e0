"""How pages write values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from weft.server.portal.formats import lasting, ticked


def test_what_stands_between_backticks_is_code():
    assert ticked("filter on `cancelled` or `a<b`") == ("filter on <code>cancelled</code> or <code>a&lt;b</code>")
    assert ticked("one ` alone, then `two`") == "one <code> alone, then </code>two`"
    assert ticked(None) == ""


@given(st.text(alphabet="`<>&\"'ab\n"))
def test_whatever_a_text_holds_nothing_of_it_becomes_markup(text):
    made = str(ticked(text)).replace("<code>", "`").replace("</code>", "`")

    assert made == str(escape(text))


def test_how_long_something_took_is_counted_over_zones():
    assert lasting("2026-01-01T00:00:00+00:00", "2026-01-01T01:00:01.500000+01:00") == 1.5
