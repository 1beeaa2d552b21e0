"""Two worlds that differ in what a reader may not see, for every wire by which rows are read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.access.reading.worlds import World
    from weft.access.reading.asking import Readers


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, World]]:
    """Two worlds that differ in rows of others, raw values under masks, columns and files."""
    from tests.unit.access.reading.worlds import World

    folder = tmp_path_factory.mktemp("worlds")
    os.environ["WEFT_SECRET"] = "RAW of the environment"
    yield World(folder, "A", 1_500), World(folder, "B", 9_000)
    del os.environ["WEFT_SECRET"]


@pytest.fixture(scope="module")
def readers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    """Small readers, as those of a busy server."""
    from tests.unit.access.reading.worlds import readers_in

    made = readers_in(tmp_path_factory.mktemp("readers"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Readers]:
    """For what goes on without end; what ends by itself, sooner or later, is a question for those above."""
    from tests.unit.access.reading.worlds import readers_in

    made = readers_in(tmp_path_factory.mktemp("impatient"), seconds=1)
    yield made
    made.close()


@pytest.fixture(scope="module")
def every(worlds: tuple[World, World]) -> dict[str, list[str]]:
    """Every attack by its kind; the files that they name are those of the first world."""
    from tests.unit.access.reading.attacks import texts

    found: dict[str, list[str]] = {}
    for kind, sql in texts(worlds[0].customers, str(worlds[0].folder / "secret.txt")):
        found.setdefault(kind, []).append(sql)
    return found
