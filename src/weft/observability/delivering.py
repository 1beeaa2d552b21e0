"""Delivering: the outbox is emptied, each message at least once and each recipient's in order."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from datetime import datetime, timedelta

from msgspec import Struct

from weft.config import NoticesSettings
from weft.connectors import mail, webhooks
from weft.errors import SourceError, TransientError, UsageError, WeftError, error
from weft.observability import messages
from weft.observability.signing import signing_secret
from weft.registry.database import Database
from weft.registry.outbox import Delivery, End, Outbox
from weft.release import VERSION

LEASE = timedelta(minutes=2)
"""How long a worker has for a message that it took: longer than any channel may take."""
_AT_ONCE = 16
_LOOK_AGAIN_S = 1.0
"""How long messages that go are waited for until it is asked again what is due."""
_FIRST_S, _LONGEST_S = 5.0, 3600.0


class Delivered(Struct, frozen=True):
    """How often what happened."""

    sent: int = 0
    later: int = 0
    dead: int = 0


class Senders(Struct, frozen=True):
    """What sends, with what it needs.

    Attributes:
        resolve: the addresses of a name; the machine's by default.
        url: where people reach the server; empty: mail and chats lead nowhere.
    """

    settings: NoticesSettings
    resolve: webhooks.Resolve = webhooks.resolved
    timeout_s: float = webhooks.TIMEOUT_S
    url: str = ""

    def send(self, delivery: Delivery, now: datetime) -> None:
        """Sends one message. Returns when it was taken.

        Raises:
            TransientError: it was not taken; another time may do.
            WeftError: it cannot be sent, or is not wanted.
        """
        if delivery.channel == "mail":
            if not self.settings.smtp_host:
                fix = "set `[notices] smtp_host`"
                raise TransientError(error("WFT-OBS-005", "there is no server of mail in the settings", fix=fix))
            message = mail.wrapped(messages.mail(delivery, self.url), self.settings, now)
            with _not_yet():
                reference = self.settings.smtp_password
                password = reference.secret("`smtp_password` of [notices]") if reference is not None else None
            mail.send(message, self.settings, password)
            return
        headers = {"Content-Type": "application/json", "User-Agent": f"weft/{VERSION}"}
        if delivery.channel in messages.CHATS:
            body = messages.chat_body(delivery, self.url)
        else:
            body = messages.webhook_body(delivery)
            with _not_yet():
                secret = signing_secret(delivery.recipient, delivery.secret, self.settings)
            headers |= {
                "webhook-id": delivery.delivery_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": webhooks.signature(delivery.delivery_id, now, body, secret.value),
                "webhook-attempt": str(delivery.attempts + 1),
            }
        webhooks.post(
            delivery.target,
            body,
            headers,
            allowed=self.settings.allow_hosts,
            resolve=self.resolve,
            timeout_s=self.timeout_s,
        )


def deliver(
    database: Database,
    senders: Senders,
    now: Callable[[], datetime],
    *,
    chance: Callable[[], float] = random.random,
    stop: Callable[[], bool] = lambda: False,
) -> Delivered:
    """Sends everything that is due, and what becomes due behind it.

    A receiver that is slow has one of the places in which messages go at once; those to others pass by it.

    Args:
        chance: a number from 0 to 1: how far a repetition is moved, so that not all come at once.
        stop: whether to leave the rest for another time.
    """
    outbox, worker = Outbox(database), uuid.uuid4().hex
    counts = {"sent": 0, "waiting": 0, "dead": 0}
    going: dict[Future[WeftError | None], Delivery] = {}
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="deliver") as pool:
        while True:
            room = _AT_ONCE - len(going) if not stop() else 0
            for one in outbox.claim(worker, now(), limit=room, lease=LEASE) if room else ():
                going[pool.submit(_tried, senders, one, now())] = one
            if not going:
                break
            done = wait(going, timeout=_LOOK_AGAIN_S, return_when=FIRST_COMPLETED).done
            ends = [_ended(going.pop(one), one.result(), now(), chance()) for one in done]
            if ends:
                outbox.settle(worker, ends, now())
            for end in ends:
                counts[end.state] += 1
    return Delivered(counts["sent"], counts["waiting"], counts["dead"])


def _ended(delivery: Delivery, failed: WeftError | None, now: datetime, chance: float) -> End:
    if failed is None:
        return End(delivery.delivery_id, "sent")
    told = "; ".join(d.what + (f": {d.why}" if d.why else "") for d in failed.diagnostics)
    due = now + backoff(delivery.attempts, chance)
    if isinstance(failed, TransientError) and due <= delivery.expires_at:
        return End(delivery.delivery_id, "waiting", due, told)
    return End(delivery.delivery_id, "dead", problem=told)


def backoff(failed_before: int, chance: float) -> timedelta:
    """How long to wait: twice as long each time, at most an hour, and by chance up to half of it less.

    >>> backoff(0, 0.0).total_seconds(), backoff(3, 0.0).total_seconds(), backoff(99, 1.0).total_seconds()
    (5.0, 40.0, 1800.0)
    """
    longest = min(_LONGEST_S, _FIRST_S * 2.0 ** min(failed_before, 20))
    return timedelta(seconds=longest * (1 - chance / 2))


def _tried(senders: Senders, delivery: Delivery, now: datetime) -> WeftError | None:
    try:
        senders.send(delivery, now)
    except WeftError as e:
        return e
    return None


@contextmanager
def _not_yet() -> Iterator[None]:
    """A secret that is not there now is the operator's to mend, and no reason to give a message up."""
    try:
        yield
    except (SourceError, UsageError) as e:
        raise TransientError(*e.diagnostics) from None
