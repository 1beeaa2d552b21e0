"""Being told, over every database that a registry may lie in: from the event to the receiver."""

from __future__ import annotations

import datetime as dt
import email
import email.policy
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from tests.conformance.notices.stories import ANN, ORDERS, SETTINGS, START, TOTALS, go, notices, opened, publish
from tests.receivers import Received, dripping, mailing, receiving
from weft.config import NoticesSettings
from weft.connections import Reference
from weft.errors import UsageError
from weft.observability.delivering import LEASE, Delivered, Senders, deliver
from weft.observability.telling import tell
from weft.registry.outbox import Outbox
from weft.runs.dispatch import Dispatch


def test_a_publication_reaches_a_webhook_once_signed_with_the_secret_that_was_shown(registry, clock, receiver):
    publish(registry, clock)
    made = notices(registry, clock).subscribe(ANN, "sales.orders", f"{receiver.url}/hook")

    publish(registry, clock)
    first, second = go(registry, clock), go(registry, clock)

    assert (first.sent, second) == (1, Delivered())
    (request,) = receiver.requests
    assert request.path == "/hook"
    assert request.json["type"] == "weft.published"
    assert request.json["data"]["facts"]["ports"]["sales.orders.orders@1"]["rows"] == 3
    assert request.signed_with(made["secret"])
    assert not request.signed_with("whsec_" + "A" * 44)
    assert "parquet" not in request.body.decode()


def test_events_before_a_subscription_and_of_others_are_not_told(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url)
    publish(registry, clock, TOTALS)

    go(registry, clock)

    assert receiver.requests == []


def test_a_new_version_of_a_contract_and_a_deprecation_are_kinds_of_their_own(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, kinds=["contract_changed", "deprecated"])
    publish(registry, clock)
    publish(registry, clock, version="1.1.0", status="deprecated")

    go(registry, clock)

    assert [r.json["type"] for r in receiver.requests] == ["weft.contract_changed", "weft.deprecated"]
    assert receiver.requests[0].json["data"]["facts"] == {"from": "1.0.0", "to": "1.1.0"}


def test_what_the_outbox_and_the_cursor_know_moves_together(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "*", receiver.url)
    publish(registry, clock)

    class Stopped(Exception):
        pass

    def struck() -> dt.datetime:
        raise Stopped

    with pytest.raises(Stopped):
        tell(registry.database, struck, mails=False)
    made = [tell(registry.database, clock, mails=False) for _ in range(3)]

    assert made == [2, 0, 0]  # the first publication and the second, one of them subscribed to
    assert len(Outbox(registry.database).listed()) == 1


def test_a_receiver_that_fails_for_a_day_is_left_alone_more_and_more_and_gets_all_in_order_after_it(
    registry, clock, receiver
):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, kinds=["published"])
    receiver.answer = lambda request: (503, {})
    began = clock()
    for _ in range(3):
        publish(registry, clock)
    while clock() - began < dt.timedelta(hours=23):
        go(registry, clock)
        clock.move(minutes=1)
    failed = len(receiver.requests)
    receiver.answer = lambda request: (200, {})
    clock.move(minutes=59)
    go(registry, clock)

    assert failed < 40
    assert len(set(receiver.ids[:failed])) == 1  # the others wait behind the first one
    revisions = [r.json["data"]["id"] for r in receiver.requests[failed:]]
    assert len(revisions) == 3
    assert revisions == sorted(revisions, key=lambda name: int(name.split("-")[1]))
    assert receiver.ids[failed] == receiver.ids[0]
    assert receiver.requests[failed].headers["webhook-attempt"] == str(failed + 1)


