"""Deprecated ports in a plan: whom it tells that they end, and what it does not build any more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from weft.errors import Diagnostic, Severity, Where, error, warning
from weft.model.address import Address, ProductAddress
from weft.model.lifecycle import EndOfLife, end_of_life
from weft.model.mesh import InputPort, Mesh, OutputPort, Product, Status

if TYPE_CHECKING:
    from weft.plan.planner import Registered


class Endings:
    """Which ports are deprecated and how they end: as the files declare it, else as it is registered."""

    def __init__(self, mesh: Mesh, registered: Registered) -> None:
        self.today = registered.today
        self._mesh = mesh
        self._ports = registered.ports
        self._products = registered.products
        self._declared: Mapping[Address, OutputPort] = {p.address: p for p in mesh.ports()}
        self._known: dict[Address, EndOfLife | None] = {}

    def of(self, address: Address) -> EndOfLife | None:
        """The end of a deprecated port; None for every other."""
        if address not in self._known:
            self._known[address] = self._found(address)
        return self._known[address]

    def passed(self, address: Address) -> EndOfLife | None:
        """The end of a port when it has passed."""
        end = self.of(address)
        return end if end is not None and end.passed(self.today) else None

    def _found(self, address: Address) -> EndOfLife | None:
        port = self._declared.get(address)
        if port is not None:
            if port.status is not Status.DEPRECATED:
                return None
            descriptor = self._mesh.products[address.of_product].descriptor.document.data
            return end_of_life(address, port.contract.data, descriptor, self._majors())
        state = self._ports.get(address)
        if state is None or state.retired or state.status != Status.DEPRECATED:
            return None
        record = self._products.get(address.of_product)
        return end_of_life(address, state.contract, record.document if record else {}, self._majors())

    def _majors(self) -> dict[Address, str]:
        registered = {a: str(Status.RETIRED) if s.retired else s.status for a, s in self._ports.items()}
        return registered | {a: str(p.status) for a, p in self._declared.items()}

    # what a plan says

    def stops(self, port: OutputPort) -> Diagnostic | None:
        """Why a port is not published any more."""
        end = self.passed(port.address)
        if end is None:
            return None
        return error(
            "WFT-PLN-011",
            f"`{port.address}` is deprecated, {end.in_words(self.today)}: it is not published any more",
            _status(port),
            why="what is served would go on past the date that its readers were told",
            fix="set `status: retired`, or a later end of life",
        )

    def stops_reader(self, port: Address, entry: InputPort) -> Diagnostic | None:
        """Why a port is not built from an input port any more."""
        assert isinstance(entry.binding, Address), "sources do not end"
        end = self.passed(entry.binding)
        return None if end is None else self._read(f"`{port}`", entry.binding, end, entry.where, Severity.ERROR)

    def warnings(
        self, ports: Iterable[Address], readers: Mapping[Address, Sequence[ProductAddress]]
    ) -> list[Diagnostic]:
        """What the owners of deprecated ports are told, and the products that read them.

        Args:
            ports: those that the plan is about.
            readers: registered readers of the deprecated ones among them.
        """
        products = sorted({a.of_product for a in ports})
        found = [self._owned(self._declared[a], end, readers.get(a, ())) for a, end in self.own(ports).items()]
        for address in products:
            product = self._mesh.products.get(address)
            found += self._inputs(product) if product else []
        return found

    def own(self, ports: Iterable[Address]) -> dict[Address, EndOfLife]:
        """Those of the ports that are deprecated in the files and not yet over."""
        ends = {a: end for a in ports if a in self._declared and (end := self.of(a)) is not None}
        return {a: ends[a] for a in sorted(ends) if not ends[a].passed(self.today)}

    def _owned(self, port: OutputPort, end: EndOfLife, registered: Sequence[ProductAddress]) -> Diagnostic:
        left = {str(r) for r in registered if r not in self._mesh.products}
        left |= {str(p.address) for p in self._mesh.products.values() for i in p.inputs if i.binding == port.address}
        return warning(
            "WFT-ACC-006",
            f"`{port.address}` is deprecated, {end.in_words(self.today)}",
            _status(port),
            why=f"still read by {', '.join(sorted(left))}" if left else "no product reads it any more",
            fix=_advice(port, end, self._majors(), bool(left)),
        )

    def _inputs(self, product: Product) -> list[Diagnostic]:
        found = []
        for entry in product.inputs:
            if not isinstance(entry.binding, Address):
                continue
            end = self.of(entry.binding)
            if end is not None:
                name = f"input port `{entry.name}` of `{product.address}`"
                found.append(self._read(name, entry.binding, end, entry.where, Severity.WARNING))
        return found

    def _read(self, reader: str, upstream: Address, end: EndOfLife, where: Where, severity: Severity) -> Diagnostic:
        what = f"{reader} reads `{upstream}`, which is deprecated, {end.in_words(self.today)}"
        passed = end.passed(self.today)
        why = "nobody can read it any more" if passed else "it cannot be built afterwards" if end.day else None
        fix = "ask its owner what takes its place"
        if end.successor is not None:
            fix = f"bind its successor: `weft.port: {end.successor}`"
        return Diagnostic("WFT-PLN-012", severity, what, where, why, fix)


def _status(port: OutputPort) -> Where:
    """Where a port is called deprecated: in its contract, or in the descriptor of its product."""
    return port.contract.where(("status",)) if port.contract.status == Status.DEPRECATED else port.where


def _advice(port: OutputPort, end: EndOfLife, majors: Mapping[Address, str], read: bool) -> str:
    if end.day is None:
        return "name its last day: `slaProperties: [{property: endOfLife, value: 2026-12-31}]`"
    if end.successor is not None and majors.get(end.successor) in (None, Status.RETIRED):
        return f"name a successor that is served: there is no `{end.successor}`"
    if end.successor is None and read:
        return f"name what takes its place: `weft.successor`, or a major above {port.address.major}"
    return "set `status: retired` when nobody reads it any more"
