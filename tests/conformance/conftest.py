"""The places in which the same tables are verified."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conformance.targets import DATABASES, FILES, Target, opened


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
