"""A registry in every database, a clock and a receiver for tests of notices."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.notices.stories import Clock, opened
from tests.receivers import Receiver, receiving
from tests.servers import registry_database
from weft.registry.sql import SqlRegistry


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where the registry lies."""
    if request.param == "sqlite":
        yield str(tmp_path / "registry.db")
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            yield url


@pytest.fixture
def registry(place: str) -> Iterator[SqlRegistry]:
    made = opened(place)
    yield made
    made.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made
