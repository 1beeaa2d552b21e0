"""Ports that cannot be planned: nothing is known of a source from which they are made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from weft.errors import Diagnostic, WeftError, Where, warning
from weft.model.address import Address, ProductAddress
from weft.model.mesh import BUILT, InputPort, Mesh, OutputPort, Product
from weft.plan import selection
from weft.plan.order import reads

AwaySources = Mapping[tuple[ProductAddress, str], WeftError]
"""By product and input port: why a source could not be asked, of which nothing was landed."""


def told(product: ProductAddress, entry: InputPort, error: WeftError) -> Diagnostic:
    """What a plan says of such a source; what else is planned goes on."""
    what = f"input port `{entry.name}` of `{product}` is not known: nothing of it was landed here"
    why = "; ".join(d.what + (f": {d.why}" if d.why else "") for d in error.diagnostics)
    fix = next((d.fix for d in error.diagnostics if d.fix), None)
    return warning("WFT-SRC-050", what, _place(error) or entry.where, why=why, fix=fix)


def unplanned(order: Sequence[Product], sources: AwaySources, planned: Mapping[Address, object]) -> dict[Address, str]:
    """The ports that are made from such sources, and could not be planned, each with the input port that is meant."""
    found: dict[Address, str] = {}
    if not sources:
        return found
    for product in order:
        for port in product.outputs:
            if port.status not in BUILT or port.address in planned:
                continue
            for entry in _inputs(product, port):
                if (product.address, entry.name) in sources or entry.binding in found:
                    found[port.address] = entry.name
                    break
    return found


def selected(
    ports: Mapping[Address, str], select: Sequence[str], mesh: Mesh, registered: Iterable[Address]
) -> list[Address]:
    """Those of the ports that the SELECT arguments mean, in their order."""
    declared = {p.address: p for p in mesh.ports()}
    wanted = selection.select(
        select,
        {*declared, *registered},
        reads(mesh),
        tags=lambda a: declared[a].contract.tags if a in declared else (),
        changed=lambda: ports,
    )
    return [a for a in ports if a in wanted]


def _inputs(product: Product, port: OutputPort) -> list[InputPort]:
    names = {r.name for m in product.needs(port.model) for r in m.references}
    return [i for i in product.inputs if i.name in names]


def _place(error: WeftError) -> Where | None:
    return next((d.where for d in error.diagnostics if d.where is not None), None)
