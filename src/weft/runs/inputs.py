"""What a product is built from: its input ports, opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from weft.access.opened import Readable
from weft.access.principals import product_principal
from weft.engines.base import Session, SourceFile
from weft.model.address import Address, ProductAddress
from weft.model.mesh import Model, Product
from weft.plan.desired import Desired
from weft.registry import processes
from weft.runs.context import Context
from weft.runs.unmoved import Opened, opened


class Inputs(Struct, frozen=True):
    """What a product is built from.

    Attributes:
        ports: opened ports, by address.
        sources: by input port; the session has them.
        selects: what gives the rows of a port, by input port.
    """

    ports: Mapping[Address, Readable]
    sources: Mapping[str, Opened]
    selects: Mapping[str, str]

    def upstream(self, wanted: Desired) -> dict[str, str]:
        """Snapshot ids and source versions that one port's rows were made from."""
        made_from: dict[str, str] = {}
        for entry in wanted.inputs:
            if isinstance(entry.binding, Address):
                made_from[str(entry.binding)] = self.ports[entry.binding].publication.snapshot_id
            else:
                made_from[f"source:{entry.name}"] = self.sources[entry.name].version
        return made_from

    def pinned(self, product: Product, model: Model) -> dict[str, str]:
        """The snapshots of other ports that a model's rows are made from, as parts of a fingerprint."""
        names = {r.name for m in product.needs(model) for r in m.references}
        return {
            f"upstream:{entry.binding}": self.ports[entry.binding].publication.snapshot_id
            for entry in product.inputs
            if entry.name in names and isinstance(entry.binding, Address)
        }


def open_inputs(
    session: Session, wanted: Sequence[Desired], readers: Mapping[str, int], run_id: str, context: Context
) -> Inputs:
    """Opens the input ports that the ports need; the session gets those that are sources.

    A source that several models read becomes a table: its text is parsed once.

    Args:
        readers: how many models read each of them.
    """
    product = wanted[0].product
    principal = product_principal(product.address)
    needed = {entry.name: entry for one in wanted for entry in one.inputs}
    ports: dict[Address, Readable] = {}
    selects: dict[str, str] = {}
    sources: dict[str, Opened] = {}
    for name, entry in needed.items():
        if isinstance(entry.binding, Address):
            readable = context.door.open(principal, entry.binding, reads=[entry.binding])
            if readable.live is not None:
                readable = context.door.fetching.brought(
                    principal, readable, context.temp_folder(processes.identity()), None, run_id
                )
            ports[entry.binding] = readable
            selects[name] = f"SELECT * FROM {readable.relation}"
            continue
        bound = context.source(product.address, name)
        sources[name] = opened(bound)
        session.reads(source_files(bound.files, name, product.address))
        make = session.table if readers.get(name, 0) > 1 else session.view
        make(name, f"SELECT * FROM {bound.relation()}")
    return Inputs(ports, sources, selects)


def source_files(files: Mapping[str, str], name: str, product: ProductAddress) -> list[SourceFile]:
    """The files of a source, by path as read, with the input port that they are read for."""
    return [SourceFile(path, shown, f"input port `{name}` of `{product}`") for path, shown in files.items()]
