"""How pages write values."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from weft.server.portal.formats import contact, day, day_of, lasting, ticked


def test_what_stands_between_backticks_is_code():
    assert ticked("filter on `cancelled` or `a<b`") == ("filter on <code>cancelled</code> or <code>a&lt;b</code>")
    assert ticked("one ` alone, then `two`") == "one <code> alone, then </code>two`"
    assert ticked(None) == ""


@given(st.text(alphabet="`<>&\"'ab\n"))
def test_whatever_a_text_holds_nothing_of_it_becomes_markup(text):
    made = str(ticked(text)).replace("<code>", "`").replace("</code>", "`")

    assert made == str(escape(text))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sales-data@example.com", '<a href="mailto:sales-data@example.com">sales-data@example.com</a>'),
        (
            "https://chat.example.com/sales",
            '<a href="https://chat.example.com/sales">https://chat.example.com/sales</a>',
        ),
        ("#sales-data", "#sales-data"),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("a@b.c?cc=<x>", "a@b.c?cc=&lt;x&gt;"),
        ('https://x/"><script>', '<a href="https://x/&#34;&gt;&lt;script&gt;">https://x/&#34;&gt;&lt;script&gt;</a>'),
        (None, "–"),
    ],
)
def test_a_contact_is_a_link_where_it_leads_somewhere(text, shown):
    assert contact(text) == shown


def test_how_long_something_took_is_counted_over_zones():
    assert lasting("2026-01-01T00:00:00+00:00", "2026-01-01T01:00:01.500000+01:00") == 1.5


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("2026-03-02T00:00:00Z", "today"),
        ("2026-03-01", "yesterday"),
        ("2026-02-27", "3 days ago"),
        ("2025-12-01", "3 months ago"),
    ],
)
def test_a_day_whose_hour_is_not_known_is_not_told_in_hours(value, told):
    now = dt.datetime(2026, 3, 2, 15, tzinfo=dt.UTC)

    assert f">{told}</time>" in day_of(value, now)
    assert f'title="{value[:10]}"' in day_of(value, now)
    assert "never" in day_of(None, now)
    assert 'title="yesterday"' in day("2026-03-01", now)
