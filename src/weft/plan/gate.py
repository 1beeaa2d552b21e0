"""What stands against a plan: objections."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from weft.errors import Diagnostic, Severity, error
from weft.model.address import Address, ProductAddress
from weft.model.lifecycle import open_to
from weft.model.mesh import Mesh, OutputPort, Status
from weft.model.publication import PortState
from weft.model.records import ProductRecord
from weft.model.version import parse_version
from weft.plan.desired import Desired
from weft.plan.impact import Reach
from weft.plan.values import Action, Change, Effect

if TYPE_CHECKING:
    from weft.contracts.comparing.compatibility import Comparison


def contract_moves(
    port: OutputPort,
    state: PortState,
    verdict: Comparison,
    reach: Reach,
    newest: int,
) -> list[Diagnostic]:
    """Objections against how a contract moves from its published version; `newest` is the port's highest major."""
    version, published = port.contract.version, parse_version(state.version)
    if version is None or published is None or verdict.verdict == "none":
        return []
    if verdict.verdict == "breaking":
        return [_breaking(port, state, verdict, reach, newest)]
    required = verdict.required_version
    if verdict.verdict == "compatible" and version == published:
        what = f"`{port.address}` version {published} is published and may change its texts only"
    elif version < published:
        what = f"`{port.address}` goes back from version {published} to {version}"
    elif version < required:
        what = f"`{port.address}` promises more than version {published} did, but calls itself {version}"
    else:
        return []
    return [
        error(
            "WFT-CON-005",
            what,
            port.contract.where(("version",)),
            why="; ".join(c.reason for c in verdict.changes if c.verdict != "patch") or None,
            fix=f"write `version: {required}` there and at the port in product.odps.yaml; `weft contract bump "
            f"{port.contract.document.file}` does both",
        )
    ]


def _breaking(
    port: OutputPort,
    state: PortState,
    verdict: Comparison,
    reach: Reach,
    newest: int,
) -> Diagnostic:
    """A breaking change without a new major: a warning while a contract is 0.x or a draft, else an error."""
    assert port.contract.version is not None
    may_break = port.contract.version.major == 0 or port.status is Status.DRAFT
    broken = [c for c in verdict.changes if c.verdict == "breaking"]
    first = broken[0]
    why = "; ".join((*(c.reason for c in broken), *_who(reach)))
    next_major = port.contract.version.next_major()
    folder, _, file = port.contract.document.file.rpartition("/")
    stem = file.split(".")[0].split("@")[0]
    if newest > (port.address.major or 0):
        fix = (
            f"take the change back and make it in a newer major: version {newest + 1}.0.0 is free, and its files are "
            f"`{folder}/{stem}.odcs.yaml` and `{stem}.sql`"
        )
    else:
        fix = (
            f"offer it as version {next_major} beside this one: keep today's files as "
            f"`{folder}/{stem}@{port.address.major}.odcs.yaml` and `{stem}@{port.address.major}.sql`, "
            f"or take the change back"
        )
    what = f"breaking change of `{port.address}` (published {state.version}): {first.reason}"
    if len(broken) > 1:
        what += f" (and {len(broken) - 1} more)"
    severity = Severity.WARNING if may_break else Severity.ERROR
    return Diagnostic("WFT-CON-004", severity, what, port.contract.where(first.pointer), why, fix)


def ended_overrides(states: Sequence[PortState], today: date) -> list[Diagnostic]:
    """An objection for each port that is published against failed checks although the override has ended.

    It does not refuse the plan, which is to check the port again.
    """
    return [
        Diagnostic(
            "WFT-PLN-014",
            Severity.WARNING,
            f"`{state.address}` was published against a failed check, and the override ended on {state.override.until}",
            why=state.override.mark,
            fix="mend the rows and apply: it is checked again as usual",
        )
        for state in states
        if state.override is not None and not state.retired and state.override.ended(today)
    ]


def _who(reach: Reach) -> list[str]:
    """Who depends on what breaks, in words."""
    readers = ", ".join(sorted({str(r) for r in reach.readers}))
    found = []
    breaks = {a.column for a in reach.affected if a.effect is Effect.BREAKS}
    if breaks:
        count = len(breaks)
        found.append(f"{count} column{'' if count == 1 else 's'} downstream depend{'s' if count == 1 else ''} on it")
    if reach.whole and readers:
        found.append(f"it is promised of the whole table, which {readers} reads")
    elif readers and not breaks:
        found.append(f"read by {readers}, none of whose columns depend on it")
    return found


def readers_left(
    address: Address, readers: Sequence[ProductAddress], mesh: Mesh, retired: Collection[ProductAddress]
) -> list[Diagnostic]:
    """An objection when a port goes away that products read, whether they stand in this repository or another one.

    Args:
        readers: products that read it as they are registered.
        retired: products all of whose ports go away in the same plan.
    """
    bound = {p.address: i.where for p in mesh.products.values() for i in p.inputs if i.binding == address}
    elsewhere = [r for r in readers if r not in mesh.products and r not in retired]
    left = sorted(str(r) for r in {*elsewhere, *bound} if r != address.of_product)
    if not left:
        return []
    return [
        error(
            "WFT-PLN-009",
            f"`{address}` cannot be retired: {', '.join(left)} read{'s' if len(left) == 1 else ''} it",
            next(iter(bound.values()), None),
            why="its readers could not be built any more",
            fix="keep its files (beside a newer major as `NAME@MAJOR.odcs.yaml` and `NAME@MAJOR.sql`), "
            "set `status: deprecated` and agree on an end of life with its readers",
        )
    ]


def other_owners(
    mesh: Mesh, registered: Mapping[ProductAddress, ProductRecord], products: set[ProductAddress]
) -> list[Diagnostic]:
    """An objection for each address that another mesh has registered."""
    return [
        error(
            "WFT-PLN-004",
            f"`{address}` belongs to mesh `{registered[address].owner}`",
            mesh.products[address].descriptor.where(),
            why="an address has one owner",
            fix="rename the product's folder or domain",
        )
        for address in sorted(products)
        if address in registered and address in mesh.products and registered[address].owner != mesh.name
    ]


def missing_upstream(
    wanted: Sequence[Desired], planned: Sequence[Change], registered: Mapping[Address, PortState]
) -> list[Diagnostic]:
    """An objection for each port that would be built from a port that neither is published nor will be.

    One that is published as a draft of another domain is as good as not published.
    """
    actions = {c.address: c.action for c in planned}
    found = []
    for one in wanted:
        if actions.get(one.port.address) not in (Action.CREATE, Action.REBUILD):
            continue
        for entry in one.inputs:
            upstream = entry.binding
            if not isinstance(upstream, Address) or actions.get(upstream) is Action.CREATE:
                continue
            state = registered.get(upstream)
            if state is None or state.retired:
                reason = "is not published"
            elif actions.get(upstream, Action.NONE) is Action.NONE and not open_to(
                state.status, upstream, one.port.address.domain
            ):
                reason = "is published as a draft"
            else:
                reason = None
            if reason is not None:
                found.append(
                    error(
                        "WFT-PLN-010",
                        f"`{one.port.address}` reads `{upstream}`, which {reason}",
                        entry.where,
                        fix=f"select it too: `weft apply +{one.port.address}`",
                    )
                )
    return found
