"""Building one product: its models run on its inputs, its ports are staged as files that nobody can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from weft.contracts.layouts import layout_of
from weft.engines.base import Session
from weft.errors import GateRefused, UserCodeError, WeftError
from weft.model.address import Address
from weft.model.column import Column
from weft.model.mesh import Model, Product
from weft.model.publication import DataFile, KeptTable, Manifest, PortState, Quarantine, kept_table
from weft.plan.backfill import pending
from weft.plan.binding import placed
from weft.plan.desired import Desired, as_columns, models_of
from weft.plan.keeping import Window, columns_of_model, computed_anew, parts_differ
from weft.plan.losing import keeps_more, lost_table, retyped_table, would_lose
from weft.runs import following
from weft.runs.context import Context
from weft.runs.inputs import open_inputs
from weft.runs.materialise.set_aside import among_the_others, with_quarantine
from weft.runs.python_models import select_of
from weft.runs.together import in_one_statement
from weft.sql.quoting import ident
from weft.storage import reading
from weft.storage.base import Target


class Staged(Struct, frozen=True):
    """A port's rows, written and not yet committed; those that went to quarantine stand beside them.

    Attributes:
        pending: parts of its fingerprint that had moved and were built for the asked stretch of time alone.
    """

    wanted: Desired
    target: Target
    manifest: Manifest
    quarantine: Quarantine | None = None
    former: Manifest | None = None
    pending: frozenset[str] = frozenset()

    @property
    def fresh(self) -> list[DataFile]:
        """The files of this run alone; the others are those of the table before it, and batches.

        Another run that makes the same table may be using a batch too: it goes by its age.
        """
        before = {f.path for f in self.former.files} if self.former is not None else set()
        own = f"/{Path(self.target.folder).name}/"
        return [f for f in self.manifest.files if f.path not in before and own in f"/{f.path}"]


class StagedTable(Struct, frozen=True):
    """What a private model keeps, written and not yet committed.

    Attributes:
        base: the snapshot that it goes on from, or takes the place of.
    """

    model: Model
    target: Target
    manifest: Manifest
    parts: Mapping[str, str]
    former: Manifest | None
    base: str | None


class Order(Struct, frozen=True):
    """What a plan asks of a product's kept tables, and what they were before.

    Attributes:
        ports: published ports, by address.
        tables: what private models keep, by model.
        anew: whether a full refresh was asked for.
        window: the time that was asked for.
    """

    ports: Mapping[Address, PortState]
    tables: Mapping[str, KeptTable]
    anew: bool = False
    window: Window | None = None


class Building:
    """The models of one product while they run: each after what it reads, its ports and kept tables staged."""

    def __init__(
        self, session: Session, wanted: Sequence[Desired], order: Order, run_id: str, context: Context
    ) -> None:
        self._session = session
        self._wanted = {one.port.model.name: one for one in wanted}
        self._product = wanted[0].product
        self._models = models_of(wanted)
        self._readers = _readers(self._product, wanted)
        self._order = order
        self._run_id = run_id
        self._context = context
        self._ports: dict[str, Staged] = {}
        self._tables: dict[str, StagedTable] = {}
        self._pending: dict[str, frozenset[str]] = {}
        self._aside: dict[str, tuple[DataFile, ...]] = {}
        self._parted = False
        self.inputs = open_inputs(session, wanted, self._readers, run_id, context)
        self.builds: list[str] = []
        self._apart = False  # a failure is one of the model that runs, and not of another that reads it as a view

    @property
    def staged(self) -> list[Staged]:
        """The ports that were staged, in the order of the plan."""
        return [self._ports[name] for name in self._wanted if name in self._ports]

    @property
    def tables(self) -> list[StagedTable]:
        """The tables of private models that were staged."""
        return list(self._tables.values())

    def run(self) -> None:
        """Runs every model. One that is read once becomes a view, one that is read more often or is a port a table.

        A long chain of views would compute the same rows again and again; a table for everything writes what nobody
        reads twice. What is kept is written first, and read from its files. Of a small product all are one statement.
        """
        self._context.progress.stage(str(self._product.address), "build")
        if self._runs_together():
            return
        for name, select in self.inputs.selects.items():
            self._session.view(name, select)
        for model in self._models:
            if model.kept.whole:
                self._runs(model)
            else:
                self._keeps(model)
        for name, one in self._wanted.items():
            if name not in self._ports and one.port.model.kept.whole:
                self._stage(one)

    def discard(self) -> None:
        """Removes what was staged."""
        targets = [one.target for one in self._ports.values()] + [one.target for one in self._tables.values()]
        for target in targets:
            self._context.storage.discard(target, self._run_id)

    def again(self, parted: Mapping[Address, Staged], staged: Mapping[Address, Staged]) -> dict[Address, Staged]:
        """Computes anew what the product makes from ports that have lost rows, and stages its ports again.

        Args:
            parted: the ports that have just lost rows; one that is itself made from another of them is made anew too.
            staged: every port of the product that is being built.
        """
        self._parted = True
        lost = {one.wanted.port.model.name: one for one in parted.values()}
        stale: set[str] = set()
        anew: dict[Address, Staged] = {}
        for model in self._models:
            made_from_stale = any(r.name in stale for r in model.references)
            if not made_from_stale and model.name not in lost:
                continue
            stale.add(model.name)
            if not made_from_stale:
                if self._readers.get(model.name, 0):
                    self._shows(model.name, lost[model.name].manifest)
                continue
            if model.kept.whole:
                self._runs(model)
            before = next((one for one in staged.values() if one.wanted.port.model.name == model.name), None)
            if before is not None:
                anew[before.wanted.port.address] = self._staged_again(before)
            elif not model.kept.whole:
                self._tables.pop(model.name, None)
                self._keeps(model)
        return anew

    def _runs_together(self) -> bool:
        """Stages the one port of a small product; False where its models have to run one after another."""
        if len(self._wanted) != 1 or self.inputs.sources:
            return False
        read = sum(one.publication.manifest.size_bytes for one in self.inputs.ports.values())
        sql = in_one_statement(self._models, self.inputs.selects, read, self._readers)
        if sql is None:
            return False
        [one] = self._wanted.values()
        try:
            self._stage(one, sql)
        except WeftError as e:  # which model failed, and where, is told when each runs by itself
            self._apart = isinstance(e, UserCodeError)
            return False
        return True

    def _runs(self, model: Model) -> None:
        read = self._readers.get(model.name, 0)
        if not read:
            return  # staged straight from its SQL
        several = read > 1 or model.name in self._wanted or self._apart
        # what Python has made is a file already
        make = self._session.table if several and model.python is None else self._session.view
        sql = self._select(model)
        try:
            make(model.name, sql)
        except UserCodeError as e:
            raise _placed(e, model) from e

    def _select(self, model: Model) -> str:
        """The SELECT of a model's rows; one in Python has run when this returns."""
        bound = next(one.bound[model.name] for one in self._wanted.values() if model.name in one.bound)
        return select_of(self._session, model, columns_of_model(model.kept, bound), self._context)

    def _keeps(self, model: Model) -> None:
        """Brings a kept table to where its inputs are, and lets other models read it."""
        one = self._wanted.get(model.name)
        if one is not None:
            self._stage(one)
            manifest = self._ports[model.name].manifest
        elif any(model.name == port.model.name for port in self._product.outputs):
            raise AssertionError("a port that keeps its rows is staged beside those that read its model")
        else:
            manifest = self._table(model)
        if self._readers.get(model.name, 0):
            self._shows(model.name, manifest)

    def _shows(self, name: str, manifest: Manifest) -> None:
        self._session.table(name, f"SELECT * FROM {reading.relation(manifest, self._context.storage.root)}")

    def _stage(self, one: Desired, sql: str | None = None) -> None:
        """Stages a port; `sql` gives its rows where its models have not run."""
        address, model = one.port.address, one.port.model
        self._context.progress.stage(str(address), "stage")
        state = self._order.ports.get(address)
        known = state.columns if state else ()
        columns = as_columns(one)
        layout = layout_of(one.port.contract, columns)
        target = self._context.storage.prepare(address, columns, known, self._run_id, layout)
        try:
            if model.kept.whole:
                manifest, former = Manifest(target.columns, self._written(model, target, sql)), None
            else:
                former = self._former(one, state, target)
                if state is not None and self._window(model, former) is not None:
                    self._pending[model.name] = pending(state.parts, one.parts)
                manifest = self._made(model, target, former, self._pinned(one))
        except BaseException:  # also when it was told to stop
            self._context.storage.discard(target, self._run_id)
            raise
        self._ports[model.name] = Staged(one, target, manifest, former=former, pending=self._unbuilt(one))

    def _unbuilt(self, one: Desired) -> frozenset[str]:
        """Parts that were built for a stretch of time alone, by a port's model or a private one that it needs."""
        return frozenset().union(*(self._pending.get(name, ()) for name in (one.port.model.name, *one.kept)))

    def _former(self, one: Desired, state: PortState | None, target: Target) -> Manifest | None:
        """The rows that a port's table goes on from."""
        if state is None or state.live is not None or self._order.anew:
            return None
        if computed_anew(one.port.model.kept, state.parts, one.parts) is not None:
            return None
        following.require_ours(one.port.address, self._context)
        publication = self._context.registry.publication(one.port.address)
        assert publication is not None, "what has a state was published"
        before, self._aside[one.port.model.name] = with_quarantine(publication)
        self._context.storage.own(one.port.address, before)
        return _going_on(one.port.model, before, target)

    def _table(self, model: Model) -> Manifest:
        """The rows of a private model that keeps them: as they are, where nothing that it reads has moved."""
        before = self._order.tables.get(model.name)
        wanted = next(one for one in self._wanted.values() if model.name in one.kept)
        parts = {**wanted.kept[model.name], **self.inputs.pinned(self._product, model)}
        asked = self._order.anew or (self._order.window is not None and model.kept.by_time)
        if before is not None and not asked:
            if not parts_differ(before.parts, parts):
                self._context.storage.own(before.table, before.manifest)
                return before.manifest
            if would_lose(before.parts, parts):  # another run has built it since the plan
                raise GateRefused(lost_table(f"model `{model.name}` of `{self._product.address}`", model.where()))
        known = before.manifest.columns if before else ()
        table = kept_table(self._product.address, model.name)
        columns = [Column(c.name, c.type, key=c.name) for c in wanted.kept_columns[model.name]]
        target = self._context.storage.prepare(table, columns, known, self._run_id)
        try:
            former = None
            if before is not None and not self._order.anew and computed_anew(model.kept, before.parts, parts) is None:
                self._context.storage.own(table, before.manifest)
                former = _going_on(model, before.manifest, target)
            manifest = self._made(model, target, former, parts)
            if before is not None and self._window(model, former) is not None:
                self._pending[model.name] = pending(before.parts, wanted.kept[model.name])
                parts = {k: v for k, v in parts.items() if k not in self._pending[model.name]}
        except BaseException:  # also when it was told to stop
            self._context.storage.discard(target, self._run_id)
            raise
        self._tables[model.name] = StagedTable(
            model, target, manifest, parts, former, before.snapshot_id if before else None
        )
        return manifest

    def _window(self, model: Model, former: Manifest | None) -> Window | None:
        """The stretch of time that a table is built for; None when all that is new is."""
        return self._order.window if former is not None and model.kept.by_time else None

    def _pinned(self, one: Desired) -> dict[str, str]:
        return {**one.parts, **self.inputs.pinned(self._product, one.port.model)}

    def _made(self, model: Model, target: Target, former: Manifest | None, parts: Mapping[str, str]) -> Manifest:
        """The rows of a kept table, gone on from `former`."""
        from weft.runs.compaction import compacted
        from weft.runs.materialise.batches import Batches
        from weft.runs.materialise.kinds import made
        from weft.runs.materialise.tables import Making

        window = self._window(model, former)
        batches = Batches(target, former, parts, window, self._context)
        self.builds.append(batches.build)
        making = Making(
            self._session,
            model,
            self._select(model),
            target,
            self._context.storage.root,
            former,
            window,
            self._context.now(),
            # batches that are done were made from the rows that have just been lost
            batches.files if not self._parted else lambda _, write: write(target),
            self._aside.get(model.name, ()) if former is not None else (),
        )
        try:
            return compacted(self._session, target, among_the_others(making, made(making)), self._context)
        except UserCodeError as e:
            # its place is one in the SELECT that weft puts around the model's
            raise _placed(UserCodeError(*(replace(d, where=None) for d in e.diagnostics)), model) from e

    def _staged_again(self, one: Staged) -> Staged:
        context, model = self._context, one.wanted.port.model
        context.progress.stage(str(one.wanted.port.address), "stage")
        if model.kept.whole:
            manifest = Manifest(one.target.columns, self._written(model, one.target))
        else:
            manifest = self._made(model, one.target, one.former, self._pinned(one.wanted))
        lost = one.quarantine.manifest.files if one.quarantine is not None else ()
        stays = {f.path for f in manifest.files}
        context.storage.remove([f for f in (*one.fresh, *lost) if f.path not in stays])
        if self._readers.get(model.name, 0) and not model.kept.whole:
            self._shows(model.name, manifest)
        return replace(one, manifest=manifest, quarantine=None)

    def _written(self, model: Model, target: Target, sql: str | None = None) -> tuple[DataFile, ...]:
        """The files of a port's rows: from the table of its model where others read it, else from its SQL."""
        if sql is None:
            read = self._readers.get(model.name, 0)
            sql = f"SELECT * FROM {ident(model.name)}" if read else self._select(model)
        try:
            return self._session.copy_out(
                sql,
                folder=target.folder,
                root=self._context.storage.root,
                field_ids=target.field_ids,
                columns=target.columns,
                layout=target.layout,
            )
        except UserCodeError as e:
            raise _placed(e, model) from e


def _going_on(model: Model, before: Manifest, target: Target) -> Manifest | None:
    """The rows that a table goes on from; None when a column has a type that its former files cannot be read as.

    Raises:
        GateRefused: WFT-PLN-018, then its rows would be lost.
    """
    ids = {c.key: c.field_id for c in before.columns}
    others = [c.name for c in target.columns if c.key in ids and ids[c.key] != c.field_id]
    if not others:
        return before
    if not keeps_more(model):
        return None
    raise GateRefused(retyped_table(f"model `{model.name}`", others[0], model))


def _readers(product: Product, wanted: Sequence[Desired]) -> dict[str, int]:
    """How many of the needed models read each input port and model."""
    counted: dict[str, int] = {}
    for model in models_of(wanted):
        for name in {r.name for r in model.references}:
            counted[name] = counted.get(name, 0) + 1
    return counted


def _placed(e: UserCodeError, model: Model) -> UserCodeError:
    return UserCodeError(*(placed(d, model) for d in e.diagnostics))
