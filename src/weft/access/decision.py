"""The one decision: what a principal may read of a port. Pure; denies by default."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.access.layers import Layer, Reason, layer_of, united
from weft.access.masks import NULL, Mask, milder
from weft.access.principals import Principal, PrincipalKind
from weft.access.rights import Basis, reader_of, rights
from weft.model.address import Address
from weft.model.lifecycle import open_to
from weft.model.odcs import published_contract
from weft.model.publication import PortState

if TYPE_CHECKING:
    from weft.model.lifecycle import EndOfLife

_NO_BASIS = Basis()
READS = frozenset({"", "read", "read-only", "readonly", "select", "r"})
"""What a role of a contract may call its access where it lets one read; `read/write` begins with one of them."""


class Decision(Struct, frozen=True):
    """What a principal may read of a port, and the reason.

    Attributes:
        columns: names of the columns that may be read; empty when `allowed` is false.
        code: of the error when it is.
        masks: of columns that are not shown as they are. Where several grants show different rows, the strictest that
            any row has.
        row_filter: a DuckDB condition over the port's rows, with the reader's attributes as literals; None: all rows.
        reasons: why each column, mask, filter and refusal is as it is.
        grants: ids of the grants that it rests on.
        version: changes when anything moves that bears on which rows and values are shown.
        layers: what each account gives, which `relation` puts together.
        whole: whether nothing is left out, masked or filtered: only then files may be handed out.
    """

    allowed: bool
    columns: tuple[str, ...]
    reason: str
    code: str = "WFT-ACC-002"
    masks: Mapping[str, Mask] = {}
    row_filter: str | None = None
    reasons: tuple[Reason, ...] = ()
    grants: tuple[str, ...] = ()
    version: str = ""
    layers: tuple[Layer, ...] = ()
    whole: bool = False


def decide_quarantine(principal: Principal, port: PortState) -> Decision:
    """Whether a principal may read the rows that were left out of a port: its owner alone, and no product."""
    if principal.kind is PrincipalKind.OWNER and not port.retired:
        columns = tuple(c.name for c in port.quarantine.manifest.columns) if port.quarantine else ()
        return Decision(True, columns, f"`{principal.name}` owns this mesh", whole=True)
    if port.retired:
        return Decision(False, (), f"`{port.address}` is retired")
    return Decision(False, (), f"rows in quarantine are for the owner of `{port.address}` alone")


def decide(
    principal: Principal,
    port: PortState,
    reads: Collection[Address] = (),
    end: EndOfLife | None = None,
    today: dt.date = dt.date.min,
    basis: Basis = _NO_BASIS,
) -> Decision:
    """What a principal may read of a port.

    Args:
        reads: the input ports that a product has declared; a product reads these and nothing else.
        end: the end of a deprecated port: nobody reads it afterwards, but its own product while that is built.
        today: the day of the read.
        basis: grants, policies, and what the read is for.
    """
    if port.retired:
        return Decision(False, (), f"`{port.address}` is retired: nobody reads it any more, its snapshots are kept")
    own = principal.kind is PrincipalKind.PRODUCT and principal.name == str(port.address.of_product)
    if end is not None and end.passed(today) and not own:
        reason = f"`{port.address}` is deprecated, {end.in_words(today)}; its snapshots are kept"
        return Decision(False, (), reason, "WFT-ACC-007")
    if principal.kind is PrincipalKind.OWNER:
        every = tuple(c.name for c in port.columns)
        reason = f"`{principal.name}` owns this mesh"
        return Decision(True, every, reason, version=_version("owner", every), whole=True)
    if not _open(principal, port):
        return Decision(False, (), f"`{port.address}` is a draft, which is for its own domain, {port.address.domain}")
    if basis.policies.broken:
        file = basis.policies.file or "an access policy"
        why = f"something is wrong in `{file}`, and what it was to hide cannot be known"
        return Decision(False, (), why, "WFT-ACC-036")
    return _decided(principal, port, reads, basis)


def _open(principal: Principal, port: PortState) -> bool:
    domains = [principal.domain] if principal.domain is not None else list(principal.roles)
    return open_to(port.status, port.address, port.address.domain if port.address.domain in domains else "")


def _decided(principal: Principal, port: PortState, reads: Collection[Address], basis: Basis) -> Decision:
    reader = reader_of(principal, port.address, basis.policies)
    found, denied = [], []
    contract = published_contract(port)
    for right in rights(reader, port.address, reads, basis, reading_roles(port.contract)):
        made = layer_of(reader, right, port, contract, basis.policies, basis.inherited)
        if isinstance(made, Reason):
            denied.append(made)
        else:
            found.append(made)
    if not found:
        if denied:
            return Decision(False, (), denied[0].sentence, reasons=tuple(dict.fromkeys(denied)))
        for_it = f" for `{basis.purpose}`" if basis.purpose is not None else ""
        return Decision(False, (), f"`{principal.name}` has no grant on `{port.address}`{for_it}")
    layers = united(found)
    columns = tuple(c.name for c in port.columns if any(c.name in layer.cells for layer in layers))
    if not columns:
        reasons = tuple(dict.fromkeys(r for layer in found for r in layer.reasons))
        return Decision(False, (), f"no column of `{port.address}` is left for `{principal.name}`", reasons=reasons)
    masks = {name: mask for name in columns if (mask := _strictest(name, layers)) is not None}
    conditions = [layer.condition for layer in layers]
    row_filter = None if None in conditions else " OR ".join(f"({c})" for c in conditions)
    whole = not masks and row_filter is None
    return Decision(
        True,
        columns,
        found[0].right.why,
        masks=masks,
        row_filter=row_filter,
        reasons=tuple(dict.fromkeys(r for layer in found for r in layer.reasons)),
        grants=tuple(dict.fromkeys(layer.right.grant for layer in found if layer.right.grant is not None)),
        version=_version(principal.written, columns, *(repr(layer.shown) for layer in layers)),
        layers=layers,
        whole=whole and len(columns) == len(port.columns),
    )


def reading_roles(contract: Mapping[str, object]) -> tuple[str, ...]:
    """The roles of a contract that read (Source: ODCS, `roles`)."""
    listed = contract.get("roles")
    entries = [e for e in listed if isinstance(e, Mapping)] if isinstance(listed, list | tuple) else []
    found = []
    for entry in entries:
        access = str(entry.get("access") or "").strip().lower()
        if access in READS or access.startswith(("read", "select")):
            found.append(str(entry.get("role")))
    return tuple(found)


def _strictest(name: str, layers: tuple[Layer, ...]) -> Mask | None:
    """The strictest mask that a column has in any row."""
    masks = [layer.cells[name].mask if name in layer.cells else NULL for layer in layers]
    found = masks[0]
    for mask in masks[1:]:
        found = mask if milder(found, mask) == found else found
    return found


def _version(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
