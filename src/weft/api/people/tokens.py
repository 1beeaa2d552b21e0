"""Tokens as their owners make, list and revoke them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from weft.access.permissions import Action, Caller, may, require
from weft.errors import AccessDenied, UsageError, error
from weft.registry.tokens import Token

if TYPE_CHECKING:
    from weft.api.people.identity import Identity


class TokenVerbs:
    """Verbs over tokens: each for the caller's own, and for those of domains that the caller manages."""

    def __init__(self, identity: Identity) -> None:
        self._identity = identity

    def listed(self, caller: Caller, domain: str | None = None) -> list[Token]:
        """The caller's own tokens, or those of a domain, newest first.

        Raises:
            AccessDenied: WFT-ACC-010, the caller does not manage the domain.
        """
        if domain is not None:
            require(caller, Action.MANAGE_DOMAIN, domain)
            return self._identity.tokens.listed(domain=domain, kind="domain")
        return self._identity.tokens.listed(owner=caller.name, kind="personal")

    def create(
        self,
        caller: Caller,
        *,
        label: str,
        domain: str | None = None,
        days: int | None = None,
        actions: Sequence[Action] | None = None,
    ) -> tuple[Token, str]:
        """A new token and its secret, which is shown this once.

        Args:
            domain: a token of this domain; None: one of the caller's own.
            days: how long it holds.
            actions: what it is limited to; None: to what the caller's token is limited to.

        Raises:
            AccessDenied: WFT-ACC-010 the caller does not manage the domain, WFT-ACC-018 it would have more than the
                caller.
            UsageError: WFT-ACC-019 it would hold too long, WFT-CAT-001 there is no such domain.
        """
        if domain is not None:
            require(caller, Action.MANAGE_DOMAIN, domain)
            self._require_domain(domain)
        elif caller.kind == "service" or ":" in caller.name:
            what = f"`{caller.name}` is no person, so it has no personal tokens"
            raise AccessDenied(error("WFT-ACC-018", what, fix="name the domain that the token is for"))
        kept = _limits(caller, actions)
        at = self._identity.now()
        settings = self._identity.settings
        wanted = min(settings.token_days, settings.token_days_max) if days is None else days
        if not 1 <= wanted <= settings.token_days_max:
            what = f"a token holds from 1 to {settings.token_days_max} days, not {wanted}"
            raise UsageError(
                error("WFT-ACC-019", what, fix="ask for fewer days; `identity.token_days_max` is the bound")
            )
        end = at + timedelta(days=wanted)
        if caller.until is not None and end > caller.until:
            if days is not None:
                what = f"a token that a token makes ends with it, on {caller.until:%Y-%m-%d}, not in {days} days"
                raise UsageError(error("WFT-ACC-019", what, fix="ask for fewer days, or sign in and make it there"))
            end = caller.until
        return self._identity.tokens.create(
            kind="personal" if domain is None else "domain",
            owner=caller.name,
            label=label,
            domain=domain,
            actions=None if kept is None else sorted(action.value for action in kept),
            at=at,
            expires_at=end,
        )

    def revoke(self, caller: Caller, token_id: str) -> None:
        """Ends a token at once: one of the caller's own, or of a domain that the caller manages, or any for operators.

        Raises:
            UsageError: WFT-ACC-027, there is no such token that the caller may end; which of both is not told.
        """
        token = self._identity.tokens.token(token_id)
        if token is None or not _may_revoke(caller, token) or not self._revoked(caller, token_id):
            raise UsageError(
                error(
                    "WFT-ACC-027", f"there is no token `{token_id[:40]}` of yours", fix="`weft token list` lists them"
                )
            )

    def _revoked(self, caller: Caller, token_id: str) -> bool:
        return self._identity.tokens.revoke(token_id, actor=caller.name, at=self._identity.now())

    def _require_domain(self, domain: str) -> None:
        with self._identity.database.reading() as statements:
            if statements.row("SELECT 1 FROM domains WHERE name = ?", (domain,)) is not None:
                return
        raise UsageError(error("WFT-CAT-001", f"there is no domain `{domain[:80]}`", fix="`weft search` finds domains"))


def _may_revoke(caller: Caller, token: Token) -> bool:
    if token.kind == "domain":
        return may(caller, Action.MANAGE_DOMAIN, token.domain)
    return token.owner == caller.name or may(caller, Action.OPERATE)


def _limits(caller: Caller, actions: Sequence[Action] | None) -> frozenset[Action] | None:
    """What the new token is limited to: never less closely than its maker."""
    if actions is None:
        return caller.actions
    wanted = frozenset(actions)
    more = wanted - caller.actions if caller.actions is not None else frozenset()
    if more:
        listed = ", ".join(sorted(f"`{action.value}`" for action in more))
        what = f"a token cannot make one that may do more than itself: {listed}"
        raise AccessDenied(error("WFT-ACC-018", what, fix="leave it out, or sign in and make the token there"))
    return wanted
