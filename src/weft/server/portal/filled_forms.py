"""A form of a page, filled in again: with what somebody has typed, and beside each field what is wrong with it.

Pages are made by templates that know nothing of this: the one form that was sent is found in the page by where it goes
and by its fields, and written anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from html.parser import HTMLParser

from msgspec import Struct

from weft.server.portal.formats import ticked

Typed = Mapping[str, Sequence[str]]
"""Values by the names of fields."""
PAGE = "_page"
"""The field that says on which page a form stands that is shown again."""
_KEEP = frozenset({"hidden", "password", "file", "submit", "button", "image", "reset"})
"""Kinds of inputs that are not filled in."""
_Attributes = dict[str, str | None]


class _Option(Struct):
    start: int
    end: int
    attributes: _Attributes
    text: str = ""


class _Field(Struct):
    tag: str
    attributes: _Attributes
    start: int
    end: int
    closes: int = 0
    ends: int = 0
    options: list[_Option] = []

    @property
    def name(self) -> str:
        return self.attributes.get("name") or ""

    @property
    def kind(self) -> str:
        return (self.attributes.get("type") or "text").lower() if self.tag == "input" else self.tag


class _Form(Struct):
    attributes: _Attributes
    end: int
    around: list[tuple[int, _Attributes]]
    fields: list[_Field] = []
    labels: list[tuple[str, str]] = []
    ways: set[str] = set()
    """Where it may go: its own action, and those of its buttons."""


class _Forms(HTMLParser):
    """Reads the forms of a page that are sent."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[_Form] = []
        self._lines = [0]
        for line in text.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._open: list[tuple[int, _Attributes]] = []
        self._form: _Form | None = None
        self._field: _Field | None = None
        self._label: tuple[str, str] | None = None
        self.feed(text)
        self.close()

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        start, given = self._at(), dict(attrs)
        end = start + len(self.get_starttag_text() or "")
        if tag == "details":
            self._open.append((start, given))
        elif tag == "form" and (given.get("method") or "").lower() == "post":
            self._form = _Form(given, end, list(self._open), ways={given.get("action") or ""})
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "label" and given.get("for"):
            self._label = (given["for"] or "", "")
        elif tag == "option" and self._field is not None:
            self._field.options.append(_Option(start, end, given))
        elif tag in ("input", "textarea", "select", "button"):
            field = _Field(tag, given, start, end, end, end)
            self._form.fields.append(field)
            if tag == "button" and given.get("formaction"):
                self._form.ways.add(given["formaction"] or "")
            self._field = field if tag in ("textarea", "select") else None

    def handle_endtag(self, tag: str) -> None:
        if tag == "details" and self._open:
            self._open.pop()
        elif tag == "form":
            self._form = self._field = None
        elif tag == "label" and self._label is not None and self._form is not None:
            self._form.labels.append(self._label)
            self._label = None
        elif self._field is not None and tag == self._field.tag:
            self._field.closes = self._at()
            self._field.ends = self._field.closes + len(tag) + 3
            self._field = None

    def handle_data(self, data: str) -> None:
        if self._label is not None:
            self._label = (self._label[0], self._label[1] + data)
        elif self._field is not None and self._field.options:
            self._field.options[-1].text += data


def filled(
    page: str, path: str, typed: Typed, wrong: Mapping[str, str], told: str | None, at: str | None = None
) -> str | None:
    """A page with one of its forms filled in; None where it has no form that goes there.

    Args:
        path: where the form was sent.
        typed: what came with it.
        wrong: what is wrong, by the names of fields, or by their labels as `“Label”`; what is of no field that one sees
            is told above the form.
        told: what is wrong with all of it, as markup; None: the page says it.
        at: the page's address, for the next time that the form cannot be taken; None where the page has its own.
    """
    forms = [form for form in _Forms(page).forms if path in form.ways]
    if not forms:
        return None
    form = max(forms, key=lambda one: _likeness(one, typed))
    wrong = {_name_of(form, name): text for name, text in wrong.items()}
    edits: list[tuple[int, int, str]] = []
    seen: set[str] = set()
    for field in form.fields:
        if field.tag == "button" or field.kind in _KEEP or not field.name:
            continue
        attributes, after = dict(field.attributes), ""
        if field.name in wrong and field.name not in seen:
            id_ = f"wrong-{len(seen)}-{attributes.get('id') or field.name}"
            known = attributes.get("aria-describedby")
            attributes |= {"aria-invalid": "true", "aria-describedby": f"{known} {id_}" if known else id_}
            if not seen:
                attributes["autofocus"] = None
            seen.add(field.name)
            after = f'<span class="wrong" id="{escape(id_)}">{ticked(wrong[field.name])}</span>'
        edits += _written(field, attributes, typed, after)
    above = "".join(f"<p>{ticked(text)}</p>" for name, text in wrong.items() if name not in seen)
    if seen and not told:
        above = "<p><strong>This could not be taken yet.</strong> What is wrong stands beside each field.</p>" + above
    begins = f'<div class="told bad" role="alert">{above}</div>' if above and told == "" else ""
    if at is not None:
        begins += f'<input type="hidden" name="{PAGE}" value="{escape(at)}">'
    edits.append((form.end, form.end, (told or "") + begins))
    for start, attributes in form.around:
        if "open" not in attributes:
            edits.append((start, start + len("<details"), "<details open"))
    for start, end, text in sorted(edits, reverse=True):
        page = page[:start] + text + page[end:]
    return page


def _name_of(form: _Form, name: str) -> str:
    """The name of the field that has a label; a name is its own."""
    if not name.startswith("“"):
        return name
    ids = {id_ for id_, label in form.labels if label.strip() == name.strip("“”")}
    return next((field.name for field in form.fields if field.attributes.get("id") in ids), name)


def _likeness(form: _Form, typed: Typed) -> int:
    """How many of the values that came can have come from a form; and what it sends besides counts against it."""
    found = 0
    for name, values in typed.items():
        own = [field for field in form.fields if field.name == name]
        fixed = [f.attributes.get("value") or "" for f in own if f.tag == "button" or f.kind == "hidden"]
        found += bool(own) if len(fixed) < len(own) else 2 * any(value in fixed for value in values)
    return found - sum(f.kind == "hidden" and f.name not in typed for f in form.fields)


def _written(field: _Field, attributes: _Attributes, typed: Typed, after: str) -> list[tuple[int, int, str]]:
    """The edits that give a field what was typed into it, and put something behind it."""
    values = typed.get(field.name, ())
    edits = []
    if field.kind in ("checkbox", "radio"):
        _set(attributes, "checked", (attributes.get("value") or "on") in values)
    elif field.tag == "input" and values:
        attributes["value"] = values[0]
    elif field.tag == "textarea" and values:
        text = values[0].replace("\r\n", "\n")
        edits.append((field.end, field.closes, escape(f"\n{text}" if text.startswith("\n") else text, quote=False)))
    elif field.tag == "select" and values:
        for option in field.options:
            given = dict(option.attributes)
            value = given.get("value")
            _set(given, "selected", (value if value is not None else option.text.strip()) in values)
            edits.append((option.start, option.end, _tag("option", given)))
    edits.append((field.start, field.end, _tag(field.tag, attributes)))
    if after:
        edits.append((field.ends, field.ends, after))
    return edits


def _set(attributes: _Attributes, name: str, yes: bool) -> None:
    attributes.pop(name, None)
    if yes:
        attributes[name] = None


def _tag(name: str, attributes: _Attributes) -> str:
    given = "".join(f" {key}" if value is None else f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{given}>"
