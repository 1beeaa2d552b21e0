"""On what grounds somebody reads: the grants that the registry holds, and the policies in force."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from weft.access.policy_source import PolicySource
from weft.access.principals import Principal
from weft.access.rights import Basis
from weft.model.address import Address
from weft.registry.database import Database
from weft.registry.grants import GrantStore


class AccessGrounds:
    """Grants and policies as they are at the moment of a read; implements `door.Grounds`."""

    def __init__(self, database: Database | None, policies: PolicySource, now: Callable[[], datetime]) -> None:
        """`database` is None where the registry keeps no grants: then there are none."""
        self._grants = GrantStore(database) if database is not None else None
        self.policies = policies
        self._now = now

    def __call__(self, principal: Principal, port: Address, purpose: str | None = None) -> Basis:
        """What a decision about a port rests on."""
        found = self._grants.of(port, principal.consumers) if self._grants is not None else ()
        return Basis(found, self.policies.of(port.domain), purpose, self._now())

    def used(self, grants: Sequence[str]) -> None:
        """Notes the day on which grants were read by, so that a review tells those that nobody uses."""
        if self._grants is not None:
            self._grants.used(grants, self._now())
