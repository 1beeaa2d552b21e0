"""Building one product: its models run on its inputs, its ports are staged as files that nobody can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from weft.access.door import Readable
from weft.access.principals import product_principal
from weft.contracts.layouts import layout_of
from weft.engines.base import Session, SourceFile
from weft.errors import UserCodeError
from weft.model.address import Address, ProductAddress
from weft.model.column import Column
from weft.model.mesh import Model, Product
from weft.model.publication import DataFile, Manifest, Quarantine
from weft.plan.binding import placed
from weft.plan.desired import Desired, as_columns, models_of
from weft.runs.context import Context
from weft.sql.quoting import ident
from weft.storage import reading
from weft.storage.base import Target


class Inputs(Struct, frozen=True):
    """What a product was built from: opened ports by address, source versions by input port."""

    ports: Mapping[Address, Readable]
    sources: Mapping[str, str]

    def upstream(self, wanted: Desired) -> dict[str, str]:
        """Snapshot ids and source versions that one port's rows were made from."""
        made_from: dict[str, str] = {}
        for entry in wanted.inputs:
            if isinstance(entry.binding, Address):
                made_from[str(entry.binding)] = self.ports[entry.binding].publication.snapshot_id
            else:
                made_from[f"source:{entry.name}"] = self.sources[entry.name]
        return made_from


class Staged(Struct, frozen=True):
    """A port's rows, written and not yet committed; those that went to quarantine stand beside them."""

    wanted: Desired
    target: Target
    manifest: Manifest
    quarantine: Quarantine | None = None


def open_inputs(session: Session, wanted: Sequence[Desired], context: Context) -> Inputs:
    """Gives the session a view for each input port that the ports need.

    A source that several models read becomes a table: its text is parsed once.
    """
    product = wanted[0].product
    principal = product_principal(product.address)
    needed = {entry.name: entry for one in wanted for entry in one.inputs}
    readers = _readers(product, wanted)
    ports: dict[Address, Readable] = {}
    sources: dict[str, str] = {}
    for name, entry in needed.items():
        if isinstance(entry.binding, Address):
            opened = context.door.open(principal, entry.binding, reads=[entry.binding])
            ports[entry.binding] = opened
            session.view(name, f"SELECT * FROM {opened.relation}")
            continue
        bound = context.source(product.address, name)
        sources[name] = bound.version
        session.reads(source_files(bound.files, name, product.address))
        make = session.table if readers.get(name, 0) > 1 else session.view
        make(name, f"SELECT * FROM {bound.relation()}")
    return Inputs(ports, sources)


def source_files(files: Mapping[str, str], name: str, product: ProductAddress) -> list[SourceFile]:
    """The files of a source, by path as read, with the input port that they are read for."""
    return [SourceFile(path, shown, f"input port `{name}` of `{product}`") for path, shown in files.items()]


def run_models(session: Session, wanted: Sequence[Desired]) -> None:
    """Runs the models that ports or other models read; one that is read once becomes a view, else a table.

    A long chain of views would compute the same rows again and again; a table for everything writes what nobody
    reads twice.
    """
    product = wanted[0].product
    readers = _readers(product, wanted)
    outputs = {one.port.model.name for one in wanted}
    for model in models_of(wanted):
        read = readers.get(model.name, 0)
        if model.name in outputs and read == 0:
            continue  # staged straight from its SQL
        try:
            if read > 1 or model.name in outputs:
                session.table(model.name, model.sql)
            else:
                session.view(model.name, model.sql)
        except UserCodeError as e:
            raise _placed(e, model) from e


def stage(
    session: Session, wanted: Desired, others: Sequence[Desired], known: Sequence[Column], run_id: str, context: Context
) -> Staged:
    """Writes a port's rows as Parquet files under the run's own folder."""
    columns = as_columns(wanted)
    layout = layout_of(wanted.port.contract, columns)
    target = context.storage.prepare(wanted.port.address, columns, known, run_id, layout)
    try:
        files = _written(session, wanted, target, _readers(wanted.product, others), context)
    except BaseException:  # also when it was told to stop
        context.storage.discard(target, run_id)
        raise
    return Staged(wanted, target, Manifest(target.columns, files))


def rebuilt(
    session: Session, parted: Mapping[Address, Staged], staged: Mapping[Address, Staged], context: Context
) -> dict[Address, Staged]:
    """Computes anew what the product makes from ports that have lost rows, and stages its ports again.

    Args:
        parted: the ports that have just lost rows; one that is itself made from another of them is made anew too.
        staged: every port of the product that is being built.
    """
    build = [one.wanted for one in staged.values()]
    product = build[0].product
    readers = _readers(product, build)
    lost = {one.wanted.port.model.name: one for one in parted.values()}
    outputs = {one.port.model.name for one in build}
    stale: set[str] = set()
    again: set[str] = set()
    for model in models_of(build):
        made_from_stale = any(r.name in stale for r in model.references)
        if made_from_stale:
            again.add(model.name)
        elif model.name not in lost:
            continue
        stale.add(model.name)
        if not readers.get(model.name, 0):
            continue
        if made_from_stale:
            make = session.table if readers[model.name] > 1 or model.name in outputs else session.view
            make(model.name, model.sql)
        else:
            session.table(
                model.name, f"SELECT * FROM {reading.relation(lost[model.name].manifest, context.storage.root)}"
            )
    anew = [one for one in staged.values() if one.wanted.port.model.name in again]
    return {one.wanted.port.address: _staged_again(session, one, readers, context) for one in anew}


def _staged_again(session: Session, one: Staged, readers: Mapping[str, int], context: Context) -> Staged:
    context.progress.stage(str(one.wanted.port.address), "stage")
    files = _written(session, one.wanted, one.target, readers, context)
    former = one.quarantine.manifest.files if one.quarantine is not None else ()
    context.storage.remove((*one.manifest.files, *former))
    return Staged(one.wanted, one.target, Manifest(one.target.columns, files))


def _written(
    session: Session, wanted: Desired, target: Target, readers: Mapping[str, int], context: Context
) -> tuple[DataFile, ...]:
    """The files of a port's rows: from the table of its model where others read it, else from its SQL."""
    model = wanted.port.model
    sql = f"SELECT * FROM {ident(model.name)}" if readers.get(model.name, 0) else model.sql
    try:
        return session.copy_out(
            sql,
            folder=target.folder,
            root=context.storage.root,
            field_ids=target.field_ids,
            columns=target.columns,
            layout=target.layout,
        )
    except UserCodeError as e:
        raise _placed(e, model) from e


def _readers(product: Product, wanted: Sequence[Desired]) -> dict[str, int]:
    """How many of the needed models read each input port and model."""
    counted: dict[str, int] = {}
    for model in models_of(wanted):
        for name in {r.name for r in model.references}:
            counted[name] = counted.get(name, 0) + 1
    return counted


def _placed(e: UserCodeError, model: Model) -> UserCodeError:
    return UserCodeError(*(placed(d, model) for d in e.diagnostics))
