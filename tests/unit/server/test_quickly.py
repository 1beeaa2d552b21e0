"""What only reads is answered where it was asked; what has to wait is begun again in another thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from fastapi import Request
from fastapi.testclient import TestClient

from tests.unit.server.company import bearer, company
from weft.api.platform import Platform
from weft.registry.at_once import MustWaitError, at_once, may_wait
from weft.server.app import create_app
from weft.server.quickly import quickly


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    with company(tmp_path / "company") as made:
        yield made


def threads_of(platform: Platform, work) -> list[int]:
    """In which threads a piece of work was begun, of a route whose own thread is the first."""
    app, seen = create_app(platform), []

    def noting() -> None:
        seen.append(threading.get_ident())
        work()

    async def route(request: Request) -> None:
        seen.append(threading.get_ident())
        await quickly(request, noting)

    app.add_api_route("/tried", route)
    assert TestClient(app).get("/tried").status_code == 200
    return seen


def test_what_only_reads_is_answered_in_the_thread_that_has_read_the_question(platform):
    own, *others = threads_of(platform, lambda: platform.rooms.production.domains())

    assert others == [own]


def test_what_writes_is_begun_again_in_another_thread_and_done_once(platform):
    done = []

    def writes() -> None:
        with platform.database.writing() as statements:
            done.append(statements.run("UPDATE products SET address = address"))

    own, tried, other = threads_of(platform, writes)

    assert (tried, other != own, len(done)) == (own, True, 1)


def test_a_token_that_is_used_for_the_first_time_is_noted(platform):
    client = TestClient(create_app(platform), headers=bearer(platform, "finn"))

    assert client.get("/api/v1/products").status_code == 200
    assert [token.used_at is not None for token in platform.identity.tokens.listed(owner="finn")] == [True]


def test_after_a_try_everybody_may_wait_again():
    with pytest.raises(MustWaitError), at_once():
        may_wait()

    may_wait()