def test_what_fails_for_longer_is_put_among_the_dead_and_can_be_sent_again_with_its_id(registry, clock, receiver):
    publish(registry, clock)
    told = notices(registry, clock)
    told.subscribe(ANN, "sales", receiver.url, kinds=["published"])
    publish(registry, clock)
    receiver.answer = lambda request: (500, {})
    for _ in range(30):
        go(registry, clock)
        clock.move(hours=1)

    (dead,) = told.deliveries(ANN, state="dead")
    assert dead["problem"] == "`127.0.0.1` did not take a message: it answered 500"
    tried = len(receiver.requests)
    go(registry, clock)
    assert len(receiver.requests) == tried

    receiver.answer = lambda request: (204, {})
    told.resend(ANN, dead["delivery_id"])
    assert go(registry, clock).sent == 1
    assert receiver.ids[-1] == dead["delivery_id"]
    with pytest.raises(UsageError, match="WFT-OBS-008"):
        told.resend(ANN, dead["delivery_id"])


def test_what_cannot_be_signed_or_mailed_since_a_secret_is_missing_waits_for_it(registry, clock, receiver):
    publish(registry, clock)
    with mailing() as (box, port):
        fine = replace(SETTINGS, smtp_host="127.0.0.1", smtp_port=port)
        told = notices(registry, clock, fine)
        told.subscribe(ANN, "sales", receiver.url)
        told.subscribe(ANN, "sales", "ada@example.com")
        publish(registry, clock)

        missing = Reference("$NOT_SET")
        for key in (missing, None):
            without = replace(fine, signing_key=key, smtp_password=missing, smtp_user="weft")
            assert go(registry, clock, without) == Delivered(later=2)
            clock.move(minutes=1)

        assert go(registry, clock, fine) == Delivered(sent=2)
        assert (len(receiver.requests), len(box.messages)) == (1, 1)


def test_a_receiver_that_hangs_keeps_nobody_else_waiting_longer_than_its_time(registry, clock, receiver):
    publish(registry, clock)
    told = notices(registry, clock)
    with receiving() as hanging:
        hanging.answer = dripping(30)
        told.subscribe(ANN, "sales", hanging.url)
        told.subscribe(ANN, "sales", receiver.url)
        publish(registry, clock)

        began = time.monotonic()
        done = go(registry, clock, timeout_s=0.5)
        took = time.monotonic() - began

    assert done == Delivered(sent=1, later=1)
    assert took < 10
    assert "no answer within 0.5 s" in told.deliveries(ANN, state="waiting")[0]["problem"]


def test_a_redirect_is_not_followed(registry, clock, receiver):
    publish(registry, clock)
    with receiving() as inside:
        receiver.answer = lambda request: (302, {"Location": f"{inside.url}/admin"})
        notices(registry, clock).subscribe(ANN, "sales", receiver.url)
        publish(registry, clock)

        done = go(registry, clock)

        assert inside.requests == []
    assert (done.later, len(receiver.requests)) == (1, 1)
    assert "redirects are not followed" in Outbox(registry.database).listed()[0].problem


def test_a_name_that_has_come_to_stand_for_an_address_inside_is_refused_before_anything_is_sent(
    registry, clock, receiver
):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", "https://hooks.example.com/x")
    publish(registry, clock)
    tell(registry.database, clock, mails=False)

    senders = Senders(SETTINGS, resolve=lambda host, port: ["93.184.215.14", "127.0.0.1"])
    done = deliver(registry.database, senders, clock)

    assert done == Delivered(dead=1)
    assert "address inside" in Outbox(registry.database).listed()[0].problem


def test_messages_to_others_pass_by_a_receiver_that_hangs(registry, clock, receiver):
    publish(registry, clock)
    told = notices(registry, clock)
    all_came, was_passed = threading.Event(), []

    def answer(request: Received) -> tuple[int, dict[str, str]]:
        if request.path == "/hangs":
            was_passed.append(all_came.wait(4))
        elif sum(one.path == "/quick" for one in receiver.requests) == 5:
            all_came.set()
        return 204, {}

    receiver.answer = answer
    told.subscribe(ANN, "sales", f"{receiver.url}/hangs", kinds=["published"])
    told.subscribe(ANN, "sales", f"{receiver.url}/quick", kinds=["published"])
    for _ in range(5):
        publish(registry, clock)

    done = go(registry, clock)

    assert was_passed[0], "five messages to another one went while it had the first"
    assert done.sent == 10


