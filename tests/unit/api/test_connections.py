"""Connections are tried with a limit of time, one at a time, and nobody learns a secret by it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from weft.access.permissions import Caller, Role
from weft.api.connections import Connections
from weft.api.platform import open_platform
from weft.errors import AccessDenied, Conflict, UsageError

OPERATOR = Caller("ada", "user", mesh=frozenset({Role.OPERATOR}))
PASSWORD = "s3cret-of-the-shop"


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def made(tmp_path, silent, monkeypatch) -> Iterator[Connections]:
    monkeypatch.setenv("SHOP_DSN", f"postgresql://reader:{PASSWORD}@127.0.0.1:{silent}/shop")
    monkeypatch.setenv("SHOP_PASSWORD", PASSWORD)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = closed.getsockname()[1]
    (tmp_path / "weft.toml").write_text(
        '[connections.shop]\nkind = "postgres"\ndsn = { env = "SHOP_DSN" }\n'
        f'[connections.away]\nkind = "postgres"\nhost = "127.0.0.1"\nport = {nobody}\ndatabase = "shop"\n'
        'user = "reader"\npassword = { env = "SHOP_PASSWORD" }\n'
    )
    platform = open_platform(tmp_path)
    yield Connections(platform.rooms.settings.connections, platform.rooms.new_remotes, patience_s=0.5)
    platform.close()


def test_connections_are_listed_with_where_their_secrets_stand_and_not_with_them(made):
    shown = made.listed(OPERATOR)

    assert [(one["name"], one["kind"]) for one in shown] == [("shop", "postgres"), ("away", "postgres")]
    assert shown[0]["secrets"] == {"dsn": "$SHOP_DSN"}
    assert PASSWORD not in str(shown)


def test_what_nobody_listens_for_is_told_as_that_without_a_secret(made):
    found = made.tested(OPERATOR, "away")

    assert not found["reached"]
    assert found["diagnostics"]
    assert PASSWORD not in str(found)


def test_a_server_that_says_nothing_is_given_up_in_time_and_not_tried_twice_at_once(made):
    found = made.tested(OPERATOR, "shop")

    assert [d["code"] for d in found["diagnostics"]] == ["WFT-SRV-121"]
    assert found["seconds"] >= 0.5
    assert PASSWORD not in str(found)
    with pytest.raises(Conflict) as caught:
        made.tested(OPERATOR, "shop")
    assert caught.value.diagnostics[0].code == "WFT-SRV-122"
    assert any(thread.name == "trial of shop" and thread.daemon for thread in threading.enumerate())


def test_a_name_that_is_not_there_is_told_with_the_nearest_one(made):
    with pytest.raises(UsageError) as caught:
        made.tested(OPERATOR, "shopp")

    assert caught.value.diagnostics[0].code == "WFT-SRV-120"
    assert "shop" in (caught.value.diagnostics[0].fix or "")


def test_nobody_but_operators_sees_or_tries_connections(made):
    somebody = Caller("ida", "user", domains={"shop": frozenset({Role.DOMAIN_OWNER})})

    with pytest.raises(AccessDenied):
        made.listed(somebody)
    with pytest.raises(AccessDenied):
        made.tested(somebody, "shop")
