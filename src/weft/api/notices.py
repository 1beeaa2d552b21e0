"""Being told: subscriptions, what owners are spared, and how messages went."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from weft.access.permissions import Action, Caller, Role, may, require
from weft.config import NoticesSettings
from weft.connectors.mail import checked_address
from weft.connectors.webhooks import checked_url
from weft.errors import AccessDenied, UsageError, did_you_mean, error
from weft.model.address import ProductAddress, is_slug, parse_address
from weft.observability.delivering import Delivered, Senders, deliver
from weft.observability.digests import checked_digest
from weft.observability.messages import CHANNELS
from weft.observability.notices import KINDS
from weft.observability.signing import signing_secret
from weft.observability.telling import tell
from weft.registry.base import RegistryReader
from weft.registry.database import Database
from weft.registry.notices import Subscription, SubscriptionStore
from weft.registry.outbox import Delivery, Outbox
from weft.registry.portal_notices import CHANNEL as PORTAL


class Notices:
    """The verbs on subscriptions and deliveries."""

    def __init__(
        self,
        database: Database,
        reader: RegistryReader,
        settings: NoticesSettings,
        now: Callable[[], datetime],
        governance: str = "",
        url: str = "",
    ) -> None:
        """Takes the settings, the address of mail of those who lead governance, and where people reach the server."""
        self._database = database
        self._subscriptions = SubscriptionStore(database)
        self._outbox = Outbox(database)
        self._reader = reader
        self._settings = settings
        self._now = now
        self._governance = governance
        self._url = url

    def subscribe(
        self,
        caller: Caller,
        subject: str,
        target: str = "",
        *,
        channel: str | None = None,
        kinds: Sequence[str] = (),
        digest: str | None = None,
        secret: str | None = None,
    ) -> dict[str, Any]:
        """Subscribes, and shows once the secret with which a webhook will be signed.

        Args:
            target: a URL or an address of mail; empty: the caller's own list in the portal.
            channel: None: mail where the target is an address of mail, the portal where there is none, else a webhook.
            secret: an entry of `[notices.secrets]`, which operators may name; None: one of its own is made.

        Raises:
            UsageError: WFT-OBS-001 to 004 and 007, one of them is not right.
            AccessDenied: WFT-OBS-009, the address of mail is somebody else's.
        """
        channel = channel or _channel_of(target)
        _require_known(channel, CHANNELS, "channel")
        for kind in kinds:
            _require_known(kind, KINDS, "kind of notice")
        self._require_subject(subject)
        digest = checked_digest(digest) if digest is not None else None
        if channel == PORTAL:
            _require_plain(target, digest)
        elif channel == "mail":
            target = self._checked_mail(caller, target)
        else:
            checked_url(target, self._settings.allow_hosts)
        if channel == "webhook":
            if secret is not None:
                require(caller, Action.OPERATE)
            signing_secret("", secret, self._settings)  # one that is not there is told now, not to the log of a worker
        made = self._subscriptions.create(
            owner=caller.name,
            subject=subject,
            kinds=tuple(dict.fromkeys(kinds)),
            channel=channel,
            target=target,
            secret=secret if channel == "webhook" else None,
            digest=digest,
            at=self._now(),
            domains=None if may(caller, Action.OPERATE) else sorted(caller.domains),
        )
        shown = _subscription(made)
        if channel == "webhook" and secret is None:
            shown["secret"] = signing_secret(made.subscription_id, None, self._settings).value
        return shown

    def subscriptions(self, caller: Caller, *, everybody: bool = False) -> list[dict[str, Any]]:
        """One's own subscriptions, or everybody's, without the targets of others.

        Raises:
            AccessDenied: WFT-ACC-010, everybody's are for operators.
        """
        if everybody:
            require(caller, Action.OPERATE)
        found = self._subscriptions.listed(None if everybody else caller.name)
        return [_subscription(one, hidden=one.owner != caller.name) for one in found]

    def unsubscribe(self, caller: Caller, subscription_id: str) -> None:
        """Ends a subscription; what waits for it is not sent.

        Raises:
            UsageError: WFT-OBS-008, the caller has no such subscription.
        """
        found = self._subscriptions.get(subscription_id)
        if found is None or not (found.owner == caller.name or may(caller, Action.OPERATE)):
            raise absent("subscription", subscription_id)
        self._subscriptions.end(subscription_id, actor=caller.name, at=self._now())

    def mute(self, caller: Caller, domain: str, subject: str, *, off: bool = False) -> None:
        """Spares the owners of a domain notices that they did not ask for, or tells them again (`off`).

        Raises:
            AccessDenied: WFT-ACC-010, the domain is somebody else's.
            UsageError: WFT-OBS-001, there is no such domain or subject.
        """
        require(caller, Action.MANAGE_DOMAIN, domain)
        self._require_subject(domain)
        self._require_subject(subject)
        if off:
            self._subscriptions.unmute(domain, subject, actor=caller.name, at=self._now())
        else:
            self._subscriptions.mute(domain, subject, actor=caller.name, at=self._now())

    def mutes(self, domain: str | None = None) -> list[dict[str, str]]:
        """What the owners of a domain, or of all, are spared."""
        return [{"domain": d, "subject": s} for d, s in self._subscriptions.mutes(domain)]

    def deliveries(self, caller: Caller, *, state: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Messages, newest first: to one's own subscriptions; for operators all."""
        recipients = None
        if not may(caller, Action.OPERATE):
            recipients = [one.subscription_id for one in self._subscriptions.listed(caller.name)]
        return [_delivery(one) for one in self._outbox.listed(state=state, recipients=recipients, limit=limit)]

    def resend(self, caller: Caller, delivery_id: str) -> None:
        """Tries a message again that had been given up.

        Raises:
            UsageError: WFT-OBS-008, the caller has no such message.
        """
        found = self._outbox.get(delivery_id)
        mine = found is not None and any(
            one.subscription_id == found.recipient for one in self._subscriptions.listed(caller.name)
        )
        if found is None or not (mine or may(caller, Action.OPERATE)):
            raise absent("delivery", delivery_id)
        if not self._outbox.resend(delivery_id, actor=caller.name, at=self._now()):
            raise absent("delivery that was given up", delivery_id)

    def tell(self) -> int:
        """Puts what happened into the outbox; how many notices that were."""
        return tell(self._database, self._now, mails=bool(self._settings.smtp_host), governance=self._governance)

    def deliver(self, stop: Callable[[], bool] = lambda: False) -> Delivered:
        """Sends what is due."""
        return deliver(self._database, Senders(self._settings, url=self._url), self._now, stop=stop)

    def _require_subject(self, subject: str) -> None:
        if not self._is_there(subject):  # all names are read only to say which one is near
            ports = {str(a) for a in self._reader.ports()} if subject.count(".") == 2 else set()
            known = {"*", *self._reader.domains(), *map(str, self._reader.products()), *ports}
            fix = did_you_mean(subject, sorted(known), otherwise="`weft search` finds addresses; `*` is everything")
            raise UsageError(error("WFT-OBS-001", f"there is no domain, product or port `{subject}`", fix=fix))

    def _is_there(self, subject: str) -> bool:
        parts = subject.partition("@")[0].split(".")
        if subject == "*" or not all(is_slug(part) for part in parts):
            return subject == "*"
        match parts:
            case [domain] if "@" not in subject:
                return self._reader.domain(domain) is not None
            case [domain, product] if "@" not in subject:
                return self._reader.product(ProductAddress(domain, product)) is not None
            case [_, _, _] if "@" in subject:
                state = self._reader.port(parse_address(subject))
                return state is not None and str(state.address) == subject
        return False

    def _checked_mail(self, caller: Caller, target: str) -> str:
        address = checked_address(target)
        if not self._settings.smtp_host:
            fix = "set `[notices] smtp_host`"
            raise AccessDenied(error("WFT-OBS-009", "this server sends no mail", fix=fix))
        domains = self._reader.domains()
        contacts = {domains[name].owner_contact for name in caller.domains if name in domains}
        if address == caller.name or address in contacts or may(caller, Action.OPERATE):
            return address
        raise AccessDenied(
            error(
                "WFT-OBS-009",
                f"`{caller.name}` may not have mail sent to `{address}`",
                why="whoever may subscribe could have anybody be written to",
                fix="subscribe your own address, or the contact of a domain in which you have a role",
            )
        )