def test_a_receiver_that_wants_no_more_is_not_asked_again(registry, clock, receiver):
    publish(registry, clock)
    receiver.answer = lambda request: (410, {})
    notices(registry, clock).subscribe(ANN, "sales", receiver.url)
    publish(registry, clock)

    assert go(registry, clock) == Delivered(dead=1)


def test_a_worker_that_is_killed_between_sending_and_marking_repeats_the_message_with_its_id(
    place, registry, clock, receiver
):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url)
    publish(registry, clock)
    tell(registry.database, clock, mails=False)
    killed: list[int] = []

    def kill(request: Received) -> tuple[int, dict[str, str]]:
        if not killed:
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
        return 204, {}

    receiver.answer = kill
    code = (
        "import datetime as dt, sys\n"
        "from tests.conformance.notices.stories import SETTINGS, START, opened\n"
        "from weft.observability.delivering import Senders, deliver\n"
        "deliver(opened(sys.argv[1]).database, Senders(SETTINGS), lambda: START)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    worker = subprocess.Popen([sys.executable, "-c", code, place], env=environment)

    assert worker.wait(60) == -signal.SIGKILL
    assert go(registry, clock) == Delivered()  # it is still the dead worker's
    clock.at += LEASE
    assert go(registry, clock) == Delivered(sent=1)
    assert len(receiver.ids) == 2
    assert len(set(receiver.ids)) == 1
    assert go(registry, clock) == Delivered()


def test_two_workers_share_the_outbox_without_telling_anything_twice(place, registry, clock, receiver):
    from concurrent.futures import ThreadPoolExecutor

    publish(registry, clock)
    told = notices(registry, clock)
    for _ in range(5):
        told.subscribe(ANN, "sales", receiver.url, kinds=["published"])
    for _ in range(8):
        publish(registry, clock)
    tell(registry.database, clock, mails=False)

    another = opened(place)
    with ThreadPoolExecutor(2) as both:
        done = list(both.map(lambda one: deliver(one.database, Senders(SETTINGS), clock), (registry, another)))
    another.close()

    assert sum(one.sent for one in done) == 40
    assert len(set(receiver.ids)) == len(receiver.ids) == 40


def test_a_digest_tells_a_day_at_its_hour_in_one_message(registry, clock, receiver):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", receiver.url, digest="9 Europe/Berlin", kinds=["published"])
    for _ in range(3):
        publish(registry, clock)
        go(registry, clock)
        clock.move(minutes=10)
    assert receiver.requests == []

    clock.at = START.replace(hour=8)  # 9 in Berlin
    go(registry, clock)
    publish(registry, clock)
    go(registry, clock)

    (request,) = receiver.requests
    assert request.json["type"] == "weft.digest"
    assert len(request.json["data"]["notices"]) == 3


def test_whoever_unsubscribes_gets_nothing_more_not_even_what_waits(registry, clock, receiver):
    publish(registry, clock)
    told = notices(registry, clock)
    made = told.subscribe(ANN, "sales", receiver.url)
    publish(registry, clock)
    tell(registry.database, clock, mails=False)

    told.unsubscribe(ANN, made["subscription_id"])
    publish(registry, clock)

    assert go(registry, clock) == Delivered()
    assert told.subscriptions(ANN) == []


def test_mail_goes_out_in_plain_text_and_html_with_the_deliverys_id(registry, clock):
    publish(registry, clock)
    with mailing() as (box, port):
        settings = NoticesSettings(
            smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", smtp_from="weft@mesh.test"
        )
        notices(registry, clock, settings).subscribe(ANN, "sales", "ada@example.com")
        publish(registry, clock)

        assert go(registry, clock, settings).sent == 1

    ((to, content),) = box.messages
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert to == ["ada@example.com"]
    assert message["Subject"] == "[weft] sales.orders is published"
    assert message["X-Weft-Delivery"].startswith("d-")
    assert message["Message-ID"] == f"<{message['X-Weft-Delivery']}@mesh.test>"
    assert message.get_body(("plain",)).get_content().splitlines()[:2] == [
        "sales.orders is published",
        "2026-03-02T07:00:00+00:00",
    ]
    assert "<h3>sales.orders is published</h3>" in message.get_body(("html",)).get_content()


def test_a_server_of_mail_that_refuses_for_good_is_not_asked_again_and_one_that_is_busy_is(registry, clock):
    publish(registry, clock)
    with mailing() as (box, port):
        settings = NoticesSettings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        notices(registry, clock, settings).subscribe(ANN, "sales", "ada@example.com")
        box.refuse = "451 try later"
        publish(registry, clock)
        assert go(registry, clock, settings) == Delivered(later=1)

        box.refuse = "550 no such mailbox"
        clock.move(minutes=1)
        assert go(registry, clock, settings) == Delivered(dead=1)


def test_owners_downstream_are_told_without_asking_until_they_mute_it(registry, clock):
    publish(registry, clock)
    publish(registry, clock, TOTALS, reads=(str(ORDERS),))
    with mailing() as (box, port):
        settings = NoticesSettings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")

        def told(version: str) -> list[list[str]]:
            box.messages.clear()
            publish(registry, clock, version=version)
            go(registry, clock, settings)
            assert box.messages == []  # what else happens in this minute goes with it
            clock.move(minutes=1)
            go(registry, clock, settings)
            return [to for to, _ in box.messages]

        assert told("1.1.0") == [["finance@example.com"]]
        notices(registry, clock, settings).mute(ANN, "finance", "sales.orders")
        assert told("1.2.0") == []
        notices(registry, clock, settings).mute(ANN, "finance", "sales.orders", off=True)
        assert told("1.3.0") == [["finance@example.com"]]


def test_owners_get_one_mail_of_a_minute_however_much_goes_wrong_in_it(registry, clock):
    publish(registry, clock)
    publish(registry, clock, TOTALS, reads=(str(ORDERS),))
    with mailing() as (box, port):
        settings = NoticesSettings(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none")
        for minor in range(1, 31):
            publish(registry, clock, version=f"1.{minor}.0")
            tell(registry.database, clock, mails=True)
        clock.move(minutes=1)
        go(registry, clock, settings)

    ((to, content),) = box.messages
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert to == ["finance@example.com"]
    assert message["Subject"] == "[weft] 30 notices of your data mesh"
    assert message.get_body(("plain",)).get_content().count("version 1.") == 30


@pytest.mark.parametrize("chat", ["slack", "teams", "mattermost"])
def test_chats_get_the_form_that_they_take(registry, clock, receiver, chat):
    publish(registry, clock)
    notices(registry, clock).subscribe(ANN, "sales", f"{receiver.url}/T0/B0", channel=chat, kinds=["published"])
    publish(registry, clock)
    go(registry, clock)

    body = receiver.requests[0].json
    if chat == "teams":
        card = body["attachments"][0]
        assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert card["content"]["body"][0]["text"] == "sales.orders is published"
        told = card["content"]["body"][-1]["text"]
    else:
        bold = {"slack": "*", "mattermost": "**"}[chat]
        assert body["text"].startswith(f"{bold}sales.orders is published{bold}\n")
        told = body["text"].rpartition("\n\n")[2]
    (delivery,) = notices(registry, clock).deliveries(ANN)
    assert told == delivery["delivery_id"]
    assert "webhook-signature" not in receiver.requests[0].headers


def test_messages_that_went_long_ago_are_forgotten_and_those_that_wait_are_not(registry, clock, receiver):
    dispatch = Dispatch(registry.database, clock, worker="w")
    publish(registry, clock)
    told = notices(registry, clock)
    told.subscribe(ANN, "sales", receiver.url, kinds=["published"])
    for _ in range(3):
        publish(registry, clock)
        go(registry, clock)
        clock.move(days=20)
    receiver.answer = lambda request: (503, {})
    publish(registry, clock)
    go(registry, clock)

    dispatch.forget(dt.timedelta(days=30))

    assert [d["state"] for d in told.deliveries(ANN)] == ["waiting", "sent"]
    with registry.database.reading() as statements:
        assert statements.row("SELECT count(*) FROM delivery_notices") == (2,)
