"""Pages for people show all that a contract says, and its texts as texts."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.unit.contracts.exchange.support import a_contract_of
from weft.contracts.exchange.exchange import document_from
from weft.contracts.exchange.kinds import KINDS
from weft.model.document import Document
from weft.model.odcs import contract
from weft.model.shape import Field, Reference, Table

EVIL = "<script>alert(1)</script> | *x* [a](javascript:b) `c`"
CITY = Field("city", "VARCHAR", required=True, description="where they live")
TABLE = Table(
    "orders",
    (
        Field("id", "BIGINT", required=True, key_position=1, description=EVIL),
        Field("kind", "VARCHAR", values=("new", "<paid>"), default="new"),
        Field("homes", "LIST", items=Field("items", "STRUCT", fields=(CITY,))),
    ),
    description="what was ordered",
    references=(Reference(("kind",), "kinds", ("name",)),),
)


def written(kind: str) -> str:
    data: dict[str, Any] = dict(a_contract_of(TABLE).data)
    data |= {"name": EVIL, "description": {"purpose": "to bill", "limitations": "not for audits"}, "tags": ["sales"]}
    data["slaProperties"] = [{"property": "latency", "value": 2, "unit": "d", "element": "orders.at"}]
    data["schema"][0]["properties"][0] |= {
        "classification": "confidential",
        "quality": [{"metric": "nullValues", "mustBeLessThan": 3}],
    }
    return document_from(contract(Document("c", data)), KINDS[kind]).text


class _Page(HTMLParser):
    """Tags and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize(
    "said",
    [
        *(
            "to bill",
            "not for audits",
            "sales",
            "what was ordered",
            "where they live",
            "confidential",
            "key 1",
            "required",
        ),
        *("one of new, <paid>", 'default "new"', "homes[].city", "latency", "2 d", "nullValues mustBeLessThan 3"),
        *("kind → kinds (name)", EVIL),
    ],
)
def test_the_page_shows_all_that_the_contract_says(said: str) -> None:
    assert said in _Page(written("html")).text
    assert said in re.sub(r"\\([\\`*_{}\[\]<>#|~&])", r"\1", written("markdown"))


def test_the_page_in_html_is_well_formed_runs_nothing_and_fetches_nothing() -> None:
    page = _Page(written("html"))

    assert page.open == []
    assert {t for t, _ in page.tags} <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "dl", "dt", "dd", "div", "table", "thead"),
        *("tbody", "tr", "th", "td", "code", "span", "br", "ul", "li"),
    }
    assert not [a for _, attributes in page.tags for a in attributes if a in ("src", "href") or a.startswith("on")]


def test_markdown_has_one_row_for_each_column_and_no_html_of_the_contract() -> None:
    text = written("markdown")

    assert "<script" not in text.replace("\\<", "")
    rows = [line for line in text.splitlines() if line.startswith("| ") and "type" not in line]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [6] * 5 + [4] * 2
