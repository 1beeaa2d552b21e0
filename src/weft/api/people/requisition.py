"""Requisition: a domain that is new gets its place, its bounds and a token; later its file is changed here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, require
from weft.access.policy_files import policies_of
from weft.config import size_bytes
from weft.errors import AccessDenied, Conflict, ProjectError, UsageError, error, has_errors
from weft.model.address import is_reserved, is_slug
from weft.model.document import Document
from weft.model.records import DomainRecord
from weft.project import policies
from weft.project.access import KIND, carried_policies, strict
from weft.project.validation import violations
from weft.registry.requisitions import Requisition, RequisitionStore

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

        Whoever asks becomes its owner where the file names none.

        Raises:
            UsageError: WFT-SRV-042, the name is none that a domain can have.
            Conflict: WFT-SRV-042, the name is taken.
            AccessDenied: WFT-ACC-010, a token of a domain asks.
            ProjectError: WFT-PRJ-…, the file is wrong.
        """
        require(caller, Action.REQUISITION)
        if caller.name.startswith("domain:"):
            what = "a token that publishes for a domain makes no other domain"
            raise AccessDenied(error("WFT-ACC-010", what, fix="ask with a token of a person"))
        record = replace(self._record(document), requisitioned_by=caller.name)
        given = self._given(record.name, caller)
        if not self.store.create(record, given):
            what = f"there is a domain `{record.name}`"
            raise Conflict(error("WFT-SRV-042", what, why="a name has one owner", fix="choose another name"))
        at = self._rooms.now()
        identity = self._platform.identity
        end = at + min(_TOKEN_LIVES, timedelta(days=identity.settings.token_days_max))
        _, secret = identity.tokens.create(
            kind="domain",
            owner=caller.name,
            label=f"publishes for {record.name}",
            domain=record.name,
            actions=[a.value for a in PUBLISHES],
            at=at,
            expires_at=end,
        )
        return {**msgspec.to_builtins(given), "document": record.document, "token": secret}

    def change(self, caller: Caller, name: str, document: dict[str, Any]) -> None:
        """Changes what the file of a domain says.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-SRV-043, there is no such domain; WFT-SRV-042, the file is another domain's.
        """
        registered = self._rooms.production.domains().get(name)
        if registered is None:
            require(caller, Action.READ_METADATA)
            raise UsageError(
                error("WFT-SRV-043", f"domain `{name[:80]}` is not registered", fix="requisition it first")
            )
        require(caller, Action.MANAGE_DOMAIN, name)
        record = self._record(document)
        if record.name != name:
            raise UsageError(
                error("WFT-SRV-042", f"the file is that of `{record.name}`", fix="a domain keeps its name")
            )
        record = replace(record, requisitioned_by=registered.requisitioned_by)
        self.store.change(record, actor=caller.name, at=self._rooms.now())

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
