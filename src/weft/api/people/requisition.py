"""Requisition: a domain that is new gets its place, its bounds and a token; later its file is changed here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, Role, require
from weft.access.policy_files import policies_of
from weft.config import size_bytes
from weft.errors import AccessDenied, Conflict, ProjectError, Severity, UsageError, error, has_errors
from weft.model.address import is_reserved, is_slug
from weft.model.document import Document
from weft.model.records import DomainRecord, domain_members
from weft.model.roles import MEMBER_ROLES
from weft.project import policies
from weft.project.access import KIND, carried_policies, strict
from weft.project.members import role_problems
from weft.project.validation import violations
from weft.registry.requisitions import Requisition, RequisitionStore
from weft.runs.quotas import Room, Weights

if TYPE_CHECKING:
    from weft.api.platform import Platform

_TOKEN_LIVES = timedelta(days=365)
_TAKEN = frozenset({"api", "admin", "healthz", "readyz", "metrics", "weft", "static", "login", "logout"})
"""Names that the server's own pages have."""

PUBLISHES = (Action.PUBLISH, Action.RUN, Action.READ_METADATA, Action.QUERY, Action.SUBSCRIBE)
"""What the token of a domain is limited to."""


class Requisitions:
    """Domains, from their request on."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        self.store = RequisitionStore(platform.database)

    def create(self, caller: Caller, document: dict[str, Any]) -> dict[str, Any]:
        """Makes a domain of its `domain.yaml`; gives what it gets, and its token, which nobody can ask for again.

        Whoever asks becomes its owner where the file names none. Asked by a token, the domain's token has no more
        actions than it and ends with it.

        Raises:
            UsageError: WFT-SRV-042, the name is none that a domain can have; WFT-SRV-053, its file has no place for
                whoever asks.
            Conflict: WFT-SRV-042, the name is taken.
            AccessDenied: WFT-ACC-010, a token of a domain asks.
            ProjectError: WFT-PRJ-…, the file is wrong; WFT-ACC-025, it names a role that there is none of.
        """
        require(caller, Action.REQUISITION)
        if caller.name.startswith("domain:"):
            what = "a token that publishes for a domain makes no other domain"
            raise AccessDenied(error("WFT-ACC-010", what, fix="ask with a token of a person"))
        record = replace(self._record(document), requisitioned_by=caller.name)
        _require_roles(document)
        self._require_part(record, caller)
        given = self._given(record.name, caller)
        if not self.store.create(record, given):
            what = f"there is a domain `{record.name}`"
            raise Conflict(error("WFT-SRV-042", what, why="a name has one owner", fix="choose another name"))
        at = self._rooms.now()
        identity = self._platform.identity
        end = at + min(_TOKEN_LIVES, timedelta(days=identity.settings.token_days_max))
        actions = PUBLISHES if caller.actions is None else [a for a in PUBLISHES if a in caller.actions]
        _, secret = identity.tokens.create(
            kind="domain",
            owner=caller.name,
            label=f"publishes for {record.name}",
            domain=record.name,
            actions=[a.value for a in actions],
            at=at,
            expires_at=min(end, caller.until or end),
        )
        return {**msgspec.to_builtins(given), "document": record.document, "token": secret}

    def _require_part(self, record: DomainRecord, caller: Caller) -> None:
        """Refuses a domain in which whoever asks would be nobody: its name would be taken, and nobody there to use it.

        An operator sets up domains for others; what a service is in a domain its provider says, not the file.

        Raises:
            UsageError: WFT-SRV-053.
        """
        if caller.kind == "service" or Role.OPERATOR in caller.mesh or caller.domains.get(record.name):
            return
        user = self._platform.identity.users.user(caller.name)
        names = {caller.name, *(f"team:{team}" for team in (user.teams if user is not None else ()))}
        members = domain_members(record)
        if any(name in names for name, _ in members):
            return
        named = ", ".join(f"`{name[:80]}`" for name, _ in members[:3])
        raise UsageError(
            error(
                "WFT-SRV-053",
                f"`{caller.name}` would have no part in the domain `{record.name}`",
                why=f"its `domain.yaml` names {named} under `members`, and not `{caller.name}`",
                fix=f"name `{caller.name}` there too, or leave `members` out: whoever asks for a domain owns it, where "
                "no owner is named. An operator requisitions for others",
            )
        )

    def change(self, caller: Caller, name: str, document: dict[str, Any]) -> None:
        """Changes what the file of a domain says.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-SRV-043, there is no such domain; WFT-SRV-042, the file is another domain's.
        """
        registered = self._rooms.production.domains().get(name)
        if registered is None:
            require(caller, Action.READ_METADATA)
            raise _unregistered(name)
        require(caller, Action.MANAGE_DOMAIN, name)
        record = self._record(document)
        if record.name != name:
            raise UsageError(
                error("WFT-SRV-042", f"the file is that of `{record.name}`", fix="a domain keeps its name")
            )
        _require_roles(document, registered.document)
        record = replace(record, requisitioned_by=registered.requisitioned_by)
        self.store.change(record, actor=caller.name, at=self._rooms.now())

    def room(self, name: str) -> Room | None:
        """What a domain may keep; None of one that was not requisitioned."""
        given = self.store.of(name)
        if given is None:
            return None
        return Room(given.most_bytes, given.most_products, lambda: self.store.products(name), self.weights)

    @cached_property
    def weights(self) -> Weights:
        """What rests in the warehouse of each domain."""
        from weft.storage.tables import TableStorage

        storage = self._rooms.storage
        assert isinstance(storage, TableStorage), "a server keeps its tables itself"
        return Weights(storage.held_bytes)

    def quota(self, caller: Caller, name: str) -> dict[str, Any]:
        """What a domain may keep, and what it keeps; bounds are null where it has none.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-SRV-043, there is no such domain.
        """
        require(caller, Action.READ_USAGE, name)
        self.registered(name)
        return self._standing(name)

    def registered(self, name: str) -> DomainRecord:
        """A domain as it is registered.

        Raises:
            UsageError: WFT-SRV-043, it is not.
        """
        found = self._rooms.production.domain(name)
        if found is None:
            raise _unregistered(name)
        return found

    def _standing(self, name: str) -> dict[str, Any]:
        given = self.store.of(name)
        return {
            "domain": name,
            "most_bytes": given.most_bytes if given is not None else None,
            "most_products": given.most_products if given is not None else None,
            "held_bytes": self.weights.of(name, anew=True),
            "products": self.store.products(name),
        }

    def bound(
        self, caller: Caller, name: str, *, most_bytes: int | None = None, most_products: int | None = None
    ) -> dict[str, Any]:
        """Gives a domain other bounds; what is None stays. What is there stays too, also where it is more.

        Raises:
            AccessDenied: WFT-ACC-010, the caller is no operator: nobody raises their own bounds.
            UsageError: WFT-SRV-043, there is no such domain.
        """
        require(caller, Action.OPERATE)
        if most_bytes is None and most_products is None:
            return self.quota(caller, name)
        before = self.store.of(name) or self._given(name, caller)
        given = replace(
            before,
            most_bytes=most_bytes if most_bytes is not None else before.most_bytes,
            most_products=most_products if most_products is not None else before.most_products,
        )
        if not self.store.bound(given, actor=caller.name, at=self._rooms.now()):
            raise _unregistered(name)
        return self._standing(name)

    def _record(self, document: dict[str, Any]) -> DomainRecord:
        """A domain as its document says it is."""
        wrong = [d for d in violations(Document("domain.yaml", document), "domain") if has_errors([d])]
        if wrong:
            raise ProjectError(*wrong)
        name = str(document["name"])
        if not is_slug(name) or is_reserved(name) or name in _TAKEN:
            what = f"`{name[:80]}` cannot be the name of a domain"
            raise UsageError(
                error("WFT-SRV-042", what, why="it is no slug, or it is reserved", fix="use a-z, 0-9 and _")
            )
        _require_policies(name, document)
        owner = document["owner"]
        return DomainRecord(
            name,
            str(document.get("title") or name),
            str(document["kind"]),
            document.get("description"),
            str(owner["team"]),
            owner.get("contact"),
            document,
        )

    def _given(self, domain: str, caller: Caller) -> Requisition:
        settings = self._rooms.settings.publishing
        return Requisition(
            domain,
            caller.name,
            self._rooms.now(),
            f"{domain}/",
            domain,
            size_bytes(settings.domain_size),
            settings.domain_products,
        )


def _unregistered(name: str) -> UsageError:
    """That a server knows no such domain."""
    fix = "`weft apply` in its repository requisitions it, with a token of a person, also where it has no product yet"
    return UsageError(error("WFT-SRV-043", f"domain `{name[:80]}` is not registered", fix=fix))


def _require_roles(document: dict[str, Any], before: Mapping[str, Any] | None = None) -> None:
    """Refuses members with roles that there are none of; those that a domain has already stay.

    Raises:
        ProjectError: WFT-ACC-025.
    """
    known = {d.what for d in role_problems(Document("domain.yaml", dict(before or {})))}
    wrong = [d for d in role_problems(Document("domain.yaml", document)) if d.what not in known]
    if wrong:
        why = f"roles in a domain are {', '.join(MEMBER_ROLES)}"
        raise ProjectError(*(replace(d, severity=Severity.ERROR, why=why) for d in wrong))


def _require_policies(name: str, document: dict[str, Any]) -> None:
    """Refuses access policies in which something is wrong: whoever decides could not know what they hide.

    Raises:
        ProjectError: WFT-PRJ-…, WFT-ACC-030 and others.
    """
    carried = carried_policies(document)
    wrong = strict(d for policy in carried for d in violations(policy, KIND))
    wrong = wrong or policies.wrong_in(document)
    wrong = wrong or [d for d in policies_of(None, {name: carried}).problems if d.code != "WFT-ACC-032"]
    if wrong:
        raise ProjectError(*wrong)