def keyboard(actor: str) -> Caller:
    """Whoever is at the keyboard of a mesh on their own machine: nobody is above them."""
    return Caller(actor, "user", mesh=frozenset({Role.OPERATOR, Role.GOVERNANCE_LEAD}))


def absent(what: str, name: str) -> UsageError:
    """That there is none of that name, or none that the caller may know of."""
    return UsageError(error("WFT-OBS-008", f"there is no {what} `{name}`"))


def _channel_of(target: str) -> str:
    if not target:
        return PORTAL
    return "mail" if "@" in target and "://" not in target else "webhook"


def _require_plain(target: str, digest: str | None) -> None:
    """Refuses what a list in the portal has not."""
    if target:
        what = "notices in the portal go to whoever subscribes, and to no other place"
        raise UsageError(error("WFT-OBS-002", what, fix="leave the target empty, or choose another channel"))
    if digest is not None:
        what = "notices in the portal stand there at once"
        raise UsageError(error("WFT-OBS-003", what, fix="leave the hour empty"))


def _require_known(word: str, known: Any, what: str) -> None:
    if word not in known:
        fix = did_you_mean(word, list(known), otherwise=f"one of {', '.join(known)}")
        raise UsageError(error("WFT-OBS-001", f"there is no {what} `{word}`", fix=fix))


def _subscription(one: Subscription, *, hidden: bool = False) -> dict[str, Any]:
    return {
        "subscription_id": one.subscription_id,
        "owner": one.owner,
        "subject": one.subject,
        "kinds": list(one.kinds),
        "channel": one.channel,
        "target": _host(one.target) if hidden else one.target,
        "digest": one.digest,
        "created_at": one.created_at.isoformat(),
    }


def _delivery(one: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": one.delivery_id,
        "recipient": one.recipient,
        "channel": one.channel,
        "host": _host(one.target),
        "state": one.state,
        "digest": one.digest,
        "created_at": one.created_at.isoformat(),
        "due_at": one.due_at.isoformat(),
        "attempts": one.attempts,
        "ended_at": one.ended_at.isoformat() if one.ended_at else None,
        "problem": one.problem,
    }


def _host(target: str) -> str:
    """Where a message goes, without what may be secret in it."""
    return str(urlsplit(target).hostname) if "://" in target else target.rpartition("@")[2]
