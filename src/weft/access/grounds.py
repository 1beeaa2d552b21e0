"""On what grounds somebody reads: the grants that the registry holds, and the policies in force."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from weft.access.policies import Policies
from weft.access.policy_source import PolicySource
from weft.access.principals import Principal, PrincipalKind
from weft.access.rights import Basis, Label
from weft.model.address import Address
from weft.model.classification import Classification
from weft.registry.database import Database
from weft.registry.granting import classification_of
from weft.registry.grants import GrantStore


class AccessGrounds:
    """Grants and policies as they are at the moment of a read; implements `door.Grounds`."""

    def __init__(
        self,
        database: Database | None,
        policies: PolicySource,
        now: Callable[[], datetime],
        inherited: Callable[[Address], Mapping[str, Label]] | None = None,
    ) -> None:
        """Takes where grants and policies are.

        Args:
            database: None where the registry keeps no grants: then there are none.
            inherited: what columns of a port inherit; None where a server decides, which knows it.
        """
        self._inherited = inherited
        self._grants = GrantStore(database) if database is not None else None
        self.policies = policies
        self._now = now

    def __call__(self, principal: Principal, port: Address, purpose: str | None = None) -> Basis:
        """What a decision about a port rests on."""
        found = self._grants.of(port, principal.consumers) if self._grants is not None else ()
        policies = self.policies.of(port.domain)
        return Basis(found, policies, purpose, self._now(), self._labels(principal, port, policies))

    def inherited(self, port: Address) -> Mapping[str, Label]:
        """What columns of a port inherit.

        Raises:
            PlatformError: WFT-GOV-009, nobody can tell.
        """
        return self._inherited(port) if self._inherited is not None else {}

    def level_of(self, port: Address, contract: Mapping[str, Any]) -> Classification:
        """The highest level of a port's columns, be it declared or inherited.

        Raises:
            PlatformError: WFT-GOV-009, nobody can tell what they inherit.
        """
        return max([classification_of(contract), *(label.level for label in self.inherited(port).values())])

    def _labels(self, principal: Principal, port: Address, policies: Policies) -> Mapping[str, Label]:
        """What bears on a decision: what a product makes of classified columns inherits their levels itself."""
        if principal.kind is PrincipalKind.PRODUCT and not any(r.when.products for r in policies.about(port)):
            return {}
        return self.inherited(port)

    def used(self, grants: Sequence[str]) -> None:
        """Notes the day on which grants were read by, so that a review tells those that nobody uses."""
        if self._grants is not None:
            self._grants.used(grants, self._now())
