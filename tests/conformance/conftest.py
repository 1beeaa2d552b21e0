"""The places in which the same tables are verified, and the databases in which a registry may lie."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.targets import DATABASES, FILES, Target, opened
from tests.servers import registry_database
from weft.registry.postgres import PostgresRegistry
from weft.registry.sql import SqlRegistry
from weft.registry.sqlite import SqliteRegistry


def _opened(request: pytest.FixtureRequest) -> Iterator[Target]:
    kind = request.param
    server = request.getfixturevalue(kind) if kind in ("postgres", "mariadb") else ""
    with opened(kind, request.getfixturevalue("tmp_path"), server) as found:
        yield found


@pytest.fixture(params=[*FILES, *DATABASES])
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Files of each format and each kind of database in turn, empty."""
    yield from _opened(request)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Each kind of database in turn, empty."""
    yield from _opened(request)


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqlRegistry]:
    """An empty registry, in each kind of database in turn."""
    if request.param == "sqlite":
        made: SqlRegistry = SqliteRegistry(tmp_path / "registry.db")
        yield made
        made.close()
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            made = PostgresRegistry(url)
            yield made
            made.close()
