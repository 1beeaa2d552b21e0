"""Markup in what people write comes out inert, on every page."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.browser import hostile
from tests.browser.company import CONSUMER, LEAD, OPERATOR, OWNER, Served, served
from tests.browser.conftest import once
from tests.browser.hostile import COLUMN, EVIL, TAG
from tests.browser.looking import loaded
from tests.browser.pages import PAGES
from tests.browser.test_running import failed_run

FOREIGN = """() => [
  ...document.querySelectorAll('img[src="x"], [onerror], [onload], [onmouseover], main i, main b'),
  ...document.querySelectorAll('script:not([src], [type="application/json"])'),
  ...[...document.querySelectorAll('[href], [src], [action], [formaction]')].filter((one) =>
    ['href', 'src', 'action', 'formaction'].some((name) => /^\\s*javascript:/i.test(one.getAttribute(name) ?? ''))),
].map((one) => one.outerHTML.slice(0, 200))"""
"""What of a document is not ours."""
WROTE = f"/search?q={quote(EVIL)}"
PLANES = "/ports/fleet/aircraft/planes@1"


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The mesh with markup in it, served."""
    template = once(tmp_path_factory, "hostile-mesh", hostile.make)
    with served(tmp_path_factory.mktemp("hostile"), template) as running:
        yield running


def walked(visit, server: Served, pages: dict[str, str], seen: dict[str, str]) -> dict[str, object]:
    """What is wrong with some pages, by path; `seen` gets the text of each."""
    wrong: dict[str, object] = {}
    opened: dict[str, object] = {}
    for path, person in pages.items():
        page = opened.get(person) or opened.setdefault(person, visit(server, person))
        page.problems.clear()
        answer = loaded(page, path)
        page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true })")
        seen[path] = page.locator("body").inner_text()
        problems = [p for p in page.problems if answer.status < 400 or f"status of {answer.status}" not in p]
        found = page.evaluate(FOREIGN), page.evaluate("window.owned ?? null"), problems, "owned=1>49" in seen[path]
        if found != ([], None, [], False) or answer.status >= 500:
            wrong[path] = (answer.status, *found)
    return wrong


def test_markup_in_names_descriptions_tags_comments_columns_errors_and_queries_is_inert_on_every_page(evil, visit):
    own = dict.fromkeys(hostile.written(evil.platform), LEAD)
    own |= {path: CONSUMER for path in own if path.startswith("/access/")}  # who owns what was asked for
    own |= {path: OWNER for path in own if "saved=" in path}
    more = {
        WROTE: OWNER,
        f"/tags/{quote(TAG, safe='')}": OWNER,
        f"/teams/{quote('Operations Control ' + EVIL, safe='')}": OWNER,
        f"/people/{quote(EVIL, safe='')}": OWNER,
        f"/domains/{quote(EVIL, safe='')}": OWNER,
        f"/products/operations/{quote(EVIL, safe='')}": OWNER,
        f"/access/request?port={quote(EVIL, safe='')}": OWNER,
        f"/runs?product={quote(EVIL, safe='')}&hours=24": OWNER,
        f"/governance/audit?where={quote(EVIL, safe='')}": LEAD,
        f"/governance/violations?domain={quote(EVIL, safe='')}": LEAD,
        f"/lineage?node=fleet.aircraft.planes.{quote(COLUMN, safe='')}": OWNER,
        f"/workbench?sql={quote(f'select {EVIL}')}": OWNER,
        f"/runs/{failed_run(evil)}": OWNER,
        "/glossary/delay": OWNER,
        "/administration/domains": OPERATOR,
        PLANES: OWNER,
        **{f"{PLANES}?tab={tab}": OWNER for tab in ("sample", "contract", "quality", "profile", "lineage")},
    }
    seen: dict[str, str] = {}

    wrong = walked(visit, evil, {**PAGES, **own, **more}, seen)

    assert wrong == {}
    shown = {path for path, text in seen.items() if "onerror=" in text}
    assert shown >= {*own, WROTE, "/", "/domains/operations", "/products/operations/on_time", PLANES, "/access/inbox"}
    assert COLUMN in seen[PLANES]
    assert TAG in seen["/domains/operations"]
