"""A served example mesh, people who sign in, and a browser."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tests.browser.company import PASSWORD, Served, make, served

WIDTH, HEIGHT = 1280, 900


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's Chromium: Playwright's own cannot be had everywhere.

    Of a module, not of all: Playwright keeps a loop running in this thread, in which others could start none.
    """
    with sync_playwright() as playwright:
        opened = browser(playwright)
        yield opened
        opened.close()


def browser(playwright: Playwright) -> Browser:
    """Debian's Chromium, without anything that it would do of itself."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("there is no Chromium: `make setup-system` installs it")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    return playwright.chromium.launch(executable_path=found, args=[*quiet, "--disable-sync", "--no-first-run"])


def once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made once for all processes of a test run."""
    every = tmp_path_factory.getbasetemp()
    every = every.parent if os.environ.get("PYTEST_XDIST_WORKER") else every
    folder = every / name
    with (every / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            make(every / f"{name}-begun")
            (every / f"{name}-begun").rename(folder)
    return folder


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`weft demo` with a local user for each person of its domains."""
    return once(tmp_path_factory, "demo-of-all", make)


@pytest.fixture(scope="session")
def demo(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The mesh, served; for tests that change nothing in it."""
    with served(tmp_path_factory.mktemp("demo"), template) as running:
        yield running


@pytest.fixture
def own_demo(template: Path, tmp_path: Path) -> Iterator[Served]:
    """The same in a copy of its own, for stories that change it."""
    with served(tmp_path / "demo", template) as running:
        yield running


class Visitors:
    """Opens pages for people who have signed in, and keeps what went wrong in the browser."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._sessions: dict[tuple[str, str], object] = {}
        self._open: list[Page] = []
        self._kept: dict[tuple[object, ...], Page] = {}

    def __call__(self, server: Served, user: str | None, *, width: int = WIDTH, **options: object) -> Page:
        """A page of somebody; None: of a stranger.

        Args:
            options: of the browser's context, as `color_scheme="dark"`.
        """
        page = self._opened(server, user, width, options)
        self._open.append(page)
        return page

    def again(self, server: Served, user: str, **options: object) -> Page:
        """The page of somebody who walks from one to the next: for tests that look and change nothing.

        A browser needs five times as long for the first page of a person as for the next one.
        """
        known = (server.url, user, *sorted(options.items()))
        if known not in self._kept:
            self._kept[known] = self._opened(server, user, WIDTH, options)
        page = self._kept[known]
        page.goto("about:blank")  # what the page before goes on with is no problem of the next one
        page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
        page.problems.clear()
        return page

    def _opened(self, server: Served, user: str | None, width: int, options: dict[str, object]) -> Page:
        state = self._signed_in(server, user) if user is not None else None
        size = {"width": width, "height": HEIGHT}
        context = self._browser.new_context(base_url=server.url, viewport=size, storage_state=state, **options)
        page = context.new_page()
        page.set_default_timeout(20_000)
        problems: list[str] = []
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: problems.append(str(e)))
        page.problems = problems
        return page

    def _signed_in(self, server: Served, user: str) -> object:
        """What a browser keeps of a session; each person signs in once on each server, as the form does."""
        if (server.url, user) not in self._sessions:
            context = self._browser.new_context(base_url=server.url)
            form = context.request.get("/login").text()
            csrf = re.search(r'name="csrf" value="(\w+)"', form)
            assert csrf is not None, form
            fields = {"csrf": csrf[1], "user": user, "password": PASSWORD}
            done = context.request.post("/login", form=fields, headers={"Origin": server.url}, max_redirects=0)
            assert done.status == 303, done.text()
            self._sessions[server.url, user] = context.storage_state()
            context.close()
        return self._sessions[server.url, user]

    def close(self) -> None:
        """Closes all that is open."""
        for page in self._open:
            with suppress(Exception):
                page.context.close()
        self._open.clear()


@pytest.fixture(scope="module")
def _visitors(chromium: Browser) -> Visitors:
    return Visitors(chromium)


@pytest.fixture
def visit(_visitors: Visitors) -> Iterator[Callable[..., Page]]:
    """Opens pages for people; closed after the test."""
    yield _visitors
    _visitors.close()
