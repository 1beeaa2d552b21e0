"""What people find in the portal: what they have subscribed to, and what concerns them without having asked."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.conformance.notices.stories import ANN, ORDERS, TOTALS, go, notices, publish
from weft.access.permissions import Caller
from weft.api.own_notices import OwnNotices
from weft.errors import UsageError
from weft.observability.telling import tell
from weft.registry import portal_notices
from weft.registry.outbox import Outbox
from weft.registry.users import UserStore

ADA, EVE = Caller("ada", "user"), Caller("eve", "user")


@pytest.fixture
def users(registry, clock) -> UserStore:
    store = UserStore(registry.database)
    for name in ("ada", "eve"):
        store.add(name, "x", [], actor="root", at=clock())
    return store


def told(registry, clock, caller: Caller = ADA, **asked) -> list[str]:
    """The titles that somebody finds, newest first."""
    tell(registry.database, clock, mails=False)
    return [one["title"] for one in OwnNotices(registry.database, clock).listed(caller, **asked)["notices"]]


def test_whoever_subscribes_without_a_target_finds_it_in_the_portal_and_nobody_else_does(registry, clock, users):
    publish(registry, clock)
    verbs = notices(registry, clock)

    made = verbs.subscribe(ADA, "sales")
    publish(registry, clock)

    assert (made["channel"], made["target"]) == ("portal", "")
    assert "secret" not in made
    assert told(registry, clock) == ["sales.orders is published"]
    assert told(registry, clock, EVE) == []
    assert go(registry, clock).sent == 0
    assert Outbox(registry.database).listed() == []


def test_what_several_subscriptions_tell_stands_in_the_list_once(registry, clock, users):
    publish(registry, clock)
    for subject in ("*", "sales", "sales.orders"):
        notices(registry, clock).subscribe(ADA, subject)

    publish(registry, clock)

    assert told(registry, clock) == ["sales.orders is published"]


def test_the_list_has_no_address_and_no_hour(registry, clock, users):
    publish(registry, clock)

    for words, code in (({"target": "https://a.example/x", "channel": "portal"}, "002"), ({"digest": "08:00"}, "003")):
        with pytest.raises(UsageError, match=f"WFT-OBS-{code}"):
            notices(registry, clock).subscribe(ADA, "sales", **words)


def test_what_is_read_is_so_for_its_reader_alone_and_older_ones_with_it_when_asked(registry, clock, users):
    publish(registry, clock)
    own = OwnNotices(registry.database, clock)
    for caller in (ADA, EVE):
        notices(registry, clock).subscribe(caller, "sales")
    for _ in range(4):
        publish(registry, clock)
    assert len(told(registry, clock)) == 4
    newest = own.listed(ADA)["notices"][0]["number"]

    left = own.read(ADA, newest - 1)["unread"]
    again = own.read(ADA, newest - 1, older=True)["unread"]

    assert (left, again, own.unread(EVE)) == (3, 1, 4)
    assert [one["number"] for one in own.listed(ADA, unread=True)["notices"]] == [newest]
    for number in (newest + 1, newest + 10**9):
        with pytest.raises(UsageError, match="WFT-OBS-008"):
            own.read(ADA, number)


def test_the_list_comes_page_by_page_and_each_notice_once(registry, clock, users):
    publish(registry, clock)
    own = OwnNotices(registry.database, clock)
    notices(registry, clock).subscribe(ADA, "sales")
    for _ in range(7):
        publish(registry, clock)
    tell(registry.database, clock, mails=False)

    numbers, cursor, sizes = [], None, []
    while True:
        page = own.listed(ADA, 3, cursor)
        numbers += [one["number"] for one in page["notices"]]
        sizes.append(len(page["notices"]))
        cursor = page["next"]
        if cursor is None:
            break

    assert (numbers, sizes) == (sorted(set(numbers), reverse=True), [3, 3, 1])
    with pytest.raises(UsageError, match="WFT-SRV-006"):
        own.listed(ADA, 3, own.listed(ADA, 3)["next"], unread=True)


def test_a_list_is_bounded_and_what_is_old_is_forgotten_but_for_the_newest(registry, clock, users, monkeypatch):
    monkeypatch.setattr(portal_notices, "MOST", 5)
    publish(registry, clock)
    notices(registry, clock).subscribe(ADA, "sales")
    for _ in range(8):
        publish(registry, clock)

    assert len(told(registry, clock)) == 5
    with registry.database.writing() as statements:
        gone = portal_notices.forget(statements, clock() + dt.timedelta(days=1))
    assert (gone, len(told(registry, clock))) == (4, 1)
    publish(registry, clock)
    assert len(told(registry, clock)) == 2


def test_whoever_comes_by_the_name_of_somebody_who_was_removed_has_none_of_their_notices(registry, clock, users):
    publish(registry, clock)
    notices(registry, clock).subscribe(ADA, "sales")
    publish(registry, clock)
    assert told(registry, clock)

    users.remove("ada", actor="root", at=clock())
    users.add("ada", "y", [], actor="root", at=clock())
    publish(registry, clock)

    assert told(registry, clock) == []


def test_somebody_who_is_shut_out_is_told_nothing_meanwhile(registry, clock, users):
    publish(registry, clock)
    notices(registry, clock).subscribe(ADA, "sales")
    users.disable("ada", actor="root", at=clock())
    publish(registry, clock)
    tell(registry.database, clock, mails=False)

    users.disable("ada", actor="root", at=clock(), undo=True)

    assert told(registry, clock) == []


def test_owners_of_a_domain_hear_of_it_unasked_and_of_what_they_read_unless_they_are_spared_it(registry, clock, users):
    members = {"members": [{"user": "ada", "roles": ["owner"]}, {"user": "nobody@example.com", "roles": ["owner"]}]}
    publish(registry, clock)
    publish(registry, clock, TOTALS, reads=(str(ORDERS),), domain_document={"name": "finance", **members})
    tell(registry.database, clock, mails=False)
    publish(registry, clock, status="deprecated")
    first = told(registry, clock)

    notices(registry, clock).mute(ANN, "finance", "sales.orders")
    publish(registry, clock, status="active")
    publish(registry, clock, status="deprecated")

    assert first == [f"{ORDERS} is deprecated"]
    assert told(registry, clock) == first
    assert told(registry, clock, EVE) == []
