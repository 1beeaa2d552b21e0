"""What people administer, each as far as they may: domains, users, tokens, connections, notices, the server."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.access.permissions import MESH_ROLES, PERMISSIONS, Action, Caller, domains_of, may, require
from weft.api.catalog import Filters
from weft.errors import Severity
from weft.observability.doctor import machine
from weft.observability.messages import CHANNELS
from weft.observability.notices import KINDS
from weft.plugins import version_of
from weft.registry.tokens import Token
from weft.registry.users import User
from weft.release import VERSION

if TYPE_CHECKING:
    from weft.api.platform import Platform

Document = dict[str, Any]
_MANY = 50
"""Lines of a page of domains, users or teams."""
_PACKAGES = ("duckdb", "pyarrow", "fastapi", "uvicorn")
_PAGES = (
    ("/administration", "Overview", Action.READ_METADATA),
    ("/administration/domains", "Domains", Action.REQUISITION),
    ("/administration/tokens", "Tokens", Action.OWN_TOKENS),
    ("/administration/notices", "Notices", Action.SUBSCRIBE),
    ("/administration/users", "Users and teams", Action.OPERATE),
    ("/administration/connections", "Connections", Action.OPERATE),
    ("/administration/health", "Health", Action.OPERATE),
)


def pages(caller: Caller) -> list[Document]:
    """The pages that somebody may see."""
    return [{"path": path, "title": title} for path, title, action in _PAGES if may(caller, action)]


def overview(platform: Platform, caller: Caller) -> Document:
    """Who one is here, and what one may do."""
    own = {domain: sorted(role.value for role in roles) for domain, roles in sorted(caller.domains.items())}
    return {
        "name": caller.name,
        "kind": caller.kind,
        "mesh_roles": sorted(role.value for role in caller.mesh),
        "domains": own,
        "may": [PERMISSIONS[action].what for action in Action if PERMISSIONS[action].roles and may(caller, action)],
        "pages": pages(caller),
        "parts": dict(platform.state().parts) if may(caller, Action.OPERATE) else None,
    }


def domains(platform: Platform, caller: Caller, words: str = "", cursor: str | None = None) -> Document:
    """A page of the domains, and of those that the caller manages what they were given.

    Args:
        words: what the name or the title of a domain has in it.

    Raises:
        UsageError: WFT-SRV-006, the cursor belongs to another list.
    """
    managed = domains_of(caller, Action.MANAGE_DOMAIN)
    listed = platform.catalog.listed(caller, "domain", Filters(words=words), _MANY, cursor)
    own = sorted(managed) if managed is not None else []
    given = [found for name in own if (found := platform.requisitions.store.of(name)) is not None]
    held = {one.domain: platform.requisitions.weights.of(one.domain) for one in given}
    shown = {"domains": listed["items"], "next": listed["next"], "words": words}
    return {
        **shown,
        "given": given,
        "held": held,
        "managed": own,
        "may_bound": may(caller, Action.OPERATE),
        "bounded": None,
    }


def users(
    platform: Platform, caller: Caller, words: str = "", cursor: str | None = None, teams: str | None = None
) -> Document:
    """A page of those who can sign in, and one of the teams that answer for domains.

    Args:
        words: what the name or the title of a user, or the name of a team, has in it.
        cursor: where the page of users begins.
        teams: where that of teams does.

    Raises:
        AccessDenied: WFT-ACC-010, they are for operators.
        UsageError: WFT-SRV-006, a cursor belongs to another list.
    """
    require(caller, Action.OPERATE)
    found, following = platform.identity.user_verbs.page(words, _MANY, cursor)
    listed = platform.catalog.teams(words, _MANY, teams)
    return {
        "users": [_user(platform, user) for user in found],
        "next": following,
        "words": words,
        "teams": listed["items"],
        "next_teams": listed["next"],
        "roles": sorted(role.value for role in MESH_ROLES),
        "provider": platform.identity.has_provider,
    }


def tokens(platform: Platform, caller: Caller) -> Document:
    """The caller's own tokens, and those of the domains that they manage by a role there."""
    verbs = platform.identity.token_verbs
    managed = sorted(name for name in caller.domains if may(caller, Action.MANAGE_DOMAIN, name))
    settings = platform.identity.settings
    return {
        "own": [_token(one) for one in verbs.listed(caller)],
        "of_domains": [_token(one) for name in managed for one in verbs.listed(caller, name)],
        "domains": managed,
        "days": settings.token_days,
        "days_max": settings.token_days_max,
        "actions": [
            {"name": action.value, "what": PERMISSIONS[action].what}
            for action in Action
            if not PERMISSIONS[action].strangers and may(caller, action)
        ],
    }


