"""Who decides on a request: the owners of the port or whom its contract names, then the next level. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.access.claims import MEMBER_ROLE
from weft.access.permissions import Action, Caller, Role
from weft.model.document import words
from weft.model.records import DomainRecord, domain_members
from weft.model.roles import role_key

OWNERS = frozenset({Role.PRODUCT_OWNER, Role.STEWARD, Role.DOMAIN_OWNER})
"""Who decides where the contract names nobody."""


class Approvers(Struct, frozen=True):
    """Who may decide.

    Attributes:
        names: of people, and `team:NAME`.
        roles: roles in the port's domain.
        lead: whether the governance lead may.
    """

    names: frozenset[str]
    roles: frozenset[Role]
    lead: bool = False

    def has(self, caller: Caller, domain: str, teams: Collection[str] = ()) -> bool:
        """Whether somebody is among them, by a token that may decide."""
        if caller.actions is not None and Action.APPROVE not in caller.actions:
            return False
        names = {caller.name, *(f"team:{team}" for team in teams)}
        held = caller.domains.get(domain, frozenset())
        return bool(names & self.names or held & self.roles) or (self.lead and Role.GOVERNANCE_LEAD in caller.mesh)

    @property
    def told(self) -> tuple[str, ...]:
        """Who they are, in words."""
        roles = (role.value.replace("_", " ") for role in self.roles)
        return (*sorted(self.names), *sorted(roles), *(["governance lead"] if self.lead else []))

    def named(self, domain: DomainRecord | None) -> tuple[str, ...]:
        """Who they are, in words, each role with the people who have it in the port's domain."""
        people: dict[str, list[str]] = {}
        for user, held in domain_members(domain):
            for role in {MEMBER_ROLE.get(role_key(name)) for name in held} & self.roles:
                people.setdefault(str(role).replace("_", " "), []).append(user)
        return tuple(f"{one} ({', '.join(sorted(people[one]))})" if one in people else one for one in self.told)


def approvers(
    contract: Mapping[str, Any],
    domain: DomainRecord | None,
    roles: Collection[str],
    stage: int,
    raised: int,
    known: Callable[[str], bool],
) -> Approvers:
    """Who decides on a request for a port.

    Args:
        roles: of the contract, that are asked for.
        stage: 1 or 2: the first or the second level of the contract.
        raised: how often it has gone on, since nobody had decided: first to the domain's owners, then to the lead.
        known: whether a name is that of a person or team. Where a contract names nobody who is known, owners decide.
    """
    names: set[str] = set()
    found: set[Role] = set()
    for named in _named(contract, roles, "firstLevelApprovers" if stage == 1 else "secondLevelApprovers"):
        role = MEMBER_ROLE.get(role_key(named))
        if role is not None:
            found.add(role)
        elif known(named):
            names.add(named)
    if not names and not found:
        found |= OWNERS if stage == 1 else {Role.DOMAIN_OWNER}
    if raised:
        found.add(Role.DOMAIN_OWNER)
    names |= set(words(domain.document, "deputies")) if domain is not None else set()
    return Approvers(frozenset(names), frozenset(found), raised > 1)


def has_second_level(contract: Mapping[str, Any], roles: Collection[str]) -> bool:
    """Whether a second level has to approve what is asked for."""
    return any(_named(contract, roles, "secondLevelApprovers"))


def roles_of(contract: Mapping[str, Any]) -> tuple[str, ...]:
    """The roles that a contract has (Source: ODCS, `roles`)."""
    return tuple(str(entry["role"]) for entry in _roles(contract))


def _roles(contract: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    listed = contract.get("roles")
    for entry in listed if isinstance(listed, list | tuple) else ():
        if isinstance(entry, Mapping) and entry.get("role"):
            yield entry


def _named(contract: Mapping[str, Any], roles: Collection[str], level: str) -> Iterator[str]:
    """The names that a level has for some roles: one text, parted by commas."""
    for entry in _roles(contract):
        if str(entry["role"]) in roles:
            yield from (name.strip() for name in str(entry.get(level) or "").split(",") if name.strip())
