"""`[identity]`: who may sign in, by which provider, for how long; and what the provider's groups mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from weft.connections import Reference
from weft.sections.forms import setting, url

_MEANING = re.compile(r"[a-z_]+|[a-z0-9][a-z0-9_-]*\.[a-z_]+|team:.+")


def _between(least: int, most: int) -> Callable[[int], None]:
    def check(number: int) -> None:
        if not least <= number <= most:
            raise ValueError(f"must be a number, {least} to {most}, not {number}")

    return check


def groups_from(value: Any) -> Mapping[str, tuple[str, ...]]:
    """What each group of the provider means, as the file (a table) or the environment (`a=operator,b=x.steward`) says.

    Raises:
        ValueError: it is neither, or a meaning is none.
    """
    if isinstance(value, str):
        pairs = [part.partition("=") for part in value.split(",") if part.strip()]
        value = {}
        for group, _, meaning in pairs:
            value.setdefault(group.strip(), []).append(meaning.strip())
    if not isinstance(value, Mapping):
        raise ValueError(f'must be a table like {{ "/weft/admins" = "operator" }}, not {value!r}')
    found = {}
    for group, meanings in value.items():
        listed = [meanings] if isinstance(meanings, str) else meanings
        if not isinstance(listed, list) or not all(isinstance(m, str) and _MEANING.fullmatch(m) for m in listed):
            raise ValueError(
                f"must say of the group {group!r} a role of the mesh (operator), a role in a domain (sales.steward) or "
                f"a team (team:pricing), not {meanings!r}"
            )
        found[str(group)] = tuple(listed)
    return found


@dataclass(frozen=True, slots=True)
class IdentitySettings:
    """`[identity]`: who may sign in, by which provider, for how long."""

    issuer: str = setting("", "the OpenID provider of the company; empty: local users only", url)
    client_id: str = setting("", "what the provider calls this server")
    client_secret: Reference | None = field(
        default=None,
        metadata={
            "meaning": "reference to the server's secret at the provider; none for a public client",
            "check": None,
        },
    )
    scopes: tuple[str, ...] = setting(("openid", "profile", "email"), "what the provider is asked for")
    user_claim: str = setting("email", "the claim that is the user's name, as `domain.yaml` writes it")
    groups_claim: str = setting("groups", "the claim of groups; a path like `realm_access.roles` leads into one")
    groups: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict,
        metadata={
            "meaning": "what a group means: a role of the mesh (`operator`), a role in a domain (`sales.steward`) or a "
            "team (`team:pricing`); what is not listed means nothing",
            "check": None,
            "read": groups_from,
        },
    )
    audience: str = setting("", "for whom the tokens of services (JWT) must be made; empty: none is taken")
    clock_skew_s: int = setting(60, "by how many seconds the provider's clock may differ", _between(0, 300))
    session_idle_minutes: int = setting(60, "minutes after which an unused session ends", _between(1, 7 * 24 * 60))
    session_hours: int = setting(12, "hours after which every session ends", _between(1, 30 * 24))
    recheck_minutes: int = setting(
        60,
        "how often the provider is asked again who somebody is and in which groups, where `scopes` has "
        "`offline_access`",
        _between(1, 7 * 24 * 60),
    )
    unconfirmed_hours: int = setting(
        168,
        "hours for which sessions and personal tokens of somebody hold whom the provider has not confirmed since",
        _between(1, 366 * 24),
    )
    token_days: int = setting(90, "days that a token holds when nothing else is said", _between(1, 3650))
    token_days_max: int = setting(366, "days that a token may hold at most", _between(1, 3650))