def connections(platform: Platform, caller: Caller) -> Document:
    """The connections of the settings.

    Raises:
        AccessDenied: WFT-ACC-010, they are for operators.
    """
    return {"connections": platform.connections.listed(caller), "tested": None}


def notices(platform: Platform, caller: Caller, *, everybody: bool = False) -> Document:
    """Subscriptions, what owners are spared, and how messages went.

    Raises:
        AccessDenied: WFT-ACC-010, everybody's are for operators.
    """
    managed = sorted(name for name in caller.domains if may(caller, Action.MANAGE_DOMAIN, name))
    spared = [one for one in platform.notices.mutes() if may(caller, Action.MANAGE_DOMAIN, one["domain"])]
    return {
        "subscriptions": platform.notices.subscriptions(caller, everybody=everybody),
        "everybody": everybody,
        "may_see_all": may(caller, Action.OPERATE),
        "mutes": spared,
        "managed": managed,
        "deliveries": platform.notices.deliveries(caller, limit=50),
        "kinds": [{"name": name, "what": what} for name, what in KINDS.items()],
        "channels": [{"name": name, "what": what} for name, what in CHANNELS.items()],
        "mails": bool(platform.rooms.settings.notices.smtp_host),
    }


def health(platform: Platform, caller: Caller) -> Document:
    """How the server stands: its parts, what it is made of, its queue, its index and its disks.

    Raises:
        AccessDenied: WFT-ACC-010, it is for operators.
    """
    require(caller, Action.OPERATE)
    state, settings = platform.state(), platform.rooms.settings
    index = settings.state / "server" / "index.db"
    folders = {"state": settings.state}
    if "://" not in settings.storage.warehouse:
        folders["warehouse"] = settings.path(settings.storage.warehouse)
    return {
        "parts": dict(state.parts),
        "ready": state.ready,
        "events": state.events,
        "running": state.running,
        "queue": (
            {"waiting": state.queue.waiting, "running": state.queue.running, "oldest_s": state.queue.oldest_s}
            if state.queue is not None
            else None
        ),
        "versions": {
            "weft": VERSION,
            "Python": ".".join(map(str, sys.version_info[:3])),
            **{name: version for name in _PACKAGES if (version := version_of(name))},
        },
        "registry": platform.database.described,
        "warehouse": "a folder" if "://" not in settings.storage.warehouse else "an object store",
        "index_bytes": sum(file.stat().st_size for file in index.parent.glob(f"{index.name}*")),
        "disks": [_disk(name, folder) for name, folder in folders.items()],
        "diagnostics": [
            {"why": None, "fix": None, **d.as_json()} for d in machine(settings) if d.severity is not Severity.NOTE
        ],
    }


def _user(platform: Platform, user: User) -> Document:
    return {
        "name": user.name,
        "kind": user.kind,
        "title": user.title,
        "roles": sorted(user.mesh),
        "domains": {
            domain: sorted(role.value for role in roles)
            for domain, roles in sorted(platform.identity.of_user(user).domains.items())
        },
        "teams": list(user.teams),
        "created_at": user.created_at.isoformat(),
        "signed_in_at": user.signed_in_at.isoformat() if user.signed_in_at else None,
        "disabled_at": user.disabled_at.isoformat() if user.disabled_at else None,
    }


def _token(token: Token) -> Document:
    return {
        "id": token.token_id,
        "kind": token.kind,
        "owner": token.owner,
        "label": token.label,
        "domain": token.domain,
        "actions": list(token.actions) if token.actions is not None else None,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
        "used_at": token.used_at.isoformat() if token.used_at else None,
    }


def _disk(name: str, folder: Path) -> Document:
    """How full the disk of a folder is, or of the nearest one above it that there is."""
    usage = shutil.disk_usage(next(d for d in (folder, *folder.parents) if d.exists()))
    return {"name": name, "total_bytes": usage.total, "free_bytes": usage.free}
