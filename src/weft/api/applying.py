"""Planning and applying: what was landed, what another run has moved meanwhile, and what is carried out."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from weft.api.governance.governing import verdicts
from weft.errors import GateRefused, ProjectError, SourceError, error, has_errors
from weft.model.address import Address
from weft.plan.column_changes import ColumnDigests
from weft.plan.impact import Impact
from weft.plan.keeping import Window
from weft.plan.moved import require_same
from weft.plan.planner import make_plan
from weft.plan.repository import Repository
from weft.plan.values import Action, Plan, StageKind
from weft.runs import again
from weft.runs.due import is_due
from weft.runs.results import ApplyResult, Failed
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.model.publication import Override
    from weft.runs.progress import Progress


class Asked(Struct, frozen=True):
    """What somebody wants applied.

    Attributes:
        plan: exactly this one; None: what is planned now.
        override: a reason, and the last day until which checks may fail.
    """

    select: Sequence[str] = ()
    plan: Plan | None = None
    full_refresh: bool = False
    window: Window | None = None
    override: tuple[str, str] | None = None

    @property
    def selection(self) -> Sequence[str]:
        """The SELECT arguments, of the plan where one is given."""
        return self.select if self.plan is None else self.plan.selection

    @property
    def computes_again(self) -> bool:
        """Whether rows are computed again from what was landed, so that no source is asked."""
        if self.plan is not None:
            return self.plan.full_refresh or self.plan.window is not None
        return self.full_refresh or self.window is not None


def planned(
    rooms: Rooms,
    loaded: Repository,
    select: Sequence[str],
    *,
    full_refresh: bool = False,
    refreshed: Collection[Address] | None = None,
    window: Window | None = None,
) -> Plan:
    """What apply would do with a repository that was read, and what policies say of it."""
    plan = make_plan(
        loaded.mesh,
        loaded.order,
        loaded.desired,
        loaded.registered,
        Impact(rooms.registry, loaded.mesh, ColumnDigests(rooms.cache)),
        select=select,
        full_refresh=full_refresh,
        refreshed=refreshed,
        window=window,
    )
    moving = {c.address.of_product for c in plan.changes if c.action is not Action.NONE}
    return replace(plan, objections=(*plan.objections, *verdicts(rooms, loaded, moving)))


def _unplanned(loaded: Repository, select: Sequence[str]) -> tuple[Failed, ...]:
    """The selected ports that were not planned, since nothing is known of a source."""
    if not loaded.unplanned:
        return ()
    from weft.plan import away

    found = []
    for address in away.selected(loaded.unplanned, select, loaded.mesh, loaded.registered.ports):
        name = loaded.unplanned[address]
        error = loaded.away.get((address.of_product, name))
        found.append(Failed(address, error or _behind(address, name)))
    return tuple(found)


def _behind(address: Address, name: str) -> SourceError:
    what = f"`{address}` cannot be built: what its input port `{name}` reads could not be"
    return SourceError(error("WFT-SRC-050", what, fix="bring the source back that the other message names"))


class Applying:
    """One apply, from the files to the result."""

    def __init__(self, rooms: Rooms, progress: Progress | None) -> None:
        self._rooms = rooms
        self._progress = progress

    def apply(self, asked: Asked, *, yes: bool, confirm: Callable[[Plan], bool] | None) -> ApplyResult:
        """Plans, lands, builds, verifies and publishes: see `Mesh.apply`."""
        began = time.monotonic()
        decided = self._decided(asked)
        found = self._rooms.repository(ask=not asked.computes_again)
        joins = self._rooms.on_a_server and self._rooms.environment is None
        try:
            loaded = found.sound(asked.selection)
        except ProjectError:
            if joins:
                from weft.api.client.joining import requisition_new

                requisition_new(self._rooms, found, self._progress)
            raise
        if joins:
            from weft.api.client.joining import join

            join(self._rooms, loaded.mesh, self._progress)
        current = self._current(asked, loaded, decided is not None)
        if current.refused:
            raise GateRefused(*current.objections)
        stopped: tuple[Failed, ...] = ()
        if any(stage.kind is StageKind.LAND for stage in current.stages):
            loaded, current, stopped = self._landed(loaded, current)
        stopped += _unplanned(loaded, asked.selection)
        stopped += tuple(Failed(c.address, GateRefused(c.stopped)) for c in current.stopped if c.stopped is not None)
        unfinished = self._rooms.registry.unfinished()
        if current.is_empty and not unfinished and not is_due(self._rooms.settings, self._rooms.now()):
            unchanged = tuple(c.address for c in current.changes if c.stopped is None)
            return ApplyResult(None, failed=stopped, unchanged=unchanged, seconds=time.monotonic() - began)
        from weft.runs.apply import apply  # brings what writes rows, which an apply with nothing to do does not need

        consent = yes or bool(current.retires and confirm is not None and confirm(current))
        context = self._rooms.context(loaded, self._progress)
        done = apply(current, loaded.mesh, loaded.desired, context, consent=consent, override=decided)
        if asked.plan is None and decided is None:
            done = self._again(done, loaded, current, consent=consent)
        self._look_after(done)
        if done.published:
            unasked = tuple(d for d in current.objections if d.code == "WFT-GOV-006")
            done = replace(done, warnings=(*done.warnings, *unasked))
        return done.with_failed(stopped) if stopped else done

    def _look_after(self, done: ApplyResult) -> None:
        """Holds what was published against policies that only record; a server does so itself."""
        rooms = self._rooms
        if rooms.on_a_server or rooms.environment is not None or not done.published:
            return
        from weft.api.governance.scans import scan_after

        scan_after(rooms, {p.address.of_product for p in done.published})

    def _current(self, asked: Asked, loaded: Repository, decided: bool) -> Plan:
        """The plan that is carried out.

        Raises:
            Conflict: WFT-RUN-001, something moved since the plan that was asked for.
        """
        if asked.plan is None:
            # an override is a decision on rows as they are now, also where nothing else has changed
            again = asked.full_refresh or decided
            return planned(self._rooms, loaded, asked.select, full_refresh=again, window=asked.window)
        plan = asked.plan
        current = planned(self._rooms, loaded, plan.selection, full_refresh=plan.full_refresh, window=plan.window)
        require_same(plan, current)
        return current

    def _landed(self, loaded: Repository, plan: Plan) -> tuple[Repository, Plan, tuple[Failed, ...]]:
        """The repository and the plan after what the plan reads anew was landed, and ports whose source failed."""
        from weft.runs.landing import failures, land

        rooms = self._rooms
        failed = land(plan, loaded.mesh, loaded.desired, rooms.remotes, rooms.context(loaded, self._progress))
        loaded = rooms.repository(ask=False).sound(plan.selection)
        after = planned(rooms, loaded, plan.selection, full_refresh=plan.full_refresh, window=plan.window)
        if after.refused:
            raise GateRefused(*after.objections)
        return loaded, after, failures(failed, plan, after, loaded.desired)

    def _again(self, done: ApplyResult, first: Repository, asked: Plan, *, consent: bool) -> ApplyResult:
        """Goes on with ports that moved while they were built, or whose source did, until all are as their files want.

        What a full refresh or a window asked for is done where the other run has built the port.
        """
        from weft.runs.apply import apply

        rooms = self._rooms
        before = {a: s.snapshot_id for a, s in first.registered.ports.items()}
        for _ in range(again.ROUNDS):
            left = again.left(done, first.mesh)
            if not left:
                break
            select = [str(a) for a in left]
            loaded = rooms.repository(ask=False)
            if loaded.mesh.files != first.mesh.files or has_errors(set(loaded.problems).difference(first.problems)):
                break  # the files are no longer those that were to be applied
            built = {a for a, s in loaded.registered.ports.items() if s.snapshot_id != before.get(a)}
            plan = planned(rooms, loaded, select, full_refresh=asked.full_refresh, refreshed=built, window=asked.window)
            if plan.refused or (plan.retires and not consent):
                break
            context = rooms.context(loaded, self._progress)
            context.progress.note(f"something moved meanwhile: planned again for {', '.join(f'`{a}`' for a in left)}")
            once_more = apply(plan, loaded.mesh, loaded.desired, context, consent=consent)
            done = again.together(done, once_more, left)
        return done

    def _decided(self, asked: Asked) -> Override | None:
        if asked.override is None:
            return None
        from weft.runs.overriding import requested

        rooms = self._rooms
        reason, until = asked.override
        days = rooms.settings.mesh.override_days
        return requested(reason, until, asked.select, rooms.principal(), rooms.now(), days)
