"""Who is asking: what a request carries, as a caller with roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from weft.access.permissions import MESH_ROLES, Action, Caller, Role
from weft.catalog.documents import domain_members
from weft.registry.base import RegistryReader
from weft.registry.database import Database
from weft.registry.tokens import Token, TokenStore

_NAMED = {"owner": Role.DOMAIN_OWNER, **{role.value: role for role in Role if role not in MESH_ROLES}}
"""Roles as `domain.yaml` names them."""


class Identity:
    """Callers by their tokens."""

    def __init__(self, database: Database, reader: RegistryReader, now: Callable[[], datetime]) -> None:
        self.tokens = TokenStore(database)
        self._reader = reader
        self._now = now

    def of_bearer(self, secret: str) -> Caller | None:
        """Whoever a bearer token stands for; None when it holds for nobody."""
        token = self.tokens.holder(secret, self._now())
        return self._holder(token) if token is not None else None

    def roles_of(self, user: str) -> dict[str, frozenset[Role]]:
        """The roles of a person in each domain that has them as a member."""
        found = {}
        for name, domain in self._reader.domains().items():
            for member, roles in domain_members(domain):
                if member == user:
                    found[name] = frozenset(_NAMED[r.replace(" ", "_")] for r in roles if r.replace(" ", "_") in _NAMED)
        return found

    def _holder(self, token: Token) -> Caller:
        actions = frozenset(Action(a) for a in token.actions) if token.actions is not None else None
        if token.kind == "domain":
            assert token.domain is not None, "a domain's token names it"
            return Caller(
                f"domain:{token.domain}", "token", domains={token.domain: frozenset({Role.DEVELOPER})}, actions=actions
            )
        return Caller(token.owner, "token", domains=self.roles_of(token.owner), actions=actions)
