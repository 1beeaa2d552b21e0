"""Who may do what on the platform: one table, denied by default. Reading rows is another question, see `decision`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import AccessDenied, error


class Role(StrEnum):
    """What somebody is in a domain, or in the whole mesh."""

    DOMAIN_OWNER = "domain_owner"
    PRODUCT_OWNER = "product_owner"
    STEWARD = "steward"
    DEVELOPER = "developer"
    ANALYST = "analyst"
    COMPLIANCE_CONTACT = "compliance_contact"
    OPERATOR = "operator"
    GOVERNANCE_LEAD = "governance_lead"


MESH_ROLES = frozenset({Role.OPERATOR, Role.GOVERNANCE_LEAD})
"""Roles in the whole mesh; the others are roles in one domain."""


class Action(StrEnum):
    """What somebody does."""

    SEE_STATE = "state.see"
    SIGN_IN = "session.begin"
    READ_METADATA = "metadata.read"
    QUERY = "data.query"
    FOLLOW_LINK = "data.link"
    REQUISITION = "domain.requisition"
    MANAGE_DOMAIN = "domain.manage"
    PUBLISH = "product.publish"
    RUN = "product.run"
    SUBSCRIBE = "notices.subscribe"
    OWN_TOKENS = "tokens.own"
    ASK_ACCESS = "access.ask"
    APPROVE = "access.approve"
    GIVE_FEEDBACK = "feedback.give"
    ANSWER = "feedback.answer"
    GOVERN = "mesh.govern"
    DECIDE_POLICY = "policy.decide"
    READ_EVENTS = "events.read"
    READ_USAGE = "usage.read"
    READ_AUDIT = "audit.read"
    OPERATE = "platform.operate"


class Permission(Struct, frozen=True):
    """A line of the table.

    Attributes:
        what: what it lets one do, in words.
        roles: who may, in the domain that it is done to, or in the mesh.
        everybody: whether everybody may who is known.
        strangers: whether even somebody may who is not known.
    """

    what: str
    roles: frozenset[Role] = frozenset()
    everybody: bool = False
    strangers: bool = False


_OWNERS = frozenset({Role.DOMAIN_OWNER, Role.PRODUCT_OWNER})

PERMISSIONS: Mapping[Action, Permission] = {
    Action.SEE_STATE: Permission("see whether the platform lives", everybody=True, strangers=True),
    Action.SIGN_IN: Permission("sign in and out, and see as whom", everybody=True, strangers=True),
    Action.READ_METADATA: Permission("find domains, products, ports, contracts, lineage and runs", everybody=True),
    Action.QUERY: Permission("ask for rows, of which each sees what was granted", everybody=True),
    Action.FOLLOW_LINK: Permission(
        "fetch the file of a link, by the rights of who made it", everybody=True, strangers=True
    ),
    Action.REQUISITION: Permission("make a domain that is not there yet", everybody=True),
    Action.MANAGE_DOMAIN: Permission(
        "change a domain's members and tokens", frozenset({Role.DOMAIN_OWNER, Role.OPERATOR})
    ),
    Action.PUBLISH: Permission("publish, roll back and retire products of a domain", _OWNERS | {Role.DEVELOPER}),
    Action.RUN: Permission("start and cancel runs of a domain", _OWNERS | {Role.DEVELOPER, Role.OPERATOR}),
    Action.SUBSCRIBE: Permission("be told of what happens to a product or domain", everybody=True),
    Action.OWN_TOKENS: Permission("make, list and revoke tokens of one's own", everybody=True),
    Action.ASK_ACCESS: Permission("ask to read data, and see how one's requests stand", everybody=True),
    Action.APPROVE: Permission("decide who reads data of a domain", _OWNERS | {Role.STEWARD}),
    Action.GIVE_FEEDBACK: Permission("ask questions about products, and rate them", everybody=True),
    Action.ANSWER: Permission("answer questions about products of a domain", _OWNERS | {Role.STEWARD, Role.DEVELOPER}),
    Action.GOVERN: Permission("change what holds for the whole mesh", frozenset({Role.GOVERNANCE_LEAD})),
    Action.DECIDE_POLICY: Permission(
        "give waivers and decide on publications, as far as the policy names the role",
        _OWNERS | {Role.STEWARD, Role.COMPLIANCE_CONTACT, Role.GOVERNANCE_LEAD},
    ),
    Action.READ_EVENTS: Permission(
        "read the event log", frozenset({Role.OPERATOR, Role.GOVERNANCE_LEAD, Role.COMPLIANCE_CONTACT})
    ),
    Action.READ_USAGE: Permission("see what products of a domain cost", _OWNERS | {Role.OPERATOR}),
    Action.READ_AUDIT: Permission(
        "see who reads data of a domain",
        _OWNERS | {Role.STEWARD, Role.COMPLIANCE_CONTACT, Role.GOVERNANCE_LEAD},
    ),
    Action.OPERATE: Permission(
        "users, workers, queues and settings of the platform, and quotas of domains", frozenset({Role.OPERATOR})
    ),
}
"""Who may do what; what has no line here nobody may."""


class Caller(Struct, frozen=True):
    """Somebody who does something on the platform.

    Attributes:
        kind: `user`, `token`, `service` or `stranger`.
        mesh: roles in the whole mesh.
        domains: roles in each domain.
        actions: what a token is limited to; None where nothing is taken away.
        until: when the token ends by which they are known; None where they need none.
    """

    name: str
    kind: str
    mesh: frozenset[Role] = frozenset()
    domains: Mapping[str, frozenset[Role]] = {}
    actions: frozenset[Action] | None = None
    until: datetime | None = None


STRANGER = Caller("anonymous", "stranger")
"""Whoever has not said who they are."""


def may(caller: Caller, action: Action, domain: str | None = None) -> bool:
    """Whether somebody may do something, in a domain or, without one, in any of theirs."""
    line = PERMISSIONS.get(action)
    if line is None or (caller.kind == "stranger" and not line.strangers):
        return False
    if caller.actions is not None and action not in caller.actions and not line.strangers:
        return False
    if line.everybody or line.roles & caller.mesh:
        return True
    held = [caller.domains.get(domain, frozenset())] if domain is not None else caller.domains.values()
    return any(line.roles & roles for roles in held)


def domains_of(caller: Caller, action: Action) -> frozenset[str] | None:
    """The domains in which somebody may do something; None: in the whole mesh."""
    if may(replace(caller, domains={}), action):
        return None
    return frozenset(domain for domain in caller.domains if may(caller, action, domain))


def require(caller: Caller, action: Action, domain: str | None = None) -> None:
    """Refuses what somebody may not do.

    Raises:
        AccessDenied: WFT-ACC-010, the table does not allow it.
    """
    if may(caller, action, domain):
        return
    line = PERMISSIONS[action]
    where = f" of `{domain}`" if domain else ""
    who = ", ".join(sorted(role.value for role in line.roles)) or "somebody who has signed in"
    raise AccessDenied(
        error(
            "WFT-ACC-010",
            f"`{caller.name}` may not do that{where}: {line.what}",
            why=f"`{action.value}` is for {who}",
            fix="docs/reference/permissions.md lists who may do what",
        )
    )
