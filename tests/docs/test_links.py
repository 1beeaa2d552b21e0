"""Links between pages lead somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, anchors, links, pages


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_inside_the_repository_resolves(page: Path) -> None:
    broken = []
    for target in links(page):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        file, _, anchor = target.partition("#")
        there = page if not file else (page.parent / file).resolve()
        resolves = there.exists() and there.is_relative_to(ROOT)
        if not resolves or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)

    assert broken == []


def test_every_page_of_docs_is_reached_from_its_index() -> None:
    found = {ROOT / "docs" / "index.md"}
    waiting = list(found)

    while waiting:
        page = waiting.pop()
        for target in links(page):
            file = target.partition("#")[0]
            there = (page.parent / file).resolve() if file and "://" not in file else page
            if there.suffix == ".md" and there.is_file() and there not in found:
                found.add(there)
                waiting.append(there)

    assert sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md") if p not in found) == []
