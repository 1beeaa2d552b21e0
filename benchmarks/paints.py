"""How much a first view of each page of the portal brings over the wire, and when its first content is seen.

    python benchmarks/paints.py [--visits N] [--write]

Serves the mesh of `weft demo`, opens every page of the browser tests in Chromium without a cache, several times, and
prints bytes (compressed, with scripts and styles) and the best and the middle first contentful paint. Limits: 250 kB,
700 kB for lineage and workbench, and 500 ms. `--write` puts the figures into RESULTS-paints.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from playwright.sync_api import sync_playwright  # noqa: E402 - they lie beside this folder
from targets import told  # noqa: E402

from tests.browser.company import make, served  # noqa: E402 - they lie beside this folder
from tests.browser.conftest import Visitors, browser  # noqa: E402 - they lie beside this folder
from tests.browser.looking import bytes_on_the_wire, first_paint_ms  # noqa: E402 - they lie beside this folder
from tests.browser.pages import PAGES, weight_limit  # noqa: E402 - they lie beside this folder

PAINT_MS = 500.0
Seen = tuple[str, int, list[float]]


def main() -> None:
    """Opens all pages."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    found: list[Seen] = []
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "template")
        with served(Path(folder) / "run", Path(folder) / "template") as server, sync_playwright() as playwright:
            opened = browser(playwright)
            visitors = Visitors(opened)
            for path, user in PAGES.items():
                page = visitors(server, user)
                weight, paints = bytes_on_the_wire(page, path), []
                for _ in range(asked.visits):
                    page.goto("about:blank")
                    page.goto(path)
                    paints.append(first_paint_ms(page))
                visitors.close()
                found.append((path, weight, paints))
                print(_line(found[-1]), flush=True)
            opened.close()
    if asked.write:
        (HERE / "RESULTS-paints.md").write_text(_report(found), encoding="utf-8")
    heavy = sum(weight > weight_limit(path) for path, weight, _ in found)
    told(f"first views of {len(found)} pages that weigh more than they may", heavy, 0, "")
    told("the latest first contentful paint, at best of some visits", max(min(p) for _, _, p in found), PAINT_MS, "ms")


def _missed(seen: Seen) -> bool:
    path, weight, paints = seen
    return weight > weight_limit(path) or min(paints) > PAINT_MS


def _line(seen: Seen) -> str:
    path, weight, paints = seen
    judged = "MISSED" if _missed(seen) else ""
    return f"{path:80} {weight / 1000:6.1f} kB  {min(paints):5.0f} ms  {statistics.median(paints):5.0f} ms  {judged}"


def _report(found: list[Seen]) -> str:
    best, middle = [min(p) for _, _, p in found], [statistics.median(p) for _, _, p in found]
    lines = [
        "# First views of the portal's pages",
        "",
        f"Measured by `benchmarks/paints.py` on {dt.date.today()}, over the mesh of `weft demo`, without a cache, in",
        "Chromium on the machine of the server. Asked: at most 250 kB (lineage and workbench: 700) and a first",
        "contentful paint within 500 ms.",
        "",
        f"The best paint of a page: {statistics.median(best):.0f} ms in the middle of all, {max(best):.0f} at most; "
        f"the middle one: {statistics.median(middle):.0f} and {max(middle):.0f}.",
        "",
        "| page | kB | best paint, ms | middle paint, ms | |",
        "|---|---|---|---|---|",
    ]
    for one in found:
        path, weight, paints = one
        judged = "MISSED" if _missed(one) else ""
        shown = path.replace("|", "%7C")
        lines.append(
            f"| `{shown}` | {weight / 1000:.1f} | {min(paints):.0f} | {statistics.median(paints):.0f} | {judged} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
