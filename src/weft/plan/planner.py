"""Desired against registered: the plan."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import Diagnostic
from weft.model.address import Address, ProductAddress
from weft.model.mesh import BUILT, Mesh, OutputPort, Product, Status
from weft.model.odcs import published_contract
from weft.model.publication import QUARANTINE, KeptTable, PortState
from weft.model.records import ProductRecord
from weft.plan import gate, landing, order, selection
from weft.plan.backfill import backfilled, require_any
from weft.plan.changed_models import what_changed
from weft.plan.desired import PENDING, Desired, as_columns
from weft.plan.impact import Impact, Reach
from weft.plan.keeping import TABLE, Window, computed_anew
from weft.plan.losing import lost_tables, retyped
from weft.plan.values import Action, Change, ContractMove, Plan, Stage, StageKind

if TYPE_CHECKING:
    from weft.contracts.comparing.compatibility import Comparison
    from weft.plan.ending import Endings


class Registered(Struct, frozen=True):
    """What the registry held when it was read, and the day (UTC) of that: by it overrides and ports have ended.

    Attributes:
        shared: whether other repositories publish there, so that only domains that are declared here are one's own.
    """

    ports: Mapping[Address, PortState]
    products: Mapping[ProductAddress, ProductRecord]
    today: dt.date
    tables: Sequence[KeptTable] = ()
    shared: bool = False


def comparison(port: OutputPort, state: PortState) -> Comparison:
    """How a port's contract moves against the published one."""
    from weft.contracts.comparing.compatibility import changes  # not needed while nothing moves

    return changes(published_contract(state), port.contract)


def make_plan(
    mesh: Mesh,
    products: Sequence[Product],
    desired: Mapping[Address, Desired],
    registered: Registered,
    impact: Impact,
    *,
    select: Sequence[str] = (),
    full_refresh: bool = False,
    refreshed: Collection[Address] | None = None,
    window: Window | None = None,
) -> Plan:
    """The plan that makes the selected ports what their files want.

    `products` stand in the order of dependencies; `desired` holds every port whose files are right.
    `refreshed` are ports that were built since the full refresh, or the window, was asked for; None: that is now.

    Raises:
        UsageError: WFT-PLN-017, a window is asked for and no selected port is built by time.
    """
    own = {a for a, s in registered.ports.items() if not s.retired and _owned(mesh, registered, a.of_product)}
    declared = {p.address: p for p in mesh.ports()}
    endings = _endings(mesh, registered)

    def moved() -> list[Address]:
        every = _changes(list(desired), desired, registered, endings)
        return [c.address for c in every if c.action is not Action.NONE]

    wanted = selection.select(
        select,
        {*declared, *own},
        order.reads(mesh),
        tags=lambda a: _tags(mesh, declared.get(a)),
        changed=moved,
    )
    in_order = [p.address for product in products for p in product.outputs if p.address in wanted]
    refresh = dict.fromkeys(in_order, "a full refresh was asked for") if full_refresh else {}
    if window is not None:
        refresh = backfilled([desired[a] for a in in_order if a in desired], window)
        if refreshed is None:
            require_any(refresh)
    refresh = {a: why for a, why in refresh.items() if a not in (refreshed or ())}
    planned = _changes(in_order, desired, registered, endings, refresh)
    planned = _handed_on([*planned, *_retirements(wanted, declared, own, named=bool(select))], registered.ports)

    objections: list[Diagnostic] = [d for d in mesh.diagnostics if not select or _concerns(d, wanted, mesh)]
    objections += [c.stopped for c in planned if c.stopped is not None]
    planned = _moved(planned, desired, registered.ports, impact)
    reached = Reach()
    gone = _gone(planned, registered.ports)
    for change in planned:
        port, state = declared.get(change.address), registered.ports.get(change.address)
        if change.action is Action.RETIRE:
            objections += gate.readers_left(
                change.address, impact.readers(change.address, registered.ports), mesh, gone
            )
        elif port is not None and state is not None and not state.retired and change.contract is not None:
            verdict = comparison(port, state)
            reach = impact.of(change.address, verdict, registered.ports)
            reached += reach
            majors = [a.major or 0 for a in {*declared, *registered.ports} if a.unpinned == change.address.unpinned]
            objections += gate.contract_moves(port, state, verdict, reach, max(majors))
        if change.moved is not None:
            reached += impact.of_values(change.address, change.moved, registered.ports)
    reached = reached.settled()
    if endings is not None:
        readers = {a: impact.readers(a, registered.ports) for a in endings.own(wanted)}
        told = {c.stopped.where for c in planned if c.stopped is not None}
        objections += [w for w in endings.warnings(wanted, readers) if w.where not in told]
    objections += gate.ended_overrides(
        [registered.ports[c.address] for c in planned if c.address in registered.ports], registered.today
    )
    objections += gate.other_owners(mesh, registered.products, {a.of_product for a in wanted})
    if not full_refresh:
        built = [desired[c.address] for c in planned if c.address in desired and c.action is not Action.NONE]
        objections += lost_tables(built, registered.ports, registered.tables)
    objections += gate.missing_upstream(
        [desired[c.address] for c in planned if c.address in desired], planned, registered.ports
    )
    return Plan(
        mesh=mesh.name,
        requires=_requires(mesh, [desired[a] for a in in_order if a in desired], registered.ports),
        changes=tuple(planned),
        affected=reached.affected,
        objections=tuple(dict.fromkeys(objections)),
        stages=_stages(planned, desired, registered.ports),
        selection=tuple(select),
        full_refresh=full_refresh,
        window=window,
        unaffected=reached.unaffected,
        spared=reached.spared,
        truncated=reached.truncated,
    )


