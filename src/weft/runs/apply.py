"""Carrying out a plan: product after product, each all or nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from weft.access.principals import product_principal
from weft.engines.base import Session
from weft.errors import Awaited, Conflict, Diagnostic, UsageError, WeftError, error, of_the_system
from weft.model.address import Address, ProductAddress
from weft.model.mesh import Mesh, Product
from weft.model.publication import QUARANTINE, KeptTable, Override, PortState, Publication
from weft.model.records import PortOutcome, Run, RunState
from weft.plan.changed_models import model_digests
from weft.plan.desired import Desired
from weft.plan.moved import moved
from weft.plan.values import Plan
from weft.registry import processes
from weft.runs import catching_up, publishing, repair, snapshots, unmoved
from weft.runs import live as in_place
from weft.runs.build import Building, Order, Staged, StagedTable
from weft.runs.context import Context, new_run_id
from weft.runs.handed_models import written_models
from weft.runs.judging import Judged, Judging
from weft.runs.lineage import edges_of, unresolved
from weft.runs.metering import metered
from weft.runs.overriding import decisions
from weft.runs.results import ApplyResult, Failed, Published, Skipped, Waiting, outcomes
from weft.runs.reuse import Reused, reusable
from weft.runs.work import Work, by_product
from weft.sql.parsed import kept_trees


def apply(
    plan: Plan,
    mesh: Mesh,
    desired: Mapping[Address, Desired],
    context: Context,
    *,
    consent: bool,
    override: Override | None = None,
) -> ApplyResult:
    """Carries out a plan. One product's failure leaves the others alone; what depends on it is skipped and named.

    Args:
        consent: whether ports may be retired.
        override: an owner's decision to publish what the plan selects against failed checks.

    Raises:
        UsageError: WFT-PLN-005, the plan retires ports and nobody consented.
    """
    if plan.retires and not consent:
        raise UsageError(
            error(
                "WFT-PLN-005",
                f"this would retire {', '.join(f'`{a}`' for a in plan.retires)}",
                why="a retired port is not read any more; its snapshots are kept for their time",
                fix="say so with `--yes`, or bring the files back",
            )
        )
    repair.after_dead_runs(context)
    unchanged = tuple(c.address for c in plan.changes if c.action.value == "none")
    if plan.is_empty:
        repair.now_and_then(context)
        return ApplyResult(None, unchanged=unchanged)
    began = time.monotonic()
    run = Run(
        new_run_id(context.now()),
        "apply",
        context.actor,
        RunState.RUNNING,
        context.now(),
        selection=plan.selection,
        ports=tuple(PortOutcome(c.address, "planned") for c in plan.changes if c.action.value != "none"),
        process=processes.identity(),
    )
    context.registry.start_run(run)
    context.progress.started(len(plan.stages))
    one_run = _OneRun(run.run_id, plan, mesh, desired, context, override)
    try:
        one_run.all_products()
    except BaseException:
        context.registry.finish_run(_ended(run, RunState.INTERRUPTED, one_run, context))
        raise
    finally:
        context.drop_temp_folder(processes.identity())
    state = RunState.FAILED if one_run.failed else RunState.SUCCEEDED
    context.registry.finish_run(_ended(run, state, one_run, context))
    repair.now_and_then(context)
    return ApplyResult(
        run.run_id,
        tuple(one_run.published),
        tuple(one_run.skipped),
        tuple(one_run.failed),
        unchanged,
        tuple(one_run.retired),
        time.monotonic() - began,
        tuple(one_run.warnings),
        tuple(one_run.waiting),
    )


class _OneRun:
    """A run while it goes on: what has come of each port so far."""

    def __init__(
        self,
        run_id: str,
        plan: Plan,
        mesh: Mesh,
        desired: Mapping[Address, Desired],
        context: Context,
        override: Override | None,
    ) -> None:
        self.run_id = run_id
        self.published: list[Published] = []
        self.skipped: list[Skipped] = []
        self.failed: list[Failed] = []
        self.waiting: list[Waiting] = []
        self.retired: list[Address] = []
        self.warnings: list[Diagnostic] = []
        self._plan = plan
        self._mesh = mesh
        self._desired = desired
        self._context = context
        self._override = override

    def all_products(self) -> None:
        """Takes the plan's products in their order."""
        stopped: dict[ProductAddress, str] = {}
        for work in by_product(self._plan.stages):
            because = self._blocked(work, stopped)
            if because is not None:
                stopped[work.address] = because
                self.skipped += [Skipped(a, because) for a in work.ports]
                for address in work.ports:
                    self._context.progress.finished(str(address), "skipped", None, 0.0)
                continue
            began = time.monotonic()
            try:
                with metered(work, self.run_id, self._context):
                    self._product(work, began)
            except Awaited as e:
                stopped[work.address] = f"`{work.address}` waits until somebody has agreed"
                self._awaited(work, e, time.monotonic() - began)
            except (WeftError, OSError) as e:
                stopped[work.address] = f"`{work.address}` failed"
                told = e if isinstance(e, WeftError) else of_the_system(e)
                self._failure(work, told, time.monotonic() - began)

    def _blocked(self, work: Work, stopped: Mapping[ProductAddress, str]) -> str | None:
        for address in work.ports:
            wanted = self._desired.get(address)
            for entry in wanted.inputs if wanted else ():
                if isinstance(entry.binding, Address) and entry.binding.of_product in stopped:
                    return f"`{entry.binding.of_product}` failed or was skipped"
        return None

    def _awaited(self, work: Work, e: Awaited, seconds: float) -> None:
        for address in work.ports:
            self.waiting.append(Waiting(address, e))
            self._context.progress.finished(str(address), "waiting", None, seconds)

    def _failure(self, work: Work, e: WeftError, seconds: float) -> None:
        guilty = [a for a in work.ports if any(f"`{a}`" in d.what for d in e.diagnostics)] or list(work.ports)
        for address in work.ports:
            if address in guilty:
                its = [d for d in e.diagnostics if f"`{address}`" in d.what] or list(e.diagnostics)
                self.failed.append(Failed(address, type(e)(*its), seconds, self._context.now()))
                self._context.progress.finished(str(address), "failed", None, seconds)
            else:
                self.skipped.append(Skipped(address, f"another port of `{work.address}` failed"))
                self._context.progress.finished(str(address), "skipped", None, seconds)

    def _product(self, work: Work, began: float) -> None:
        context = self._context
        product = self._mesh.products.get(work.address)
        if product is None:
            self._retire_whole(work)
            return
        ports = context.registry.ports()
        self._unmoved(work, ports)
        live = [self._desired[a] for a in work.build if self._desired[a].port.live is not None]
        build = [self._desired[a] for a in work.build if self._desired[a].port.live is None]
        update = [self._desired[a] for a in work.update]
        revisions = publishing.revisions_of([*build, *live, *update], work.retire, ports)
        temp = context.temp_folder(processes.identity())
        temp.mkdir(parents=True, exist_ok=True)
        with context.engine.session(str(temp)) as session, kept_trees():
            reused = None if self._computes else reusable(product, build, ports, context)
            computed = [] if reused is not None else [*build, *self._beside(product, build)]
            building = self._built(session, product, computed, ports)
            staged = building.staged if building is not None else []
            tables = building.tables if building is not None else []
            committed: list[Publication] = []
            try:
                judged = self._judged(session, work, product, building, reused, ports, live)
                unmoved.require(building.inputs.sources if building is not None else {}, work.address, build, context)
                self._discard([one for one in staged if one.wanted.port.address not in work.build])
                checks = judged.checks
                context.progress.stage(str(work.address), "commit")
                edges = edges_of(
                    product, [*build, *live], [a for a, s in ports.items() if not s.retired], context.lineage
                )
            except BaseException:  # also when it was told to stop
                self._discard([*staged, *tables])
                raise
            with context.registry.lock(f"product:{work.address}", holder=self.run_id, timeout_s=60):
                try:
                    made = snapshots.committed(judged.staged, ports, self.run_id, context)
                    for one in judged.staged:
                        address = one.wanted.port.address
                        fresh = publishing.publication(
                            one.wanted,
                            made[address],
                            one.manifest,
                            building.inputs.upstream(one.wanted) if building is not None else {},
                            checks.get(address, ()),
                            self.run_id,
                            context,
                        )
                        committed.append(
                            replace(
                                publishing.unfinished(fresh, one.pending),
                                quarantine=one.quarantine,
                                override=judged.overrides.get(address),
                                column_digests=context.column_digests(one.wanted),
                                model_digests=model_digests(one.wanted),
                            )
                        )
                    committed += [in_place.publication(one, self.run_id, context) for one in judged.live]
                    if reused is not None:
                        committed += [publishing.taken(one, reused, judged, self.run_id, context) for one in build]
                    committed += [
                        publishing.updated(one, ports[one.port.address], judged, self.run_id, context) for one in update
                    ]
                    kept = [(self._kept(product, one), one.base) for one in tables]
                    kept += reused.tables if reused is not None else []
                    context.progress.stage(str(work.address), "publish")
                    published = publishing.commit(
                        self._mesh,
                        product,
                        committed,
                        checks,
                        edges,
                        work.retire,
                        work.update,
                        kept,
                        revisions,
                        self.run_id,
                        context,
                        written_models(build) if not context.storage.keeps else (),
                    )
                except (WeftError, OSError):  # told to stop, it may be published: a sweep knows, this place does not
                    self._discard([*staged, *tables])
                    raise
                context.progress.stage(str(work.address), "follow")
                shown = [
                    (p.address, p.snapshot_id) for p in published if p.address in work.build and p.manifest.live is None
                ]
                shown += [(table.table, table.snapshot_id) for table, _ in kept]
                builds = building.builds if building is not None else []
                self.warnings += catching_up.follow(shown, builds, self.run_id, context)
        self.warnings += unresolved(product, edges)
        self._report(work, published, reused, time.monotonic() - began)

    def _beside(self, product: Product, build: Sequence[Desired]) -> list[Desired]:
        """Ports that are not built, from whose models the others are made.

        Of their rows, bad ones may have to go; what keeps its rows cannot be computed by the others from its SQL.
        """
        if not build:
            return []
        wanted = {one.port.address for one in build}
        models = {model.name for one in build for model in one.models}
        return [
            self._desired[port.address]
            for port in product.outputs
            if port.address not in wanted
            and port.model.name in models
            and (QUARANTINE in port.contract.custom or not port.model.kept.whole)
            and port.address in self._desired
        ]

    def _kept(self, product: Product, one: StagedTable) -> KeptTable:
        """Commits what a private model keeps, on the run's branch."""
        snapshot = self._context.storage.commit(
            one.target, run_id=self.run_id, base=one.base if one.former is not None else None, files=one.manifest.files
        )
        return KeptTable(product.address, one.model.name, snapshot, self.run_id, one.manifest, one.parts)

    @property
    def _computes(self) -> bool:
        """Whether rows are to be computed, whoever may have computed them before."""
        return self._plan.full_refresh or self._plan.window is not None

    def _discard(self, staged: Sequence[Staged | StagedTable]) -> None:
        for one in staged:
            self._context.storage.discard(one.target, self.run_id)

    def _unmoved(self, work: Work, ports: Mapping[Address, PortState]) -> None:
        """Refuses when a port has moved since the plan, other than by this run itself.

        Raises:
            Conflict: WFT-RUN-001, naming each port that moved.
        """
        mine = {p.address for p in self.published}
        problems = []
        for address in work.ports:
            wanted = self._desired.get(address)
            read = [i.binding for i in wanted.inputs if isinstance(i.binding, Address)] if wanted else []
            for one in (address, *read):
                expected = self._plan.requires.get(f"port:{one}")
                found = str(ports[one].revision) if one in ports else "0"
                if expected is not None and expected != found and one not in mine:
                    problems.append(moved(f"`{one}`", f"revision {expected}", f"revision {found}"))
        if problems:
            raise Conflict(*dict.fromkeys(problems))

    def _built(
        self, session: Session, product: Product, build: Sequence[Desired], ports: Mapping[Address, PortState]
    ) -> Building | None:
        if not build:
            return None
        context = self._context
        context.progress.stage(str(product.address), "read")
        tables = {one.model: one for one in context.registry.kept_tables(product.address)} if _keeps(build) else {}
        order = Order(ports, tables, anew=self._plan.full_refresh, window=self._plan.window)
        building = Building(session, build, order, self.run_id, context)
        try:
            building.run()
        except BaseException:
            building.discard()
            raise
        return building

    def _judged(
        self,
        session: Session,
        work: Work,
        product: Product,
        building: Building | None,
        reused: Reused | None,
        ports: Mapping[Address, PortState],
        live: Sequence[Desired],
    ) -> Judged:
        """Every port whose rows or rules are new, judged.

        Raises:
            ContractBroken: one of them must not be published.
        """
        context = self._context
        principal = product_principal(product.address)
        published = {
            address: context.door.open(principal, address, reads=[address]).relation
            for address in work.update
            if address in work.verify
        }
        if reused is not None:
            published |= reused.relations(context)
        staged = building.staged if building is not None else []
        held = decisions((*work.build, *published), self._override, ports, context.now().date())
        every = (*(one.wanted.port.address for one in staged), *published)
        contracts = {a: self._desired[a].port.contract for a in every}
        beside = frozenset(every).difference(work.build, published)
        found = Judging(session, product, contracts, building, context).judge(staged, published, held, beside)
        found = found.beside(*in_place.judged(live, held, session, context)) if live else found
        if found.error is not None:
            for address, checks in found.checks.items():
                context.registry.record_checks(self.run_id, address, checks, context.now())
            raise found.error
        if self._override is not None:
            for address in sorted(set(found.checks) - set(found.overrides)):
                context.progress.note(f"`{address}` keeps its contract: nothing is overridden")
        return found

    def _retire_whole(self, work: Work) -> None:
        """Retires ports of a product whose files are all gone."""
        context = self._context
        context.progress.stage(str(work.address), "retire")
        context.registry.retire(work.retire, actor=context.actor, run_id=self.run_id, at=context.now())
        self.retired += work.retire
        for address in work.retire:
            context.progress.finished(str(address), "retired", None, 0.0)

    def _report(self, work: Work, published: Sequence[Publication], reused: Reused | None, seconds: float) -> None:
        owner = self._mesh.domains[work.address.domain].owner_team
        for one in published:
            built = one.address in work.build
            self.published.append(
                Published(
                    one.address,
                    one.snapshot_id,
                    one.rows,
                    one.checks,
                    owner,
                    seconds,
                    built,
                    one.quarantine,
                    one.override,
                    reused.environment if reused is not None and built else None,
                )
            )
            self._context.progress.finished(str(one.address), "published" if built else "updated", one.rows, seconds)
        for address in work.retire:
            self.retired.append(address)
            self._context.progress.finished(str(address), "retired", None, seconds)


def _keeps(build: Sequence[Desired]) -> bool:
    """Whether a private model keeps a table: then the registry is asked for it."""
    return any(one.kept for one in build)


def _ended(run: Run, state: RunState, one_run: _OneRun, context: Context) -> Run:
    known = outcomes(one_run.published, one_run.retired, one_run.failed, one_run.skipped, one_run.waiting)
    named = {o.address for o in known}
    left = [replace(p, outcome="not reached") for p in run.ports if p.address not in named]
    return replace(run, state=state, finished_at=context.now(), ports=(*known, *left))
