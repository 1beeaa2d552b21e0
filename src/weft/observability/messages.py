"""Messages: what a delivery says on each channel. The same delivery always gives the same message."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from weft.connectors.mail import Mail
from weft.observability.pages import page_of
from weft.registry.outbox import Delivery

CHANNELS: Mapping[str, str] = {
    "webhook": "a signed POST to a URL",
    "mail": "an e-mail",
    "slack": "an incoming webhook of Slack",
    "teams": "a workflow of Microsoft Teams that takes webhook requests",
    "mattermost": "an incoming webhook of Mattermost",
    "portal": "one's own list in the portal",
}
"""Ways to be told."""

CHATS = frozenset({"slack", "teams", "mattermost"})

_EVERYBODY = re.compile(r"@(channel|here|all|everyone)\b", re.IGNORECASE)
"""What calls everybody in a chat."""


def webhook_body(delivery: Delivery) -> bytes:
    """The JSON of a webhook: `type`, `timestamp` and `data` (Source: Standard Webhooks 1.0, payload)."""
    notices = delivery.notices
    if delivery.digest:
        data: dict[str, Any] = {"notices": list(notices)}
        kind = "weft.digest"
    else:
        data, kind = dict(notices[0]), f"weft.{notices[0]['kind']}"
    return _json({"type": kind, "timestamp": _newest(notices), "data": data})


def chat_body(delivery: Delivery, url: str = "") -> bytes:
    """The JSON that a chat takes. It ends with the delivery's id: whoever reads the same one twice was told once."""
    lines = [
        (str(one["title"]), str(one["text"]) + (f"\n{link}" if (link := _link(one, url)) else ""))
        for one in delivery.notices
    ]
    if delivery.channel == "teams":
        blocks = [
            block
            for title, text in lines
            for block in (
                {"type": "TextBlock", "text": _plain(title), "weight": "Bolder", "wrap": True},
                {"type": "TextBlock", "text": _plain(text).replace("\n", "\n\n"), "wrap": True},
            )
        ]
        blocks.append({"type": "TextBlock", "text": delivery.delivery_id, "size": "Small", "isSubtle": True})
        card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks}
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        return _json({"type": "message", "attachments": [attachment]})
    bold = "*" if delivery.channel == "slack" else "**"
    told = "\n\n".join(f"{bold}{_escaped(title)}{bold}\n{_escaped(text)}" for title, text in lines)
    return _json({"text": f"{told}\n\n{delivery.delivery_id}"})


def mail(delivery: Delivery, url: str = "") -> Mail:
    """An e-mail in plain text and HTML.

    Args:
        url: where people reach the server: each notice then leads to its page.
    """
    notices = delivery.notices
    subject = str(notices[0]["title"]) if len(notices) == 1 else f"{len(notices)} notices of your data mesh"
    why = "You are told since you subscribed: `weft subscriptions` lists it, `weft unsubscribe` ends it."
    if delivery.recipient.startswith("auto:"):
        why = _unasked(delivery.recipient.removeprefix("auto:"))
    links = [_link(one, url) for one in notices]
    text = "\n\n".join(
        f"{one['title']}\n{one['at']}\n\n{one['text']}" + (f"\n{link}" if link else "")
        for one, link in zip(notices, links, strict=True)
    )
    parts = "".join(
        f"<h3>{html.escape(str(one['title']))}</h3><p><small>{html.escape(str(one['at']))}</small></p>"
        f"<p>{html.escape(str(one['text'])).replace(chr(10), '<br>')}</p>"
        + (f'<p><a href="{html.escape(link)}">{html.escape(link)}</a></p>' if link else "")
        for one, link in zip(notices, links, strict=True)
    )
    page = f"<html><body>{parts}<hr><p><small>{html.escape(why)}</small></p></body></html>"
    return Mail(delivery.delivery_id, delivery.target, f"[weft] {subject}", f"{text}\n\n-- \n{why}\n", page)


def _link(notice: Mapping[str, Any], url: str) -> str | None:
    """The address of the page on which one sees to a notice; None where it has none, or the server has no address."""
    page = page_of(notice) if url else None
    return f"{url.rstrip('/')}{page}" if page else None


def _unasked(domain_or_address: str) -> str:
    """Why somebody is told who has not subscribed."""
    if "@" in domain_or_address:
        return "You are told since it is about what you asked for or read, or since it waits for you."
    contact = f"You are told since you are the contact of `{domain_or_address}`"
    return f"{contact}: `weft mute {domain_or_address} ADDRESS` ends it for one product or domain, with '*' for all."


def _newest(notices: Sequence[Mapping[str, Any]]) -> str:
    return max((str(one["at"]) for one in notices), key=datetime.fromisoformat)


def _json(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _escaped(text: str) -> str:
    """Text in which nothing is taken for a link or a call of everybody."""
    plain = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _EVERYBODY.sub("@\u200b\\1", plain)


def _plain(text: str) -> str:
    return text.replace("[", "\\[").replace("*", "\\*")
