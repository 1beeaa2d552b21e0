"""Rolling a port back: earlier rows are shown again, and the port is pinned to them."""

from __future__ import annotations

from msgspec.structs import replace

from weft.access.principals import Principal
from weft.errors import Diagnostic, UsageError, error
from weft.model.address import Address
from weft.model.checks import count
from weft.model.odcs import published_contract
from weft.registry.readers import readers_of
from weft.runs import following
from weft.runs.context import Context, new_run_id
from weft.runs.results import RolledBack
from weft.runs.verification import broken, check_rows, names_in_record, other_tables


def roll_back(address: Address, snapshot_id: str, reason: str, principal: Principal, context: Context) -> RolledBack:
    """Publishes the rows of an earlier snapshot under today's contract.

    Raises:
        UsageError: WFT-ACC-001 no such port, WFT-RUN-005 no such snapshot, WFT-RUN-006 its rows break today's contract.
        Conflict: WFT-RUN-001, the port moved meanwhile.
    """
    registry = context.registry
    opened = context.door.open(principal, address, snapshot_id)
    address = opened.publication.address
    state = registry.port(address)
    assert state is not None, "an opened port is registered"
    if state.snapshot_id == snapshot_id:
        raise UsageError(error("WFT-RUN-006", f"`{address}` shows snapshot {snapshot_id} already"))
    contract = published_contract(state)
    with context.engine.session() as session:
        names = names_in_record(registry.products().get(address.of_product), registry.ports())
        others = other_tables(contract, names, {}, principal, context)
        checks = check_rows(session, contract, opened.relation, others, context.now())
    wrong = broken(address, checks)
    if wrong is not None:
        raise UsageError(
            error(
                "WFT-RUN-006",
                f"`{address}` cannot go back to snapshot {snapshot_id}",
                why=f"its rows do not keep the contract of version {state.version}",
                fix="choose a later snapshot, or change the contract first",
            ),
            *(Diagnostic(d.code, d.severity, d.what, d.where, d.why) for d in wrong.diagnostics),
        )
    run_id = new_run_id(context.now())
    published = registry.rollback(
        replace(
            opened.publication,
            run_id=run_id,
            version=state.version,
            status=state.status,
            contract=state.contract,
            digests=replace(state.digests, fingerprint=opened.publication.digests.fingerprint),
            checks=count(checks),
            published_at=context.now(),
            published_by=context.actor,
            override=None,  # its rows keep every rule
        ),
        expected_revision=state.revision,
        reason=reason,
        actor=context.actor,
        at=context.now(),
    )
    for told in following.follow(address, published.snapshot_id, None, context):
        context.progress.note(told.what)
    stale = tuple(str(p) for p in readers_of(registry, address, registry.ports()))
    return RolledBack(address, state.snapshot_id, snapshot_id, stale)
