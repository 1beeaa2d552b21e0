"""The story of a grant with the keyboard alone: nothing is clicked, and where one stands is seen all the way."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.browser.company import CONSUMER, OWNER

ROSTER = "crew.roster.assignments@1"
_SEEN = """one => {
  const box = one.getBoundingClientRect();
  const marked = [one, one.closest('#editor')].filter(Boolean).some((part) => {
    const style = getComputedStyle(part);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== 'none';
  });
  const above = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 10));
  return [marked, box.width > 0 && box.bottom > 0 && box.top < innerHeight, !above || one.contains(above) ||
    above.contains(one)];
}"""


def reach(page: Page, wanted: Locator, most: int = 90) -> None:
    """Presses Tab until something has the focus; it is seen to have it, and nothing lies over it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if wanted.evaluate("one => one === document.activeElement || one.contains(document.activeElement)"):
            assert wanted.evaluate(_SEEN) == [True, True, True], wanted
            return
    here = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
    raise AssertionError(f"{wanted} is not reached by {most} tabs; the focus is at {here}")


def test_one_asks_another_approves_and_the_first_queries_without_a_mouse(own_demo, visit):
    asker, owner = visit(own_demo, OWNER), visit(own_demo, CONSUMER)  # who owns operations consumes what crew offers
    asker.goto("/")
    asker.keyboard.press("Control+k")
    asker.keyboard.type("crew.roster.assignments", delay=5)
    asker.locator("#palette-found a", has_text="crew.roster.assignments").first.wait_for()
    asker.keyboard.press("Enter")
    asker.wait_for_url("**/ports/crew/roster/assignments*")
    reach(asker, asker.get_by_role("link", name=re.compile("Request access")).first)
    asker.keyboard.press("Enter")
    asker.wait_for_url("**/access/request?*")
    reach(asker, asker.get_by_label("What is it for?"))
    asker.keyboard.type("the rota of the winter")
    reach(asker, asker.get_by_role("button", name="Ask for access"))
    asker.keyboard.press("Space")
    asker.wait_for_url("**/access/requests/*?done=asked")

    owner.goto("/")
    reach(owner, owner.get_by_role("link", name=f"{OWNER} asks for {ROSTER}"))
    owner.keyboard.press("Enter")
    owner.wait_for_url("**/access/requests/*")
    reach(owner, owner.get_by_label("Reason").first)
    owner.keyboard.type("agreed")
    reach(owner, owner.get_by_role("button", name="Approve"))
    owner.keyboard.press("Enter")
    owner.wait_for_url("**/access/requests/*?done=approved")

    asker.goto("/workbench")
    editor = asker.locator(".cm-content")
    editor.wait_for()
    reach(asker, editor)
    asker.keyboard.press("Control+a")
    asker.keyboard.type("select count(*) as n from crew.roster.assignments")
    asker.keyboard.press("Escape")  # of the names that are offered
    asker.keyboard.press("Control+Enter")
    expect(asker.get_by_role("heading", name="1 row")).to_be_visible()
    asker.keyboard.press("Escape")
    asker.keyboard.press("Tab")  # out of the editor, which takes no Tab for itself
    assert not editor.evaluate("one => one.contains(document.activeElement)")
    assert asker.problems == owner.problems == []
