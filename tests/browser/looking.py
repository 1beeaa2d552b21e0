"""What is asked of every page, also of those whose address nobody knows beforehand."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Response

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


DRAWN = ("/workbench", "/lineage")
"""Pages that scripts go on writing when they are loaded."""


def loaded(page: Page, path: str) -> Response | None:
    """The answer for a page that is opened, once it is all there."""
    return page.goto(path, wait_until="networkidle" if path.startswith(DRAWN) else "load")


def barriers(page: Page) -> list[tuple[str, list[str]]]:
    """What keeps somebody from using a page, by axe-core: each rule with the first elements that break it."""
    return _broken(page, {"type": "tag", "values": TAGS})


def faint(page: Page) -> list[tuple[str, list[str]]]:
    """What is too faint to be read: all that another theme can change."""
    return _broken(page, {"type": "rule", "values": ["color-contrast", "link-in-text-block"]})


def _broken(page: Page, rules: dict[str, object]) -> list[tuple[str, list[str]]]:
    found = Axe().run(page, options={"runOnly": rules}).response["violations"]
    return [(v["id"], [n["html"] for n in v["nodes"]][:3]) for v in found]


def bytes_on_the_wire(page: Page, path: str) -> int:
    """What a first view of a page brings, with all that it loads of itself."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    brought: dict[str, int] = {}
    session.on("Network.loadingFinished", lambda e: brought.update({e["requestId"]: e["encodedDataLength"]}))

    page.goto(path, wait_until="networkidle")
    session.detach()  # what was switched off for it is on again

    return sum(brought.values())


def first_paint_ms(page: Page) -> float:
    """When the page that is open showed its first content (first contentful paint)."""
    found: float = page.evaluate(
        """() => new Promise((done) => {
          const seen = performance.getEntriesByName("first-contentful-paint")[0];
          if (seen) return done(seen.startTime);
          new PerformanceObserver((list) => {
            const one = list.getEntriesByName("first-contentful-paint")[0];
            if (one) done(one.startTime);
          }).observe({ type: "paint", buffered: true });
        })"""
    )
    return found


def jumped(page: Page, path: str) -> float:
    """How far things jump while a page is opened and for half a second after (cumulative layout shift)."""
    page.add_init_script(
        """window.jumped = 0;
        new PerformanceObserver((list) => {
          for (const one of list.getEntries()) if (!one.hadRecentInput) window.jumped += one.value;
        }).observe({ type: "layout-shift", buffered: true });"""
    )
    page.goto(path, wait_until="networkidle")
    page.wait_for_timeout(500)
    found: float = page.evaluate("window.jumped")
    return found
