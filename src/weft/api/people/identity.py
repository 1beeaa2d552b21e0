"""Who is asking: what a request carries, as a caller with roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from weft.access.claims import MEMBER_ROLE, claim, groups_of, meaning
from weft.access.permissions import Action, Caller, Role
from weft.errors import AccessDenied, error
from weft.registry.at_once import may_wait
from weft.registry.base import RegistryReader
from weft.registry.database import Database
from weft.registry.members import Members
from weft.registry.sessions import Session, SessionStore
from weft.registry.sign_ins import SignInStore
from weft.registry.tokens import Token, TokenStore
from weft.registry.users import User, UserStore
from weft.sections.identity import IdentitySettings

if TYPE_CHECKING:
    from weft.access.provider import Provider
    from weft.api.people.confirming import Confirming
    from weft.api.people.signing_in import SigningIn
    from weft.api.people.tokens import TokenVerbs
    from weft.api.people.users import UserVerbs


class Identity:
    """Callers by their tokens, sessions and signed tokens of the company's provider."""

    def __init__(
        self,
        database: Database,
        reader: RegistryReader,
        now: Callable[[], datetime],
        settings: IdentitySettings | None = None,
    ) -> None:
        self.settings = settings or IdentitySettings()
        self.database = database
        self.reader = reader
        self.now = now
        self.tokens = TokenStore(database)
        self.users = UserStore(database)
        self.sign_ins = SignInStore(database)
        self.sessions = SessionStore(
            database,
            timedelta(minutes=self.settings.session_idle_minutes),
            timedelta(hours=self.settings.session_hours),
        )
        self._members = Members(database)

    @cached_property
    def provider(self) -> Provider:
        """The company's identity provider, for who has seen that one is set."""
        from weft.access.provider import Provider

        return Provider(self.settings)

    @property
    def has_provider(self) -> bool:
        """Whether people sign in by the company's provider."""
        return bool(self.settings.issuer and self.settings.client_id)

    @property
    def _takes_services(self) -> bool:
        return bool(self.settings.issuer and self.settings.audience)

    @cached_property
    def signing_in(self) -> SigningIn:
        """Signing in and out."""
        from weft.api.people.signing_in import SigningIn

        return SigningIn(self)

    @cached_property
    def confirming(self) -> Confirming:
        """Asking the provider again."""
        from weft.api.people.confirming import Confirming

        return Confirming(self)

    @cached_property
    def token_verbs(self) -> TokenVerbs:
        """Making, listing and revoking tokens."""
        from weft.api.people.tokens import TokenVerbs

        return TokenVerbs(self)

    @cached_property
    def user_verbs(self) -> UserVerbs:
        """Local users."""
        from weft.api.people.users import UserVerbs

        return UserVerbs(self.users, self.now)

    def of_bearer(self, secret: str) -> Caller | None:
        """Whoever a bearer token stands for; None when it holds for nobody.

        Raises:
            AccessDenied: WFT-ACC-017 it is a signed token that does not hold, WFT-ACC-029 one of a person, WFT-ACC-028
                the provider has not said for too long who its owner is.
            PlatformError: WFT-ACC-015, it is a signed token, and the provider's keys cannot be had.
        """
        if secret.startswith("weft_"):
            found = self.tokens.holding(secret, self.now())
            return self._holder(*found) if found is not None else None
        return self._service(secret) if secret.count(".") == 2 and self._takes_services else None

    def of_session(self, secret: str) -> tuple[Caller, Session] | None:
        """Whoever a session's cookie stands for; None when it holds no more."""
        session = self.sessions.holder(secret, self.now())
        if session is None or self.now() >= self._confirmed_until(session.user):
            return None
        return self.of_user(session.user), session

    def of_user(self, user: User) -> Caller:
        """A user as a caller with all their roles."""
        return Caller(user.name, "user", _mesh(user), self._domains(user.name, user))

    def as_known(self, caller: Caller, *, user: bool) -> Caller | None:
        """Somebody with the roles that they have by now; None where nobody may act under that name any more.

        What services and domains may comes with their tokens alone: they stay as they came.

        Args:
            user: whether they were a user when they came.
        """
        if not user:
            own = {} if caller.kind == "service" or ":" in caller.name else self.roles_of(caller.name)
            return replace(caller, domains=own) if own else caller
        found = self.users.user(caller.name)
        if found is None or found.disabled_at is not None or not self.confirmed(found):
            return None
        now = self.of_user(found)
        return replace(caller, mesh=now.mesh, domains=now.domains)

    def roles_of(self, user: str) -> dict[str, frozenset[Role]]:
        """The roles of a person in each domain that has them as a member."""
        return self._domains(user, None)

    def _domains(self, name: str, user: User | None) -> dict[str, frozenset[Role]]:
        """Roles by `domain.yaml`, under their name and their teams', and by groups of the provider."""
        teams = user.teams if user is not None else ()
        found = {
            domain: frozenset(MEMBER_ROLE[r] for r in roles if r in MEMBER_ROLE)
            for domain, roles in self._members.roles((name, *(f"team:{team}" for team in teams))).items()
        }
        given: Mapping[str, tuple[str, ...]] = user.domains if user is not None else {}
        for domain, names in given.items():
            found[domain] = found.get(domain, frozenset()) | {MEMBER_ROLE[r] for r in names if r in MEMBER_ROLE}
        return found

    def _holder(self, token: Token, user: User | None) -> Caller:
        known = {action.value for action in Action}
        # An action that this version does not know gives nothing; it does not make the rest unusable.
        actions = frozenset(Action(a) for a in token.actions if a in known) if token.actions is not None else None
        if token.kind == "domain":
            assert token.domain is not None, "a domain's token names it"
            domains = {token.domain: frozenset({Role.DEVELOPER})}
            return Caller(f"domain:{token.domain}", "token", frozenset(), domains, actions, token.expires_at)
        mesh = _mesh(user) if user is not None else frozenset()
        if user is not None and self.now() >= self._confirmed_until(user):
            raise AccessDenied(
                error(
                    "WFT-ACC-028",
                    f"the company's provider has not confirmed `{token.owner}` for too long",
                    why="a personal token has what the provider's groups give, and holds only while it says so",
                    fix="sign in again, by a browser or by `weft login`; the token then holds as before",
                )
            )
        return Caller(token.owner, "token", mesh, self._domains(token.owner, user), actions, token.expires_at)

    def confirmed(self, user: User) -> bool:
        """Whether what the provider has said of a user still counts."""
        return self.now() < self._confirmed_until(user)

    def _confirmed_until(self, user: User) -> datetime:
        """Until when it counts what the provider has said of somebody; of local users nobody else says anything."""
        if user.kind != "oidc":
            return datetime.max.replace(tzinfo=UTC)
        if user.confirmed_at is None:
            return datetime.min.replace(tzinfo=UTC)
        return user.confirmed_at + timedelta(hours=self.settings.unconfirmed_hours)

    def _service(self, secret: str) -> Caller | None:
        from weft.access.tokens_of_others import checked

        may_wait()  # the provider may have to be asked for its keys
        now = self.now()
        claims = checked(secret, self.provider, self.settings, audience=self.settings.audience, now=now.timestamp())
        if _is_of_a_person(claims, self.settings.user_claim):
            raise AccessDenied(
                error(
                    "WFT-ACC-029",
                    "the token of the identity provider is a person's, and services alone come with one",
                    why="it would act in the name of the program that got it, and nobody could tell who did what",
                    fix="sign in with `weft login`, or make a personal token; a service takes the client credentials "
                    "grant",
                )
            )
        client = claims.get("azp") or claims.get("client_id") or claims["sub"]
        if not isinstance(client, str) or not client.isprintable():
            return None  # it will stand in the log as who did something
        means = meaning(groups_of(claims, self.settings.groups_claim), self.settings.groups)
        return Caller(
            # No user's name has a colon: a service is never taken for a person.
            f"service:{client}",
            "service",
            means.mesh,
            means.domains,
            until=_moment(claims["exp"]),
        )


def _is_of_a_person(claims: Mapping[str, Any], user_claim: str) -> bool:
    """Whether a token was made for somebody who has signed in: an ID token, or one that names a user.

    No standard says it of an access token; RFC 9068 has `sub` be the client where there is no person.
    """
    if any(name in claims for name in ("nonce", "at_hash", "c_hash")) or claims.get("typ") == "ID":
        return True
    if claims["sub"] in (claims.get("azp"), claims.get("client_id")):
        return False
    named = claim(claims, user_claim)
    # Keycloak has a user behind each client that is a service.
    return isinstance(named, str) and not named.startswith("service-account-")


def _moment(seconds: Any) -> datetime:
    """A time that a token names; one after the last day of the calendar is that day."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)


def _mesh(user: User) -> frozenset[Role]:
    known = {role.value: role for role in Role}
    return frozenset(known[name] for name in user.mesh if name in known)
