"""What is left of an apply when something moved meanwhile: which ports are planned again, and what came of both."""

from __future__ import annotations

from collections.abc import Collection

from weft.errors import Conflict
from weft.model.address import Address
from weft.model.mesh import Mesh
from weft.runs.results import ApplyResult, Failed

ROUNDS = 20
"""How often an apply plans anew at most. Each time another run has published, so that few are ever needed."""


def left(done: ApplyResult, mesh: Mesh) -> tuple[Address, ...]:
    """Ports that another run has moved meanwhile, and those that were skipped for no other reason."""
    lost = tuple(f.address for f in done.failed if _lost(f))
    failed = {f.address.of_product for f in done.failed if not _lost(f)}
    waiting = []
    for one in done.skipped if lost else ():  # as planned: what a product reads stands before it
        product = mesh.products.get(one.address.of_product)
        reads = {i.binding.of_product for i in product.inputs if isinstance(i.binding, Address)} if product else set()
        if failed & {one.address.of_product, *reads}:
            failed.add(one.address.of_product)
        else:
            waiting.append(one.address)
    return (*lost, *waiting)


def together(first: ApplyResult, second: ApplyResult, again: Collection[Address]) -> ApplyResult:
    """What came of an apply and of a second one of some of its ports."""
    return ApplyResult(
        second.run_id or first.run_id,
        first.published + second.published,
        tuple(s for s in first.skipped if s.address not in again) + second.skipped,
        tuple(f for f in first.failed if f.address not in again) + second.failed,
        first.unchanged + second.unchanged,
        first.retired + second.retired,
        first.seconds + second.seconds,
        first.warnings + second.warnings,
        tuple(w for w in first.waiting if w.address not in again) + second.waiting,
    )


def _lost(failed: Failed) -> bool:
    return isinstance(failed.error, Conflict) and {d.code for d in failed.diagnostics} == {"WFT-RUN-001"}