def _changes(
    addresses: Sequence[Address],
    desired: Mapping[Address, Desired],
    registered: Registered,
    endings: Endings | None,
    refresh: Mapping[Address, str] = MappingProxyType({}),
) -> list[Change]:
    """The change of each address; an upstream that is built in the same plan rebuilds what reads it.

    `refresh` are those that are built again whatever has moved, each with the reason.
    A port whose end of life has passed stays as it is, and so does what would be built from one.
    """
    done: dict[Address, Change] = {}
    for address in addresses:
        wanted = desired.get(address)
        if wanted is None:
            continue
        building = {a for a, c in done.items() if c.action in (Action.CREATE, Action.REBUILD)}
        change = _change(wanted, registered, building, refresh.get(address))
        stopped = _stopped(change, wanted, endings, done, registered.ports) if endings is not None else None
        done[address] = stopped or change
    return list(done.values())


def _moved(
    planned: Sequence[Change],
    desired: Mapping[Address, Desired],
    registered: Mapping[Address, PortState],
    impact: Impact,
) -> list[Change]:
    """The changes, where one that builds a published port anew says which columns a change of its models moves."""
    found = []
    for change in planned:
        if change.action is Action.REBUILD:
            change = replace(change, moved=impact.moved(desired[change.address], registered[change.address]))
        found.append(change)
    return found


def _endings(mesh: Mesh, registered: Registered) -> Endings | None:
    """How deprecated ports end; None where there is none, as in most meshes."""
    if not any(p.status is Status.DEPRECATED for p in mesh.ports()) and not any(
        s.status == Status.DEPRECATED for s in registered.ports.values()
    ):
        return None
    from weft.plan.ending import Endings

    return Endings(mesh, registered)


def _stopped(
    change: Change,
    wanted: Desired,
    endings: Endings,
    done: Mapping[Address, Change],
    registered: Mapping[Address, PortState],
) -> Change | None:
    """The change that keeps a port as it is, when it or something that it would be built from has ended."""
    address, port = change.address, wanted.port
    if port.status in BUILT and (ended := endings.stops(port)) is not None:
        return Change(address, Action.NONE, "its end of life has passed", change.contract, ended)
    if change.action not in (Action.CREATE, Action.REBUILD):
        return None
    for entry in wanted.inputs:
        if not isinstance(entry.binding, Address):
            continue
        ended = endings.stops_reader(address, entry)
        if ended is not None:
            reason = f"the end of life of `{entry.binding}` has passed"
            return Change(address, Action.NONE, reason, change.contract, ended)
        before = done.get(entry.binding)
        if before is not None and before.stopped is not None and entry.binding not in registered:
            reason = f"`{entry.binding}` is not published"
            return Change(address, Action.NONE, reason, change.contract, before.stopped)
    return None


