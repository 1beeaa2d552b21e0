"""A form of a page is filled in again: what was typed comes back whole and is never markup."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from weft.server.portal.filled_forms import filled

PAGE = """<!doctype html><title>A page</title>
<form method="get" action="/a"><input name="text" value="search"></form>
<details><summary>More</summary>
<form method="post" action="/a" class="fields"><input type="hidden" name="csrf" value="token">
<input type="hidden" name="off" value="true"><textarea name="text">other</textarea></form>
</details>
<details><summary>Change</summary><form method="post" action="/a" class="fields">
<input type="hidden" name="csrf" value="token"><label for="t">What it is for</label>
<textarea id="t" name="text" required aria-describedby="hint">before</textarea><span id="hint">…</span>
<input name="line" value="old"><input type="password" name="secret">
<select name="kind"><option value="">none</option><option value="a" selected>A</option><option>b</option></select>
<label><input type="radio" name="stars" value="1" checked> 1</label>
<label><input type="radio" name="stars" value="2"> 2</label>
<label><input type="checkbox" name="roles" value="x" checked> x</label>
<button name="do" value="edit">Save</button><button formaction="/b">Else</button></form></details>
<p>after</p>"""


class Read(HTMLParser):
    """What a browser would send of the second form that is sent, and what stands around it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._forms, self._area, self._select = 0, "", ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self._forms += tag == "form" and given.get("method") == "post"
        if self._forms != 2:
            return
        if tag == "textarea":
            self._area = given["name"]
            self.sent[self._area] = [""]
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self.sent[self._select] = [given.get("value") or "b"]
        elif tag == "input" and (given.get("type") not in ("radio", "checkbox") or "checked" in given):
            self.sent.setdefault(given["name"], []).append(given.get("value") or "")

    def handle_endtag(self, tag):
        if tag == "textarea":
            self._area = ""

    def handle_data(self, data):
        if self._area:
            self.sent[self._area][0] += data


texts = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), min_size=1, max_size=60) | st.sampled_from(
    [
        "</textarea><script>alert(1)</script>",
        '" onfocus="alert(1)',
        "\n\nbegins with lines",
        "&lt;b&gt; &amp;amp;",
        "'\"`=<>",
    ]
)


@given(texts, texts)
def test_whatever_is_typed_comes_back_whole_and_is_no_markup(text, line):
    typed = {"text": [text], "line": [line], "do": ["edit"], "secret": ["hidden"], "kind": ["b"], "stars": ["2"]}

    page = filled(PAGE, "/a", typed, {"text": f"not {text}"}, "", "/page?a=1&b=2")

    assert page is not None
    found = Read(page)
    shown = found.sent["text"][0]
    assert (shown.removeprefix("\n") if text.startswith("\n") else shown) == text
    assert found.sent["line"] == [line]
    assert (found.sent["kind"], found.sent["stars"], "roles" in found.sent) == (["b"], ["2"], False)
    assert found.sent["secret"] == [""], "a password is typed again"
    assert found.sent["_page"] == ["/page?a=1&b=2"]
    assert [tag for tag, _ in found.tags].count("script") == 0
    assert not any(name.startswith("on") for _, given in found.tags for name in given)


def test_the_form_that_has_the_button_is_meant_is_opened_and_says_at_the_field_what_is_wrong():
    page = filled(
        PAGE, "/a", {"text": ["new"], "do": ["edit"]}, {"“What it is for”": "Too long.", "x": "No."}, "", "/p"
    )

    found = Read(page)
    areas = [given for tag, given in found.tags if tag == "textarea"]
    assert [("aria-invalid" in given, "autofocus" in given) for given in areas] == [(False, False), (True, True)]
    assert areas[1]["aria-describedby"].split()[0] == "hint"
    assert f'id="{areas[1]["aria-describedby"].split()[1]}">Too long.<' in page
    assert ["open" in given for tag, given in found.tags if tag == "details"] == [False, True]
    assert "<p>No.</p>" in page, "what is of no field stands above"
    assert 'value="search"' in page
    assert ">other</textarea>" in page


def test_a_page_without_that_form_is_none():
    assert filled(PAGE, "/c", {"text": ["new"]}, {"text": "wrong"}, "") is None
    assert filled(PAGE, "/b", {"text": ["new"]}, {}, "") is not None
