"""What messages say on each channel."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from weft.observability.messages import chat_body, mail
from weft.registry.outbox import Delivery

AT = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


def delivery(recipient: str, channel: str, text: str = "It is late.") -> Delivery:
    notice = {"title": "fleet.aircraft: is late", "text": text, "at": AT.isoformat(), "kind": "late"}
    return Delivery(
        "d-1", recipient, channel, "ada@example.com", None, False, "waiting", AT, AT, AT, 0, None, None, None, (notice,)
    )


@pytest.mark.parametrize(
    ("recipient", "why"),
    [
        ("s-1", "you subscribed"),
        ("auto:fleet", "you are the contact of `fleet`: `weft mute fleet ADDRESS`"),
        ("auto:ada@example.com", "what you asked for or read, or since it waits for you"),
    ],
)
def test_a_mail_says_why_its_reader_is_told(recipient, why):
    made = mail(delivery(recipient, "mail"))

    assert why in made.text
    assert ("weft mute" in made.text) == (recipient == "auto:fleet")


@pytest.mark.parametrize("channel", ["slack", "mattermost"])
@pytest.mark.parametrize("call", ["@channel", "@here", "@all", "@everyone", "@All", "<!channel>"])
def test_what_somebody_wrote_calls_nobody_in_a_chat(channel, call):
    told = json.loads(chat_body(delivery("s-1", channel, f"closed: {call} look at @newcomers")))["text"]

    assert call not in told
    assert "@newcomers" in told
