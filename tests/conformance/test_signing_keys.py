"""Keys that all servers of a registry sign with, on both databases: one for all, a new one each month."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

from weft.access.signing import Signer
from weft.registry.signing_keys import LASTS, SPREADS, SigningKeys

BEGAN = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
HOLDS = dt.timedelta(days=7)
MINUTE = dt.timedelta(minutes=1)


class Server:
    """A server of the registry, with a clock of its own."""

    def __init__(self, registry, file=None) -> None:
        self.now = BEGAN
        self.keys = SigningKeys(registry.database, lambda: self.now, HOLDS, file)
        self.signer = Signer(self.keys)


def test_servers_of_one_registry_hold_what_the_others_have_signed(registry):
    one, other = Server(registry), Server(registry)

    signed = one.signer.sign("cursor", "ada", 7)

    assert other.signer.holds(signed, "cursor", "ada", 7)
    assert not other.signer.holds(signed, "cursor", "ben", 7)
    assert not other.signer.holds(signed, "link", "ada", 7)
    assert list(one.keys()) == list(other.keys()) and len(one.keys()) == 1


def test_servers_that_begin_at_once_make_one_key(registry):
    servers = [Server(registry) for _ in range(4)]

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda server: tuple(server.keys()), servers))

    assert len(set(found)) == 1 and len(found[0]) == 1


def test_a_new_key_signs_when_every_server_has_heard_of_it_and_the_old_one_holds_as_long_as_it_has_to(registry):
    one, other = Server(registry), Server(registry)
    first = one.signer.sign("link", "x")
    other.signer.sign("link", "x")

    one.now = BEGAN + LASTS  # a new key is made; it does not sign yet
    assert one.signer.sign("link", "x") == first and len(one.keys()) == 2
    one.now = other.now = BEGAN + LASTS + SPREADS + MINUTE
    second = one.signer.sign("link", "x")
    assert second != first
    assert other.signer.holds(second, "link", "x") and other.signer.holds(first, "link", "x")
    assert other.signer.sign("link", "x") == second

    one.now = BEGAN + 2 * LASTS
    assert one.signer.holds(second, "link", "x")
    assert not one.signer.holds(first, "link", "x"), "what it has signed is over long since, and so is the key"


def test_the_key_that_a_server_had_to_itself_is_the_first_so_that_its_cursors_and_links_hold_on(registry, tmp_path):
    file = tmp_path / "signing.key"
    file.write_bytes(b"k" * 32)

    assert list(Server(registry, file).keys()) == [b"k" * 32]
    assert list(Server(registry).keys()) == [b"k" * 32]
