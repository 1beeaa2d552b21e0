"""What all tests share: no skips where everything must be there, the shared folder, a clean environment."""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.servers import StoppedAndStarted
    from tests.stores import ObjectServer

T = TypeVar("T")
pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parent.parent
REQUIRE_ALL = "WEFT_TEST_REQUIRE_ALL"

# Other processes share the machine: how long one example takes says nothing. Whoever works here meets new examples in
# each run; the run that decides on a change draws the same ones each time, so that its answer is about the change.
settings.register_profile("weft", deadline=None, derandomize=os.environ.get(REQUIRE_ALL) == "1")
settings.load_profile("weft")


def shared_folder() -> Path | None:
    """The folder of standards and conformance cases beside the repository, if there is one."""
    folder = Path(os.environ.get("WEFT_SHARED") or ROOT.parent / "shared")
    return folder if folder.is_dir() else None


def pytest_configure(config: pytest.Config) -> None:
    """Registers the markers of tests that read folders from elsewhere."""
    config.addinivalue_line(
        "markers", "shared: reads the folder that WEFT_SHARED names (default ../shared); deselected where it is absent"
    )
    config.addinivalue_line("markers", "shapes: reads the folder that WEFT_SHACL_SHAPES names; deselected without it")
    config.addinivalue_line(
        "markers", "openlineage: reads the folder that WEFT_OPENLINEAGE_SPEC names; deselected without it"
    )


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Ten thousand tests stay until the end: looking for garbage among them is a third of what collecting takes."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        atexit.register(gc.unfreeze)  # an interpreter that ends lets go of all


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects what needs a folder that is not there: it is no component, so nothing is skipped."""
    there = {"shared": shared_folder() is not None, "shapes": "WEFT_SHACL_SHAPES" in os.environ}
    there["openlineage"] = "WEFT_OPENLINEAGE_SPEC" in os.environ
    missing = [marker for marker, found in there.items() if not found]
    absent = [item for item in items if any(item.get_closest_marker(marker) for marker in missing)]
    if not absent:
        return
    items[:] = [item for item in items if item not in absent]
    config.hook.pytest_deselected(items=absent)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Turns a skip into a failure where WEFT_TEST_REQUIRE_ALL=1 says that every component is there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get(REQUIRE_ALL) == "1":
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """The same for a module that skips itself while it is collected."""
    report = yield
    if report.skipped and os.environ.get(REQUIRE_ALL) == "1":
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{REQUIRE_ALL}=1 and yet this skips: {reason}"


@pytest.fixture
def shared() -> Path:
    """The shared folder; for tests marked `shared`."""
    folder = shared_folder()
    assert folder is not None, "mark the test with @pytest.mark.shared"
    return folder


@pytest.fixture(autouse=True)
def _settings_of_the_machine_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("WEFT_") and "__" in n]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session", autouse=True)
def _nobody_is_signed_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tokens are kept in a folder of the tests, not in that of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("settings")))
        patch.delenv("WEFT_TOKEN", raising=False)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a database of a real PostgreSQL."""
    from tests.servers import postgres_running

    yield from _server("postgres", "psycopg", "PostgreSQL is not installed (Debian: `postgresql`)", postgres_running)


@pytest.fixture(scope="session")
def store() -> Iterator[ObjectServer]:
    """An S3 server over HTTP, which checks every signature."""
    from tests.stores import object_server

    pytest.importorskip("moto")
    with object_server() as found:
        yield found


@pytest.fixture
def own_postgres() -> Iterator[StoppedAndStarted]:
    """A real PostgreSQL of the test's own, which it may stop; a commit waits for the disk."""
    from tests.servers import postgres_to_stop

    absent = "PostgreSQL is not installed (Debian: `postgresql`)"
    yield from _server("postgres", "psycopg", absent, lambda: postgres_to_stop(fsync="on"))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[str]:
    """The URL of a database of a real MariaDB."""
    from tests.servers import mariadb_running

    yield from _server("mariadbd", "pymysql", "MariaDB is not installed (Debian: `mariadb-server`)", mariadb_running)


def _server(name: str, driver: str, absent: str, running: Callable[[], AbstractContextManager[T]]) -> Iterator[T]:
    from tests.servers import program

    if program(name) is None:
        pytest.skip(absent)
    pytest.importorskip(driver)
    with running() as url:
        yield url
