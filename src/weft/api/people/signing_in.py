"""Signing in: with a password of ours, by the company's provider, and for the command line."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.access import passwords
from weft.access.claims import Meaning, claim, groups_of, meaning
from weft.access.permissions import Caller
from weft.errors import AccessDenied, error
from weft.registry.sign_ins import Attempt
from weft.registry.tokens import Token
from weft.registry.users import User

if TYPE_CHECKING:
    from weft.api.people.identity import Identity

_FAILURES_OF_A_USER = 5
"""Of one user from one address: nobody else's guesses keep a person out who signs in from where they are."""
_FAILURES_OF_AN_ADDRESS = 30
_FAILURES_OF_A_SITE = 120
"""Of a /48 of IPv6, which is what a provider gives to one customer: 65,536 networks, each an address of its own."""
_FAILURES_UNSLOWED = 10
_SLOWER_BY_S = 0.5
_SLOWEST_S = 5.0
_WITHIN = timedelta(minutes=15)
_AT_THE_PROVIDER = timedelta(minutes=10)
_ON_THE_WAY_TO_THE_COMMAND_LINE = timedelta(minutes=5)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_NAME = re.compile(r"[^\s:/\\\x00-\x1f\x7f]{1,200}")
"""Names with a colon are ours: `domain:sales`, `service:billing`, `team:pricing`."""


