"""Subscriptions: what is refused, who sees what, how they are signed; and a worker that comes back late."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conformance.notices.stories import ANN, ORDERS, TOTALS, go, notices, publish
from tests.conformance.test_registry import publication
from tests.docs.blocks import blocks
from weft.access.permissions import Caller, Role
from weft.config import NoticesSettings
from weft.connections import Reference, Secret
from weft.errors import AccessDenied, UsageError
from weft.model.address import parse_address
from weft.model.records import DomainRecord, ProductRecord, Publish
from weft.observability.delivering import LEASE
from weft.observability.telling import tell
from weft.registry.outbox import End, Outbox
from weft.registry.sqlite import SqliteRegistry
from weft.registry.users import UserStore


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"subject": "sails"}, "WFT-OBS-001"),
        ({"kinds": ["publish"]}, "WFT-OBS-001"),
        ({"channel": "pigeon"}, "WFT-OBS-001"),
        ({"target": "https://"}, "WFT-OBS-002"),
        ({"target": "ftp://hooks.example.com"}, "WFT-OBS-002"),
        ({"target": "https://ada:pass@hooks.example.com"}, "WFT-OBS-002"),
        ({"target": "https://hooks.example.com/a\r\nX: y"}, "WFT-OBS-002"),
        ({"target": "http://hooks.example.com"}, "WFT-OBS-002"),
        ({"target": "https://[::1]/x"}, "WFT-OBS-004"),
        ({"target": "https://[::ffff:10.0.0.1]/x"}, "WFT-OBS-004"),
        ({"target": "https://[64:ff9b::a9fe:a9fe]/x"}, "WFT-OBS-004"),
        ({"target": "https://169.254.169.254/latest"}, "WFT-OBS-004"),
        ({"target": "https://168.63.129.16/"}, "WFT-OBS-004"),
        ({"target": "https://localhost/"}, "WFT-OBS-004"),
        ({"digest": "25:00"}, "WFT-OBS-003"),
        ({"digest": "8 Mars/Olympus"}, "WFT-OBS-003"),
        ({"secret": "erp"}, "WFT-OBS-007"),
        ({"target": "ada@example.com"}, "WFT-OBS-009"),
        ({"target": "a b@", "channel": "mail"}, "WFT-OBS-002"),
    ],
)
def test_a_subscription_that_could_not_be_kept_is_refused(tmp_path, clock, words, code):
    registry = SqliteRegistry(tmp_path / "registry.db")
    publish(registry, clock)
    given = {"subject": "sales", "target": "https://hooks.example.com/x"} | words

    with pytest.raises((UsageError, AccessDenied), match=code):
        notices(registry, clock).subscribe(ANN, **given)
    registry.close()


def test_others_see_neither_targets_nor_deliveries_of_somebody(registry, clock, receiver):
    publish(registry, clock)
    told = notices(registry, clock)
    made = told.subscribe(Caller("ada", "user"), "sales", f"{receiver.url}/secret-path")
    publish(registry, clock)
    receiver.answer = lambda request: (500, {})
    go(registry, clock)
    eve = Caller("eve", "user")

    assert told.subscriptions(eve) == []
    assert told.deliveries(eve) == []
    with pytest.raises(UsageError, match="WFT-OBS-008"):
        told.unsubscribe(eve, made["subscription_id"])
    with pytest.raises(AccessDenied):
        told.subscriptions(eve, everybody=True)
    seen = told.subscriptions(Caller("root", "user", mesh=frozenset({Role.OPERATOR})), everybody=True)
    assert [one["target"] for one in seen] == ["127.0.0.1"]
    assert "secret-path" not in str(told.deliveries(Caller("ada", "user")))


def test_no_event_of_a_subscription_names_its_target_or_secret(registry, clock, receiver):
    publish(registry, clock)
    made = notices(registry, clock).subscribe(ANN, "sales", f"{receiver.url}/secret-path")

    log = str([event.body for event in registry.events()])
    assert "secret-path" not in log
    assert made["secret"] not in log
    assert registry.verify_log() == registry.last_event()


def test_mail_to_somebody_else_needs_an_operator(registry, clock):
    publish(registry, clock)
    told = notices(registry, clock, NoticesSettings(smtp_host="127.0.0.1"))
    member = Caller("ada@example.com", "user", domains={"sales": frozenset({Role.DEVELOPER})})

    assert told.subscribe(member, "sales", "ada@example.com")["channel"] == "mail"
    assert told.subscribe(member, "sales", "sales@example.com")["target"] == "sales@example.com"
    with pytest.raises(AccessDenied, match="WFT-OBS-009"):
        told.subscribe(member, "sales", "boss@example.com")


def test_the_code_of_the_page_on_webhooks_verifies_what_comes_and_nothing_else(registry, clock, receiver):
    page = Path(__file__).parents[3] / "docs" / "how-to" / "receive-webhooks.md"
    (block,) = [one for one in blocks(page) if one.language == "python"]
    names: dict[str, Any] = {}
    exec(block.text, names)
    verified = names["verified"]
    publish(registry, clock)
    made = notices(registry, clock).subscribe(ANN, "sales", receiver.url)
    publish(registry, clock)
    go(registry, clock)

    (request,) = receiver.requests
    sent = clock().timestamp()
    assert verified(request.headers, request.body, made["secret"], now=sent)
    assert not verified(request.headers, request.body + b" ", made["secret"], now=sent)
    assert not verified(request.headers | {"webhook-id": "d-1"}, request.body, made["secret"], now=sent)
    assert not verified(request.headers, request.body, made["secret"], now=sent + 301)


def test_a_secret_that_the_operator_declares_signs_and_only_operators_name_it(registry, clock, receiver):
    publish(registry, clock)
    settings = NoticesSettings(
        allow_hosts=("127.0.0.1",), secrets={"erp": Reference("$ERP", Secret("whsec_c2VzYW1lLW9wZW4="))}
    )
    with pytest.raises(AccessDenied, match="WFT-ACC-010"):
        notices(registry, clock, settings).subscribe(Caller("eve", "user"), "sales", receiver.url, secret="erp")
    made = notices(registry, clock, settings).subscribe(ANN, "sales", receiver.url, secret="erp")
    publish(registry, clock)
    go(registry, clock, settings)

    assert "secret" not in made
    assert receiver.requests[0].signed_with("whsec_c2VzYW1lLW9wZW4=")


def test_a_worker_that_comes_back_after_its_time_changes_nothing_of_what_another_has_taken(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url)
    publish(registry, clock)
    tell(registry.database, clock, mails=False)
    outbox = Outbox(registry.database)
    (slow,) = outbox.claim("slow", clock(), limit=9, lease=LEASE)
    assert outbox.claim("other", clock(), limit=9, lease=LEASE) == []
    clock.at += LEASE
    (again,) = outbox.claim("other", clock(), limit=9, lease=LEASE)

    outbox.settle("slow", [End(slow.delivery_id, "dead", problem="too late")], clock())
    assert [one.state for one in outbox.listed()] == ["waiting"]
    outbox.settle("other", [End(again.delivery_id, "sent")], clock())

    assert (again.delivery_id, again.attempts) == (slow.delivery_id, 1)
    assert [one.state for one in outbox.listed()] == ["sent"]


def test_of_a_draft_only_its_domain_and_operators_are_told(registry, clock, receiver):
    publish(registry, clock, status="draft")
    publish(registry, clock, TOTALS)
    people = {
        "eve": Caller("eve", "user", domains={"finance": frozenset({Role.ANALYST})}),
        "sam": Caller("sam", "user", domains={"sales": frozenset({Role.ANALYST})}),
        "op": Caller("op", "user", mesh=frozenset({Role.OPERATOR})),
    }
    verbs, told = notices(registry, clock), {}
    for name, caller in people.items():
        made = verbs.subscribe(caller, "*", f"{receiver.url}/{name}", kinds=["published"])
        assert "domains" not in made
    publish(registry, clock, status="draft")
    publish(registry, clock, TOTALS)
    go(registry, clock)

    for request in receiver.requests:
        told.setdefault(request.path.strip("/"), []).append(request.json["data"]["subject"])
    assert told == {
        "eve": ["finance.totals"],
        "sam": ["sales.orders", "finance.totals"],
        "op": ["sales.orders", "finance.totals"],
    }


def test_whoever_is_shut_out_or_gone_is_told_nothing_more_and_the_name_inherits_nothing(registry, clock, receiver):
    publish(registry, clock)
    users, verbs = UserStore(registry.database), notices(registry, clock)
    for name in ("gone", "out", "here"):
        users.add(name, "hash", [], actor="root", at=clock())
        verbs.subscribe(Caller(name, "user"), "*", f"{receiver.url}/{name}", kinds=["published"])
    publish(registry, clock)
    tell(registry.database, clock, mails=False)

    users.remove("gone", actor="root", at=clock())  # also what waits already is not sent
    users.disable("out", actor="root", at=clock())
    publish(registry, clock)
    users.add("gone", "hash", [], actor="root", at=clock())
    go(registry, clock)
    told = [request.path for request in receiver.requests]
    users.disable("out", actor="root", at=clock(), undo=True)
    publish(registry, clock)
    go(registry, clock)

    assert verbs.subscriptions(Caller("gone", "user")) == []
    assert (told.count("/gone"), told.count("/here")) == (0, 2)
    assert told.count("/out") == 1, "the message that waited when they were shut out, and none that came after"
    assert [request.path for request in receiver.requests].count("/out") == 2


def test_of_drafts_those_are_told_who_belong_to_the_domain_now_and_not_when_they_subscribed(registry, clock, receiver):
    ann = {"name": "sales", "members": [{"user": "ann", "roles": ["developer"]}, {"user": "team:buyers"}]}
    publish(registry, clock, status="draft", domain_document=ann)
    users, verbs = UserStore(registry.database), notices(registry, clock)
    sales = {"sales": frozenset({Role.DEVELOPER})}
    for name, domains, mesh in (("ann", {}, ()), ("left", sales, ()), ("op", {}, ("operator",)), ("was-op", {}, ())):
        users.add(name, "hash", mesh, actor="root", at=clock())
        mesh_then = frozenset({Role.OPERATOR}) if "op" in name else frozenset()
        verbs.subscribe(Caller(name, "user", mesh_then, domains), "*", f"{receiver.url}/{name}", kinds=["published"])

    publish(registry, clock, status="draft", domain_document=ann)
    go(registry, clock)

    assert sorted(request.path for request in receiver.requests) == ["/ann", "/op"]


def test_a_publication_of_which_some_ports_are_drafts_is_told_to_others_without_these(registry, clock, receiver):
    sketch = parse_address("sales.orders.sketch@1")
    publish(registry, clock)
    verbs = notices(registry, clock)
    people = {"eve": {}, "sam": {"sales": frozenset({Role.ANALYST})}}
    for name, domains in people.items():
        for subject in ("*", "sales.orders"):
            verbs.subscribe(Caller(name, "user", domains=domains), subject, f"{receiver.url}/{name}")
    before = registry.port(ORDERS)
    registry.publish(
        Publish(
            DomainRecord("sales", "Sales", "aggregate", None, "Team", None, {"name": "sales"}),
            ProductRecord(ORDERS.of_product, "Product", "active", None, (), "company", (), {}),
            [
                publication(ORDERS, "s-2", published_at=clock()),
                publication(sketch, "s-3", published_at=clock(), status="draft"),
            ],
            {str(ORDERS): before.revision, str(sketch): 0},
            {},
            [],
            "run-2",
            "ann",
            clock(),
        )
    )
    go(registry, clock)

    told = {name: [r for r in receiver.requests if r.path == f"/{name}"] for name in people}
    assert [len(told[name]) for name in people] == [2, 2]
    assert all(b"sketch" not in r.body and str(ORDERS).encode() in r.body for r in told["eve"])
    assert all(str(sketch) in r.json["data"]["facts"]["ports"] and b"sketch@1: " in r.body for r in told["sam"])
