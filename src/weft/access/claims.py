"""What the claims of an identity provider say: a name, groups, and what these groups mean here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from weft.access.permissions import MESH_ROLES, Role
from weft.model.roles import role_key

MEMBER_ROLE: Mapping[str, Role] = {"owner": Role.DOMAIN_OWNER, **{r.value: r for r in Role if r not in MESH_ROLES}}
"""Roles in a domain, as `domain.yaml` and the settings name them."""


class Meaning(Struct, frozen=True):
    """What somebody's groups give them."""

    mesh: frozenset[Role] = frozenset()
    domains: Mapping[str, frozenset[Role]] = {}
    teams: frozenset[str] = frozenset()


def claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim, or one inside a claim: `realm_access.roles`; a claim whose own name has dots comes first.

    >>> claim({"realm_access": {"roles": ["a"]}}, "realm_access.roles")
    ['a']
    """
    if path in claims:
        return claims[path]
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def groups_of(claims: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The groups of a claim: a list of texts, or one text with blanks between."""
    value = claim(claims, path)
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(g for g in value if isinstance(g, str)) if isinstance(value, list) else ()


def meaning(groups: tuple[str, ...], meant: Mapping[str, tuple[str, ...]]) -> Meaning:
    """What groups give, by the settings; a group that is not listed there gives nothing.

    >>> meaning(("/weft/admins",), {"/weft/admins": ("operator",)}).mesh
    frozenset({<Role.OPERATOR: 'operator'>})
    """
    mesh: set[Role] = set()
    domains: dict[str, frozenset[Role]] = {}
    teams: set[str] = set()
    for text in (text for group in groups for text in meant.get(group, ())):
        if text.startswith("team:"):
            teams.add(text.removeprefix("team:"))
            continue
        domain, dot, role = text.rpartition(".")
        if not dot:
            mesh |= {r for r in MESH_ROLES if r.value == role}
        elif role_key(role) in MEMBER_ROLE:
            domains[domain] = domains.get(domain, frozenset()) | {MEMBER_ROLE[role_key(role)]}
    return Meaning(frozenset(mesh), domains, frozenset(teams))
