"""Publications that wait for a person: the server keeps each, and goes on with it when everybody has agreed."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from weft.access.permissions import Action, Caller, Role, may
from weft.api.publishing.committing import failure_text
from weft.api.publishing.runs_elsewhere import outcome
from weft.config import duration
from weft.errors import AccessDenied, Awaited, Diagnostic, GateRefused, PlatformError, WeftError, error
from weft.model.handover import Awaiting
from weft.model.records import PortOutcome, RunState
from weft.registry import codec
from weft.registry.handovers import Ended, HandedIn, HandoverState
from weft.registry.held import Held, HeldStore

if TYPE_CHECKING:
    from weft.api.people.identity import Identity
    from weft.api.platform import Platform

ACTOR = "weft"
"""Who ends what nobody has decided on in time."""


class Holding:
    """What waits on one server."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._store = HeldStore(platform.database)

    def hold(self, known: HandedIn, e: Awaited) -> None:
        """Keeps a publication until it is decided on; an older one of the product, which waits as well, ends."""
        rooms = self._platform.rooms
        now = rooms.now()
        until = (known.held_at or now) + duration(rooms.settings.publishing.approval_time)
        told = [self._told(d, id_, until) for d, id_ in zip(e.diagnostics, e.approvals, strict=True)]
        answer = Awaiting(tuple(d.as_json() for d in told), e.approvals, codec.time_text(until))
        body = msgspec.json.encode(answer)
        for run_id in self._store.hold(known.run_id, known.product, body, e.approvals, at=now, until=until):
            what = f"run `{run_id}` of `{known.product}` waits no more: `{known.run_id}` has handed in a newer one"
            self._end(run_id, known.product, known.caller, error("WFT-GOV-081", what))

    def look(self) -> list[tuple[str, str]]:
        """Ends what was declined or has waited too long; gives what goes on, to be checked again and committed."""
        now, found = self._platform.rooms.now(), []
        for one in self._store.waiting():
            if one.declined is not None:
                self._end(one.run_id, one.product, *self._declined(one))
            elif one.decided:
                if self._store.go_on(one.run_id, one.product):
                    found.append((one.run_id, one.product))
            elif now > one.until:
                self._end(one.run_id, one.product, ACTOR, _too_late(one))
        return found

    def begin(self) -> None:
        """`look`, and has what goes on committed beside; what fails now is done by a worker."""
        with suppress(PlatformError):
            for run_id, product in self.look():
                self._platform.publishing.committer.commit(run_id, product, 0.0)

    def tell_run(self, run_id: str, product: str) -> None:
        """Writes into a run that has ended what has come of its ports that had waited."""
        registry, publishing = self._platform.rooms.production, self._platform.publishing
        run, handed_in = registry.run(run_id), publishing.handovers.handed_in(run_id, product)
        if run is None or run.state is RunState.RUNNING or handed_in is None or handed_in.answer is None:
            return
        published = set(publishing.handovers.published_by(run_id))
        refused = handed_in.state is HandoverState.REFUSED
        why = tuple(msgspec.json.decode(handed_in.answer)["diagnostics"]) if refused else ()

        def now_is(port: PortOutcome) -> PortOutcome:
            if port.outcome != "waiting" or str(port.address.of_product) != product:
                return port
            if refused:
                return replace(port, outcome="failed", diagnostics=why)
            return outcome(port, run_id, published, registry)

        ports = tuple(map(now_is, run.ports))
        if ports != run.ports:
            self._store.restate(replace(run, ports=ports))

    def _end(self, run_id: str, product: str, actor: str, why: Diagnostic) -> None:
        publishing = self._platform.publishing
        ended = Ended((why.code,), actor, self._platform.rooms.now())
        if self._store.end(run_id, product, failure_text(GateRefused(why)).encode(), ended):
            self.tell_run(run_id, product)
            publishing.handovers.settle(run_id, product)
            publishing.let_go(run_id)

    def _told(self, found: Diagnostic, approval: str, until: datetime) -> Diagnostic:
        fix = (
            f"nothing is to be done again: the server keeps it until {until:%Y-%m-%d}, and publishes it when somebody "
            f"has run `weft approvals approve {approval} --reason …`"
        )
        return replace(found, fix=fix)

    def _declined(self, one: Held) -> tuple[str, Diagnostic]:
        """Who has declined it, and what is said of it."""
        approval = self._platform.approvals.known(one.declined or "")
        by = approval.decided_by if approval is not None and approval.decided_by else ACTOR
        what = f"{by} has declined the publication of `{one.product}` ({one.declined})"
        return by, error("WFT-GOV-058", what, fix=f"`weft approvals show {one.declined}` has the reason")


def _too_late(one: Held) -> Diagnostic:
    return error(
        "WFT-GOV-080",
        f"nobody has decided on the publication of `{one.product}` in time ({', '.join(one.approvals)})",
        why=f"it was kept until {one.until:%Y-%m-%d %H:%M} UTC; its files are removed",
        fix="`weft apply` hands it in again",
    )


def ended_of(known: HandedIn | None, failed: WeftError, now: datetime) -> Ended | None:
    """What is noted of a publication that is refused: nothing where it has not waited for a person."""
    if known is None or known.held_at is None:
        return None
    return Ended(tuple(d.code for d in failed.diagnostics), ACTOR, now)


def decides_still(identity: Identity, known: HandedIn, decided: bool) -> bool:
    """Whether whoever handed in a publication may publish it against failed checks, now that it goes on.

    It may have waited for days: what they may is looked at again, where that is known without their token.

    Raises:
        AccessDenied: WFT-GOV-082, they may not publish for the domain any more.
    """
    domain = known.product.partition(".")[0]
    kind, colon, rest = known.caller.partition(":")
    if kind == "service" and colon:
        return False  # what it may comes with its token alone
    if kind == "domain" and colon:
        tokens = identity.tokens.listed(domain=rest, kind="domain")
        allowed = rest == domain and any(t.revoked_at is None for t in tokens)
        if allowed:
            return decided
    else:
        user = identity.users.user(known.caller)
        if user is None:
            caller = Caller(known.caller, "user", frozenset(), identity.roles_of(known.caller))
        else:
            caller = identity.of_user(user)
        if (user is None or user.disabled_at is None) and may(caller, Action.PUBLISH, domain):
            roles = caller.domains.get(domain, frozenset())
            return bool(roles & {Role.DOMAIN_OWNER, Role.PRODUCT_OWNER})
    what = f"`{known.caller}`, who has handed in `{known.product}`, may not publish for `{domain}` any more"
    raise AccessDenied(error("WFT-GOV-082", what, fix="let a member of the domain apply"))