def _change(wanted: Desired, registered: Registered, building: set[Address], refresh: str | None) -> Change:
    port = wanted.port
    state = registered.ports.get(port.address)
    if port.status not in BUILT:
        if state is not None and not state.retired:
            return Change(port.address, Action.RETIRE, f"its status is {port.status}")
        return Change(port.address, Action.NONE, f"its status is {port.status}: checked only")
    if state is None or state.retired:
        move = ContractMove(None, port.contract.version_text, "none")
        return Change(port.address, Action.CREATE, "not published yet" if state is None else "was retired", move)
    digests = wanted.digests()
    moved: ContractMove | None = None
    if digests.texts != state.digests.texts or digests.rules != state.digests.rules:
        verdict = comparison(port, state)
        moved = ContractMove(
            state.version,
            port.contract.version_text,
            verdict.verdict,
            tuple(c.as_json() for c in verdict.changes),
        )
    if refresh is not None:
        return Change(port.address, Action.REBUILD, refresh, moved)
    reasons = _reasons(wanted, state, building)
    if reasons:
        return Change(port.address, Action.REBUILD, "; ".join(reasons), moved)
    if state.override is not None and state.override.ended(registered.today):
        reason = f"the override of its failed checks ended on {state.override.until}"
        return Change(port.address, Action.REBUILD, reason, moved)
    pin = f"pinned by a rollback: {state.pinned}" if state.pinned is not None else None
    its_rows = f"; its rows stay {pin}" if pin else ""
    if digests.rules != state.digests.rules:
        if pin is None and port.live is not None:
            return Change(port.address, Action.REBUILD, "its rules changed", moved)
        if pin is None and (state.quarantine is not None or QUARANTINE in port.contract.custom):
            reason = "its rules changed, and with them which rows go to quarantine"
            return Change(port.address, Action.REBUILD, reason, moved)
        return Change(port.address, Action.UPDATE, f"its rules changed{its_rows}", moved)
    if digests.texts != state.digests.texts:
        was, now = state.status, str(port.status)
        told = "its descriptions changed" if was == now else f"its status is `{now}`, was `{was}`"
        return Change(port.address, Action.UPDATE, f"{told}{its_rows}", moved)
    return Change(port.address, Action.NONE, pin or "nothing to do", moved)


def _reasons(wanted: Desired, state: PortState, building: set[Address]) -> list[str]:
    """Why rows must be computed anew, in words."""
    reasons = [
        f"upstream `{i.binding}` is built in this plan"
        for i in wanted.inputs
        if isinstance(i.binding, Address) and i.binding in building
    ]
    before = state.held if state.pinned is not None and state.held is not None else state.parts
    for name in sorted({*wanted.parts, *before}):
        if wanted.parts.get(name) == before.get(name):
            continue
        kind, _, rest = name.partition(":")
        if kind == "upstream":
            if not any(f"`{rest}`" in r for r in reasons):
                reasons.append(f"upstream `{rest}` moved")
        elif kind == "python" and name not in wanted.parts and wanted.parts.get("sql") != before.get("sql"):
            continue  # there is no model in Python any more: the models say it
        elif kind == "source" and wanted.port.live is not None:
            reasons.append(landing.reason_of_live(wanted.port.live))
        elif kind == "source":
            reasons.append(landing.reason(rest, wanted.parts.get(name)))
        else:
            python = kind == "sql" and any(m.python is not None for m in wanted.models)
            whose = what_changed(wanted, state.model_digests) if kind == "sql" and before is state.parts else None
            reasons.append(whose or _MOVED["code" if python else kind])
    if reasons and not wanted.port.model.kept.whole:
        anew = computed_anew(wanted.port.model.kept, state.parts, wanted.parts) or retyped(
            state.columns, as_columns(wanted)
        )
        reasons.append("all its rows are computed anew" if anew else "it goes on from the rows that it has")
    return reasons


_MOVED = {
    TABLE: "how its rows are kept changed",
    "sql": "its SQL changed",
    "code": "its SQL or Python changed",
    "python": "the Python that its models run with changed, or a package of theirs",
    "contract": "the columns of its contract changed",
    "weft": "this version of weft computes rows differently",
}


def _retirements(
    wanted: frozenset[Address], declared: Mapping[Address, OutputPort], own: set[Address], *, named: bool
) -> list[Change]:
    """Ports whose files are gone: never implied by a SELECT that does not name them."""
    return [
        Change(a, Action.RETIRE, "its files are gone") for a in sorted(own - set(declared)) if a in wanted or not named
    ]