class TooMany(AccessDenied):
    """Too many sign-ins have failed; another may be tried later."""

    def __init__(self, wait: timedelta) -> None:
        self.retry_s = max(1, int(wait.total_seconds()) + 1)
        minutes = -(-self.retry_s // 60)
        what = "too many sign-ins have failed"
        super().__init__(error("WFT-ACC-012", what, fix=f"try again in {minutes} min"))


class Tried(Struct, frozen=True):
    """A sign-in with a password that may be tried, after a pause.

    Attributes:
        pause_s: how long it has to wait, because many of the same user have failed from everywhere.
    """

    name: str
    attempt: Attempt
    forgiven: str
    pause_s: float


class SigningIn:
    """Verbs of whoever is not known yet."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def tried(self, name: str, address: str) -> Tried:
        """Counts a sign-in with a password before it is tried.

        Whoever guesses is locked out at the address where they are; the user is not, and only slower everywhere.

        Args:
            address: from where it is asked.

        Raises:
            AccessDenied: WFT-ACC-012, too many have failed.
        """
        identity = self._identity
        network = _network(address)
        here = f"user:{name}@{network}"
        limits = {here: _FAILURES_OF_A_USER, f"address:{network}": _FAILURES_OF_AN_ADDRESS}
        site = _site(address)
        if site is not None:
            limits[f"site:{site}"] = _FAILURES_OF_A_SITE
        attempt = identity.sign_ins.attempt(limits, identity.now(), _WITHIN, counted=f"user:{name}")
        if attempt.number is None:
            raise TooMany(attempt.wait)
        return Tried(name, attempt, here, _pause_s(attempt.failed))

    def with_password(self, tried: Tried, password: str, *, instead_of: str | None = None) -> str:
        """The secret of a new session of a local user.

        Args:
            tried: the sign-in, counted, and its pause over.
            instead_of: the session that the same browser has; it ends.

        Raises:
            AccessDenied: WFT-ACC-011, the two do not belong together.
        """
        identity, name = self._identity, tried.name
        kept = identity.users.password_of(name) if _NAME.fullmatch(name) else None
        if not passwords.fits(kept, password):
            raise AccessDenied(error("WFT-ACC-011", "user and password do not belong together", fix="type both again"))
        assert kept is not None, "nothing fits where nothing is kept"
        identity.sign_ins.succeeded(tried.attempt, tried.forgiven)
        if passwords.is_old(kept):
            identity.users.rehash(name, kept, passwords.hashed(password))
        return identity.sessions.begin(name, identity.now(), instead_of=instead_of)

    def sign_out(self, secret: str) -> None:
        """Ends a session."""
        self._identity.sessions.end(secret)

    def to_provider(self, *, redirect: str, then: str, browser: str) -> str:
        """Where a browser goes to sign in with the company's account.

        Args:
            redirect: the address of ours to which the provider sends it back.
            then: the page that it wanted to see.
            browser: a secret that this browser alone has, in a cookie.

        Raises:
            AccessDenied: WFT-ACC-016, no provider is set.
            PlatformError: WFT-ACC-015, the provider does not answer.
        """
        identity = self._identity
        nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        if not identity.has_provider:
            raise AccessDenied(
                error(
                    "WFT-ACC-016",
                    "no identity provider is set",
                    fix="set `identity.issuer` and `identity.client_id`, or sign in with a local user's password",
                )
            )
        provider = identity.provider
        provider.description()  # before anything is remembered
        record = {"nonce": nonce, "verifier": verifier, "then": then, "browser": _digest(browser), "back": redirect}
        state = identity.sign_ins.remember("provider", record, identity.now(), _AT_THE_PROVIDER)
        return provider.address(redirect=redirect, state=state, nonce=nonce, verifier=verifier)

    def from_provider(self, *, code: str, state: str, browser: str, instead_of: str | None = None) -> tuple[str, str]:
        """The secret of a new session of whom the provider sends, and the page that they wanted to see.

        Raises:
            AccessDenied: WFT-ACC-014 it is no sign-in that this browser has begun or the provider refuses it,
                WFT-ACC-017 the provider's token does not hold, WFT-ACC-026 the name is somebody else's.
            PlatformError: WFT-ACC-015, the provider does not answer.
        """
        identity, at = self._identity, self._identity.now()
        begun = identity.sign_ins.take("provider", state, at)
        if begun is None or not identity.has_provider or not hmac.compare_digest(begun["browser"], _digest(browser)):
            raise AccessDenied(
                error(
                    "WFT-ACC-014",
                    "this browser has begun no such sign-in, or it was too long ago",
                    fix="begin again at /login",
                )
            )
        arrival = identity.provider.arrival(
            code=code,
            redirect=begun["back"],
            nonce=begun["nonce"],
            verifier=begun["verifier"],
            now=at.timestamp(),
        )
        user = self.arrived(arrival.claims)
        if arrival.refresh is not None:
            identity.confirming.keep(user.name, arrival.refresh)
        return identity.sessions.begin(user.name, at, instead_of=instead_of), str(begun["then"])

    def code_for(self, caller: Caller, *, challenge: str, label: str) -> str:
        """A code that `weft login` turns into a token: for the program alone that knows what the challenge is made of.

        Raises:
            AccessDenied: WFT-ACC-018 no person has signed in, WFT-ACC-020 the challenge is none (RFC 7636,
                section 4.2).
        """
        if caller.kind != "user":
            # The token will have all that its person has: one that is limited must not get it this way.
            raise AccessDenied(
                error("WFT-ACC-018", "only a person who has signed in lets a command line in", fix="sign in at /login")
            )
        if not _CHALLENGE.fullmatch(challenge):
            raise AccessDenied(
                error("WFT-ACC-020", "the command line's challenge is none", fix="run `weft login` again")
            )
        record = {
            "user": caller.name,
            "challenge": challenge,
            "label": "".join(c if c.isprintable() else " " for c in label[:100]),
        }
        kept = self._identity.sign_ins
        return kept.remember("command line", record, self._identity.now(), _ON_THE_WAY_TO_THE_COMMAND_LINE)

    def token_for(self, code: str, verifier: str) -> tuple[Token, str]:
        """The token of a code, once.

        Raises:
            AccessDenied: WFT-ACC-020, the code does not hold, or another program has asked for it.
        """
        identity = self._identity
        record = identity.sign_ins.take("command line", code, identity.now())
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        fits = record is not None and hmac.compare_digest(str(record["challenge"]).encode(), made.encode())
        user = identity.users.user(record["user"]) if record is not None and fits else None
        if record is None or user is None or user.disabled_at is not None:
            raise AccessDenied(
                error("WFT-ACC-020", "the code of the command line does not hold", fix="run `weft login` again")
            )
        return identity.token_verbs.create(identity.of_user(user), label=record["label"])

    def arrived(self, claims: Mapping[str, Any]) -> User:
        """Whom the provider has sent, kept with the roles of today's groups.

        Raises:
            AccessDenied: WFT-ACC-014 it does not say who it is, WFT-ACC-026 the name is somebody else's.
        """
        identity = self._identity
        settings = identity.settings
        name = claim(claims, settings.user_claim)
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            what = f"the provider does not say who it is: the claim `{settings.user_claim}` is missing or is no name"
            raise AccessDenied(error("WFT-ACC-014", what, fix="check `identity.user_claim` and `identity.scopes`"))
        if settings.user_claim == "email" and claims.get("email_verified") in (False, "false"):
            what = "the provider has not verified the e-mail address"
            raise AccessDenied(error("WFT-ACC-014", what, why="anybody could have typed it", fix="verify it there"))
        means = meaning(groups_of(claims, settings.groups_claim), settings.groups)
        if not str(claims["sub"]).isprintable():
            raise AccessDenied(
                error("WFT-ACC-014", "the provider's name for the account is no text", fix="mend it there")
            )
        title = claims.get("name")
        user = identity.users.arrived(
            _user(
                name,
                title if isinstance(title, str) and title.isprintable() else None,
                means,
                settings.issuer,
                claims["sub"],
                self._now(),
            ),
            self._now(),
        )
        if user is None:
            what = f"`{name}` is the name of another account here"
            raise AccessDenied(
                error(
                    "WFT-ACC-026",
                    what,
                    fix="ask an operator: `weft user list` shows whose it is, `weft user remove` frees it",
                )
            )
        if user.disabled_at is not None:
            raise AccessDenied(error("WFT-ACC-014", f"`{name}` is shut out here", fix="ask an operator"))
        return user

    def _now(self) -> datetime:
        return self._identity.now()


def _user(name: str, title: str | None, means: Meaning, issuer: str, subject: str, at: datetime) -> User:
    return User(
        name=name,
        kind="oidc",
        title=title,
        mesh=tuple(sorted(role.value for role in means.mesh)),
        domains={d: tuple(sorted(role.value for role in roles)) for d, roles in means.domains.items()},
        teams=tuple(sorted(means.teams)),
        created_at=at,
        issuer=issuer,
        subject=subject,
    )


def _pause_s(failed: int) -> float:
    """How long a sign-in waits of whose user so many have failed lately, wherever they came from.

    >>> [_pause_s(failed) for failed in (0, 9, 10, 13, 1000)]
    [0.0, 0.0, 0.5, 2.0, 5.0]
    """
    return min(_SLOWEST_S, max(0.0, _SLOWER_BY_S * (failed - _FAILURES_UNSLOWED + 1)))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; one of IPv4 as itself also where a socket of IPv6 has taken it in."""
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _network(address: str) -> str:
    """From where somebody asks: a household has a whole network of IPv6 addresses.

    >>> _network("::ffff:192.0.2.7"), _network("2001:db8:1:2::7")
    ('192.0.2.7', '2001:db8:1:2::/64')
    """
    found = _address(address)
    if found is None:
        return address
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def _site(address: str) -> str | None:
    """What one customer of a provider has of IPv6; None for IPv4, where an address is scarce.

    >>> _site("2001:db8:1:2::7"), _site("192.0.2.7")
    ('2001:db8:1::/48', None)
    """
    found = _address(address)
    return str(ipaddress.ip_network((found, 48), strict=False)) if found is not None and found.version == 6 else None


def _digest(secret: str) -> str:
    return hashlib.sha256(f"browser:{secret}".encode()).hexdigest()
