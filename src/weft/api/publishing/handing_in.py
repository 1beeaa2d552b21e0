"""What runs elsewhere hand in: a publication or a rollback, kept until it is committed or refused, and answered."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, Role, require
from weft.api.documents import decoded
from weft.api.publishing.committing import Kept, failure_of
from weft.api.publishing.runs import RUN_ID
from weft.errors import AccessDenied, Conflict, UsageError, error
from weft.model.address import parse_address
from weft.model.handover import Handover, RollbackAsked
from weft.observability import spans
from weft.registry import codec
from weft.registry.handovers import HandedIn, HandoverState
from weft.runs.quotas import require_another

if TYPE_CHECKING:
    from weft.api.platform import Platform

_ASKED_AGAIN_S = 0.1
"""How often a handover is looked at that another process is at."""


class HandingIn:
    """Takes what is handed in, once each, and waits for what becomes of it."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        self._publishing = platform.publishing
        self._store = platform.publishing.handovers

    def hand_in(self, caller: Caller, body: bytes, wait_s: float) -> HandedIn:
        """Takes a publication, and has it committed or refused.

        Raises:
            AccessDenied: WFT-ACC-010, WFT-SRV-030, WFT-SRV-044.
            Conflict: WFT-SRV-038, the run has handed in another one of the product.
            UsageError: WFT-SRV-003, it is none.
            GateRefused: WFT-SRV-039, the domain has no room for another product.
        """
        handover = decoded(body, Handover)
        product, run_id = handover.publish.product.address, handover.publish.run_id
        require(caller, Action.PUBLISH, product.domain)
        digest = hashlib.sha256(body).hexdigest()
        known = self._store.handed_in(run_id, str(product))
        if known is None:
            self._publishing.require_builds(caller, run_id, product)
            self._require_room(handover)
            decides = bool(caller.domains.get(product.domain, frozenset()) & {Role.DOMAIN_OWNER, Role.PRODUCT_OWNER})
            document = msgspec.json.encode(Kept(handover, decides))
            now = self._rooms.now()
            known, _ = self._store.hand_in(
                run_id, str(product), digest, caller.name, document, now, self._publishing.place
            )
        if known.caller != caller.name or known.digest != digest:
            raise Conflict(
                error(
                    "WFT-SRV-038",
                    f"run `{run_id}` has handed in another publication of `{product}`",
                    why="a run publishes a product once",
                    fix="begin a new run",
                )
            )
        return self._committed(known, wait_s)

    def roll_back(self, caller: Caller, address: str, asked: RollbackAsked, wait_s: float) -> HandedIn:
        """Has earlier rows of a port shown again.

        Raises:
            AccessDenied: WFT-ACC-010.
            UsageError: WFT-ACC-001, there is no such port; WFT-RUN-006, its rows break today's contract.
            Conflict: WFT-RUN-001, the port has moved since it was looked at.
        """
        target = parse_address(address)
        require(caller, Action.PUBLISH, target.domain)
        target = self._rooms.published(address).address
        if not RUN_ID.fullmatch(asked.request):
            raise UsageError(error("WFT-SRV-030", "the id of a request is of letters, digits and `-`, 8 to 64 of them"))
        document = msgspec.json.encode(Kept(None, rollback=replace(asked, address=target)))
        digest = hashlib.sha256(document).hexdigest()
        now, of = self._rooms.now(), str(target.of_product)
        known, _ = self._store.hand_in(asked.request, of, digest, caller.name, document, now, self._publishing.place)
        if known.caller != caller.name or known.digest != digest:
            raise Conflict(error("WFT-SRV-038", f"`{asked.request}` is another request", fix="try again"))
        return self._committed(known, wait_s)

    def handed_in(self, caller: Caller, run_id: str, product: str, wait_s: float) -> HandedIn:
        """How a publication stands that was handed in; one that waits is waited for.

        Raises:
            UsageError: WFT-SRV-048, the caller has handed in no such publication.
            AccessDenied: WFT-ACC-010.
        """
        known = self._store.handed_in(run_id, product) if RUN_ID.fullmatch(run_id) else None
        if known is None or known.caller != caller.name:
            what = f"run `{run_id}` has handed in nothing of `{product}`"
            raise UsageError(error("WFT-SRV-048", what, fix="`POST /api/v1/publications` hands it in"))
        require(caller, Action.PUBLISH, product.partition(".")[0])
        return self._committed(known, wait_s)

    def _committed(self, known: HandedIn, wait_s: float) -> HandedIn:
        """How a handover stands after it was waited for.

        Raises:
            WeftError: why it was refused.
        """
        deadline = time.monotonic() + wait_s
        if known.state is HandoverState.WAITING:
            with spans.span("commit", run_id=known.run_id, product=known.product):
                self._publishing.committer.commit(known.run_id, known.product, wait_s)
            found = self._store.handed_in(known.run_id, known.product)
            assert found is not None, "what was handed in stays"
            while found.state is HandoverState.WAITING and time.monotonic() < deadline:  # another process is at it
                time.sleep(_ASKED_AGAIN_S)
                found = self._store.handed_in(known.run_id, known.product) or found
            known = found
        if known.state is HandoverState.REFUSED:
            assert known.answer is not None, "what is refused says why"
            raise failure_of(known.answer)
        return known

    def _require_room(self, handover: Handover) -> None:
        """Refuses another product to a domain that may have no more, and a change of the domain.

        Raises:
            AccessDenied: WFT-SRV-044, the domain is handed in with another document than the one that is registered.
            GateRefused: WFT-SRV-039.
        """
        publish = handover.publish
        product = publish.product.address
        registered = self._platform.requisitions.registered(product.domain)
        if publish.domain.name == product.domain and codec.domain_text(
            replace(publish.domain, requisitioned_by=registered.requisitioned_by)
        ) != codec.domain_text(registered):
            raise AccessDenied(
                error(
                    "WFT-SRV-044",
                    f"`domain.yaml` of `{product.domain}` is not as it is registered",
                    why="a publication does not change its domain",
                    fix="let an owner of the domain apply, or `PUT /api/v1/domains/NAME`",
                )
            )
        store = self._platform.requisitions.store
        given = store.of(product.domain)
        if given is not None and self._rooms.production.product(product) is None:
            require_another(product.domain, store.products(product.domain), given.most_products)
