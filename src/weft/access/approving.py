"""Who decides on a request: the owners of the port or whom its contract names, then the next level. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

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
        also: among whom somebody has to be besides: those for other roles of the contract that are asked for, too.
    """

    names: frozenset[str]
    roles: frozenset[Role]
    lead: bool = False
    also: tuple[Approvers, ...] = ()

    def has(self, caller: Caller, domain: str, teams: Collection[str] = ()) -> bool:
        """Whether somebody is among them, by a token that may decide."""
        if caller.actions is not None and Action.APPROVE not in caller.actions:
            return False
        names = {caller.name, *(f"team:{team}" for team in teams)}
        held = caller.domains.get(domain, frozenset())
        found = bool(names & self.names or held & self.roles) or (self.lead and Role.GOVERNANCE_LEAD in caller.mesh)
        return found and all(other.has(caller, domain, teams) for other in self.also)

    @property
    def told(self) -> tuple[str, ...]:
        """Who they are, in words."""
        if self.also:  # everybody whose say it takes
            each = (replace(self, also=()), *self.also)
            return tuple(dict.fromkeys(name for one in each for name in one.told))
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
        raised: how often it has gone on, since nobody had decided: first to the domain's owners, then to the lead;
            where the owners had it from the beginning, to the lead at once.
        known: whether a name is that of a person or team. Where a contract names nobody who is known for a role,
            owners decide.
    """
    level = "firstLevelApprovers" if stage == 1 else "secondLevelApprovers"
    deputies = frozenset(words(domain.document, "deputies")) if domain is not None else frozenset()
    found: list[Approvers] = []
    for asked in _apart(contract, roles, level, stage):
        names, held = _known(_named(contract, asked, level), known)
        if not names and not held:
            held = OWNERS if stage == 1 else frozenset({Role.DOMAIN_OWNER})
        lead = raised > 1 or (raised == 1 and Role.DOMAIN_OWNER in held)
        if raised:
            held |= {Role.DOMAIN_OWNER}
        one = Approvers(names | deputies, held, lead)
        if one not in found:
            found.append(one)
    first, *others = found
    return replace(first, also=tuple(others))


def _apart(contract: Mapping[str, Any], roles: Collection[str], level: str, stage: int) -> list[Collection[str]]:
    """The roles that are asked for, each decided on by itself: who decides on one has no say on another."""
    asked = [(role,) for role in sorted(set(roles))]
    if stage != 1:  # the first level was enough for those that name no second one
        asked = [one for one in asked if any(_named(contract, one, level))]
    return list(asked) or [()]


def _known(named: Iterable[str], known: Callable[[str], bool]) -> tuple[frozenset[str], frozenset[Role]]:
    """The people and teams that somebody knows, and the roles in the domain, among names of a contract."""
    names: set[str] = set()
    held: set[Role] = set()
    for name in named:
        role = MEMBER_ROLE.get(role_key(name))
        if role is not None:
            held.add(role)
        elif known(name):
            names.add(name)
    return frozenset(names), frozenset(held)


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
