"""Takes the pictures of the portal in docs/images: the example's mesh, its main pages, in light, dark and on a phone.

python scripts/make_pictures.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from tests.browser.company import CONSUMER, LEAD, OWNER, make, served  # noqa: E402
from tests.browser.conftest import Visitors, browser  # noqa: E402

BY_DAY = """select flight_date, round(avg(arr_delay), 1) as minutes_late
from operations.on_time.flights
where not cancelled
group by all
order by all"""

PICTURES = {
    "home": ("/", OWNER, {}),
    "search": ("/search?q=delay", CONSUMER, {}),
    "product": ("/products/operations/on_time", CONSUMER, {}),
    "port": ("/ports/operations/on_time/flights", CONSUMER, {}),
    "lineage": ("/lineage?node=punctuality.performance.carrier_daily@1", CONSUMER, {}),
    "workbench": (f"/workbench?sql={quote(BY_DAY)}", OWNER, {}),
    "governance": ("/governance", LEAD, {}),
    "home-dark": ("/", OWNER, {"color_scheme": "dark"}),
    "port-dark": ("/ports/operations/on_time/flights", CONSUMER, {"color_scheme": "dark"}),
    "product-phone": ("/products/operations/on_time", CONSUMER, {"width": 390}),
    "lineage-phone": (
        "/lineage?node=operations.on_time#lineage-picture",
        CONSUMER,
        {"width": 390, "has_touch": True, "is_mobile": True},
    ),
}
"""Which page, who looks at it, and how."""


def charted(page: Page) -> None:
    """Runs what stands in the workbench, and draws it."""
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator("#as-table tbody tr td:not(.gap)").first.wait_for()
    page.get_by_role("button", name="Chart", exact=True).click()
    page.locator("#chart canvas").wait_for()
    page.mouse.move(0, 0)


DONE = {"workbench": charted}
"""What is done on a page before its picture is taken."""


def main(folder: Path) -> None:
    """Takes all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch, "made")
        make(made)
        with served(Path(scratch), made) as server, sync_playwright() as playwright:
            visit = Visitors(browser(playwright))
            for name, (path, person, how) in PICTURES.items():
                page = visit(server, person, **how)
                answer = page.goto(path, wait_until="networkidle")
                assert answer is not None
                assert answer.ok, f"{path}: {answer.status}"
                if name in DONE:
                    DONE[name](page)
                page.wait_for_timeout(500)  # what is drawn by scripts has come to rest
                page.screenshot(path=folder / f"{name}.png")
                print(f"{folder / name}.png")
            visit.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "images")
