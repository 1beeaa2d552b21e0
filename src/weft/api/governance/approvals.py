"""Publications that wait for a person: listed, and decided on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from weft.access.permissions import Action, Caller, may, require
from weft.api.cursors import cursor_of, place_of
from weft.api.drafts import Drafts
from weft.errors import AccessDenied, Conflict, UsageError, error
from weft.governance.waivers import held_role
from weft.model.approvals import WAITING, AskedApproval
from weft.model.violations import domain_of
from weft.registry import codec
from weft.registry.approvals import ApprovalStore

if TYPE_CHECKING:
    from weft.registry.base import RegistryReader
    from weft.registry.database import Database

Document = dict[str, Any]


class Approvals:
    """The verbs on approvals."""

    def __init__(self, database: Database, reader: RegistryReader, now: Callable[[], datetime]) -> None:
        self._store = ApprovalStore(database)
        self._reader = reader
        self._now = now

    def listed(
        self, caller: Caller, *, state: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Document:
        """A page of approvals, newest first; those of drafts of others are left out.

        Args:
            state: `waiting`, `approved` or `declined`; None: all. One whose content was changed before anybody had
                decided does not wait.

        Raises:
            UsageError: WFT-SRV-006, the cursor belongs to another list.
        """
        of = f"approvals {state}"
        place = place_of(of, cursor, str, str)
        found = self._store.listed(state, after=(place[0], place[1]) if place else None, limit=limit + 1)
        last = found[limit - 1] if len(found) > limit else None
        drafts = Drafts(self._reader, caller)
        return {
            "items": [one.as_json() for one in found[:limit] if not drafts.hide(one.wanted.product)],
            "next": cursor_of(of, [codec.time_text(last.asked_at), last.approval_id]) if last is not None else None,
        }

    def awaited(self, caller: Caller, product: str) -> list[Document]:
        """What a product waits for now: of each policy the newest approval, where nobody has decided on it."""
        if Drafts(self._reader, caller).hide(product):
            return []
        return [one.as_json() for one in self._store.listed(WAITING, product=product)]

    def one(self, caller: Caller, approval_id: str) -> Document:
        """An approval, with what would be published: `content`, null where that is not known.

        Raises:
            UsageError: WFT-GOV-054, there is none.
        """
        found = self._found(caller, approval_id)
        return {**found.as_json(), "content": found.wanted.content}

    def may_decide(self, caller: Caller, approval_id: str) -> bool:
        """Whether an approval waits for somebody like the caller.

        Raises:
            UsageError: WFT-GOV-054, there is none.
        """
        found = self._found(caller, approval_id)
        return found.state == WAITING and may(caller, Action.DECIDE_POLICY) and _has_role(caller, found)

    def decide(self, caller: Caller, approval_id: str, *, approved: bool, reason: str, alone: bool = False) -> Document:
        """Says yes or no to a publication, with a reason. It holds for exactly the content that was asked for.

        Args:
            alone: whether nobody else is there, as on a mesh of one's own: else nobody agrees to what they publish.

        Raises:
            UsageError: WFT-GOV-054 there is none, 059 there is no reason.
            AccessDenied: WFT-GOV-051, the policy leaves it to other roles, or the caller has asked.
            Conflict: WFT-GOV-058, it is decided already.
        """
        require(caller, Action.DECIDE_POLICY)
        found = self._found(caller, approval_id)
        roles = found.wanted.roles
        if not _has_role(caller, found):
            what = f"the publication of `{found.wanted.product}` is not yours to decide on"
            why = f"policy `{found.wanted.policy}` leaves it to {' or '.join(roles)}"
            raise AccessDenied(error("WFT-GOV-051", what, why=why, fix="ask somebody who has the role"))
        if approved and not alone and found.asked_by == caller.name:
            what = f"you have asked for the approval of `{found.wanted.product}` yourself"
            raise AccessDenied(
                error("WFT-GOV-051", what, why="two people answer for it", fix="let somebody else agree")
            )
        if not reason.strip():
            raise UsageError(error("WFT-GOV-059", "a decision needs a reason", fix="say why"))
        done = self._store.decide(approval_id, approved, actor=caller.name, at=self._now(), reason=reason.strip())
        if not done:
            again = self._found(caller, approval_id)
            what = f"`{approval_id}` is {again.state} by {again.decided_by} already"
            raise Conflict(error("WFT-GOV-058", what, fix="what is changed and applied again is asked for anew"))
        return self.one(caller, approval_id)

    def known(self, approval_id: str) -> AskedApproval | None:
        """An approval, for weft itself."""
        return self._store.get(approval_id)

    def _found(self, caller: Caller, approval_id: str) -> AskedApproval:
        found = self._store.get(approval_id)
        if found is None or Drafts(self._reader, caller).hide(found.wanted.product):
            raise UsageError(
                error("WFT-GOV-054", f"there is no approval `{approval_id}`", fix="`weft approvals list` has them")
            )
        return found


def _has_role(caller: Caller, found: AskedApproval) -> bool:
    held = {role.value for role in caller.mesh | caller.domains.get(domain_of(found.wanted.product), frozenset())}
    return held_role(found.wanted.roles, held) is not None