def _handed_on(planned: Sequence[Change], registered: Mapping[Address, PortState]) -> list[Change]:
    """The changes, where one that retires a default major says what the address without a major means afterwards."""
    going = {c.address for c in planned if c.action is Action.RETIRE}
    found = []
    for change in planned:
        state = registered.get(change.address)
        if change.action is Action.RETIRE and state is not None and state.default:
            name = change.address.unpinned
            left = [a for a, s in registered.items() if a.unpinned == name and not s.retired and a not in going]
            left = left or [c.address for c in planned if c.action is Action.CREATE and c.address.unpinned == name]
            if left:
                newest = max(left, key=lambda a: a.major or 0)
                change = replace(change, reason=f"{change.reason}; `{name}` will mean `{newest}`")
        found.append(change)
    return found


def _gone(planned: Sequence[Change], registered: Mapping[Address, PortState]) -> set[ProductAddress]:
    """Products that read nothing any more, since all their ports are retired by the plan or were before."""
    retired = {c.address for c in planned if c.action is Action.RETIRE}
    alive = {a.of_product for a, s in registered.items() if not s.retired and a not in retired}
    return {a.of_product for a in registered} - alive


def _stages(
    planned: Sequence[Change], desired: Mapping[Address, Desired], registered: Mapping[Address, PortState]
) -> tuple[Stage, ...]:
    """What a run has to do, product by product; a change of texts alone is not verified again."""
    stages: list[Stage] = []
    by_product: dict[ProductAddress, list[Change]] = {}
    for change in planned:
        if change.action is not Action.NONE:
            by_product.setdefault(change.address.of_product, []).append(change)
    for product, its in by_product.items():
        built = [c.address for c in its if c.action in (Action.CREATE, Action.REBUILD)]
        stages += landing.stages(product, [desired[a] for a in built])
        for change in its:
            address = str(change.address)
            if change.action is Action.RETIRE:
                stages.append(Stage(StageKind.RETIRE, address))
                continue
            if change.action is Action.UPDATE:
                stages.append(Stage(StageKind.DESCRIBE, address))
                if desired[change.address].rules == registered[change.address].digests.rules:
                    continue
            else:
                stages.append(Stage(StageKind.BUILD, address))
            stages.append(Stage(StageKind.VERIFY, address))
        stages.append(Stage(StageKind.PUBLISH, str(product)))
    return tuple(stages)


def _requires(mesh: Mesh, ports: Sequence[Desired], registered: Mapping[Address, PortState]) -> dict[str, str]:
    """Exactly what the plan read: own ports, upstream ports, sources, and the files of the repository."""
    needed = {f"file:{path}": digest for path, digest in mesh.files.items()}
    for wanted in ports:
        needed[f"port:{wanted.port.address}"] = _revision(registered, wanted.port.address)
        for entry in wanted.inputs:
            if isinstance(entry.binding, Address):
                needed[f"port:{entry.binding}"] = _revision(registered, entry.binding)
            else:
                version = wanted.parts.get(f"source:{entry.name}", PENDING)
                needed[f"source:{wanted.product.address}.{entry.name}"] = version
    return needed


def _revision(registered: Mapping[Address, PortState], address: Address) -> str:
    state = registered.get(address)
    return str(state.revision) if state else "0"


def _owned(mesh: Mesh, registered: Registered, product: ProductAddress) -> bool:
    record = registered.products.get(product)
    if registered.shared and product.domain not in mesh.domains:
        return False
    return record is not None and record.owner == mesh.name


def _tags(mesh: Mesh, port: OutputPort | None) -> set[str]:
    if port is None:
        return set()
    product = mesh.products[port.address.of_product]
    domain = mesh.domains.get(port.address.domain)
    return {*port.contract.tags, *product.descriptor.tags, *(domain.tags if domain else ())}


def _concerns(diagnostic: Diagnostic, wanted: frozenset[Address], mesh: Mesh) -> bool:
    """Whether a warning stands in a file of a selected product."""
    if diagnostic.where is None:
        return True
    folders = {
        mesh.products[a.of_product].descriptor.document.file.rpartition("/")[0]
        for a in wanted
        if a.of_product in mesh.products
    }
    return any(diagnostic.where.file.startswith(f"{folder}/") for folder in folders)
